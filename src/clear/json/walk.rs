//! How serde walks through a document: a visitor for the document, one for its list, one for an object of fields.
//!
//! None of them holds more than one row; values are the pieces of text that they are in the file.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::fault::{Fault, NESTING_MAX, quoted};
use super::{FaultAt, Fields, Shape, Trace, Unnamed, Values};

/// A visitor's answers to everything but arrays and objects; it says itself what it expected.
macro_rules! no_scalars {
    () => {
        fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
            Err(self.other_type(&format!("`{value}`")))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
            Err(self.other_type(&format!("`{value}`")))
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
            Err(self.other_type(&format!("`{value}`")))
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Err(self.other_type("a number"))
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
            Err(self.other_type(&format!("the string {}", quoted(value))))
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Err(self.other_type("null"))
        }
    };
}

/// The whole document.
pub(super) struct Document<'s, 'a, const TOP: usize, const ROW: usize, T> {
    pub(super) shape: &'s Shape<TOP, ROW>,
    pub(super) trace: &'s Trace<'a>,
    pub(super) take: &'s mut T,
}

impl<'a, const TOP: usize, const ROW: usize, T> Document<'_, 'a, TOP, ROW, T> {
    fn other_type<E: Error>(&self, got: &str) -> E {
        let fault = Fault::WrongType {
            expected: format!("{} as an object", self.shape.top.what),
            got: got.to_owned(),
        };
        self.trace.stop(fault, None)
    }
}

impl<'a, const TOP: usize, const ROW: usize, T> DeserializeSeed<'a>
    for Document<'_, 'a, TOP, ROW, T>
where
    T: FnMut(Values<'a, ROW>) -> Result<(), FaultAt<'a>>,
{
    type Value = Values<'a, TOP>;

    fn deserialize<D: Deserializer<'a>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'a, const TOP: usize, const ROW: usize, T> Visitor<'a> for Document<'_, 'a, TOP, ROW, T>
where
    T: FnMut(Values<'a, ROW>) -> Result<(), FaultAt<'a>>,
{
    type Value = Values<'a, TOP>;

    no_scalars!();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shape.top.what)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.other_type("an array"))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (fields, list) = (&self.shape.top, self.shape.list);
        let mut values = [None; TOP];
        let mut has_list = false;
        while let Some(key) = map.next_key_seed(KeyOf {
            fields,
            list: Some(list),
        })? {
            if key != Key::List {
                take_value(&mut map, key, fields, &mut values, self.trace)?;
            } else if std::mem::replace(&mut has_list, true) {
                return Err(self.trace.stop(Fault::RepeatedField { field: list }, None));
            } else {
                map.next_value_seed(List {
                    shape: self.shape,
                    trace: self.trace,
                    take: &mut *self.take,
                })?;
            }
        }
        if has_list {
            Ok(values)
        } else {
            Err(self.trace.stop(Fault::MissingField { field: list }, None))
        }
    }
}

/// The list.
struct List<'s, 'a, const TOP: usize, const ROW: usize, T> {
    shape: &'s Shape<TOP, ROW>,
    trace: &'s Trace<'a>,
    take: &'s mut T,
}

impl<'a, const TOP: usize, const ROW: usize, T> List<'_, 'a, TOP, ROW, T> {
    fn other_type<E: Error>(&self, got: &str) -> E {
        let fault = Fault::WrongType {
            expected: format!("`{}` as an array", self.shape.list),
            got: got.to_owned(),
        };
        self.trace.stop(fault, None)
    }
}

impl<'a, const TOP: usize, const ROW: usize, T> DeserializeSeed<'a> for List<'_, 'a, TOP, ROW, T>
where
    T: FnMut(Values<'a, ROW>) -> Result<(), FaultAt<'a>>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'a, const TOP: usize, const ROW: usize, T> Visitor<'a> for List<'_, 'a, TOP, ROW, T>
where
    T: FnMut(Values<'a, ROW>) -> Result<(), FaultAt<'a>>,
{
    type Value = ();

    no_scalars!();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shape.list)
    }

    fn visit_map<A: MapAccess<'a>>(self, _: A) -> Result<(), A::Error> {
        Err(self.other_type("an object"))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut rows: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            self.trace.index.set(Some(index));
            let row = rows.next_element_seed(Object {
                fields: &self.shape.row,
                trace: self.trace,
            })?;
            let Some(row) = row else { break };
            (self.take)(row).map_err(|at| self.trace.stop(at.fault, at.value))?;
            index += 1;
        }
        self.trace.index.set(None);
        Ok(())
    }
}

