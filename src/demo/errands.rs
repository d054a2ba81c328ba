//! What happens on the demo's street besides trading: the log-in household takes some of its money
//! back out, and meters fail when they are told to.

use anyhow::Context as _;
use async_trait::async_trait;
use energy_core::{HomeId, IntervalStart};
use settlement::chain::{Contracts, Sender};
use simulations::devices::{Fault, FaultSwitch, VirtualDevice};

use super::arguments::MeterFault;
use crate::node::street::Errands;
use crate::node::tx_journal::StoredJournal;

/// How much it takes out: 1.00 in units of 10⁻⁶.
const WITHDRAWAL_UNITS: u64 = 1_000_000;

/// Everything that is planned on the street.
pub(super) struct StreetErrands {
    pub(super) withdrawal: Withdrawal,
    pub(super) faults: Vec<(MeterFault, FaultSwitch)>,
}

/// A household that asks for some of its money at one boundary. The node pays it out after the next
/// final batch.
pub(super) struct Withdrawal {
    pub(super) home: HomeId,
    pub(super) at: IntervalStart,
    pub(super) contracts: Contracts,
    pub(super) sender: Sender,
    pub(super) journal: StoredJournal,
    pub(super) gas_wei: u128,
    /// Whether this process has asked, or seen that it was asked for before.
    pub(super) is_asked: bool,
}

/// Each planned fault with the switch of its meter.
///
/// # Errors
/// If there is no meter of that name.
pub(super) fn faults(
    planned: &[MeterFault],
    devices: &[VirtualDevice],
) -> anyhow::Result<Vec<(MeterFault, FaultSwitch)>> {
    let switch = |fault: &MeterFault| {
        let device = devices.iter().find(|device| device.name == fault.meter);
        let device = device.with_context(|| {
            let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
            format!(
                "expected the name of a meter ({}), got `{}`",
                names.join(", "),
                fault.meter
            )
        })?;
        Ok((fault.clone(), device.faults.clone()))
    };
    planned.iter().map(switch).collect()
}

#[async_trait]
impl Errands for StreetErrands {
    async fn run(&mut self, boundary: IntervalStart) -> anyhow::Result<()> {
        for (fault, switch) in &self.faults {
            let fails = (fault.from_s..fault.to_s).contains(&boundary.seconds());
            switch.set(fails.then_some(Fault::Exception {
                from_ms: boundary.millis(),
            }));
        }
        self.withdrawal.run(boundary).await
    }
}

impl Withdrawal {
    async fn run(&mut self, boundary: IntervalStart) -> anyhow::Result<()> {
        if boundary < self.at || self.is_asked {
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
        self.is_asked = true;
        Ok(())
    }
}
