//! The figures of a comparison.

use energy_core::{HomeId, MicroPricePerKwh, Order};
use market_engine::compare::compare;
use market_engine::mechanism::Mechanism;
use proptest::prelude::*;

use crate::books::{book, interval, larger_books, some_terms, terms};

#[test]
fn a_small_market_under_all_mechanisms() {
    // One home has both asks.
    let mut book: Vec<Order> = book(&[(10, 300), (10, 200)], &[(10, 100), (20, 160)]);
    book[3].home = book[2].home;
    let rows = compare(interval(), &book, &terms(500_000, 100, 300)).expect("a book");
    let named: Vec<Mechanism> = rows.iter().map(|row| row.mechanism).collect();
    assert_eq!(named, Mechanism::ALL);

    // 20 Wh at 160, where the second ask has a rest: the buyers gain 1400 and 400, the seller 600.
    let auction = &rows[0];
    assert_eq!(auction.quantity, 20);
    assert_eq!(auction.price, Some(MicroPricePerKwh::new(160)));
    assert_eq!((auction.welfare, auction.share_ppm), (2_400, 1_000_000));
    assert_eq!(
        (auction.gain_buyers, auction.gain_sellers, auction.surplus),
        (1_800, 600, 0)
    );
    assert_eq!(auction.orders_filled, 4);
    // 400, 600, 1400: (2·(400 + 1200 + 4200) − 4·2400) / (3·2400) = 2000 / 7200
    assert_eq!(auction.gini_ppm, 277_777);

    // McAfee: only the first bid and the first ask, at 200 and 160.
    let mcafee = &rows[3];
    assert_eq!((mcafee.quantity, mcafee.price), (10, None));
    assert_eq!(mcafee.price_buyers, Some(MicroPricePerKwh::new(200)));
    assert_eq!(mcafee.price_sellers, Some(MicroPricePerKwh::new(160)));
    assert_eq!(
        (mcafee.gain_buyers, mcafee.gain_sellers, mcafee.surplus),
        (1_000, 600, 400)
    );
    assert_eq!((mcafee.welfare, mcafee.share_ppm), (2_000, 833_333));
}

#[test]
fn a_book_without_trade_has_no_prices_and_loses_nothing() {
    let book = book(&[(10, 100)], &[(10, 200)]);
    for row in compare(interval(), &book, &terms(500_000, 100, 300)).expect("a book") {
        assert_eq!(
            (row.price, row.price_buyers, row.price_sellers),
            (None, None, None)
        );
        assert_eq!((row.quantity, row.welfare, row.orders_filled), (0, 0, 0));
        assert_eq!((row.share_ppm, row.gini_ppm), (1_000_000, 0));
    }
}

proptest! {
    #[test]
    fn the_gains_and_the_surplus_are_the_welfare(book in larger_books(), terms in some_terms()) {
        for row in compare(interval(), &book, &terms).expect("a book") {
            prop_assert_eq!(row.gain_buyers + row.gain_sellers + row.surplus, row.welfare);
            prop_assert!(row.gain_buyers >= 0 && row.gain_sellers >= 0 && row.surplus >= 0);
            prop_assert!(row.share_ppm <= 1_000_000 && row.gini_ppm < 1_000_000);
            prop_assert!(!row.mechanism.facts().efficient || row.share_ppm == 1_000_000);
            prop_assert!(row.price.is_none() || (row.price == row.price_buyers && row.price == row.price_sellers));
        }
    }

    #[test]
    fn with_one_home_nothing_is_uneven(book in larger_books(), terms in some_terms()) {
        let one: Vec<Order> = book.iter().map(|o| Order { home: HomeId::new(0), ..*o }).collect();
        for row in compare(interval(), &one, &terms).expect("a book") {
            prop_assert_eq!(row.gini_ppm, 0);
        }
    }
}
