//! The outbox's files on disk: the next one is begun, records are appended to the newest, and the
//! oldest go when the outbox is too large and they hold only what has a receipt.
//!
//! A file that does not take its snapshot is not begun, and what was written of half a record is cut off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use energy_core::to_canonical;

use crate::config::Durability;
use crate::segment::{PAYLOAD_OFFSET, RecordKind, encode};

use super::error::disk;
use super::record::Snapshot;
use super::{Outbox, OutboxError};

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) length: u64,
    pub(super) newest: u64,
}

impl Outbox {
    /// Begins a new file with a snapshot of the chains. A torn file is never written to again.
    pub(super) fn begin_segment(&mut self) -> Result<(), OutboxError> {
        let number = self.segments.keys().next_back().map_or(1, |last| last + 1);
        let path = self.folder.join(format!("{number:020}.log"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(disk(&path))?;
        let newest = self.batch.map_or(0, |(sequence, _)| sequence);
        self.segments.insert(
            number,
            Segment {
                file,
                path: path.clone(),
                length: 0,
                newest,
            },
        );
        let snapshot = Snapshot {
            heads: self.heads.values().cloned().collect(),
            batch: self.batch,
            mark: self.mark,
            boundary_ms: self.boundary_ms,
        };
        let fsync = self.durability == Durability::Fsync;
        let written = self
            .write(RecordKind::Snapshot, &to_canonical(&snapshot), fsync)
            .and_then(|_| {
                if fsync {
                    File::open(&self.folder)
                        .and_then(|folder| folder.sync_all())
                        .map_err(disk(&self.folder))?;
                }
                Ok(())
            });
        if let Err(error) = written {
            self.segments.remove(&number);
            // Best effort: an empty file left behind is read as one without records.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.forget_old()
    }

    /// Appends a record to the newest file. Returns where its payload begins.
    pub(super) fn write(
        &mut self,
        kind: RecordKind,
        payload: &[u8],
        fsync: bool,
    ) -> Result<u64, OutboxError> {
        let Some(segment) = self.segments.values_mut().next_back() else {
            let none = io::Error::new(
                io::ErrorKind::NotFound,
                "expected an open outbox file, there is none",
            );
            return Err(disk(&self.folder)(none));
        };
        let record = encode(kind, payload);
        let at = segment.length;
        let mut written = segment
            .file
            .write_all_at(&record, at)
            .and_then(|()| segment.file.flush());
        if fsync && written.is_ok() {
            written = segment.file.sync_data();
        }
        if let Err(source) = written {
            // Half a record at the end would hide the next one; if this fails too, its checksum tells.
            let _ = segment.file.set_len(at);
            return Err(disk(&segment.path)(source));
        }
        segment.length = at + record.len() as u64;
        Ok(at + PAYLOAD_OFFSET as u64)
    }

    /// Removes the oldest files while the outbox is too large and they hold only what has a receipt.
    pub(super) fn forget_old(&mut self) -> Result<(), OutboxError> {
        while self.bytes() > self.bytes_max && self.segments.len() > 1 {
            let Some((number, segment)) = self.segments.first_key_value() else {
                break;
            };
            let (number, newest) = (*number, segment.newest);
            let open = self
                .slots
                .range(..=newest)
                .any(|(_, slot)| slot.segment == number && !slot.done);
            if open {
                break;
            }
            fs::remove_file(&segment.path).map_err(disk(&segment.path))?;
            self.segments.remove(&number);
            self.slots.retain(|_, slot| slot.segment != number);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use energy_core::Hash;

    use super::*;
    use crate::outbox::samples::{entry, open, receipt};

    #[test]
    fn old_files_go_only_when_receipted_and_the_chains_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut outbox, _) =
            Outbox::open(folder.path(), Durability::Relaxed, 2_000).expect("opens");
        for sequence in 1..=30 {
            outbox.append(&entry(sequence, None)).expect("kept");
        }
        drop(outbox);
        let (mut outbox, _) =
            Outbox::open(folder.path(), Durability::Relaxed, 2_000).expect("opens");
        assert_eq!(outbox.depth(), 30, "nothing without receipt is dropped");
        outbox.receipt(&receipt(1, 30)).expect("known");
        assert!(outbox.bytes() < 2_000);
        drop(outbox);
        let (outbox, found) = open(folder.path());
        assert_eq!(outbox.depth(), 0);
        assert_eq!(found.batch, Some((30, Hash::new([30; 32]))));
        assert_eq!(found.heads.len(), 2);
        assert_eq!(outbox.receipted_through(), 30);
    }
}
