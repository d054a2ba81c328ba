//! The deployed contracts: what the node asks of them and makes them do.
//!
//! Every change is sent once per purpose (see [`Sender::send_once`]); a purpose names what is done
//! and to what, and repeating it is harmless. Views are as of the newest block and the present
//! chain time, so a window passes without a block.

use energy_core::{Address, Hash, NanoAmount, WattHours};
use ethers::{
    abi::Detokenize,
    contract::{ContractError, builders::ContractCall},
    providers::Provider,
    types::{Bytes, U256},
};

use super::{
    Chain, ChainError, ContractAddresses, LogCursor, Outcome, PreparedCall, Rpc, Sender, TxJournal,
    abi, chain::ethers_address, events::SettlementEvent, log_cursor::ChainLog, revert, wire,
};
use crate::{BatchHeader, HomeLeaf, SettlementBatch};

type Client = Provider<Rpc>;

/// Registrations in one transaction: some 130,000 gas each, so that they stay far below the
/// 16.7 million of one transaction (EIP-7825).
const REGISTRATIONS_MAX: usize = 50;
/// Leaves in one `sync` are 2 to this power.
const SYNC_HEIGHT_MAX: u32 = 7;

/// What a meter measures. Only a connection-point meter settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeterRole {
    /// Where the home meets the grid.
    Connection,
    /// A generator's own.
    Generation,
    /// A battery's own.
    Storage,
}

/// A meter for the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterRegistration {
    /// Its salted id.
    pub meter: energy_core::MeterId,
    /// The home's account.
    pub owner: Address,
    /// The zone.
    pub zone: energy_core::ZoneId,
    /// What it measures.
    pub role: MeterRole,
    /// What the connection can export, in W.
    pub capacity_w: u32,
    /// The ed25519 key of the gateway that signs for it.
    pub gateway_key: [u8; 32],
    /// Start of the first interval for which the key signs, in UTC seconds.
    pub valid_from: u64,
}

/// An account as far as it is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainAccount {
    /// Energy held in the contract: credited, less retired and taken out.
    pub energy: WattHours,
    /// Energy retired in the account's name.
    pub retired: WattHours,
    /// Lifetime deposits, in units of 10⁻⁶ currency.
    pub deposited_units: u64,
    /// Lifetime withdrawals, in units of 10⁻⁶ currency.
    pub withdrawn_units: u64,
    /// Lifetime money received (+) or paid (−).
    pub cash: NanoAmount,
}

impl ChainAccount {
    /// The account's money in nano-currency: (deposited − withdrawn) × 1000 + cash.
    #[must_use]
    pub fn money_nano(&self) -> i128 {
        (i128::from(self.deposited_units) - i128::from(self.withdrawn_units)) * 1_000
            + i128::from(self.cash.get())
    }
}

/// A batch on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainBatch {
    /// Its number, from 1.
    pub number: u64,
    /// Its root.
    pub root: Hash,
    /// End of its newest interval, in UTC seconds.
    pub settled_to: u64,
    /// Lifetime energy minted.
    pub minted: WattHours,
    /// Of that, what corrections took back.
    pub carry: WattHours,
}

/// A batch whose window runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingBatch {
    /// The batch.
    pub batch: ChainBatch,
    /// When its window has passed, in UTC seconds of chain time.
    pub final_at: u64,
}

