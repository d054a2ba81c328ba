//! What can be wrong with the input of `commonwatt clear`, and the one line that says so.
//!
//! Every fault has a stable code. Messages have one form, `expected …, got …; where`, and quote at most a few dozen
//! characters of the input, however large it is.

use std::fmt;

use market_engine::BookError;

/// The most bytes that a file may have. Orders of 1 GiB are about fifteen million.
pub const INPUT_BYTES_MAX: u64 = 1 << 30;

/// How deep an ignored value may be nested.
pub(super) const NESTING_MAX: usize = 128;

/// How many characters of the input a message quotes.
const QUOTED_CHARS_MAX: usize = 40;

/// Every code with what it means, in the order of the documentation.
pub const CODES: &[(&str, &str)] = &[
    ("unreadable", "a file cannot be opened or read"),
    ("unwritable", "the result cannot be written"),
    ("too-large", "a file has more than 1 GiB"),
    ("empty", "a file holds nothing"),
    ("not-utf8", "a byte that is not UTF-8"),
    (
        "syntax",
        "not JSON (NaN and truncated files too) or not CSV",
    ),
    ("nesting", "an ignored value is nested deeper than 128"),
    ("wrong-type", "another JSON type than the field has"),
    ("missing-field", "a field, or a column, is not there"),
    ("repeated-field", "a field, or a column, is there twice"),
    (
        "unknown-field",
        "RESULT states something that cannot be checked",
    ),
    (
        "not-an-integer",
        "a fraction, an exponent, or no number at all",
    ),
    (
        "out-of-range",
        "a negative quantity, one of 2^63 or more, a price beyond 64 bits",
    ),
    ("empty-id", "an order without a name"),
    ("duplicate-id", "two orders with one name"),
    ("unknown-side", "neither bid nor ask"),
    (
        "quantity-overflow",
        "the quantities of one side do not fit; index: where the sum leaves",
    ),
    ("welfare-overflow", "the welfare leaves 128 bits"),
    ("amount-overflow", "an amount of money does not fit"),
    ("too-many-orders", "2^32 orders or more"),
    ("bad-terms", "the feed-in price is above the retail price"),
    ("bad-k", "not a decimal from 0 to 1 with at most six places"),
    ("unknown-mechanism", "not the name of a mechanism"),
    (
        "unclearable",
        "the mechanism refuses the book for another reason",
    ),
];

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A file cannot be opened or read.
    #[error("expected a readable file, got `{reason}`")]
    Unreadable {
        /// The system's words.
        reason: String,
    },
    /// The result cannot be written.
    #[error("expected to write {file}, got `{reason}`")]
    Unwritable {
        /// Where to.
        file: String,
        /// The system's words.
        reason: String,
    },
    /// More bytes than are read.
    #[error("expected at most {INPUT_BYTES_MAX} bytes, got more; split the book")]
    TooLarge,
    /// Nothing but space.
    #[error("expected JSON or CSV, got an empty file")]
    Empty,
    /// Not text.
    #[error("expected UTF-8 text, got the byte 0x{byte:02x}")]
    NotUtf8 {
        /// The first byte that does not fit.
        byte: u8,
    },
    /// Not the format.
    #[error("expected {expected}, got {got}")]
    Syntax {
        /// What would fit.
        expected: String,
        /// What is there.
        got: String,
    },
    /// An ignored value that is nested too deep.
    #[error("expected at most {NESTING_MAX} nested arrays and objects, got more")]
    Nesting,
    /// Another JSON type than the field has.
    #[error("expected {expected}, got {got}")]
    WrongType {
        /// The field and its type.
        expected: String,
        /// The type that came.
        got: String,
    },
    /// A field is not there.
    #[error("expected the field `{field}`, got none")]
    MissingField {
        /// Its name.
        field: &'static str,
    },
    /// A field is there twice.
    #[error("expected the field `{field}` once, got it twice")]
    RepeatedField {
        /// Its name.
        field: &'static str,
    },
    /// A field that nothing checks.
    #[error("expected only fields that can be checked, got `{field}`")]
    UnknownField {
        /// Its name.
        field: String,
    },
    /// A number that is no integer.
    #[error("expected `{field}` as an integer without fraction or exponent, got {got}")]
    NotAnInteger {
        /// Whose value.
        field: &'static str,
        /// The text that came.
        got: String,
    },
    /// An integer that the field cannot hold.
    #[error("expected `{field}` from {min} to {max}, got {got}")]
    OutOfRange {
        /// Whose value.
        field: &'static str,
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
        /// The text that came.
        got: String,
    },
    /// An order without a name.
    #[error("expected an `id` of at least one character, got an empty one")]
    EmptyId,
    /// Two orders with one name.
    #[error("expected distinct ids, got {id} again after order {first}")]
    DuplicateId {
        /// The name.
        id: String,
        /// The position of the first order of this name.
        first: usize,
    },
    /// Neither bid nor ask.
    #[error("expected the side `bid` or `ask`, got {got}")]
    UnknownSide {
        /// The text that came.
        got: String,
    },
    /// The tariff band is upside down.
    #[error("expected a feed-in price of at most the retail price {retail}, got {feed_in}")]
    Terms {
        /// `retail_micro_per_kwh`.
        retail: i64,
        /// `feed_in_micro_per_kwh`.
        feed_in: i64,
    },
    /// Not a share.
    #[error("expected k as a decimal from 0 to 1 with at most six places, got {got}")]
    Share {
        /// The text that came.
        got: String,
    },
    /// Not a mechanism.
    #[error("expected one of {known}, got {got}")]
    Mechanism {
        /// The names there are.
        known: String,
        /// The text that came.
        got: String,
    },
    /// The engine refuses the book.
    #[error(transparent)]
    Book(#[from] BookError),
}

