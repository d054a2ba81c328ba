//! Paths into a JSON message, and the number tokens found there, digit for digit.
//!
//! `$.a.b[0]`: an object's member by name, an array's element by index; `$` alone is the message
//! itself, which may be a bare number. The token is kept as text, because it is evidence and because
//! a double would change it.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::number::Exact;

/// A path into a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Member(String),
    Element(usize),
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A number, as it was written.
    Number(String),
    /// Nothing, or `null`.
    Nothing,
    /// A text.
    Text(String),
    /// Something else: true, false, an object, an array.
    Other(String),
}

impl Found {
    /// This, where a number may be written as a text: `"1.5"` is then the number 1.5.
    #[must_use]
    pub fn with_numbers_in_strings(self) -> Self {
        match self {
            Self::Text(text) if Exact::decimal(&text).is_ok() => Self::Number(text),
            other => other,
        }
    }
}

/// A message is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a JSON message, got one that is not: {0}")]
pub struct NotJson(String);

impl JsonPath {
    /// The path of a text such as `$.a.b[0]`, none when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut segments = Vec::new();
        while !rest.is_empty() {
            if let Some(member) = rest.strip_prefix('.') {
                let (name, after) =
                    member.split_at(member.find(['.', '[']).unwrap_or(member.len()));
                if name.is_empty() {
                    return None;
                }
                segments.push(Segment::Member(name.to_owned()));
                rest = after;
            } else {
                let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
                segments.push(Segment::Element(index.parse().ok()?));
                rest = after;
            }
        }
        Some(Self(segments))
    }

    /// What the path leads to in a message.
    ///
    /// # Errors
    /// [`NotJson`].
    pub fn find(&self, message: &str) -> Result<Found, NotJson> {
        let mut at: &RawValue =
            serde_json::from_str(message).map_err(|e| NotJson(e.to_string()))?;
        for segment in &self.0 {
            let next = match segment {
                Segment::Member(name) => {
                    serde_json::from_str::<BTreeMap<String, &RawValue>>(at.get())
                        .ok()
                        .and_then(|members| members.get(name).copied())
                }
                Segment::Element(index) => serde_json::from_str::<Vec<&RawValue>>(at.get())
                    .ok()
                    .and_then(|items| items.get(*index).copied()),
            };
            match next {
                Some(value) => at = value,
                None => return Ok(Found::Nothing),
            }
        }
        let token = at.get().trim();
        Ok(match token.bytes().next() {
            Some(b'-' | b'0'..=b'9') => Found::Number(token.to_owned()),
            Some(b'"') => serde_json::from_str(token)
                .map(Found::Text)
                .map_err(|e| NotJson(e.to_string()))?,
            _ if token == "null" => Found::Nothing,
            _ => Found::Other(token.chars().take(40).collect()),
        })
    }
}

impl std::fmt::Display for JsonPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("$")?;
        for segment in &self.0 {
            match segment {
                Segment::Member(name) => write!(f, ".{name}")?,
                Segment::Element(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_token_as_it_was_written() {
        let message = r#"{"em:0": {"total": 1234.50, "n": null, "s": "7", "a": [1, -2.0e3]}}"#;
        let find = |path: &str| {
            JsonPath::parse(path)
                .expect("a path")
                .find(message)
                .expect("JSON")
        };
        assert_eq!(find("$.em:0.total"), Found::Number("1234.50".to_owned()));
        assert_eq!(find("$.em:0.a[1]"), Found::Number("-2.0e3".to_owned()));
        assert_eq!(find("$.em:0.n"), Found::Nothing);
        assert_eq!(find("$.em:0.missing.deeper"), Found::Nothing);
        assert_eq!(find("$.em:0.a[2]"), Found::Nothing);
        assert_eq!(find("$.em:0.s"), Found::Text("7".to_owned()));
        assert!(matches!(find("$.em:0"), Found::Other(_)));
        assert!(
            JsonPath::parse("$.a")
                .expect("a path")
                .find("{\"a\": 1")
                .is_err()
        );
    }

    #[test]
    fn a_message_may_be_a_bare_number() {
        let root = JsonPath::parse("$").expect("a path");
        assert_eq!(
            root.find(" 13372.4 "),
            Ok(Found::Number("13372.4".to_owned()))
        );
        assert!(root.find("13 372").is_err());
    }

    #[test]
    fn a_number_may_be_written_as_a_text_where_the_profile_says_so() {
        let text = |text: &str| Found::Text(text.to_owned()).with_numbers_in_strings();
        assert_eq!(text("-1.50"), Found::Number("-1.50".to_owned()));
        assert_eq!(text("1.5 kWh"), Found::Text("1.5 kWh".to_owned()));
        assert_eq!(text(""), Found::Text(String::new()));
    }

    #[test]
    fn a_path_is_shown_as_it_was_written() {
        for text in ["$", "$.a.b[0]", "$.params.em:0.total_act"] {
            assert_eq!(JsonPath::parse(text).expect("a path").to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for text in ["", "a.b", "$a", "$..a", "$.a[x]", "$.a[0"] {
            assert_eq!(JsonPath::parse(text), None, "{text}");
        }
    }
}
