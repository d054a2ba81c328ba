//! A reading: what a meter's lifetime registers showed at one instant.
//!
//! Registers follow the meter: *import* = taken from the grid, *export* = fed into it. A value that
//! a device does not provide is absent, never zero. Energy of a span is the difference of two
//! readings, so sums telescope over any gap.
//!
//! A reading has one canonical encoding, a CBOR array. Its hash, which is also its Merkle leaf, is
//!
//! `keccak(0x00 ‖ meter (16) ‖ sequence ‖ time ‖ import ‖ export (8 each, big-endian) ‖ keccak(CBOR))`
//!
//! so that a contract can read what matters without parsing CBOR. An absent register is all ones there.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    CborError, Hash, MeterId, WattHours, Watts, from_canonical, keccak, leaf_hash, to_canonical,
};

/// The most bytes of raw evidence in one reading.
const EVIDENCE_BYTES_MAX: usize = 64;
/// The version of the encoding.
const VERSION: u8 = 1;

/// How well the gateway's clock was known, after OCMF's synchronisation states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum ClockState {
    /// Nothing is known about it.
    #[n(0)]
    Unknown,
    /// Set once, not disciplined.
    #[n(1)]
    Informative,
    /// Disciplined by a time server, within the stated error.
    #[n(2)]
    Synchronised,
    /// Follows the stepped grid clock of a demo or a test.
    #[n(3)]
    Stepped,
}

/// What is to be known about how a reading came to be, as bits.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Quality(#[n(0)] u32);

impl Quality {
    /// Nothing unusual.
    pub const GOOD: Self = Self(0);
    /// A register passed its largest value and went on from zero.
    pub const ROLLOVER: Self = Self(1);
    /// A register was reset by the device.
    pub const RESET: Self = Self(1 << 1);
    /// The device is another one than before.
    pub const EXCHANGED: Self = Self(1 << 2);
    /// The value was not read but estimated.
    pub const SUBSTITUTED: Self = Self(1 << 3);
    /// Read on a fresh connection after a timeout.
    pub const AFTER_TIMEOUT: Self = Self(1 << 4);
    /// The reading before this one is lost, and never existed for the receiver.
    pub const GAP_DECLARED: Self = Self(1 << 5);

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

/// Consecutive Modbus registers as they came from the device.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct RawWords {
    /// Protocol address of the first one, 0-based.
    #[n(0)]
    pub address: u16,
    /// The registers, two bytes each, big-endian.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    #[serde(serialize_with = "hex::serialize")]
    pub bytes: Vec<u8>,
}

