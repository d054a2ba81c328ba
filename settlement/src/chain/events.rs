//! The settlement contract's events in plain types.

use energy_core::{Address, Hash, WattHours};
use ethers::{contract::EthLogDecode, types::H256};

use super::{abi::SettlementEvents, log_cursor::ChainLog};
use crate::BatchHeader;

/// What happened in the settlement contract. Amounts of money are units of 10⁻⁶ currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettlementEvent {
    /// Money was paid into an account.
    Deposited {
        /// Whose account.
        account: Address,
        /// Who paid.
        payer: Address,
        /// How much.
        units: u64,
    },
    /// An account asked to withdraw; 0 = it took its request back.
    WithdrawalRequested {
        /// Whose.
        account: Address,
        /// How much.
        units: u64,
        /// Only a batch after this one can serve it.
        after_batch: u64,
    },
    /// Money was paid out.
    Withdrawn {
        /// Whose.
        account: Address,
        /// How much.
        units: u64,
        /// From the leaf in this batch.
        batch: u64,
    },
    /// A batch was proposed.
    Proposed {
        /// Its root.
        root: Hash,
        /// Its header.
        header: BatchHeader,
    },
    /// Leaves were brought into their accounts.
    Synced {
        /// Of which batch.
        batch: u64,
        /// Index of the first.
        first_index: u32,
    },
    /// Energy was taken out as tokens.
    EnergyTaken {
        /// By whom.
        account: Address,
        /// How much.
        energy: WattHours,
    },
    /// Somebody left without the operator; no batch is accepted any more.
    Closed,
}

impl SettlementEvent {
    /// Reads a log of the settlement contract. The caller checks whose log it is.
    pub(super) fn parse(log: &ChainLog) -> Option<Self> {
        let raw = ethers::abi::RawLog {
            topics: log
                .topics
                .iter()
                .map(|topic| H256(*topic.as_bytes()))
                .collect(),
            data: log.data.clone(),
        };
        let address = |address: ethers::types::Address| Address::new(address.0);
        Some(match SettlementEvents::decode_log(&raw).ok()? {
            SettlementEvents::DepositedFilter(event) => Self::Deposited {
                account: address(event.account),
                payer: address(event.payer),
                units: event.amount_units,
            },
            SettlementEvents::WithdrawalRequestedFilter(event) => Self::WithdrawalRequested {
                account: address(event.account),
                units: event.amount_units,
                after_batch: event.after_batch,
            },
            SettlementEvents::WithdrawnFilter(event) => Self::Withdrawn {
                account: address(event.account),
                units: event.amount_units,
                batch: event.batch,
            },
            SettlementEvents::ProposedFilter(event) => Self::Proposed {
                root: Hash::new(event.root),
                header: BatchHeader {
                    number: event.number,
                    parent_root: Hash::new(event.parent_root),
                    settled_to: event.settled_to,
                    home_root: Hash::new(event.home_root),
                    credited: WattHours::new(event.credited_wh),
                    evidence_root: Hash::new(event.evidence_root),
                    minted: WattHours::new(event.minted_wh),
                    carry: WattHours::new(event.carry_wh),
                    market_root: Hash::new(event.market_root),
                },
            },
            SettlementEvents::SyncedFilter(event) => Self::Synced {
                batch: event.number,
                first_index: event.first_index,
            },
            SettlementEvents::EnergyTakenFilter(event) => Self::EnergyTaken {
                account: address(event.account),
                energy: WattHours::new(event.amount_wh),
            },
            SettlementEvents::ClosedFilter(_) => Self::Closed,
            _ => return None,
        })
    }
}
