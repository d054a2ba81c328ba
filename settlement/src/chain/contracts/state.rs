//! What the contracts hold, as plain types: accounts, batches, requests to withdraw.

use energy_core::{Hash, NanoAmount, WattHours};

/// An account as far as it is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainAccount {
    /// Energy held in the contract: credited, less retired and taken out.
    pub energy: WattHours,
    /// Energy retired in the account's name.
    pub retired: WattHours,
    /// Lifetime deposits, in units of 10⁻⁶ currency.
    pub deposited_units: u64,
    /// Lifetime withdrawals, in units of 10⁻⁶ currency.
    pub withdrawn_units: u64,
    /// Lifetime money received (+) or paid (−).
    pub cash: NanoAmount,
}

impl ChainAccount {
    /// The account's money in nano-currency: (deposited − withdrawn) × 1000 + cash.
    #[must_use]
    pub fn money_nano(&self) -> i128 {
        (i128::from(self.deposited_units) - i128::from(self.withdrawn_units)) * 1_000
            + i128::from(self.cash.get())
    }
}

/// A batch on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainBatch {
    /// Its number, from 1.
    pub number: u64,
    /// Its root.
    pub root: Hash,
    /// End of its newest interval, in UTC seconds.
    pub settled_to: u64,
    /// Lifetime energy minted.
    pub minted: WattHours,
    /// Of that, what corrections took back.
    pub carry: WattHours,
}

/// A batch whose window runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingBatch {
    /// The batch.
    pub batch: ChainBatch,
    /// When its window has passed, in UTC seconds of chain time.
    pub final_at: u64,
}

/// An open request to withdraw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithdrawalRequest {
    /// Wanted, in units of 10⁻⁶ currency.
    pub units: u64,
    /// Only a batch after this one can serve it.
    pub after_batch: u64,
    /// When it was made, in UTC seconds of chain time.
    pub requested_at: u64,
}
