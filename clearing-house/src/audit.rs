//! The conservation audit: energy, cash and tokens add up, in every interval and over a lifetime.
//!
//! It trusts no result: it starts from the journal and from what the meters say. A difference stops
//! settlement, not metering.

use std::collections::BTreeMap;

use energy_core::{HomeId, IntervalStart, NanoAmount, Overflow, WattHours, ZoneId};
use serde::{Deserialize, Serialize};

use crate::account::{Account, Ledger};
use crate::journal::{Asset, JournalEntry, JournalError};
use crate::metering::IntervalEnergy;
use crate::settle::IntervalOutcome;
use crate::state::IntervalState;

/// Something does not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The journal is not one.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// A sum leaves its range.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// Money came from nowhere or got lost.
    #[error("expected the cash of all accounts to sum to zero, got {sum}")]
    Cash {
        /// What is left.
        sum: NanoAmount,
    },
    /// Tokens came from nowhere or got lost.
    #[error("expected as many tokens credited as minted ({minted}), got {credited}")]
    Tokens {
        /// Σ minted.
        minted: WattHours,
        /// Σ credited.
        credited: WattHours,
    },
    /// More retired than there is.
    #[error("home {home} has retired more tokens than were credited to it")]
    Retired {
        /// Which home.
        home: HomeId,
    },
    /// The journal's energy is not the metered one.
    #[error("home {home}: the meter says {metered} Wh net, the journal {journal}")]
    Energy {
        /// Which home.
        home: HomeId,
        /// Import − export.
        metered: i128,
        /// Σ energy lines.
        journal: i128,
    },
    /// The journal's money is not that of the results.
    #[error("home {home}: the statement says a cost of {statement}, the journal {journal}")]
    Cost {
        /// Which home.
        home: HomeId,
        /// From the result.
        statement: i128,
        /// − Σ cash and bill lines.
        journal: i128,
    },
    /// The journal has lines for a home that nothing was settled for.
    #[error("home {home} has journal lines and no result")]
    NoResult {
        /// Which home.
        home: HomeId,
    },
    /// The ledger is not what the journal makes it.
    #[error("the ledger is not the one that follows from the journal")]
    Ledger,
}

/// The ledger that follows from a whole journal, oldest entry first.
///
/// # Errors
/// [`JournalError`] names the first entry that is unbalanced, out of place or impossible.
pub fn replay<'a>(
    entries: impl IntoIterator<Item = &'a JournalEntry>,
) -> Result<Ledger, JournalError> {
    entries
        .into_iter()
        .try_fold(Ledger::default(), |ledger, entry| ledger.post(entry))
}

/// Whether a ledger adds up: Σ cash = 0, Σ minted = Σ credited, nothing retired that was not credited.
///
/// # Errors
/// [`AuditError`].
pub fn check_ledger(ledger: &Ledger) -> Result<(), AuditError> {
    let sum = ledger.cash()?;
    if sum != NanoAmount::ZERO {
        return Err(AuditError::Cash { sum });
    }
    let (minted, credited) = (ledger.minted()?, ledger.credited()?);
    if minted != credited {
        return Err(AuditError::Tokens { minted, credited });
    }
    match ledger
        .homes
        .values()
        .find(|account| account.retired > account.credited)
    {
        Some(account) => Err(AuditError::Retired { home: account.home }),
        None => Ok(()),
    }
}

/// Whether a settled interval adds up: the ledger follows from the one before and the journal entry,
/// each home's energy lines are its metered net, its money lines what its statement says.
///
/// # Errors
/// [`AuditError`].
pub fn check_interval(before: &Ledger, outcome: &IntervalOutcome) -> Result<(), AuditError> {
    let settled = outcome.homes.iter().map(|result| {
        let cost = result.cost()?;
        Ok((result.home, result.energy, cost))
    });
    check_settled(before, &outcome.entry, &outcome.ledger, settled)
}

