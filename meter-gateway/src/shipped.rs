//! The profiles that come with the program.

use std::sync::{Arc, OnceLock};

use crate::profile::{Profile, ProfileError, ProvenanceStatus, Quantity, Transport, hash8};
use crate::settlement::{SettlementRules, profile_may_settle};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each, sorted by name.
        const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../profiles/", $name, ".toml")))),*];
    };
}

files!(
    "abb-b23",
    "carlo-gavazzi-em24-e1",
    "carlo-gavazzi-em340",
    "dsmr-reader",
    "dsmr-telegram",
    "eastron-sdm120",
    "eastron-sdm630",
    "fronius-gen24",
    "huawei-sun2000",
    "json-meter",
    "schneider-iem3155",
    "shelly-3em",
    "shelly-pro-3em",
    "sma-home-manager",
    "sma-inverter",
    "solaredge",
    "sungrow-sh",
    "sunspec",
    "tasmota-plug",
    "tasmota-sml",
    "victron-gx",
    "zigbee2mqtt-plug",
);

/// A shipped profile, loaded when somebody wants it.
struct Shipped {
    name: &'static str,
    text: &'static str,
    hash8: [u8; 8],
    loaded: OnceLock<Arc<Profile>>,
}

impl Shipped {
    fn profile(&self) -> Arc<Profile> {
        let load = || {
            let file = format!("{}.toml", self.name);
            // A test loads each of them, so a build whose profiles do not load never ships.
            Arc::new(Profile::from_toml(&file, self.text).expect("shipped profiles load"))
        };
        Arc::clone(self.loaded.get_or_init(load))
    }
}

fn all() -> &'static [Shipped] {
    static ALL: OnceLock<Vec<Shipped>> = OnceLock::new();
    ALL.get_or_init(|| {
        let shipped = |(name, text): &(&'static str, &'static str)| Shipped {
            name,
            text,
            hash8: hash8(text),
            loaded: OnceLock::new(),
        };
        FILES.iter().map(shipped).collect()
    })
}

/// The names of the shipped profiles, sorted.
#[must_use]
pub fn names() -> Vec<&'static str> {
    FILES.iter().map(|(name, _)| *name).collect()
}

/// The text of a shipped profile.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    let mut files = FILES.iter();
    files
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The shipped profile of this name.
///
/// # Errors
/// [`ProfileError::Unknown`] with the names that exist.
pub fn profile(name: &str) -> Result<Arc<Profile>, ProfileError> {
    let found = all().iter().find(|shipped| shipped.name == name);
    found
        .map(Shipped::profile)
        .ok_or_else(|| ProfileError::Unknown {
            known: names().join(", "),
            got: name.to_owned(),
        })
}

/// The shipped profile with these first bytes of its hash: what a reading names.
#[must_use]
pub fn by_hash8(hash8: [u8; 8]) -> Option<Arc<Profile>> {
    let found = all().iter().find(|shipped| shipped.hash8 == hash8);
    found.map(Shipped::profile)
}

/// One line of a list of profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its name, as in a gateway's configuration.
    pub name: String,
    /// What it is for.
    pub title: String,
    /// `Modbus`, `SunSpec`, `MQTT` or `P1 telegram by MQTT`.
    pub transport: &'static str,
    /// What it gives, in the order of a reading, with the reason where a register is uncertain and
    /// therefore never signed.
    pub quantities: Vec<(Quantity, Option<String>)>,
    /// How sure its facts are.
    pub status: ProvenanceStatus,
    /// Where they come from.
    pub sources: Vec<String>,
    /// What somebody who connects such a device should know.
    pub notes: Vec<String>,
    /// Why nothing is settled on such a device under the usual rules, if so.
    pub settlement_refused: Option<String>,
}

