//! Late and corrected data.
//!
//! A cleared interval is never cleared again: book, price, fills and other homes' entries stand. What
//! comes later becomes difference entries between that home and the utility, at the tariff of the
//! interval that is corrected, in a new version; nothing is overwritten. So the energy settled for a home always ends up as the difference
//! of its registers.
//!
//! Tokens follow: V is brought to what the readings say now. Down, `V −= d, C += d`; up, carry is paid
//! off first and the rest is minted and credited to the utility, because the local fills stand.

use energy_core::{
    HomeId, IntervalLength, IntervalStart, NanoAmount, NetWattHours, Overflow, WattHours,
};
use serde::{Deserialize, Serialize};

use crate::account::{Account, HomeAccount, Ledger};
use crate::journal::{Asset, JournalEntry, JournalLine, LineKind};
use crate::metering::{BoundaryReading, meter_interval};
use crate::posting::token_lines;
use crate::rules::ZoneRules;
use crate::settle::SettleError;
use crate::tokens::{self, TokenAccount};

/// What stands for a home in an interval, corrections included; zero where it had no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Which interval.
    pub interval: IntervalStart,
    /// The newest version.
    pub version: u32,
    /// Taken from the grid.
    pub import: WattHours,
    /// Fed into it.
    pub export: WattHours,
}

/// A difference between what the readings say and what stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnergyCorrection {
    /// Which interval.
    pub interval: IntervalStart,
    /// The version that it makes.
    pub version: u32,
    /// To add to the import.
    pub import: NetWattHours,
    /// To add to the export.
    pub export: NetWattHours,
}

/// A correction, settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeCorrection {
    /// Which home.
    pub home: HomeId,
    /// Which interval.
    pub interval: IntervalStart,
    /// The version that it makes.
    pub version: u32,
    /// Added to the import.
    pub import: NetWattHours,
    /// Added to the export.
    pub export: NetWattHours,
    /// What the home pays the utility for it (+) or gets (−).
    pub bill: NanoAmount,
    /// Added to its verified generation.
    pub verified: NetWattHours,
    /// Tokens minted, all credited to the utility.
    pub minted: WattHours,
    /// Its account after it.
    pub account: HomeAccount,
}

/// Corrections of one home, settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectionOutcome {
    /// One entry for each.
    pub entries: Vec<JournalEntry>,
    /// The corrections.
    pub homes: Vec<HomeCorrection>,
    /// The ledger after them.
    pub ledger: Ledger,
}

/// What is to be corrected for one home, given all that is known now. `readings` are sorted by time.
///
/// Gaps of any length are bridged: beyond the cutoff the energy is the utility's in any case. An
/// interval whose energy still cannot be told is left as it is.
///
/// # Errors
/// [`Overflow`] when a difference or a version leaves its range.
pub fn due(
    length: IntervalLength,
    settled: &[Settled],
    readings: &[BoundaryReading],
) -> Result<Vec<EnergyCorrection>, Overflow> {
    let mut corrections = Vec::new();
    for stands in settled {
        let Some(metered) = meter_interval(stands.interval, length, readings, None) else {
            continue;
        };
        let import = metered.energy.import.minus(stands.import)?;
        let export = metered.energy.export.minus(stands.export)?;
        if (import, export) != (NetWattHours::ZERO, NetWattHours::ZERO) {
            let version = stands
                .version
                .checked_add(1)
                .ok_or(Overflow { unit: "version" })?;
            corrections.push(EnergyCorrection {
                interval: stands.interval,
                version,
                import,
                export,
            });
        }
    }
    Ok(corrections)
}

/// Settles corrections of one home with the utility.
///
/// `verified` is what V should be after them, from the readings as they are known now
/// ([`tokens::verified_after`]); the tokens follow it with the last correction. To correct tokens
/// alone, pass one correction without energy.
///
/// # Errors
/// [`SettleError`].
pub fn apply(
    rules: &ZoneRules,
    ledger: &Ledger,
    home: HomeId,
    corrections: &[EnergyCorrection],
    verified: WattHours,
) -> Result<CorrectionOutcome, SettleError> {
    rules.check()?;
    let mut outcome = CorrectionOutcome {
        entries: Vec::new(),
        homes: Vec::new(),
        ledger: ledger.clone(),
    };
    let last = corrections.len().saturating_sub(1);
    for (at, correction) in corrections.iter().enumerate() {
        let before = TokenAccount::from(&outcome.ledger.home(home));
        let target = if at == last {
            verified
        } else {
            before.verified
        };
        let (tokens, minted) = tokens::adjust(before, target)?;
        let bill = bill(rules, correction)?;
        let mut lines = energy_lines(rules, home, correction).ok_or(Overflow { unit: "n" })?;
        lines.extend(
            token_lines(Account::Home(home), before, tokens, minted)
                .ok_or(Overflow { unit: "Wh" })?,
        );
        lines.push(JournalLine {
            account: Account::Utility,
            asset: Asset::Token,
            amount: minted.minus(WattHours::ZERO)?.get(),
            kind: LineKind::TokensCredited,
        });
        let head = outcome.ledger.journal_head;
        let entry = JournalEntry::new(
            rules.zone.clone(),
            correction.interval,
            correction.version,
            head,
            lines,
        )?;
        outcome.ledger = outcome.ledger.post(&entry)?;
        let account = outcome.ledger.home(home);
        if TokenAccount::from(&account) != tokens {
            return Err(SettleError::Ledger { home });
        }
        outcome.entries.push(entry);
        outcome.homes.push(HomeCorrection {
            home,
            interval: correction.interval,
            version: correction.version,
            import: correction.import,
            export: correction.export,
            bill,
            verified: tokens.verified.minus(before.verified)?,
            minted,
            account,
        });
    }
    Ok(outcome)
}

fn bill(rules: &ZoneRules, correction: &EnergyCorrection) -> Result<NanoAmount, Overflow> {
    let (charge, payment) = amounts(rules, correction).ok_or(Overflow { unit: "n" })?;
    NanoAmount::new(charge).less(NanoAmount::new(payment))
}

/// What the utility charges for the import and pays for the export that are added.
fn amounts(rules: &ZoneRules, correction: &EnergyCorrection) -> Option<(i64, i64)> {
    let prices = rules.tariff.at(correction.interval);
    let charge = correction.import.get().checked_mul(prices.retail.get())?;
    let payment = correction.export.get().checked_mul(prices.feed_in.get())?;
    Some((charge, payment))
}

fn energy_lines(
    rules: &ZoneRules,
    home: HomeId,
    correction: &EnergyCorrection,
) -> Option<Vec<JournalLine>> {
    let (charge, payment) = amounts(rules, correction)?;
    let mut lines = Vec::new();
    for (asset, to_home) in [
        (Asset::Energy, correction.import.get()),
        (Asset::Energy, correction.export.get().checked_neg()?),
        (Asset::Bill, charge.checked_neg()?),
        (Asset::Bill, payment),
    ] {
        let line = |account, amount| JournalLine {
            account,
            asset,
            amount,
            kind: LineKind::Correction,
        };
        lines.push(line(Account::Home(home), to_home));
        lines.push(line(Account::Utility, to_home.checked_neg()?));
    }
    Some(lines)
}
