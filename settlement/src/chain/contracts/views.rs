//! What the contracts say: views, and the settlement's events.

use energy_core::{Address, Hash, MeterId, NanoAmount, WattHours};
use ethers::{
    abi::Detokenize,
    contract::{ContractError, builders::ContractCall},
    types::U256,
};

use super::{
    ChainAccount, ChainBatch, Client, Contracts, PendingBatch, WithdrawalRequest,
    encoding::abi_header,
};
use crate::BatchHeader;
use crate::chain::{
    ChainError, LogCursor, chain::ethers_address, events::SettlementEvent, log_cursor::ChainLog,
    revert,
};

impl Contracts {
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
    pub async fn is_meter_active(&self, meter: MeterId) -> Result<bool, ChainError> {
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
