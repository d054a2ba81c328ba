//! The book that is cleared: sides at random, prices uniform in 80,000..=300,000 µ/kWh, quantities in
//! 1..=1000 Wh, ids like those of a zone (hashes), rows by id.

use energy_core::{
    HomeId, IntervalLength, IntervalStart, MicroPricePerKwh, Order, OrderId, Side, WattHours,
};
use market_engine::Quote;

const LOWEST: i64 = 80_000;
const HIGHEST: i64 = 300_000;

/// A book as orders, and as quotes.
pub(crate) struct Book {
    /// By id.
    pub(crate) orders: Vec<Order>,
    /// The same bids, without names.
    pub(crate) bids: Vec<Quote>,
    /// The same asks.
    pub(crate) asks: Vec<Quote>,
}

impl Book {
    /// The same one every time.
    pub(crate) fn new(size: usize) -> Self {
        let orders = orders(size);
        let quotes = |side: Side| {
            let of_side = orders.iter().filter(|order| order.side == side);
            of_side.map(quote).collect()
        };
        Self {
            bids: quotes(Side::Bid),
            asks: quotes(Side::Ask),
            orders,
        }
    }

    /// How many orders.
    pub(crate) fn size(&self) -> usize {
        self.orders.len()
    }

    /// The orders in no order.
    pub(crate) fn shuffled(&self) -> Vec<Order> {
        let (mut orders, mut stream) = (self.orders.clone(), Stream(5));
        for last in (1..orders.len()).rev() {
            let other = stream.below(last as u64 + 1) as usize;
            orders.swap(last, other);
        }
        orders
    }
}

/// Ids are random numbers that rise from row to row.
pub(crate) fn orders(size: usize) -> Vec<Order> {
    let mut stream = Stream(3);
    let step = u128::MAX / size as u128;
    (0..size)
        .map(|n| {
            let id = step * n as u128 + u128::from(stream.next()) % step;
            Order {
                id: OrderId::new(id.to_be_bytes()),
                home: HomeId::new(n as u32),
                side: if stream.below(2) == 0 {
                    Side::Bid
                } else {
                    Side::Ask
                },
                quantity: WattHours::new(1 + stream.below(1_000)),
                price: MicroPricePerKwh::new(
                    LOWEST + stream.below((HIGHEST - LOWEST) as u64 + 1) as i64,
                ),
            }
        })
        .collect()
}

fn quote(order: &Order) -> Quote {
    Quote {
        price: (order.price.get() - LOWEST) as u32,
        quantity: order.quantity.get() as u32,
    }
}

/// Any interval.
pub(crate) fn interval() -> IntervalStart {
    IntervalLength::QUARTER_HOUR
        .start_at(1_781_514_000)
        .expect("aligned")
}

/// Numbers that look random and are the same every time (xorshift).
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}
