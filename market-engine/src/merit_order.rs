//! The two staircases of a book, as an operator looks at them: bids from the highest price down, asks
//! from the lowest up, with the quantity summed along the way. Where they meet is the trade.

use energy_core::{MicroPricePerKwh, Order, Side, WattHours};
use serde::{Deserialize, Serialize};

/// All orders of one side at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Their price.
    pub price: MicroPricePerKwh,
    /// Their quantity.
    pub quantity: WattHours,
    /// This quantity and that of all better steps; stops at 2^64 − 1.
    pub cumulative: WattHours,
}

/// Both sides of a book, best price first, without zero quantities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeritOrder {
    /// Buyers, from the highest price down.
    pub bids: Vec<Step>,
    /// Sellers, from the lowest price up.
    pub asks: Vec<Step>,
}

/// The staircases of a book.
#[must_use]
pub fn merit_order(orders: &[Order]) -> MeritOrder {
    let mut bids = steps(orders, Side::Bid);
    bids.reverse();
    let mut asks = steps(orders, Side::Ask);
    accumulate(&mut bids);
    accumulate(&mut asks);
    MeritOrder { bids, asks }
}

fn steps(orders: &[Order], side: Side) -> Vec<Step> {
    let mut rows: Vec<&Order> = orders
        .iter()
        .filter(|o| o.side == side && o.quantity.get() > 0)
        .collect();
    rows.sort_unstable_by_key(|order| order.price);
    rows.chunk_by(|a, b| a.price == b.price)
        .filter_map(|level| {
            let quantity = level
                .iter()
                .fold(0_u64, |sum, order| sum.saturating_add(order.quantity.get()));
            let quantity = WattHours::new(quantity);
            level.first().map(|order| Step {
                price: order.price,
                quantity,
                cumulative: quantity,
            })
        })
        .collect()
}

fn accumulate(steps: &mut [Step]) {
    let mut sum = 0_u64;
    for step in steps {
        sum = sum.saturating_add(step.quantity.get());
        step.cumulative = WattHours::new(sum);
    }
}

#[cfg(test)]
mod tests {
    use energy_core::{HomeId, OrderId};

    use super::*;

    fn order(n: u8, side: Side, wh: u64, price: i64) -> Order {
        Order {
            id: OrderId::new([n; 16]),
            home: HomeId::new(n.into()),
            side,
            quantity: WattHours::new(wh),
            price: MicroPricePerKwh::new(price),
        }
    }

    #[test]
    fn equal_prices_are_one_step_and_zero_is_none() {
        let book = [
            order(1, Side::Bid, 100, 9),
            order(2, Side::Bid, 50, 12),
            order(3, Side::Bid, 25, 9),
            order(4, Side::Ask, 0, 1),
            order(5, Side::Ask, 70, -3),
        ];
        let got = merit_order(&book);
        let bids: Vec<_> = got
            .bids
            .iter()
            .map(|s| (s.price.get(), s.quantity.get(), s.cumulative.get()))
            .collect();
        assert_eq!(bids, [(12, 50, 50), (9, 125, 175)]);
        assert_eq!(got.asks.len(), 1);
        assert_eq!(got.asks[0].price.get(), -3);
    }
}
