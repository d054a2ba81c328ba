//! The same recorded month under different rules: a line for each, and what a good market must reach.
//!
//! *Self-sufficiency without trade* is the demand that each home's own roof and battery met ÷ demand;
//! *with trade* the same and what neighbours sold each other ÷ demand. No battery charges from the grid,
//! so all that a home takes from the grid is demand.

mod table;

use clearing_house::ZoneRules;
use market_engine::mechanism::Mechanism;

use crate::{
    conservation::Differences,
    gain::{Gain, gini},
    local_price::{LocalPrice, local_prices, mean_micro},
    metrics::share,
    recording::Recording,
    results::Results,
    runner::{self, Preferences, RunError},
};

pub use table::table;

/// The least that local trade adds to self-sufficiency, in points.
pub const POINTS_MIN: f64 = 15.0;
/// The least share of the gain for buyers, and for sellers.
pub const SIDE_SHARE_MIN: f64 = 0.25;
/// The least share of the daylight intervals with trade that clear strictly inside the band.
pub const INSIDE_SHARE_MIN: f64 = 0.5;

/// A run under one mechanism and one set of preferences.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// How it was cleared.
    pub mechanism: Mechanism,
    /// What the homes wanted.
    pub preferences: Preferences,
    /// Σ used by the homes, Wh.
    pub load_wh: u64,
    /// The part of it that homes took from the grid, Wh.
    pub import_wh: u64,
    /// Σ traded locally, Wh.
    pub traded_wh: u64,
    /// What buyers paid a kWh before fees, by volume, µ/kWh rounded down; none without trade.
    pub price_mean_micro: Option<i64>,
    /// The smallest saving of a home over the run, 10⁻⁹ currency.
    pub saving_min_nano: i64,
    /// What does not add up, and home-intervals that cost more than with the utility alone.
    pub differences: Differences,
    /// Who got what.
    pub gain: Gain,
    /// Daylight intervals with trade.
    pub daylight_traded: u32,
    /// Of these, those in which sellers received more than feed-in and its fee, and buyers paid less
    /// than retail less its fee.
    pub daylight_inside: u32,
    /// How unevenly the savings are spread over the homes, 0 to 1.
    pub saving_gini: f64,
}

/// Settles a recorded street in one way.
///
/// # Errors
/// [`RunError`].
pub fn line(
    rules: &ZoneRules,
    recording: &Recording,
    mechanism: Mechanism,
    preferences: Preferences,
) -> Result<Line, RunError> {
    let rules = ZoneRules {
        mechanism,
        ..rules.clone()
    };
    let results = runner::settle(&rules, recording, preferences)?;
    let savings: Vec<i64> = results.homes.iter().map(|h| h.saving_nano).collect();
    let prices = local_prices(&results.fills);
    let (daylight_traded, daylight_inside) = inside_band(&rules, recording, &results, &prices);
    Ok(Line {
        mechanism,
        preferences,
        load_wh: results.homes.iter().map(|h| h.load_wh).sum(),
        import_wh: results.homes.iter().map(|h| h.import_wh).sum(),
        traded_wh: results.intervals.iter().map(|i| i.traded_wh).sum(),
        price_mean_micro: mean_micro(&prices),
        saving_min_nano: savings.iter().copied().min().unwrap_or(0),
        differences: results.differences,
        gain: Gain::of(&rules, &results.fills),
        daylight_traded,
        daylight_inside,
        saving_gini: gini(&savings),
    })
}

impl Line {
    /// Self-sufficiency without trade, 0 to 1.
    #[must_use]
    pub fn alone(&self) -> f64 {
        1.0 - share(self.import_wh, self.load_wh)
    }

    /// Self-sufficiency with trade, 0 to 1.
    #[must_use]
    pub fn with_trade(&self) -> f64 {
        1.0 - share(self.import_wh - self.traded_wh, self.load_wh)
    }

    /// What trade adds, in points.
    #[must_use]
    pub fn points(&self) -> f64 {
        100.0 * share(self.traded_wh, self.load_wh)
    }

    /// A part of the gain, 0 of nothing.
    #[must_use]
    pub fn share_of_gain(&self, part_nano: i128) -> f64 {
        match self.gain.total_nano() {
            0 => 0.0,
            total => part_nano as f64 / total as f64,
        }
    }

    /// The share of the daylight intervals with trade that clear strictly inside the band.
    #[must_use]
    pub fn inside(&self) -> f64 {
        share(self.daylight_inside.into(), self.daylight_traded.into())
    }

