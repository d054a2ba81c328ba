//! The file of a profile: its keys, and how a [`Profile`] is made of them.
//!
//! Types here mirror the TOML; nothing else sees them. Unknown keys are refused by serde, unknown
//! units, types and quantities here, each with the key, what was expected and what came.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

mod place;
mod point;
mod source;
mod tables;
mod transport;
mod whole;

use crate::golden;
use crate::profile::{Profile, ProfileError, Provenance, hash8};

use source::Source;
use tables::ProfileFile;

pub(crate) use tables::GoldenFile;

impl Profile {
    /// The profile in this text. `file` names it in errors.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn from_toml(file: &str, text: &str) -> Result<Self, ProfileError> {
        let parsed: ProfileFile = toml::from_str(text).map_err(|e| ProfileError::Syntax {
            file: file.to_owned(),
            message: e.to_string(),
        })?;
        let from = Source { file };
        let transport = from.transport(&parsed)?;
        let mut points = Vec::with_capacity(parsed.point.len());
        for (i, point) in parsed.point.iter().enumerate() {
            points.push(from.point(i, point, &transport)?);
        }
        if parsed.golden.is_empty() {
            return Err(ProfileError::NoGolden {
                file: file.to_owned(),
            });
        }
        let profile = Self {
            name: parsed.name,
            title: parsed.title,
            provenance: Provenance {
                sources: parsed.provenance.sources,
                status: parsed.provenance.status,
            },
            transport,
            points,
            power_max_w: parsed.power_max_w,
            hash8: hash8(text),
        };
        from.whole(&profile)?;
        for vector in &parsed.golden {
            golden::check(file, &profile, vector)?;
        }
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../profiles/eastron-sdm630.toml");

    fn refused(from: &str, to: &str, expected: &[&str]) {
        assert!(TEXT.contains(from), "the shipped profile has `{from}`");
        let text = TEXT.replacen(from, to, 1);
        let error = Profile::from_toml("mine.toml", &text)
            .expect_err(to)
            .to_string();
        for part in expected.iter().chain(&["mine.toml"]) {
            assert!(error.contains(part), "`{error}` should name `{part}`");
        }
    }

    #[test]
    fn a_wrong_profile_is_refused_with_file_key_expectation_and_what_came() {
        refused(
            "unit = \"kWh\"",
            "unit = \"kwh\"",
            &["].unit", "Wh, kWh, MWh", "`kwh`"],
        );
        refused(
            "unit = \"W\"",
            "unit = \"Wh\"",
            &["].unit", "W, kW", "`Wh`"],
        );
        refused(
            "type = \"f32\"",
            "type = \"float\"",
            &["].type", "f32", "`float`"],
        );
        refused(
            "function = \"input\"",
            "function = \"coil\"",
            &["].function", "holding", "`coil`"],
        );
        refused(
            "quantity = \"import\"",
            "quantity = \"bezug\"",
            &["].quantity", "import", "`bezug`"],
        );
        refused(
            "quantity = \"import\"",
            "quantity = \"import\"\ncolour = 1",
            &["unknown field `colour`", "address"],
        );
        refused(
            "timeout_ms = ",
            "timeout_ms = 1 # ",
            &["modbus.timeout_ms", "10 to 60000", "`1`"],
        );
        refused(
            "order = \"big\"",
            "order = \"middle\"",
            &["].order", "little", "`middle`"],
        );
    }

    #[test]
    fn a_profile_without_golden_vectors_is_refused() {
        let text = TEXT.split("[[golden]]").next().expect("a first part");
        let error = Profile::from_toml("mine.toml", text).expect_err("no golden vector");
        assert_eq!(
            error,
            ProfileError::NoGolden {
                file: "mine.toml".to_owned()
            }
        );
    }

    #[test]
    fn a_profile_whose_golden_vector_does_not_come_out_is_refused() {
        refused(
            "import_wh = ",
            "import_wh = 1 # ",
            &["import_wh", "expected 1, got"],
        );
        refused("address = 0x0048", "address = 0x004A", &["expected"]);
    }

    #[test]
    fn the_hash_changes_with_every_byte_of_the_file() {
        let one = Profile::from_toml("a", TEXT).expect("shipped");
        let other =
            Profile::from_toml("a", &format!("{TEXT}\n")).expect("the same with a blank line");
        assert_ne!(one.hash8(), other.hash8());
    }
}
