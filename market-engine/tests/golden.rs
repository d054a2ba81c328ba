//! The reference cases: books whose optimum was found independently by a linear program, by exact
//! minimisation of the dual, and by a merit-order walk.

use energy_core::{
    Clearing, HomeId, IntervalLength, IntervalStart, MicroPricePerKwh, Order, OrderId, Side,
    WattHours, to_canonical,
};
use market_engine::{BookError, CallAuction, Fees, call_auction, checker};
use serde_json::Value;

const CASES: &str = include_str!("golden/market_cases.json");

fn order(row: &Value) -> Order {
    Order {
        id: OrderId::derived("case", row["id"].as_str().expect("an id").as_bytes()),
        home: HomeId::new(0),
        side: if row["side"] == "bid" {
            Side::Bid
        } else {
            Side::Ask
        },
        quantity: WattHours::new(row["qty_wh"].as_u64().expect("Wh")),
        price: MicroPricePerKwh::new(row["price_micro_per_kwh"].as_i64().expect("a price")),
    }
}

#[test]
fn every_reference_case_clears_as_it_should() {
    let cases: Value = serde_json::from_str(CASES).expect("JSON");
    let cases = cases["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 18);
    let interval = IntervalLength::QUARTER_HOUR.start_at(0).expect("aligned");
    for case in cases {
        let name = case["id"].as_str().expect("a name");
        let rows = case["orders"].as_array().expect("orders");
        let book: Vec<Order> = rows.iter().map(order).collect();
        let expect = &case["expect"];
        let clearing = call_auction(interval, &book, 500_000).expect(name);
        checker::check(interval, &book, &clearing, 500_000).expect(name);

        let certificate = &clearing.certificate;
        assert_eq!(
            certificate.quantity.to_string(),
            expect["qty_max_wh"].as_str().expect("Wh"),
            "{name}"
        );
        let least: u128 = expect["qty_min_wh"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("Wh");
        assert!(least <= certificate.quantity, "{name}");
        assert_eq!(
            certificate.primal.to_string(),
            expect["welfare"].as_str().expect("welfare"),
            "{name}"
        );
        assert_eq!(
            clearing.price_lo.map(MicroPricePerKwh::get),
            expect["price_lo"].as_i64(),
            "{name}"
        );
        assert_eq!(
            clearing.price_hi.map(MicroPricePerKwh::get),
            expect["price_hi"].as_i64(),
            "{name}"
        );
        let middle = expect["price_mid_floor"]
            .as_i64()
            .filter(|_| certificate.quantity > 0);
        assert_eq!(clearing.price.map(MicroPricePerKwh::get), middle, "{name}");

        for (row, order) in rows.iter().zip(&book) {
            let fill = clearing
                .fills
                .iter()
                .find(|fill| fill.order == order.id)
                .expect("one for each");
            let least = row["fill_min_wh"].as_u64().unwrap_or(0);
            let most = row["fill_max_wh"].as_u64().unwrap_or(order.quantity.get());
            assert!(
                (least..=most).contains(&fill.quantity.get()),
                "{name}: {}",
                row["id"]
            );
        }
        money_and_permutation(interval, &book, &clearing, name);
    }
}

/// The columns' money sums to zero, and the reversed book gives the same bytes.
fn money_and_permutation(interval: IntervalStart, book: &[Order], clearing: &Clearing, name: &str) {
    let mut auction = CallAuction::default();
    match auction.clear(interval, book, 500_000, Some(Fees::default())) {
        Ok(cleared) => {
            let amounts = auction
                .amounts()
                .iter()
                .map(|amount| i128::from(amount.get()));
            assert_eq!(amounts.sum::<i128>() + cleared.operator, 0, "{name}");
            assert_eq!(cleared.certificate, clearing.certificate, "{name}");
        }
        // A quantity whose money needs more than 64 bits.
        Err(error) => assert_eq!((name, error), ("huge_vs_tiny", BookError::AmountOverflow)),
    }
    let reversed: Vec<Order> = book.iter().rev().copied().collect();
    let again = call_auction(interval, &reversed, 500_000).expect(name);
    assert_eq!(to_canonical(&again), to_canonical(clearing), "{name}");
}
