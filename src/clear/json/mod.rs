//! JSON documents with one long list, read in one pass: the list's rows are handed over one by one, and every value is
//! kept as the piece of text that it is in the file, so that nothing is rounded, copied, or held twice.
//!
//! The same reader takes a book (`orders`, other fields ignored) and a result (`fills`, other fields refused).

mod walk;

use std::cell::{Cell, RefCell};

use serde::de::{DeserializeSeed as _, Error};

use self::walk::{Document, Object};
use super::fault::{BadInput, Fault, quoted};
use super::source::place_of;

/// What becomes of a field that is not named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// It plays no part.
    Ignored,
    /// It is a fault.
    Refused,
}

/// The fields of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<const N: usize> {
    /// What the object is, with its article.
    pub(super) what: &'static str,
    /// The names that are looked at.
    pub(super) names: [&'static str; N],
    /// What becomes of others.
    pub(super) unnamed: Unnamed,
}

/// A document: an object of fields, one of which is the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<const TOP: usize, const ROW: usize> {
    /// The fields beside the list.
    pub(super) top: Fields<TOP>,
    /// The name of the list.
    pub(super) list: &'static str,
    /// The fields of a row.
    pub(super) row: Fields<ROW>,
}

/// The values of an object, in the order of the names; nothing where a name is not there.
pub(super) type Values<'a, const N: usize> = [Option<&'a str>; N];

/// A fault, and the value that it is in.
#[derive(Debug)]
pub(super) struct FaultAt<'a> {
    pub(super) fault: Fault,
    pub(super) value: Option<&'a str>,
}

/// Reads a document; `take` is called for each row of the list.
pub(super) fn document<'a, const TOP: usize, const ROW: usize>(
    text: &'a str,
    shape: &Shape<TOP, ROW>,
    mut take: impl FnMut(Values<'a, ROW>) -> Result<(), FaultAt<'a>>,
) -> Result<Values<'a, TOP>, BadInput> {
    let trace = Trace::default();
    let seed = Document {
        shape,
        trace: &trace,
        take: &mut take,
    };
    let mut parser = serde_json::Deserializer::from_str(text);
    let values = seed
        .deserialize(&mut parser)
        .and_then(|values| parser.end().map(|()| values));
    values.map_err(|error| trace.bad_input(text, &error))
}

/// Reads one object without a list, a part of `text`.
pub(super) fn object<'a, const N: usize>(
    text: &'a str,
    part: &'a str,
    fields: &Fields<N>,
) -> Result<Values<'a, N>, BadInput> {
    let trace = Trace::default();
    let seed = Object {
        fields,
        trace: &trace,
    };
    seed.deserialize(&mut serde_json::Deserializer::from_str(part))
        .map_err(|error| {
            let bad = trace.bad_input(text, &error);
            BadInput {
                place: place_of(text, part),
                ..bad
            }
        })
}

/// What has been found on the way; serde's own errors carry text only.
#[derive(Default)]
struct Trace<'a> {
    index: Cell<Option<usize>>,
    found: RefCell<Option<FaultAt<'a>>>,
}

impl<'a> Trace<'a> {
    /// Notes a fault, and gives the error that stops the parser.
    fn stop<E: Error>(&self, fault: Fault, value: Option<&'a str>) -> E {
        self.found.replace(Some(FaultAt { fault, value }));
        E::custom("stopped")
    }

    fn bad_input(&self, text: &str, error: &serde_json::Error) -> BadInput {
        let at = (error.line(), error.column());
        let (fault, place) = match self.found.take() {
            Some(FaultAt { fault, value }) => {
                (fault, value.and_then(|value| place_of(text, value)))
            }
            None => (syntax(text, error), None),
        };
        BadInput {
            index: self.index.get(),
            place: Some(place.unwrap_or(at)),
            ..fault.into()
        }
    }
}