impl Fault {
    /// The stable name of this kind of fault, one of [`CODES`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::Unwritable { .. } => "unwritable",
            Self::TooLarge => "too-large",
            Self::Empty => "empty",
            Self::NotUtf8 { .. } => "not-utf8",
            Self::Syntax { .. } => "syntax",
            Self::Nesting => "nesting",
            Self::WrongType { .. } => "wrong-type",
            Self::MissingField { .. } => "missing-field",
            Self::RepeatedField { .. } => "repeated-field",
            Self::UnknownField { .. } => "unknown-field",
            Self::NotAnInteger { .. } => "not-an-integer",
            Self::OutOfRange { .. } => "out-of-range",
            Self::EmptyId => "empty-id",
            Self::DuplicateId { .. } | Self::Book(BookError::DuplicateId { .. }) => "duplicate-id",
            Self::UnknownSide { .. } => "unknown-side",
            Self::Terms { .. } => "bad-terms",
            Self::Share { .. } => "bad-k",
            Self::Mechanism { .. } => "unknown-mechanism",
            Self::Book(BookError::QuantityOverflow { .. }) => "quantity-overflow",
            Self::Book(BookError::WelfareOverflow) => "welfare-overflow",
            Self::Book(BookError::AmountOverflow) => "amount-overflow",
            Self::Book(BookError::TooMany { .. }) => "too-many-orders",
            Self::Book(_) => "unclearable",
        }
    }
}

/// A fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct BadInput {
    /// What is wrong.
    pub fault: Fault,
    /// The position of the order in the book, or of the fill in a result, counted from 0.
    pub index: Option<usize>,
    /// Line and column (in bytes), both counted from 1.
    pub place: Option<(usize, usize)>,
    /// The file, where more than the book is read.
    pub file: Option<&'static str>,
}

impl BadInput {
    /// The same fault, in a file that is not the book.
    #[must_use]
    pub fn in_file(self, file: &'static str) -> Self {
        Self {
            file: Some(file),
            ..self
        }
    }

    /// The one line for standard error: a JSON object with `code`, `index` and `message`.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::json!({
            "code": self.fault.code(),
            "index": self.index,
            "message": self.to_string(),
        })
        .to_string()
    }
}

impl From<Fault> for BadInput {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            index: None,
            place: None,
            file: None,
        }
    }
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        let mut separator = "; ";
        let mut say = |f: &mut fmt::Formatter<'_>, words: fmt::Arguments<'_>| {
            write!(f, "{}{words}", std::mem::replace(&mut separator, ", "))
        };
        if let Some(file) = self.file {
            say(f, format_args!("in {file}"))?;
        }
        if let Some(index) = self.index {
            say(f, format_args!("at index {index}"))?;
        }
        if let Some((line, column)) = self.place {
            say(f, format_args!("line {line}, column {column}"))?;
        }
        Ok(())
    }
}

/// The text in backquotes, on one line and shortened to what a message can carry.
pub(super) fn quoted(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().take(QUOTED_CHARS_MAX) {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    let cut = match text.chars().nth(QUOTED_CHARS_MAX) {
        Some(_) => "…",
        None => "",
    };
    format!("`{shown}{cut}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_is_one_short_line() {
        assert_eq!(quoted("b0"), "`b0`");
        assert_eq!(quoted("a\n\u{1b}[1mb"), "`a\\n\\u{1b}[1mb`");
        assert_eq!(quoted(&"½".repeat(40)), format!("`{}`", "½".repeat(40)));
        assert_eq!(quoted(&"½".repeat(41)), format!("`{}…`", "½".repeat(40)));
    }

    #[test]
    fn a_message_says_where_the_fault_is() {
        let bad = BadInput {
            index: Some(3),
            place: Some((5, 7)),
            ..Fault::EmptyId.into()
        };
        assert_eq!(
            bad.in_file("RESULT").line(),
            "{\"code\":\"empty-id\",\"index\":3,\"message\":\"expected an `id` of at least one character, \
             got an empty one; in RESULT, at index 3, line 5, column 7\"}"
        );
    }
}
