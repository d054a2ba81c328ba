//! What every mechanism promises, and what some do.

use energy_core::{CertificateKind, MicroPricePerKwh, Side, to_canonical};
use market_engine::mechanism::{Budget, Mechanism, Terms, clear};
use market_engine::{BookError, call_auction, checker};
use proptest::prelude::*;

use crate::books::{
    book, cleared, gain, interval, larger_books, order, small_books, some_terms, terms,
};

fn any_book() -> impl Strategy<Value = Vec<energy_core::Order>> {
    prop_oneof![small_books(10), larger_books()]
}

fn keeps_its_promises(
    mechanism: Mechanism,
    book: &[energy_core::Order],
    terms: &Terms,
) -> Result<(), TestCaseError> {
    let facts = mechanism.facts();
    let outcome = cleared(mechanism, book, terms);
    let best = call_auction(interval(), book, terms.k_ppm).expect("a book");
    let (clearing, certificate) = (&outcome.clearing, &outcome.clearing.certificate);
    prop_assert_eq!(checker::feasible(book, &outcome), Ok(()));
    prop_assert_eq!(outcome.mechanism, mechanism);

    // The interval of valid prices is the book's, and the bound is what the call auction reaches.
    prop_assert_eq!(
        (clearing.price_lo, clearing.price_hi),
        (best.price_lo, best.price_hi)
    );
    prop_assert_eq!(certificate.dual, best.certificate.primal);
    prop_assert!((0..=certificate.dual).contains(&certificate.primal));
    prop_assert!(!facts.efficient || certificate.primal == certificate.dual);
    let is_auction = mechanism == Mechanism::KDoubleAuction;
    prop_assert_eq!(certificate.kind == CertificateKind::Optimal, is_auction);

    let money: i128 = outcome.amounts.iter().sum();
    prop_assert_eq!(money + outcome.surplus, 0);
    prop_assert!(outcome.surplus >= 0);
    let is_strong = facts.budget_balanced == Budget::Strong;
    prop_assert!(!is_strong || outcome.surplus == 0);

    let gains: Vec<i128> = book.iter().map(|o| gain(&outcome, o, o.price)).collect();
    prop_assert!(facts.individually_rational && gains.iter().all(|gain| *gain >= 0));
    // Nothing of the welfare is lost on the way.
    let all: i128 = gains.iter().sum();
    prop_assert_eq!(all + outcome.surplus, certificate.primal);
    Ok(())
}

