//! From raw registers and tokens to values: a value, absent, or an error, never a zero that nobody
//! counted.
//!
//! Sentinels of the register types (SunSpec "not implemented", IEEE NaN) are absent. A counter below
//! zero, an infinite number or an unknown scale factor is an error of that value; the others stand.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use std::collections::BTreeMap;

use energy_core::{RawEvidence, WattHours};

use crate::evidence;
use crate::number::{Exact, NumberError};
use crate::plan::ReadRequest;
use crate::profile::{Function, Kind, Place, Point, Profile, Quantity, WordOrder};
use crate::sunspec::Layout;

/// What became of one quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measured {
    /// The value in the quantity's unit.
    Value(i64),
    /// The device does not provide it.
    Absent,
    /// The device said something that cannot be.
    Error(ValueError),
}

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

/// Registers as they came, in blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registers {
    blocks: Vec<(Function, u16, Vec<u16>)>,
}

impl Registers {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { blocks: Vec::new() }
    }

    /// Adds what came for a request.
    pub fn add(&mut self, function: Function, address: u16, words: Vec<u16>) {
        self.blocks.push((function, address, words));
    }

    /// `count` registers from `address` on, if one block holds them all.
    #[must_use]
    pub fn get(&self, request: &ReadRequest) -> Option<&[u16]> {
        self.blocks.iter().find_map(|(function, address, words)| {
            let start = usize::from(request.address.checked_sub(*address)?);
            let end = start.checked_add(usize::from(request.count))?;
            if *function == request.function {
                words.get(start..end)
            } else {
                None
            }
        })
    }
}

/// Everything a device said at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What became of each quantity of the profile; others are absent.
    pub values: BTreeMap<Quantity, Measured>,
    /// The step of the coarsest settlement register at its present value.
    pub resolution: WattHours,
    /// The settlement registers or tokens as they came.
    pub evidence: RawEvidence,
}

impl Sample {
    /// What became of a quantity.
    #[must_use]
    pub fn get(&self, quantity: Quantity) -> &Measured {
        self.values.get(&quantity).unwrap_or(&Measured::Absent)
    }
}

/// The sample of a Modbus device.
#[must_use]
pub fn decode_registers(profile: &Profile, layout: &Layout, registers: &Registers) -> Sample {
    let read = |point: &Point| match locate(point, layout) {
        // The device refused this block, and may: the poller fails where it may not.
        Some(place) => match numbers_at(&place, registers) {
            Err(ValueError::NotRead { .. }) if point.optional => Ok(None),
            read => read,
        },
        None => Ok(None),
    };
    let present = |point: &Point| locate(point, layout).is_some();
    sample(
        profile,
        present,
        read,
        evidence::of_registers(profile, layout, registers),
    )
}

/// The sample of a JSON device, from the tokens found at its paths.
#[must_use]
pub fn decode_tokens(profile: &Profile, tokens: &BTreeMap<String, String>) -> Sample {
    let token = |point: &Point| match &point.place {
        Place::Path(path) => tokens.get(path),
        Place::Register { .. } | Place::Model { .. } => None,
    };
    let read = |point: &Point| {
        token(point)
            .map(|token| Exact::decimal(token))
            .transpose()
            .map_err(ValueError::from)
    };
    sample(
        profile,
        |point| token(point).is_some(),
        read,
        evidence::of_tokens(profile, tokens),
    )
}

fn sample(
    profile: &Profile,
    present: impl Fn(&Point) -> bool,
    read: impl Fn(&Point) -> Result<Option<Exact>, ValueError>,
    evidence: RawEvidence,
) -> Sample {
    let mut values = BTreeMap::new();
    let mut resolution = WattHours::new(1);
    for quantity in Quantity::ALL {
        let mut points = profile
            .points()
            .iter()
            .filter(|p| p.quantity == quantity && present(p));
        let Some(point) = points.next() else { continue };
        let number = read(point);
        if quantity.settles()
            && let Ok(Some(number)) = number
            && let Ok(step) = number.step(point.scale)
        {
            resolution = resolution.max(WattHours::new(step.max(point.step_min)));
        }
        values.insert(quantity, measured(point, number));
    }
    Sample {
        values,
        resolution,
        evidence,
    }
}