/// An open request to withdraw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithdrawalRequest {
    /// Wanted, in units of 10⁻⁶ currency.
    pub units: u64,
    /// Only a batch after this one can serve it.
    pub after_batch: u64,
    /// When it was made, in UTC seconds of chain time.
    pub requested_at: u64,
}

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

    // Setting up

    /// Connects registry and settlement, appoints the operator as proposer, posts its bond, and
    /// lets the settlement take the operator's stablecoins (for [`Self::deposit_for`]).
    pub(super) async fn appoint(
        &self,
        bond_wei: u128,
        journal: &dyn TxJournal,
    ) -> Result<(), ChainError> {
        let operator = ethers_address(&self.chain.operator().address());
        let settlement = ethers_address(&self.addresses.settlement);
        self.operate(
            "deploy/connect",
            self.registry.connect(settlement),
            0,
            journal,
        )
        .await?;
        self.operate(
            "deploy/proposer",
            self.settlement.appoint_proposer(operator),
            0,
            journal,
        )
        .await?;
        if bond_wei > 0 {
            self.operate(
                "deploy/bond",
                self.settlement.post_bond(),
                bond_wei,
                journal,
            )
            .await?;
        }
        self.operate(
            "deploy/approve",
            self.stablecoin.approve(settlement, U256::MAX),
            0,
            journal,
        )
        .await?;
        Ok(())
    }

    /// Registers meters, fifty in a transaction.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn register_meters(
        &self,
        purpose: &str,
        meters: &[MeterRegistration],
        journal: &dyn TxJournal,
    ) -> Result<(), ChainError> {
        for (number, part) in meters.chunks(REGISTRATIONS_MAX).enumerate() {
            let registrations = part.iter().map(registration).collect();
            let call = self.registry.register_many(registrations);
            self.operate(&format!("{purpose}/{number}"), call, 0, journal)
                .await?;
        }
        Ok(())
    }

    /// Gives test coins to accounts, `units` of 10⁻⁶ currency each. Only with the test stablecoin.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn mint_test_coins(
        &self,
        purpose: &str,
        accounts: &[Address],
        units: u64,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        let accounts = accounts.iter().map(ethers_address).collect();
        self.operate(
            purpose,
            self.stablecoin.mint_many(accounts, units.into()),
            0,
            journal,
        )
        .await
    }

    /// The operator pays `units` of its stablecoins into an account.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn deposit_for(
        &self,
        purpose: &str,
        account: Address,
        units: u64,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        self.operate(
            purpose,
            self.settlement.deposit_for(ethers_address(&account), units),
            0,
            journal,
        )
        .await
    }

    /// A home pays `units` of its own stablecoins into its account, with its own key.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn deposit(
        &self,
        purpose: &str,
        home: &Sender,
        units: u64,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        let allow = self
            .stablecoin
            .approve(ethers_address(&self.addresses.settlement), units.into());
        let allow = prepared(&allow, 0)?;
        self.chain
            .send(home, &format!("{purpose}/allow"), &allow, journal)
            .await?;
        self.chain
            .send(
                home,
                purpose,
                &prepared(&self.settlement.deposit(units), 0)?,
                journal,
            )
            .await
    }

    // Settling

    /// Proposes a batch. After [`ChainError::Failed`] the purpose is used up.
    ///
    /// # Errors
    /// See [`ChainError`]; [`super::SendError::WouldRevert`] names the contract's reason, for
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

    // Leaving

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

    // Views

    /// An account.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn account(&self, who: Address) -> Result<ChainAccount, ChainError> {
        let (energy, retired, deposited_units, withdrawn_units, cash) =
            view("an account", self.settlement.account(ethers_address(&who))).await?;
        Ok(ChainAccount {
            energy: WattHours::new(energy),
            retired: WattHours::new(retired),
            deposited_units,
            withdrawn_units,
            cash: NanoAmount::new(cash),
        })
    }

    /// The newest final batch; `None` before the first.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn final_batch(&self) -> Result<Option<ChainBatch>, ChainError> {
        let (number, root, settled_to, minted, carry) =
            view("the final batch", self.settlement.final_batch()).await?;
        Ok((number > 0).then(|| chain_batch(number, root, settled_to, minted, carry)))
    }

    /// The batch whose window runs.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn pending(&self) -> Result<Option<PendingBatch>, ChainError> {
        let (number, root, settled_to, minted, carry, final_at) =
            view("the pending batch", self.settlement.pending()).await?;
        Ok((number > 0).then(|| PendingBatch {
            batch: chain_batch(number, root, settled_to, minted, carry),
            final_at,
        }))
    }

    /// The root that the next batch names as its parent.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn current_root(&self) -> Result<Hash, ChainError> {
        view("the current root", self.settlement.current_root())
            .await
            .map(Hash::new)
    }

    /// Whether leaves of this batch can be claimed now.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn is_claimable(&self, header: &BatchHeader) -> Result<bool, ChainError> {
        view(
            "whether a batch is claimable",
            self.settlement.is_claimable(abi_header(header)),
        )
        .await
    }

    /// The number of the batch an account was synced with, 0 = never.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn synced_batch(&self, who: Address) -> Result<u64, ChainError> {
        let (batch, _, _) = view(
            "an account's batch",
            self.settlement.synced(ethers_address(&who)),
        )
        .await?;
        Ok(batch)
    }

    /// An account's open request to withdraw.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn withdrawal_request(
        &self,
        who: Address,
    ) -> Result<Option<WithdrawalRequest>, ChainError> {
        let (units, after_batch, requested_at) = view(
            "a withdrawal request",
            self.settlement.withdrawal_request(ethers_address(&who)),
        )
        .await?;
        Ok((units > 0).then_some(WithdrawalRequest {
            units,
            after_batch,
            requested_at,
        }))
    }

    /// The most that a batch may have minted now.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn mintable(&self) -> Result<WattHours, ChainError> {
        view("the mintable energy", self.settlement.mintable_wh())
            .await
            .map(WattHours::new)
    }

    /// Energy tokens that an account holds outside the settlement, in Wh.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn energy_tokens(&self, who: Address) -> Result<WattHours, ChainError> {
        let balance = view(
            "a token balance",
            self.energy_token.balance_of(ethers_address(&who)),
        )
        .await?;
        narrow("a token balance", balance).map(WattHours::new)
    }

    /// Stablecoins that an account holds outside the settlement, in units of 10⁻⁶ currency.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn stablecoins(&self, who: Address) -> Result<u64, ChainError> {
        let balance = view(
            "a stablecoin balance",
            self.stablecoin.balance_of(ethers_address(&who)),
        )
        .await?;
        narrow("a stablecoin balance", balance)
    }

    /// Whether a meter is registered and active.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn is_meter_active(&self, meter: energy_core::MeterId) -> Result<bool, ChainError> {
        const ACTIVE: u8 = 1;
        let known = view("a meter", self.registry.meter_of(*meter.as_bytes())).await?;
        Ok(known.status == ACTIVE)
    }

    /// A cursor over the settlement's events, `depth` blocks behind the head.
    #[must_use]
    pub fn events(&self, depth: u64) -> LogCursor {
        LogCursor::new(self.chain.rpc().clone(), self.addresses.settlement, depth)
    }

    /// What a log of [`Self::events`] says; `None` for events that the node does not use and for
    /// logs of other contracts.
    #[must_use]
    pub fn event(&self, log: &ChainLog) -> Option<SettlementEvent> {
        (log.address == self.addresses.settlement)
            .then(|| SettlementEvent::parse(log))
            .flatten()
    }

    async fn operate<D: Detokenize>(
        &self,
        purpose: &str,
        call: ContractCall<Client, D>,
        wei: u128,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        self.chain
            .send(
                self.chain.operator(),
                purpose,
                &prepared(&call, wei)?,
                journal,
            )
            .await
    }
}

