//! Books for the tests.

use energy_core::{
    HomeId, IntervalLength, IntervalStart, MicroPricePerKwh, Order, OrderId, Side, WattHours,
    keccak,
};
use market_engine::mechanism::{Mechanism, Outcome, Terms, clear};
use proptest::prelude::*;

pub(crate) fn interval() -> IntervalStart {
    IntervalLength::QUARTER_HOUR
        .start_at(1_781_514_000)
        .expect("aligned")
}

pub(crate) fn order(n: u32, side: Side, wh: u64, price: i64) -> Order {
    Order {
        id: OrderId::derived("order", &n.to_be_bytes()),
        home: HomeId::new(n),
        side,
        quantity: WattHours::new(wh),
        price: MicroPricePerKwh::new(price),
    }
}

/// `(bids, asks)` as (Wh, price), numbered through.
pub(crate) fn book(bids: &[(u64, i64)], asks: &[(u64, i64)]) -> Vec<Order> {
    let sides = bids.iter().map(|row| (Side::Bid, row));
    (0_u32..)
        .zip(sides.chain(asks.iter().map(|row| (Side::Ask, row))))
        .map(|(n, (side, (wh, price)))| order(n, side, *wh, *price))
        .collect()
}

pub(crate) fn terms(k_ppm: u32, floor: i64, ceiling: i64) -> Terms {
    Terms {
        k_ppm,
        ceiling: MicroPricePerKwh::new(ceiling),
        floor: MicroPricePerKwh::new(floor),
    }
}

pub(crate) fn cleared(mechanism: Mechanism, book: &[Order], terms: &Terms) -> Outcome {
    clear(mechanism, interval(), book, terms).expect("a book")
}

/// Few prices and small quantities, so that ties and exact touches are common.
pub(crate) fn small_books(orders: usize) -> impl Strategy<Value = Vec<Order>> {
    let row = (any::<bool>(), 0_u64..5, 0_i64..6);
    prop::collection::vec(row, 0..=orders).prop_map(|rows| numbered(&rows, 1))
}

/// Up to sixty orders at coarse prices, negative ones too.
pub(crate) fn larger_books() -> impl Strategy<Value = Vec<Order>> {
    let row = (any::<bool>(), 0_u64..2_000, -4_i64..60);
    prop::collection::vec(row, 0..60).prop_map(|rows| numbered(&rows, 5_000))
}

pub(crate) fn some_terms() -> impl Strategy<Value = Terms> {
    let band = prop_oneof![
        Just((100_000, 250_000)),
        Just((0, 250_000)),
        Just((-20_000, 150_000)),
        Just((1, 5)),
        Just((5, 1)),
        (0_i64..6, 0_i64..6),
    ];
    (0_u32..=1_000_000, band).prop_map(|(k_ppm, (floor, ceiling))| terms(k_ppm, floor, ceiling))
}

fn numbered(rows: &[(bool, u64, i64)], tick: i64) -> Vec<Order> {
    (0_u32..)
        .zip(rows)
        .map(|(n, (is_bid, wh, price))| {
            let side = if *is_bid { Side::Bid } else { Side::Ask };
            // Three homes for every four orders: some have several.
            let home = HomeId::new(n / 4 * 3 + n % 4 % 3);
            Order {
                home,
                ..order(n, side, *wh, price * tick)
            }
        })
        .collect()
}

/// A market of `bids` and `asks` with prices from 80 000 up to 300 000 in steps of `tick` and quantities
/// from 1 to `wh`, all by a hash of the seed.
pub(crate) fn market(seed: u32, bids: u32, asks: u32, tick: i64, wh: u64) -> Vec<Order> {
    (0..bids + asks)
        .map(|n| {
            let hash = keccak(&[&seed.to_be_bytes(), &n.to_be_bytes()]);
            let number = |at: usize| {
                let bytes = hash.as_bytes()[at..at + 8].try_into().expect("eight bytes");
                u64::from_be_bytes(bytes)
            };
            let price = 80_000 + i64::try_from(number(0) % 220_001).expect("small");
            let side = if n < bids { Side::Bid } else { Side::Ask };
            order(n, side, 1 + number(8) % wh, price / tick * tick)
        })
        .collect()
}

/// What an order gains when its limit is `worth`.
pub(crate) fn gain(outcome: &Outcome, order: &Order, worth: MicroPricePerKwh) -> i128 {
    let fills = &outcome.clearing.fills;
    let at = fills.binary_search_by_key(&order.id, |fill| fill.order);
    let at = at.expect("one fill for each order");
    let value = fills[at].quantity.value_wide(worth);
    match order.side {
        Side::Bid => value + outcome.amounts[at],
        Side::Ask => outcome.amounts[at] - value,
    }
}
