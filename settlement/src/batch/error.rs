//! Why leaves do not make a batch, or a batch does not follow another.

use energy_core::{Address, MeterId, NanoAmount, WattHours, ZoneId};

use crate::TreeError;

/// Leaves do not make a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A sum does not fit.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Numbers begin with 1.
    #[error("expected a batch number from 1, got 0")]
    Number,
    /// Not one account.
    #[error("expected at least one home leaf, got none")]
    NoHomes,
    /// More leaves than an index can name.
    #[error("expected at most 2^32 leaves, got {got}")]
    TooMany {
        /// How many came.
        got: usize,
    },
    /// Two leaves with one address: a claim could not tell them apart.
    #[error("account {account} has two leaves, {first} and {second}")]
    AccountTwice {
        /// The account.
        account: Address,
        /// Its first index.
        first: u32,
        /// Its second index.
        second: u32,
    },
    /// More energy retired than credited.
    #[error("account {account}: expected at most {credited} retired, got {retired}")]
    RetiredAboveCredited {
        /// The account.
        account: Address,
        /// What it has.
        credited: WattHours,
        /// What was retired.
        retired: WattHours,
    },
    /// Money was made or lost.
    #[error("expected cash to sum to zero, got {got}")]
    CashSum {
        /// The sum.
        got: NanoAmount,
    },
    /// Energy was made or lost between meters and accounts.
    #[error("expected credited = minted, got {credited} credited and {minted} minted")]
    CreditedIsNotMinted {
        /// Credited to all accounts.
        credited: WattHours,
        /// Minted for all meters.
        minted: WattHours,
    },
    /// A meter's carry exceeds what was minted for it.
    #[error("meter {meter}: expected at most {minted} carry, got {carry}")]
    CarryAboveMinted {
        /// The meter.
        meter: MeterId,
        /// Its minted energy.
        minted: WattHours,
        /// Its carry.
        carry: WattHours,
    },
    /// A meter out of order, or twice.
    #[error("expected meters in rising order, got {got} after {before}")]
    MeterOrder {
        /// The one before.
        before: MeterId,
        /// The one that came.
        got: MeterId,
    },
    /// A meter settled beyond the batch.
    #[error("meter {meter} is settled to {got} s, the batch to {settled_to} s")]
    MeterAhead {
        /// The meter.
        meter: MeterId,
        /// Its end, in s UTC.
        got: u64,
        /// The batch's, in s UTC.
        settled_to: u64,
    },
    /// A market out of order, or twice.
    #[error(
        "expected markets in rising order of zone and interval, got {zone} {interval} s out of order"
    )]
    MarketOrder {
        /// The zone.
        zone: ZoneId,
        /// The interval's start, in s UTC.
        interval: i64,
    },
    /// Something that only ever grows is less than in the batch before.
    #[error("{what} fell: {before} in the batch before, {got} now")]
    Fell {
        /// What.
        what: String,
        /// Its value before.
        before: u64,
        /// Its value now.
        got: u64,
    },
    /// Not the batch after the other.
    #[error("expected batch {expected} next, got {got}")]
    NotNext {
        /// The expected number.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// An account that was in the batch before has moved or is gone.
    #[error("account {account} stood at index {index} in the batch before and does not now")]
    AccountMoved {
        /// The account.
        account: Address,
        /// Its index before.
        index: u32,
    },
}