proptest! {
    #[test]
    fn every_mechanism_keeps_its_promises(book in any_book(), terms in some_terms()) {
        for mechanism in Mechanism::ALL {
            keeps_its_promises(mechanism, &book, &terms)?;
        }
    }

    #[test]
    fn the_order_of_the_rows_makes_no_difference(
        (book, shuffled) in any_book().prop_flat_map(|book| (Just(book.clone()), Just(book).prop_shuffle())),
        terms in some_terms(),
    ) {
        for mechanism in Mechanism::ALL {
            let (a, b) = (cleared(mechanism, &book, &terms), cleared(mechanism, &shuffled, &terms));
            prop_assert_eq!(to_canonical(&a.clearing), to_canonical(&b.clearing));
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn an_order_without_quantity_makes_no_difference(
        book in any_book(), price in 0_i64..6, terms in some_terms(),
    ) {
        for side in [Side::Bid, Side::Ask] {
            let mut more = book.clone();
            more.push(order(1_000, side, 0, price));
            for mechanism in Mechanism::ALL {
                let (a, b) = (cleared(mechanism, &book, &terms), cleared(mechanism, &more, &terms));
                let orders = a.clearing.fills.iter().zip(&a.amounts);
                for (fill, amount) in orders {
                    let at = b.clearing.fills.iter().position(|f| f == fill).expect("the same fill");
                    prop_assert_eq!(*amount, b.amounts[at]);
                }
                prop_assert_eq!(a.surplus, b.surplus);
            }
        }
    }

    #[test]
    fn equal_orders_of_a_side_get_the_same_but_for_one_wh(
        rows in prop::collection::vec((any::<bool>(), 1_u64..4, 0_i64..4), 2..30), terms in some_terms(),
    ) {
        let side = |is_bid| if is_bid { Side::Bid } else { Side::Ask };
        let book: Vec<_> = (0_u32..).zip(&rows).map(|(n, (b, wh, p))| order(n, side(*b), *wh, *p)).collect();
        // Where an order stands aside because it sets the price, and where the coin parts the book,
        // equal orders cannot all be treated alike.
        for mechanism in [
            Mechanism::KDoubleAuction, Mechanism::PayAsBid, Mechanism::MidMarketRate,
            Mechanism::BillSharing, Mechanism::SupplyDemandRatio,
        ] {
            let outcome = cleared(mechanism, &book, &terms);
            let fill = |o: &energy_core::Order| outcome.clearing.fills.iter()
                .find(|f| f.order == o.id).expect("one for each").quantity.get();
            for a in &book {
                for b in book.iter().filter(|b| (a.side, a.price, a.quantity) == (b.side, b.price, b.quantity)) {
                    prop_assert!(fill(a).abs_diff(fill(b)) <= 1);
                }
            }
        }
    }
}

#[test]
fn an_empty_and_a_one_sided_book_trade_nothing() {
    let books = [
        vec![],
        book(&[(5, 9), (7, 3)], &[]),
        book(&[], &[(5, 9), (7, 3)]),
        book(&[(5, 3)], &[(5, 4)]),
        book(&[(0, 9)], &[(0, 1)]),
    ];
    for book in &books {
        for mechanism in Mechanism::ALL {
            let outcome = cleared(mechanism, book, &terms(500_000, 2, 8));
            assert_eq!(outcome.clearing.certificate.quantity, 0, "{mechanism}");
            assert_eq!(outcome.clearing.price, None, "{mechanism}");
            assert_eq!(checker::feasible(book, &outcome), Ok(()), "{mechanism}");
        }
    }
}

#[test]
fn what_is_no_book_is_refused_by_every_mechanism() {
    let good = terms(500_000, 0, 8);
    let twice = [order(1, Side::Bid, 5, 5), order(1, Side::Ask, 5, 5)];
    let much = book(&[(u64::MAX, 5), (1, 5)], &[]);
    for mechanism in Mechanism::ALL {
        let clear = |book: &[_], terms: &Terms| clear(mechanism, interval(), book, terms).err();
        let id = twice[0].id;
        assert_eq!(clear(&twice, &good), Some(BookError::DuplicateId { id }));
        let side = Side::Bid;
        assert_eq!(
            clear(&much, &good),
            Some(BookError::QuantityOverflow { side })
        );
        let k_ppm = 1_000_001;
        assert_eq!(
            clear(&[], &Terms { k_ppm, ..good }),
            Some(BookError::ShareParameter { got: k_ppm })
        );
    }
}

#[test]
fn the_largest_numbers_give_a_result_or_an_error() {
    let half = 1 << 63;
    let prices = [i64::MIN, -1, 0, 1, i64::MAX];
    for bid in prices {
        for ask in prices {
            for (floor, ceiling) in [
                (i64::MIN, i64::MAX),
                (-1, i64::MAX),
                (1, 2),
                (i64::MAX, i64::MAX),
            ] {
                let book = book(
                    &[(half, bid), (half - 1, ask)],
                    &[(half, ask), (half - 1, bid)],
                );
                for mechanism in Mechanism::ALL {
                    let terms = terms(500_000, floor, ceiling);
                    match clear(mechanism, interval(), &book, &terms) {
                        Ok(outcome) => assert_eq!(outcome.mechanism, mechanism),
                        Err(error) => assert_eq!(error, BookError::WelfareOverflow),
                    }
                }
            }
        }
    }
}

#[test]
fn a_live_zone_of_the_largest_orders_clears_and_is_accepted() {
    // A thousand orders of 10⁹ Wh at prices of a thousand per kWh.
    let largest = 1_000_000_000;
    let rows: Vec<(u64, i64)> = (0..500).map(|n| (largest, 1_000_000_000 - n)).collect();
    let lower: Vec<(u64, i64)> = rows.iter().map(|(wh, p)| (*wh, p / 2)).collect();
    let book = book(&rows, &lower);
    for mechanism in Mechanism::ALL {
        let outcome = cleared(mechanism, &book, &terms(500_000, 1_000_000, 1_000_000_000));
        assert_eq!(checker::feasible(&book, &outcome), Ok(()), "{mechanism}");
        let price = outcome.clearing.price.map_or(0, MicroPricePerKwh::get);
        assert!(price >= 0);
    }
}
