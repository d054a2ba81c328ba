//! The rules: books small enough to follow by hand, and other ways to the same result.

use energy_core::{MicroPricePerKwh, Order, Side, WattHours};
use market_engine::call_auction;
use market_engine::mechanism::{Mechanism, Outcome, Terms};
use proptest::prelude::*;

use crate::books::{book, cleared, interval, order, small_books, terms};

/// Quantity, what buyers pay and what sellers receive.
fn totals(book: &[Order], outcome: &Outcome) -> (u128, i128, i128) {
    let mut ids: Vec<&Order> = book.iter().collect();
    ids.sort_by_key(|order| order.id);
    let of = |side: Side| -> i128 {
        let amounts = ids.iter().zip(&outcome.amounts);
        amounts
            .filter(|(o, _)| o.side == side)
            .map(|(_, got)| got)
            .sum()
    };
    let quantity = outcome.clearing.certificate.quantity;
    (quantity, -of(Side::Bid), of(Side::Ask))
}

fn price(outcome: &Outcome) -> Option<i64> {
    outcome.clearing.price.map(MicroPricePerKwh::get)
}

/// Limits from the best on.
fn limits(book: &[Order], side: Side) -> Vec<i64> {
    let of_side = book.iter().filter(|o| o.side == side);
    let mut limits: Vec<i64> = of_side.map(|o| o.price.get()).collect();
    limits.sort_unstable();
    if side == Side::Bid {
        limits.reverse();
    }
    limits
}

#[test]
fn mcafee_trades_all_at_the_price_of_the_next_two_if_it_can() {
    // Three pairs could trade; the next are 5 and 6, and 5 lies within [4, 7].
    let rows = [(1, 9), (1, 8), (1, 7), (1, 5)];
    let open = book(&rows, &[(1, 2), (1, 3), (1, 4), (1, 6)]);
    let outcome = cleared(Mechanism::McAfee, &open, &terms(0, 0, 9));
    assert_eq!(totals(&open, &outcome), (3, 15, 15));
    // Without a next ask the last pair stands aside: two buy at 7, two sell at 4.
    let closed = book(&rows, &[(1, 2), (1, 3), (1, 4)]);
    let outcome = cleared(Mechanism::McAfee, &closed, &terms(0, 0, 9));
    assert_eq!(totals(&closed, &outcome), (2, 14, 8));
    assert_eq!(outcome.surplus, 6);
    assert_eq!(price(&outcome), None);
}

#[test]
fn mcafee_with_quantities_leaves_the_margin_of_each_side_out() {
    // The auction trades 6: the bid of 7 and the ask of 3 are the last. The first bid alone wants 4,
    // the first two asks offer 5, so 4 trade and the asks share them 2 : 3 as 8/5 and 12/5.
    let book = book(&[(4, 9), (5, 7)], &[(2, 1), (3, 2), (1, 3)]);
    let outcome = cleared(Mechanism::McAfee, &book, &terms(0, 0, 9));
    assert_eq!(totals(&book, &outcome), (4, 28, 12));
    let fill = |at: usize| {
        let of = |f: &&energy_core::Fill| f.order == book[at].id;
        let fills = &outcome.clearing.fills;
        fills.iter().find(of).expect("it").quantity.get()
    };
    assert_eq!(
        [fill(0), fill(1), fill(2), fill(3), fill(4)],
        [4, 0, 2, 2, 0]
    );
}

#[test]
fn sbba_takes_the_lower_of_last_bid_and_next_ask() {
    let rows = [(1, 9), (1, 8), (1, 7)];
    // The next ask, 6, is below the last bid: all three trade at it.
    let open = book(&rows, &[(1, 2), (1, 3), (1, 4), (1, 6)]);
    let outcome = cleared(Mechanism::Sbba, &open, &terms(0, 0, 9));
    assert_eq!((price(&outcome), totals(&open, &outcome).0), (Some(6), 3));
    // It is above: the last bid, 7, sets the price and stands aside.
    let closed = book(&rows, &[(1, 2), (1, 3), (1, 4), (1, 8)]);
    let outcome = cleared(Mechanism::Sbba, &closed, &terms(0, 0, 9));
    assert_eq!((price(&outcome), totals(&closed, &outcome).0), (Some(7), 2));
    // The rest of a partly filled ask is the next ask; it sells nothing, and the bids share 2 Wh.
    let part = book(&[(2, 9), (2, 8)], &[(2, 1), (5, 4)]);
    let outcome = cleared(Mechanism::Sbba, &part, &terms(0, 0, 9));
    assert_eq!((price(&outcome), totals(&part, &outcome).0), (Some(4), 2));
}