impl Listing {
    /// The line of a profile, shipped or not.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        let quantity = |quantity| {
            let (_, point) = profile.chosen(quantity, |_| true)?;
            Some((quantity, point.uncertain.clone()))
        };
        let refused = profile_may_settle(profile, &SettlementRules::default());
        Self {
            name: profile.name().to_owned(),
            title: profile.title().to_owned(),
            transport: transport(profile.transport()),
            quantities: Quantity::ALL.into_iter().filter_map(quantity).collect(),
            status: profile.provenance().status,
            sources: profile.provenance().sources.clone(),
            notes: profile.notes().to_vec(),
            settlement_refused: refused.err().map(|refusal| refusal.to_string()),
        }
    }
}

fn transport(transport: &Transport) -> &'static str {
    match transport {
        Transport::Modbus(_) => "Modbus",
        Transport::SunSpec { .. } => "SunSpec",
        Transport::Mqtt(manners) if manners.payload == crate::profile::Payload::Telegram => {
            "P1 telegram by MQTT"
        }
        Transport::Mqtt(_) => "MQTT",
    }
}

/// Every shipped profile, sorted by name.
#[must_use]
pub fn list() -> Vec<Listing> {
    all()
        .iter()
        .map(|shipped| Listing::of(&shipped.profile()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_loads_and_is_named_after_its_file() {
        for (name, text) in FILES {
            let loaded = Profile::from_toml(name, text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(loaded.name(), *name);
            assert_eq!(by_hash8(loaded.hash8()).expect("found again").name(), *name);
        }
        assert!(FILES.is_sorted(), "sorted by name");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = profile("sdm").expect_err("unknown").to_string();
        assert!(
            error.contains("eastron-sdm120, eastron-sdm630, fronius-gen24")
                && error.contains("`sdm`"),
            "{error}"
        );
    }

    #[test]
    fn the_list_says_what_each_gives_and_what_settles() {
        let list = list();
        assert_eq!(list.len(), FILES.len());
        for line in &list {
            assert!(
                line.quantities.iter().any(|(q, _)| q.settles()),
                "{}",
                line.name
            );
            assert_eq!(line.settlement_refused, None, "{}", line.name);
        }
        let two = list
            .iter()
            .filter(|l| l.status >= ProvenanceStatus::TwoSources);
        assert!(two.count() >= 12, "most of them rest on two sources");
    }

    /// The guide, which a stranger reads before writing a profile.
    const GUIDE: &str = include_str!("../../docs/profiles.md");

    #[test]
    fn the_guide_lists_exactly_the_shipped_profiles() {
        let table = GUIDE
            .split("## Devices that are shipped")
            .nth(1)
            .expect("a table");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        let rows: Vec<Vec<&str>> = rows
            .map(|row| row.split('|').map(str::trim).collect())
            .collect();
        let expected = list();
        let names: Vec<&str> = rows
            .iter()
            .map(|row| row[0].trim_end_matches('`'))
            .collect();
        assert_eq!(names, super::names());
        for (row, listing) in rows.iter().zip(&expected) {
            assert_eq!(row[1], listing.transport, "{}", listing.name);
            assert_eq!(row[2], listing.status.words(), "{}", listing.name);
            assert!(!row[3].is_empty(), "{} has something to mind", listing.name);
        }
    }

    #[test]
    fn the_guide_names_every_key_and_its_example_loads() {
        // The loader itself says which keys it knows.
        let known = |text: &str| {
            let error = Profile::from_toml("x", text)
                .expect_err("an unknown key")
                .to_string();
            let (_, keys) = error.split_once("expected one of ").expect(&error);
            keys.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let tables = [
            "",
            "[modbus]",
            "[sunspec]",
            "[mqtt]",
            "[[mqtt.topics]]",
            "[[identity]]",
            "[[point]]",
            "[[golden]]",
        ];
        for table in tables {
            for key in known(&format!("{table}\nno_such_key = 1")) {
                assert!(
                    GUIDE.contains(&format!("`{key}`")),
                    "{table} `{key}` is not in the guide"
                );
            }
        }
        let example = GUIDE
            .split("```toml")
            .nth(1)
            .and_then(|rest| rest.split("```").next());
        let profile = Profile::from_toml("example", example.expect("an example"));
        assert_eq!(
            profile.map(|p| p.name().to_owned()).as_deref(),
            Ok("my-meter")
        );
    }
}
