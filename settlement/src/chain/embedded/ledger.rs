//! The state of the embedded chain: accounts, blocks, logs, and the one way to change them.
//!
//! Invariant: state, blocks and logs are a function of the journal's records. A change is run
//! first, journaled second and applied last, so what was refused is never journaled and what was
//! not journaled never happened.

use std::collections::HashMap;

use revm::{
    Context, DatabaseCommit, DatabaseRef, ExecuteEvm, MainBuilder, MainContext,
    context::{
        BlockEnv, TxEnv,
        result::{EVMError, ExecutionResult, InvalidTransaction, Output, ResultAndState},
    },
    database::{CacheDB, EmptyDB},
    primitives::{Address, B256, Bytes, KECCAK_EMPTY, Log, U256, hardfork::SpecId, keccak256},
    state::{AccountInfo, EvmState},
};

use super::{
    EmbeddedError,
    block::{BASE_FEE, BLOCK_GAS, Block, Mined},
    journal::{Journal, Record},
    transaction::Transaction,
};
use crate::chain::RpcError;

/// A log and the block it is in.
#[derive(Debug, Clone)]
pub(super) struct LogEntry {
    pub(super) block: u64,
    pub(super) log: Log,
}

/// How strictly a transaction is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// A signed transaction: fees, nonce, gas cap.
    Signed,
    /// A question about gas: no fees, but the gas cap of a transaction holds.
    Estimate,
    /// A view: no fees, no gas cap, contracts may ask.
    View,
}

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) chain_id: u64,
    db: CacheDB<EmptyDB>,
    pub(super) blocks: Vec<Block>,
    by_block_hash: HashMap<B256, u64>,
    by_transaction: HashMap<B256, u64>,
    pub(super) logs: Vec<LogEntry>,
    /// Chain time, seconds. Never before the newest block.
    pub(super) time: u64,
    journal: Option<Journal>,
    digest: B256,
}

impl Ledger {
    pub(super) fn new(chain_id: u64, genesis_time: u64) -> Self {
        let genesis = Block::seal(0, genesis_time, B256::ZERO, B256::ZERO, None, &[]);
        let mut ledger = Self {
            chain_id,
            db: CacheDB::default(),
            blocks: Vec::new(),
            by_block_hash: HashMap::new(),
            by_transaction: HashMap::new(),
            logs: Vec::new(),
            time: genesis_time,
            journal: None,
            digest: B256::ZERO,
        };
        ledger.push_block(genesis);
        ledger
    }

    /// Does again what the records say, then keeps the journal for what follows.
    pub(super) fn replay(
        &mut self,
        journal: Journal,
        records: Vec<Record>,
    ) -> Result<(), EmbeddedError> {
        for (index, record) in records.into_iter().enumerate() {
            let outcome = match record {
                Record::Transaction {
                    timestamp,
                    from,
                    raw,
                } => Transaction::from_journal(&raw, from).and_then(|tx| {
                    self.time = timestamp;
                    self.send(tx).map(|_| ())
                }),
                Record::Mine { timestamp } => {
                    self.time = timestamp;
                    self.mine()
                }
                Record::Balance { address, wei } => self.set_balance(address, wei),
            };
            outcome.map_err(|error| EmbeddedError::Replay {
                record: index,
                reason: error.message,
            })?;
        }
        self.journal = Some(journal);
        Ok(())
    }

    /// Runs a transaction in a block of its own. Gives its hash.
    pub(super) fn send(&mut self, tx: Transaction) -> Result<B256, RpcError> {
        if self.by_transaction.contains_key(&tx.hash) {
            return Err(RpcError::refused("already known"));
        }
        self.check_nonce(&tx)?;
        let number = self.head().place.block_number + 1;
        let ran = self
            .run(tx.env(), number, Check::Signed)
            .map_err(|error| refusal(&error, &tx))?;
        self.record(Record::Transaction {
            timestamp: self.time,
            from: tx.from,
            raw: tx.raw.to_vec(),
        })?;
        let hash = tx.hash;
        self.apply(tx, number, ran);
        Ok(hash)
    }

    /// An empty block at the chain time.
    pub(super) fn mine(&mut self) -> Result<(), RpcError> {
        self.record(Record::Mine {
            timestamp: self.time,
        })?;
        let head = self.head().place;
        let block = Block::seal(
            head.block_number + 1,
            self.time,
            head.block_hash,
            self.digest,
            None,
            &[],
        );
        self.push_block(block);
        Ok(())
    }

