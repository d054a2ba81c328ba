//! A forward interval after delivery, as one pure function.
//!
//! Trades and what was measured → allocation → money with fees → imbalance → the rest with the utility →
//! energy tokens → journal → ledger.
//!
//! Invariants, checked here in every build: the clearing is the one that the rules give and the rows
//! show its fills; for each asset the journal lines sum to zero; Σ metered = Σ allocated + the rest with
//! the utility, for each home and so for the zone; for each home the ledger shows what was settled.

use std::collections::BTreeMap;

use energy_core::{HomeId, MicroPricePerKwh, NanoAmount, Overflow, Side, WattHours};
use market_engine::checker;

use super::ForwardError;
use super::allocation::{Allocated, Trade, allocate};
use super::clear::{ClearedOrder, ForwardClearing};
use super::generation::{generated, share_tokens};
use super::homes::{by_home, home};
use super::imbalance::{ImbalancePrices, Shortage, compensations};
use super::lines::lines;
use super::result::{Delivery, ForwardHome, ForwardOutcome, ForwardRow};
use super::rules::ForwardRules;
use crate::account::{HomeAccount, Ledger};
use crate::journal::JournalEntry;
use crate::metering::IntervalEnergy;
use crate::rules::ZoneRules;
use crate::tokens::{self, TokenAccount};

/// Settles a forward interval: from its clearing, the ledger before and what each home measured to the
/// ledger after.
///
/// The order of `deliveries` makes no difference. A home with orders whose energy is not known by the
/// cutoff, or is impossible, has performed nothing and holds nobody up; its energy follows as
/// corrections between it and the utility ([`crate::corrections`]), and nobody else's entry changes.
///
/// # Errors
/// [`ForwardError`].
pub fn settle_forward_interval(
    rules: &ForwardRules,
    ledger: &Ledger,
    cleared: &ForwardClearing,
    deliveries: &[Delivery],
) -> Result<ForwardOutcome, ForwardError> {
    rules.check()?;
    let interval = cleared.interval;
    rules.market.interval.start_at(interval.seconds())?;
    check_clearing(rules, cleared)?;
    let deliveries = with_traders(cleared, deliveries)?;
    let metered = metered(&deliveries);

    let trades: Vec<Trade> = cleared.rows.iter().map(trade).collect();
    let allocated = allocate(rules.allocation, interval, &trades, &metered);
    let shortage = Shortage::of(metered.values());
    let (imbalance, amounts) = imbalance(rules, cleared, shortage, &allocated)?;
    let rows = cleared.rows.iter().zip(&allocated).zip(amounts);
    let mut rows = rows
        .map(|((order, allocated), amount)| {
            row(
                &rules.market,
                order,
                allocated,
                cleared.clearing.price,
                amount,
            )
        })
        .collect::<Result<Vec<_>, _>>()?;

    let generated = generated(ledger, &deliveries)?;
    let to_utility = share_tokens(interval, &cleared.rows, &mut rows, &generated)?;
    let mut orders = by_home(&cleared.rows, &rows);
    let mut homes = deliveries
        .values()
        .zip(generated.values())
        .map(|(delivery, generated)| {
            let orders = orders.remove(&delivery.home).unwrap_or_default();
            home(&rules.market, cleared, delivery, orders, generated)
        })
        .collect::<Result<Vec<_>, _>>()?;

    let lines = lines(rules.market.tariff.at(interval), ledger, &homes, to_utility)
        .ok_or(Overflow { unit: "Wh" })?;
    let zone = rules.market.zone.clone();
    let entry = JournalEntry::new(zone, interval, 1, ledger.journal_head, lines)?;
    let after = ledger.post(&entry)?;
    for home in &mut homes {
        confirm(&after, home)?;
    }
    Ok(ForwardOutcome {
        interval,
        rows,
        homes,
        shortage,
        imbalance,
        entry,
        ledger: after,
    })
}