/// What the settlement registers looked like before anybody interpreted them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RawEvidence {
    /// Modbus registers.
    #[n(0)]
    Modbus(#[n(0)] Vec<RawWords>),
    /// JSON paths and the number tokens found there, digit for digit.
    #[n(1)]
    Json(#[n(0)] Vec<(String, String)>),
    /// The hash of one of the above: readings between boundaries keep only that.
    #[n(2)]
    Digest(#[n(0)] Hash),
}

impl RawEvidence {
    /// Its hash in place of itself.
    #[must_use]
    pub fn digest(&self) -> Self {
        match self {
            Self::Digest(hash) => Self::Digest(*hash),
            full => Self::Digest(keccak(&[&to_canonical(full)])),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Modbus(blocks) => blocks.iter().fold(0_usize, |sum, b| {
                sum.saturating_add(b.bytes.len()).saturating_add(2)
            }),
            Self::Json(tokens) => tokens.iter().fold(0_usize, |sum, (path, token)| {
                sum.saturating_add(path.len()).saturating_add(token.len())
            }),
            Self::Digest(_) => 0,
        }
    }
}

/// A reading could not be accepted as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadingError {
    /// Not the canonical bytes of a reading.
    #[error(transparent)]
    Form(#[from] CborError),
    /// Another version.
    #[error("expected reading version {VERSION}, got {got}")]
    Version {
        /// The version that came.
        got: u8,
    },
    /// Too much evidence.
    #[error("expected at most {EVIDENCE_BYTES_MAX} bytes of raw evidence, got {got}")]
    Evidence {
        /// The bytes that came.
        got: usize,
    },
}

/// A snapshot of a meter's lifetime registers at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct Reading {
    /// Version of the encoding, 1.
    #[n(0)]
    pub version: u8,
    /// Which meter.
    #[n(1)]
    pub meter: MeterId,
    /// Rises from reading to reading, may skip, is never used twice.
    #[n(2)]
    pub sequence: u64,
    /// When, in ms since 1970 UTC.
    #[n(3)]
    pub time_ms: u64,
    /// How well that time is known.
    #[n(4)]
    pub clock: ClockState,
    /// Bound of its error in ms.
    #[n(5)]
    pub clock_error_ms: u32,
    /// Taken from the grid since the register's zero. Absent on a pure generation meter.
    #[n(6)]
    pub import: Option<WattHours>,
    /// Fed into the grid since the register's zero.
    #[n(7)]
    pub export: Option<WattHours>,
    /// Generated by photovoltaics.
    #[n(8)]
    pub pv: Option<WattHours>,
    /// Charged into the battery.
    #[n(9)]
    pub charge: Option<WattHours>,
    /// Discharged from the battery.
    #[n(10)]
    pub discharge: Option<WattHours>,
    /// Active power, positive when taken from the grid.
    #[n(11)]
    pub power: Option<Watts>,
    /// Phase voltages in mV.
    #[n(12)]
    pub voltage_mv: [Option<u32>; 3],
    /// Frequency in mHz.
    #[n(13)]
    pub frequency_mhz: Option<u32>,
    /// State of charge in ‰, 0 to 1000.
    #[n(14)]
    pub soc_permille: Option<u16>,
    /// How it came to be.
    #[n(15)]
    pub quality: Quality,
    /// The step of the coarsest settlement register at its present value, in Wh.
    #[n(16)]
    pub resolution: WattHours,
    /// First eight bytes of the keccak of the device profile.
    #[n(17)]
    #[cbor(with = "minicbor::bytes")]
    #[serde(serialize_with = "hex::serialize")]
    pub profile: [u8; 8],
    /// The settlement registers as they came.
    #[n(18)]
    pub raw: RawEvidence,
    /// The hash of the reading before, zero for the first of a chain or after a declared gap.
    #[n(19)]
    pub previous: Hash,
}

impl Reading {
    /// The current version of the encoding.
    pub const VERSION: u8 = VERSION;

    /// The reading whose canonical bytes these are.
    ///
    /// # Errors
    /// [`ReadingError`] for anything else, another version, or oversized evidence.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReadingError> {
        from_canonical::<Self>(bytes)?.checked()
    }

    /// The same reading, if its version and its evidence are within bounds.
    ///
    /// # Errors
    /// [`ReadingError::Version`] or [`ReadingError::Evidence`].
    pub fn checked(self) -> Result<Self, ReadingError> {
        if self.version != VERSION {
            return Err(ReadingError::Version { got: self.version });
        }
        match self.raw.bytes() {
            got if got > EVIDENCE_BYTES_MAX => Err(ReadingError::Evidence { got }),
            _ => Ok(self),
        }
    }

    /// Its canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(self)
    }

    /// Its hash and Merkle leaf.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let fixed =
            |register: Option<WattHours>| register.map_or(u64::MAX, WattHours::get).to_be_bytes();
        let mut data = Vec::with_capacity(80);
        data.extend_from_slice(self.meter.as_bytes());
        data.extend_from_slice(&self.sequence.to_be_bytes());
        data.extend_from_slice(&self.time_ms.to_be_bytes());
        data.extend_from_slice(&fixed(self.import));
        data.extend_from_slice(&fixed(self.export));
        data.extend_from_slice(keccak(&[&self.to_bytes()]).as_bytes());
        leaf_hash(&data)
    }

    /// What this meter counts as generation: its PV register, else its export register.
    #[must_use]
    pub fn generation(&self) -> Option<WattHours> {
        self.pv.or(self.export)
    }
}
