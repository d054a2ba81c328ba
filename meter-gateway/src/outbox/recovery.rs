//! Opening the outbox: what earlier runs left on disk is read again, up to the last whole record of
//! each file, and nobody else may have it open.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use energy_core::Hash;

use crate::chain::MeterHead;
use crate::config::Durability;
use crate::segment::{RecordKind, scan};

use super::error::disk;
use super::log_files::Segment;
use super::record::{Entry, Mark, Snapshot, parsed};
use super::{Outbox, OutboxError, Slot};

/// What was found on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The last reading of each meter.
    pub heads: Vec<MeterHead>,
    /// Sequence and hash of the last batch.
    pub batch: Option<(u64, Hash)>,
    /// The last boundary with a batch.
    pub boundary_ms: Option<i64>,
    /// Bytes at the end of files that were no whole record and were given up.
    pub torn_bytes: u64,
}

impl Outbox {
    /// Opens the outbox in a folder, which is made if it does not exist.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn open(
        folder: &Path,
        durability: Durability,
        bytes_max: u64,
    ) -> Result<(Self, Recovered), OutboxError> {
        fs::create_dir_all(folder).map_err(disk(folder))?;
        let lock = locked(folder)?;
        let mut outbox = Self {
            folder: folder.to_owned(),
            durability,
            bytes_max,
            segments: BTreeMap::new(),
            slots: BTreeMap::new(),
            depth: 0,
            heads: BTreeMap::new(),
            batch: None,
            boundary_ms: None,
            mark: Mark::default(),
            _lock: lock,
        };
        let mut torn_bytes = 0;
        for (number, path) in numbered_files(folder)? {
            torn_bytes += outbox.recover(number, &path)?;
        }
        outbox.apply_mark(outbox.mark);
        outbox.begin_segment()?;
        let recovered = Recovered {
            heads: outbox.heads.values().cloned().collect(),
            batch: outbox.batch,
            boundary_ms: outbox.boundary_ms,
            torn_bytes,
        };
        Ok((outbox, recovered))
    }

    /// Reads a file of an earlier run. Returns how many bytes at its end were no whole record.
    fn recover(&mut self, number: u64, path: &Path) -> Result<u64, OutboxError> {
        let bytes = fs::read(path).map_err(disk(path))?;
        let (records, end) = scan(&bytes);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(disk(path))?;
        let mut newest = 0;
        for (kind, range) in records {
            let payload = &bytes[range.clone()];
            match kind {
                RecordKind::Batch => {
                    let entry: Entry = parsed(path, payload)?;
                    newest = entry.sequence;
                    let slot = Slot {
                        segment: number,
                        offset: range.start as u64,
                        length: payload.len(),
                        hash: entry.hash,
                        boundary_ms: entry.boundary_ms,
                        done: false,
                    };
                    self.slots.insert(entry.sequence, slot);
                    self.learn(&entry.heads, entry.sequence, entry.hash, entry.boundary_ms);
                }
                RecordKind::Receipt => self.mark = parsed(path, payload)?,
                RecordKind::Snapshot => {
                    let snapshot: Snapshot = parsed(path, payload)?;
                    self.mark = snapshot.mark;
                    if let Some((sequence, hash)) = snapshot.batch {
                        self.learn(&snapshot.heads, sequence, hash, snapshot.boundary_ms);
                    }
                }
            }
        }
        let torn = bytes.len() as u64 - end as u64;
        if torn > 0 {
            tracing::warn!(file = %path.display(), bytes = torn, "the end of an outbox file was no whole record");
        }
        self.segments.insert(
            number,
            Segment {
                file,
                path: path.to_owned(),
                length: end as u64,
                newest,
            },
        );
        Ok(torn)
    }
}

fn locked(folder: &Path) -> Result<File, OutboxError> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(disk(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OutboxError::InUse {
            path: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(disk(&path)(source)),
    }
}

fn numbered_files(folder: &Path) -> Result<BTreeMap<u64, PathBuf>, OutboxError> {
    let mut files = BTreeMap::new();
    for file in fs::read_dir(folder).map_err(disk(folder))? {
        let path = file.map_err(disk(folder))?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(".log"));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            files.insert(number, path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::samples::{entry, open, receipt};

    #[test]
    fn what_has_no_receipt_comes_back_oldest_first_with_the_chains() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut outbox, found) = open(folder.path());
        assert_eq!(found, Recovered::default());
        for sequence in 10..15 {
            outbox
                .append(&entry(sequence, (sequence == 12).then_some(900_000)))
                .expect("kept");
        }
        outbox.receipt(&receipt(1, 11)).expect("known");
        drop(outbox);
        let (outbox, found) = open(folder.path());
        assert_eq!(outbox.pending(2), [12, 13]);
        assert_eq!((outbox.depth(), outbox.receipted_through()), (3, 11));
        assert_eq!(found.batch, Some((14, Hash::new([14; 32]))));
        assert_eq!(found.boundary_ms, Some(900_000));
        assert_eq!(
            found.heads.iter().map(|h| h.sequence).collect::<Vec<_>>(),
            [14, 13]
        );
        assert_eq!(outbox.read(12).expect("readable"), Some(vec![12; 100]));
    }

    #[test]
    fn a_power_cut_at_any_byte_of_the_last_record_loses_at_most_that_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut outbox, _) = open(folder.path());
        outbox.append(&entry(1, None)).expect("kept");
        let before = outbox.bytes();
        outbox.append(&entry(2, None)).expect("kept");
        let whole = outbox.bytes();
        drop(outbox);
        let file = folder.path().join(format!("{:020}.log", 1));
        let bytes = fs::read(&file).expect("readable");
        assert_eq!(bytes.len() as u64, whole);
        for cut in before..=whole {
            let other = tempfile::tempdir().expect("a folder");
            let copy = other.path().join(format!("{:020}.log", 1));
            fs::write(&copy, &bytes[..usize::try_from(cut).expect("small")]).expect("written");
            let (mut outbox, found) = open(other.path());
            let last = if cut == whole { 2 } else { 1 };
            assert_eq!(
                found.batch.map(|(sequence, _)| sequence),
                Some(last),
                "cut at {cut}"
            );
            assert_eq!(
                found.torn_bytes,
                if cut == whole { 0 } else { cut - before },
                "cut at {cut}"
            );
            outbox.append(&entry(9, None)).expect("kept");
            drop(outbox);
            let (outbox, _) = open(other.path());
            assert_eq!(outbox.pending(10).last(), Some(&9), "cut at {cut}");
            assert_eq!(outbox.depth(), last + 1, "cut at {cut}");
        }
    }

    #[test]
    fn an_outbox_has_one_user() {
        let folder = tempfile::tempdir().expect("a folder");
        let (_outbox, _) = open(folder.path());
        let second = Outbox::open(folder.path(), Durability::Relaxed, 1 << 20);
        assert!(matches!(second, Err(OutboxError::InUse { .. })));
    }
}