    /// What a good market must reach and this one does not, in words.
    #[must_use]
    pub fn misses(&self) -> Vec<&'static str> {
        let side = |part| self.share_of_gain(part) >= SIDE_SHARE_MIN;
        let Differences {
            energy_wh,
            money_nano,
            ..
        } = self.differences;
        [
            ((energy_wh, money_nano) == (0, 0), "balance"),
            (self.points() >= POINTS_MIN, "gain"),
            (
                self.differences.worse_off == 0 && self.saving_min_nano >= 0,
                "worse off",
            ),
            (side(self.gain.buyers_nano), "buyers"),
            (side(self.gain.sellers_nano), "sellers"),
            (self.inside() >= INSIDE_SHARE_MIN, "band"),
        ]
        .into_iter()
        .filter_map(|(is_reached, what)| (!is_reached).then_some(what))
        .collect()
    }
}

/// Daylight intervals with trade, and those strictly inside the band.
fn inside_band(
    rules: &ZoneRules,
    recording: &Recording,
    results: &Results,
    prices: &[LocalPrice],
) -> (u32, u32) {
    let daylight = recording.daylight();
    let is_daylight = |start_s: i64| {
        let intervals = &results.intervals;
        let index = intervals.binary_search_by_key(&start_s, |i| i.start_s);
        index.is_ok_and(|index| daylight.get(index) == Some(&true))
    };
    let by_day = prices.iter().filter(|price| is_daylight(price.start_s));
    by_day.fold((0, 0), |(traded, inside), price| {
        (traded + 1, inside + u32::from(price.is_inside_band(rules)))
    })
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;
    use crate::scenario::{BUNDLED, Scenario};

    /// The bundled month, recorded, with the first days of it.
    fn month(days: u32) -> (Scenario, Recording) {
        let named = BUNDLED
            .iter()
            .find(|(name, _)| *name == "community-37-month");
        let mut scenario = Scenario::parse(named.expect("bundled").1).expect("a scenario");
        scenario.days = days;
        let recording = Recording::of(&scenario, scenario.seed, 0).expect("records");
        (scenario, recording)
    }

    #[test]
    fn the_default_market_shares_the_gain_of_a_month() {
        let (scenario, recording) = month(31);
        let line = line(
            &scenario.rules,
            &recording,
            Mechanism::default(),
            Preferences::Drawn,
        );
        let line = line.expect("settles");
        assert_eq!(line.misses(), Vec::<&str>::new(), "{line:?}");
        assert_eq!(line.gain.zone_nano, 0);
    }

    #[test]
    fn it_does_whatever_the_homes_want_and_the_price_follows_them() {
        let (scenario, recording) = month(7);
        let lines: Vec<Line> = Preferences::ALL
            .par_iter()
            .map(|want| line(&scenario.rules, &recording, Mechanism::default(), *want))
            .collect::<Result<_, _>>()
            .expect("settles");
        for line in &lines {
            assert_eq!(line.misses(), Vec::<&str>::new(), "{line:?}");
        }
        let prices: Vec<_> = lines.iter().map(|line| line.price_mean_micro).collect();
        assert!(prices[0] > prices[1] && prices[1] > prices[2], "{prices:?}");
    }

    #[test]
    fn a_line_that_misses_something_says_what() {
        let (scenario, recording) = month(1);
        let good = line(
            &scenario.rules,
            &recording,
            Mechanism::default(),
            Preferences::Drawn,
        );
        let good = good.expect("settles");
        let refused = |change: fn(&mut Line)| {
            let mut line = good.clone();
            line.traded_wh = line.load_wh / 5;
            change(&mut line);
            line.misses()
        };
        assert_eq!(refused(|_| ()), Vec::<&str>::new());
        assert_eq!(refused(|l| l.traded_wh = l.load_wh / 7), ["gain"]);
        assert_eq!(refused(|l| l.differences.energy_wh = 1), ["balance"]);
        assert_eq!(refused(|l| l.differences.worse_off = 1), ["worse off"]);
        assert_eq!(refused(|l| l.saving_min_nano = -1), ["worse off"]);
        assert_eq!(refused(|l| l.daylight_inside = 0), ["band"]);
        assert_eq!(refused(|l| l.gain.sellers_nano = 0), ["sellers"]);
        assert_eq!(refused(|l| l.gain.buyers_nano = 0), ["buyers"]);
        let table = table(&scenario, scenario.seed, &recording, &[good]);
        let widths: Vec<usize> = table
            .lines()
            .filter(|line| line.starts_with(['─', 'k']))
            .filter_map(|line| line.split(['✓', '✗']).next())
            .map(|cells| cells.trim_end().chars().count())
            .collect();
        assert_eq!(widths.len(), 3, "{table}");
        assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
    }
}
