//! What a value can be, and why one makes no sense.

use crate::number::NumberError;
use crate::profile::Quantity;

/// Why a value makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a number that fits.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// A counter below zero.
    #[error("expected a counter from 0 on, got {got}")]
    Negative {
        /// The value that came.
        got: i64,
    },
    /// Outside of what the quantity can be.
    #[error("expected {expected}, got {got}")]
    Bounds {
        /// What it can be.
        expected: &'static str,
        /// The value that came.
        got: i64,
    },
    /// A scale factor that SunSpec does not have.
    #[error("expected a scale factor from -10 to 10, got {got}")]
    ScaleFactor {
        /// The one that came.
        got: i16,
    },
    /// Not among the registers that were read.
    #[error("expected registers {address} and following, got none of them")]
    NotRead {
        /// Where it should have been.
        address: u16,
    },
    /// Something else than a number in a message.
    #[error("expected a number at `{path}`, got `{got}`")]
    NotNumber {
        /// Where.
        path: String,
        /// What stood there.
        got: String,
    },
}

pub(super) fn within(quantity: Quantity, value: i64) -> Result<i64, ValueError> {
    let bounds = |expected, fits: bool| {
        let got = value;
        fits.then_some(value)
            .ok_or(ValueError::Bounds { expected, got })
    };
    match quantity {
        q if q.is_counter() && value < 0 => Err(ValueError::Negative { got: value }),
        q if q.is_counter() => Ok(value),
        Quantity::Power => bounds("a power within 32 bits in W", i32::try_from(value).is_ok()),
        Quantity::Soc => bounds("0 to 1000 permille", (0..=1_000).contains(&value)),
        _ => bounds("0 to 4294967295", u32::try_from(value).is_ok()),
    }
}
