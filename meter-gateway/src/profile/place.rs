//! Where a value stands in a device: registers, a point of a SunSpec model, or a token of a message.
//!
//! A value may be the sum of several such places, some of them subtracted: the phases of a meter, the
//! tariffs of a telegram, import less export. All terms are read at the same time, and if one of them
//! is absent the value is absent: a part is never taken for the whole.

use crate::dsmr::Obis;
use crate::json_path::JsonPath;

/// Which Modbus registers: the function code that reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Holding registers, function code 3.
    Holding,
    /// Input registers, function code 4.
    Input,
}

/// How a number is laid out in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Unsigned 16 bits; 0xFFFF is absent.
    U16,
    /// Signed 16 bits; 0x8000 is absent.
    I16,
    /// Unsigned 32 bits; all ones is absent.
    U32,
    /// Signed 32 bits; 0x8000_0000 is absent.
    I32,
    /// Unsigned 64 bits; all ones is absent.
    U64,
    /// Signed 64 bits; only the top bit set is absent.
    I64,
    /// IEEE 754 single; NaN is absent.
    F32,
    /// SunSpec accumulator of 16 bits; the profile says what zero means.
    Acc16,
    /// SunSpec accumulator of 32 bits; the profile says what zero means.
    Acc32,
    /// SunSpec accumulator of 64 bits; the profile says what zero means.
    Acc64,
}

impl Kind {
    /// All of them, with their names in a profile.
    pub const ALL: [(&'static str, Self); 10] = [
        ("u16", Self::U16),
        ("i16", Self::I16),
        ("u32", Self::U32),
        ("i32", Self::I32),
        ("u64", Self::U64),
        ("i64", Self::I64),
        ("f32", Self::F32),
        ("acc16", Self::Acc16),
        ("acc32", Self::Acc32),
        ("acc64", Self::Acc64),
    ];

    /// How many registers it takes.
    #[must_use]
    pub const fn registers(self) -> u16 {
        match self {
            Self::U16 | Self::I16 | Self::Acc16 => 1,
            Self::U32 | Self::I32 | Self::F32 | Self::Acc32 => 2,
            Self::U64 | Self::I64 | Self::Acc64 => 4,
        }
    }

    /// Whether it is a SunSpec accumulator, in which 0 may mean "not accumulated".
    #[must_use]
    pub const fn accumulates(self) -> bool {
        matches!(self, Self::Acc16 | Self::Acc32 | Self::Acc64)
    }

    /// The number of values of an accumulator that goes on from zero after its last one.
    #[must_use]
    pub const fn modulus(self) -> Option<u64> {
        match self {
            Self::Acc16 => Some(1 << 16),
            Self::Acc32 => Some(1 << 32),
            // 2^64 is beyond any counter.
            _ => None,
        }
    }
}

/// Which register of a number comes first. Bytes within a register are always high byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordOrder {
    /// The high one.
    Big,
    /// The low one.
    Little,
}

/// One part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term<T> {
    /// Where.
    pub at: T,
    /// Whether it is subtracted.
    pub minus: bool,
}

/// Which token of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The token at a path of a JSON message.
    Path(JsonPath),
    /// An object of a P1 telegram.
    Obis(Obis),
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Obis(obis) => obis.fmt(f),
        }
    }
}

/// A token of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Which of the profile's topics the message comes on.
    pub topic: usize,
    /// Which token of the message.
    pub selector: Selector,
    /// What it is called in evidence; no other token of the profile is called so.
    pub label: String,
}

/// Where a value is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At fixed registers.
    Registers {
        /// Which unit, where it is not the device's own.
        unit: Option<u8>,
        /// How to read them.
        function: Function,
        /// Their layout.
        kind: Kind,
        /// Their word order.
        order: WordOrder,
        /// Protocol addresses, 0-based.
        terms: Vec<Term<u16>>,
    },
    /// In a SunSpec model, wherever the walk finds it.
    Model {
        /// The model's id.
        model: u16,
        /// Their layout.
        kind: Kind,
        /// Offsets from the register of the model's id.
        terms: Vec<Term<u16>>,
        /// Offset of their scale factor (`sunssf`), from the register of the model's id.
        scale_offset: Option<u16>,
    },
    /// In messages.
    Message(Vec<Term<Token>>),
}

impl Place {
    /// How its numbers are laid out in registers, none in a message.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Registers { kind, .. } | Self::Model { kind, .. } => Some(*kind),
            Self::Message(_) => None,
        }
    }

    /// The tokens of a message, none elsewhere.
    #[must_use]
    pub fn tokens(&self) -> &[Term<Token>] {
        match self {
            Self::Message(terms) => terms,
            Self::Registers { .. } | Self::Model { .. } => &[],
        }
    }
}
