//! How a device is recognised, and what pins it: model codes, serial numbers, plausible values.
//!
//! A check without an answer (an exception, a blank) says nothing. `serial` and `epoch` are pinned: a
//! device with another serial number is another device, and one with another epoch has begun to count
//! anew. `must` checks are made whenever a device is connected, and what fails one is not read.

use crate::number::Ratio;

use super::{Function, Kind, Token, WordOrder};

/// How an answer is laid out in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityKind {
    /// A number, scaled and rounded.
    Number {
        /// Its layout.
        kind: Kind,
        /// Its word order.
        order: WordOrder,
        /// From the register to what is expected.
        scale: Ratio,
    },
    /// ASCII, two characters a register, padded with blanks or zero bytes.
    Text {
        /// How many registers.
        registers: u16,
    },
}

impl IdentityKind {
    /// How many registers it takes.
    #[must_use]
    pub const fn registers(self) -> u16 {
        match self {
            Self::Number { kind, .. } => kind.registers(),
            Self::Text { registers } => registers,
        }
    }
}

/// Where an answer is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityPlace {
    /// At fixed registers.
    Registers {
        /// Which unit, where it is not the device's own.
        unit: Option<u8>,
        /// How to read them.
        function: Function,
        /// Protocol address, 0-based.
        address: u16,
        /// Layout.
        kind: IdentityKind,
    },
    /// In every SunSpec model of this id; the answers are joined.
    Model {
        /// The model's id.
        model: u16,
        /// Offset from the register of the model's id.
        offset: u16,
        /// Layout.
        kind: IdentityKind,
    },
    /// In a message.
    Message(Token),
}

/// What an answer should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// One of these numbers.
    Numbers(Vec<i64>),
    /// A number from the first to the last.
    Range(i64, i64),
    /// A text that contains one of these.
    Texts(Vec<String>),
}

impl std::fmt::Display for Expectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Numbers(numbers) => {
                let shown: Vec<_> = numbers.iter().map(i64::to_string).collect();
                f.write_str(&shown.join(" or "))
            }
            Self::Range(from, to) => write!(f, "{from} to {to}"),
            Self::Texts(texts) => write!(f, "a text with `{}`", texts.join("` or `")),
        }
    }
}

/// One question to a device about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityCheck {
    /// What is asked: `serial`, `epoch`, or any word.
    pub what: String,
    /// Where the answer is.
    pub place: IdentityPlace,
    /// What it should be; none for what differs from device to device.
    pub expect: Option<Expectation>,
    /// Whether a device with another answer is refused.
    pub must: bool,
}

impl IdentityCheck {
    /// Whether it is asked whenever a device is connected, and not only when one is looked for.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.must || matches!(self.what.as_str(), "serial" | "epoch")
    }
}
