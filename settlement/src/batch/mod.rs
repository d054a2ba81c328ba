//! A settlement batch with all its leaves, built the same way from the same leaves every time.
//!
//! Order is part of the input and checked, not made: homes stand at their index, meters rise by id,
//! markets by (zone, interval). [`SettlementBatch::build`] refuses what the contract would refuse, and
//! what only the operator can see: a meter twice, an account twice, cash that is not zero in sum.

mod check;
mod error;
mod follow;
mod proofs;
#[cfg(test)]
mod tests;

use energy_core::{Hash, NanoAmount, WattHours};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use check::{check_evidence, check_homes, check_markets};
pub use error::BuildError;
use proofs::{evidence_tree, home_tree, market_tree};

use crate::{BatchHeader, EvidenceLeaf, HomeLeaf, MarketLeaf};

/// A header with all the leaves below it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct SettlementBatch {
    #[n(0)]
    header: BatchHeader,
    #[n(1)]
    homes: Vec<HomeLeaf>,
    #[n(2)]
    evidence: Vec<EvidenceLeaf>,
    #[n(3)]
    markets: Vec<MarketLeaf>,
}

impl SettlementBatch {
    /// Builds batch `number` after the batch with the root `parent_root`.
    ///
    /// `settled_to` is the end of the newest interval in it, in s UTC. `homes` stand at their index;
    /// `evidence` rises by meter, `markets` by (zone, interval).
    ///
    /// # Errors
    /// [`BuildError`] for anything that does not add up or is out of order.
    pub fn build(
        number: u64,
        parent_root: Hash,
        settled_to: u64,
        homes: Vec<HomeLeaf>,
        evidence: Vec<EvidenceLeaf>,
        markets: Vec<MarketLeaf>,
    ) -> Result<Self, BuildError> {
        if number == 0 {
            return Err(BuildError::Number);
        }
        check_homes(&homes)?;
        check_evidence(&evidence, settled_to)?;
        check_markets(&markets)?;

        let home_sums = home_tree(&homes)?.root();
        let evidence_sums = evidence_tree(&evidence)?.root();
        let (credited, minted) = (WattHours::new(home_sums.a), WattHours::new(evidence_sums.a));
        if home_sums.b != 0 {
            return Err(BuildError::CashSum {
                got: NanoAmount::new(home_sums.b),
            });
        }
        if credited != minted {
            return Err(BuildError::CreditedIsNotMinted { credited, minted });
        }
        let header = BatchHeader {
            number,
            parent_root,
            settled_to,
            home_root: home_sums.hash,
            credited,
            evidence_root: evidence_sums.hash,
            minted,
            carry: WattHours::new(evidence_sums.b),
            market_root: market_tree(&markets).root(),
        };
        Ok(Self {
            header,
            homes,
            evidence,
            markets,
        })
    }

    /// Whether the header is the one that follows from the leaves: for a batch that came from
    /// elsewhere.
    ///
    /// # Errors
    /// [`BuildError`] when the leaves make no batch.
    pub fn is_consistent(&self) -> Result<bool, BuildError> {
        let BatchHeader {
            number,
            parent_root,
            settled_to,
            ..
        } = self.header;
        let (homes, evidence) = (self.homes.clone(), self.evidence.clone());
        let rebuilt = Self::build(
            number,
            parent_root,
            settled_to,
            homes,
            evidence,
            self.markets.clone(),
        )?;
        Ok(rebuilt.header == self.header)
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The home leaves; the index is the place.
    #[must_use]
    pub fn homes(&self) -> &[HomeLeaf] {
        &self.homes
    }

    /// The evidence leaves, by meter.
    #[must_use]
    pub fn evidence(&self) -> &[EvidenceLeaf] {
        &self.evidence
    }

    /// The market leaves, by zone and interval.
    #[must_use]
    pub fn markets(&self) -> &[MarketLeaf] {
        &self.markets
    }
}
