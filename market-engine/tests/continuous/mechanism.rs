//! A whole book cleared by the continuous double auction.

use energy_core::{
    CertificateKind, HomeId, IntervalLength, IntervalStart, MicroPricePerKwh, Order, OrderId, Side,
    WattHours, keccak,
};
use market_engine::continuous::SelfTrade;
use market_engine::mechanism::{Mechanism, Outcome, Terms, clear};
use market_engine::{BookError, call_auction, checker};
use proptest::prelude::*;

use crate::cases;
use crate::list::{Happened, List, Waiting};

fn interval(n: i64) -> IntervalStart {
    IntervalLength::QUARTER_HOUR
        .start_at(1_781_514_000 + 900 * n)
        .expect("aligned")
}

fn order(n: u8, side: Side, wh: u64, price: i64) -> Order {
    Order {
        id: OrderId::derived("order", &[n]),
        home: HomeId::new(u32::from(n % 5)),
        side,
        quantity: WattHours::new(wh),
        price: MicroPricePerKwh::new(price),
    }
}

fn cleared(interval: IntervalStart, book: &[Order]) -> Result<Outcome, BookError> {
    let terms = Terms {
        k_ppm: 500_000,
        ceiling: MicroPricePerKwh::new(300_000),
        floor: MicroPricePerKwh::new(80_000),
    };
    clear(Mechanism::Continuous, interval, book, &terms)
}

/// Few prices, so that many meet exactly, or many; zero quantities as well.
fn books() -> impl Strategy<Value = Vec<Order>> {
    let rows = |step: i64| {
        prop::collection::vec((any::<bool>(), 0_u64..2_000, -5_i64..20), 0..50).prop_map(
            move |rows| -> Vec<Order> {
                (0_u8..)
                    .zip(rows)
                    .map(|(n, (is_bid, wh, price))| {
                        let side = if is_bid { Side::Bid } else { Side::Ask };
                        let off = if step > 1 { i64::from(n) } else { 0 };
                        order(n, side, wh, price * step + off)
                    })
                    .collect()
            },
        )
    };
    prop_oneof![rows(1), rows(1_000)]
}

/// Fills and amounts, by id, of the list that orders enter by their hash.
fn by_list(interval: IntervalStart, book: &[Order]) -> Vec<(OrderId, u64, i128)> {
    let mut arriving: Vec<&Order> = book.iter().filter(|o| o.quantity.get() > 0).collect();
    arriving.sort_by_key(|o| keccak(&[&interval.seconds().to_be_bytes(), o.id.as_bytes()]));
    let mut list = List {
        rule: SelfTrade::Allow,
        waiting: Vec::new(),
    };
    let mut sums = vec![(0_u64, 0_i128); arriving.len()];
    for (name, order) in arriving.iter().enumerate() {
        let (happened, _) = list.submit(Waiting {
            name,
            home: order.home.get(),
            side: order.side,
            price: order.price.get(),
            left: order.quantity.get(),
        });
        for trade in happened {
            let Happened::Trade {
                resting, price, wh, ..
            } = trade
            else {
                panic!("nothing is cancelled")
            };
            let value = i128::from(wh) * i128::from(price);
            for at in [name, resting] {
                let sign = if arriving[at].side == Side::Bid {
                    -1
                } else {
                    1
                };
                sums[at] = (sums[at].0 + wh, sums[at].1 + sign * value);
            }
        }
    }
    let mut rows: Vec<(OrderId, u64, i128)> = book
        .iter()
        .map(|order| {
            let at = arriving.iter().position(|other| other.id == order.id);
            let (wh, amount) = at.map_or((0, 0), |at| sums[at]);
            (order.id, wh, amount)
        })
        .collect();
    rows.sort_unstable();
    rows
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_clearing_is_that_of_the_list_and_the_checker_accepts_it(book in books(), n in 0_i64..4) {
        let outcome = cleared(interval(n), &book).expect("a book");
        prop_assert_eq!(checker::feasible(&book, &outcome), Ok(()));
        prop_assert_eq!(outcome.mechanism, Mechanism::Continuous);
        prop_assert_eq!(outcome.clearing.certificate.kind, CertificateKind::Feasible);
        prop_assert_eq!(outcome.surplus, 0);
        let rows: Vec<_> = outcome.clearing.fills.iter().zip(&outcome.amounts)
            .map(|(fill, amount)| (fill.order, fill.quantity.get(), *amount))
            .collect();
        prop_assert_eq!(rows, by_list(interval(n), &book));

        let optimum = call_auction(interval(n), &book, 500_000).expect("a book");
        prop_assert!(outcome.clearing.certificate.primal <= optimum.certificate.primal);
        prop_assert_eq!(outcome.clearing.price_lo, optimum.price_lo);
        prop_assert_eq!(outcome.clearing.price_hi, optimum.price_hi);
    }

    #[test]
    fn neither_the_order_of_rows_nor_their_owners_make_a_difference(
        (book, shuffled) in books().prop_flat_map(|book| (Just(book.clone()), Just(book).prop_shuffle())),
    ) {
        let outcome = cleared(interval(0), &book);
        prop_assert_eq!(&cleared(interval(0), &shuffled), &outcome);
        let unowned: Vec<Order> = book.iter().map(|order| order.without_owner()).collect();
        prop_assert_eq!(&cleared(interval(0), &unowned), &outcome);
    }

    #[test]
    fn nobody_is_left_who_could_still_trade(book in books()) {
        let outcome = cleared(interval(0), &book).expect("a book");
        let left = |side: Side| {
            let fill_of = |id| outcome.clearing.fills.iter().find(|f| f.order == id).expect("one for each");
            let has_rest = |order: &&Order| fill_of(order.id).quantity < order.quantity;
            let rest = book.iter().filter(|order| order.side == side).filter(has_rest);
            rest.map(|order| order.price).collect::<Vec<_>>()
        };
        if let (Some(bid), Some(ask)) = (left(Side::Bid).into_iter().max(), left(Side::Ask).into_iter().min()) {
            prop_assert!(bid < ask);
        }
    }
}

