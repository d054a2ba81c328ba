//! Settlement batches: what goes on the chain, and how anybody checks it.
//!
//! The pure part has no I/O, no clock and no async. [`SettlementBatch::build`] makes a batch from
//! lifetime leaves: a sum tree of homes, a sum tree of meters, and a tree of cleared markets, under
//! one header whose hash is the root on the chain. The same leaves always give the same bytes.
//! [`BatchState`] says where a batch stands on its way to finality.
//!
//! Invariant: in a batch that was built, cash sums to zero and every minted Wh is credited to exactly
//! one account.
//!
//! The edge is [`chain`] (feature `chain`): the contracts' client, the embedded EVM, the sender.
//! The contracts themselves are in `settlement/contracts`; they and this crate agree on the hash
//! layouts through the golden files in `settlement/tests/golden`.

#[deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]
mod batch;
#[deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]
mod header;
#[deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]
mod leaves;
#[deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]
mod life_cycle;
#[deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]
mod period;
#[deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]
mod sum_tree;

#[cfg(feature = "chain")]
pub mod chain;

pub use batch::{BuildError, SettlementBatch};
pub use header::{BatchHeader, batch_domain};
pub use leaves::{EvidenceLeaf, HomeLeaf, MarketLeaf};
pub use life_cycle::{BatchEvent, BatchState, TransitionError};
pub use period::{BatchPeriod, PeriodError};
pub use sum_tree::{SecondSum, SumNode, SumProof, SumTree, TreeError};