/// An object of fields.
pub(super) struct Object<'s, 'a, const N: usize> {
    pub(super) fields: &'s Fields<N>,
    pub(super) trace: &'s Trace<'a>,
}

impl<const N: usize> Object<'_, '_, N> {
    fn other_type<E: Error>(&self, got: &str) -> E {
        let fault = Fault::WrongType {
            expected: format!("{} as an object", self.fields.what),
            got: got.to_owned(),
        };
        self.trace.stop(fault, None)
    }
}

impl<'a, const N: usize> DeserializeSeed<'a> for Object<'_, 'a, N> {
    type Value = Values<'a, N>;

    fn deserialize<D: Deserializer<'a>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'a, const N: usize> Visitor<'a> for Object<'_, 'a, N> {
    type Value = Values<'a, N>;

    no_scalars!();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fields.what)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.other_type("an array"))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let fields = self.fields;
        let mut values = [None; N];
        while let Some(key) = map.next_key_seed(KeyOf { fields, list: None })? {
            take_value(&mut map, key, fields, &mut values, self.trace)?;
        }
        Ok(values)
    }
}

/// Puts the value of a key where it belongs.
fn take_value<'a, const N: usize, A: MapAccess<'a>>(
    map: &mut A,
    key: Key,
    fields: &Fields<N>,
    values: &mut Values<'a, N>,
    trace: &Trace<'a>,
) -> Result<(), A::Error> {
    if let Key::Refused(field) = key {
        return Err(trace.stop(Fault::UnknownField { field }, None));
    }
    let value = map.next_value::<&'a RawValue>()?.get();
    match key {
        Key::Named(at) if values[at].is_some() => {
            let field = fields.names[at];
            Err(trace.stop(Fault::RepeatedField { field }, Some(value)))
        }
        Key::Named(at) => {
            values[at] = Some(value);
            Ok(())
        }
        _ if is_too_deep(value) => Err(trace.stop(Fault::Nesting, Some(value))),
        _ => Ok(()),
    }
}

/// What a name in the file is to us.
#[derive(PartialEq, Eq)]
enum Key {
    Named(usize),
    List,
    Ignored,
    Refused(String),
}

struct KeyOf<'s, const N: usize> {
    fields: &'s Fields<N>,
    list: Option<&'static str>,
}

impl<'a, const N: usize> DeserializeSeed<'a> for KeyOf<'_, N> {
    type Value = Key;

    fn deserialize<D: Deserializer<'a>>(self, parser: D) -> Result<Key, D::Error> {
        parser.deserialize_str(self)
    }
}

impl<const N: usize> Visitor<'_> for KeyOf<'_, N> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        Ok(
            match self.fields.names.iter().position(|known| *known == name) {
                Some(at) => Key::Named(at),
                None if self.list == Some(name) => Key::List,
                None if self.fields.unnamed == Unnamed::Refused => {
                    Key::Refused(quoted(name).replace('`', ""))
                }
                None => Key::Ignored,
            },
        )
    }
}

/// Whether an ignored value is nested deeper than is taken.
fn is_too_deep(raw: &str) -> bool {
    let (mut depth, mut is_inside_text, mut is_escaped) = (0_usize, false, false);
    for byte in raw.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_inside_text = !is_inside_text,
            b'[' | b'{' if !is_inside_text => depth += 1,
            b']' | b'}' if !is_inside_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING_MAX {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_a_text_are_no_nesting() {
        assert!(!is_too_deep(&format!("\"{}\\\"[\"", "[".repeat(200))));
        assert!(is_too_deep(&"[{".repeat(100)));
    }
}
