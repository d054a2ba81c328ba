//! Anonymous aggregates for research: zone totals by interval, never a home.

use askama::Template;

use super::Chrome;
use crate::facts::{IntervalFacts, ZoneFacts};
use crate::format::{count, ct_per_kwh, euro, kwh, percent, start};

/// One day in totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLine {
    /// `2026-06-15`
    pub day: String,
    /// Intervals cleared.
    pub intervals: String,
    /// kWh between homes.
    pub traded: String,
    /// kWh from the utility.
    pub from_utility: String,
    /// kWh to the utility.
    pub to_utility: String,
    /// Share of the need met locally.
    pub share: String,
    /// Mean price, weighted by energy, ct/kWh.
    pub price: String,
    /// What all homes saved.
    pub saved: String,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "research.html")]
pub struct ResearchPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The days, newest first.
    pub days: Vec<DayLine>,
    /// Whether the zone has too few homes to show totals.
    pub too_few: bool,
}

/// Sums by day, newest first.
#[must_use]
pub fn days(intervals: &[IntervalFacts]) -> Vec<DayLine> {
    let mut days: Vec<(String, Vec<&IntervalFacts>)> = Vec::new();
    for interval in intervals {
        let day = start(interval.start).chars().take(10).collect::<String>();
        match days.last_mut() {
            Some((last, list)) if *last == day => list.push(interval),
            _ => days.push((day, vec![interval])),
        }
    }
    days.iter()
        .rev()
        .map(|(day, list)| line(day, list))
        .collect()
}

fn line(day: &str, list: &[&IntervalFacts]) -> DayLine {
    use energy_core::{MicroPricePerKwh, NanoAmount, WattHours};
    let sum =
        |f: fn(&IntervalFacts) -> u64| list.iter().map(|i| f(i)).fold(0_u64, u64::saturating_add);
    let (traded, from) = (sum(|i| i.traded.get()), sum(|i| i.from_utility.get()));
    let value = list
        .iter()
        .filter_map(|i| Some(i.traded.value_wide(i.price?)))
        .sum::<i128>();
    let mean = value
        .checked_div(i128::from(traded))
        .and_then(|p| i64::try_from(p).ok())
        .map(MicroPricePerKwh::new);
    let saved = list
        .iter()
        .map(|i| i.saved.get())
        .fold(0_i64, i64::saturating_add);
    DayLine {
        day: day.to_owned(),
        intervals: count(list.len() as u64),
        traded: kwh(WattHours::new(traded)),
        from_utility: kwh(WattHours::new(from)),
        to_utility: kwh(WattHours::new(sum(|i| i.to_utility.get()))),
        share: percent(traded, traded.saturating_add(from)),
        price: mean.map_or_else(|| "–".to_owned(), ct_per_kwh),
        saved: euro(NanoAmount::new(saved)),
    }
}

/// The export: one line per interval, units in the names, UTC.
#[must_use]
pub fn csv(zone: &ZoneFacts, intervals: &[IntervalFacts]) -> String {
    let mut text = String::from(
        "zone,start_utc,state,price_micro_per_kwh,price_lo_micro_per_kwh,price_hi_micro_per_kwh,\
         traded_wh,from_utility_wh,to_utility_wh,saved_nano,homes\n",
    );
    let micro = |p: Option<energy_core::MicroPricePerKwh>| {
        p.map(|p| p.get().to_string()).unwrap_or_default()
    };
    for i in intervals {
        let cells = [
            zone.zone.to_string(),
            start(i.start),
            i.state.word().to_owned(),
            micro(i.price),
            micro(i.price_lo),
            micro(i.price_hi),
            i.traded.get().to_string(),
            i.from_utility.get().to_string(),
            i.to_utility.get().to_string(),
            i.saved.get().to_string(),
            i.homes.to_string(),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}
