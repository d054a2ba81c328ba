//! The tile that must say zero: meters less ledger less chain, and what is not final yet.

use energy_core::{NanoAmount, WattHours};

use super::OperatorFacts;
use crate::format::{day_clock, euro_exact, kwh_exact};

/// The tile that must say zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZeroTile {
    /// `0 Wh`
    pub energy: String,
    /// `0 €`
    pub cash: String,
    /// Whether both are zero.
    pub agrees: bool,
    /// Meters, ledger, chain: label and kWh.
    pub parts: Vec<(&'static str, String)>,
    /// What it refers to.
    pub when: String,
    /// What is not final yet.
    pub pending: String,
}

pub(super) fn zero(facts: &OperatorFacts) -> ZeroTile {
    let kilo = |wh: i64| {
        let sign = if wh < 0 { "\u{2212}" } else { "" };
        format!("{sign}{} kWh", kwh_exact(WattHours::new(wh.unsigned_abs())))
    };
    let unknown = || "–".to_owned();
    let Some(at) = &facts.at_final else {
        return ZeroTile {
            energy: unknown(),
            cash: unknown(),
            agrees: true,
            parts: vec![
                ("Meters", unknown()),
                ("Ledger", unknown()),
                ("Chain", unknown()),
            ],
            when: "no settlement batch is final yet".to_owned(),
            pending: pending(facts),
        };
    };
    let agrees =
        at.energy_difference_wh == 0 && at.cash_difference_nano == 0 && at.chain_wh.is_some();
    ZeroTile {
        energy: format!("{} Wh", at.energy_difference_wh),
        cash: if at.cash_difference_nano == 0 {
            "0 €".to_owned()
        } else {
            euro_exact(NanoAmount::new(at.cash_difference_nano))
        },
        agrees,
        parts: vec![
            ("Meters", kilo(at.metered_wh)),
            ("Ledger", kilo(at.ledger_wh)),
            ("Chain", at.chain_wh.map_or_else(unknown, kilo)),
        ],
        when: {
            let end = at.start.next(facts.zone.interval);
            let number = facts
                .batches
                .iter()
                .find(|b| b.is_final)
                .map_or(String::new(), |b| format!("batch {}, ", b.number));
            format!("{number}final, up to {}", day_clock(end.millis()))
        },
        pending: pending(facts),
    }
}

fn pending(facts: &OperatorFacts) -> String {
    let Some(newest) = &facts.newest else {
        return "nothing has been cleared yet".to_owned();
    };
    let on_chain = facts.at_final.as_ref().map_or(0, |at| at.ledger_wh);
    let energy = newest.ledger_wh.saturating_sub(on_chain);
    let waiting = match &facts.at_final {
        Some(at) => facts
            .intervals
            .iter()
            .filter(|i| i.start > at.start)
            .count(),
        None => facts.intervals.len(),
    };
    let plural = if waiting == 1 {
        "interval"
    } else {
        "intervals"
    };
    match waiting {
        0 => "nothing is pending".to_owned(),
        n => format!(
            "{n} {plural} with {} kWh are not final yet",
            kwh_exact(WattHours::new(energy.unsigned_abs()))
        ),
    }
}
