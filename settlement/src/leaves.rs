//! The leaves of the three trees of a settlement batch, and their hashes.
//!
//! | leaf | `keccak(0x00 ‖ …)` | sums (a, b) |
//! |---|---|---|
//! | home | index (4) ‖ address (20) ‖ credited (8) ‖ retired (8) ‖ cash (8) | credited Wh, cash nano |
//! | evidence | meter (16) ‖ settled to (8) ‖ minted (8) ‖ carry (8) ‖ sequence (8) ‖ reading hash (32) | minted Wh, carry Wh |
//! | market | zone hash (32) ‖ interval (8) ‖ certificate hash (32) ‖ order rows root (32) | none |
//!
//! Numbers are big-endian. Sums are lifetime sums, so a leaf replaces the one in the batch before.

use energy_core::{
    Address, Hash, IntervalStart, MeterId, NanoAmount, WattHours, ZoneId, leaf_hash,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::SumNode;

/// What an account owns and owes, since its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct HomeLeaf {
    /// The account's address on the chain.
    #[n(0)]
    pub account: Address,
    /// Energy credited.
    #[n(1)]
    pub credited: WattHours,
    /// Of that, energy retired in the account's name.
    #[n(2)]
    pub retired: WattHours,
    /// Money received (+) or paid (−).
    #[n(3)]
    pub cash: NanoAmount,
}

impl HomeLeaf {
    /// Its node at its place in the home tree.
    #[must_use]
    pub fn node(&self, index: u32) -> SumNode<i64> {
        let mut data = Vec::with_capacity(48);
        data.extend_from_slice(&index.to_be_bytes());
        data.extend_from_slice(self.account.as_bytes());
        data.extend_from_slice(&self.credited.get().to_be_bytes());
        data.extend_from_slice(&self.retired.get().to_be_bytes());
        data.extend_from_slice(&self.cash.get().to_be_bytes());
        SumNode {
            hash: leaf_hash(&data),
            a: self.credited.get(),
            b: self.cash.get(),
        }
    }
}

/// What a connection-point meter vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct EvidenceLeaf {
    /// The meter.
    #[n(0)]
    pub meter: MeterId,
    /// The end of its newest settled interval, in s UTC.
    #[n(1)]
    pub settled_to: u64,
    /// Energy minted for it since its beginning.
    #[n(2)]
    pub minted: WattHours,
    /// Of that, what corrections took back and new generation has yet to fill.
    #[n(3)]
    pub carry: WattHours,
    /// The sequence of the reading at `settled_to`.
    #[n(4)]
    pub sequence: u64,
    /// The hash of that reading.
    #[n(5)]
    pub reading: Hash,
}

impl EvidenceLeaf {
    /// Its node in the evidence tree.
    #[must_use]
    pub fn node(&self) -> SumNode<u64> {
        let mut data = Vec::with_capacity(80);
        data.extend_from_slice(self.meter.as_bytes());
        data.extend_from_slice(&self.settled_to.to_be_bytes());
        data.extend_from_slice(&self.minted.get().to_be_bytes());
        data.extend_from_slice(&self.carry.get().to_be_bytes());
        data.extend_from_slice(&self.sequence.to_be_bytes());
        data.extend_from_slice(self.reading.as_bytes());
        SumNode {
            hash: leaf_hash(&data),
            a: self.minted.get(),
            b: self.carry.get(),
        }
    }
}

/// One zone's market in one interval.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct MarketLeaf {
    /// The zone.
    #[n(0)]
    pub zone: ZoneId,
    /// The interval.
    #[n(1)]
    pub interval: IntervalStart,
    /// The hash of the clearing's certificate.
    #[n(2)]
    pub certificate: Hash,
    /// The root of the tree over the order rows.
    #[n(3)]
    pub order_rows: Hash,
}

impl MarketLeaf {
    /// Its leaf hash in the market tree.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut data = Vec::with_capacity(104);
        data.extend_from_slice(self.zone.hash().as_bytes());
        data.extend_from_slice(&self.interval.seconds().to_be_bytes());
        data.extend_from_slice(self.certificate.as_bytes());
        data.extend_from_slice(self.order_rows.as_bytes());
        leaf_hash(&data)
    }
}
