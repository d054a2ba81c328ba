//! A reading batch: what a gateway signs and sends.
//!
//! One COSE_Sign1 over a header, with the hash of the zone document as external data, vouches for
//! all readings: the header holds the Merkle root over their hashes. On the wire a batch is the CBOR
//! array `[signed header, [reading, …]]`.
//!
//! A batch names the one before it by hash, so that the receiver knows when its chain is complete.

use minicbor::{Decode, Encode};

use crate::{
    CborError, CoseError, GatewayId, Hash, MerkleProof, MerkleTree, Reading, ReadingError,
    SigningKey, VerifyingKey, cose_payload, cose_sign1, cose_verify1, from_canonical, keccak,
    to_canonical,
};

/// The most readings in one batch.
const READINGS_MAX: usize = 1_024;
const DOMAIN: &[u8] = b"commonwatt/reading-batch/1";

/// A batch could not be accepted as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Not the canonical bytes of a batch.
    #[error("batch: {0}")]
    Form(#[from] CborError),
    /// A reading in it is not one.
    #[error("reading {index} of the batch: {source}")]
    Reading {
        /// Its place in the batch.
        index: usize,
        /// What is wrong with it.
        source: ReadingError,
    },
    /// Too many or none.
    #[error(
        "expected 1 to {READINGS_MAX} readings and as many as the header says ({header}), got {got}"
    )]
    Count {
        /// The header's number.
        header: u32,
        /// The number that came.
        got: usize,
    },
    /// The header's root is not that of the readings.
    #[error("the readings have the root {got}, the signed header says {header}")]
    Root {
        /// The signed one.
        header: Hash,
        /// The one that follows from the readings.
        got: Hash,
    },
    /// The signature is not by the gateway's key for this zone document.
    #[error("batch of gateway {gateway}: {source}")]
    Signature {
        /// Who it claims to be from.
        gateway: GatewayId,
        /// What is wrong.
        source: CoseError,
    },
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct BatchHeader {
    /// Who read.
    #[n(0)]
    pub gateway: GatewayId,
    /// Rises by one from batch to batch.
    #[n(1)]
    pub sequence: u64,
    /// The hash of the batch before, zero for the first.
    #[n(2)]
    pub previous: Hash,
    /// How many readings.
    #[n(3)]
    pub count: u32,
    /// The Merkle root over their hashes.
    #[n(4)]
    pub root: Hash,
}

impl BatchHeader {
    /// The hash by which the next batch names this one.
    #[must_use]
    pub fn hash(&self) -> Hash {
        keccak(&[&to_canonical(self)])
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Wire {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    signed: Vec<u8>,
    #[n(1)]
    readings: Vec<Reading>,
}

/// Readings with the header that vouches for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingBatch {
    signed: Vec<u8>,
    header: BatchHeader,
    readings: Vec<Reading>,
}

impl ReadingBatch {
    /// Signs readings as the batch `sequence` after the batch with the hash `previous`.
    ///
    /// # Errors
    /// [`BatchError::Count`] for none or too many, [`BatchError::Reading`] for one out of bounds.
    pub fn sign(
        key: &SigningKey,
        zone_document: &Hash,
        gateway: GatewayId,
        sequence: u64,
        previous: Hash,
        readings: Vec<Reading>,
    ) -> Result<Self, BatchError> {
        let count = checked_count(None, &readings)?;
        let readings = checked_readings(readings)?;
        let header = BatchHeader {
            gateway,
            sequence,
            previous,
            count,
            root: tree(&readings).root(),
        };
        let signed = Self::sign_header(&header, key, zone_document);
        Ok(Self {
            signed,
            header,
            readings,
        })
    }

    /// The batch of which these are the bytes. Form, count and root are checked; the signature is
    /// not, because only the header says whose it should be: see [`Self::verify`].
    ///
    /// # Errors
    /// [`BatchError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BatchError> {
        let Wire { signed, readings } = from_canonical(bytes)?;
        let header: BatchHeader = from_canonical(cose_payload(&signed)?)?;
        checked_count(Some(header.count), &readings)?;
        let readings = checked_readings(readings)?;
        let got = tree(&readings).root();
        if got != header.root {
            return Err(BatchError::Root {
                header: header.root,
                got,
            });
        }
        Ok(Self {
            signed,
            header,
            readings,
        })
    }

    /// Its bytes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(&Wire {
            signed: self.signed.clone(),
            readings: self.readings.clone(),
        })
    }

    /// Whether the gateway's key signed it under this zone document.
    ///
    /// # Errors
    /// [`BatchError::Signature`].
    pub fn verify(&self, key: &VerifyingKey, zone_document: &Hash) -> Result<(), BatchError> {
        Self::verify_header(&self.signed, key, zone_document).map(|_| ())
    }

    /// The header of a signed header alone, after its signature was checked.
    ///
    /// # Errors
    /// [`BatchError::Form`] or [`BatchError::Signature`].
    pub fn verify_header(
        signed: &[u8],
        key: &VerifyingKey,
        zone_document: &Hash,
    ) -> Result<BatchHeader, BatchError> {
        let header: BatchHeader = from_canonical(cose_payload(signed)?)?;
        cose_verify1(key, &external(zone_document), signed).map_err(|source| {
            BatchError::Signature {
                gateway: header.gateway,
                source,
            }
        })?;
        Ok(header)
    }

    /// A header signed with a key.
    #[must_use]
    pub fn sign_header(header: &BatchHeader, key: &SigningKey, zone_document: &Hash) -> Vec<u8> {
        cose_sign1(key, &external(zone_document), &to_canonical(header))
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The signed header, a COSE_Sign1.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// The readings.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The path from the reading at `index` to the signed root.
    #[must_use]
    pub fn proof(&self, index: usize) -> Option<MerkleProof> {
        if index < self.readings.len() {
            tree(&self.readings).proof(index)
        } else {
            None
        }
    }
}

fn external(zone_document: &Hash) -> Vec<u8> {
    [DOMAIN, zone_document.as_bytes()].concat()
}

fn tree(readings: &[Reading]) -> MerkleTree {
    MerkleTree::new(readings.iter().map(Reading::hash).collect())
}

fn checked_count(header: Option<u32>, readings: &[Reading]) -> Result<u32, BatchError> {
    let got = readings.len();
    let count = u32::try_from(got).unwrap_or(u32::MAX);
    if (1..=READINGS_MAX).contains(&got) && header.is_none_or(|h| h == count) {
        Ok(count)
    } else {
        Err(BatchError::Count {
            header: header.unwrap_or(count),
            got,
        })
    }
}

fn checked_readings(readings: Vec<Reading>) -> Result<Vec<Reading>, BatchError> {
    let checked = |(index, reading): (usize, Reading)| {
        reading
            .checked()
            .map_err(|source| BatchError::Reading { index, source })
    };
    readings.into_iter().enumerate().map(checked).collect()
}
