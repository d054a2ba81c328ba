//! What the home is doing: one sentence about its last interval, and its live values.

use energy_core::{Side, WattHours};

use super::HomePageFacts;
use crate::format::{ct_per_kwh, kwh_exact, percent, power, span};

pub(super) fn doing(facts: &HomePageFacts) -> String {
    let Some(last) = facts.lines.last() else {
        return "No interval of this day has been cleared yet.".to_owned();
    };
    let when = span(last.start, facts.zone.interval);
    let price = facts
        .intervals
        .iter()
        .find(|i| i.start == last.start)
        .and_then(|i| i.price);
    let at = price
        .map(|p| format!(" at {} ct/kWh", ct_per_kwh(p)))
        .unwrap_or_default();
    match (last.filled(Side::Ask).get(), last.filled(Side::Bid).get()) {
        (0, 0) if last.import.is_none() => format!("No data came from the meter for {when}."),
        (0, 0) => format!("Nothing traded with neighbours from {when}."),
        (sold, 0) => format!(
            "Sold {} kWh to neighbours from {when}{at}.",
            kwh_exact(WattHours::new(sold))
        ),
        (_, bought) => format!(
            "Bought {} kWh from neighbours from {when}{at}.",
            kwh_exact(WattHours::new(bought))
        ),
    }
}

pub(super) fn live(facts: &HomePageFacts) -> Vec<(&'static str, String)> {
    let Some(live) = facts.live else {
        return Vec::new();
    };
    let grid = live
        .power
        .map(|p| (if p.get() < 0 { "Feeding in" } else { "Taking" }, power(p)));
    let pv = live.pv.map(|p| ("Solar", power(p)));
    let soc = live
        .soc_permille
        .map(|s| ("Battery", percent(u64::from(s), 1_000)));
    [pv, soc, grid].into_iter().flatten().collect()
}
