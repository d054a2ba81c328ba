//! Leaving: a home takes its money or its energy out of the settlement.

use energy_core::WattHours;
use ethers::types::Bytes;

use super::{
    Contracts,
    calls::prepared,
    encoding::{abi_header, abi_leaf},
};
use crate::SettlementBatch;
use crate::chain::{ChainError, Outcome, Sender, TxJournal};

impl Contracts {
    /// Step one of a withdrawal: a home asks for `units`; 0 takes the request back.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn request_withdrawal(
        &self,
        purpose: &str,
        home: &Sender,
        units: u64,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        let call = prepared(&self.settlement.request_withdrawal(units), 0)?;
        self.chain.send(home, purpose, &call, journal).await
    }

    /// Step two: pays the home at `index` out of the newest final batch. Anybody may send it.
    ///
    /// # Errors
    /// See [`ChainError`]; [`ChainError::View`] if the batch has no leaf at `index`.
    pub async fn complete_withdrawal(
        &self,
        purpose: &str,
        sender: &Sender,
        batch: &SettlementBatch,
        index: u32,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        let (leaf, path) = batch.home_proof(index).ok_or_else(|| ChainError::View {
            what: "the leaf of a withdrawal",
            reason: format!(
                "the batch has {} leaves, asked for index {index}",
                batch.homes().len()
            ),
        })?;
        let path = Bytes::from(path.to_calldata());
        let call = self.settlement.complete_withdrawal(
            abi_header(batch.header()),
            index,
            vec![abi_leaf(&leaf)],
            path,
        );
        self.chain
            .send(sender, purpose, &prepared(&call, 0)?, journal)
            .await
    }

    /// A home takes energy out as tokens.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn take_energy(
        &self,
        purpose: &str,
        home: &Sender,
        energy: WattHours,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        self.chain
            .send(
                home,
                purpose,
                &prepared(&self.settlement.take_energy(energy.get()), 0)?,
                journal,
            )
            .await
    }
}
