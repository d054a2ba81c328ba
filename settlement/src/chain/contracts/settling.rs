//! Settling: proposing a batch, and bringing its leaves into their accounts once it is final.

use ethers::types::Bytes;

use super::{
    Contracts,
    calls::prepared,
    encoding::{abi_header, abi_leaf},
};
use crate::chain::{ChainError, Outcome, PreparedCall, TxJournal};
use crate::{BatchHeader, SettlementBatch};

/// Leaves in one `sync` are 2 to this power.
const SYNC_HEIGHT_MAX: u32 = 7;

impl Contracts {
    /// Proposes a batch. After [`ChainError::Failed`] the purpose is used up.
    ///
    /// # Errors
    /// See [`ChainError`]; [`crate::chain::SendError::WouldRevert`] names the contract's reason, for
    /// instance `WindowRunning`.
    pub async fn propose(
        &self,
        purpose: &str,
        header: &BatchHeader,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        self.operate(
            purpose,
            self.settlement.propose(abi_header(header)),
            0,
            journal,
        )
        .await
    }

    /// The call of [`Self::propose`], for a caller that stores and sends it step by step.
    ///
    /// # Errors
    /// Never for a valid header.
    pub fn propose_call(&self, header: &BatchHeader) -> Result<PreparedCall, ChainError> {
        prepared(&self.settlement.propose(abi_header(header)), 0)
    }

    /// Brings all home leaves of a final batch into their accounts, 128 in a transaction. The
    /// purposes are `{purpose}/{first index}`.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn sync(
        &self,
        purpose: &str,
        batch: &SettlementBatch,
        journal: &dyn TxJournal,
    ) -> Result<(), ChainError> {
        let depth = batch.homes().len().next_power_of_two().trailing_zeros();
        let height = depth.min(SYNC_HEIGHT_MAX);
        let mut first: u32 = 0;
        while let Some((leaves, path)) = batch.home_range(first, height) {
            let leaves = leaves.iter().map(abi_leaf).collect();
            let path = Bytes::from(path.to_calldata());
            let call = self
                .settlement
                .sync(abi_header(batch.header()), first, leaves, path);
            self.operate(&format!("{purpose}/{first}"), call, 0, journal)
                .await?;
            first = first.saturating_add(1 << height);
        }
        Ok(())
    }
}
