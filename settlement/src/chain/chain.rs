//! The chain as the node uses it: which one it is, its time, gas, and deploying the contracts.

use std::{sync::Arc, time::Duration};

use energy_core::Address;
use ethers::{
    abi::{Token, Tokenizable},
    providers::Provider,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    ChainKey, ClientError, Contracts, Outcome, PreparedCall, Rpc, SendError, Sender,
    SenderSettings, TxJournal, abi, wire,
};

/// Which kind of chain answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainKind {
    /// The EVM in this process: its time is set by the owner.
    Embedded,
    /// anvil, a test node: its time can be moved forward by mining a block.
    Anvil,
    /// Any other: its time is its own.
    Other,
}

/// Something on the chain did not go as asked.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// A question was not answered.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A transaction was not sent or not confirmed.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A transaction was mined and failed. Its purpose is used up: choose a new one to try again.
    #[error("{purpose} failed on the chain: {reason}")]
    Failed {
        /// The purpose it was sent for.
        purpose: String,
        /// Why.
        reason: String,
    },
    /// A view failed.
    #[error("cannot read {what} from the chain: {reason}")]
    View {
        /// What was asked.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// An account has no gas money, and this chain gives none away.
    #[error(
        "account 0x{address} has {got} wei for gas, expected at least {expected}; send it some"
    )]
    NeedsGas {
        /// The account.
        address: Address,
        /// Wei wanted.
        expected: u128,
        /// Wei there.
        got: u128,
    },
    /// There is no contract at an address.
    #[error("expected the {contract} contract at 0x{address}, found no code there")]
    NoContract {
        /// Which one.
        contract: &'static str,
        /// Where.
        address: Address,
    },
}

/// Where the contracts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractAddresses {
    /// `Settlement`.
    pub settlement: Address,
    /// `MeterRegistry`.
    pub registry: Address,
    /// `EnergyToken`.
    pub energy_token: Address,
    /// The stablecoin; in the demo and in tests `TestStablecoin`.
    pub stablecoin: Address,
}

/// What the contracts are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeploySettings {
    /// Seconds from a proposal to finality.
    pub window_s: u64,
    /// Seconds without a batch until everybody can leave; longer than the window.
    pub escape_after_s: u64,
    /// Bond of the proposer, in wei.
    pub bond_wei: u128,
}

/// A chain and the operator's key on it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Chain {
    rpc: Rpc,
    kind: ChainKind,
    chain_id: u64,
    operator: Sender,
    sender_settings: SenderSettings,
}

