//! The file of a profile: its keys, and how a [`Profile`] is made of them.
//!
//! Types here mirror the TOML; nothing else sees them. Unknown keys are refused by serde, unknown
//! units, types and quantities here, each with the key, what was expected and what came.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

mod identity;
mod place;
mod point;
mod source;
mod tables;
mod transport;
mod whole;

use crate::golden;
use crate::profile::{Profile, ProfileError, Provenance, ProvenanceStatus, hash8};

use source::Source;
use tables::ProfileFile;

pub(crate) use tables::{GoldenFile, GoldenMessage};

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
        let mut identity = Vec::with_capacity(parsed.identity.len());
        for (i, check) in parsed.identity.iter().enumerate() {
            identity.push(from.identity(i, check, &transport)?);
        }
        let mut points = Vec::with_capacity(parsed.point.len());
        for (i, point) in parsed.point.iter().enumerate() {
            points.extend(from.point(i, point, &transport)?);
        }
        if parsed.golden.is_empty() {
            return Err(ProfileError::NoGolden {
                file: file.to_owned(),
            });
        }
        let known = ProvenanceStatus::ALL.map(|status| (status.words(), status));
        let status = from.one_of("provenance.status", &known, Some(&parsed.provenance.status))?;
        let profile = Self {
            name: parsed.name,
            title: parsed.title,
            notes: parsed.notes,
            provenance: Provenance {
                sources: parsed.provenance.sources,
                status,
            },
            transport,
            identity,
            points,
            power_max_w: parsed.power_max_w,
            settlement_refused: parsed.settlement_refused,
            hash8: hash8(text),
        };
        from.whole(&profile)?;
        golden::check(file, &profile, &parsed.golden)?;
        Ok(profile)
    }
}

#[cfg(test)]
mod tests;
