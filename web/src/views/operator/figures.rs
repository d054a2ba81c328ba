//! The big numbers: price, volume, savings, settlement.

use energy_core::{NanoAmount, WattHours};

use super::OperatorFacts;
use crate::facts::IntervalFacts;
use crate::format::{ct_per_kwh, euro, kwh, percent};

/// What it is, the number, its unit, one line below.
pub(super) type Figure = (&'static str, String, &'static str, String);

pub(super) fn figures(facts: &OperatorFacts) -> Vec<Figure> {
    let sum = |f: fn(&IntervalFacts) -> u64| {
        facts
            .intervals
            .iter()
            .map(f)
            .fold(0_u64, u64::saturating_add)
    };
    let (traded, from) = (sum(|i| i.traded.get()), sum(|i| i.from_utility.get()));
    let saved = facts
        .intervals
        .iter()
        .map(|i| i.saved.get())
        .fold(0_i64, i64::saturating_add);
    let last = facts.intervals.last();
    let inside = |i: &IntervalFacts| {
        let tariff = facts.zone.tariff.at(i.start);
        i.price
            .is_some_and(|p| p > tariff.feed_in && p < tariff.retail)
    };
    let priced = facts.intervals.iter().filter(|i| i.price.is_some()).count();
    let pending = facts.batches.iter().filter(|b| !b.is_final).count();
    vec![
        (
            "Last price",
            last.and_then(|i| i.price)
                .map_or_else(|| "–".to_owned(), ct_per_kwh),
            "ct/kWh",
            format!(
                "{} of {priced} traded intervals inside the tariff band",
                facts.intervals.iter().filter(|i| inside(i)).count()
            ),
        ),
        (
            "Traded, 24 h",
            kwh(WattHours::new(traded)),
            "kWh",
            format!(
                "{} of the need met locally",
                percent(traded, traded.saturating_add(from))
            ),
        ),
        (
            "Saved, 24 h",
            euro(NanoAmount::new(saved)),
            "",
            "by all homes, against the utility alone".to_owned(),
        ),
        (
            "Settlement",
            facts
                .batches
                .iter()
                .find(|b| b.is_final)
                .map_or_else(|| "–".to_owned(), |b| format!("batch {}", b.number)),
            "",
            if pending == 0 {
                "final, nothing pending".to_owned()
            } else {
                format!("final, {pending} pending")
            },
        ),
    ]
}
