//! A whole interval as one pure function.
//!
//! Surplus and need → limits → what homes can pay → the call auction → its checker → money with fees →
//! the rest with the utility → energy tokens → journal → ledger.
//!
//! Invariants, checked here in every build: the clearing is the one that the rules give; for each
//! asset the journal lines sum to zero; Σ minted = Σ credited; and for each home V and C are what
//! [`tokens::generate`] says. Any of these failing is an error of ours: the interval is not settled.

use std::collections::{BTreeMap, BTreeSet};

use energy_core::{
    Clearing, Hash, HomeId, IntervalStart, MeterId, MicroPricePerKwh, NanoAmount, Order, OrderId,
    Overflow, Side, WattHours, keccak, split,
};
use market_engine::checker::Violation;
use market_engine::{BookError, call_auction, checker};

use crate::account::{Account, HomeAccount, Ledger};
use crate::home::{HomeInput, HomeResult};
use crate::journal::{Asset, JournalEntry, JournalError, JournalLine, LineKind};
use crate::offers::{Offer, Part, offers};
use crate::order_row::OrderRow;
use crate::posting::{signed, token_lines};
use crate::rules::{RulesError, Tariff, ZoneRules};
use crate::tokens::{self, TokenAccount};

/// An interval cannot be settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The zone's rules cannot be used.
    #[error("rules of the zone: {0}")]
    Rules(#[from] RulesError),
    /// Not an interval of the zone.
    #[error("interval: {0}")]
    Interval(#[from] energy_core::TimeError),
    /// A home came twice.
    #[error("expected each home once, got home {home} twice")]
    HomeTwice {
        /// Which.
        home: HomeId,
    },
    /// A meter came twice.
    #[error("expected each meter at one home, got meter {meter} twice")]
    MeterTwice {
        /// Which.
        meter: MeterId,
    },
    /// The book could not be cleared.
    #[error("book: {0}")]
    Book(#[from] BookError),
    /// The clearing is not the one that the rules give.
    #[error("the checker refuses the clearing: {0}")]
    Clearing(#[from] Violation),
    /// The entry is not one.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// A lifetime balance or a sum leaves its range.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// Ledger and results differ: an error of ours.
    #[error("the ledger of home {home} does not show what was settled for it")]
    Ledger {
        /// Which.
        home: HomeId,
    },
}

/// A settled interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalOutcome {
    /// Which interval.
    pub interval: IntervalStart,
    /// The book, by order id.
    pub orders: Vec<Order>,
    /// What became of it, by order id.
    pub rows: Vec<OrderRow>,
    /// The clearing, accepted by the checker.
    pub clearing: Clearing,
    /// Every home that was given, by home.
    pub homes: Vec<HomeResult>,
    /// The bookings.
    pub entry: JournalEntry,
    /// The ledger after them.
    pub ledger: Ledger,
}

/// Settles an interval: from the ledger before and what each home measured to the ledger after.
///
/// The order of `homes` makes no difference. A home without energy, or with an impossible one, has no
/// part and holds nobody up.
///
/// # Errors
/// [`SettleError`].
pub fn settle_interval(
    rules: &ZoneRules,
    interval: IntervalStart,
    ledger: &Ledger,
    homes: &[HomeInput],
) -> Result<IntervalOutcome, SettleError> {
    rules.check()?;
    rules.interval.start_at(interval.seconds())?;
    let homes = distinct(homes)?;
    let offers = offers(rules, interval, ledger, &homes)?;

    let mut orders: Vec<Order> = offers
        .iter()
        .filter_map(|offer| offer.part.as_ref().ok()?.order.map(|(order, _)| order))
        .collect();
    orders.sort_unstable_by_key(|order| order.id);
    let clearing = call_auction(interval, &orders, rules.k_ppm)?;
    checker::check(interval, &orders, &clearing, rules.k_ppm)?;
    let fills: BTreeMap<OrderId, WattHours> = clearing
        .fills
        .iter()
        .map(|f| (f.order, f.quantity))
        .collect();

    let mut results = offers
        .iter()
        .map(|offer| result(rules, interval, ledger, &clearing, &fills, offer))
        .collect::<Result<Vec<_>, _>>()?;
    let to_utility = share_tokens(interval, &mut results)?;
    let lines = lines(rules, ledger, &results, to_utility).ok_or(Overflow { unit: "Wh" })?;
    let entry = JournalEntry::new(rules.zone.clone(), interval, 1, ledger.journal_head, lines)?;
    let after = ledger.post(&entry)?;
    for result in results.iter_mut().filter(|result| result.energy.is_some()) {
        confirm(&after, result)?;
    }
    let mut rows: Vec<OrderRow> = results.iter().filter_map(|result| result.order).collect();
    rows.sort_unstable_by_key(|row| row.order);
    Ok(IntervalOutcome {
        interval,
        orders,
        rows,
        clearing,
        homes: results,
        entry,
        ledger: after,
    })
}

fn distinct(homes: &[HomeInput]) -> Result<Vec<&HomeInput>, SettleError> {
    let mut sorted: Vec<&HomeInput> = homes.iter().collect();
    sorted.sort_by_key(|input| input.home);
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0].home == pair[1].home) {
        return Err(SettleError::HomeTwice { home: pair[0].home });
    }
    let mut meters = BTreeSet::new();
    match sorted.iter().find(|input| !meters.insert(input.meter)) {
        Some(input) => Err(SettleError::MeterTwice { meter: input.meter }),
        None => Ok(sorted),
    }
}

