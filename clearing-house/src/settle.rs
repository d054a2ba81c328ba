//! A whole interval as one pure function.
//!
//! Surplus and need → limits → what homes can pay → gifts and partners → the zone's mechanism → its
//! checker → money with fees → the rest with the utility → energy tokens → journal → ledger.
//!
//! Invariants, checked here in every build: the clearing is one that the checker accepts, for the call
//! auction the only one that the rules give; for each asset the journal lines sum to zero; Σ minted = Σ credited; and for each home V and C are what
//! [`tokens::generate`] says. Any of these failing is an error of ours: the interval is not settled.

use std::collections::{BTreeMap, BTreeSet};

use energy_core::{
    Clearing, Hash, HomeId, IntervalStart, MeterId, NanoAmount, Order, OrderId, Overflow, Side,
    WattHours, keccak, split,
};
use market_engine::BookError;
use market_engine::checker::Violation;
use market_engine::preference::{Bilateral, OriginError, OriginViolation, WishError};

use crate::account::{HomeAccount, Ledger};
use crate::home::{DirectTrade, HomeInput, HomeResult};
use crate::journal::{JournalEntry, JournalError};
use crate::lines::{ZoneLines, lines};
use crate::matching::{Market, trade};
use crate::offers::{Offer, Part, offers};
use crate::order_row::OrderRow;
use crate::rules::{RulesError, ZoneRules};
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
    /// Orders cannot be cleared by origin.
    #[error("origin: {0}")]
    Origin(#[from] OriginError),
    /// The clearing by origin is not the one that the rules give.
    #[error("the checker refuses the clearing by origin: {0}")]
    OriginClearing(#[from] OriginViolation),
    /// Partners or gifts that cannot be matched.
    #[error("wishes: {0}")]
    Wishes(#[from] WishError),
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
    /// The book that was cleared, by order id: what partners and gifts left of the orders.
    pub orders: Vec<Order>,
    /// What became of it, by order id.
    pub rows: Vec<OrderRow>,
    /// The clearing, accepted by the checker.
    pub clearing: Clearing,
    /// What was traded before it, between homes that named each other.
    pub direct: Vec<Bilateral>,
    /// What buyers paid in it beyond what sellers got: the zone's.
    pub surplus: NanoAmount,
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

    let market = trade(rules, interval, &offers)?;

    let owners = owners(&offers);
    let mut results = offers
        .iter()
        .map(|offer| result(rules, interval, ledger, &market, &owners, offer))
        .collect::<Result<Vec<_>, _>>()?;
    let zone = ZoneLines {
        to_utility: share_tokens(interval, &mut results)?,
        surplus: market.surplus.get(),
    };
    let lines =
        lines(rules.tariff.at(interval), ledger, &results, &zone).ok_or(Overflow { unit: "Wh" })?;
    let entry = JournalEntry::new(rules.zone.clone(), interval, 1, ledger.journal_head, lines)?;
    let after = ledger.post(&entry)?;
    for result in results.iter_mut().filter(|result| result.energy.is_some()) {
        confirm(&after, result)?;
    }
    let mut rows: Vec<OrderRow> = results.iter().filter_map(|result| result.order).collect();
    rows.sort_unstable_by_key(|row| row.order);
    Ok(IntervalOutcome {
        interval,
        orders: market.book,
        rows,
        clearing: market.clearing,
        direct: market.direct,
        surplus: market.surplus,
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

/// Whose each order is.
fn owners(offers: &[Offer<'_>]) -> BTreeMap<OrderId, HomeId> {
    let orders = offers
        .iter()
        .filter_map(|offer| offer.part.as_ref().ok()?.order.as_ref());
    orders
        .map(|offered| (offered.order.order.id, offered.order.order.home))
        .collect()
}

/// A home's energy and money. Tokens credited to buyers come in a second step.
fn result(
    rules: &ZoneRules,
    interval: IntervalStart,
    ledger: &Ledger,
    market: &Market,
    owners: &BTreeMap<OrderId, HomeId>,
    offer: &Offer<'_>,
) -> Result<HomeResult, Overflow> {
    let input = offer.input;
    let before = ledger.home(input.home);
    let part = match &offer.part {
        Ok(part) => part,
        Err(excluded) => {
            let price = market.clearing.price;
            return Ok(HomeResult::left_out(before, interval, *excluded, price));
        }
    };
    let energy = part.energy;
    let row = order_row(rules, market, part)?;
    let filled = |side| {
        row.filter(|row| row.side == side)
            .map_or(WattHours::ZERO, |row| row.fill)
    };
    let residual_import = energy.import.less(filled(Side::Bid))?;
    let residual_export = energy.export.less(filled(Side::Ask))?;
    let tariff = rules.tariff.at(interval);
    let (_, minted) = tokens::verify(TokenAccount::from(&before), part.verified)?;
    Ok(HomeResult {
        home: input.home,
        interval,
        energy: Some(energy),
        excluded: None,
        closing: input.closing,
        limits: Some(part.limits.clone()),
        order: row,
        direct: row.map_or_else(Vec::new, |row| direct(market, owners, row.order)),
        cut: part.cut,
        clearing_price: market.clearing.price,
        residual_import,
        residual_export,
        utility_charge: residual_import.value(tariff.retail)?,
        utility_bill: tariff.bill(residual_import, residual_export)?,
        cash: row.map_or(NanoAmount::ZERO, |row| row.amount),
        fee: row.map_or(NanoAmount::ZERO, |row| row.fee),
        without_market: tariff.bill(energy.import, energy.export)?,
        verified: part.verified,
        minted,
        credited: WattHours::ZERO,
        account: before,
    })
}

fn order_row(
    rules: &ZoneRules,
    market: &Market,
    part: &Part,
) -> Result<Option<OrderRow>, Overflow> {
    let Some(offered) = &part.order else {
        return Ok(None);
    };
    let order = offered.order.order;
    let traded = market.traded.get(&order.id).copied().unwrap_or_default();
    let rate = match order.side {
        Side::Bid => rules.fees.buyer,
        Side::Ask => rules.fees.seller,
    };
    let fee = traded.fill.value(rate)?;
    Ok(Some(OrderRow {
        order: order.id,
        side: order.side,
        quantity: order.quantity,
        limit: offered.limit,
        price: offered.price,
        fill: traded.fill,
        amount: traded.value.less(fee)?,
        fee,
        credited: WattHours::ZERO,
        direct: traded.direct,
    }))
}

/// The trades of an order with named homes.
fn direct(market: &Market, owners: &BTreeMap<OrderId, HomeId>, order: OrderId) -> Vec<DirectTrade> {
    let of_order = market.direct.iter().filter_map(|trade| {
        let other = match order {
            _ if order == trade.seller => trade.buyer,
            _ if order == trade.buyer => trade.seller,
            _ => return None,
        };
        Some(DirectTrade {
            with: owners.get(&other).copied()?,
            kind: trade.kind,
            quantity: trade.quantity,
            price: trade.price,
        })
    });
    of_order.collect()
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