/// The same from home, metered energy and cost of each home, whatever the zone's kind.
pub(crate) fn check_settled(
    before: &Ledger,
    entry: &JournalEntry,
    ledger: &Ledger,
    homes: impl Iterator<Item = Result<(HomeId, Option<IntervalEnergy>, NanoAmount), Overflow>>,
) -> Result<(), AuditError> {
    let after = before.post(entry)?;
    if after != *ledger {
        return Err(AuditError::Ledger);
    }
    check_ledger(&after)?;
    let mut energy: BTreeMap<HomeId, i128> = BTreeMap::new();
    let mut money: BTreeMap<HomeId, i128> = BTreeMap::new();
    for line in &entry.lines {
        let Account::Home(home) = line.account else {
            continue;
        };
        let sums = match line.asset {
            Asset::Energy => &mut energy,
            Asset::Cash | Asset::Bill => &mut money,
            Asset::Token | Asset::Carry => continue,
        };
        let sum = sums.entry(home).or_default();
        *sum = sum.saturating_add(line.amount.into());
    }
    for settled in homes {
        let (home, metered, cost) = settled?;
        let metered = metered.map_or(0, |energy| {
            i128::from(energy.import.get()).saturating_sub(energy.export.get().into())
        });
        let journal = energy.remove(&home).unwrap_or(0);
        if metered != journal {
            return Err(AuditError::Energy {
                home,
                metered,
                journal,
            });
        }
        let statement = i128::from(cost.get());
        let journal = money.remove(&home).unwrap_or(0).saturating_neg();
        if statement != journal {
            return Err(AuditError::Cost {
                home,
                statement,
                journal,
            });
        }
    }
    // A home with lines and no result would be settled without its knowledge.
    match energy.keys().chain(money.keys()).next() {
        Some(home) => Err(AuditError::NoResult { home: *home }),
        None => Ok(()),
    }
}

/// What the newest final settlement batch says, at the end of the interval at which it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainView {
    /// Σ lifetime minted of the evidence tree.
    pub minted: WattHours,
    /// Σ carry of it.
    pub carry: WattHours,
    /// Σ over all accounts of |leaf cash − ledger cash|.
    pub cash_difference: u64,
}

/// One line of the audit: do meters, ledger and chain agree at the end of an interval?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalAudit {
    /// Which zone.
    pub zone: ZoneId,
    /// Which interval.
    pub start: IntervalStart,
    /// How far it has come.
    pub state: IntervalState,
    /// Lifetime verified energy recomputed from the signed readings.
    pub metered_wh: u64,
    /// Minted − carry in the journal.
    pub ledger_wh: u64,
    /// Minted − carry of the final batch that ends here.
    pub chain_wh: Option<u64>,
    /// |metered − ledger| + |ledger − chain|.
    pub energy_difference_wh: u64,
    /// |Σ cash in the ledger| + the chain's difference from it.
    pub cash_difference_nano: u64,
}

impl IntervalAudit {
    /// The line for an interval, from the ledger after it.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn new(
        zone: ZoneId,
        start: IntervalStart,
        state: IntervalState,
        metered: WattHours,
        ledger: &Ledger,
        chain: Option<&ChainView>,
    ) -> Result<Self, Overflow> {
        let ledger_wh = ledger.minted()?.less(ledger.carry()?)?.get();
        let chain_wh = chain
            .map(|chain| chain.minted.less(chain.carry).map(WattHours::get))
            .transpose()?;
        let to_chain = chain_wh.map_or(0, |wh| wh.abs_diff(ledger_wh));
        let cash = ledger.cash()?.get().unsigned_abs();
        Ok(Self {
            zone,
            start,
            state,
            metered_wh: metered.get(),
            ledger_wh,
            chain_wh,
            energy_difference_wh: metered.get().abs_diff(ledger_wh).saturating_add(to_chain),
            cash_difference_nano: cash
                .saturating_add(chain.map_or(0, |chain| chain.cash_difference)),
        })
    }
}
