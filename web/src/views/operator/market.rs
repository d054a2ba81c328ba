//! The market's tables: the cleared intervals, and the orders behind a merit order.

use super::OperatorFacts;
use crate::facts::{BookFacts, IntervalFacts};
use crate::format::{ct_per_kwh, kwh_exact, percent, rfc3339, span, start};

/// An interval in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalLine {
    /// Its merit order.
    pub href: String,
    /// When.
    pub when: String,
    /// ct/kWh
    pub price: String,
    /// The valid prices, ct/kWh.
    pub valid: String,
    /// kWh between homes.
    pub traded: String,
    /// kWh from the utility.
    pub from_utility: String,
    /// kWh to the utility.
    pub to_utility: String,
    /// Share met locally.
    pub share: String,
    /// How far it has come.
    pub state: &'static str,
}

pub(super) fn interval_line(facts: &OperatorFacts, i: &IntervalFacts) -> IntervalLine {
    let dash = || "–".to_owned();
    let valid = i
        .price_lo
        .zip(i.price_hi)
        .map(|(lo, hi)| format!("{} to {}", ct_per_kwh(lo), ct_per_kwh(hi)));
    IntervalLine {
        href: format!("/operator?interval={}#merit", start(i.start)),
        when: format!(
            "{} {}",
            &rfc3339(i.start.millis())[5..10],
            span(i.start, facts.zone.interval)
        ),
        price: i.price.map_or_else(dash, ct_per_kwh),
        valid: valid.unwrap_or_else(dash),
        traded: kwh_exact(i.traded),
        from_utility: kwh_exact(i.from_utility),
        to_utility: kwh_exact(i.to_utility),
        share: percent(
            i.traded.get(),
            i.traded.get().saturating_add(i.from_utility.get()),
        ),
        state: i.state.word(),
    }
}

pub(super) fn book_lines(book: &BookFacts) -> Vec<(&'static str, String, String)> {
    let mut orders = book.orders.clone();
    orders.sort_by_key(|o| {
        let rank = if o.side == energy_core::Side::Bid {
            o.price.get().saturating_neg()
        } else {
            o.price.get()
        };
        (o.side, rank, o.id)
    });
    let word = |side| {
        if side == energy_core::Side::Bid {
            "buys"
        } else {
            "sells"
        }
    };
    orders
        .iter()
        .map(|o| (word(o.side), ct_per_kwh(o.price), kwh_exact(o.quantity)))
        .collect()
}