impl Chain {
    /// Asks which chain it is. `operator` owns the contracts, registers meters and proposes.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn connect(
        rpc: Rpc,
        operator: ChainKey,
        settings: SenderSettings,
    ) -> Result<Self, ChainError> {
        let chain_id = wire::quantity64("eth_chainId", &rpc.call("eth_chainId", json!([])).await?)?;
        let kind = match &rpc {
            Rpc::Embedded(_) => ChainKind::Embedded,
            Rpc::Http(_) => {
                let version = rpc.call("web3_clientVersion", json!([])).await?;
                let is_anvil = version
                    .as_str()
                    .is_some_and(|text| text.to_ascii_lowercase().starts_with("anvil"));
                if is_anvil {
                    ChainKind::Anvil
                } else {
                    ChainKind::Other
                }
            }
        };
        let operator = Sender::new(rpc.clone(), operator, chain_id, settings);
        Ok(Self {
            rpc,
            kind,
            chain_id,
            operator,
            sender_settings: settings,
        })
    }

    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> ChainKind {
        self.kind
    }

    /// Its id.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The client.
    #[must_use]
    pub const fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// The operator's sender.
    #[must_use]
    pub const fn operator(&self) -> &Sender {
        &self.operator
    }

    /// A sender for another key, a home's for instance. One key must have one sender.
    #[must_use]
    pub fn sender(&self, key: ChainKey) -> Sender {
        Sender::new(self.rpc.clone(), key, self.chain_id, self.sender_settings)
    }

    /// Moves chain time to `unix_s` where it can be moved, never back. Gives the chain time that
    /// views see now; on another chain than the embedded one that is the newest block's.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn set_time(&self, unix_s: u64) -> Result<u64, ChainError> {
        if let Rpc::Embedded(chain) = &self.rpc {
            return Ok(chain.set_time(unix_s));
        }
        let now = self.time().await?;
        if self.kind != ChainKind::Anvil || now >= unix_s {
            return Ok(now);
        }
        match self
            .rpc
            .call("evm_setNextBlockTimestamp", json!([unix_s]))
            .await
        {
            Ok(_) => {}
            // Another block came in between and is later already.
            Err(ClientError::Refused { .. }) => return self.time().await,
            Err(error) => return Err(error.into()),
        }
        self.rpc.call("evm_mine", json!([])).await?;
        self.time().await
    }

    /// Chain time in UTC seconds: what views see.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn time(&self) -> Result<u64, ChainError> {
        if let Rpc::Embedded(chain) = &self.rpc {
            return Ok(chain.time());
        }
        const METHOD: &str = "eth_getBlockByNumber";
        let block = self.rpc.call(METHOD, json!(["latest", false])).await?;
        Ok(wire::quantity64(
            METHOD,
            block.get("timestamp").unwrap_or(&Value::Null),
        )?)
    }

    /// The number of the newest block.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn block_number(&self) -> Result<u64, ChainError> {
        Ok(wire::quantity64(
            "eth_blockNumber",
            &self.rpc.call("eth_blockNumber", json!([])).await?,
        )?)
    }

    /// Sees to it that accounts have at least `wei` for gas. On the embedded chain and on anvil
    /// one that has less is given twice as much, so that a restart seldom changes a balance; on
    /// other chains it is only checked.
    ///
    /// # Errors
    /// [`ChainError::NeedsGas`], or the chain does not answer.
    pub async fn give_gas(&self, accounts: &[Address], wei: u128) -> Result<(), ChainError> {
        for address in accounts {
            let text = wire::text(address.as_bytes());
            let balance = self
                .rpc
                .call("eth_getBalance", json!([text, "latest"]))
                .await?;
            let got = wire::quantity("eth_getBalance", &balance)?;
            if got >= wei {
                continue;
            }
            if self.kind == ChainKind::Other {
                return Err(ChainError::NeedsGas {
                    address: *address,
                    expected: wei,
                    got,
                });
            }
            let gift = format!("{:#x}", wei.saturating_mul(2));
            self.rpc
                .call("anvil_setBalance", json!([text, gift]))
                .await?;
        }
        Ok(())
    }

    /// Deploys the contracts with the operator as owner, registrar and proposer, and posts the
    /// bond. With the same journal it goes on where a crash left it. On a new chain the addresses
    /// depend on the operator's key alone.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn deploy(
        &self,
        settings: &DeploySettings,
        journal: &dyn TxJournal,
    ) -> Result<ContractAddresses, ChainError> {
        let operator = address_token(&self.operator.address());
        let create = |code: &ethers::types::Bytes, arguments: &[Token]| PreparedCall {
            to: None,
            data: [code.as_ref(), &ethers::abi::encode(arguments)].concat(),
            value: 0,
        };
        let stablecoin = self
            .create(
                "deploy/stablecoin",
                create(&abi::TESTSTABLECOIN_BYTECODE, &[]),
                journal,
            )
            .await?;
        let registry_call = create(
            &abi::METERREGISTRY_BYTECODE,
            &[operator.clone(), operator.clone()],
        );
        let registry = self
            .create("deploy/registry", registry_call, journal)
            .await?;
        let arguments = Token::Tuple(vec![
            address_token(&stablecoin),
            address_token(&registry),
            operator,
            Token::Uint(settings.window_s.into()),
            Token::Uint(settings.escape_after_s.into()),
            Token::Uint(settings.bond_wei.into()),
        ]);
        let settlement = self
            .create(
                "deploy/settlement",
                create(&abi::SETTLEMENT_BYTECODE, &[arguments]),
                journal,
            )
            .await?;
        let energy_token = self.energy_token_of(settlement).await?;
        let addresses = ContractAddresses {
            settlement,
            registry,
            energy_token,
            stablecoin,
        };
        self.contracts(addresses)
            .appoint(settings.bond_wei, journal)
            .await?;
        Ok(addresses)
    }

    /// The contracts at these addresses.
    #[must_use]
    pub fn contracts(&self, addresses: ContractAddresses) -> Contracts {
        Contracts::new(self.clone(), addresses)
    }

    /// Sends for the operator, once for this purpose, and demands success.
    pub(super) async fn send(
        &self,
        sender: &Sender,
        purpose: &str,
        call: &PreparedCall,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        let outcome = sender.send_once(purpose, call, journal).await?;
        match outcome.success {
            true => Ok(outcome),
            false => Err(ChainError::Failed {
                purpose: purpose.to_owned(),
                reason: outcome.revert_reason.unwrap_or_default(),
            }),
        }
    }

    /// The client as `ethers` wants it. Its polling interval is never used: nothing waits by it.
    pub(super) fn provider(&self) -> Arc<Provider<Rpc>> {
        Arc::new(Provider::new(self.rpc.clone()).interval(Duration::from_millis(1)))
    }

    async fn create(
        &self,
        purpose: &str,
        call: PreparedCall,
        journal: &dyn TxJournal,
    ) -> Result<Address, ChainError> {
        let outcome = self.send(&self.operator, purpose, &call, journal).await?;
        outcome.contract.ok_or_else(|| {
            ClientError::nonsense(
                "eth_getTransactionReceipt",
                "the address of a new contract",
                purpose,
            )
            .into()
        })
    }

    async fn energy_token_of(&self, settlement: Address) -> Result<Address, ChainError> {
        let contract = abi::Settlement::new(ethers_address(&settlement), self.provider());
        let token = contract.energy_token().call().await;
        let token = token.map_err(|error| ChainError::View {
            what: "the energy token",
            reason: error.to_string(),
        })?;
        Ok(Address::new(token.0))
    }
}

/// An address as `ethers` has it.
pub(super) fn ethers_address(address: &Address) -> ethers::types::Address {
    ethers::types::Address::from(*address.as_bytes())
}

fn address_token(address: &Address) -> Token {
    ethers_address(address).into_token()
}