/// A home's energy and money. Tokens credited to buyers come in a second step.
fn result(
    rules: &ZoneRules,
    interval: IntervalStart,
    ledger: &Ledger,
    clearing: &Clearing,
    fills: &BTreeMap<OrderId, WattHours>,
    offer: &Offer<'_>,
) -> Result<HomeResult, Overflow> {
    let input = offer.input;
    let before = ledger.home(input.home);
    let part = match &offer.part {
        Ok(part) => part,
        Err(excluded) => {
            return Ok(HomeResult {
                home: input.home,
                interval,
                energy: None,
                excluded: Some(*excluded),
                closing: None,
                limits: None,
                order: None,
                cut: None,
                clearing_price: clearing.price,
                residual_import: WattHours::ZERO,
                residual_export: WattHours::ZERO,
                utility_charge: NanoAmount::ZERO,
                utility_bill: NanoAmount::ZERO,
                cash: NanoAmount::ZERO,
                fee: NanoAmount::ZERO,
                without_market: NanoAmount::ZERO,
                verified: WattHours::ZERO,
                minted: WattHours::ZERO,
                credited: WattHours::ZERO,
                account: before,
            });
        }
    };
    let energy = part.energy;
    let row = order_row(rules, clearing, fills, part)?;
    let filled = |side| {
        row.filter(|row| row.side == side)
            .map_or(WattHours::ZERO, |row| row.fill)
    };
    let residual_import = energy.import.less(filled(Side::Bid))?;
    let residual_export = energy.export.less(filled(Side::Ask))?;
    let tokens = TokenAccount::from(&before);
    let verified = tokens::verifiable(
        tokens.verified,
        energy.export,
        input.generated_so_far,
        input.has_generation_meter,
        input.has_battery,
    );
    let (_, minted) = tokens::verify(tokens, verified)?;
    Ok(HomeResult {
        home: input.home,
        interval,
        energy: Some(energy),
        excluded: None,
        closing: input.closing,
        limits: Some(part.limits.clone()),
        order: row,
        cut: part.cut,
        clearing_price: clearing.price,
        residual_import,
        residual_export,
        utility_charge: residual_import.value(rules.tariff.retail)?,
        utility_bill: at_tariff(rules.tariff, residual_import, residual_export)?,
        cash: row.map_or(NanoAmount::ZERO, |row| row.amount),
        fee: row.map_or(NanoAmount::ZERO, |row| row.fee),
        without_market: at_tariff(rules.tariff, energy.import, energy.export)?,
        verified,
        minted,
        credited: WattHours::ZERO,
        account: before,
    })
}

/// What the utility charges for an import less what it pays for an export.
pub(crate) fn at_tariff(
    tariff: Tariff,
    import: WattHours,
    export: WattHours,
) -> Result<NanoAmount, Overflow> {
    import
        .value(tariff.retail)?
        .less(export.value(tariff.feed_in)?)
}

fn order_row(
    rules: &ZoneRules,
    clearing: &Clearing,
    fills: &BTreeMap<OrderId, WattHours>,
    part: &Part,
) -> Result<Option<OrderRow>, Overflow> {
    let Some((order, limit)) = part.order else {
        return Ok(None);
    };
    let fill = fills.get(&order.id).copied().unwrap_or(WattHours::ZERO);
    // Without a price nothing is filled, so nothing is paid.
    let value = fill.value(clearing.price.unwrap_or(MicroPricePerKwh::ZERO))?;
    let (fee, amount) = match order.side {
        Side::Bid => {
            let fee = fill.value(rules.fees.buyer)?;
            (fee, NanoAmount::ZERO.less(value.plus(fee)?)?)
        }
        Side::Ask => {
            let fee = fill.value(rules.fees.seller)?;
            (fee, value.less(fee)?)
        }
    };
    Ok(Some(OrderRow {
        order: order.id,
        side: order.side,
        quantity: order.quantity,
        limit,
        price: order.price,
        fill,
        amount,
        fee,
        credited: WattHours::ZERO,
    }))
}

