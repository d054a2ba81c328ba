//! Partners, gifts, and a home's own orders.

use std::collections::BTreeMap;

use energy_core::{HomeId, IntervalStart, MicroPricePerKwh, Order, OrderId, Side, WattHours};
use market_engine::call_auction;
use market_engine::preference::{
    Bilateral, BilateralKind, Partner, Wish, WishError, bilateral, net_own,
};
use proptest::prelude::*;

fn interval() -> IntervalStart {
    energy_core::IntervalLength::QUARTER_HOUR
        .start_at(1_781_514_000)
        .expect("aligned")
}

fn id(n: u8) -> OrderId {
    OrderId::new([n; 16])
}

fn order(n: u8, home: u32, side: Side, wh: u64, limit: i64) -> Order {
    Order {
        id: id(n),
        home: HomeId::new(home),
        side,
        quantity: WattHours::new(wh),
        price: MicroPricePerKwh::new(limit),
    }
}

fn with(home: u32, priority: u16, share_ppm: u32) -> Partner {
    Partner {
        home: HomeId::new(home),
        priority,
        share_ppm,
    }
}

fn partners(entries: &[Partner]) -> Wish {
    Wish {
        partners: entries.to_vec(),
        gifts: Vec::new(),
    }
}

fn matched(orders: &[Order], wishes: &[(u8, Wish)]) -> Vec<(u8, u8, u64, i64)> {
    let wishes = wishes
        .iter()
        .map(|(n, wish)| (id(*n), wish.clone()))
        .collect();
    let matched = bilateral(interval(), orders, &wishes).expect("a book");
    let short = |trade: &Bilateral| {
        let name = |id: OrderId| id.as_bytes()[0];
        (
            name(trade.seller),
            name(trade.buyer),
            trade.quantity.get(),
            trade.price.get(),
        )
    };
    matched.trades.iter().map(short).collect()
}

#[test]
fn partners_trade_in_the_middle_if_both_want_it() {
    let orders = [
        order(1, 1, Side::Ask, 100, 10),
        order(2, 2, Side::Bid, 70, 21),
        order(3, 3, Side::Bid, 70, 30),
    ];
    let to_two = partners(&[with(2, 1, 1_000_000)]);
    let to_one = partners(&[with(1, 1, 1_000_000)]);
    assert_eq!(matched(&orders, &[(1, to_two.clone())]), []);
    assert_eq!(
        matched(&orders, &[(1, to_two.clone()), (2, to_one.clone())]),
        [(1, 2, 70, 15)]
    );
    // Not beyond a limit.
    let dear = [order(1, 1, Side::Ask, 100, 22), orders[1]];
    assert_eq!(matched(&dear, &[(1, to_two), (2, to_one)]), []);
}

#[test]
fn priority_and_share_decide_who_gets_how_much() {
    let orders = [
        order(1, 1, Side::Ask, 100, 10),
        order(2, 2, Side::Bid, 70, 20),
        order(3, 3, Side::Bid, 70, 20),
    ];
    let to_one = partners(&[with(1, 1, 1_000_000)]);
    let wish = partners(&[with(2, 2, 1_000_000), with(3, 1, 505_000)]);
    assert_eq!(
        matched(
            &orders,
            &[(1, wish), (2, to_one.clone()), (3, to_one.clone())]
        ),
        [(1, 3, 50, 15), (1, 2, 50, 15)]
    );
    let wish = partners(&[with(2, 1, 1_000_000), with(3, 2, 1_000_000)]);
    assert_eq!(
        matched(&orders, &[(1, wish), (2, to_one.clone()), (3, to_one)]),
        [(1, 2, 70, 15), (1, 3, 30, 15)]
    );
}

#[test]
fn a_gift_comes_first_and_costs_nothing() {
    let orders = [
        order(1, 1, Side::Ask, 100, 10),
        order(2, 2, Side::Bid, 70, 5),
        order(3, 3, Side::Bid, 90, 20),
    ];
    let wish = Wish {
        partners: vec![with(3, 0, 1_000_000)],
        gifts: vec![with(2, 9, 300_000)],
    };
    let back = partners(&[with(1, 0, 1_000_000)]);
    assert_eq!(
        matched(&orders, &[(1, wish.clone()), (3, back)]),
        [(1, 2, 30, 0), (1, 3, 70, 15)]
    );
    // Who wants to be paid for taking energy takes no gift; nobody gives to itself.
    let paid = [orders[0], order(2, 2, Side::Bid, 70, -1)];
    assert_eq!(matched(&paid, &[(1, wish.clone())]), []);
    let own = [orders[0], order(2, 1, Side::Bid, 70, 20)];
    let to_itself = Wish {
        gifts: vec![with(1, 0, 1_000_000)],
        ..Wish::default()
    };
    assert_eq!(matched(&own, &[(1, to_itself)]), []);
}

#[test]
fn wishes_that_cannot_be_are_named() {
    let orders = [order(1, 1, Side::Ask, 100, 10)];
    let refused = |wish| {
        let wishes = BTreeMap::from([(id(1), wish)]);
        bilateral(interval(), &orders, &wishes).expect_err("no wish")
    };
    let share = WishError::Share {
        order: id(1),
        got: 1_000_001,
    };
    assert_eq!(refused(partners(&[with(2, 0, 1_000_001)])), share);
    let twice = refused(partners(&[with(2, 0, 1), with(2, 1, 1)]));
    assert!(
        twice
            .to_string()
            .ends_with("expected each home once, got home 2 twice")
    );
}

