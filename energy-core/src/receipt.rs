//! A receipt: the node's signature that it keeps a gateway's batches. Only on a receipt is a batch
//! done; what a broker acknowledges means nothing.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    CoseError, GatewayId, Hash, MeterId, SigningKey, VerifyingKey, cose_sign1, cose_verify1,
    from_canonical, to_canonical,
};

const DOMAIN: &[u8] = b"commonwatt/receipt/1";

/// Why an authentic reading was not accepted. It is kept all the same, with this reason.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// No meter of this id is registered.
    #[n(0)]
    UnknownMeter,
    /// The meter is registered for another gateway.
    #[n(1)]
    NotThisGateway,
    /// Another reading with the same meter and sequence is kept: both are evidence, the meter is frozen.
    #[n(2)]
    Equivocation,
    /// The meter is frozen after an equivocation.
    #[n(3)]
    MeterFrozen,
    /// A register is lower than before, and no rollover, reset or exchange is declared.
    #[n(4)]
    RegisterFell,
    /// Its time lies further ahead of the node's clock than the clocks' errors allow.
    #[n(5)]
    FromTheFuture,
    /// A settlement register is absent.
    #[n(6)]
    RegisterAbsent,
    /// More energy than the connection can carry in the time since the reading before.
    #[n(7)]
    ImplausibleRate,
}

/// One refused reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Refusal {
    /// Which meter.
    #[n(0)]
    pub meter: MeterId,
    /// Which reading of it.
    #[n(1)]
    pub sequence: u64,
    /// Why.
    #[n(2)]
    pub reason: RefusalReason,
}

/// What the node vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Receipt {
    /// Whose batches.
    #[n(0)]
    pub gateway: GatewayId,
    /// Which life of the store: a store restored from a backup gets a new one.
    #[n(1)]
    pub store_epoch: u64,
    /// The newest batch up to which the chain of predecessors is complete and kept.
    #[n(2)]
    pub through_sequence: u64,
    /// Its hash.
    #[n(3)]
    pub through_hash: Hash,
    /// Readings of the newest batches that were refused.
    #[n(4)]
    pub refused: Vec<Refusal>,
}

impl Receipt {
    /// The signed receipt for gateways of this zone document.
    #[must_use]
    pub fn sign(&self, key: &SigningKey, zone_document: &Hash) -> Vec<u8> {
        cose_sign1(key, &external(zone_document), &to_canonical(self))
    }

    /// The receipt, after the node's signature was checked.
    ///
    /// # Errors
    /// [`CoseError`] for another form or another signer.
    pub fn open(bytes: &[u8], key: &VerifyingKey, zone_document: &Hash) -> Result<Self, CoseError> {
        Ok(from_canonical(cose_verify1(
            key,
            &external(zone_document),
            bytes,
        )?)?)
    }
}

fn external(zone_document: &Hash) -> Vec<u8> {
    [DOMAIN, zone_document.as_bytes()].concat()
}
