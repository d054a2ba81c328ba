//! The file that a profile comes from, so that each error names it, and the small values that several
//! tables share.

use crate::dsmr::Obis;
use crate::json_path::JsonPath;
use crate::number::Ratio;
use crate::profile::{Function, Kind, Payload, ProfileError, Selector, WordOrder};

pub(super) struct Source<'f> {
    pub(super) file: &'f str,
}

impl Source<'_> {
    pub(super) fn wrong(
        &self,
        key: impl Into<String>,
        expected: impl Into<String>,
        got: impl std::fmt::Display,
    ) -> ProfileError {
        ProfileError::Value {
            file: self.file.to_owned(),
            key: key.into(),
            expected: expected.into(),
            got: got.to_string(),
        }
    }

    /// One of these words.
    pub(super) fn one_of<T: Copy>(
        &self,
        key: impl Into<String>,
        known: &[(&str, T)],
        got: Option<&str>,
    ) -> Result<T, ProfileError> {
        let got = got.unwrap_or("nothing");
        known
            .iter()
            .find(|(word, _)| *word == got)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
                self.wrong(key, format!("one of {}", words.join(", ")), got)
            })
    }

    pub(super) fn function(
        &self,
        key: String,
        got: Option<&str>,
    ) -> Result<Function, ProfileError> {
        let known = [("holding", Function::Holding), ("input", Function::Input)];
        self.one_of(key, &known, got)
    }

    /// The word order; a number of one register has none.
    pub(super) fn order(
        &self,
        key: String,
        kind: Kind,
        got: Option<&str>,
    ) -> Result<WordOrder, ProfileError> {
        match got {
            None if kind.registers() == 1 => Ok(WordOrder::Big),
            got => {
                let known = [("big", WordOrder::Big), ("little", WordOrder::Little)];
                self.one_of(key, &known, got)
            }
        }
    }

    pub(super) fn kind(&self, key: String, got: Option<&str>) -> Result<Kind, ProfileError> {
        self.one_of(key, &Kind::ALL, got)
    }

    pub(super) fn ratio(&self, key: String, got: Option<&str>) -> Result<Ratio, ProfileError> {
        got.map_or(Ok(Ratio::ONE), |text| {
            let expected = "a positive ratio such as `1/100`";
            Ratio::parse(text).ok_or_else(|| self.wrong(key, expected, text))
        })
    }

    /// A token of a message, in the form that goes with what the message is.
    pub(super) fn selector(
        &self,
        key: &str,
        payload: Payload,
        text: &str,
    ) -> Result<Selector, ProfileError> {
        match payload {
            Payload::Json => JsonPath::parse(text)
                .map(Selector::Path)
                .ok_or_else(|| self.wrong(key, "a path such as `$.a.b[0]`", text)),
            Payload::Telegram => Obis::parse(text)
                .map(Selector::Obis)
                .ok_or_else(|| self.wrong(key, "an OBIS code such as `1-0:1.8.1`", text)),
        }
    }
}
