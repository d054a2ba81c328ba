//! The life of an interval, in a metered and in a forward zone.
//!
//! | zone | states |
//! |---|---|
//! | metered | `open → closed → delivered → metered → cleared → settled → final` |
//! | forward | `open → closed → cleared → delivered → metered → allocated → settled → final` |
//!
//! Each step once, in order. A zone clears its intervals in order: a metered one each when it is
//! complete or at its cutoff, whichever is first, a forward one each at gate closure. A cleared interval
//! is never cleared again.

use energy_core::IntervalStart;
use serde::{Deserialize, Serialize};

use crate::rules::ZoneRules;

/// Not a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an interval state from `open` to `final`, got `{got}`")]
pub struct UnknownState {
    /// What came.
    pub got: String,
}

/// States in the order of a life, with their names.
macro_rules! life {
    ($(#[$doc:meta])* $name:ident { $($(#[$state_doc:meta])* $state:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$state_doc])* $state,)+
        }

        impl $name {
            const NAMES: &[(Self, &str)] = &[$((Self::$state, $text)),+];

            /// The state after this one, none after the last.
            #[must_use]
            pub fn next(self) -> Option<Self> {
                let mut states = Self::NAMES.iter().map(|(state, _)| *state);
                states.find(|state| *state > self)
            }

            /// Its name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                let mut names = Self::NAMES.iter();
                names
                    .find(|(state, _)| *state == self)
                    .map_or("", |(_, name)| *name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownState;

            fn from_str(text: &str) -> Result<Self, UnknownState> {
                let mut names = Self::NAMES.iter();
                names
                    .find(|(_, name)| *name == text)
                    .map(|(state, _)| *state)
                    .ok_or_else(|| UnknownState {
                        got: text.to_owned(),
                    })
            }
        }
    };
}

life! {
    /// How far an interval of a metered zone has come.
    IntervalState {
        /// It has begun and runs.
        Open = "open",
        /// It has ended.
        Closed = "closed",
        /// The energy has flowed; readings are awaited.
        Delivered = "delivered",
        /// Readings are complete, or the cutoff has passed.
        Metered = "metered",
        /// The market is cleared.
        Cleared = "cleared",
        /// The journal has it.
        Settled = "settled",
        /// A final settlement batch covers it.
        Final = "final",
    }
}

life! {
    /// How far an interval of a forward zone has come.
    ForwardState {
        /// Orders for it can be given, changed and taken back.
        Open = "open",
        /// Its gate has closed: its orders stand.
        Closed = "closed",
        /// The market is cleared; who trades how much at what price is fixed.
        Cleared = "cleared",
        /// The energy has flowed; readings are awaited.
        Delivered = "delivered",
        /// Readings are complete, or the cutoff has passed.
        Metered = "metered",
        /// What was traded and performed is shared out; the rest is imbalance.
        Allocated = "allocated",
        /// The journal has it.
        Settled = "settled",
        /// A final settlement batch covers it.
        Final = "final",
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

    #[test]
    fn a_forward_interval_is_cleared_before_it_is_delivered() {
        let life = std::iter::successors(Some(ForwardState::Open), |state| state.next());
        let names: Vec<&str> = life.map(ForwardState::as_str).collect();
        assert_eq!(
            names.join(" "),
            "open closed cleared delivered metered allocated settled final"
        );
        assert_eq!("allocated".parse(), Ok(ForwardState::Allocated));
        assert!("allocated".parse::<IntervalState>().is_err());
    }
}
