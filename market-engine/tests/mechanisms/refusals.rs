//! The checker of feasibility refuses what is not one.

use energy_core::{CertificateKind, MicroPricePerKwh, Order, OrderId, Side, WattHours};
use market_engine::checker::{Violation, feasible};
use market_engine::mechanism::{Mechanism, Outcome};
use proptest::prelude::*;

use crate::books::{book, cleared, interval, larger_books, some_terms, terms};

fn refused(book: &[Order], outcome: &Outcome) -> bool {
    feasible(book, outcome).is_err()
}

fn moved(price: Option<MicroPricePerKwh>, by: i64) -> Option<MicroPricePerKwh> {
    Some(MicroPricePerKwh::new(price.map_or(0, |p| p.get()) + by))
}

fn shifted(quantity: WattHours, by: i64) -> Option<WattHours> {
    quantity.get().checked_add_signed(by).map(WattHours::new)
}

/// Changes of one thing in an outcome; each must be refused.
fn changes(good: &Outcome, i: usize, j: usize, by: i64) -> Vec<(&'static str, Outcome)> {
    let mut all = Vec::new();
    let mut change = |name, edit: &dyn Fn(&mut Outcome)| {
        let mut outcome = good.clone();
        edit(&mut outcome);
        if outcome != *good {
            all.push((name, outcome));
        }
    };
    change("fill", &|o| {
        let fill = &mut o.clearing.fills[i];
        fill.quantity = shifted(fill.quantity, by).unwrap_or(fill.quantity);
    });
    change("amount", &|o| o.amounts[i] += i128::from(by));
    change("surplus", &|o| o.surplus += i128::from(by));
    change("price", &|o| o.clearing.price = moved(o.clearing.price, by));
    change("both prices", &|o| {
        o.clearing.price = moved(o.clearing.price, by);
        o.clearing.certificate.price = o.clearing.price;
    });
    change("no price", &|o| {
        o.clearing.price = None;
        o.clearing.certificate.price = None;
    });
    change("low", &|o| {
        o.clearing.price_lo = moved(o.clearing.price_lo, by)
    });
    change("high", &|o| {
        o.clearing.price_hi = moved(o.clearing.price_hi, by)
    });
    change("no low", &|o| o.clearing.price_lo = None);
    change("no high", &|o| o.clearing.price_hi = None);
    change("swapped fills", &|o| o.clearing.fills.swap(i, j));
    change("swapped amounts", &|o| {
        // Where two orders are equal in everything, either may have either amount.
        if o.clearing.fills[i].quantity != o.clearing.fills[j].quantity {
            o.amounts.swap(i, j);
        }
    });
    change("missing fill", &|o| {
        o.clearing.fills.remove(i);
        o.amounts.remove(i);
    });
    change("missing amount", &|o| {
        o.amounts.remove(i);
    });
    change("another order", &|o| {
        o.clearing.fills[i].order = OrderId::derived("another", &[])
    });
    change("quantity", &|o| o.clearing.certificate.quantity += 1);
    change("primal", &|o| {
        o.clearing.certificate.primal += i128::from(by)
    });
    change("dual", &|o| o.clearing.certificate.dual += i128::from(by));
    change("kind", &|o| {
        let kind = &mut o.clearing.certificate.kind;
        *kind = match kind {
            CertificateKind::Optimal => CertificateKind::Feasible,
            CertificateKind::Feasible => CertificateKind::Optimal,
        };
    });
    all
}

