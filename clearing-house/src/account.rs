//! Who can have a line in the journal, and what a home has over its lifetime.

use std::collections::BTreeMap;

use energy_core::{Hash, HomeId, NanoAmount, Overflow, WattHours};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// An account of a zone.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// The grid operator, who gets the fees.
    #[n(0)]
    Operator,
    /// The supplier who buys and sells the rest.
    #[n(1)]
    Utility,
    /// A participant.
    #[n(2)]
    Home(#[n(0)] HomeId),
    /// Where energy tokens come from.
    #[n(3)]
    Mint,
    /// The zone's own account: guarantees, and a surplus where a mechanism leaves one.
    #[n(4)]
    Zone,
}

impl Account {
    /// Its leaf in the home tree: operator 0, utility 1, home n at n + 1. The mint and the zone have
    /// none, nor has a home 0, which does not exist.
    #[must_use]
    pub fn leaf_index(self) -> Option<u32> {
        match self {
            Self::Operator => Some(0),
            Self::Utility => Some(1),
            Self::Home(home) if home.get() > 0 => home.get().checked_add(1),
            Self::Home(_) | Self::Mint | Self::Zone => None,
        }
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Operator => f.write_str("grid operator"),
            Self::Utility => f.write_str("utility"),
            Self::Home(home) => write!(f, "home {home}"),
            Self::Mint => f.write_str("mint"),
            Self::Zone => f.write_str("zone"),
        }
    }
}

/// What a home has, over its lifetime in the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct HomeAccount {
    /// Whose.
    #[n(0)]
    pub home: HomeId,
    /// V: its export that is verified as local generation.
    #[n(1)]
    pub verified: WattHours,
    /// C: tokens minted for energy that a later correction took back; the next generation pays it off.
    #[n(2)]
    pub carry: WattHours,
    /// Tokens credited to it, as a buyer. Never falls.
    #[n(3)]
    pub credited: WattHours,
    /// How much of them is retired in its name. Never falls, at most `credited`.
    #[n(4)]
    pub retired: WattHours,
    /// What the market owes it (+) or it owes (−).
    #[n(5)]
    pub cash: NanoAmount,
}

impl HomeAccount {
    /// A new home's account.
    #[must_use]
    pub fn new(home: HomeId) -> Self {
        let (wh, cash) = (WattHours::ZERO, NanoAmount::ZERO);
        Self {
            home,
            verified: wh,
            carry: wh,
            credited: wh,
            retired: wh,
            cash,
        }
    }

    /// M = V + C: the tokens minted on its generation. Never falls.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn minted(&self) -> Result<WattHours, Overflow> {
        self.verified.plus(self.carry)
    }
}

/// The lifetime state of a zone's accounts after its newest journal entry: what the next interval
/// starts from, and what the leaves of the home tree show.
///
/// Invariants: Σ cash of homes + operator + zone = 0; Σ minted of homes = Σ credited of homes + utility.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The homes'. A home gets an account with its first cash, token or carry line; until then
    /// [`Ledger::home`] gives an empty one.
    pub homes: BTreeMap<HomeId, HomeAccount>,
    /// Fees collected.
    pub operator_cash: NanoAmount,
    /// What mechanisms left as a surplus. On the chain it is in the grid operator's leaf, in trust.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub zone_cash: NanoAmount,
    /// Tokens credited to the utility, which are retired in its name at once.
    pub utility_credited: WattHours,
    /// The hash of the newest journal entry, zero before the first.
    pub journal_head: Hash,
}

impl Ledger {
    /// A home's account, a new one if it has none yet.
    #[must_use]
    pub fn home(&self, home: HomeId) -> HomeAccount {
        self.homes
            .get(&home)
            .copied()
            .unwrap_or_else(|| HomeAccount::new(home))
    }

    /// Σ minted of all homes.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn minted(&self) -> Result<WattHours, Overflow> {
        self.homes
            .values()
            .try_fold(WattHours::ZERO, |sum, account| sum.plus(account.minted()?))
    }

    /// Σ carry of all homes.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn carry(&self) -> Result<WattHours, Overflow> {
        WattHours::sum(self.homes.values().map(|account| account.carry))
    }

    /// Σ credited of all homes and the utility.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn credited(&self) -> Result<WattHours, Overflow> {
        WattHours::sum(self.homes.values().map(|account| account.credited))?
            .plus(self.utility_credited)
    }

    /// Σ cash of all homes, the operator and the zone: zero.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn cash(&self) -> Result<NanoAmount, Overflow> {
        NanoAmount::sum(self.homes.values().map(|account| account.cash))?
            .plus(self.operator_cash)?
            .plus(self.zone_cash)
    }
}

/// A zone without surplus is written as ever.
fn is_zero(amount: &NanoAmount) -> bool {
    *amount == NanoAmount::ZERO
}
