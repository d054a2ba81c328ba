//! Sending transactions so that each has its effect exactly once, whatever crashes when.
//!
//! A transaction is signed once and its bytes are stored before they are broadcast. After a crash
//! or a lost answer the same bytes are sent again; a chain runs the same bytes at most once. A new
//! nonce is taken only for a purpose that has no stored bytes, and only after every stored
//! transaction with a lower nonce was handed to the chain.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use energy_core::{Address, Hash, keccak};
use ethers::types::{Eip1559TransactionRequest, transaction::eip2718::TypedTransaction};
use serde_json::{Value, json};

use super::{ChainKey, ClientError, Fees, Rpc, fees, revert, wire};

/// What a transaction shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedCall {
    /// The contract or account; `None` deploys `data`.
    pub to: Option<Address>,
    /// Encoded call, or the code of a deployment.
    pub data: Vec<u8>,
    /// Wei that go with it.
    pub value: u128,
}

/// A signed transaction. These bytes are what is stored and sent, never made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTx {
    /// Who signed.
    pub from: Address,
    /// The signer's transaction number.
    pub nonce: u64,
    /// Keccak of `raw`.
    pub hash: Hash,
    /// The bytes for `eth_sendRawTransaction`.
    pub raw: Vec<u8>,
}

/// What became of a mined transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The transaction.
    pub hash: Hash,
    /// The block it is in.
    pub block: u64,
    /// That block's hash.
    pub block_hash: Hash,
    /// Whether it did what it should; a failed one changed nothing but the nonce and the fee.
    pub success: bool,
    /// Gas that was paid.
    pub gas_used: u64,
    /// The address of a deployed contract.
    pub contract: Option<Address>,
    /// Why it failed.
    pub revert_reason: Option<String>,
}

/// What a chain did with broadcast bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BroadcastState {
    /// New to it, and taken.
    Accepted,
    /// It had them before.
    Known,
}

/// The caller's database failed.
#[derive(Debug, thiserror::Error)]
#[error("the transaction could not be kept: {0}")]
pub struct JournalError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// Where signed transactions are kept, in the caller's database.
#[async_trait]
pub trait TxJournal: Send + Sync {
    /// The transaction stored for this purpose.
    async fn load(&self, purpose: &str) -> Result<Option<SignedTx>, JournalError>;
    /// Stores a transaction durably. Must fail if the purpose, or (sender, nonce), is taken.
    async fn store(&self, purpose: &str, tx: &SignedTx) -> Result<(), JournalError>;
    /// The stored transactions of a sender with at least this nonce, by rising nonce.
    async fn stored_since(&self, from: &Address, nonce: u64)
    -> Result<Vec<SignedTx>, JournalError>;
}

/// A transaction was not sent, or its fate is not known yet.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The chain did not answer, or not sensibly. Ask again with the same purpose.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The database failed; nothing was sent that is not stored.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It would fail now; nothing was signed.
    #[error("the chain would refuse this call: {reason}")]
    WouldRevert {
        /// Why.
        reason: String,
    },
    /// Another transaction used the nonce: somebody else signs with this key.
    #[error(
        "nonce {nonce} of {from} was used by another transaction than {hash}; nobody else may use this key"
    )]
    Displaced {
        /// The sender.
        from: Address,
        /// The nonce.
        nonce: u64,
        /// The transaction that can no longer run.
        hash: Hash,
    },
    /// Not mined and deep enough in time; the same purpose may be asked for again.
    #[error("transaction {hash} was not confirmed within {waited_s} s")]
    NotConfirmed {
        /// The transaction.
        hash: Hash,
        /// Seconds waited.
        waited_s: u64,
    },
    /// The transaction could not be signed.
    #[error("the transaction could not be signed with the key of {from}")]
    Signing {
        /// The sender.
        from: Address,
    },
}

/// How long and how deep.
#[derive(Debug, Clone, Copy)]
pub struct SenderSettings {
    /// Blocks on top of the transaction's before it counts; 0 on the embedded chain and on anvil.
    pub depth: u64,
    /// Wall time after which [`SendError::NotConfirmed`] is given.
    pub timeout: Duration,
    /// The first pause between two looks; doubled up to 2 s.
    pub poll: Duration,
}

impl Default for SenderSettings {
    fn default() -> Self {
        Self {
            depth: 0,
            timeout: Duration::from_secs(120),
            poll: Duration::from_millis(5),
        }
    }
}

/// Signs and sends for one key. Cheap to clone; clones take turns.
#[derive(Debug, Clone)]
pub struct Sender {
    rpc: Rpc,
    key: ChainKey,
    chain_id: u64,
    settings: SenderSettings,
    /// Held while a nonce is chosen and stored.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Sender {
    /// A sender for this key on this chain. One key must have one `Sender` (and its clones).
    #[must_use]
    pub fn new(rpc: Rpc, key: ChainKey, chain_id: u64, settings: SenderSettings) -> Self {
        Self {
            rpc,
            key,
            chain_id,
            settings,
            turn: Arc::default(),
        }
    }