proptest! {
    #[test]
    fn every_change_of_one_thing_is_refused(
        book in larger_books(), terms in some_terms(),
        at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
        by in prop_oneof![-3_i64..0, 1_i64..4],
    ) {
        prop_assume!(!book.is_empty());
        let (i, j) = (at.index(book.len()), other.index(book.len()));
        for mechanism in Mechanism::ALL {
            let good = cleared(mechanism, &book, &terms);
            prop_assert_eq!(feasible(&book, &good), Ok(()));
            for (name, bad) in changes(&good, i, j, by) {
                let trades = good.clearing.fills[i].quantity.get() > 0;
                // A swap of amounts changes no sum, and nobody's limit may be near.
                let is_seen = name != "swapped amounts" || (trades && good.clearing.price.is_some());
                prop_assert!(!is_seen || refused(&book, &bad), "{}: {}", mechanism, name);
            }
        }
    }

    #[test]
    fn another_book_is_refused(
        book in larger_books(), at in any::<prop::sample::Index>(), by in 1_i64..4,
    ) {
        prop_assume!(!book.is_empty());
        let i = at.index(book.len());
        for mechanism in Mechanism::ALL {
            let good = cleared(mechanism, &book, &terms(500_000, 0, 250_000));
            let mut shorter = book.clone();
            shorter.remove(i);
            prop_assert!(refused(&shorter, &good));
            for change in 0..4 {
                let mut changed = book.clone();
                let order = &mut changed[i];
                match change {
                    0 => order.quantity = WattHours::new(order.quantity.get() + by.unsigned_abs()),
                    1 => order.price = MicroPricePerKwh::new(order.price.get() + by),
                    2 => order.side = if order.side == Side::Bid { Side::Ask } else { Side::Bid },
                    _ => order.id = OrderId::derived("another", &[]),
                }
                prop_assert!(refused(&changed, &good));
            }
            let mut twice = book.clone();
            twice.push(book[i]);
            prop_assert!(refused(&twice, &good));
        }
    }

    #[test]
    fn energy_and_money_moved_between_two_orders_are_refused_at_one_price(
        book in larger_books(), at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
    ) {
        let good = cleared(Mechanism::Sbba, &book, &terms(500_000, 0, 250_000));
        let fills = &good.clearing.fills;
        let filled: Vec<usize> = (0..fills.len()).filter(|n| fills[*n].quantity.get() > 0).collect();
        if filled.is_empty() {
            return Ok(());
        }
        // Another than i, round the end if need be.
        let i = filled[at.index(filled.len())];
        let j = (i + 1 + other.index(book.len() - 1)) % book.len();
        let mut money = good.clone();
        money.amounts[i] += 1;
        money.amounts[j] -= 1;
        prop_assert!(refused(&book, &money));
        let mut energy = good.clone();
        let (from, to) = (energy.clearing.fills[i].quantity, energy.clearing.fills[j].quantity);
        energy.clearing.fills[i].quantity = shifted(from, -1).expect("more than none");
        energy.clearing.fills[j].quantity = shifted(to, 1).expect("small");
        prop_assert!(refused(&book, &energy));
    }
}

#[test]
fn the_reason_is_named() {
    let book = book(&[(4, 9), (5, 7)], &[(2, 1), (3, 2), (1, 3)]);
    let good = cleared(Mechanism::McAfee, &book, &terms(0, 0, 9));
    let reason = |edit: &dyn Fn(&mut Outcome)| {
        let mut outcome = good.clone();
        edit(&mut outcome);
        feasible(&book, &outcome).expect_err("refused")
    };
    assert_eq!(feasible(&book, &good), Ok(()));
    assert_eq!(good.surplus, 16);
    assert_eq!(
        reason(&|o| o.surplus = 15),
        Violation::Money {
            paid: 28,
            received: 12,
            surplus: 15
        }
    );
    assert_eq!(
        reason(&|o| o.mechanism = Mechanism::Sbba),
        Violation::Surplus { surplus: 16 }
    );
    assert_eq!(
        reason(&|o| o.mechanism = Mechanism::KDoubleAuction),
        Violation::Surplus { surplus: 16 }
    );
    assert_eq!(
        reason(&|o| {
            o.amounts.pop();
        }),
        Violation::Amounts {
            fills: 5,
            amounts: 4
        }
    );
    assert_eq!(
        reason(&|o| o.clearing.certificate.kind = CertificateKind::Optimal),
        Violation::OtherKind
    );
    let idle = good
        .clearing
        .fills
        .iter()
        .position(|f| f.quantity.get() == 0)
        .expect("the margin");
    let order = good.clearing.fills[idle].order;
    assert_eq!(reason(&|o| o.amounts[idle] = 1), Violation::Idle { order });
    // The zone pays: everybody keeps the limit, and still no.
    assert_eq!(
        reason(&|o| {
            let buyer = o.amounts.iter().position(|got| *got < 0).expect("one");
            o.amounts[buyer] += 17;
            o.surplus -= 17;
        }),
        Violation::Surplus { surplus: -1 }
    );
}

#[test]
fn a_clearing_of_the_call_auction_needs_no_interval_to_be_feasible() {
    let book = book(&[(1_000, 250_000)], &[(600, 100_000)]);
    let outcome = cleared(Mechanism::KDoubleAuction, &book, &terms(500_000, 0, 9));
    assert_eq!(feasible(&book, &outcome), Ok(()));
    let checked = market_engine::checker::check(interval(), &book, &outcome.clearing, 500_000);
    assert_eq!(checked, Ok(()));
}
