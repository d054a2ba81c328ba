//! A glitch or a lasting change? What the refused readings of one meter amount to.
//!
//! One low value tells nothing. Three in a row over ten minutes, that rise as a counter does, are a
//! counter that began anew: the owner is asked to declare it. A value that comes back shows that it
//! was a glitch. Nothing here makes anything be signed.

use std::collections::BTreeMap;

use energy_core::WattHours;

use crate::profile::{Profile, Quantity};

use super::{CounterError, largest_rise};
use crate::decode::CounterFacts;

/// How many readings, and over how long, make a lasting change.
const READINGS_MIN: u32 = 3;
const LASTING_MS: u64 = 600_000;

/// What refused readings amount to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Suspicion {
    /// Too early to tell.
    #[error("`{}` may be a glitch of the device; the next good value counts", .quantity.name())]
    Glitch {
        /// Which counter.
        quantity: Quantity,
    },
    /// The device has just started.
    #[error("`{}` shows 0 since the device has started; the next good value counts", .quantity.name())]
    Starting {
        /// Which counter.
        quantity: Quantity,
    },
    /// It counts on from a lower value.
    #[error(
        "`{}` has been counting from {from} to {to} in {readings} readings over {minutes} min after it stood at {before}: it was reset; declare it with `reset_declared`",
        .quantity.name()
    )]
    Reset {
        /// Which counter.
        quantity: Quantity,
        /// The last signed value.
        before: WattHours,
        /// The first lower value.
        from: WattHours,
        /// The newest.
        to: WattHours,
        /// How many readings say so.
        readings: u32,
        /// Over how many minutes.
        minutes: u64,
    },
    /// It is another device.
    #[error("the meter now has the serial number `{now}`: it was exchanged; declare it")]
    Exchange {
        /// The serial number that came.
        now: String,
    },
}

#[derive(Debug, Clone, Copy)]
struct Low {
    from: WattHours,
    to: WattHours,
    since_ms: u64,
    last_ms: u64,
    readings: u32,
}

/// The refused readings of one meter.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    low: BTreeMap<Quantity, Low>,
    glitches: u64,
}

impl Watch {
    /// A reading was refused at `time_ms`: what all of them amount to, none for an error that says
    /// nothing about a lower counter.
    pub fn refused(
        &mut self,
        profile: &Profile,
        error: &CounterError,
        time_ms: u64,
    ) -> Option<Suspicion> {
        let (quantity, before, now) = match error {
            CounterError::BootZero { quantity, .. } => {
                return Some(Suspicion::Starting {
                    quantity: *quantity,
                });
            }
            CounterError::Exchanged { now, .. } => {
                return Some(Suspicion::Exchange { now: now.clone() });
            }
            CounterError::Fell {
                quantity,
                before,
                now,
            } => (*quantity, *before, *now),
            CounterError::Dipped { quantity, .. } => {
                return Some(Suspicion::Glitch {
                    quantity: *quantity,
                });
            }
            CounterError::TooFast { .. } | CounterError::Gone { .. } => return None,
        };
        let fresh = Low {
            from: now,
            to: now,
            since_ms: time_ms,
            last_ms: time_ms,
            readings: 0,
        };
        let low = self.low.entry(quantity).or_insert(fresh);
        if !counts_on(profile, low, now, time_ms) {
            *low = fresh;
        }
        low.to = now;
        low.last_ms = time_ms;
        low.readings = low.readings.saturating_add(1);
        let lasted_ms = time_ms.saturating_sub(low.since_ms);
        Some(if low.readings >= READINGS_MIN && lasted_ms >= LASTING_MS {
            Suspicion::Reset {
                quantity,
                before,
                from: low.from,
                to: low.to,
                readings: low.readings,
                minutes: lasted_ms.div_euclid(60_000),
            }
        } else {
            Suspicion::Glitch { quantity }
        })
    }

    /// A reading was signed: whatever was low has come back.
    pub fn signed(&mut self) {
        let came_back = u64::try_from(self.low.len()).unwrap_or(u64::MAX);
        self.glitches = self.glitches.saturating_add(came_back);
        self.low.clear();
    }

    /// How many low counters have come back: glitches, or resets that were declared.
    #[must_use]
    pub const fn glitches(&self) -> u64 {
        self.glitches
    }
}

/// Whether a low counter goes on as counters do.
fn counts_on(profile: &Profile, low: &Low, now: WattHours, time_ms: u64) -> bool {
    let facts = CounterFacts {
        step: WattHours::new(100),
        is_float: false,
        wrap: None,
        rate_max_w: profile.power_max_w(),
    };
    let most = largest_rise(facts, time_ms.saturating_sub(low.last_ms));
    now >= low.to && now.saturating_less(low.to) <= most
}