    /// Who sends.
    #[must_use]
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// Signs a call with a nonce. Asks for gas and fees; sends nothing.
    ///
    /// # Errors
    /// [`SendError::WouldRevert`] if the call fails now, or the chain does not answer.
    pub async fn prepare(&self, call: &PreparedCall, nonce: u64) -> Result<SignedTx, SendError> {
        let gas = self.gas_limit(call).await?;
        let fees = fees::current(&self.rpc).await?;
        self.sign(call, nonce, gas, fees)
    }

    /// Hands stored bytes to the chain, any number of times.
    ///
    /// # Errors
    /// [`SendError::Displaced`] if they can no longer run; refusals for other reasons, and no
    /// answer, as [`SendError::Client`].
    pub async fn broadcast(&self, tx: &SignedTx) -> Result<BroadcastState, SendError> {
        let error = match self
            .rpc
            .call("eth_sendRawTransaction", json!([wire::text(&tx.raw)]))
            .await
        {
            Ok(_) => return Ok(BroadcastState::Accepted),
            Err(error) => error,
        };
        // Whatever was said or not said: if the chain has these bytes, all is well. Different
        // nodes word "already known" and "nonce too low" differently, so the words do not decide.
        let known = self
            .rpc
            .call("eth_getTransactionByHash", json!([tx.hash.to_string()]))
            .await?;
        if !known.is_null() {
            return Ok(BroadcastState::Known);
        }
        if error.refusal().is_some() && self.next_nonce_on_chain().await? > tx.nonce {
            return Err(SendError::Displaced {
                from: tx.from,
                nonce: tx.nonce,
                hash: tx.hash,
            });
        }
        Err(error.into())
    }

    /// One look: the outcome, once the transaction is mined with `depth` blocks on top.
    ///
    /// # Errors
    /// The chain does not answer sensibly.
    pub async fn confirm(&self, hash: &Hash, depth: u64) -> Result<Option<Outcome>, ClientError> {
        const METHOD: &str = "eth_getTransactionReceipt";
        let receipt = self.rpc.call(METHOD, json!([hash.to_string()])).await?;
        let field = |name: &str| receipt.get(name).unwrap_or(&Value::Null);
        if receipt.is_null() || field("blockNumber").is_null() {
            return Ok(None);
        }
        let block = wire::quantity64(METHOD, field("blockNumber"))?;
        if depth > 0 {
            let head = wire::quantity64(
                "eth_blockNumber",
                &self.rpc.call("eth_blockNumber", json!([])).await?,
            )?;
            if head < block.saturating_add(depth) {
                return Ok(None);
            }
        }
        let success = wire::quantity(METHOD, field("status"))? == 1;
        let contract = match field("contractAddress") {
            Value::Null => None,
            address => Some(wire::address(METHOD, address)?),
        };
        let revert_reason = if success {
            None
        } else {
            Some(self.reason_of_failure(&receipt).await)
        };
        Ok(Some(Outcome {
            hash: *hash,
            block,
            block_hash: wire::hash(METHOD, field("blockHash"))?,
            success,
            gas_used: wire::quantity64(METHOD, field("gasUsed"))?,
            contract,
            revert_reason,
        }))
    }

