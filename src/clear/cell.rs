//! One value of a file as it is written there, and what it means for the field that it stands in.

use std::borrow::Cow;

use energy_core::Side;

use super::fault::{Fault, quoted};

/// The text of one value, cut out of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    /// A whole JSON value, its quotes included; the parser has seen that it is well-formed.
    Json(&'a str),
    /// A CSV field, its quotes included.
    Csv(&'a str),
}

impl<'a> Cell<'a> {
    /// The text as it stands in the file.
    pub(super) fn raw(self) -> &'a str {
        match self {
            Self::Json(raw) | Self::Csv(raw) => raw,
        }
    }

    /// Whether nothing is meant: `null`, or an empty CSV field.
    pub(super) fn is_absent(self) -> bool {
        match self {
            Self::Json(raw) => raw == "null",
            Self::Csv(raw) => unquoted(raw).is_empty(),
        }
    }

    /// A text.
    pub(super) fn text(self, field: &'static str) -> Result<Cow<'a, str>, Fault> {
        match self {
            Self::Csv(raw) => Ok(unquoted(raw)),
            Self::Json(raw) => match raw
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
            {
                Some(inside) if !inside.contains('\\') => Ok(Cow::Borrowed(inside)),
                Some(_) => serde_json::from_str(raw)
                    .map(Cow::Owned)
                    .map_err(|_| Fault::Syntax {
                        expected: format!("the escapes of `{field}` to be characters"),
                        got: quoted(raw),
                    }),
                None => Err(wrong_type(format!("`{field}` as a string"), raw)),
            },
        }
    }

    /// A text or a number, which both can name somebody.
    pub(super) fn name(self, field: &'static str) -> Result<Cow<'a, str>, Fault> {
        match self {
            Self::Json(raw) if is_number(raw) => Ok(Cow::Borrowed(raw)),
            _ => self.text(field),
        }
    }

    /// An integer from `min` to the largest of 64 bits with a sign.
    pub(super) fn integer(self, field: &'static str, min: i64) -> Result<i64, Fault> {
        let digits = self.digits(field)?;
        let fits = digits.parse::<i64>().ok().filter(|value| *value >= min);
        fits.ok_or_else(|| Fault::OutOfRange {
            field,
            min,
            max: i64::MAX,
            got: quoted(&digits),
        })
    }

    /// An integer of any size; what is beyond 128 bits becomes the last number there, which is no valid value of any
    /// field.
    pub(super) fn wide(self, field: &'static str) -> Result<i128, Fault> {
        self.digits(field).map(|digits| saturated(&digits))
    }

    /// A wide integer as a decimal string, in the one form that such a string has.
    pub(super) fn decimal_string(self, field: &'static str) -> Result<i128, Fault> {
        let text = self.text(field)?;
        let magnitude = text.strip_prefix('-').unwrap_or(&text);
        let is_canonical = is_digits(magnitude)
            && (magnitude == "0" && text == "0" || !magnitude.starts_with('0'));
        if is_canonical {
            Ok(saturated(&text))
        } else {
            Err(Fault::NotAnInteger {
                field,
                got: quoted(&text),
            })
        }
    }

    /// Bid or ask.
    pub(super) fn side(self) -> Result<Side, Fault> {
        let text = self.text("side")?;
        match text.as_ref() {
            "bid" => Ok(Side::Bid),
            "ask" => Ok(Side::Ask),
            _ => Err(Fault::UnknownSide { got: quoted(&text) }),
        }
    }

    /// The text of an integer: digits, perhaps after a minus.
    fn digits(self, field: &'static str) -> Result<Cow<'a, str>, Fault> {
        let digits = match self {
            Self::Json(raw) if is_number(raw) => Cow::Borrowed(raw),
            Self::Json(raw) => {
                return Err(wrong_type(format!("`{field}` as an integer"), raw));
            }
            Self::Csv(raw) => unquoted(raw),
        };
        if is_digits(digits.strip_prefix('-').unwrap_or(&digits)) {
            Ok(digits)
        } else {
            Err(Fault::NotAnInteger {
                field,
                got: quoted(&digits),
            })
        }
    }
}

/// A JSON value of another type than was wanted.
pub(super) fn wrong_type(expected: String, raw: &str) -> Fault {
    let got = match raw.as_bytes().first() {
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        Some(b'"') => format!("the string {}", quoted(raw.trim_matches('"'))),
        Some(b'n') => "null".to_owned(),
        _ => quoted(raw),
    };
    Fault::WrongType { expected, got }
}

fn is_number(raw: &str) -> bool {
    raw.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn saturated(digits: &str) -> i128 {
    let beyond = if digits.starts_with('-') {
        i128::MIN
    } else {
        i128::MAX
    };
    digits.parse().unwrap_or(beyond)
}

/// A CSV field without its quotes; two quotes inside stand for one.
pub(super) fn unquoted(raw: &str) -> Cow<'_, str> {
    match raw
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(inside) if inside.contains('"') => Cow::Owned(inside.replace("\"\"", "\"")),
        Some(inside) => Cow::Borrowed(inside),
        None => Cow::Borrowed(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(outcome: Result<T, Fault>) -> &'static str {
        outcome.err().map_or("fits", |fault| fault.code())
    }

    #[test]
    fn a_quantity_is_an_integer_as_written() {
        for (raw, expected) in [
            ("0", "fits"),
            ("-0", "fits"),
            ("9223372036854775807", "fits"),
            ("9223372036854775808", "out-of-range"),
            ("-1", "out-of-range"),
            ("123456789012345678901234567890", "out-of-range"),
            ("1.5", "not-an-integer"),
            ("1.0", "not-an-integer"),
            ("1e3", "not-an-integer"),
            ("\"5\"", "wrong-type"),
            ("null", "wrong-type"),
            ("true", "wrong-type"),
            ("[5]", "wrong-type"),
            ("{}", "wrong-type"),
        ] {
            assert_eq!(
                code(Cell::Json(raw).integer("qty_wh", 0)),
                expected,
                "{raw}"
            );
        }
    }

    #[test]
    fn a_csv_field_has_no_type_but_the_same_numbers() {
        for (raw, expected) in [
            ("5", "fits"),
            ("\"5\"", "fits"),
            ("", "not-an-integer"),
            ("NaN", "not-an-integer"),
            ("+5", "not-an-integer"),
            ("1e3", "not-an-integer"),
            ("-", "not-an-integer"),
            ("-1", "out-of-range"),
        ] {
            assert_eq!(code(Cell::Csv(raw).integer("qty_wh", 0)), expected, "{raw}");
        }
        assert_eq!(unquoted("\"a \"\"b\"\"\""), "a \"b\"");
    }

    #[test]
    fn a_decimal_string_has_one_form() {
        for (raw, expected) in [
            ("\"0\"", "fits"),
            ("\"-5\"", "fits"),
            ("\"170141183460469231731687303715884105728\"", "fits"),
            ("\"-0\"", "not-an-integer"),
            ("\"05\"", "not-an-integer"),
            ("\"+5\"", "not-an-integer"),
            ("\"\"", "not-an-integer"),
            ("5", "wrong-type"),
        ] {
            assert_eq!(
                code(Cell::Json(raw).decimal_string("welfare")),
                expected,
                "{raw}"
            );
        }
    }

    #[test]
    fn escapes_are_characters() {
        assert_eq!(
            Cell::Json(r#""a\u0062\"""#).text("id").as_deref(),
            Ok("ab\"")
        );
        assert_eq!(code(Cell::Json(r#""\ud800""#).text("id")), "syntax");
    }
}
