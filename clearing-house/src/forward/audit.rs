//! The conservation audit of a forward interval: it trusts no result, it starts from the journal.

use std::collections::BTreeMap;

use energy_core::HomeId;

use super::result::ForwardOutcome;
use crate::account::{Account, Ledger};
use crate::audit::{AuditError, check_ledger};
use crate::journal::Asset;

/// Whether a settled forward interval adds up: the ledger follows from the one before and the journal
/// entry, each home's energy lines are its metered net, its money lines what its result says.
///
/// # Errors
/// [`AuditError`].
pub fn check_forward_interval(before: &Ledger, outcome: &ForwardOutcome) -> Result<(), AuditError> {
    let after = before.post(&outcome.entry)?;
    if after != outcome.ledger {
        return Err(AuditError::Ledger);
    }
    check_ledger(&after)?;
    let mut energy: BTreeMap<HomeId, i128> = BTreeMap::new();
    let mut money: BTreeMap<HomeId, i128> = BTreeMap::new();
    for line in &outcome.entry.lines {
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
    for result in &outcome.homes {
        let home = result.home;
        let metered = result.energy.map_or(0, |energy| {
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
        let statement = i128::from(result.cost()?.get());
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
        Some(_) => Err(AuditError::Ledger),
        None => Ok(()),
    }
}