    /// Has the effect of `call` once for this purpose, however often it is asked for: with stored
    /// bytes it sends those again, without it signs, stores and sends. Waits for the outcome.
    ///
    /// # Errors
    /// See [`SendError`]. After any of them, ask again with the same purpose.
    pub async fn send_once(
        &self,
        purpose: &str,
        call: &PreparedCall,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, SendError> {
        let tx = match journal.load(purpose).await? {
            Some(tx) => tx,
            None => {
                let _turn = self.turn.lock().await;
                match journal.load(purpose).await? {
                    Some(tx) => tx,
                    None => self.sign_and_store(purpose, call, journal).await?,
                }
            }
        };
        self.deliver(&tx).await
    }

    /// Sends stored bytes until the transaction is confirmed.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn deliver(&self, tx: &SignedTx) -> Result<Outcome, SendError> {
        let started = std::time::Instant::now();
        let mut pause = self.settings.poll;
        let mut last_error = None;
        loop {
            match self.broadcast(tx).await {
                Ok(_) => {
                    if let Some(outcome) = self.confirm(&tx.hash, self.settings.depth).await? {
                        return Ok(outcome);
                    }
                }
                // No answer: the bytes may or may not have arrived, so send them again.
                Err(SendError::Client(error @ ClientError::Transport { .. })) => {
                    last_error = Some(error)
                }
                Err(error) => return Err(error),
            }
            let waited = started.elapsed();
            if waited >= self.settings.timeout {
                return Err(match last_error {
                    Some(error) => error.into(),
                    None => SendError::NotConfirmed {
                        hash: tx.hash,
                        waited_s: waited.as_secs(),
                    },
                });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    async fn sign_and_store(
        &self,
        purpose: &str,
        call: &PreparedCall,
        journal: &dyn TxJournal,
    ) -> Result<SignedTx, SendError> {
        let mut nonce = self.next_nonce_on_chain().await?;
        // What was stored and perhaps never sent comes first, with the bytes it has.
        for stored in journal.stored_since(&self.address(), nonce).await? {
            self.broadcast(&stored).await?;
            nonce = nonce.max(stored.nonce.saturating_add(1));
        }
        let tx = self.prepare(call, nonce).await?;
        journal.store(purpose, &tx).await?;
        Ok(tx)
    }

    async fn next_nonce_on_chain(&self) -> Result<u64, ClientError> {
        const METHOD: &str = "eth_getTransactionCount";
        let count = self
            .rpc
            .call(METHOD, json!([self.address_text(), "latest"]))
            .await?;
        wire::quantity64(METHOD, &count)
    }

    async fn gas_limit(&self, call: &PreparedCall) -> Result<u64, SendError> {
        const METHOD: &str = "eth_estimateGas";
        let mut object = json!({
            "from": self.address_text(),
            "data": wire::text(&call.data),
            "value": format!("{:#x}", call.value),
        });
        if let Some(to) = &call.to {
            object["to"] = json!(wire::text(to.as_bytes()));
        }
        match self.rpc.call(METHOD, json!([object])).await {
            // A fifth more, because state may change until the transaction runs; unused gas is
            // not paid. One transaction may have at most 2^24 (EIP-7825).
            Ok(gas) => {
                let gas = wire::quantity64(METHOD, &gas)?;
                Ok(gas.saturating_add(gas / 5).min(1 << 24).max(gas))
            }
            Err(ClientError::Refused { error, .. }) => Err(SendError::WouldRevert {
                reason: revert::reason(&error),
            }),
            Err(error) => Err(error.into()),
        }
    }

    fn sign(
        &self,
        call: &PreparedCall,
        nonce: u64,
        gas: u64,
        fees: Fees,
    ) -> Result<SignedTx, SendError> {
        let mut request = Eip1559TransactionRequest::new()
            .chain_id(self.chain_id)
            .nonce(nonce)
            .gas(gas)
            .max_fee_per_gas(fees.max_fee)
            .max_priority_fee_per_gas(fees.priority_fee)
            .value(call.value)
            .data(call.data.clone());
        if let Some(to) = &call.to {
            request = request.to(ethers::types::Address::from(*to.as_bytes()));
        }
        let from = self.address();
        let raw = self
            .key
            .sign(&TypedTransaction::Eip1559(request))
            .map_err(|_| SendError::Signing { from })?;
        Ok(SignedTx {
            from,
            nonce,
            hash: keccak(&[&raw]),
            raw,
        })
    }

    /// Best effort: a node that keeps no old state cannot say.
    async fn reason_of_failure(&self, receipt: &Value) -> String {
        if let Some(data) = receipt
            .get("revertReason")
            .and_then(|data| wire::bytes("", data).ok())
        {
            return revert::describe(&data);
        }
        let unknown = "the chain does not say why".to_owned();
        let Some(hash) = receipt.get("transactionHash") else {
            return unknown;
        };
        let Ok(tx) = self
            .rpc
            .call("eth_getTransactionByHash", json!([hash]))
            .await
        else {
            return unknown;
        };
        let call =
            json!({"from": tx["from"], "to": tx["to"], "data": tx["input"], "value": tx["value"]});
        match self
            .rpc
            .call("eth_call", json!([call, receipt["blockNumber"]]))
            .await
        {
            Err(ClientError::Refused { error, .. }) => revert::reason(&error),
            _ => "it ran out of gas, or the reason has passed since".to_owned(),
        }
    }

    fn address_text(&self) -> String {
        wire::text(self.address().as_bytes())
    }
}

/// A [`TxJournal`] in memory, for tests and simulations.
#[derive(Debug, Default)]
pub struct MemoryTxJournal {
    stored: Mutex<BTreeMap<String, SignedTx>>,
}

#[async_trait]
impl TxJournal for MemoryTxJournal {
    async fn load(&self, purpose: &str) -> Result<Option<SignedTx>, JournalError> {
        Ok(self
            .stored
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(purpose)
            .cloned())
    }

    async fn store(&self, purpose: &str, tx: &SignedTx) -> Result<(), JournalError> {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = stored
            .values()
            .any(|other| (other.from, other.nonce) == (tx.from, tx.nonce));
        if taken || stored.contains_key(purpose) {
            return Err(JournalError(
                format!("`{purpose}` or nonce {} is taken", tx.nonce).into(),
            ));
        }
        stored.insert(purpose.to_owned(), tx.clone());
        Ok(())
    }

    async fn stored_since(
        &self,
        from: &Address,
        nonce: u64,
    ) -> Result<Vec<SignedTx>, JournalError> {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let mut since: Vec<_> = stored
            .values()
            .filter(|tx| tx.from == *from && tx.nonce >= nonce)
            .cloned()
            .collect();
        since.sort_unstable_by_key(|tx| tx.nonce);
        Ok(since)
    }
}
