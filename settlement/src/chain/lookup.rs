//! Looking at a settlement contract from outside: its companions, and the roots it accepted.

use energy_core::{Address, Hash};
use ethers::providers::Provider;
use serde_json::json;

use super::{
    ChainError, ContractAddresses, LogBatch, LogCursor, Rpc, SettlementEvent, abi,
    chain::ethers_address, wire,
};

/// A root that the contract accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedRoot {
    /// The batch's number.
    pub number: u64,
    /// Its root.
    pub root: Hash,
}

/// The chain's id and the contracts that belong to a settlement contract.
///
/// # Errors
/// The chain does not answer, or there is no settlement contract at the address.
pub async fn contracts_of(
    rpc: &Rpc,
    settlement: Address,
) -> Result<(u64, ContractAddresses), ChainError> {
    let chain_id = wire::quantity64("eth_chainId", &rpc.call("eth_chainId", json!([])).await?)?;
    let contract = settlement_at(rpc, settlement);
    let view = |what: &'static str| {
        move |error: String| ChainError::View {
            what,
            reason: error,
        }
    };
    let registry = contract
        .registry()
        .call()
        .await
        .map_err(|e| view("the meter registry")(e.to_string()))?;
    let token = contract
        .energy_token()
        .call()
        .await
        .map_err(|e| view("the energy token")(e.to_string()))?;
    let stablecoin = contract
        .stablecoin()
        .call()
        .await
        .map_err(|e| view("the stablecoin")(e.to_string()))?;
    let address = |found: ethers::types::Address| Address::new(found.0);
    let addresses = ContractAddresses {
        settlement,
        registry: address(registry),
        energy_token: address(token),
        stablecoin: address(stablecoin),
    };
    Ok((chain_id, addresses))
}

/// All roots that are final now, oldest first, from the contract's events.
///
/// # Errors
/// The chain does not answer.
pub async fn accepted_roots(
    rpc: &Rpc,
    settlement: Address,
) -> Result<Vec<AcceptedRoot>, ChainError> {
    let contract = settlement_at(rpc, settlement);
    let (newest, ..) = contract
        .final_batch()
        .call()
        .await
        .map_err(|e| ChainError::View {
            what: "the newest final batch",
            reason: e.to_string(),
        })?;
    let cursor = LogCursor::new(rpc.clone(), settlement, 0);
    let mut roots = Vec::new();
    let mut since = None;
    loop {
        match cursor.read(since).await? {
            LogBatch::Read {
                logs,
                position,
                at_head,
            } => {
                for log in logs.iter().filter(|log| log.address == settlement) {
                    if let Some(SettlementEvent::Proposed { root, header }) =
                        SettlementEvent::parse(log)
                        && header.number <= newest
                    {
                        roots.push(AcceptedRoot {
                            number: header.number,
                            root,
                        });
                    }
                }
                if at_head {
                    return Ok(roots);
                }
                since = Some(position);
            }
            LogBatch::UpToDate => return Ok(roots),
            // Blocks went while they were read: begin again.
            LogBatch::Reorganized { .. } => {
                roots.clear();
                since = None;
            }
        }
    }
}

/// The ABI and the creation code of a contract, as committed: `Settlement`, `EnergyToken`,
/// `MeterRegistry` or `TestStablecoin`.
#[must_use]
pub fn artifact(name: &str) -> Option<&'static str> {
    match name {
        "Settlement" => Some(include_str!("../../contracts/abi/Settlement.json")),
        "EnergyToken" => Some(include_str!("../../contracts/abi/EnergyToken.json")),
        "MeterRegistry" => Some(include_str!("../../contracts/abi/MeterRegistry.json")),
        "TestStablecoin" => Some(include_str!("../../contracts/abi/TestStablecoin.json")),
        _ => None,
    }
}

fn settlement_at(rpc: &Rpc, address: Address) -> abi::Settlement<Provider<Rpc>> {
    abi::Settlement::new(
        ethers_address(&address),
        std::sync::Arc::new(Provider::new(rpc.clone())),
    )
}