#[test]
fn the_sharing_rules_give_the_prices_of_their_papers() {
    // 300 Wh of need, 100 to spare, limits that any price of the band keeps.
    let shortage = book(&[(300, 400)], &[(100, 0)]);
    let band = terms(0, 100, 300);
    let at = |mechanism, book: &[Order]| price(&cleared(mechanism, book, &band));
    assert_eq!(at(Mechanism::MidMarketRate, &shortage), Some(200));
    // (300 · 300 + 100 · 100) / 400
    assert_eq!(at(Mechanism::BillSharing, &shortage), Some(250));
    // 300 · 100 / (200 / 3 + 100)
    assert_eq!(at(Mechanism::SupplyDemandRatio, &shortage), Some(180));
    let plenty = book(&[(100, 400)], &[(300, 0)]);
    assert_eq!(at(Mechanism::MidMarketRate, &plenty), Some(200));
    assert_eq!(at(Mechanism::BillSharing, &plenty), Some(150));
    assert_eq!(at(Mechanism::SupplyDemandRatio, &plenty), Some(100));
}

#[test]
fn a_price_that_a_limit_refuses_is_found_again_with_the_rest() {
    // With the second seller the ratio is one and the price the floor, 100, which it refuses; without
    // it the ratio is a half and the price 300 · 100 / 200 = 150.
    let refuses = book(&[(200, 400)], &[(100, 0), (100, 160)]);
    let outcome = cleared(Mechanism::SupplyDemandRatio, &refuses, &terms(0, 100, 300));
    assert_eq!(
        (price(&outcome), totals(&refuses, &outcome).0),
        (Some(150), 100)
    );
    // A limit of 120 is neither: in, the price would be 100, out, 150. So 120 it is, and all trade.
    let between = book(&[(200, 400)], &[(100, 0), (100, 120)]);
    let outcome = cleared(Mechanism::SupplyDemandRatio, &between, &terms(0, 100, 300));
    assert_eq!(
        (price(&outcome), totals(&between, &outcome).0),
        (Some(120), 200)
    );
}

#[test]
fn a_band_without_room_trades_nothing() {
    let book = book(&[(200, 400)], &[(100, 0)]);
    for mechanism in [
        Mechanism::MidMarketRate,
        Mechanism::BillSharing,
        Mechanism::SupplyDemandRatio,
    ] {
        let outcome = cleared(mechanism, &book, &terms(0, 300, 299));
        assert_eq!(outcome.clearing.certificate.quantity, 0);
    }
}

/// McAfee 1992 for units: pairs that trade, buyers' price, sellers' price.
fn mcafee_of_units(bids: &[i64], asks: &[i64]) -> (usize, i64, i64) {
    let k = bids.iter().zip(asks).take_while(|(b, s)| b >= s).count();
    let Some(last) = k.checked_sub(1) else {
        return (0, 0, 0);
    };
    if let (Some(bid), Some(ask)) = (bids.get(k), asks.get(k)) {
        let price = (bid + ask).div_euclid(2);
        if (asks[last]..=bids[last]).contains(&price) {
            return (k, price, price);
        }
    }
    (last, bids[last], asks[last])
}

/// SBBA 2016 for units: pairs that trade, price.
fn sbba_of_units(bids: &[i64], asks: &[i64]) -> (usize, i64) {
    let k = bids.iter().zip(asks).take_while(|(b, s)| b >= s).count();
    let Some(last) = k.checked_sub(1) else {
        return (0, 0);
    };
    match asks.get(k) {
        Some(next) if *next <= bids[last] => (k, *next),
        _ => (last, bids[last]),
    }
}

