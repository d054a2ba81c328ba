//! Does everything add up? Counted from the registers and the rows, not from the ledger's own word.
//!
//! Energy: the Wh that the registers of all meters moved, less what was traded, supplied and taken.
//! Money: what homes get and pay, with the operator's fees and what a mechanism leaves over. Tokens: minted less carry against verified,
//! minted against credited. All sums are zero, or something is wrong.

use clearing_house::{IntervalOutcome, Ledger};
use energy_core::{Overflow, Side};

use crate::results::HomeIntervalRow;

/// Absolute differences, summed. Zero is right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Differences {
    /// Wh bought less sold; registers less what was settled; tokens less verified energy.
    pub energy_wh: u64,
    /// Cash of homes and operator, in 10⁻⁹ currency.
    pub money_nano: u64,
    /// Home-intervals that cost more than with the utility alone.
    pub worse_off: u32,
}

impl Differences {
    /// Adds what does not fit in one interval.
    pub(crate) fn interval(&mut self, outcome: &IntervalOutcome) {
        let wh = |side| {
            outcome
                .rows
                .iter()
                .filter(|r| r.side == side)
                .map(|r| r.fill.get())
                .sum::<u64>()
        };
        self.energy_wh += wh(Side::Bid).abs_diff(wh(Side::Ask));
        let cash: i64 = outcome.homes.iter().map(|h| h.cash.get()).sum();
        let fees: i64 = outcome.homes.iter().map(|h| h.fee.get()).sum();
        self.money_nano += (cash + fees).abs_diff(-outcome.surplus.get());
    }

    /// Adds what does not fit over the run: `moved` is the registers' (import, export) of each home
    /// over the whole span.
    pub(crate) fn run(
        &mut self,
        moved: &[(u64, u64)],
        settled: &[HomeIntervalRow],
        residual: (u64, u64),
        ledger: &Ledger,
    ) -> Result<(), Overflow> {
        let sum = |of: fn(&HomeIntervalRow) -> u64| settled.iter().map(of).sum::<u64>();
        let import: u64 = moved.iter().map(|m| m.0).sum();
        let export: u64 = moved.iter().map(|m| m.1).sum();
        self.energy_wh += import.abs_diff(sum(|r| r.bought_wh) + residual.0);
        self.energy_wh += export.abs_diff(sum(|r| r.sold_wh) + residual.1);
        let (minted, carry) = (ledger.minted()?.get(), ledger.carry()?.get());
        self.energy_wh += (minted - carry).abs_diff(sum(|r| r.verified_wh));
        self.energy_wh += minted.abs_diff(ledger.credited()?.get());
        self.money_nano += ledger.cash()?.get().unsigned_abs();
        Ok(())
    }
}