/// Minted tokens go to the seller's local fills first; the zone's local tokens are shared over the
/// buyers' fills. Gives the rest, which is the utility's.
fn share_tokens(
    interval: IntervalStart,
    results: &mut [HomeResult],
) -> Result<WattHours, Overflow> {
    let minted = WattHours::sum(results.iter().map(|result| result.minted))?;
    let local = WattHours::sum(
        results
            .iter()
            .map(|result| result.minted.min(result.traded(Side::Ask))),
    )?;

    let mut buyers: Vec<(&mut OrderRow, &mut WattHours)> = results
        .iter_mut()
        .filter_map(|result| {
            Some((
                result.order.as_mut().filter(|row| row.side == Side::Bid)?,
                &mut result.credited,
            ))
        })
        .collect();
    buyers.sort_unstable_by_key(|(row, _)| row.order);
    let weights: Vec<u64> = buyers.iter().map(|(row, _)| row.fill.get()).collect();
    let ties: Vec<Hash> = buyers
        .iter()
        .map(|(row, _)| keccak(&[&interval.seconds().to_be_bytes(), row.order.as_bytes()]))
        .collect();
    for ((row, credited), part) in buyers.into_iter().zip(split(local.get(), &weights, &ties)) {
        row.credited = WattHours::new(part);
        *credited = WattHours::new(part);
    }
    minted.less(local)
}

/// The bookings of the results; none when an amount does not fit a line.
fn lines(
    rules: &ZoneRules,
    ledger: &Ledger,
    results: &[HomeResult],
    to_utility: WattHours,
) -> Option<Vec<JournalLine>> {
    let mut lines = Vec::new();
    for result in results {
        let home = Account::Home(result.home);
        let mut push = |account, asset, amount, kind| {
            lines.push(JournalLine {
                account,
                asset,
                amount,
                kind,
            })
        };
        if let Some(row) = result.order {
            let (fee, fill, bill) = (row.fee.get(), signed(row.fill)?, row.amount.get());
            let (energy, fee_kind) = match row.side {
                Side::Bid => (fill, LineKind::BuyerFee),
                Side::Ask => (fill.checked_neg()?, LineKind::SellerFee),
            };
            push(
                home,
                Asset::Cash,
                bill.checked_add(fee)?,
                LineKind::LocalTrade,
            );
            push(home, Asset::Cash, fee.checked_neg()?, fee_kind);
            push(Account::Operator, Asset::Cash, fee, fee_kind);
            push(home, Asset::Energy, energy, LineKind::LocalTrade);
        }
        let supplied = result
            .residual_import
            .value(rules.tariff.retail)
            .ok()?
            .get();
        let bought = result
            .residual_export
            .value(rules.tariff.feed_in)
            .ok()?
            .get();
        let (import, export) = (
            signed(result.residual_import)?,
            signed(result.residual_export)?,
        );
        for (asset, to_home, kind) in [
            (
                Asset::Bill,
                supplied.checked_neg()?,
                LineKind::UtilitySupply,
            ),
            (Asset::Bill, bought, LineKind::UtilityPurchase),
            (Asset::Energy, import, LineKind::UtilitySupply),
            (
                Asset::Energy,
                export.checked_neg()?,
                LineKind::UtilityPurchase,
            ),
        ] {
            push(home, asset, to_home, kind);
            push(Account::Utility, asset, to_home.checked_neg()?, kind);
        }
        push(
            home,
            Asset::Token,
            signed(result.credited)?,
            LineKind::TokensCredited,
        );
        let before = TokenAccount::from(&ledger.home(result.home));
        let (after, _) = tokens::verify(before, result.verified).ok()?;
        lines.extend(token_lines(home, before, after, result.minted)?);
    }
    lines.push(JournalLine {
        account: Account::Utility,
        asset: Asset::Token,
        amount: signed(to_utility)?,
        kind: LineKind::TokensCredited,
    });
    Some(lines)
}

/// Puts the account after the interval into the result, if it is what the result says.
fn confirm(after: &Ledger, result: &mut HomeResult) -> Result<(), SettleError> {
    let before = result.account;
    let (tokens, _) = tokens::verify(TokenAccount::from(&before), result.verified)?;
    let expected = HomeAccount {
        home: result.home,
        verified: tokens.verified,
        carry: tokens.carry,
        credited: before.credited.plus(result.credited)?,
        retired: before.retired,
        cash: before.cash.plus(result.cash)?,
    };
    if after.home(result.home) != expected {
        return Err(SettleError::Ledger { home: result.home });
    }
    result.account = expected;
    Ok(())
}
