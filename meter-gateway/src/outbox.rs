//! Signed batches on disk until the node's receipt, and for a while after.
//!
//! Append-only files (`00000000000000000001.log`, …) of checksummed records. A batch is written, and
//! with [`Durability::Fsync`] on the disk, before anybody may send it. After a crash the outbox gives
//! back what has no receipt, and where the chains stand: every file begins with a snapshot of the
//! chains, so that old files can go. Only files in which every batch has a receipt go, the oldest
//! first, and only when the size bound is passed: what has no receipt is never dropped.
//!
//! A full disk is an error of [`Outbox::append`]; nothing is then signed in its place.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use energy_core::{FromCbor, Hash, MeterId, Receipt, ToCbor, from_canonical, to_canonical};
use minicbor::{Decode, Encode};

use crate::chain::MeterHead;
use crate::config::Durability;
use crate::segment::{PAYLOAD_OFFSET, RecordKind, encode, scan};

/// A file is closed and the next one begun when it has grown to this.
const SEGMENT_BYTES: u64 = 4 << 20;

/// The outbox cannot do what it should.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The disk does not take or give it.
    #[error("outbox {}: {source}", .path.display())]
    Disk {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another gateway has it open.
    #[error("outbox {}: expected to be its only user, another process has it open", .path.display())]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// The receipt is about a batch of this number with another content.
    #[error(
        "the receipt through batch {sequence} names {got}, the batch kept here is {kept}: two gateways may be using one key"
    )]
    OtherBatch {
        /// The batch.
        sequence: u64,
        /// The hash of the batch kept here.
        kept: Hash,
        /// The receipt's.
        got: Hash,
    },
}

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
struct Mark {
    #[n(0)]
    store_epoch: u64,
    #[n(1)]
    through: u64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Snapshot {
    #[n(0)]
    heads: Vec<MeterHead>,
    #[n(1)]
    batch: Option<(u64, Hash)>,
    #[n(2)]
    mark: Mark,
    #[n(3)]
    boundary_ms: Option<i64>,
}

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

#[derive(Debug)]
struct Segment {
    file: File,
    path: PathBuf,
    length: u64,
    newest: u64,
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

    /// Takes the node's word for what it has. The receipt's signature was checked by the caller.
    ///
    /// A receipt of another store epoch is that of a node that was restored: kept batches after the
    /// one it names are sent again.
    ///
    /// # Errors
    /// [`OutboxError::OtherBatch`] when it is about another batch than the one kept here; nothing is
    /// done then. [`OutboxError::Disk`].
    pub fn receipt(&mut self, receipt: &Receipt) -> Result<(), OutboxError> {
        let sequence = receipt.through_sequence;
        if let Some(slot) = self.slots.get(&sequence)
            && slot.hash != receipt.through_hash
        {
            return Err(OutboxError::OtherBatch {
                sequence,
                kept: slot.hash,
                got: receipt.through_hash,
            });
        }
        let mark = Mark {
            store_epoch: receipt.store_epoch,
            through: sequence,
        };
        let same_epoch = mark.store_epoch == self.mark.store_epoch;
        if mark == self.mark || (same_epoch && mark.through < self.mark.through) {
            return Ok(());
        }
        // A mark that is lost in a crash costs one batch sent twice, so it is never waited for.
        self.write(RecordKind::Receipt, &to_canonical(&mark), false)?;
        self.apply_mark(mark);
        self.forget_old()
    }

    /// How many batches have no receipt.
    #[must_use]
    pub fn depth(&self) -> u64 {
        self.depth
    }

    /// The last batch with a receipt, 0 before the first.
    #[must_use]
    pub fn receipted_through(&self) -> u64 {
        self.mark.through
    }

