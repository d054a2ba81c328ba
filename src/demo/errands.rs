//! What the demo's people do on the chain besides trading: the log-in household takes some of its
//! money back out.

use async_trait::async_trait;
use energy_core::{HomeId, IntervalStart};
use settlement::chain::{Contracts, Sender};

use crate::node::street::Errands;
use crate::node::tx_journal::StoredJournal;

/// How much it takes out: 1.00 in units of 10⁻⁶.
const WITHDRAWAL_UNITS: u64 = 1_000_000;

/// A household that asks for some of its money at one boundary. The node pays it out after the next
/// final batch.
pub(super) struct Withdrawal {
    pub(super) home: HomeId,
    pub(super) at: IntervalStart,
    pub(super) contracts: Contracts,
    pub(super) sender: Sender,
    pub(super) journal: StoredJournal,
    pub(super) gas_wei: u128,
}

#[async_trait]
impl Errands for Withdrawal {
    async fn run(&mut self, boundary: IntervalStart) -> anyhow::Result<()> {
        if boundary != self.at {
            return Ok(());
        }
        let now = u64::try_from(boundary.seconds())?;
        self.contracts.chain().set_time(now).await?;
        self.contracts
            .chain()
            .give_gas(&[self.sender.address()], self.gas_wei)
            .await?;
        let purpose = format!("request-withdrawal/{}", self.home);
        self.contracts
            .request_withdrawal(&purpose, &self.sender, WITHDRAWAL_UNITS, &self.journal)
            .await?;
        Ok(())
    }
}
