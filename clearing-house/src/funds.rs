//! Everybody can pay: orders are cut to what their home could owe for them.
//!
//! A bid with a positive all-in limit is cut to `floor(free funds ÷ limit)` Wh, an ask with a negative
//! one likewise by its absolute value. Wh × µ/kWh is nano-currency exactly, so the division is plain.

use energy_core::{MicroPricePerKwh, NanoAmount, Side, WattHours};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Why an order is smaller than the home's surplus or need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum CutReason {
    /// The free funds did not cover all of it.
    #[n(0)]
    Funds,
}

/// What a home can spend in the market: escrow at chain finality less withdrawal requests, its cash
/// up to the interval before, and the zone's credit limit. Nothing when that is negative.
#[must_use]
pub fn free_funds(escrow: NanoAmount, cash: NanoAmount, credit_limit: NanoAmount) -> NanoAmount {
    let sum = i128::from(escrow.get())
        .saturating_add(cash.get().into())
        .saturating_add(credit_limit.get().into());
    NanoAmount::new(i64::try_from(sum.max(0)).unwrap_or(i64::MAX))
}

/// The quantity that free funds cover at the all-in limit, with the reason if that is less.
#[must_use]
pub fn cut(
    side: Side,
    quantity: WattHours,
    limit: MicroPricePerKwh,
    free_funds: NanoAmount,
) -> (WattHours, Option<CutReason>) {
    // What one Wh can cost at worst, in nano-currency.
    let cost = match side {
        Side::Bid => i128::from(limit.get()),
        Side::Ask => i128::from(limit.get()).saturating_neg(),
    };
    let covered = match i128::from(free_funds.get().max(0)).checked_div(cost) {
        Some(covered) if cost > 0 => WattHours::new(u64::try_from(covered).unwrap_or(u64::MAX)),
        _ => quantity,
    };
    if covered < quantity {
        (covered, Some(CutReason::Funds))
    } else {
        (quantity, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(side: Side, wh: u64, limit: i64, funds: i64, expected: u64) {
        let (got, reason) = cut(
            side,
            WattHours::new(wh),
            MicroPricePerKwh::new(limit),
            NanoAmount::new(funds),
        );
        assert_eq!(got, WattHours::new(expected));
        assert_eq!(reason.is_some(), expected < wh);
    }

    #[test]
    fn only_what_can_cost_something_is_cut() {
        check(Side::Bid, 1_000, 300_000, 300_000_000, 1_000);
        check(Side::Bid, 1_000, 300_000, 299_999_999, 999);
        check(Side::Bid, 1_000, 300_000, 0, 0);
        check(Side::Bid, 1_000, 0, 0, 1_000);
        check(Side::Bid, 1_000, -5, 0, 1_000);
        check(Side::Bid, 1_000, 5, -100, 0);
        check(Side::Ask, 1_000, 80_000, 0, 1_000);
        check(Side::Ask, 1_000, -10, 5_005, 500);
    }

    #[test]
    fn debts_and_credit_count() {
        let nano = NanoAmount::new;
        assert_eq!(free_funds(nano(100), nano(-30), nano(5)), nano(75));
        assert_eq!(free_funds(nano(10), nano(-30), nano(5)), nano(0));
        assert_eq!(free_funds(nano(i64::MAX), nano(1), nano(0)), nano(i64::MAX));
    }
}
