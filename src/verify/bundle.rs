//! What a proof bundle holds, and its one encoding.

use clearing_house::{JournalLine, OrderRow};
use energy_core::{
    CborError, Certificate, Hash, HomeId, IntervalStart, MerkleProof, OrderId, Reading,
    ReadingBatch, SigningKey, ZoneDocument, cose_payload, from_canonical, to_canonical,
};
use minicbor::{Decode, Encode};
use serde::Serialize;
use settlement::{BatchHeader, EvidenceLeaf, HomeLeaf, SumProof};

/// The version of the encoding.
const VERSION: u8 = 1;

/// A file is not a bundle of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not canonical CBOR of a bundle.
    #[error("not a proof bundle: {0}")]
    Form(#[from] CborError),
    /// Another version.
    #[error("expected bundle version {VERSION}, got {got}")]
    Version {
        /// The version that came.
        got: u8,
    },
}

/// One home, one interval, and everything that connects the two with a root on the chain.
#[derive(Debug, Clone, PartialEq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct Bundle {
    #[n(0)]
    version: u8,
    /// Which market, chain and contract.
    #[n(1)]
    pub zone: ZoneDocument,
    /// Whose bundle.
    #[n(2)]
    pub home: HomeId,
    /// For which interval.
    #[n(3)]
    pub interval: IntervalStart,
    /// The readings of the connection-point meter.
    #[n(4)]
    pub connection: MeterProof,
    /// The readings of the generation meter, where there is one.
    #[n(5)]
    pub generation: Option<MeterProof>,
    /// The markets since the parent batch in which the home had an order, and the asked interval's.
    #[n(6)]
    pub markets: Vec<MarketProof>,
    /// The home's journal lines since the parent batch that move its leaf.
    #[n(7)]
    pub lines: Vec<JournalLine>,
    /// The home's account in the batch before; none in the first batch.
    #[n(8)]
    pub parent: Option<AccountProof>,
    /// The home's account in the batch that settles the interval.
    #[n(9)]
    pub account: AccountProof,
    /// What the connection-point meter vouches for in that batch.
    #[n(10)]
    pub evidence: EvidenceLeaf,
    /// Its path.
    #[n(11)]
    pub evidence_path: SumProof<u64>,
    /// The root that the chain accepted, as the sender of the bundle says.
    #[n(12)]
    pub root: Hash,
}

/// A chain of readings from the start of the interval to the end of the batch's newest interval (or of
/// the asked one), and the signature over the last.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct MeterProof {
    /// The gateway's public key.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    #[serde(serialize_with = "hex::serialize")]
    pub gateway_key: [u8; 32],
    /// The signed header of the batch with the last reading, a COSE_Sign1.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    #[serde(serialize_with = "hex::serialize")]
    pub signed_header: Vec<u8>,
    /// The path from the last reading to the root in that header.
    #[n(2)]
    pub path: MerkleProof,
    /// All readings of the meter from the one at the start on.
    #[n(3)]
    pub readings: Vec<Reading>,
}

/// What the book of an interval shows to this home.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// All rows, by order id.
    #[n(0)]
    Book(#[n(0)] Vec<OrderRow>),
    /// Its own row and the path to the root of all rows.
    #[n(1)]
    Own(#[n(0)] OrderRow, #[n(1)] MerkleProof),
    /// It had no order, and the book is not its to see: the root of the rows.
    #[n(2)]
    None(#[n(0)] Hash),
}

/// One interval's market under the batch.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct MarketProof {
    /// The interval.
    #[n(0)]
    pub interval: IntervalStart,
    /// The certificate of its clearing.
    #[n(1)]
    pub certificate: Certificate,
    /// The home's order in it.
    #[n(2)]
    pub order: Option<OrderId>,
    /// The rows.
    #[n(3)]
    pub rows: Rows,
    /// The path to the market root.
    #[n(4)]
    pub path: MerkleProof,
    /// The zone's mechanism, where the certificate is not the call auction's own proof of the optimum;
    /// left out otherwise.
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<String>,
}

/// A home's leaf with its path and the header above.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct AccountProof {
    /// The leaf.
    #[n(0)]
    pub leaf: HomeLeaf,
    /// Its path to the home root.
    #[n(1)]
    pub path: SumProof<i64>,
    /// The batch's header.
    #[n(2)]
    pub header: BatchHeader,
}

/// Everything of a bundle but its version.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) zone: ZoneDocument,
    pub(crate) home: HomeId,
    pub(crate) interval: IntervalStart,
    pub(crate) connection: MeterProof,
    pub(crate) generation: Option<MeterProof>,
    pub(crate) markets: Vec<MarketProof>,
    pub(crate) lines: Vec<JournalLine>,
    pub(crate) parent: Option<AccountProof>,
    pub(crate) account: AccountProof,
    pub(crate) evidence: EvidenceLeaf,
    pub(crate) evidence_path: SumProof<u64>,
    pub(crate) root: Hash,
}

impl From<Parts> for Bundle {
    fn from(p: Parts) -> Self {
        Self {
            version: VERSION,
            zone: p.zone,
            home: p.home,
            interval: p.interval,
            connection: p.connection,
            generation: p.generation,
            markets: p.markets,
            lines: p.lines,
            parent: p.parent,
            account: p.account,
            evidence: p.evidence,
            evidence_path: p.evidence_path,
            root: p.root,
        }
    }
}

impl Bundle {
    /// The bundle of which these are exactly the bytes.
    ///
    /// # Errors
    /// [`BundleError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let bundle: Self = from_canonical(bytes)?;
        if bundle.version == VERSION {
            Ok(bundle)
        } else {
            Err(BundleError::Version {
                got: bundle.version,
            })
        }
    }

    /// The same bundle with its readings vouched for by another key: a forgery that only enrolment
    /// can tell.
    ///
    /// # Errors
    /// [`BundleError::Form`] when a signed header is none.
    pub fn signed_again(mut self, key: &SigningKey) -> Result<Self, BundleError> {
        let document = self.zone.hash();
        for proof in [Some(&mut self.connection), self.generation.as_mut()]
            .into_iter()
            .flatten()
        {
            let header: energy_core::BatchHeader =
                from_canonical(cose_payload(&proof.signed_header)?)?;
            proof.signed_header = ReadingBatch::sign_header(&header, key, &document);
            proof.gateway_key = key.verifying_key().to_bytes();
        }
        Ok(self)
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(self)
    }
}
