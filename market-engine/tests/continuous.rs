//! The continuous book against a list that is searched from end to end, operation by operation, and
//! against what must hold whatever happens; then the mechanism that clears a whole book by it.
//!
//! `COMMONWATT_SOAK=1` runs a hundred times as many streams and books.

#[path = "continuous/list.rs"]
mod list;
#[path = "continuous/mechanism.rs"]
mod mechanism;
#[path = "continuous/pair.rs"]
mod pair;

use energy_core::{MicroPricePerKwh, Side, WattHours};
use market_engine::continuous::{
    ContinuousBook, ContinuousError, Event, NewOrder, SelfTrade, Ticket,
};
use proptest::prelude::*;

use crate::pair::{Operation, Pair, new_order};

fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Bid), Just(Side::Ask)]
}

fn rules() -> impl Strategy<Value = SelfTrade> {
    prop_oneof![
        Just(SelfTrade::Skip),
        Just(SelfTrade::CancelResting),
        Just(SelfTrade::Allow)
    ]
}

/// Few prices, so that queues form and orders meet; or many, over the borders of pages.
fn prices() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -4_i64..8, 1 => -200_i64..200, 1 => Just(1 << 40)]
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let submit = (0_u32..4, sides(), 0_u64..30, prices()).prop_map(|(home, side, wh, price)| {
        Operation::Submit {
            home,
            side,
            wh,
            price,
        }
    });
    let cancel = any::<usize>().prop_map(|which| Operation::Cancel { which });
    let replace = (any::<usize>(), 0_u64..30, prop::option::of(prices()))
        .prop_map(|(which, wh, price)| Operation::Replace { which, wh, price });
    prop::collection::vec(prop_oneof![5 => submit, 2 => cancel, 2 => replace], 0..60)
}

/// So many streams, or a hundred times as many at night.
fn cases(by_day: u32) -> ProptestConfig {
    let is_soak = std::env::var_os("COMMONWATT_SOAK").is_some_and(|value| value == "1");
    ProptestConfig::with_cases(if is_soak { by_day * 100 } else { by_day })
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn every_stream_does_what_the_list_does(rule in rules(), operations in operations()) {
        let mut pair = Pair::new(rule);
        for operation in &operations {
            pair.apply(operation);
        }
    }
}

/// A seeded stream of numbers (SplitMix64, Steele, Lea, Flood 2014).
struct Stream(u64);

