//! A community and its market in one TOML file.
//!
//! The data dictionary is `scenarios/README.md`. Unknown keys are refused, and every value is checked
//! before a run begins.

use clearing_house::tariff::TariffError;
use clearing_house::{Fees, RulesError, ZoneRules};
use energy_core::{
    IdError, IntervalLength, MicroPricePerKwh, NanoAmount, TimeError, ZoneId, keccak,
};
use market_engine::mechanism::Mechanism;
use serde::Deserialize;

use crate::homes::{HOMES_MAX, HOMES_MIN, Mix, StreetError};
use crate::roster_table::RosterTable;
use crate::tariff_table::TariffTable;

/// Scenarios that come with the simulator: name and text.
pub const BUNDLED: [(&str, &str); 2] = [
    (
        "street-25-week",
        include_str!("../scenarios/street-25-week.toml"),
    ),
    (
        "community-37-month",
        include_str!("../scenarios/community-37-month.toml"),
    ),
];

const DAY_S: i64 = 86_400;
const DAYS_MAX: u32 = 366;
const INTERVAL_S_MIN: u32 = 300;

/// A text is not a scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Not TOML, an unknown key, a missing one, or a value of another type.
    #[error("scenario: {0}")]
    Form(#[from] toml::de::Error),
    /// A value out of its range.
    #[error("expected `{key}` to be {expected}, got `{got}`")]
    Value {
        /// Which key.
        key: &'static str,
        /// What it can be.
        expected: String,
        /// What came.
        got: String,
    },
    /// Not a zone name.
    #[error("`zone`: {0}")]
    Zone(#[from] IdError),
    /// Not an interval length.
    #[error("`market.interval_s`: {0}")]
    Interval(#[from] TimeError),
    /// The market's rules contradict each other.
    #[error("tariff and market: {0}")]
    Rules(#[from] RulesError),
    /// The tariff is none.
    #[error("tariff: {0}")]
    Tariff(#[from] TariffError),
    /// The roster is none.
    #[error("roster: {0}")]
    Roster(#[from] StreetError),
}

/// A checked scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its own seed.
    pub seed: u64,
    /// How many homes.
    pub homes: u32,
    /// Which.
    pub mix: Mix,
    /// The first second, a midnight UTC.
    pub start_s: i64,
    /// How many days.
    pub days: u32,
    /// What amounts are printed in.
    pub currency: String,
    /// Tariff, fees, interval length and the rest of what the zone has agreed on.
    pub rules: ZoneRules,
}

impl Scenario {
    /// The scenario of this TOML text.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let file: File = toml::from_str(text)?;
        checked(&file)
    }

    /// How many intervals it has.
    #[must_use]
    pub fn intervals(&self) -> u32 {
        self.days * (86_400 / self.rules.interval.seconds())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    zone: String,
    seed: u64,
    homes: u32,
    start: toml::value::Datetime,
    days: u32,
    roster: Option<RosterTable>,
    tariff: TariffTable,
    market: MarketTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarketTable {
    interval_s: u32,
    #[serde(default)]
    mechanism: Mechanism,
    buyer_fee_micro_per_kwh: i64,
    seller_fee_micro_per_kwh: i64,
    k_ppm: u32,
    credit_limit_nano: i64,
}

fn checked(file: &File) -> Result<Scenario, ScenarioError> {
    check_name(&file.name)?;
    check_range("homes", file.homes, HOMES_MIN, HOMES_MAX)?;
    check_range("days", file.days, 1, DAYS_MAX)?;
    check_range(
        "market.interval_s",
        file.market.interval_s,
        INTERVAL_S_MIN,
        3_600,
    )?;
    check_currency(&file.tariff.currency)?;
    let start_s = start_of("start", &file.start)?;
    let price = MicroPricePerKwh::new;
    let rules = ZoneRules {
        zone: ZoneId::new(file.zone.clone())?,
        interval: IntervalLength::new(file.market.interval_s)?,
        tariff: file.tariff.tariff(start_s)?,
        fees: Fees {
            buyer: price(file.market.buyer_fee_micro_per_kwh),
            seller: price(file.market.seller_fee_micro_per_kwh),
        },
        mechanism: file.market.mechanism,
        k_ppm: file.market.k_ppm,
        cutoff_s: 0,
        credit_limit: NanoAmount::new(file.market.credit_limit_nano),
        // Order names need not be secret in a simulation, but they must not change from run to run.
        order_secret: *keccak(&[b"gridsim/order-secret", file.zone.as_bytes()]).as_bytes(),
    };
    rules.check()?;
    Ok(Scenario {
        name: file.name.clone(),
        seed: file.seed,
        homes: file.homes,
        mix: match &file.roster {
            Some(roster) => roster.mix(file.homes)?,
            None => Mix::pattern(file.homes)?,
        },
        start_s,
        days: file.days,
        currency: file.tariff.currency.clone(),
        rules,
    })
}

pub(crate) fn value(
    key: &'static str,
    expected: impl Into<String>,
    got: impl ToString,
) -> ScenarioError {
    ScenarioError::Value {
        key,
        expected: expected.into(),
        got: got.to_string(),
    }
}

fn check_name(name: &str) -> Result<(), ScenarioError> {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if (1..=64).contains(&name.len()) && plain {
        Ok(())
    } else {
        Err(value(
            "name",
            "1 to 64 characters from a–z, 0–9 and `-`",
            name,
        ))
    }
}

fn check_range(key: &'static str, got: u32, low: u32, high: u32) -> Result<(), ScenarioError> {
    if (low..=high).contains(&got) {
        Ok(())
    } else {
        Err(value(key, format!("{low} to {high}"), got))
    }
}

fn check_currency(text: &str) -> Result<(), ScenarioError> {
    let fits = (1..=8).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(value(
            "tariff.currency",
            "1 to 8 printable characters",
            text,
        ))
    }
}

/// Seconds since 1970 of a TOML date.
pub(crate) fn start_of(
    key: &'static str,
    datetime: &toml::value::Datetime,
) -> Result<i64, ScenarioError> {
    let wrong = || {
        value(
            key,
            "a date from 1970-01-02 to 2099-12-31, without time",
            datetime,
        )
    };
    let date = datetime
        .date
        .filter(|_| datetime.time.is_none() && datetime.offset.is_none())
        .ok_or_else(wrong)?;
    let days = days_since_1970(
        i64::from(date.year),
        i64::from(date.month),
        i64::from(date.day),
    );
    if (1..47_482).contains(&days) {
        Ok(days * DAY_S)
    } else {
        Err(wrong())
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant, "days from civil").
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREET: &str = BUNDLED[0].1;

    #[test]
    fn bundled_scenarios_are_checked_and_named_as_their_files() {
        for (name, text) in BUNDLED {
            assert_eq!(Scenario::parse(text).expect("bundled").name, name);
        }
        let street = Scenario::parse(STREET).expect("bundled");
        assert_eq!((street.start_s, street.intervals()), (1_781_481_600, 672));
    }

    #[test]
    fn the_dictionary_names_every_key() {
        let dictionary = include_str!("../scenarios/README.md");
        for (_, text) in BUNDLED {
            let table: toml::Table = text.parse().expect("TOML");
            for (key, value) in &table {
                match value.as_table() {
                    Some(inner) => inner
                        .keys()
                        .for_each(|k| assert!(dictionary.contains(&format!("`{key}.{k}`")), "{k}")),
                    None => assert!(dictionary.contains(&format!("`{key}`")), "{key}"),
                }
            }
        }
    }

    #[test]
    fn wrong_values_are_named_with_what_was_expected() {
        let refuse = |from: &str, to: &str| {
            assert!(STREET.contains(from), "the test changes something");
            Scenario::parse(&STREET.replace(from, to))
                .expect_err(to)
                .to_string()
        };
        assert_eq!(
            refuse("homes = 25", "homes = 1"),
            "expected `homes` to be 2 to 1000, got `1`"
        );
        assert!(refuse("homes = 25", "houses = 25").contains("unknown field `houses`"));
        assert!(refuse("homes = 25\n", "").contains("missing field `homes`"));
        assert!(refuse("seed = 1", "seed = \"one\"").contains("invalid type"));
        assert!(
            refuse("start = 2026-06-15", "start = 2026-06-15T12:00:00Z").contains("without time")
        );
        assert!(refuse("interval_s = 900", "interval_s = 700").contains("`market.interval_s`"));
        assert!(
            refuse(
                "interval_s = 900",
                "interval_s = 900\nmechanism = \"lottery\""
            )
            .contains("unknown variant `lottery`")
        );
        assert!(
            refuse(
                "retail_micro_per_kwh = 300_000",
                "retail_micro_per_kwh = 70_000"
            )
            .contains("feed-in")
        );
    }

    #[test]
    fn a_scenario_can_name_any_mechanism_and_has_the_call_auction_by_default() {
        let with = |line: &str| {
            let text = STREET.replace("interval_s = 900", &format!("interval_s = 900\n{line}"));
            Scenario::parse(&text).expect("a scenario").rules.mechanism
        };
        assert_eq!(with(""), Mechanism::KDoubleAuction);
        for mechanism in Mechanism::ALL {
            assert_eq!(with(&format!("mechanism = \"{mechanism}\"")), mechanism);
        }
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        assert_eq!(days_since_1970(1970, 1, 1), 0);
        assert_eq!(days_since_1970(2000, 3, 1), 11_017);
        assert_eq!(days_since_1970(2024, 2, 29), 19_782);
        assert_eq!(days_since_1970(2100, 1, 1), 47_482);
    }
}