#[test]
fn a_home_uses_its_own_energy_first() {
    let orders = [
        order(1, 1, Side::Ask, 100, 10),
        order(2, 1, Side::Bid, 60, 12),
        order(3, 1, Side::Bid, 60, 9),
        order(4, 2, Side::Bid, 60, 12),
        order(5, 0, Side::Bid, 60, 12),
        order(6, 0, Side::Ask, 60, 1),
    ];
    let (rest, own) = net_own(&orders).expect("a book");
    let left: Vec<u64> = rest.iter().map(|order| order.quantity.get()).collect();
    assert_eq!(left, [40, 0, 60, 60, 60, 60]);
    assert_eq!(own.len(), 1);
    assert_eq!(
        (own[0].seller, own[0].buyer, own[0].quantity.get()),
        (id(1), id(2), 60)
    );
}

/// Books of a few homes, each with wishes about some of the others.
fn streets() -> impl Strategy<Value = (Vec<Order>, BTreeMap<OrderId, Wish>)> {
    let entry = || (1..7_u32, 0..3_u16, 0..=1_000_000_u32);
    let entries = move || {
        prop::collection::btree_map(1..7_u32, entry(), 0..4).prop_map(|entries| {
            let entry = |(home, (_, priority, share))| with(home, priority, share);
            entries.into_iter().map(entry).collect::<Vec<_>>()
        })
    };
    let row = (
        1..7_u32,
        any::<bool>(),
        0..500_u64,
        -5..30_i64,
        entries(),
        entries(),
    );
    prop::collection::vec(row, 0..14).prop_map(|rows| {
        let mut orders = Vec::new();
        let mut wishes = BTreeMap::new();
        for (n, (home, is_bid, wh, limit, partners, gifts)) in (1..).zip(rows) {
            let side = if is_bid { Side::Bid } else { Side::Ask };
            orders.push(order(n, home, side, wh, limit));
            wishes.insert(id(n), Wish { partners, gifts });
        }
        (orders, wishes)
    })
}

proptest! {
    #[test]
    fn energy_limits_shares_and_will_are_kept((orders, wishes) in streets()) {
        let matched = bilateral(interval(), &orders, &wishes).expect("a book");
        let find = |id| orders.iter().find(|order| order.id == id).expect("in the book");
        let mut gone: BTreeMap<OrderId, u64> = BTreeMap::new();
        let mut to: BTreeMap<(OrderId, HomeId, BilateralKind), u64> = BTreeMap::new();
        for trade in &matched.trades {
            let (ask, bid) = (find(trade.seller), find(trade.buyer));
            prop_assert_eq!((ask.side, bid.side), (Side::Ask, Side::Bid));
            prop_assert_ne!(ask.home, bid.home);
            prop_assert!(trade.quantity.get() > 0 && trade.price <= bid.price);
            let names = |entries: &[Partner], home| entries.iter().copied().find(|p| p.home == home);
            let (give, take) = match trade.kind {
                BilateralKind::Gift => {
                    prop_assert_eq!(trade.price.get(), 0);
                    (names(&wishes[&ask.id].gifts, bid.home).expect("the giver said so"), None)
                }
                BilateralKind::Partner => {
                    prop_assert!(trade.price >= ask.price);
                    (names(&wishes[&ask.id].partners, bid.home).expect("the seller said so"),
                     Some(names(&wishes[&bid.id].partners, ask.home).expect("the buyer said so")))
                }
            };
            for (order, home, entry) in [(ask, bid.home, Some(give)), (bid, ask.home, take)] {
                *gone.entry(order.id).or_default() += trade.quantity.get();
                let sum = to.entry((order.id, home, trade.kind)).or_default();
                *sum += trade.quantity.get();
                if let Some(entry) = entry {
                    let most = u128::from(order.quantity.get()) * u128::from(entry.share_ppm) / 1_000_000;
                    prop_assert!(u128::from(*sum) <= most);
                }
            }
        }
        prop_assert_eq!(matched.rest.len(), orders.len());
        for rest in &matched.rest {
            let whole = find(rest.id);
            let gone = gone.get(&rest.id).copied().unwrap_or(0);
            prop_assert_eq!(rest.quantity.get() + gone, whole.quantity.get());
            prop_assert_eq!(Order { quantity: whole.quantity, ..*rest }, *whole);
        }
    }

    #[test]
    fn the_order_of_rows_makes_no_difference(
        ((orders, wishes), shuffled) in streets().prop_flat_map(|street| (Just(street.clone()), Just(street.0).prop_shuffle())),
    ) {
        let a = bilateral(interval(), &orders, &wishes).expect("a book");
        prop_assert_eq!(a, bilateral(interval(), &shuffled, &wishes).expect("a book"));
        prop_assert_eq!(net_own(&orders), net_own(&shuffled));
    }

    #[test]
    fn no_home_trades_with_itself((orders, _) in streets()) {
        let (rest, own) = net_own(&orders).expect("a book");
        let sum = |orders: &[Order], side| orders.iter().filter(|o| o.side == side).map(|o| o.quantity.get()).sum::<u64>();
        let netted: u64 = own.iter().map(|trade| trade.quantity.get()).sum();
        for side in [Side::Bid, Side::Ask] {
            prop_assert_eq!(sum(&rest, side) + netted, sum(&orders, side));
        }
        let clearing = call_auction(interval(), &rest, 500_000).expect("a book");
        let traded = |home, side| rest.iter().zip(&clearing.fills)
            .any(|(o, fill)| o.id == fill.order && o.home == home && o.side == side && fill.quantity.get() > 0);
        for home in (1..7).map(HomeId::new) {
            prop_assert!(!(traded(home, Side::Bid) && traded(home, Side::Ask)));
        }
    }
}
