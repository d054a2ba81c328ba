//! How much of the greatest welfare large books keep.

use energy_core::Order;
use market_engine::mechanism::Mechanism;

use crate::books::{book, cleared, market, terms};

fn share_ppm(mechanism: Mechanism, book: &[Order]) -> i128 {
    let outcome = cleared(mechanism, book, &terms(500_000, 80_000, 300_000));
    let certificate = outcome.clearing.certificate;
    assert!(certificate.dual > 0);
    certificate.primal * 1_000_000 / certificate.dual
}

/// Books of 10⁴ orders: finely and coarsely priced, balanced and lopsided, of many sizes and of one.
fn ten_thousand() -> Vec<(&'static str, Vec<Order>)> {
    vec![
        ("untied", market(1, 5_000, 5_000, 1, 1_000)),
        ("tied, 221 prices", market(2, 5_000, 5_000, 1_000, 1_000)),
        ("tied, 23 prices", market(3, 5_000, 5_000, 10_000, 1_000)),
        ("tied, 3 prices", market(4, 5_000, 5_000, 100_000, 1_000)),
        ("many buyers", market(5, 8_000, 2_000, 1, 1_000)),
        ("many sellers", market(6, 2_000, 8_000, 1, 1_000)),
        ("many buyers, tied", market(7, 8_000, 2_000, 10_000, 1_000)),
        ("many sellers, tied", market(8, 2_000, 8_000, 10_000, 1_000)),
        ("very many buyers", market(9, 9_500, 500, 1, 1_000)),
        (
            "very many sellers, tied",
            market(10, 500, 9_500, 10_000, 1_000),
        ),
        ("one size", market(11, 5_000, 5_000, 1, 1)),
        ("one size, tied", market(12, 5_000, 5_000, 10_000, 1)),
    ]
}

#[test]
fn sbba_and_mcafee_keep_99_percent_of_ten_thousand_orders() {
    for (name, book) in ten_thousand() {
        for mechanism in [Mechanism::McAfee, Mechanism::Sbba] {
            let share = share_ppm(mechanism, &book);
            println!("{name:<24} {mechanism:<8} {share} ppm");
            assert!(share >= 990_000, "{name}, {mechanism}: {share} ppm");
        }
    }
}

#[test]
fn muda_keeps_90_percent_of_ten_thousand_orders() {
    for (name, book) in ten_thousand() {
        let share = share_ppm(Mechanism::Muda, &book);
        println!("{name:<24} muda     {share} ppm");
        assert!(share >= 900_000, "{name}: {share} ppm");
    }
}

#[test]
fn a_book_of_one_price_trades() {
    let rows: Vec<(u64, i64)> = (1..=1_000).map(|n| (n % 7 + 1, 150_000)).collect();
    let offered: u64 = rows.iter().map(|(wh, _)| wh).sum();
    let book = book(&rows, &rows);
    for mechanism in [Mechanism::McAfee, Mechanism::Sbba, Mechanism::Muda] {
        let outcome = cleared(mechanism, &book, &terms(500_000, 80_000, 300_000));
        let price = outcome.clearing.price.map(|price| price.get());
        assert_eq!(price, Some(150_000), "{mechanism}");
        let traded = outcome.clearing.certificate.quantity;
        assert!(
            traded * 10 > u128::from(offered) * 9,
            "{mechanism}: {traded} of {offered}"
        );
    }
}