/// Whether the clearing is the one that the rules give, and the rows show it.
fn check_clearing(rules: &ForwardRules, cleared: &ForwardClearing) -> Result<(), ForwardError> {
    let (orders, clearing) = (cleared.orders(), &cleared.clearing);
    checker::check(cleared.interval, &orders, clearing, rules.market.k_ppm)?;
    let fills = clearing
        .fills
        .iter()
        .map(|fill| (fill.order, fill.quantity));
    let rows = cleared.rows.iter().map(|row| (row.order.id, row.traded));
    if fills.eq(rows) {
        Ok(())
    } else {
        Err(ForwardError::Rows)
    }
}

/// Every home that was given or has an order. Of one that was not given nothing is known.
fn with_traders(
    cleared: &ForwardClearing,
    deliveries: &[Delivery],
) -> Result<BTreeMap<HomeId, Delivery>, ForwardError> {
    let mut homes = BTreeMap::new();
    for delivery in deliveries {
        let home = delivery.home;
        if homes.insert(home, *delivery).is_some() {
            return Err(ForwardError::HomeTwice { home });
        }
    }
    for row in &cleared.rows {
        let home = row.order.home;
        homes.entry(home).or_insert(Delivery {
            home,
            energy: None,
            generated_so_far: None,
            has_generation_meter: false,
            has_battery: false,
            closing: None,
        });
    }
    Ok(homes)
}

/// The energy of the homes of which it is known.
fn metered(deliveries: &BTreeMap<HomeId, Delivery>) -> BTreeMap<HomeId, IntervalEnergy> {
    deliveries
        .values()
        .filter_map(|delivery| Some((delivery.home, delivery.usable().ok()?)))
        .collect()
}

pub(super) fn trade(row: &ClearedOrder) -> Trade {
    Trade {
        order: row.order.id,
        home: row.order.home,
        side: row.order.side,
        traded: row.traded,
        since_s: row.since_s,
    }
}

/// The imbalance prices and what each order gets or pays; nothing without trade.
fn imbalance(
    rules: &ForwardRules,
    cleared: &ForwardClearing,
    shortage: Shortage,
    allocated: &[Allocated],
) -> Result<(Option<ImbalancePrices>, Vec<NanoAmount>), ForwardError> {
    let Some(price) = cleared.clearing.price else {
        return Ok((None, vec![NanoAmount::ZERO; allocated.len()]));
    };
    let interval = cleared.interval;
    let prices = rules
        .imbalance
        .prices(&rules.market, interval, price, shortage)?;
    let amounts = compensations(interval, allocated, price, prices)?;
    Ok((Some(prices), amounts))
}

fn row(
    rules: &ZoneRules,
    cleared: &ClearedOrder,
    allocated: &Allocated,
    price: Option<MicroPricePerKwh>,
    imbalance: NanoAmount,
) -> Result<ForwardRow, ForwardError> {
    let order = cleared.order;
    let energy = allocated.allocated;
    // Without a price nothing is traded, so nothing is paid.
    let value = energy.value(price.unwrap_or(MicroPricePerKwh::ZERO))?;
    let (fee, amount) = match order.side {
        Side::Bid => {
            let fee = energy.value(rules.fees.buyer)?;
            (fee, value.plus(fee)?.negated()?)
        }
        Side::Ask => {
            let fee = energy.value(rules.fees.seller)?;
            (fee, value.less(fee)?)
        }
    };
    Ok(ForwardRow {
        order: order.id,
        side: order.side,
        quantity: order.quantity,
        limit: cleared.limit,
        price: order.price,
        traded: cleared.traded,
        performed: allocated.performed,
        allocated: energy,
        amount,
        fee,
        imbalance,
        credited: WattHours::ZERO,
    })
}

/// Puts the account after the interval into the result, if it is what the result says.
fn confirm(after: &Ledger, result: &mut ForwardHome) -> Result<(), ForwardError> {
    let before = result.account;
    let (tokens, _) = tokens::verify(TokenAccount::from(&before), result.verified)?;
    let expected = HomeAccount {
        verified: tokens.verified,
        carry: tokens.carry,
        credited: before.credited.plus(result.credited)?,
        cash: before.cash.plus(result.cash)?,
        ..before
    };
    if after.home(result.home) != expected {
        return Err(ForwardError::Ledger { home: result.home });
    }
    result.account = expected;
    Ok(())
}