    /// Sets a balance, in wei. Part of the state from the next block on.
    pub(super) fn set_balance(&mut self, address: Address, wei: U256) -> Result<(), RpcError> {
        let mut info = self.account(&address);
        if info.balance == wei {
            return Ok(());
        }
        self.record(Record::Balance { address, wei })?;
        info.balance = wei;
        self.digest = keccak256(
            [
                self.digest.as_slice(),
                address.as_slice(),
                &wei.to_be_bytes::<32>(),
            ]
            .concat(),
        );
        self.db.insert_account_info(address, info);
        Ok(())
    }

    /// Runs a transaction and changes nothing.
    pub(super) fn ask(&self, tx: TxEnv, check: Check) -> Result<ExecutionResult, RpcError> {
        // A view stands in the newest block, an estimate in the one to come.
        let number = self.head().place.block_number + u64::from(check == Check::Estimate);
        self.run(tx, number, check)
            .map(|ran| ran.result)
            .map_err(|error| RpcError::refused(format!("err: {error}")))
    }

    pub(super) fn head(&self) -> &Block {
        &self.blocks[self.blocks.len() - 1]
    }

    pub(super) fn block_by_hash(&self, hash: &B256) -> Option<&Block> {
        self.by_block_hash
            .get(hash)
            .and_then(|number| self.block(*number))
    }

    pub(super) fn block(&self, number: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    pub(super) fn mined(&self, transaction: &B256) -> Option<(&Block, &Mined)> {
        let block = self.block(*self.by_transaction.get(transaction)?)?;
        Some((block, block.mined.as_ref()?))
    }

    pub(super) fn logs_of(&self, mined: &Mined) -> Vec<Log> {
        self.logs[mined.logs.clone()]
            .iter()
            .map(|entry| entry.log.clone())
            .collect()
    }

    pub(super) fn account(&self, address: &Address) -> AccountInfo {
        self.db
            .basic_ref(*address)
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    pub(super) fn code(&self, address: &Address) -> Bytes {
        let info = self.account(address);
        match info.code_hash {
            KECCAK_EMPTY => Bytes::new(),
            hash => self
                .db
                .code_by_hash_ref(hash)
                .map(|code| code.original_bytes())
                .unwrap_or_default(),
        }
    }

    pub(super) fn storage(&self, address: &Address, slot: U256) -> U256 {
        self.db.storage_ref(*address, slot).unwrap_or_default()
    }

    fn run(
        &self,
        tx: TxEnv,
        number: u64,
        check: Check,
    ) -> Result<ResultAndState, EVMError<core::convert::Infallible, InvalidTransaction>> {
        let block = BlockEnv {
            number: U256::from(number),
            timestamp: U256::from(self.time),
            gas_limit: BLOCK_GAS,
            basefee: if check == Check::Signed { BASE_FEE } else { 0 },
            prevrandao: Some(B256::ZERO),
            ..BlockEnv::default()
        };
        let mut evm = Context::mainnet()
            .with_ref_db(&self.db)
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
                cfg.chain_id = self.chain_id;
                cfg.tx_chain_id_check = check == Check::Signed;
                cfg.disable_eip3607 = check != Check::Signed;
                if check == Check::View {
                    cfg.tx_gas_limit_cap = Some(u64::MAX);
                }
            })
            .with_block(block)
            .build_mainnet();
        evm.transact(tx)
    }

