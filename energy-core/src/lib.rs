//! The nouns that every part of Commonwatt shares.
//!
//! Units, intervals, identities, readings and the batches that carry them, receipts, orders,
//! clearings, and Merkle trees. There is no I/O here, no clock, no randomness, no async: a value
//! of this crate is either valid or was never made.
//!
//! ```
//! use energy_core::{MicroPricePerKwh, WattHours};
//!
//! // Wh × micro-price per kWh = nano-currency, exactly: 1.5 kWh at 0.20 are 0.30.
//! let amount = WattHours::new(1_500).value(MicroPricePerKwh::new(200_000))?;
//! assert_eq!(amount.get(), 300_000_000);
//! # Ok::<(), energy_core::Overflow>(())
//! ```
#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]

mod batch;
mod cbor;
mod clearing;
mod cose;
mod enrolment;
mod hash;
mod ids;
mod interval;
mod merkle;
mod order;
mod reading;
mod receipt;
mod split;
mod units;
mod zone;

pub use batch::{BatchError, BatchHeader, ReadingBatch};
pub use cbor::{CborError, FromCbor, ToCbor, from_canonical, to_canonical};
pub use clearing::{Certificate, CertificateKind, Clearing, Fill};
pub use cose::{
    CoseError, SignatureError, SigningKey, VerifyingKey, cose_payload, cose_sign1, cose_verify1,
};
pub use enrolment::{check_enrolment, enrolment_proof, gateway_of_key};
pub use hash::{Hash, keccak};
pub use ids::{Address, GatewayId, HomeId, IdError, MeterId, OrderId, ZoneId};
pub use interval::{IntervalLength, IntervalStart, TimeError};
pub use merkle::{MerkleProof, MerkleTree, leaf_hash, node_hash};
pub use order::{Order, Side};
pub use reading::{ClockState, Quality, RawEvidence, RawWords, Reading, ReadingError};
pub use receipt::{Receipt, Refusal, RefusalReason};
pub use split::split;
pub use units::{MicroPricePerKwh, NanoAmount, NetWattHours, Overflow, WattHours, Watts};
pub use zone::ZoneDocument;