/// The encoded call. `ethers` builds it and does not send it.
fn prepared<D: Detokenize>(
    call: &ContractCall<Client, D>,
    wei: u128,
) -> Result<PreparedCall, ChainError> {
    let missing = |what| ChainError::View {
        what,
        reason: "the binding gave none".to_owned(),
    };
    let data = call
        .calldata()
        .ok_or_else(|| missing("the data of a call"))?;
    let to = call
        .tx
        .to()
        .and_then(|to| to.as_address())
        .ok_or_else(|| missing("the address of a call"))?;
    Ok(PreparedCall {
        to: Some(Address::new(to.0)),
        data: data.to_vec(),
        value: wei,
    })
}

async fn view<D: Detokenize + Send + Sync>(
    what: &'static str,
    call: ContractCall<Client, D>,
) -> Result<D, ChainError> {
    call.call().await.map_err(|error| {
        let reason = match &error {
            ContractError::Revert(data) => revert::describe(data),
            other => other.to_string(),
        };
        ChainError::View { what, reason }
    })
}

fn narrow(what: &'static str, value: U256) -> Result<u64, ChainError> {
    u64::try_from(value).map_err(|_| ChainError::View {
        what,
        reason: format!("{value} does not fit 64 bits"),
    })
}

fn chain_batch(
    number: u64,
    root: [u8; 32],
    settled_to: u64,
    minted: u64,
    carry: u64,
) -> ChainBatch {
    let (minted, carry) = (WattHours::new(minted), WattHours::new(carry));
    ChainBatch {
        number,
        root: Hash::new(root),
        settled_to,
        minted,
        carry,
    }
}

fn abi_header(header: &BatchHeader) -> abi::AbiHeader {
    abi::AbiHeader {
        number: header.number,
        parent_root: *header.parent_root.as_bytes(),
        settled_to: header.settled_to,
        home_root: *header.home_root.as_bytes(),
        credited_wh: header.credited.get(),
        evidence_root: *header.evidence_root.as_bytes(),
        minted_wh: header.minted.get(),
        carry_wh: header.carry.get(),
        market_root: *header.market_root.as_bytes(),
    }
}

fn abi_leaf(leaf: &HomeLeaf) -> abi::AbiHomeLeaf {
    abi::AbiHomeLeaf {
        account: ethers_address(&leaf.account),
        credited_wh: leaf.credited.get(),
        retired_wh: leaf.retired.get(),
        cash_nano: leaf.cash.get(),
    }
}

fn registration(meter: &MeterRegistration) -> abi::Registration {
    abi::Registration {
        meter: *meter.meter.as_bytes(),
        owner: ethers_address(&meter.owner),
        zone_hash: *meter.zone.hash().as_bytes(),
        role: match meter.role {
            MeterRole::Connection => 0,
            MeterRole::Generation => 1,
            MeterRole::Storage => 2,
        },
        capacity_w: meter.capacity_w,
        key: abi::GatewayKey {
            x: meter.gateway_key,
            y: [0; 32],
            key_type: 0,
            valid_from: meter.valid_from,
        },
    }
}