    fn check_nonce(&self, tx: &Transaction) -> Result<(), RpcError> {
        let next = self.account(&tx.from).nonce;
        let nonce = tx.body.nonce;
        match nonce.cmp(&next) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Less => Err(RpcError::refused(format!(
                "nonce too low: next nonce {next}, tx nonce {nonce}"
            ))),
            // A node would keep it for later; here every transaction is mined when it comes.
            std::cmp::Ordering::Greater => Err(RpcError::refused(format!(
                "nonce too high: next nonce {next}, tx nonce {nonce}"
            ))),
        }
    }

    fn record(&mut self, record: Record) -> Result<(), RpcError> {
        match &mut self.journal {
            Some(journal) => journal.append(&record).map_err(|error| RpcError {
                code: -32_603,
                message: error.to_string(),
                data: None,
            }),
            None => Ok(()),
        }
    }

    fn apply(&mut self, tx: Transaction, number: u64, ran: ResultAndState) {
        self.digest = digest(self.digest, &ran.state);
        self.db.commit(ran.state);
        let gas_used = ran.result.tx_gas_used();
        let success = ran.result.is_success();
        let (logs, contract, revert) = match ran.result {
            ExecutionResult::Success {
                logs,
                output: Output::Create(_, contract),
                ..
            } => (logs, contract, Bytes::new()),
            ExecutionResult::Success { logs, .. } => (logs, None, Bytes::new()),
            ExecutionResult::Revert { output, .. } => (Vec::new(), None, output),
            ExecutionResult::Halt { .. } => (Vec::new(), None, Bytes::new()),
        };
        let first = self.logs.len();
        let mined = Mined {
            tx,
            success,
            gas_used,
            contract,
            logs: first..first + logs.len(),
            revert,
        };
        self.by_transaction.insert(mined.tx.hash, number);
        let parent = self.head().place.block_hash;
        let block = Block::seal(number, self.time, parent, self.digest, Some(mined), &logs);
        self.logs
            .extend(logs.into_iter().map(|log| LogEntry { block: number, log }));
        self.push_block(block);
    }

    fn push_block(&mut self, block: Block) {
        let place = block.place;
        self.by_block_hash
            .insert(place.block_hash, place.block_number);
        // The EVM sees the hashes of the last 256 blocks.
        let hashes = &mut self.db.cache.block_hashes;
        hashes.insert(U256::from(place.block_number), place.block_hash);
        if let Some(old) = place.block_number.checked_sub(256) {
            hashes.remove(&U256::from(old));
        }
        self.blocks.push(block);
    }
}

/// Extends the running digest by what a transaction changed, in the order of the addresses.
fn digest(before: B256, state: &EvmState) -> B256 {
    let mut touched: Vec<_> = state
        .iter()
        .filter(|(_, account)| account.is_touched())
        .collect();
    touched.sort_unstable_by_key(|(address, _)| **address);
    let mut bytes = before.to_vec();
    for (address, account) in touched {
        bytes.extend_from_slice(address.as_slice());
        bytes.push(u8::from(account.is_selfdestructed()));
        bytes.extend_from_slice(&account.info.nonce.to_be_bytes());
        bytes.extend_from_slice(&account.info.balance.to_be_bytes::<32>());
        bytes.extend_from_slice(account.info.code_hash.as_slice());
        let mut slots: Vec<_> = account
            .storage
            .iter()
            .filter(|(_, slot)| slot.is_changed())
            .collect();
        slots.sort_unstable_by_key(|(key, _)| **key);
        bytes.extend_from_slice(&(slots.len() as u64).to_be_bytes());
        for (key, slot) in slots {
            bytes.extend_from_slice(&key.to_be_bytes::<32>());
            bytes.extend_from_slice(&slot.present_value().to_be_bytes::<32>());
        }
    }
    keccak256(bytes)
}

/// In the words that geth uses, because wallets read them.
fn refusal(
    error: &EVMError<core::convert::Infallible, InvalidTransaction>,
    tx: &Transaction,
) -> RpcError {
    let EVMError::Transaction(invalid) = error else {
        return RpcError::refused(format!("err: {error}"));
    };
    RpcError::refused(match invalid {
        InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
            format!("insufficient funds for gas * price + value: balance {balance}, tx cost {fee}")
        }
        InvalidTransaction::GasPriceLessThanBasefee => format!(
            "max fee per gas less than block base fee: maxFeePerGas: {}, baseFee: {BASE_FEE}",
            tx.body.max_fee
        ),
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => format!(
            "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {}, maxFeePerGas: {}",
            tx.body.priority_fee, tx.body.max_fee
        ),
        InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        } => {
            format!("intrinsic gas too low: gas {gas_limit}, minimum needed {initial_gas}")
        }
        InvalidTransaction::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        } => {
            format!(
                "insufficient gas for floor data gas cost: gas {gas_limit}, minimum needed {gas_floor}"
            )
        }
        InvalidTransaction::TxGasLimitGreaterThanCap { gas_limit, cap } => {
            format!("transaction gas limit too high (cap: {cap}, tx: {gas_limit})")
        }
        InvalidTransaction::CallerGasLimitMoreThanBlock => {
            format!("exceeds block gas limit: {BLOCK_GAS}, got {}", tx.body.gas)
        }
        InvalidTransaction::CreateInitCodeSizeLimit => "max initcode size exceeded".to_owned(),
        other => other.to_string(),
    })
}
