//! One canonical CBOR form (RFC 8949 §4.2.1) for everything that is signed or hashed.
//!
//! Types are arrays of integers, byte strings and texts; the encoder writes the shortest form. The
//! decoder encodes again what it understood and compares: any other spelling of the same value is
//! refused, so a signed value has exactly one sequence of bytes.

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};

use crate::{
    Address, GatewayId, Hash, HomeId, IntervalLength, IntervalStart, MeterId, OrderId, Side, ZoneId,
};

/// Bytes are not the canonical encoding of the wanted value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// Not CBOR of this shape.
    #[error("not readable: {0}")]
    Malformed(String),
    /// Readable, but not in the one canonical form.
    #[error("readable, but not in canonical form: expected {expected} bytes, got {got}")]
    NotCanonical {
        /// The length of the canonical form.
        expected: usize,
        /// The length that came.
        got: usize,
    },
}

/// A value with a canonical encoding.
pub trait ToCbor: Encode<()> {}
impl<T: Encode<()>> ToCbor for T {}

/// A value that can be read back.
pub trait FromCbor: for<'b> Decode<'b, ()> {}
impl<T: for<'b> Decode<'b, ()>> FromCbor for T {}

/// The canonical bytes of a value.
#[must_use]
pub fn to_canonical<T: ToCbor>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into a vector cannot fail, and no `Encode` of ours returns a message.
    minicbor::encode(value, &mut bytes).expect("encoding into memory does not fail");
    bytes
}

/// The value of which these are exactly the canonical bytes.
///
/// # Errors
/// [`CborError`] for anything else.
pub fn from_canonical<T: ToCbor + FromCbor>(bytes: &[u8]) -> Result<T, CborError> {
    let value: T = minicbor::decode(bytes).map_err(|e| CborError::Malformed(e.to_string()))?;
    let canonical = to_canonical(&value);
    if canonical == bytes {
        Ok(value)
    } else {
        Err(CborError::NotCanonical {
            expected: canonical.len(),
            got: bytes.len(),
        })
    }
}

macro_rules! as_byte_string {
    ($($name:ty: $len:literal),*) => {$(
        impl<C> Encode<C> for $name {
            fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
                e.bytes(self.as_bytes())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                let at = d.position();
                <[u8; $len]>::try_from(d.bytes()?)
                    .map(Self::new)
                    .map_err(|_| decode::Error::message(concat!("expected ", $len, " bytes")).at(at))
            }
        }
    )*};
}

as_byte_string!(Hash: 32, MeterId: 16, GatewayId: 16, OrderId: 16, Address: 20);

impl<C> Encode<C> for HomeId {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u32(self.get())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for HomeId {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        d.u32().map(Self::new)
    }
}

impl<C> Encode<C> for ZoneId {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.str(self.as_str())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ZoneId {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        Self::new(d.str()?).map_err(|e| decode::Error::message(e).at(at))
    }
}

impl<C> Encode<C> for IntervalStart {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.i64(self.seconds())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for IntervalStart {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        // The raster of a minute is the finest that any zone can have.
        let at = d.position();
        let minute = IntervalLength::new(60).map_err(decode::Error::message)?;
        minute
            .start_at(d.i64()?)
            .map_err(|e| decode::Error::message(e).at(at))
    }
}

impl<C> Encode<C> for IntervalLength {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u32(self.seconds())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for IntervalLength {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        Self::new(d.u32()?).map_err(|e| decode::Error::message(e).at(at))
    }
}

impl<C> Encode<C> for Side {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u8(u8::from(*self == Self::Ask))?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Side {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        match d.u8()? {
            0 => Ok(Self::Bid),
            1 => Ok(Self::Ask),
            _ => Err(decode::Error::message("expected side 0 (bid) or 1 (ask)").at(at)),
        }
    }
}

macro_rules! sixteen_bytes {
    ($(#[$doc:meta])* $module:ident: $wide:ty) => {
        $(#[$doc])*
        pub(crate) mod $module {
            use minicbor::decode::{self, Decoder};
            use minicbor::encode::{self, Encoder, Write};

            pub(crate) fn encode<C, W: Write>(
                value: &$wide,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                e.bytes(&value.to_be_bytes())?.ok()
            }

            pub(crate) fn decode<'b, C>(d: &mut Decoder<'b>, _: &mut C) -> Result<$wide, decode::Error> {
                let at = d.position();
                <[u8; 16]>::try_from(d.bytes()?)
                    .map(<$wide>::from_be_bytes)
                    .map_err(|_| decode::Error::message("expected 16 bytes").at(at))
            }
        }
    };
}

sixteen_bytes!(
    /// `u128` as 16 bytes, big-endian.
    wide_unsigned: u128
);
sixteen_bytes!(
    /// `i128` as 16 bytes, big-endian, two's complement.
    wide_signed: i128
);
