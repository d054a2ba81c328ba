//! Orders of one home do not trade with each other: what crosses is taken out before the auction.
//!
//! In a metered zone a home has one order for an interval, its net, so there is nothing to take out.
//! In a book of any other kind, [`net_own`] matches each home's own bids with its own asks, the highest
//! bid with the lowest ask, as long as the bid is at least the ask: the home uses that energy itself,
//! and no money moves. What is left of its bids lies below what is left of its asks, so no price lets
//! both be filled, and no mechanism that keeps limits can trade them with each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use energy_core::{HomeId, Order, OrderId, Side, WattHours};

use crate::book::BookError;

/// Energy that a home would have sold to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfTrade {
    /// Whose.
    pub home: HomeId,
    /// The ask.
    pub seller: OrderId,
    /// The bid.
    pub buyer: OrderId,
    /// How much, more than nothing.
    pub quantity: WattHours,
}

/// The orders, by id, without what each home would have traded with itself, and that.
///
/// Home 0 stands for an unknown owner: its orders are left as they are.
///
/// # Errors
/// [`BookError`].
pub fn net_own(orders: &[Order]) -> Result<(Vec<Order>, Vec<SelfTrade>), BookError> {
    let rows = crate::book::checked(orders)?;
    let mut rest: Vec<Order> = rows.into_iter().copied().collect();
    let mut homes: BTreeMap<HomeId, Vec<usize>> = BTreeMap::new();
    for (place, order) in rest.iter().enumerate() {
        if order.home != HomeId::new(0) && order.quantity > WattHours::ZERO {
            homes.entry(order.home).or_default().push(place);
        }
    }
    let mut trades = Vec::new();
    for (home, places) in homes {
        let (mut bids, mut asks): (Vec<usize>, Vec<usize>) = places
            .into_iter()
            .partition(|place| rest[*place].side == Side::Bid);
        bids.sort_by_key(|place| Reverse(rest[*place].price));
        asks.sort_by_key(|place| rest[*place].price);
        let (mut bids, mut asks) = (bids.into_iter().peekable(), asks.into_iter().peekable());
        while let (Some(bid), Some(ask)) = (bids.peek().copied(), asks.peek().copied()) {
            if rest[bid].price < rest[ask].price {
                break;
            }
            let quantity = rest[bid].quantity.min(rest[ask].quantity);
            for place in [bid, ask] {
                let left = rest[place].quantity.saturating_less(quantity);
                rest[place].quantity = left;
            }
            trades.push(SelfTrade {
                home,
                seller: rest[ask].id,
                buyer: rest[bid].id,
                quantity,
            });
            bids.next_if(|place| rest[*place].quantity == WattHours::ZERO);
            asks.next_if(|place| rest[*place].quantity == WattHours::ZERO);
        }
    }
    Ok((rest, trades))
}
