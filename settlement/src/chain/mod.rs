//! The chain behind plain types: an embedded EVM or a node by JSON-RPC, the contracts, and a
//! sender that has every effect exactly once.
//!
//! `ethers` and `revm` are named in this folder only. `ethers` is no longer developed by its
//! authors; what is used of it is ABI, key and transaction encoding, and its known traps (event
//! filters without an address, a fixed priority fee, the nonce manager, polling subscriptions) are
//! avoided here and have regression tests in `settlement/tests/chain/traps.rs`.

mod abi;
#[expect(
    clippy::module_inception,
    reason = "the folder is the edge, the file is the chain"
)]
mod chain;
mod contracts;
mod embedded;
mod events;
mod fees;
mod http;
mod key;
mod log_cursor;
pub mod lookup;
mod revert;
mod rpc;
mod rpc_error;
mod sender;
mod wire;

pub use chain::{Chain, ChainError, ChainKind, ContractAddresses, DeploySettings};
pub use contracts::{
    ChainAccount, ChainBatch, Contracts, MeterRegistration, MeterRole, PendingBatch,
    WithdrawalRequest,
};
pub use embedded::{Durability, EmbeddedChain, EmbeddedError, EmbeddedSettings};
pub use events::SettlementEvent;
pub use fees::Fees;
pub use http::{HttpRpc, HttpSettings};
pub use key::{ChainKey, KeyError};
pub use log_cursor::{ChainLog, CursorPosition, LogBatch, LogCursor};
pub(crate) use revert::revert_text;
pub use rpc::{ClientError, Rpc};
pub use rpc_error::RpcError;
pub use sender::{
    BroadcastState, JournalError, MemoryTxJournal, Outcome, PreparedCall, SendError, Sender,
    SenderSettings, SignedTx, TxJournal,
};
