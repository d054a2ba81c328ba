//! What a market makes of a book.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::cbor::{wide_signed, wide_unsigned};
use crate::{Hash, MicroPricePerKwh, OrderId, WattHours};

/// How much of an order was filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Fill {
    /// Which order.
    #[n(0)]
    pub order: OrderId,
    /// How much, from zero to its quantity.
    #[n(1)]
    pub quantity: WattHours,
}

/// What a certificate claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum CertificateKind {
    /// Limits, quantities and sums hold.
    #[n(0)]
    Feasible,
    /// And no other clearing has a greater welfare: primal = dual.
    #[n(1)]
    Optimal,
}

/// The claim that a clearing makes about itself, checkable without the engine that made it.
///
/// In CBOR the three wide numbers are byte strings of exactly 16 bytes, big-endian, two's complement
/// where signed, so that each has one form.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Certificate {
    /// What is claimed.
    #[n(0)]
    pub kind: CertificateKind,
    /// Wh sold, which is Wh bought.
    #[n(1)]
    #[cbor(with = "wide_unsigned")]
    pub quantity: u128,
    /// The clearing price, none without trade.
    #[n(2)]
    pub price: Option<MicroPricePerKwh>,
    /// Welfare of the fills in 10⁻⁹ currency: Σ fill × (bid price) − Σ fill × (ask price).
    #[n(3)]
    #[cbor(with = "wide_signed")]
    pub primal: i128,
    /// The dual value at the price, equal to `primal` when optimal.
    #[n(4)]
    #[cbor(with = "wide_signed")]
    pub dual: i128,
    /// The hash of the book, order rows sorted by id: BLAKE3, see `market_engine::book_hash`.
    #[n(5)]
    pub book_hash: Hash,
}

/// The result of one zone's market for one interval.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Clearing {
    /// The uniform price, none without trade.
    #[n(0)]
    pub price: Option<MicroPricePerKwh>,
    /// The lowest valid price, none when unbounded.
    #[n(1)]
    pub price_lo: Option<MicroPricePerKwh>,
    /// The highest valid price, none when unbounded.
    #[n(2)]
    pub price_hi: Option<MicroPricePerKwh>,
    /// One fill for every order of the book, zero included, in the order of the order ids: the same
    /// book gives the same bytes whatever the order of arrival.
    #[n(3)]
    pub fills: Vec<Fill>,
    /// The proof.
    #[n(4)]
    pub certificate: Certificate,
}
