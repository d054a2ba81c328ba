//! A whole chain in this process: revm behind the JSON-RPC methods that Ethereum clients use.
//!
//! Rules of the Osaka fork, one block per transaction, mined when the transaction arrives, final
//! at once. Chain time is what the owner sets and never goes back; views see it without a block
//! being mined. With a path, everything that was done is journaled and replayed at the next
//! opening, so a `kill -9` loses nothing that was answered.
//!
//! Source: Ethereum execution-apis (JSON-RPC), revm. Gas equals that of other Osaka nodes.

mod block;
mod estimate;
mod hex;
mod journal;
mod ledger;
mod log_filter;
mod methods;
mod params;
mod serve;
mod transaction;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use energy_core::Address;
use revm::primitives::U256;
use serde_json::Value;

use self::{journal::Journal, ledger::Ledger};
use crate::chain::RpcError;

/// The embedded chain could not be opened or could not write its file.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The file could not be read or written.
    #[error("cannot use the chain's file {path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("expected a chain's journal at {path}, got another kind of file", path = .path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// The file belongs to a chain with another id.
    #[error("the chain at {path} has id {got}, expected {expected}", path = .path.display())]
    OtherChain {
        /// The file.
        path: PathBuf,
        /// The chain id that was asked for.
        expected: u64,
        /// The one in the file.
        got: u64,
    },
    /// Another process has the file open.
    #[error("the chain at {path} is in use by another process; stop it first", path = .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A record before the end of the file is damaged.
    #[error("the chain's file {path} is damaged at byte {offset}; restore it from a copy", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged record begins.
        offset: u64,
    },
    /// A record cannot be done again: the file was written under other rules.
    #[error("record {record} of the chain's file cannot be replayed: {reason}")]
    Replay {
        /// Number of the record, from 0.
        record: usize,
        /// What the chain said.
        reason: String,
    },
}

/// When a record of the chain's file counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Handed to the operating system: survives the end of this process, however it ends.
    #[default]
    Flush,
    /// On the disk: survives a power cut. Slower.
    Fsync,
}

/// How to open the embedded chain.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// The journal's file; `None` keeps the chain in memory only.
    pub path: Option<PathBuf>,
    /// When a record counts as written.
    pub durability: Durability,
    /// Chain id, 31337 by default.
    pub chain_id: u64,
    /// Time of block 0 in UTC seconds. An existing file keeps its own.
    pub genesis_time: u64,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        Self {
            path: None,
            durability: Durability::Flush,
            chain_id: 31_337,
            genesis_time: 0,
        }
    }
}

/// A handle to the chain in this process. Cheap to clone; all clones are the same chain.
#[derive(Clone)]
pub struct EmbeddedChain {
    ledger: Arc<Mutex<Ledger>>,
}

impl EmbeddedChain {
    /// Opens the chain, or makes a new one.
    ///
    /// # Errors
    /// The file cannot be used, belongs to something else, or is damaged before its end.
    pub fn open(settings: &EmbeddedSettings) -> Result<Self, EmbeddedError> {
        let ledger = match &settings.path {
            None => Ledger::new(settings.chain_id, settings.genesis_time),
            Some(path) => {
                let (journal, genesis_time, records) = Journal::open(
                    path,
                    settings.chain_id,
                    settings.genesis_time,
                    settings.durability,
                )?;
                let mut ledger = Ledger::new(settings.chain_id, genesis_time);
                ledger.replay(journal, records)?;
                ledger
            }
        };
        Ok(Self {
            ledger: Arc::new(Mutex::new(ledger)),
        })
    }

    /// A chain in memory with the default settings.
    #[must_use]
    pub fn in_memory() -> Self {
        let settings = EmbeddedSettings::default();
        Self {
            ledger: Arc::new(Mutex::new(Ledger::new(
                settings.chain_id,
                settings.genesis_time,
            ))),
        }
    }

    /// Moves chain time forward to `unix_s` (UTC seconds) and gives the chain time that holds now.
    /// An earlier time changes nothing.
    pub fn set_time(&self, unix_s: u64) -> u64 {
        let mut ledger = self.lock();
        ledger.time = ledger.time.max(unix_s);
        ledger.time
    }

    /// Chain time in UTC seconds. After opening it is that of the newest block.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.lock().time
    }

    /// Raises the balance of an account to `wei`, out of nothing; a higher balance stays.
    ///
    /// # Errors
    /// The chain's file could not be written.
    pub fn fund(&self, address: Address, wei: u128) -> Result<(), RpcError> {
        let address = revm::primitives::Address::new(*address.as_bytes());
        let mut ledger = self.lock();
        if ledger.account(&address).balance >= U256::from(wei) {
            return Ok(());
        }
        ledger.set_balance(address, U256::from(wei))
    }

    /// Answers one JSON-RPC call of the owner; `params` is the array of parameters.
    ///
    /// # Errors
    /// What the JSON-RPC error object would say.
    pub fn handle(&self, method: &str, params: &Value) -> Result<Value, RpcError> {
        methods::answer(&mut self.lock(), method, params)
    }

    /// Answers the body of a JSON-RPC request from outside, a single one or a batch, and always
    /// gives a JSON body. What only the owner may do (time, mining, balances) is not available.
    #[must_use]
    pub fn json_rpc(&self, body: &[u8]) -> Vec<u8> {
        serve::respond(body, |method, params| match methods::is_for_owner(method) {
            true => Err(RpcError::method(method)),
            false => self.handle(method, params),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        // The ledger changes only after everything that can fail, so it is whole even then.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for EmbeddedChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmbeddedChain")
    }
}
