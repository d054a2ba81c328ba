//! The tie rule: orders of one side and one price that are filled in part share in proportion.
//!
//! Each has the floor of its share or one Wh more. Who has one more comes before who has not: by the
//! larger remainder, then by the lower `keccak(interval ‖ order id)`.
//!
//! That better-priced orders are full and worse ones empty needs no look here: a fill that broke it
//! would have cost welfare.

use energy_core::{Clearing, Hash, IntervalStart, Order, OrderId, Side, keccak};

use super::Violation;

/// An order at the margin.
struct Share {
    order: OrderId,
    /// What the division leaves.
    rest: u128,
    has_one_more: bool,
}

/// Checks the orders of a side whose limit is `limit`.
pub(super) fn check(
    interval: IntervalStart,
    book: &[&Order],
    clearing: &Clearing,
    side: Side,
    limit: i64,
) -> Result<(), Violation> {
    let tied: Vec<(&Order, u64)> = book
        .iter()
        .zip(&clearing.fills)
        .filter(|(order, _)| order.price.get() == limit && order.side == side)
        .map(|(order, fill)| (*order, fill.quantity.get()))
        .collect();
    let mut shares = Vec::new();
    let shared = sum(tied.iter().map(|(_, filled)| *filled));
    let offered = sum(tied.iter().map(|(order, _)| order.quantity.get()));
    for (order, filled) in tied {
        let quantity = u128::from(order.quantity.get());
        let product = shared.checked_mul(quantity).ok_or(Violation::Overflow)?;
        let floor = product.checked_div(offered).ok_or(Violation::Overflow)?;
        let rest = product.checked_rem(offered).ok_or(Violation::Overflow)?;
        let has_one_more = match u128::from(filled).checked_sub(floor) {
            Some(0) => false,
            Some(1) => true,
            _ => return Err(Violation::Tie { order: order.id }),
        };
        shares.push(Share {
            order: order.id,
            rest,
            has_one_more,
        });
    }
    order_of_rests(interval, &shares)
}

/// The last of those with one more comes before the first of those without.
fn order_of_rests(interval: IntervalStart, shares: &[Share]) -> Result<(), Violation> {
    let of = |more: bool| {
        shares
            .iter()
            .filter(move |share| share.has_one_more == more)
    };
    let (Some(last), Some(first)) = (
        of(true).min_by_key(|share| share.rest),
        of(false).max_by_key(|share| share.rest),
    ) else {
        return Ok(());
    };
    if last.rest != first.rest {
        let is_fair = last.rest > first.rest;
        return is_fair
            .then_some(())
            .ok_or(Violation::Tie { order: first.order });
    }
    let hash = |share: &Share| -> (Hash, OrderId) {
        let seconds = interval.seconds().to_be_bytes();
        let hash = keccak(&[&seconds, share.order.as_bytes()]);
        (hash, share.order)
    };
    let equal = |more: bool| of(more).filter(|share| share.rest == last.rest).map(hash);
    match (equal(true).max(), equal(false).min()) {
        (Some(last), Some(first)) if last > first => Err(Violation::Tie { order: last.1 }),
        _ => Ok(()),
    }
}

/// At most 2^32 summands below 2^64: never beyond 128 bits.
fn sum(quantities: impl Iterator<Item = u64>) -> u128 {
    quantities.fold(0, |sum, quantity| sum.saturating_add(quantity.into()))
}
