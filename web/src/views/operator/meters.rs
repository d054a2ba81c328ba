//! The zone's meters: when each was heard and what is wrong with it.

use super::OperatorFacts;
use crate::facts::MeterFacts;
use crate::format::{ago, count, short_hex};

/// A meter in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterLine {
    /// Whose.
    pub home: String,
    /// What it does.
    pub role: String,
    /// Its id, shortened.
    pub meter: String,
    /// When it was last heard.
    pub seen: String,
    /// `fresh`, `late` or `silent`.
    pub tone: &'static str,
    /// Boundary readings of the last day.
    pub boundaries: String,
    /// Boundaries missed.
    pub gaps: String,
    /// Readings refused, with the newest reason.
    pub refused: String,
    /// What is wrong.
    pub trouble: String,
}

pub(super) fn meter_line(
    facts: &OperatorFacts,
    meter: &MeterFacts,
    now_ms: i64,
    interval_ms: i64,
) -> MeterLine {
    let name = facts
        .homes
        .iter()
        .find(|h| h.home == meter.home)
        .map(|h| h.name.clone());
    let tone = match meter.last_seen_ms.map(|at| now_ms.saturating_sub(at)) {
        Some(age) if age <= interval_ms + 60_000 => "fresh",
        Some(age) if age <= 4 * interval_ms => "late",
        _ => "silent",
    };
    let reason = meter
        .refused_reason
        .as_ref()
        .map(|r| format!(" ({r})"))
        .unwrap_or_default();
    let trouble = if meter.frozen {
        Some("frozen after two readings under one number".to_owned())
    } else {
        meter.error.clone()
    };
    MeterLine {
        home: name.unwrap_or_else(|| format!("Home {}", meter.home)),
        role: meter.role.clone(),
        meter: short_hex(&meter.meter.to_string()),
        seen: meter
            .last_seen_ms
            .map_or_else(|| "never".to_owned(), |at| ago(at, now_ms)),
        tone,
        boundaries: count(meter.boundaries),
        gaps: count(meter.gaps),
        refused: format!("{}{reason}", count(meter.refused)),
        trouble: trouble.unwrap_or_else(|| "–".to_owned()),
    }
}

pub(super) fn meters_note(meters: &[MeterLine]) -> String {
    let fresh = meters.iter().filter(|m| m.tone == "fresh").count();
    let trouble = meters.iter().filter(|m| m.trouble != "–").count();
    let rest = if trouble == 0 {
        String::new()
    } else {
        format!("; {trouble} in trouble")
    };
    format!(
        "{fresh} of {} heard within the last interval{rest}",
        meters.len()
    )
}
