//! The home's meters: how fresh their data is and what is wrong with them.

use crate::facts::MeterFacts;
use crate::format::{ago, clock};

/// How fresh a meter's data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// Which meter, in words.
    pub role: String,
    /// `2 min ago`
    pub ago: String,
    /// `fresh`, `late` or `silent`.
    pub tone: &'static str,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

pub(super) fn freshness(meter: &MeterFacts, now_ms: i64, interval_ms: i64) -> Freshness {
    let age = meter.last_seen_ms.map(|at| now_ms.saturating_sub(at));
    let tone = match age {
        Some(age) if age <= interval_ms + 60_000 => "fresh",
        Some(age) if age <= 4 * interval_ms => "late",
        _ => "silent",
    };
    let trouble = if meter.frozen {
        Some(
            "frozen: it sent two different readings under one number; it must be enrolled again"
                .to_owned(),
        )
    } else {
        meter.error.clone()
    };
    let at = |at: i64| format!("last reading {} ({})", ago(at, now_ms), clock(at));
    Freshness {
        role: meter.role.clone(),
        ago: meter
            .last_seen_ms
            .map_or_else(|| "no reading yet".to_owned(), at),
        tone,
        trouble,
    }
}
