//! Everything that is kept: readings as they were signed, what the clearing house decided, what
//! went on the chain. Diesel is named here and nowhere else.
//!
//! - One writer, one transaction per fact that must not be torn, and every write may be repeated:
//!   the same content again is [`Written::Already`], another content under the same key an error.
//! - Functions are named after the question they answer; ids, energy, prices and money go in and
//!   come out as the types of `energy_core`.
//! - Nothing is decided here. Rules of the market live in `clearing-house`; the database repeats
//!   them as constraints only.
//!
//! SQLite, in WAL mode. The tables use BIGINT, BLOB and TEXT alone, so that PostgreSQL can hold them.

mod audit;
mod batches;
mod codes;
mod columns;
mod connection;
mod contracts;
mod enrolments;
mod error;
mod escrow;
mod evidence;
mod homes;
mod intervals;
mod journal;
mod leases;
mod ledger;
mod meta;
mod meters;
mod readings;
mod results;
mod schema;
mod settlement_batches;
mod transactions;
mod users;
mod zones;

pub use audit::LedgerTotals;
pub use batches::{AcceptedBatch, BatchOutcome, ChainHead, JudgedReading};
pub use connection::{Durability, Store};
pub use contracts::ContractRecord;
pub use enrolments::{Invitation, Redeemed, Redeemer};
pub use error::{Result, StoreError, Written};
pub use escrow::{ChainCursor, Escrow, EscrowEvent, EscrowKind};
pub use evidence::{Equivocation, GatewayHealth, IngestCounts, MeterHealth, RejectedMessage};
pub use homes::HomeRecord;
pub use intervals::{IntervalRecord, IntervalRow};
pub use journal::{AccountLine, NumberedEntry};
pub use leases::Lease;
pub use meters::{GatewayRecord, MeterRecord};
pub use readings::{BatchMember, KeptBatch, KeptReading, LivePoint};
pub use results::{HomeInterval, HomeOrder};
pub use settlement_batches::{BatchState, FinalRoot, SettlementBatchRecord};
pub use transactions::{SignedTransaction, TransactionRow, TransactionState};
pub use users::{UserRecord, UserRole};