/// `max { p : r(D(p), S(p)) ≥ p }` by looking at every price, the rules as their files state them; and of
/// it and the next one, where the rule jumps over it, the one at which more trades.
fn price_by_search(mechanism: Mechanism, book: &[Order], terms: &Terms) -> i64 {
    let (floor, ceiling) = (terms.floor.get(), terms.ceiling.get());
    let sum = |side: Side, p: i64| -> i64 {
        let accepts = |o: &&Order| match side {
            Side::Bid => o.side == side && o.price.get() >= p,
            Side::Ask => o.side == side && o.price.get() <= p,
        };
        let quantities = book.iter().filter(accepts).map(|o| o.quantity.get());
        i64::try_from(quantities.sum::<u64>()).expect("small")
    };
    let rule = |p: i64| {
        let (d, s) = (sum(Side::Bid, p), sum(Side::Ask, p));
        match (mechanism, d, s) {
            (Mechanism::MidMarketRate, ..) => (floor + ceiling).div_euclid(2),
            (_, 0, _) => floor,
            (_, _, 0) => ceiling,
            (Mechanism::BillSharing, ..) => (d * ceiling + s * floor).div_euclid(d + s),
            _ if s >= d => floor,
            _ if floor <= 0 => floor + ((ceiling - floor) * (d - s)).div_euclid(d),
            _ => (ceiling * floor * d).div_euclid((ceiling - floor) * s + floor * d),
        }
    };
    let traded = |p| sum(Side::Bid, p).min(sum(Side::Ask, p));
    let holds = (floor..=ceiling).filter(|p| rule(*p) >= *p);
    let price = holds.max().expect("the floor at least");
    let jumps = rule(price) > price && traded(price + 1) > traded(price);
    if jumps { price + 1 } else { price }
}

proptest! {
    #[test]
    fn with_orders_of_one_size_mcafee_and_sbba_are_those_of_the_papers(
        book in small_books(12), wh in 1_u64..5,
    ) {
        let book: Vec<Order> = book.into_iter()
            .map(|order| Order { quantity: WattHours::new(wh), ..order })
            .collect();
        let (bids, asks) = (limits(&book, Side::Bid), limits(&book, Side::Ask));
        let wide = |units: usize| units as u128 * u128::from(wh);

        let (units, buyers, sellers) = mcafee_of_units(&bids, &asks);
        let (quantity, paid, received) = totals(&book, &cleared(Mechanism::McAfee, &book, &terms(0, 0, 9)));
        prop_assert_eq!(quantity, wide(units));
        prop_assert_eq!(paid, quantity as i128 * i128::from(buyers));
        prop_assert_eq!(received, quantity as i128 * i128::from(sellers));

        let (units, price) = sbba_of_units(&bids, &asks);
        let (quantity, paid, _) = totals(&book, &cleared(Mechanism::Sbba, &book, &terms(0, 0, 9)));
        prop_assert_eq!(quantity, wide(units));
        prop_assert_eq!(paid, quantity as i128 * i128::from(price));
    }

    #[test]
    fn the_price_of_sbba_is_the_highest_valid_one(book in small_books(12)) {
        let outcome = cleared(Mechanism::Sbba, &book, &terms(0, 0, 9));
        let price = outcome.clearing.price;
        prop_assert!(price.is_none() || price == outcome.clearing.price_hi);
    }

    #[test]
    fn a_sharing_rule_meets_the_limits_where_a_search_finds_it(
        rows in prop::collection::vec((any::<bool>(), 0_u64..50, -5_i64..50), 0..12),
        floor in -5_i64..20, width in 0_i64..40,
    ) {
        let book: Vec<Order> = (0_u32..).zip(&rows)
            .map(|(n, (b, wh, p))| order(n, if *b { Side::Bid } else { Side::Ask }, *wh, *p))
            .collect();
        let terms = terms(0, floor, floor + width);
        for mechanism in [Mechanism::MidMarketRate, Mechanism::BillSharing, Mechanism::SupplyDemandRatio] {
            let outcome = cleared(mechanism, &book, &terms);
            let expected = price_by_search(mechanism, &book, &terms);
            let (quantity, ..) = totals(&book, &outcome);
            let accepting = |side: Side| -> u64 {
                let accepts = |o: &&Order| o.side == side && match side {
                    Side::Bid => o.price.get() >= expected,
                    Side::Ask => o.price.get() <= expected,
                };
                book.iter().filter(accepts).map(|o| o.quantity.get()).sum()
            };
            let traded = accepting(Side::Bid).min(accepting(Side::Ask));
            prop_assert_eq!(quantity, u128::from(traded), "{} at {}", mechanism, expected);
            prop_assert_eq!(price(&outcome), (traded > 0).then_some(expected), "{}", mechanism);
        }
    }

    #[test]
    fn with_k_one_a_buyer_pays_its_bid_and_with_k_zero_a_seller_gets_its_ask(book in small_books(12)) {
        let auction = call_auction(interval(), &book, 0).expect("a book");
        for (k_ppm, side) in [(1_000_000, Side::Bid), (0, Side::Ask)] {
            let outcome = cleared(Mechanism::PayAsBid, &book, &terms(k_ppm, 0, 9));
            prop_assert_eq!(&outcome.clearing.fills, &auction.fills);
            for order in book.iter().filter(|o| o.side == side) {
                prop_assert_eq!(crate::books::gain(&outcome, order, order.price), 0);
            }
        }
    }
}

