//! What the conservation audit asks: what the journal says about tokens and money up to an
//! interval. The meters' side comes from [`Store::boundary_readings`], the chain's from
//! [`Store::final_verified`].
//!
//! Everything here is summed from journal lines, never taken from balances.

use std::collections::BTreeMap;

use clearing_house::{Account, Asset};
use diesel::prelude::*;
use energy_core::{IntervalStart, NanoAmount, WattHours, ZoneId};

use crate::codes::HOMES_FROM;
use crate::columns::{Big, Kept};
use crate::schema::{intervals, journal_lines};
use crate::{Result, Store, StoreError};

/// What the journal says up to an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerTotals {
    /// Lifetime tokens minted, up to and with the interval.
    pub minted: WattHours,
    /// Carry after the interval.
    pub carry: WattHours,
    /// Minted − carry: `ledger_wh`.
    pub verified: WattHours,
    /// The sum of all cash lines of all accounts so far, which must be zero.
    pub cash_difference: NanoAmount,
}

impl Store {
    /// What the journal says at the end of each cleared interval of a zone that starts from `from_s`
    /// (inclusive) to `to_s` (exclusive), in order. Seconds UTC. A correction counts from the
    /// interval that was cleared before it, as in the settlement batch that ends there.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] when a sum is negative or leaves 64 bits.
    pub fn ledger_totals(
        &self,
        zone: &ZoneId,
        from_s: i64,
        to_s: i64,
    ) -> Result<Vec<(IntervalStart, LedgerTotals)>> {
        self.read(|c| {
            let wanted: Vec<(Big<IntervalStart>, Big<u64>)> = intervals::table
                .filter(intervals::zone.eq(zone.as_str()))
                .filter(intervals::start_s.ge(from_s))
                .filter(intervals::start_s.lt(to_s))
                .order(intervals::start_s)
                .select((intervals::start_s, intervals::journal_number))
                .load(c)?;
            // An interval's entries are its clearing and the corrections up to the next clearing: what
            // the settlement batch that ends with it contains.
            let after: Option<Big<u64>> = intervals::table
                .filter(intervals::zone.eq(zone.as_str()))
                .filter(intervals::start_s.ge(to_s))
                .order(intervals::start_s)
                .select(intervals::journal_number)
                .first(c)
                .optional()?;
            let next = wanted.iter().skip(1).map(|(_, number)| Some(number.0));
            let wanted: Vec<(Big<IntervalStart>, Big<u64>)> = wanted
                .iter()
                .zip(next.chain([after.map(|number| number.0)]))
                .map(|((start, _), next)| {
                    let through = next.map_or(i64::MAX.unsigned_abs(), |n| n.saturating_sub(1));
                    (Big(start.0), Big(through))
                })
                .collect();
            let Some((_, through)) = wanted.last() else {
                return Ok(Vec::new());
            };
            let mint = Account::Mint
                .keep()
                .map_err(diesel::result::Error::SerializationError)?;
            let token = sums(c, zone, Asset::Token, mint, mint, through.0)?;
            let carry = sums(c, zone, Asset::Carry, HOMES_FROM, i64::MAX, through.0)?;
            let cash = sums(c, zone, Asset::Cash, i64::MIN, i64::MAX, through.0)?;
            let totals = |(start, number): &(Big<IntervalStart>, Big<u64>)| {
                let key = || format!("{zone} {}", start.0.seconds());
                // What homes got minted left the mint.
                let minted = wh(
                    up_to(&token, number.0).saturating_neg(),
                    "tokens minted up to",
                    key,
                )?;
                let carry = wh(up_to(&carry, number.0), "carry after", key)?;
                let verified = minted
                    .less(carry)
                    .map_err(|_| wrong("carry after", key(), "more than was minted"))?;
                let cash = up_to(&cash, number.0);
                let cash = i64::try_from(cash)
                    .map_err(|_| wrong("cash up to", key(), "leaves 64 bits"))?;
                Ok((
                    start.0,
                    LedgerTotals {
                        minted,
                        carry,
                        verified,
                        cash_difference: NanoAmount::new(cash),
                    },
                ))
            };
            wanted.iter().map(totals).collect()
        })
    }
}

/// Running sums of an asset's lines over a range of accounts, by entry number.
fn sums(
    c: &mut SqliteConnection,
    zone: &ZoneId,
    asset: Asset,
    account_from: i64,
    account_to: i64,
    through: u64,
) -> Result<BTreeMap<u64, i128>> {
    use journal_lines::dsl;
    let lines: Vec<(Big<u64>, i64)> = dsl::journal_lines
        .filter(dsl::zone.eq(zone.as_str()))
        .filter(dsl::asset.eq(Big(asset)))
        .filter(dsl::account.between(account_from, account_to))
        .filter(dsl::number.le(Big(through)))
        .order(dsl::number)
        .select((dsl::number, dsl::amount))
        .load(c)?;
    let mut sum = 0_i128;
    let mut running = BTreeMap::new();
    for (number, amount) in lines {
        sum = sum.saturating_add(i128::from(amount));
        running.insert(number.0, sum);
    }
    Ok(running)
}

fn up_to(running: &BTreeMap<u64, i128>, number: u64) -> i128 {
    running
        .range(..=number)
        .next_back()
        .map_or(0, |(_, sum)| *sum)
}

fn wh(sum: i128, what: &'static str, key: impl Fn() -> String) -> Result<WattHours> {
    u64::try_from(sum)
        .map(WattHours::new)
        .map_err(|_| wrong(what, key(), "negative, or beyond 64 bits"))
}

fn wrong(what: &'static str, key: String, problem: &str) -> StoreError {
    StoreError::Inconsistent {
        what,
        key,
        problem: problem.to_owned(),
    }
}
