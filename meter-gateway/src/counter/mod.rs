//! What a lifetime counter may do between two readings.
//!
//! It stays or rises, no faster than the device's highest power allows. A counter that fell is one of
//! these, and only the first three are signed:
//!
//! | what | how it is known | what happens |
//! |---|---|---|
//! | rollover | the profile (or a SunSpec accumulator) declares the modulus, and `modulus − before + now` is no more than the device can count | signed, marked |
//! | reset | the owner declares it, or the device does: it says that it counts since another moment | signed, marked |
//! | exchange | another serial number, and the owner declares it | signed, marked |
//! | boot zero | it shows 0 | error; the next good value is signed |
//! | dip | it fell by no more than two of its steps | error; the next good value is signed |
//! | anything else | – | error; [`Watch`] says when it has become a lasting change |
//!
//! So a glitch is never signed, upwards or downwards. Interval energy is always a difference of two
//! signed values, and a rollover counts with its modulus ([`risen`]).
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

mod error;
mod watch;

use energy_core::{Quality, WattHours};

use crate::chain::MeterHead;
use crate::decode::{CounterFacts, Identity, Sample};
use crate::poller::counter;
use crate::profile::{Profile, Quantity};

pub use error::CounterError;
pub use watch::{Suspicion, Watch};

/// What pins a device: a change of it says that the device is another one, or counts anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pinned {
    /// Its serial number.
    pub serial: Option<String>,
    /// Since when it counts.
    pub epoch: Option<String>,
}

impl Pinned {
    /// What pins a device that says this about itself.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        Self {
            serial: identity.serial().map(str::to_owned),
            epoch: identity.epoch().map(str::to_owned),
        }
    }

    /// This, and from `before` what the device did not say again.
    #[must_use]
    pub fn or(self, before: Self) -> Self {
        Self {
            serial: self.serial.or(before.serial),
            epoch: self.epoch.or(before.epoch),
        }
    }
}

/// What the owner has declared about a meter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Declared {
    /// Its counters were set back on purpose.
    pub reset: bool,
    /// It was exchanged for another one.
    pub exchange: bool,
}

/// Whether a sample may follow the last signed reading, and what is to be said about it.
///
/// # Errors
/// [`CounterError`] for the first counter that does not fit.
pub fn follows(
    profile: &Profile,
    last: Option<&MeterHead>,
    time_ms: u64,
    sample: &Sample,
    reset_declared: bool,
) -> Result<Quality, CounterError> {
    let declared = Declared {
        reset: reset_declared,
        exchange: false,
    };
    follows_pinned(profile, last, None, time_ms, sample, declared)
}

/// The same for a device that was pinned by the last signed reading.
///
/// # Errors
/// [`CounterError`]: of another serial number that nobody declared, else for the first counter that
/// does not fit.
pub fn follows_pinned(
    profile: &Profile,
    last: Option<&MeterHead>,
    pinned: Option<&Pinned>,
    time_ms: u64,
    sample: &Sample,
    declared: Declared,
) -> Result<Quality, CounterError> {
    let Some(last) = last else {
        // This gateway knows of no reading before; what is declared tells the node that has some.
        return Ok(match declared {
            Declared { exchange: true, .. } => Quality::EXCHANGED,
            Declared { reset: true, .. } => Quality::RESET,
            Declared { .. } => Quality::GOOD,
        });
    };
    let now = Pinned::of(&sample.identity);
    if let Some((before, serial)) = changed(pinned.map(|p| &p.serial), &now.serial) {
        return if declared.exchange {
            Ok(Quality::EXCHANGED)
        } else {
            Err(CounterError::Exchanged {
                before: before.to_owned(),
                now: serial.to_owned(),
            })
        };
    }
    let anew = changed(pinned.map(|p| &p.epoch), &now.epoch).is_some();
    let elapsed_ms = time_ms.saturating_sub(last.time_ms);
    let mut quality = Quality::GOOD;
    let pairs = [
        (Quantity::Import, last.import),
        (Quantity::Export, last.export),
        (Quantity::Pv, last.pv),
    ];
    for (quantity, before) in pairs {
        let Some(before) = before else { continue };
        let now = counter(sample, quantity).ok_or(CounterError::Gone { quantity })?;
        let counter = Counter {
            quantity,
            facts: facts_of(profile, sample, quantity),
            elapsed_ms,
        };
        quality = quality.with(counter.step(before, now, anew, declared.reset)?);
    }
    Ok(quality)
}

/// Both, where both are known and differ.
fn changed<'a>(
    before: Option<&'a Option<String>>,
    now: &'a Option<String>,
) -> Option<(&'a str, &'a str)> {
    let (before, now) = (before?.as_deref()?, now.as_deref()?);
    (before != now).then_some((before, now))
}

fn facts_of(profile: &Profile, sample: &Sample, quantity: Quantity) -> CounterFacts {
    let facts = sample.counters.get(&quantity).copied();
    facts.unwrap_or(CounterFacts {
        step: sample.resolution,
        is_float: false,
        wrap: None,
        rate_max_w: profile.power_max_w(),
    })
}

/// One counter over one span of time.
struct Counter {
    quantity: Quantity,
    facts: CounterFacts,
    elapsed_ms: u64,
}

impl Counter {
    fn step(
        &self,
        before: WattHours,
        now: WattHours,
        anew: bool,
        reset_declared: bool,
    ) -> Result<Quality, CounterError> {
        let quantity = self.quantity;
        let most = largest_rise(self.facts, self.elapsed_ms);
        let fell = |error| {
            if reset_declared {
                Ok(Quality::RESET)
            } else {
                Err(error)
            }
        };
        let too_fast = CounterError::TooFast {
            quantity,
            most,
            before,
            now,
        };
        if anew {
            // It began at zero after the last reading.
            return if now <= most {
                Ok(Quality::RESET)
            } else {
                Err(too_fast)
            };
        }
        match risen(before, now, self.facts.wrap) {
            Some(rise) if now >= before && rise <= most => Ok(Quality::GOOD),
            Some(_) if now >= before => Err(too_fast),
            Some(rise) if rise <= most => Ok(Quality::ROLLOVER),
            _ if now == WattHours::new(0) => fell(CounterError::BootZero { quantity, before }),
            _ if before.saturating_less(now) <= twice(self.facts.step) => {
                fell(CounterError::Dipped {
                    quantity,
                    before,
                    now,
                })
            }
            _ => fell(CounterError::Fell {
                quantity,
                before,
                now,
            }),
        }
    }
}

/// How much a counter has risen from `before` to `now`, over its modulus if it fell; none where it
/// fell and has no modulus, or stood beyond it.
#[must_use]
pub fn risen(before: WattHours, now: WattHours, wrap: Option<WattHours>) -> Option<WattHours> {
    if now >= before {
        return Some(now.saturating_less(before));
    }
    wrap?.less(before).ok()?.plus(now).ok()
}

/// What the highest power can count in this time, rounded up, and two steps of the register.
fn largest_rise(facts: CounterFacts, elapsed_ms: u64) -> WattHours {
    let milliwatt_hours = u128::from(facts.rate_max_w).saturating_mul(u128::from(elapsed_ms));
    let whole = milliwatt_hours.div_ceil(3_600_000);
    let most = whole.saturating_add(u128::from(twice(facts.step).get()));
    WattHours::new(u64::try_from(most).unwrap_or(u64::MAX))
}

fn twice(step: WattHours) -> WattHours {
    WattHours::new(step.get().saturating_mul(2))
}

#[cfg(test)]
mod tests;