fn measured(point: &Point, number: Result<Option<Exact>, ValueError>) -> Measured {
    let value = number.and_then(|number| {
        let Some(number) = number else {
            return Ok(None);
        };
        let number = if point.negate {
            number.negated()
        } else {
            number
        };
        let value = number.rounded(point.scale)?;
        if value == 0 && point.zero_is_absent {
            Ok(None)
        } else {
            within(point.quantity, value).map(Some)
        }
    });
    match value {
        Ok(Some(value)) => Measured::Value(value),
        Ok(None) => Measured::Absent,
        Err(error) => Measured::Error(error),
    }
}

fn within(quantity: Quantity, value: i64) -> Result<i64, ValueError> {
    let bounds = |expected, fits: bool| {
        if fits {
            Ok(value)
        } else {
            Err(ValueError::Bounds {
                expected,
                got: value,
            })
        }
    };
    match quantity {
        q if q.is_counter() => {
            if value < 0 {
                Err(ValueError::Negative { got: value })
            } else {
                Ok(value)
            }
        }
        Quantity::Power => bounds("a power within 32 bits in W", i32::try_from(value).is_ok()),
        Quantity::Soc => bounds("0 to 1000 permille", (0..=1_000).contains(&value)),
        _ => bounds("0 to 4294967295", u32::try_from(value).is_ok()),
    }
}

/// Where exactly a number stands.
struct Located {
    value: ReadRequest,
    kind: Kind,
    order: WordOrder,
    scale: Option<ReadRequest>,
}

fn locate(point: &Point, layout: &Layout) -> Option<Located> {
    let at = |function, address, count| ReadRequest {
        function,
        address,
        count,
    };
    match point.place {
        Place::Register {
            function,
            address,
            kind,
            order,
        } => Some(Located {
            value: at(function, address, kind.registers()),
            kind,
            order,
            scale: None,
        }),
        Place::Model {
            model,
            offset,
            kind,
            scale_offset,
        } => {
            let base = layout.model(model)?.address;
            let scale = scale_offset
                .and_then(|o| base.checked_add(o))
                .map(|a| at(Function::Holding, a, 1));
            let value = at(
                Function::Holding,
                base.checked_add(offset)?,
                kind.registers(),
            );
            Some(Located {
                value,
                kind,
                order: WordOrder::Big,
                scale,
            })
        }
        Place::Path(_) => None,
    }
}

fn numbers_at(place: &Located, registers: &Registers) -> Result<Option<Exact>, ValueError> {
    let words = |request: &ReadRequest| {
        registers.get(request).ok_or(ValueError::NotRead {
            address: request.address,
        })
    };
    let Some(number) = number(place.kind, place.order, words(&place.value)?)? else {
        return Ok(None);
    };
    let Some(scale) = &place.scale else {
        return Ok(Some(number));
    };
    let factor = words(scale)?
        .first()
        .copied()
        .unwrap_or(SCALE_ABSENT)
        .cast_signed();
    match factor {
        // Without its scale factor a value is not known.
        i16::MIN => Ok(None),
        -10..=10 => Ok(Some(number.shifted(i32::from(factor)))),
        got => Err(ValueError::ScaleFactor { got }),
    }
}

/// `sunssf` "not implemented".
const SCALE_ABSENT: u16 = 0x8000;

