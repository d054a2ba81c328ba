//! What the records of an outbox file carry: a batch, how far the node has batches, or where the chains
//! stood when the file was begun. All canonical CBOR.

use std::path::Path;

use energy_core::{FromCbor, Hash, ToCbor, from_canonical};
use minicbor::{Decode, Encode};

use crate::chain::MeterHead;

use super::OutboxError;
use super::error::damaged;

/// One batch with what has to be known about it after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Entry {
    /// Its sequence.
    #[n(0)]
    pub sequence: u64,
    /// Its hash.
    #[n(1)]
    pub hash: Hash,
    /// The boundary (ms since 1970 UTC) at which its readings were taken, none between boundaries.
    #[n(2)]
    pub boundary_ms: Option<i64>,
    /// The heads of its meters' chains.
    #[n(3)]
    pub heads: Vec<MeterHead>,
    /// Its bytes on the wire.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub batch: Vec<u8>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Mark {
    #[n(0)]
    pub(super) store_epoch: u64,
    #[n(1)]
    pub(super) through: u64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct Snapshot {
    #[n(0)]
    pub(super) heads: Vec<MeterHead>,
    #[n(1)]
    pub(super) batch: Option<(u64, Hash)>,
    #[n(2)]
    pub(super) mark: Mark,
    #[n(3)]
    pub(super) boundary_ms: Option<i64>,
}

pub(super) fn parsed<T: ToCbor + FromCbor>(path: &Path, payload: &[u8]) -> Result<T, OutboxError> {
    from_canonical(payload).map_err(|error| damaged(path, &error))
}