fn syntax(text: &str, error: &serde_json::Error) -> Fault {
    let reason = error.to_string();
    let reason = reason
        .split_once(" at line ")
        .map_or(reason.as_str(), |parts| parts.0);
    let got = if error.is_eof() {
        "the end of the file".to_owned()
    } else {
        quoted(token_at(text, error.line(), error.column()))
    };
    Fault::Syntax {
        expected: "valid JSON".to_owned(),
        got: format!("{got} ({reason})"),
    }
}

/// What stands at a place, as far as it looks like one word.
fn token_at(text: &str, line: usize, column: usize) -> &str {
    let line = text.split('\n').nth(line.saturating_sub(1)).unwrap_or("");
    let rest = &line[line.floor_char_boundary(column.saturating_sub(1))..];
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | ':' | '[' | ']' | '{' | '}');
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let length = rest[first..].find(ends).map_or(rest.len(), |at| first + at);
    &rest[..length]
}

#[cfg(test)]
mod tests {
    use super::super::fault::NESTING_MAX;
    use super::*;

    const SHAPE: Shape<1, 2> = Shape {
        top: Fields {
            what: "the book",
            names: ["interval"],
            unnamed: Unnamed::Ignored,
        },
        list: "rows",
        row: Fields {
            what: "a row",
            names: ["id", "n"],
            unnamed: Unnamed::Ignored,
        },
    };

    fn refused(text: &str) -> (&'static str, Option<usize>, Option<(usize, usize)>) {
        let bad = document(text, &SHAPE, |_| Ok(())).expect_err(text);
        (bad.fault.code(), bad.index, bad.place)
    }

    #[test]
    fn values_are_kept_as_they_are_written() {
        let mut rows = Vec::new();
        let top = document(
            r#"{"x":[{"rows":1}],"rows":[{"n":1e3,"id":"a","y":null},{"\u006e":-0}],"interval":7.0}"#,
            &SHAPE,
            |row| {
                rows.push(row);
                Ok(())
            },
        );
        assert_eq!(top, Ok([Some("7.0")]));
        assert_eq!(rows, [[Some("\"a\""), Some("1e3")], [None, Some("-0")]]);
    }

    #[test]
    fn faults_carry_their_place() {
        for (text, expected) in [
            ("[]", ("wrong-type", None, Some((1, 2)))),
            ("5", ("wrong-type", None, Some((1, 1)))),
            ("nothing", ("syntax", None, Some((1, 2)))),
            ("{}", ("missing-field", None, Some((1, 2)))),
            ("{\"rows\":{}}", ("wrong-type", None, Some((1, 10)))),
            ("{\"rows\":null}", ("wrong-type", None, Some((1, 12)))),
            ("{\"rows\":[5]}", ("wrong-type", Some(0), Some((1, 10)))),
            ("{\"rows\":[{},[]]}", ("wrong-type", Some(1), Some((1, 14)))),
            (
                "{\"rows\":[\n{\"n\":NaN}]}",
                ("syntax", Some(0), Some((2, 6))),
            ),
            (
                "{\"rows\":[{\"n\":1,\"n\":2}]}",
                ("repeated-field", Some(0), Some((1, 21))),
            ),
            (
                "{\"rows\":[],\"rows\":[]}",
                ("repeated-field", None, Some((1, 17))),
            ),
            ("{\"rows\":[]}x", ("syntax", None, Some((1, 12)))),
            ("{\"rows\":[", ("syntax", Some(0), Some((1, 9)))),
        ] {
            assert_eq!(refused(text), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_wherever_it_is() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = |depth: usize| {
                let value = open.repeat(depth) + "0" + &close.repeat(depth);
                format!("{{\"x\":{value},\"rows\":[]}}")
            };
            assert!(document(&deep(NESTING_MAX), &SHAPE, |_| Ok(())).is_ok());
            assert_eq!(refused(&deep(NESTING_MAX + 1)).0, "nesting");
            assert_eq!(refused(&deep(200_000)).0, "nesting");
        }
        assert_eq!(refused(&"[".repeat(200_000)).0, "wrong-type");
        assert_eq!(
            refused(&format!("{{\"rows\":{}", "[".repeat(200_000))).0,
            "wrong-type"
        );
    }
}