/// The number in these registers, none for the sentinel of its kind.
fn number(kind: Kind, order: WordOrder, words: &[u16]) -> Result<Option<Exact>, NumberError> {
    let join = |bits: u64, word: &u16| bits.wrapping_shl(16) | u64::from(*word);
    let bits = match order {
        WordOrder::Big => words.iter().fold(0, join),
        WordOrder::Little => words.iter().rev().fold(0, join),
    };
    let low32 = u32::try_from(bits & 0xffff_ffff).unwrap_or(0);
    let low16 = u16::try_from(bits & 0xffff).unwrap_or(0);
    let unless = |sentinel: bool, value: i128| (!sentinel).then_some(Exact::int(value));
    Ok(match kind {
        Kind::U16 => unless(low16 == u16::MAX, low16.into()),
        Kind::I16 => unless(low16 == 0x8000, low16.cast_signed().into()),
        Kind::U32 => unless(low32 == u32::MAX, low32.into()),
        Kind::I32 => unless(low32 == 0x8000_0000, low32.cast_signed().into()),
        Kind::U64 => unless(bits == u64::MAX, bits.into()),
        Kind::I64 => unless(bits == 1 << 63, bits.cast_signed().into()),
        Kind::F32 => Exact::f32_bits(low32)?,
        Kind::Acc32 => unless(low32 == u32::MAX, low32.into()),
        Kind::Acc64 => unless(bits == u64::MAX, bits.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(kind: Kind, order: WordOrder, words: &[u16]) -> Option<i64> {
        number(kind, order, words)
            .expect("finite")
            .map(|n| n.rounded(crate::number::Ratio::ONE).expect("small"))
    }

    #[test]
    fn every_kind_in_both_orders() {
        use WordOrder::{Big, Little};
        assert_eq!(value(Kind::U16, Big, &[0xfffe]), Some(65_534));
        assert_eq!(value(Kind::I16, Big, &[0xfffe]), Some(-2));
        assert_eq!(value(Kind::U32, Big, &[1, 2]), Some(65_538));
        assert_eq!(value(Kind::U32, Little, &[1, 2]), Some(131_073));
        assert_eq!(value(Kind::I32, Little, &[0xfffe, 0xffff]), Some(-2));
        assert_eq!(value(Kind::U64, Big, &[0, 0, 1, 0]), Some(65_536));
        assert_eq!(
            value(Kind::I64, Big, &[0xffff, 0xffff, 0xffff, 0xffff]),
            Some(-1)
        );
        assert_eq!(value(Kind::F32, Big, &[0x4366, 0x3334]), Some(230));
        assert_eq!(value(Kind::F32, Little, &[0x3334, 0x4366]), Some(230));
    }

    #[test]
    fn a_sentinel_is_absent_and_never_zero() {
        let sentinels: [(Kind, &[u16]); 9] = [
            (Kind::U16, &[0xffff]),
            (Kind::I16, &[0x8000]),
            (Kind::U32, &[0xffff, 0xffff]),
            (Kind::I32, &[0x8000, 0]),
            (Kind::U64, &[0xffff; 4]),
            (Kind::I64, &[0x8000, 0, 0, 0]),
            (Kind::F32, &[0x7fc0, 0]),
            (Kind::Acc32, &[0xffff, 0xffff]),
            (Kind::Acc64, &[0xffff; 4]),
        ];
        for (kind, words) in sentinels {
            assert_eq!(value(kind, WordOrder::Big, words), None, "{kind:?}");
        }
    }

    #[test]
    fn a_counter_below_zero_is_an_error_and_the_others_stand() {
        let profile = crate::shipped::profile("json-meter").expect("shipped");
        let tokens = [
            ("$.total_act", "-1"),
            ("$.total_act_ret", "5"),
            ("$.act_power", "-230.5"),
        ];
        let tokens = tokens
            .map(|(path, token)| (path.to_owned(), token.to_owned()))
            .into();
        let sample = decode_tokens(&profile, &tokens);
        assert_eq!(
            sample.get(Quantity::Import),
            &Measured::Error(ValueError::Negative { got: -1 })
        );
        assert_eq!(sample.get(Quantity::Export), &Measured::Value(5));
        assert_eq!(sample.get(Quantity::Power), &Measured::Value(-230));
        assert_eq!(sample.get(Quantity::Soc), &Measured::Absent);
    }
}
