//! The file behind the embedded chain: what was done to it, in order, nothing else.
//!
//! The EVM is deterministic, so replaying the journal gives the same state, receipts and logs.
//! Layout: a head of 24 bytes (`CWCHAIN1`, chain id u64, genesis time u64), then records
//! (length u32, CRC-32 of the payload u32, payload), all numbers big-endian. A record that a crash
//! cut off is dropped when the file is opened; a damaged one before the end is an error, because
//! going on without it would be another history. One process at a time holds the file.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use revm::primitives::{Address, U256};

use super::{Durability, EmbeddedError};

const MAGIC: &[u8; 8] = b"CWCHAIN1";
const HEAD_BYTES: usize = 24;
const FRAME_BYTES: usize = 8;
/// No record is longer: a raw transaction has at most 128 KiB.
const PAYLOAD_BYTES_MAX: usize = 256 * 1024;

/// One thing that was done to the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// A transaction ran in a block of its own, with this time.
    Transaction {
        timestamp: u64,
        from: Address,
        raw: Vec<u8>,
    },
    /// An empty block with this time.
    Mine { timestamp: u64 },
    /// The owner set the balance of an account, in wei.
    Balance { address: Address, wei: U256 },
}

impl Record {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Transaction {
                timestamp,
                from,
                raw,
            } => [&[1], &timestamp.to_be_bytes()[..], from.as_slice(), raw].concat(),
            Self::Mine { timestamp } => [&[2], &timestamp.to_be_bytes()[..]].concat(),
            Self::Balance { address, wei } => {
                [&[3], address.as_slice(), &wei.to_be_bytes::<32>()].concat()
            }
        }
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let (kind, rest) = payload.split_first()?;
        match kind {
            1 => {
                let (timestamp, rest) = rest.split_first_chunk::<8>()?;
                let (from, raw) = rest.split_first_chunk::<20>()?;
                Some(Self::Transaction {
                    timestamp: u64::from_be_bytes(*timestamp),
                    from: Address::new(*from),
                    raw: raw.to_vec(),
                })
            }
            2 => Some(Self::Mine {
                timestamp: u64::from_be_bytes(rest.try_into().ok()?),
            }),
            3 => {
                let (address, wei) = rest.split_first_chunk::<20>()?;
                let wei = U256::from_be_bytes::<32>(wei.try_into().ok()?);
                Some(Self::Balance {
                    address: Address::new(*address),
                    wei,
                })
            }
            _ => None,
        }
    }
}

/// The open file, positioned at its end.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    length: u64,
    durability: Durability,
    /// A write failed and could not be taken back: nothing more may be written.
    broken: bool,
}

impl Journal {
    /// Opens or creates the file. Returns the genesis time it was created with and its records.
    pub(super) fn open(
        path: &Path,
        chain_id: u64,
        genesis_time: u64,
        durability: Durability,
    ) -> Result<(Self, u64, Vec<Record>), EmbeddedError> {
        let io = |source| EmbeddedError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(EmbeddedError::InUse {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let head = [
            &MAGIC[..],
            &chain_id.to_be_bytes(),
            &genesis_time.to_be_bytes(),
        ]
        .concat();
        if bytes.len() < HEAD_BYTES && head.starts_with(&bytes[..bytes.len().min(MAGIC.len())]) {
            // New, or a crash cut off its very first write.
            file.set_len(0).map_err(io)?;
            file.seek(SeekFrom::Start(0)).map_err(io)?;
            file.write_all(&head).map_err(io)?;
            file.sync_all().map_err(io)?;
            let length = HEAD_BYTES as u64;
            return Ok((
                Self {
                    file,
                    path: path.to_owned(),
                    length,
                    durability,
                    broken: false,
                },
                genesis_time,
                Vec::new(),
            ));
        }
        let genesis_time = check_head(&bytes, chain_id, path)?;
        let (records, end) = read_records(&bytes, path)?;
        let length = end as u64;
        if end < bytes.len() {
            tracing::warn!(
                dropped_bytes = bytes.len() - end,
                "the chain's journal ended in a record that was cut off"
            );
            file.set_len(length).map_err(io)?;
        }
        file.seek(SeekFrom::Start(length)).map_err(io)?;
        Ok((
            Self {
                file,
                path: path.to_owned(),
                length,
                durability,
                broken: false,
            },
            genesis_time,
            records,
        ))
    }

    /// Writes a record. After an error the file is as it was before.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), EmbeddedError> {
        let path = self.path.clone();
        let io = |source| EmbeddedError::Io { path, source };
        if self.broken {
            return Err(io(std::io::Error::other(
                "an earlier write failed; restart to go on",
            )));
        }
        let payload = record.encode();
        let length = payload.len() as u32;
        let frame = [
            &length.to_be_bytes()[..],
            &crc32fast::hash(&payload).to_be_bytes(),
            &payload,
        ]
        .concat();
        let written = self
            .file
            .write_all(&frame)
            .and_then(|()| match self.durability {
                Durability::Flush => Ok(()),
                Durability::Fsync => self.file.sync_data(),
            });
        if let Err(source) = written {
            let undone = self
                .file
                .set_len(self.length)
                .and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            self.broken = undone.is_err();
            return Err(io(source));
        }
        self.length += frame.len() as u64;
        Ok(())
    }
}

fn check_head(bytes: &[u8], chain_id: u64, path: &Path) -> Result<u64, EmbeddedError> {
    let path = || path.to_owned();
    let number = |at: usize| {
        let field = bytes
            .get(at..at + 8)
            .and_then(|field| field.try_into().ok());
        field
            .map(u64::from_be_bytes)
            .ok_or_else(|| EmbeddedError::NotAJournal { path: path() })
    };
    if !bytes.starts_with(MAGIC) {
        return Err(EmbeddedError::NotAJournal { path: path() });
    }
    let got = number(8)?;
    if got != chain_id {
        return Err(EmbeddedError::OtherChain {
            path: path(),
            expected: chain_id,
            got,
        });
    }
    number(16)
}

/// The records, and where the last whole one ends.
fn read_records(bytes: &[u8], path: &Path) -> Result<(Vec<Record>, usize), EmbeddedError> {
    let mut records = Vec::new();
    let mut at = HEAD_BYTES;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let Some((length, crc)) = frame(rest) else {
            break;
        };
        let Some(payload) = rest.get(FRAME_BYTES..FRAME_BYTES + length) else {
            if length > PAYLOAD_BYTES_MAX {
                return Err(EmbeddedError::Damaged {
                    path: path.to_owned(),
                    offset: at as u64,
                });
            }
            break;
        };
        let record = (crc32fast::hash(payload) == crc)
            .then(|| Record::decode(payload))
            .flatten();
        match record {
            Some(record) => records.push(record),
            // The last record, or a tail that the file system filled with zeros.
            None if rest.len() == FRAME_BYTES + length || rest.iter().all(|byte| *byte == 0) => {
                break;
            }
            None => {
                return Err(EmbeddedError::Damaged {
                    path: path.to_owned(),
                    offset: at as u64,
                });
            }
        }
        at += FRAME_BYTES + length;
    }
    Ok((records, at))
}

