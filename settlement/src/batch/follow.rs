//! Whether one batch may follow another.

use std::collections::BTreeMap;

use energy_core::MeterId;

use super::{BuildError, SettlementBatch};
use crate::EvidenceLeaf;

impl SettlementBatch {
    /// Whether this batch may follow `previous`: the next number, a later end, every account where it
    /// was, and nothing that fell.
    ///
    /// # Errors
    /// [`BuildError::NotNext`], [`BuildError::AccountMoved`] or [`BuildError::Fell`].
    pub fn follows(&self, previous: &Self) -> Result<(), BuildError> {
        let expected = previous.header.number.saturating_add(1);
        if self.header.number != expected {
            return Err(BuildError::NotNext {
                expected,
                got: self.header.number,
            });
        }
        not_below(
            "the settled time",
            previous.header.settled_to.saturating_add(1),
            self.header.settled_to,
        )?;
        for (index, before) in (0_u32..).zip(&previous.homes) {
            let account = before.account;
            let now = usize::try_from(index)
                .ok()
                .and_then(|i| self.homes.get(i))
                .filter(|l| l.account == account);
            let now = now.ok_or(BuildError::AccountMoved { account, index })?;
            not_below(
                &format!("credited energy of {account}"),
                before.credited.get(),
                now.credited.get(),
            )?;
            not_below(
                &format!("retired energy of {account}"),
                before.retired.get(),
                now.retired.get(),
            )?;
        }
        let meters: BTreeMap<MeterId, &EvidenceLeaf> = self
            .evidence
            .iter()
            .map(|leaf| (leaf.meter, leaf))
            .collect();
        for before in &previous.evidence {
            let minted = meters
                .get(&before.meter)
                .map_or(0, |leaf| leaf.minted.get());
            not_below(
                &format!("minted energy of meter {}", before.meter),
                before.minted.get(),
                minted,
            )?;
        }
        Ok(())
    }
}

fn not_below(what: &str, before: u64, got: u64) -> Result<(), BuildError> {
    if got < before {
        Err(BuildError::Fell {
            what: what.to_owned(),
            before,
            got,
        })
    } else {
        Ok(())
    }
}