#[test]
fn the_one_who_came_first_sets_the_price_and_the_interval_says_who_that_is() {
    let book = [order(1, Side::Bid, 10, 30), order(2, Side::Ask, 10, 20)];
    let prices: Vec<_> = (0..40)
        .map(|n| cleared(interval(n), &book).expect("a book").clearing.price)
        .map(|price| price.expect("one trade, one price").get())
        .collect();
    assert!(prices.contains(&20) && prices.contains(&30));
    assert!(prices.iter().all(|price| [20, 30].contains(price)));
}

#[test]
fn trades_at_two_prices_state_none_and_no_trade_states_none() {
    // Where the seller comes last, it takes both bids, each at its own price.
    let two = [
        order(1, Side::Bid, 5, 40),
        order(2, Side::Bid, 5, 30),
        order(3, Side::Ask, 10, 20),
    ];
    let seller_last = (0..40).find(|n| {
        let outcome = cleared(interval(*n), &two).expect("a book");
        outcome.clearing.price.is_none() && outcome.amounts.iter().sum::<i128>() == 0
    });
    assert!(seller_last.is_some());
    let none = cleared(
        interval(0),
        &[order(1, Side::Bid, 5, 10), order(2, Side::Ask, 5, 11)],
    );
    assert_eq!(none.expect("a book").clearing.price, None);
}

#[test]
fn what_is_no_book_is_refused() {
    let twice = [order(1, Side::Bid, 5, 5), order(1, Side::Ask, 5, 5)];
    let id = OrderId::derived("order", &[1]);
    assert_eq!(
        cleared(interval(0), &twice),
        Err(BookError::DuplicateId { id })
    );
    let much = [order(1, Side::Bid, u64::MAX, 5), order(2, Side::Bid, 1, 5)];
    let side = Side::Bid;
    assert_eq!(
        cleared(interval(0), &much),
        Err(BookError::QuantityOverflow { side })
    );
}

#[test]
fn the_largest_quantities_and_prices_clear() {
    let book = [
        order(1, Side::Bid, 1 << 63, i64::MAX),
        order(2, Side::Ask, 1 << 63, i64::MIN),
    ];
    let outcome = cleared(interval(0), &book).expect("a book");
    assert_eq!(checker::feasible(&book, &outcome), Ok(()));
}