/// What MUDA does if the orders whose bit is set in `heads` are one half: quantity and what buyers pay.
fn muda_of(book: &[Order], heads: u32) -> (u128, i128) {
    let half = |wanted: bool| -> Vec<Order> {
        let at = book.iter().enumerate();
        at.filter(|(n, _)| (heads >> n & 1 == 1) == wanted)
            .map(|(_, o)| *o)
            .collect()
    };
    let price = |half: &[Order]| {
        let valid = call_auction(interval(), half, 500_000).expect("a book");
        let (lo, hi) = (valid.price_lo?.get(), valid.price_hi?.get());
        Some(lo + (hi - lo).div_euclid(2))
    };
    let trade = |half: &[Order], price: Option<i64>| {
        let Some(p) = price else { return (0, 0) };
        let sum = |side: Side| -> u64 {
            let accepts = |o: &&Order| match side {
                Side::Bid => o.side == side && o.price.get() >= p,
                Side::Ask => o.side == side && o.price.get() <= p,
            };
            half.iter().filter(accepts).map(|o| o.quantity.get()).sum()
        };
        let quantity = sum(Side::Bid).min(sum(Side::Ask));
        (u128::from(quantity), i128::from(quantity) * i128::from(p))
    };
    let (a, b) = (half(true), half(false));
    let (one, other) = (trade(&a, price(&b)), trade(&b, price(&a)));
    (one.0 + other.0, one.1 + other.1)
}

#[test]
fn muda_parts_the_orders_by_their_ids_and_sizes_alone() {
    // One way to part eight orders explains a thousand books of them, whatever their prices.
    let mut explains: Vec<u32> = (0..256).collect();
    for seed in 0..1_000_u32 {
        let book: Vec<Order> = (0_u32..8)
            .map(|n| {
                let side = if n % 2 == 0 { Side::Bid } else { Side::Ask };
                let hash = energy_core::keccak(&[&seed.to_be_bytes(), &n.to_be_bytes()]);
                order(n, side, u64::from(n) + 1, i64::from(hash.as_bytes()[0] % 9))
            })
            .collect();
        let outcome = cleared(Mechanism::Muda, &book, &terms(500_000, 0, 9));
        let (quantity, paid, _) = totals(&book, &outcome);
        explains.retain(|heads| muda_of(&book, *heads) == (quantity, paid));
    }
    let [one, other] = explains[..] else {
        panic!("expected one half and the other, got {explains:?}")
    };
    assert_eq!(one ^ other, 255);
    // Bids are the even bits and asks the odd ones, in order of size: neighbours are parted.
    for (first, second) in [(0, 2), (4, 6), (1, 3), (5, 7)] {
        assert_ne!(one >> first & 1, one >> second & 1);
    }
}
