//! Everybody can pay, over a span: what an order could cost is kept for it until it is settled.
//!
//! A bid is cut to `free funds ÷ limit`, interval by interval, the nearest first, and what it could
//! cost is reserved; an ask with a negative limit likewise by its absolute value. Free funds for an
//! order are those of the home less everything that is reserved already.

use std::collections::BTreeMap;

use energy_core::{IntervalStart, MicroPricePerKwh, NanoAmount, Side, WattHours};

use super::order::{ForwardOrder, ForwardOrderId, Leg};
use crate::funds;
use crate::rules::ZoneRules;

/// What a quantity costs at worst at an all-in limit, never negative.
pub(super) fn exposure(side: Side, quantity: WattHours, limit: MicroPricePerKwh) -> NanoAmount {
    let value = quantity.value_wide(limit);
    let owed = match side {
        Side::Bid => value,
        Side::Ask => value.saturating_neg(),
    };
    NanoAmount::new(i64::try_from(owed.max(0)).unwrap_or(i64::MAX))
}

/// What is reserved for orders, in the intervals that count.
pub(super) fn reserved<'a>(
    orders: impl IntoIterator<Item = &'a ForwardOrder>,
    counts: impl Fn(ForwardOrderId, IntervalStart) -> bool,
) -> i128 {
    orders
        .into_iter()
        .flat_map(|order| {
            order
                .reserved
                .iter()
                .map(|(at, amount)| (order.id, *at, amount))
        })
        .filter(|(order, at, _)| counts(*order, *at))
        .fold(0, |sum: i128, (.., amount)| {
            sum.saturating_add(amount.get().into())
        })
}

/// What is left of free funds after what is reserved, not below nothing.
pub(super) fn left(free: NanoAmount, reserved: i128) -> NanoAmount {
    let left = i128::from(free.get()).saturating_sub(reserved).max(0);
    NanoAmount::new(i64::try_from(left).unwrap_or(i64::MAX))
}

/// Cuts the legs to what can be paid, the nearest first, and gives what is reserved for them.
pub(super) fn fund(
    rules: &ZoneRules,
    side: Side,
    legs: &mut BTreeMap<IntervalStart, Leg>,
    free: NanoAmount,
) -> BTreeMap<IntervalStart, NanoAmount> {
    let mut free = free;
    let mut kept = BTreeMap::new();
    for (interval, leg) in legs {
        let limit = rules.all_in_limit(*interval, side, leg.limit);
        (leg.quantity, _) = funds::cut(side, leg.wanted, limit, free);
        let cost = exposure(side, leg.quantity, limit);
        free = left(free, cost.get().into());
        if cost > NanoAmount::ZERO {
            kept.insert(*interval, cost);
        }
    }
    kept
}