    /// The last boundary up to which every batch has a receipt, where the last round was that of
    /// boundary `done_ms`.
    #[must_use]
    pub fn receipted_boundary(&self, done_ms: Option<i64>) -> Option<i64> {
        let open = self.pending(1).first().copied();
        let Some(open) = open else { return done_ms };
        let waiting = self
            .slots
            .range(open..)
            .find_map(|(_, slot)| slot.boundary_ms.filter(|_| !slot.done));
        match waiting {
            None => done_ms,
            Some(_) => self
                .slots
                .range(..open)
                .rev()
                .find_map(|(_, slot)| slot.boundary_ms),
        }
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

    fn apply_mark(&mut self, mark: Mark) {
        self.mark = mark;
        let mut depth = 0;
        for (sequence, slot) in &mut self.slots {
            slot.done = *sequence <= mark.through;
            depth += u64::from(!slot.done);
        }
        self.depth = depth;
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

    /// Begins a new file with a snapshot of the chains. A torn file is never written to again.
    fn begin_segment(&mut self) -> Result<(), OutboxError> {
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
    fn write(&mut self, kind: RecordKind, payload: &[u8], fsync: bool) -> Result<u64, OutboxError> {
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
    fn forget_old(&mut self) -> Result<(), OutboxError> {
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

fn disk(path: &Path) -> impl FnOnce(io::Error) -> OutboxError + use<> {
    let path = path.to_owned();
    move |source| OutboxError::Disk { path, source }
}

fn damaged(path: &Path, error: &energy_core::CborError) -> OutboxError {
    let source = io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a record with a right checksum is not one: {error}"),
    );
    disk(path)(source)
}

fn parsed<T: ToCbor + FromCbor>(path: &Path, payload: &[u8]) -> Result<T, OutboxError> {
    from_canonical(payload).map_err(|error| damaged(path, &error))
}

#[cfg(test)]
mod tests {
    use energy_core::{GatewayId, WattHours};

    use super::*;

    fn entry(sequence: u64, boundary_ms: Option<i64>) -> Entry {
        let byte = u8::try_from(sequence % 251).expect("below 251");
        let head = MeterHead {
            meter: MeterId::new([byte % 2; 16]),
            sequence,
            hash: Hash::new([byte; 32]),
            time_ms: sequence,
            import: Some(WattHours::new(sequence)),
            export: None,
            pv: None,
        };
        let hash = Hash::new([byte; 32]);
        Entry {
            sequence,
            hash,
            boundary_ms,
            heads: vec![head],
            batch: vec![byte; 100],
        }
    }

    fn receipt(epoch: u64, through: u64) -> Receipt {
        let byte = u8::try_from(through % 251).expect("below 251");
        let (gateway, through_hash) = (GatewayId::new([0; 16]), Hash::new([byte; 32]));
        Receipt {
            gateway,
            store_epoch: epoch,
            through_sequence: through,
            through_hash,
            refused: Vec::new(),
        }
    }

    fn open(folder: &Path) -> (Outbox, Recovered) {
        Outbox::open(folder, Durability::Relaxed, 1 << 20).expect("opens")
    }

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

    #[test]
    fn a_restored_node_gets_again_what_it_asks_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut outbox, _) = open(folder.path());
        for sequence in 1..=5 {
            outbox.append(&entry(sequence, None)).expect("kept");
        }
        outbox.receipt(&receipt(1, 5)).expect("known");
        outbox
            .receipt(&receipt(1, 3))
            .expect("an old receipt changes nothing");
        assert_eq!(outbox.depth(), 0);
        outbox.receipt(&receipt(2, 2)).expect("a new epoch");
        assert_eq!(outbox.pending(10), [3, 4, 5]);
        outbox.receipt(&receipt(2, 5)).expect("known");
        assert_eq!(outbox.depth(), 0);
    }

    #[test]
    fn a_receipt_for_another_batch_of_this_number_does_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut outbox, _) = open(folder.path());
        outbox.append(&entry(1, None)).expect("kept");
        let wrong = Receipt {
            through_hash: Hash::ZERO,
            ..receipt(1, 1)
        };
        assert!(matches!(
            outbox.receipt(&wrong),
            Err(OutboxError::OtherBatch { sequence: 1, .. })
        ));
        assert_eq!(outbox.depth(), 1);
    }

    #[test]
    fn a_boundary_is_receipted_when_its_batch_and_all_before_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut outbox, _) = open(folder.path());
        assert_eq!(
            outbox.receipted_boundary(Some(900)),
            Some(900),
            "a boundary without batch waits for nobody"
        );
        outbox.append(&entry(1, Some(900))).expect("kept");
        assert_eq!(outbox.receipted_boundary(Some(900)), None);
        outbox.receipt(&receipt(1, 1)).expect("known");
        outbox.append(&entry(2, None)).expect("kept");
        assert_eq!(outbox.receipted_boundary(Some(900)), Some(900));
        outbox.append(&entry(3, Some(1_800))).expect("kept");
        assert_eq!(outbox.receipted_boundary(Some(1_800)), Some(900));
        outbox.receipt(&receipt(1, 3)).expect("known");
        assert_eq!(outbox.receipted_boundary(Some(1_800)), Some(1_800));
    }

    #[test]
    fn an_outbox_has_one_user() {
        let folder = tempfile::tempdir().expect("a folder");
        let (_outbox, _) = open(folder.path());
        let second = Outbox::open(folder.path(), Durability::Relaxed, 1 << 20);
        assert!(matches!(second, Err(OutboxError::InUse { .. })));
    }
}
