//! Signed batches on disk until the node's receipt, and for a while after.
//!
//! Append-only files (`00000000000000000001.log`, …) of checksummed records. A batch is written, and
//! with [`Durability::Fsync`] on the disk, before anybody may send it. After a crash the outbox gives
//! back what has no receipt, and where the chains stand: every file begins with a snapshot of the
//! chains, so that old files can go. Only files in which every batch has a receipt go, the oldest
//! first, and only when the size bound is passed: what has no receipt is never dropped.
//!
//! A full disk is an error of [`Outbox::append`]; nothing is then signed in its place.

mod error;
mod log_files;
mod receipts;
mod record;
mod recovery;
#[cfg(test)]
mod samples;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use energy_core::{Hash, MeterId, from_canonical, to_canonical};

use crate::chain::MeterHead;
use crate::config::Durability;
use crate::segment::RecordKind;

use error::{damaged, disk};
use log_files::Segment;
use record::Mark;

pub use error::OutboxError;
pub use record::Entry;
pub use recovery::Recovered;

/// A file is closed and the next one begun when it has grown to this.
const SEGMENT_BYTES: u64 = 4 << 20;

/// The outbox of one gateway.
#[derive(Debug)]
pub struct Outbox {
    folder: PathBuf,
    durability: Durability,
    bytes_max: u64,
    segments: BTreeMap<u64, Segment>,
    slots: BTreeMap<u64, Slot>,
    depth: u64,
    heads: BTreeMap<MeterId, MeterHead>,
    batch: Option<(u64, Hash)>,
    boundary_ms: Option<i64>,
    mark: Mark,
    _lock: File,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    segment: u64,
    offset: u64,
    length: usize,
    hash: Hash,
    boundary_ms: Option<i64>,
    done: bool,
}

impl Outbox {
    /// Chooses what a batch survives from now on.
    pub fn set_durability(&mut self, durability: Durability) {
        self.durability = durability;
    }

    /// Keeps a batch. When this returns without error it is as safe as the durability says.
    ///
    /// # Errors
    /// [`OutboxError::Disk`]; the batch is then not kept and must not be sent.
    pub fn append(&mut self, entry: &Entry) -> Result<(), OutboxError> {
        let payload = to_canonical(entry);
        let offset = self.write(
            RecordKind::Batch,
            &payload,
            self.durability == Durability::Fsync,
        )?;
        if let Some((number, segment)) = self.segments.iter_mut().next_back() {
            segment.newest = entry.sequence;
            let slot = Slot {
                segment: *number,
                offset,
                length: payload.len(),
                hash: entry.hash,
                boundary_ms: entry.boundary_ms,
                done: false,
            };
            self.slots.insert(entry.sequence, slot);
        }
        self.depth += 1;
        self.learn(&entry.heads, entry.sequence, entry.hash, entry.boundary_ms);
        if self
            .segments
            .values()
            .next_back()
            .is_some_and(|segment| segment.length >= SEGMENT_BYTES)
            && let Err(error) = self.begin_segment()
        {
            // The batch is kept; the next one will try again.
            tracing::warn!(%error, "a new outbox file could not be begun");
        }
        Ok(())
    }

    /// The oldest batches without receipt, at most `most` of them.
    #[must_use]
    pub fn pending(&self, most: usize) -> Vec<u64> {
        if self.depth == 0 {
            return Vec::new();
        }
        // What has a receipt lies before what has none, so the search begins there.
        let from = self.mark.through.saturating_add(1);
        let waiting = |range: (&u64, &Slot)| (!range.1.done).then_some(*range.0);
        let after: Vec<u64> = self
            .slots
            .range(from..)
            .filter_map(waiting)
            .take(most)
            .collect();
        let found = u64::try_from(after.len()).unwrap_or(u64::MAX);
        if found == self.depth.min(most as u64) {
            return after;
        }
        self.slots.iter().filter_map(waiting).take(most).collect()
    }

    /// The bytes of a kept batch, none when it is not kept.
    ///
    /// # Errors
    /// [`OutboxError::Disk`].
    pub fn read(&self, sequence: u64) -> Result<Option<Vec<u8>>, OutboxError> {
        let Some(slot) = self.slots.get(&sequence) else {
            return Ok(None);
        };
        let Some(segment) = self.segments.get(&slot.segment) else {
            return Ok(None);
        };
        let mut payload = vec![0; slot.length];
        segment
            .file
            .read_exact_at(&mut payload, slot.offset)
            .map_err(disk(&segment.path))?;
        let entry = from_canonical::<Entry>(&payload).map_err(|e| damaged(&segment.path, &e))?;
        Ok(Some(entry.batch))
    }

    /// How many batches have no receipt.
    #[must_use]
    pub fn depth(&self) -> u64 {
        self.depth
    }

    /// Bytes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.length).sum()
    }

    fn learn(&mut self, heads: &[MeterHead], sequence: u64, hash: Hash, boundary_ms: Option<i64>) {
        for head in heads {
            self.heads.insert(head.meter, head.clone());
        }
        self.batch = Some((sequence, hash));
        self.boundary_ms = boundary_ms.or(self.boundary_ms);
    }
}
