//! The journal: double entry, one entry for each interval and each later version of it.
//!
//! Invariant: **for every asset the lines of an entry sum to zero**. An entry that does not cannot be
//! made. Each entry names the one before it by hash, so that nothing can be taken out or put in.
//!
//! | asset | unit | + means |
//! |---|---|---|
//! | cash | 10⁻⁹ currency | the market owes it to the account; settled on the chain |
//! | bill | 10⁻⁹ currency | the account gets it in the utility's bill, at the tariff, outside the chain |
//! | energy | Wh | the account received it |
//! | token | Wh | energy tokens came to the account |
//! | carry | Wh | minted tokens of the account whose energy was taken back by a correction |

use energy_core::{Hash, IntervalStart, ZoneId, keccak, to_canonical};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::account::Account;

/// What is counted in a line.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Asset {
    /// Money inside the market.
    #[n(0)]
    Cash,
    /// Money with the utility.
    #[n(1)]
    Bill,
    /// Energy.
    #[n(2)]
    Energy,
    /// Energy tokens.
    #[n(3)]
    Token,
    /// Minted tokens that wait for generation to back them again.
    #[n(4)]
    Carry,
}

impl Asset {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Cash,
        Self::Bill,
        Self::Energy,
        Self::Token,
        Self::Carry,
    ];
}

/// What a line is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Bought from or sold to another home, as the zone's mechanism says.
    #[n(0)]
    LocalTrade,
    /// The grid operator's fee from a buyer.
    #[n(1)]
    BuyerFee,
    /// The grid operator's fee from a seller.
    #[n(2)]
    SellerFee,
    /// Supplied by the utility at the retail price.
    #[n(3)]
    UtilitySupply,
    /// Taken by the utility at the feed-in price.
    #[n(4)]
    UtilityPurchase,
    /// Tokens minted on a home's verified export.
    #[n(5)]
    Minted,
    /// Tokens passed on by the home they were minted for.
    #[n(6)]
    TokensPassedOn,
    /// Tokens credited to their holder.
    #[n(7)]
    TokensCredited,
    /// Carry taken on or paid off.
    #[n(8)]
    Carry,
    /// Late or corrected data, settled with the utility.
    #[n(9)]
    Correction,
    /// Traded forward and not delivered or used: from the homes that fell short to those that performed.
    #[n(10)]
    Imbalance,
    /// Bought from or sold to a partner, between the limits of the two.
    #[n(11)]
    PartnerTrade,
    /// Given to, or received from, another home.
    #[n(12)]
    Gift,
    /// What buyers paid beyond what sellers got, where a mechanism leaves such a surplus.
    #[n(13)]
    Surplus,
}

/// One side of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct JournalLine {
    /// Whose.
    #[n(0)]
    pub account: Account,
    /// What.
    #[n(1)]
    pub asset: Asset,
    /// How much, in the asset's unit.
    #[n(2)]
    pub amount: i64,
    /// What for.
    #[n(3)]
    pub kind: LineKind,
}

/// Lines are not an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Something came from nowhere or got lost.
    #[error("expected the {asset:?} lines to sum to zero, got {sum}")]
    Unbalanced {
        /// Which asset.
        asset: Asset,
        /// What is left.
        sum: i128,
    },
    /// An entry that does not follow the one before.
    #[error("expected an entry after {expected}, got one after {got}")]
    Chain {
        /// The hash of the newest entry.
        expected: Hash,
        /// The hash that the entry names.
        got: Hash,
    },
    /// A line for an account that cannot have it.
    #[error("expected no {asset:?} line of kind {kind:?} for the {account}")]
    Account {
        /// Whose.
        account: Account,
        /// What.
        asset: Asset,
        /// What for.
        kind: LineKind,
    },
    /// A balance leaves its range, or something that never falls would fall.
    #[error("the {asset:?} balance of the {account} would leave its range")]
    Range {
        /// Whose.
        account: Account,
        /// What.
        asset: Asset,
    },
}

/// The bookings of one version of one interval.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct JournalEntry {
    /// Which zone.
    #[n(0)]
    pub zone: ZoneId,
    /// Which interval.
    #[n(1)]
    pub interval: IntervalStart,
    /// 1 for the clearing, more for later differences.
    #[n(2)]
    pub version: u32,
    /// The hash of the entry before, zero for the first.
    #[n(3)]
    pub previous: Hash,
    /// The lines, none of them zero.
    #[n(4)]
    pub lines: Vec<JournalLine>,
}

impl JournalEntry {
    /// The entry of these lines; zero amounts are left out.
    ///
    /// # Errors
    /// [`JournalError::Unbalanced`].
    pub fn new(
        zone: ZoneId,
        interval: IntervalStart,
        version: u32,
        previous: Hash,
        lines: Vec<JournalLine>,
    ) -> Result<Self, JournalError> {
        let lines = lines.into_iter().filter(|line| line.amount != 0).collect();
        let entry = Self {
            zone,
            interval,
            version,
            previous,
            lines,
        };
        entry.check()?;
        Ok(entry)
    }

    /// Whether the lines sum to zero for each asset.
    ///
    /// # Errors
    /// [`JournalError::Unbalanced`].
    pub fn check(&self) -> Result<(), JournalError> {
        for asset in Asset::ALL {
            let lines = self.lines.iter().filter(|line| line.asset == asset);
            // 64-bit amounts cannot fill 128 bits in any number of lines that fits memory.
            match lines.fold(0_i128, |sum, line| sum.saturating_add(line.amount.into())) {
                0 => {}
                sum => return Err(JournalError::Unbalanced { asset, sum }),
            }
        }
        Ok(())
    }

    /// Its hash: keccak over the canonical CBOR.
    #[must_use]
    pub fn hash(&self) -> Hash {
        keccak(&[&to_canonical(self)])
    }
}
