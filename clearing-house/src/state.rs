//! The life of an interval in a metered zone.
//!
//! `open → closed → delivered → metered → cleared → settled → final`, each step once, in order. A zone
//! clears its intervals in order, each when it is complete or at its cutoff, whichever is first; a
//! cleared interval is never cleared again.

use energy_core::IntervalStart;
use serde::{Deserialize, Serialize};

use crate::rules::ZoneRules;

/// How far an interval has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalState {
    /// It has begun and runs.
    Open,
    /// It has ended.
    Closed,
    /// The energy has flowed; readings are awaited.
    Delivered,
    /// Readings are complete, or the cutoff has passed.
    Metered,
    /// The market is cleared.
    Cleared,
    /// The journal has it.
    Settled,
    /// A final settlement batch covers it.
    Final,
}

/// Not a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an interval state from `open` to `final`, got `{got}`")]
pub struct UnknownState {
    /// What came.
    pub got: String,
}

impl IntervalState {
    const NAMES: [(Self, &str); 7] = [
        (Self::Open, "open"),
        (Self::Closed, "closed"),
        (Self::Delivered, "delivered"),
        (Self::Metered, "metered"),
        (Self::Cleared, "cleared"),
        (Self::Settled, "settled"),
        (Self::Final, "final"),
    ];

    /// The state after this one, none after the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::NAMES
            .iter()
            .map(|(state, _)| *state)
            .find(|state| *state > self)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, name)| *name)
    }
}

impl std::fmt::Display for IntervalState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for IntervalState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let state = Self::NAMES
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(state, _)| *state);
        state.ok_or_else(|| UnknownState {
            got: text.to_owned(),
        })
    }
}

/// Whether an interval can be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It still runs.
    NotEnded,
    /// Readings are missing, and the cutoff is still to come.
    Waiting {
        /// The cutoff, seconds UTC.
        until_s: i64,
    },
    /// Every home's energy is known.
    Complete,
    /// Not every home's, but the others wait no longer.
    CutoffPassed,
}

impl Readiness {
    /// Whether to clear now.
    #[must_use]
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Complete | Self::CutoffPassed)
    }
}

/// Whether an interval can be cleared at `now_s` (seconds UTC of grid time), given whether the energy
/// of every home is known.
#[must_use]
pub fn readiness(
    rules: &ZoneRules,
    interval: IntervalStart,
    now_s: i64,
    is_complete: bool,
) -> Readiness {
    let until_s = rules.cutoff_of(interval);
    if now_s < interval.next(rules.interval).seconds() {
        Readiness::NotEnded
    } else if is_complete {
        Readiness::Complete
    } else if now_s < until_s {
        Readiness::Waiting { until_s }
    } else {
        Readiness::CutoffPassed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_follow_each_other_to_the_end() {
        let mut state = IntervalState::Open;
        let mut names = vec![state.to_string()];
        while let Some(next) = state.next() {
            assert_eq!(next.as_str().parse(), Ok(next));
            names.push(next.to_string());
            state = next;
        }
        assert_eq!(
            names.join(" "),
            "open closed delivered metered cleared settled final"
        );
        assert!("opened".parse::<IntervalState>().is_err());
    }
}
