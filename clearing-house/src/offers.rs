//! From what homes measured to the book: surplus and need, limits, what they can pay, orders.
//!
//! Limits are all-in and decide only who trades locally: a bid enters at `min(limit, retail) − buyer
//! fee`, an ask at `max(limit, feed-in) + seller fee`. A limit is never moved towards trading, so
//! nobody is ever worse off than with the utility alone.

use energy_core::{IntervalStart, MicroPricePerKwh, Order, Overflow, Side, WattHours};
use market_engine::agent::{Limits, Signals};

use crate::account::Ledger;
use crate::funds::{self, CutReason};
use crate::home::{Excluded, HomeInput};
use crate::metering::IntervalEnergy;
use crate::rules::{ENERGY_WH_MAX, ZoneRules};

/// A home that takes part in an interval.
pub(crate) struct Offer<'a> {
    pub(crate) input: &'a HomeInput,
    pub(crate) part: Result<Part, Excluded>,
}

/// What it takes part with.
pub(crate) struct Part {
    pub(crate) energy: IntervalEnergy,
    pub(crate) limits: Limits,
    /// The order with its all-in limit, none when there is nothing to trade or to pay with.
    pub(crate) order: Option<(Order, MicroPricePerKwh)>,
    pub(crate) cut: Option<CutReason>,
}

/// The offers of all homes, in their order.
pub(crate) fn offers<'a>(
    rules: &ZoneRules,
    interval: IntervalStart,
    ledger: &Ledger,
    homes: &[&'a HomeInput],
) -> Result<Vec<Offer<'a>>, Overflow> {
    let scarcity_permille = scarcity_permille(homes);
    homes
        .iter()
        .map(|input| {
            let part = match energy_of(input) {
                Ok(energy) => Ok(part(
                    rules,
                    interval,
                    ledger,
                    input,
                    energy,
                    scarcity_permille,
                )?),
                Err(excluded) => Err(excluded),
            };
            Ok(Offer { input, part })
        })
        .collect()
}

/// Need ÷ (need + surplus) of the zone in parts per thousand, rounded down; 500 when there is neither.
fn scarcity_permille(homes: &[&HomeInput]) -> u16 {
    let (mut need, mut surplus) = (0_u128, 0_u128);
    for energy in homes.iter().filter_map(|input| energy_of(input).ok()) {
        need = need.saturating_add(energy.import.saturating_less(energy.export).get().into());
        surplus = surplus.saturating_add(energy.export.saturating_less(energy.import).get().into());
    }
    let share = need
        .saturating_mul(1_000)
        .checked_div(need.saturating_add(surplus));
    share
        .and_then(|share| u16::try_from(share).ok())
        .unwrap_or(500)
}

fn energy_of(input: &HomeInput) -> Result<IntervalEnergy, Excluded> {
    match input.energy {
        None => Err(Excluded::NoReadings),
        Some(energy) if energy.import.max(energy.export).get() > ENERGY_WH_MAX => {
            Err(Excluded::ImplausibleEnergy)
        }
        Some(energy) => Ok(energy),
    }
}

fn part(
    rules: &ZoneRules,
    interval: IntervalStart,
    ledger: &Ledger,
    input: &HomeInput,
    energy: IntervalEnergy,
    scarcity_permille: u16,
) -> Result<Part, Overflow> {
    let signals = Signals {
        scarcity_permille,
        soc_permille: input.soc_permille,
    };
    let limits = input.preference.for_interval(&rules.band(), &signals);
    let (side, net) = if energy.export > energy.import {
        (Side::Ask, energy.export.saturating_less(energy.import))
    } else {
        (Side::Bid, energy.import.saturating_less(energy.export))
    };
    let (limit, price) = match side {
        Side::Bid => {
            let limit = limits.buy_below.min(rules.tariff.retail);
            (limit, limit.less(rules.fees.buyer)?)
        }
        Side::Ask => {
            let limit = limits.sell_above.max(rules.tariff.feed_in);
            (limit, limit.plus(rules.fees.seller)?)
        }
    };
    let free_funds = funds::free_funds(
        input.escrow,
        ledger.home(input.home).cash,
        rules.credit_limit,
    );
    let (quantity, cut) = funds::cut(side, net, limit, free_funds);
    let order = (quantity > WattHours::ZERO).then(|| {
        let id = rules.order_id(interval, &input.meter, 0);
        (
            Order {
                id,
                home: input.home,
                side,
                quantity,
                price,
            },
            limit,
        )
    });
    Ok(Part {
        energy,
        limits,
        order,
        cut,
    })
}
