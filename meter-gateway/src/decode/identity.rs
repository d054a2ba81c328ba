//! What a device says about itself, and whether that is what the profile expects.

use crate::number::Exact;
use crate::plan::identity_requests;
use crate::profile::{Expectation, IdentityCheck, IdentityKind, IdentityPlace, Profile};
use crate::sunspec::Layout;

use super::{Registers, words};

/// What became of one question to a device about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What was asked.
    pub what: String,
    /// What the device said; none where it said nothing.
    pub got: Option<String>,
    /// Whether that is what the profile expects; none where nothing is expected or nothing was said.
    pub fits: Option<bool>,
    /// Whether a device that does not fit is refused.
    pub must: bool,
}

/// What a device says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// In the order of the profile's checks, as far as they were made.
    pub answers: Vec<Answered>,
}

impl Identity {
    /// Its serial number.
    #[must_use]
    pub fn serial(&self) -> Option<&str> {
        self.find("serial")
    }

    /// Since when it counts: another value says that it has begun anew.
    #[must_use]
    pub fn epoch(&self) -> Option<&str> {
        self.find("epoch")
    }

    /// The first answer for which the device is refused.
    #[must_use]
    pub fn refused(&self) -> Option<&Answered> {
        let mut all = self.answers.iter();
        all.find(|answer| answer.must && answer.fits == Some(false))
    }

    fn find(&self, what: &str) -> Option<&str> {
        let mut all = self.answers.iter().filter(|answer| answer.what == what);
        all.find_map(|answer| answer.got.as_deref())
    }
}

/// What the registers say about a device. Checks whose registers were not read say nothing.
#[must_use]
pub fn identity_of(profile: &Profile, layout: &Layout, registers: &Registers) -> Identity {
    let answered = |check: &IdentityCheck| {
        let kind = match &check.place {
            IdentityPlace::Registers { kind, .. } | IdentityPlace::Model { kind, .. } => *kind,
            IdentityPlace::Message(_) => return judged(check, None),
        };
        let requests = identity_requests(&check.place, layout);
        let each = requests.iter().filter_map(|at| registers.get(at));
        // A serial number 0 is one that nobody has set.
        let is_said = |text: &String| check.what != "serial" || text != "0";
        let texts: Vec<String> = each
            .filter_map(|words| text_of(kind, words))
            .filter(is_said)
            .collect();
        // Several devices in one map: an inverter and its meters.
        judged(check, (!texts.is_empty()).then(|| texts.join(" + ")))
    };
    Identity {
        answers: profile.identity().iter().map(answered).collect(),
    }
}

/// An answer beside what was expected.
pub(crate) fn judged(check: &IdentityCheck, got: Option<String>) -> Answered {
    let fits = got.as_deref().zip(check.expect.as_ref());
    Answered {
        what: check.what.clone(),
        fits: fits.map(|(got, expect)| is_expected(expect, got)),
        must: check.must,
        got,
    }
}

fn is_expected(expect: &Expectation, got: &str) -> bool {
    let number = || Exact::decimal(got).ok();
    match expect {
        Expectation::Texts(texts) => texts.iter().any(|text| got.contains(text.as_str())),
        Expectation::Numbers(numbers) => numbers.iter().any(|n| number().is_some_and(|x| x.is(*n))),
        Expectation::Range(from, to) => {
            let rounded = number().and_then(|x| x.rounded(crate::number::Ratio::ONE).ok());
            rounded.is_some_and(|x| (from..=to).contains(&&x))
        }
    }
}

/// The answer in these registers; none for blanks and "not available".
fn text_of(kind: IdentityKind, words: &[u16]) -> Option<String> {
    match kind {
        IdentityKind::Number { kind, order, scale } => {
            let number = words::number(kind, order, words, &[]).ok().flatten()?;
            number.rounded(scale).ok().map(|value| value.to_string())
        }
        IdentityKind::Text { .. } => {
            let bytes = words.iter().flat_map(|word| word.to_be_bytes());
            let bytes: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
            let text = String::from_utf8(bytes).ok()?;
            let text = text.trim();
            let readable = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
            (readable && !text.is_empty()).then(|| text.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: IdentityKind = IdentityKind::Text { registers: 4 };

    #[test]
    fn a_text_ends_at_its_padding_and_a_blank_says_nothing() {
        assert_eq!(
            text_of(TEXT, &[0x4232, 0x3320, 0, 0]),
            Some("B23".to_owned())
        );
        assert_eq!(text_of(TEXT, &[0x4232, 0x3341]), Some("B23A".to_owned()));
        assert_eq!(text_of(TEXT, &[0, 0, 0, 0]), None);
        assert_eq!(text_of(TEXT, &[0x2020, 0x2020]), None);
        assert_eq!(text_of(TEXT, &[0xffff, 0xffff]), None);
    }

    #[test]
    fn an_answer_fits_or_does_not() {
        let numbers = Expectation::Numbers(vec![1_648, 1_649]);
        assert!(is_expected(&numbers, "1649") && !is_expected(&numbers, "1650"));
        assert!(!is_expected(&numbers, "x"));
        let range = Expectation::Range(45, 65);
        assert!(
            is_expected(&range, "50") && is_expected(&range, "49.98") && !is_expected(&range, "66")
        );
        let texts = Expectation::Texts(vec!["SolarEdge".to_owned()]);
        assert!(is_expected(&texts, "SolarEdge ") && !is_expected(&texts, "Fronius"));
    }
}
