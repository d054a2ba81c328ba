//! The trees over a batch's leaves, and the path from each leaf up to the header.

use energy_core::{IntervalStart, MerkleProof, MerkleTree, MeterId, ZoneId};

use super::SettlementBatch;
use crate::{EvidenceLeaf, HomeLeaf, MarketLeaf, SumProof, SumTree, TreeError};

impl SettlementBatch {
    /// The leaf at `index` and its path.
    #[must_use]
    pub fn home_proof(&self, index: u32) -> Option<(HomeLeaf, SumProof<i64>)> {
        let place = usize::try_from(index).ok()?;
        let leaf = *self.homes.get(place)?;
        Some((leaf, home_tree(&self.homes).ok()?.proof(place)?))
    }

    /// The path above the aligned range of 2^`height` home leaves that begins at `first`, and the
    /// leaves in it: what `Settlement.sync` takes. None unless `first` is a multiple of the width.
    #[must_use]
    pub fn home_range(&self, first: u32, height: u32) -> Option<(Vec<HomeLeaf>, SumProof<i64>)> {
        let width = 1_usize.checked_shl(height)?;
        let start = usize::try_from(first).ok()?;
        if !start.is_multiple_of(width) || start >= self.homes.len() {
            return None;
        }
        let end = start.saturating_add(width).min(self.homes.len());
        let proof = home_tree(&self.homes)
            .ok()?
            .range_proof(start, usize::try_from(height).ok()?)?;
        Some((self.homes.get(start..end)?.to_vec(), proof))
    }

    /// A meter's leaf and its path.
    #[must_use]
    pub fn evidence_proof(&self, meter: MeterId) -> Option<(EvidenceLeaf, SumProof<u64>)> {
        let place = self
            .evidence
            .binary_search_by_key(&meter, |leaf| leaf.meter)
            .ok()?;
        Some((
            *self.evidence.get(place)?,
            evidence_tree(&self.evidence).ok()?.proof(place)?,
        ))
    }

    /// A market's leaf and its path.
    #[must_use]
    pub fn market_proof(
        &self,
        zone: &ZoneId,
        interval: IntervalStart,
    ) -> Option<(MarketLeaf, MerkleProof)> {
        let place = self
            .markets
            .binary_search_by_key(&(zone, interval), |leaf| (&leaf.zone, leaf.interval))
            .ok()?;
        Some((
            self.markets.get(place)?.clone(),
            market_tree(&self.markets).proof(place)?,
        ))
    }
}

pub(super) fn home_tree(homes: &[HomeLeaf]) -> Result<SumTree<i64>, TreeError> {
    SumTree::new(
        (0_u32..)
            .zip(homes)
            .map(|(index, leaf)| leaf.node(index))
            .collect(),
    )
}

pub(super) fn evidence_tree(evidence: &[EvidenceLeaf]) -> Result<SumTree<u64>, TreeError> {
    SumTree::new(evidence.iter().map(EvidenceLeaf::node).collect())
}

pub(super) fn market_tree(markets: &[MarketLeaf]) -> MerkleTree {
    MerkleTree::new(markets.iter().map(MarketLeaf::hash).collect())
}
