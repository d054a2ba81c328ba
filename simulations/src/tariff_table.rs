//! The `[tariff]` table of a scenario: flat, time-of-use or a series.
//!
//! The two prices beside `kind` are the whole tariff when it is flat, and what holds at all other
//! times when it is not. A key that has no meaning for the kind is refused.

use clearing_house::series::Series;
use clearing_house::tariff::{Days, PriceSeries, TariffError, TariffWindow, TimeOfUse};
use clearing_house::{Tariff, TariffPrices};
use energy_core::{IntervalLength, IntervalStart, MicroPricePerKwh};
use serde::Deserialize;

use crate::scenario::{ScenarioError, start_of, value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TariffTable {
    pub(crate) currency: String,
    #[serde(default)]
    kind: Kind,
    retail_micro_per_kwh: Option<i64>,
    feed_in_micro_per_kwh: Option<i64>,
    utc_offset_minutes: Option<i16>,
    windows: Option<Vec<WindowTable>>,
    start: Option<toml::value::Datetime>,
    step_s: Option<u32>,
    prices_micro_per_kwh: Option<Vec<(i64, i64)>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Flat,
    TimeOfUse,
    Series,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowTable {
    days: Days,
    from: String,
    to: String,
    retail_micro_per_kwh: i64,
    feed_in_micro_per_kwh: i64,
}

impl TariffTable {
    /// The tariff. A series begins with the scenario unless it says when.
    pub(crate) fn tariff(&self, scenario_start_s: i64) -> Result<Tariff, ScenarioError> {
        let flat = self.flat_prices()?;
        let missing = |key| value(key, "there for this `tariff.kind`", "nothing");
        let of_windows = [
            (
                "tariff.utc_offset_minutes",
                self.utc_offset_minutes.is_some(),
            ),
            ("tariff.windows", self.windows.is_some()),
        ];
        let of_series = [
            ("tariff.start", self.start.is_some()),
            ("tariff.step_s", self.step_s.is_some()),
            (
                "tariff.prices_micro_per_kwh",
                self.prices_micro_per_kwh.is_some(),
            ),
        ];
        match self.kind {
            Kind::Flat => {
                refuse("flat", of_windows)?;
                refuse("flat", of_series)?;
                Ok(Tariff::Flat(
                    flat.ok_or_else(|| missing("tariff.retail_micro_per_kwh"))?,
                ))
            }
            Kind::TimeOfUse => {
                refuse("time-of-use", of_series)?;
                let windows = self.windows.as_ref();
                let windows = windows.ok_or_else(|| missing("tariff.windows"))?;
                let offset = self
                    .utc_offset_minutes
                    .ok_or_else(|| missing("tariff.utc_offset_minutes"))?;
                let windows = windows.iter().map(WindowTable::window);
                let windows = windows.collect::<Result<_, _>>()?;
                Ok(Tariff::TimeOfUse(TimeOfUse::new(offset, windows, flat)?))
            }
            Kind::Series => {
                refuse("series", of_windows)?;
                let otherwise = flat.ok_or_else(|| missing("tariff.retail_micro_per_kwh"))?;
                self.series(scenario_start_s, otherwise)
            }
        }
    }

    fn flat_prices(&self) -> Result<Option<TariffPrices>, ScenarioError> {
        let missing = |key| value(key, "there beside the other price", "nothing");
        match (self.retail_micro_per_kwh, self.feed_in_micro_per_kwh) {
            (None, None) => Ok(None),
            (Some(retail), Some(feed_in)) => Ok(Some(prices(retail, feed_in))),
            (None, Some(_)) => Err(missing("tariff.retail_micro_per_kwh")),
            (Some(_), None) => Err(missing("tariff.feed_in_micro_per_kwh")),
        }
    }

    fn series(
        &self,
        scenario_start_s: i64,
        otherwise: TariffPrices,
    ) -> Result<Tariff, ScenarioError> {
        let missing = |key| value(key, "there for this `tariff.kind`", "nothing");
        let listed = self.prices_micro_per_kwh.as_ref();
        let listed = listed.ok_or_else(|| missing("tariff.prices_micro_per_kwh"))?;
        let step_s = self.step_s.ok_or_else(|| missing("tariff.step_s"))?;
        let step = IntervalLength::new(step_s)
            .map_err(|_| value("tariff.step_s", "a divisor of an hour from 60 up", step_s))?;
        let start_s = match &self.start {
            Some(start) => start_of("tariff.start", start)?,
            None => scenario_start_s,
        };
        let start: IntervalStart = step.containing(start_s);
        let listed = listed
            .iter()
            .map(|(retail, feed_in)| prices(*retail, *feed_in));
        let series = Series::new(start, step, listed.collect()).map_err(TariffError::from)?;
        Ok(Tariff::Series(PriceSeries::new(series, otherwise)?))
    }
}

impl WindowTable {
    fn window(&self) -> Result<TariffWindow, ScenarioError> {
        Ok(TariffWindow {
            days: self.days,
            from_minute: minute("tariff.windows.from", &self.from)?,
            to_minute: minute("tariff.windows.to", &self.to)?,
            prices: prices(self.retail_micro_per_kwh, self.feed_in_micro_per_kwh),
        })
    }
}

fn prices(retail: i64, feed_in: i64) -> TariffPrices {
    TariffPrices {
        retail: MicroPricePerKwh::new(retail),
        feed_in: MicroPricePerKwh::new(feed_in),
    }
}

fn refuse<const N: usize>(
    kind: &str,
    keys: [(&'static str, bool); N],
) -> Result<(), ScenarioError> {
    match keys.into_iter().find(|(_, is_there)| *is_there) {
        Some((key, _)) => Err(value(
            key,
            format!("absent where `tariff.kind` is `{kind}`"),
            "a value",
        )),
        None => Ok(()),
    }
}

/// The minute of the day of `HH:MM`, 00:00 to 24:00.
fn minute(key: &'static str, text: &str) -> Result<u16, ScenarioError> {
    let two_digits = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<u16>().ok()).flatten()
    };
    text.split_once(':')
        .and_then(|(hour, minute)| Some((two_digits(hour)?, two_digits(minute)?)))
        .filter(|(hour, minute)| *minute < 60 && hour * 60 + minute <= 1_440)
        .map(|(hour, minute)| hour * 60 + minute)
        .ok_or_else(|| value(key, "a time of day from 00:00 to 24:00", text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{BUNDLED, Scenario};

    const FLAT: &str = "retail_micro_per_kwh = 300_000\nfeed_in_micro_per_kwh = 80_000\n";
    const WINDOWS: &str = r#"
        kind = "time-of-use"
        utc_offset_minutes = 60
        [[tariff.windows]]
        days = "weekday"
        from = "06:00"
        to = "22:00"
        retail_micro_per_kwh = 350_000
        feed_in_micro_per_kwh = 80_000
    "#;
    const SERIES: &str = "kind = \"series\"\nstep_s = 3600\n\
        prices_micro_per_kwh = [[310_000, 90_000], [320_000, 95_000]]\n";

    /// The bundled street with another tariff.
    fn with(tariff: &str) -> Result<Scenario, ScenarioError> {
        let street = BUNDLED[0].1;
        assert!(street.contains(FLAT), "the test changes something");
        Scenario::parse(&street.replace(FLAT, tariff))
    }

    #[track_caller]
    fn retail(tariff: &str, at: &[(i64, i64)]) {
        let scenario = with(tariff).expect("a tariff");
        for (after_s, expected) in at {
            let start = scenario
                .rules
                .interval
                .containing(scenario.start_s + after_s);
            assert_eq!(scenario.rules.tariff.at(start).retail.get(), *expected);
        }
    }

    #[test]
    fn the_three_kinds_give_their_prices() {
        // The street begins on a Monday at midnight UTC, which is one o'clock where windows are.
        let hour = 3_600;
        retail(FLAT, &[(0, 300_000)]);
        let windows = format!("{FLAT}{WINDOWS}");
        retail(&windows, &[(4 * hour, 300_000), (5 * hour, 350_000)]);
        retail(
            &windows,
            &[(21 * hour, 300_000), (5 * 24 * hour + 5 * hour, 300_000)],
        );
        let series = format!("{FLAT}{SERIES}");
        retail(
            &series,
            &[(0, 310_000), (2 * hour - 900, 320_000), (2 * hour, 300_000)],
        );
        let later = format!("{FLAT}{SERIES}start = 2026-06-16\n");
        retail(&later, &[(0, 300_000), (24 * hour, 310_000)]);
    }

    #[test]
    fn wrong_tariffs_are_named_with_what_was_expected() {
        let refuse = |tariff: &str| with(tariff).expect_err(tariff).to_string();
        assert!(refuse(WINDOWS).contains("neither on a weekday at minute 0"));
        assert!(refuse(SERIES).contains("`tariff.retail_micro_per_kwh`"));
        assert!(refuse("").contains("`tariff.retail_micro_per_kwh`"));
        assert!(refuse("retail_micro_per_kwh = 1\n").contains("`tariff.feed_in_micro_per_kwh`"));
        assert!(refuse(&format!("{FLAT}step_s = 900\n")).contains("absent"));
        assert!(refuse(&format!("{FLAT}kind = \"hourly\"\n")).contains("unknown variant"));
        let windows = format!("{FLAT}{WINDOWS}");
        assert!(refuse(&windows.replace("06:00", "6")).contains("`tariff.windows.from`"));
        assert!(refuse(&windows.replace("06:00", "23:00")).contains("begin before it ends"));
        assert!(refuse(&windows.replace("06:00", "06:05")).contains("edges of intervals"));
        assert!(refuse(&windows.replace("350_000", "50_000")).contains("window 0"));
        let series = format!("{FLAT}{SERIES}");
        assert!(refuse(&series.replace("95_000", "950_000")).contains("entry 1"));
        assert!(refuse(&series.replace("3600", "700")).contains("`tariff.step_s`"));
    }

    #[test]
    fn the_dictionary_names_every_key_of_every_kind() {
        let dictionary = include_str!("../scenarios/README.md");
        for key in [
            "kind",
            "utc_offset_minutes",
            "windows",
            "windows.days",
            "windows.from",
            "windows.to",
            "windows.retail_micro_per_kwh",
            "windows.feed_in_micro_per_kwh",
            "start",
            "step_s",
            "prices_micro_per_kwh",
        ] {
            assert!(dictionary.contains(&format!("`tariff.{key}`")), "{key}");
        }
    }
}
