//! The zone document: what a gateway's signature is valid for.

use minicbor::{Decode, Encode};
use serde::Serialize;

use crate::{Address, Hash, IntervalLength, IntervalStart, ZoneId, keccak, to_canonical};

/// Which market, on which chain, in which contract, from when. Old documents stay valid for what was
/// signed under them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct ZoneDocument {
    /// The zone.
    #[n(0)]
    pub zone: ZoneId,
    /// EIP-155 chain id.
    #[n(1)]
    pub chain_id: u64,
    /// The settlement contract.
    #[n(2)]
    pub settlement: Address,
    /// The first interval it is valid for.
    #[n(3)]
    pub valid_from: IntervalStart,
    /// The zone's interval length.
    #[n(4)]
    pub interval: IntervalLength,
}

impl ZoneDocument {
    /// The hash that signatures are bound to.
    #[must_use]
    pub fn hash(&self) -> Hash {
        keccak(&[&to_canonical(self)])
    }
}
