//! No order gains by stating another limit than its true one, its quantity and all other orders being
//! what they are: every order of random small books, every other limit of the price grid.

use energy_core::{MicroPricePerKwh, Order};
use market_engine::mechanism::{Mechanism, Terms};
use proptest::prelude::*;

use crate::books::{cleared, gain, market, small_books, terms};

/// The order and the false limit by which it gains most, if any does.
fn profitable_lie(mechanism: Mechanism, book: &[Order], terms: &Terms) -> Option<(usize, i64)> {
    let truth = cleared(mechanism, book, terms);
    for (at, order) in book.iter().enumerate() {
        let honest = gain(&truth, order, order.price);
        for limit in -1..7 {
            let mut lie = book.to_vec();
            lie[at].price = MicroPricePerKwh::new(limit);
            if gain(&cleared(mechanism, &lie, terms), order, order.price) > honest {
                return Some((at, limit));
            }
        }
    }
    None
}

fn truthful() -> impl Iterator<Item = Mechanism> {
    let all = Mechanism::ALL.into_iter();
    all.filter(|mechanism| mechanism.facts().truthful)
}

proptest! {
    #[test]
    fn no_order_of_a_truthful_mechanism_gains_by_a_false_limit(
        book in small_books(9), k_ppm in prop_oneof![Just(0), Just(500_000), Just(1_000_000)],
    ) {
        for mechanism in truthful() {
            let lie = profitable_lie(mechanism, &book, &terms(k_ppm, 1, 5));
            prop_assert_eq!(lie, None, "{}", mechanism);
        }
    }

    #[test]
    fn nor_where_all_orders_are_of_one_size(
        book in small_books(10), wh in 1_u64..3,
    ) {
        let book: Vec<Order> = book.into_iter()
            .map(|order| Order { quantity: energy_core::WattHours::new(wh), ..order })
            .collect();
        for mechanism in truthful() {
            let lie = profitable_lie(mechanism, &book, &terms(500_000, 1, 5));
            prop_assert_eq!(lie, None, "{}", mechanism);
        }
    }
}

#[test]
fn the_truthful_ones_are_these() {
    let expected = [
        Mechanism::McAfee,
        Mechanism::Sbba,
        Mechanism::Muda,
        Mechanism::MidMarketRate,
    ];
    assert_eq!(truthful().collect::<Vec<_>>(), expected);
}

#[test]
fn the_others_are_not_and_the_search_finds_it() {
    let others = Mechanism::ALL.into_iter().filter(|m| !m.facts().truthful);
    for mechanism in others {
        let lies = (0..200).any(|seed| {
            let book = market(seed, 3, 3, 1, 3);
            // The same market on the price grid of the search.
            let coarse = |o: &Order| Order {
                price: MicroPricePerKwh::new((o.price.get() - 80_000) / 40_000),
                ..*o
            };
            let book: Vec<Order> = book.iter().map(coarse).collect();
            profitable_lie(mechanism, &book, &terms(500_000, 1, 5)).is_some()
        });
        assert!(lies, "{mechanism}");
    }
}