impl Stream {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

#[test]
fn a_long_stream_over_the_whole_tariff_band_does_what_the_list_does() {
    for (seed, rule) in [
        (1, SelfTrade::Skip),
        (2, SelfTrade::CancelResting),
        (3, SelfTrade::Allow),
    ] {
        let (mut pair, mut stream) = (Pair::new(rule), Stream(seed));
        for _ in 0..800 {
            let which = stream.below(u64::MAX) as usize;
            let price = 80_000 + stream.below(220_001) as i64;
            let side = if price < 190_000 {
                Side::Bid
            } else {
                Side::Ask
            };
            let (home, wh) = (stream.below(9) as u32, 1 + stream.below(1_000));
            pair.apply(&match stream.below(10) {
                0..=4 => Operation::Submit {
                    home,
                    side,
                    wh,
                    price,
                },
                5..=6 => Operation::Submit {
                    home,
                    side: other(side),
                    wh,
                    price,
                },
                7 => Operation::Cancel { which },
                8 => Operation::Replace {
                    which,
                    wh,
                    price: None,
                },
                _ => Operation::Replace {
                    which,
                    wh,
                    price: Some(price),
                },
            });
        }
        assert!(
            pair.accounts
                .iter()
                .filter(|account| account.traded > 0)
                .count()
                > 50
        );
    }
}

fn book(rule: SelfTrade, orders: &[NewOrder]) -> (ContinuousBook, Vec<Ticket>) {
    let mut book = ContinuousBook::new(rule);
    let tickets = orders
        .iter()
        .map(|order| {
            let placement = book.submit(*order, &mut Vec::new()).expect("an order");
            placement.resting.expect("no other side yet")
        })
        .collect();
    (book, tickets)
}

/// Who trades how much at which price with an order.
fn trades(book: &mut ContinuousBook, order: NewOrder) -> Vec<(Ticket, u64, i64)> {
    let mut events = Vec::new();
    book.submit(order, &mut events).expect("an order");
    events
        .into_iter()
        .filter_map(|event| match event {
            Event::Trade(t) => Some((t.resting, t.quantity.get(), t.price.get())),
            Event::Cancelled { .. } => None,
        })
        .collect()
}

#[test]
fn the_better_price_comes_first_and_then_who_waited_longer() {
    let asks = [(1, 12), (2, 11), (3, 12), (4, 11), (5, 13)]
        .map(|(home, price)| new_order(home, Side::Ask, 10, price));
    let (mut book, t) = book(SelfTrade::Skip, &asks);
    let got = trades(&mut book, new_order(9, Side::Bid, 35, 12));
    assert_eq!(
        got,
        [
            (t[1], 10, 11),
            (t[3], 10, 11),
            (t[0], 10, 12),
            (t[2], 5, 12)
        ]
    );
    assert_eq!(book.best(Side::Bid), None);
    assert_eq!(
        book.best(Side::Ask).map(|quote| quote.quantity.get()),
        Some(5)
    );
}

#[test]
fn less_at_the_same_price_keeps_the_place_and_anything_else_loses_it() {
    let asks = [1, 2, 3].map(|home| new_order(home, Side::Ask, 10, 50));
    let bid = new_order(9, Side::Bid, 1, 50);
    let price = |p| MicroPricePerKwh::new(p);
    let mut events = Vec::new();

    let (mut less, t) = book(SelfTrade::Skip, &asks);
    less.replace(t[0], WattHours::new(4), price(50), &mut events)
        .expect("waits");
    assert_eq!(trades(&mut less, bid), [(t[0], 1, 50)]);

    let (mut more, t) = book(SelfTrade::Skip, &asks);
    more.replace(t[0], WattHours::new(11), price(50), &mut events)
        .expect("waits");
    assert_eq!(trades(&mut more, bid), [(t[1], 1, 50)]);

    let (mut moved, t) = book(SelfTrade::Skip, &asks);
    let there = moved
        .replace(t[0], WattHours::new(10), price(51), &mut events)
        .expect("waits");
    let back = there.resting.expect("waits");
    moved
        .replace(back, WattHours::new(10), price(50), &mut events)
        .expect("waits");
    assert_eq!(trades(&mut moved, bid), [(t[1], 1, 50)]);
    assert!(events.is_empty());
}

#[test]
fn one_home_on_both_sides_is_skipped_cancelled_or_allowed_by_the_rule() {
    let asks = [
        new_order(1, Side::Ask, 10, 40),
        new_order(2, Side::Ask, 10, 50),
    ];
    let bid = new_order(1, Side::Bid, 15, 60);
    let outcome = |rule| {
        let (mut book, t) = book(rule, &asks);
        let mut events = Vec::new();
        let placement = book.submit(bid, &mut events).expect("an order");
        let became = (
            placement.traded.get(),
            placement.rested.get(),
            placement.dropped.get(),
        );
        (became, book.resting(t[0]).is_some(), events.len())
    };
    assert_eq!(outcome(SelfTrade::Skip), ((10, 0, 5), true, 1));
    assert_eq!(outcome(SelfTrade::CancelResting), ((10, 5, 0), false, 2));
    assert_eq!(outcome(SelfTrade::Allow), ((15, 0, 0), false, 2));
}

#[test]
fn the_ticket_of_an_order_that_is_gone_is_refused_for_ever() {
    let (mut book, t) = book(SelfTrade::Skip, &[new_order(1, Side::Ask, 10, 40)]);
    assert_eq!(book.cancel(t[0]), Ok(WattHours::new(10)));
    let next = book
        .submit(new_order(2, Side::Ask, 7, 40), &mut Vec::new())
        .expect("an order");
    assert_eq!(next.resting.map(Ticket::slot), Some(t[0].slot()));
    let refused = ContinuousError::NotResting { ticket: t[0] };
    assert_eq!(book.cancel(t[0]), Err(refused));
    let replaced = book.replace(
        t[0],
        WattHours::new(1),
        MicroPricePerKwh::new(1),
        &mut Vec::new(),
    );
    assert_eq!(replaced, Err(refused));
    assert_eq!(book.quantity(Side::Ask), WattHours::new(7));
}

#[test]
fn the_largest_numbers_trade_and_what_does_not_fit_changes_nothing() {
    let (mut book, t) = book(
        SelfTrade::Skip,
        &[new_order(1, Side::Ask, u64::MAX, i64::MIN)],
    );
    let overflow = ContinuousError::QuantityOverflow { side: Side::Ask };
    let mut events = Vec::new();
    let more = new_order(2, Side::Ask, 1, i64::MAX);
    assert_eq!(book.submit(more, &mut events), Err(overflow));
    let same = book.replace(t[0], WattHours::new(u64::MAX), more.price, &mut events);
    let ticket = same
        .expect("the old quantity goes as the new one comes")
        .resting
        .expect("waits");
    let all = book.submit(new_order(3, Side::Bid, u64::MAX, i64::MAX), &mut events);
    assert_eq!(all.map(|placement| placement.traded.get()), Ok(u64::MAX));
    let Some(Event::Trade(trade)) = events.first() else {
        panic!("expected a trade")
    };
    assert_eq!(trade.resting, ticket);
    assert_eq!(trade.amount(), i128::from(u64::MAX) * i128::from(i64::MAX));
    assert!(book.is_empty());
}

fn other(side: Side) -> Side {
    if side == Side::Bid {
        Side::Ask
    } else {
        Side::Bid
    }
}
