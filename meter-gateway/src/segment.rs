//! The form of an outbox file: records with length and checksum, one after the other.
//!
//! `length u32 ‖ CRC-32 u32 ‖ kind u8 ‖ payload`, little-endian; length counts kind and payload, the
//! checksum covers length, kind and payload. A record that was cut off or altered ends the file: what
//! is before it stands, what is after it was never acknowledged to anybody.

use std::ops::Range;

const HEAD: usize = 8;
/// Larger than any batch.
const RECORD_BYTES_MAX: usize = 4 << 20;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// A batch.
    Batch,
    /// The node has batches up to here.
    Receipt,
    /// Where the chains stood when the file was begun.
    Snapshot,
}

impl RecordKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Batch => 1,
            Self::Receipt => 2,
            Self::Snapshot => 3,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Batch),
            2 => Some(Self::Receipt),
            3 => Some(Self::Snapshot),
            _ => None,
        }
    }
}

/// The bytes of a record, and where in them the payload stands.
pub(crate) fn encode(kind: RecordKind, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 1).unwrap_or(u32::MAX);
    let mut record = Vec::with_capacity(HEAD + 1 + payload.len());
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&[0; 4]);
    record.push(kind.byte());
    record.extend_from_slice(payload);
    let crc = checksum(&record);
    record[4..8].copy_from_slice(&crc.to_le_bytes());
    record
}

/// Where the payload of a record begins.
pub(crate) const PAYLOAD_OFFSET: usize = HEAD + 1;

/// The whole records of a file and where the last of them ends.
pub(crate) fn scan(bytes: &[u8]) -> (Vec<(RecordKind, Range<usize>)>, usize) {
    let mut records = Vec::new();
    let mut at = 0;
    while let Some((kind, payload)) = record_at(bytes, at) {
        at = payload.end;
        records.push((kind, payload));
    }
    (records, at)
}

fn record_at(bytes: &[u8], at: usize) -> Option<(RecordKind, Range<usize>)> {
    let head = bytes.get(at..at + HEAD)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    if !(1..=RECORD_BYTES_MAX).contains(&length) {
        return None;
    }
    let end = at + HEAD + length;
    let record = bytes.get(at..end)?;
    let crc = u32::from_le_bytes(head[4..].try_into().ok()?);
    if checksum(record) != crc {
        return None;
    }
    Some((RecordKind::of(record[HEAD])?, at + PAYLOAD_OFFSET..end))
}

fn checksum(record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[..4]);
    hasher.update(&record[HEAD..]);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cut_at_any_byte_keeps_its_whole_records() {
        let first = encode(RecordKind::Snapshot, b"");
        let second = encode(RecordKind::Batch, b"a batch");
        let file = [first.clone(), second].concat();
        for cut in 0..=file.len() {
            let (records, end) = scan(&file[..cut]);
            let whole = usize::from(cut >= first.len()) + usize::from(cut == file.len());
            assert_eq!(records.len(), whole, "cut at {cut}");
            assert_eq!(end, [0, first.len(), file.len()][whole], "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_file_there() {
        let first = encode(RecordKind::Receipt, b"one");
        let file = [first.clone(), encode(RecordKind::Batch, b"two")].concat();
        for bit in first.len() * 8..file.len() * 8 {
            let mut altered = file.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(scan(&altered).1, first.len(), "bit {bit}");
        }
    }
}
