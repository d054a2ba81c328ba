//! The deployed contracts: what the node asks of them and makes them do.
//!
//! Every change is sent once per purpose (see [`super::Sender::send_once`]); a purpose names what
//! is done and to what, and repeating it is harmless. Views are as of the newest block and the
//! present chain time, so a window passes without a block.
//!
//! The changes are in three files by what they are for: setting up, settling, leaving.

mod calls;
mod encoding;
mod leaving;
mod registration;
mod setting_up;
mod settling;
mod state;
mod views;

use ethers::providers::Provider;

pub use registration::{MeterRegistration, MeterRole};
pub use state::{ChainAccount, ChainBatch, PendingBatch, WithdrawalRequest};

use super::{Chain, ChainError, ContractAddresses, Rpc, abi, chain::ethers_address, wire};

type Client = Provider<Rpc>;

/// A client of the deployed contracts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Contracts {
    chain: Chain,
    addresses: ContractAddresses,
    settlement: abi::Settlement<Client>,
    registry: abi::MeterRegistry<Client>,
    energy_token: abi::EnergyToken<Client>,
    stablecoin: abi::TestStablecoin<Client>,
}

impl Contracts {
    pub(super) fn new(chain: Chain, addresses: ContractAddresses) -> Self {
        let provider = chain.provider();
        Self {
            settlement: abi::Settlement::new(
                ethers_address(&addresses.settlement),
                provider.clone(),
            ),
            registry: abi::MeterRegistry::new(
                ethers_address(&addresses.registry),
                provider.clone(),
            ),
            energy_token: abi::EnergyToken::new(
                ethers_address(&addresses.energy_token),
                provider.clone(),
            ),
            stablecoin: abi::TestStablecoin::new(ethers_address(&addresses.stablecoin), provider),
            chain,
            addresses,
        }
    }

    /// Where they are.
    #[must_use]
    pub const fn addresses(&self) -> &ContractAddresses {
        &self.addresses
    }

    /// The chain they are on.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Checks that there is code at all four addresses.
    ///
    /// # Errors
    /// [`ChainError::NoContract`], for instance after a test node lost its state.
    pub async fn check_deployed(&self) -> Result<(), ChainError> {
        let ContractAddresses {
            settlement,
            registry,
            energy_token,
            stablecoin,
        } = self.addresses;
        let all = [
            ("Settlement", settlement),
            ("MeterRegistry", registry),
            ("EnergyToken", energy_token),
            ("stablecoin", stablecoin),
        ];
        for (contract, address) in all {
            let params = serde_json::json!([wire::text(address.as_bytes()), "latest"]);
            let code = self.chain.rpc().call("eth_getCode", params).await?;
            if wire::bytes("eth_getCode", &code)?.is_empty() {
                return Err(ChainError::NoContract { contract, address });
            }
        }
        Ok(())
    }
}
