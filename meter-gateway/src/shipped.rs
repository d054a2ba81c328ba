//! The profiles that come with the program.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::profile::{Profile, ProfileError};

const FILES: [(&str, &str); 3] = [
    (
        "eastron-sdm630",
        include_str!("../profiles/eastron-sdm630.toml"),
    ),
    ("json-meter", include_str!("../profiles/json-meter.toml")),
    ("sunspec", include_str!("../profiles/sunspec.toml")),
];

/// The names of the shipped profiles, sorted.
#[must_use]
pub fn names() -> Vec<&'static str> {
    FILES.iter().map(|(name, _)| *name).collect()
}

/// The text of a shipped profile.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    FILES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The shipped profile of this name.
///
/// # Errors
/// [`ProfileError::Unknown`] with the names that exist.
pub fn profile(name: &str) -> Result<Arc<Profile>, ProfileError> {
    static LOADED: OnceLock<BTreeMap<&str, Arc<Profile>>> = OnceLock::new();
    let loaded = LOADED.get_or_init(|| {
        let load = |(name, text): &(&'static str, &'static str)| {
            let file = format!("{name}.toml");
            // A test loads each of them, so a build whose profiles do not load never ships.
            (
                *name,
                Arc::new(Profile::from_toml(&file, text).expect("shipped profiles load")),
            )
        };
        FILES.iter().map(load).collect()
    });
    loaded
        .get(name)
        .cloned()
        .ok_or_else(|| ProfileError::Unknown {
            known: names().join(", "),
            got: name.to_owned(),
        })
}

/// The shipped profile with these first bytes of its hash: what a reading names.
#[must_use]
pub fn by_hash8(hash8: [u8; 8]) -> Option<Arc<Profile>> {
    names()
        .into_iter()
        .filter_map(|name| profile(name).ok())
        .find(|profile| profile.hash8() == hash8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_loads_and_is_named_after_its_file() {
        for (name, text) in FILES {
            let loaded = Profile::from_toml(name, text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(loaded.name(), name);
            assert!(
                !loaded.provenance().sources.is_empty(),
                "{name} says where its facts are from"
            );
            assert_eq!(by_hash8(loaded.hash8()).expect("found again").name(), name);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = profile("sdm").expect_err("unknown").to_string();
        assert!(
            error.contains("eastron-sdm630, json-meter, sunspec") && error.contains("`sdm`"),
            "{error}"
        );
    }
}