fn frame(rest: &[u8]) -> Option<(usize, u32)> {
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (crc, _) = rest.split_first_chunk::<4>()?;
    Some((
        u32::from_be_bytes(*length) as usize,
        u32::from_be_bytes(*crc),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        vec![
            Record::Balance {
                address: Address::repeat_byte(1),
                wei: U256::from(7),
            },
            Record::Mine { timestamp: 900 },
            Record::Transaction {
                timestamp: 1_800,
                from: Address::repeat_byte(2),
                raw: vec![2, 0xc0, 1, 2],
            },
        ]
    }

    fn open(path: &Path) -> Result<(Journal, u64, Vec<Record>), EmbeddedError> {
        Journal::open(path, 31_337, 5, Durability::Flush)
    }

    fn written(path: &Path) {
        let (mut journal, _, old) = open(path).expect("opens");
        assert!(old.is_empty());
        for record in records() {
            journal.append(&record).expect("writes");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chain");
        written(&path);
        let (_, genesis, read) =
            Journal::open(&path, 31_337, 99, Durability::Fsync).expect("opens");
        assert_eq!((genesis, read), (5, records()));
    }

    #[test]
    fn every_torn_tail_loses_only_the_torn_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chain");
        written(&path);
        let whole = std::fs::read(&path).expect("reads");
        let ends: Vec<usize> = records()
            .iter()
            .scan(HEAD_BYTES, |at, record| {
                *at += FRAME_BYTES + record.encode().len();
                Some(*at)
            })
            .collect();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("writes");
            let (mut journal, _, read) = open(&path).expect("opens");
            assert_eq!(
                read.len(),
                ends.iter().filter(|end| **end <= cut).count(),
                "cut at {cut}"
            );
            journal
                .append(&Record::Mine { timestamp: 1 })
                .expect("goes on");
            drop(journal);
            assert_eq!(
                open(&path).expect("opens").2.last(),
                Some(&Record::Mine { timestamp: 1 })
            );
        }
        std::fs::write(&path, [&whole[..], &[0; 50]].concat()).expect("writes");
        assert_eq!(open(&path).expect("zeros are a torn tail").2.len(), 3);
    }

    #[test]
    fn damage_before_the_end_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chain");
        written(&path);
        let mut bytes = std::fs::read(&path).expect("reads");
        bytes[HEAD_BYTES + FRAME_BYTES + 3] ^= 1;
        std::fs::write(&path, &bytes).expect("writes");
        assert!(matches!(
            open(&path),
            Err(EmbeddedError::Damaged { offset: 24, .. })
        ));
    }

    #[test]
    fn foreign_files_and_second_owners_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chain");
        std::fs::write(&path, b"something else").expect("writes");
        assert!(matches!(
            open(&path),
            Err(EmbeddedError::NotAJournal { .. })
        ));
        std::fs::remove_file(&path).expect("removes");
        let first = open(&path).expect("opens");
        assert!(matches!(open(&path), Err(EmbeddedError::InUse { .. })));
        drop(first);
        assert!(matches!(
            Journal::open(&path, 1, 5, Durability::Flush),
            Err(EmbeddedError::OtherChain {
                expected: 1,
                got: 31_337,
                ..
            })
        ));
    }
}
