//! What a lifetime counter may do between two readings.
//!
//! It stays or rises, no faster than the device's highest power allows. A counter that fell is an
//! error unless a rollover is declared by the profile (and the distance fits) or a reset by the
//! owner. A glitch is therefore never signed, upwards or downwards, and the next good value is.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use energy_core::{Quality, WattHours};

use crate::chain::MeterHead;
use crate::decode::Sample;
use crate::poller::counter;
use crate::profile::{Profile, Quantity};

/// A counter did what no counter does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CounterError {
    /// It fell.
    #[error(
        "expected `{}` to be at least {before}, got {now}; if the meter was reset, declare it with `reset_declared`",
        .quantity.name()
    )]
    Fell {
        /// Which counter.
        quantity: Quantity,
        /// The last signed value.
        before: WattHours,
        /// The value that came.
        now: WattHours,
    },
    /// It rose faster than it can.
    #[error("expected `{}` to rise by at most {most} since the last reading, it rose from {before} to {now}", .quantity.name())]
    TooFast {
        /// Which counter.
        quantity: Quantity,
        /// What the device's highest power allows.
        most: WattHours,
        /// The last signed value.
        before: WattHours,
        /// The value that came.
        now: WattHours,
    },
    /// It was there before and is gone.
    #[error("expected `{}`, which the last reading had, got none", .quantity.name())]
    Gone {
        /// Which counter.
        quantity: Quantity,
    },
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
    let Some(last) = last else {
        return Ok(Quality::GOOD);
    };
    let mut quality = Quality::GOOD;
    let most = largest_rise(
        profile,
        time_ms.saturating_sub(last.time_ms),
        sample.resolution,
    );
    let pairs = [
        (Quantity::Import, last.import),
        (Quantity::Export, last.export),
        (Quantity::Pv, last.pv),
    ];
    for (quantity, before) in pairs {
        let Some(before) = before else { continue };
        let now = counter(sample, quantity).ok_or(CounterError::Gone { quantity })?;
        let wrap = profile
            .points()
            .iter()
            .find(|p| p.quantity == quantity)
            .and_then(|p| p.wrap);
        let over = wrap.and_then(|wrap| wrap.less(before).ok()?.plus(now).ok());
        if now < before {
            if over.is_some_and(|rise| rise <= most) {
                quality = quality.with(Quality::ROLLOVER);
            } else if reset_declared {
                quality = quality.with(Quality::RESET);
            } else {
                return Err(CounterError::Fell {
                    quantity,
                    before,
                    now,
                });
            }
        } else if now.saturating_less(before) > most {
            return Err(CounterError::TooFast {
                quantity,
                most,
                before,
                now,
            });
        }
    }
    Ok(quality)
}

/// What the highest power can count in this time, rounded up, and two steps of the register.
fn largest_rise(profile: &Profile, elapsed_ms: u64, resolution: WattHours) -> WattHours {
    let milliwatt_hours = u128::from(profile.power_max_w()).saturating_mul(u128::from(elapsed_ms));
    let whole = milliwatt_hours.div_ceil(3_600_000);
    let steps = u128::from(resolution.get()).saturating_mul(2);
    WattHours::new(u64::try_from(whole.saturating_add(steps)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use energy_core::{Hash, MeterId};

    use super::*;
    use crate::decode::decode_tokens;
    use crate::shipped;

    const QUARTER_MS: u64 = 900_000;

    fn sample(profile: &Profile, import: u64) -> Sample {
        let tokens = [("$.total_act", import), ("$.total_act_ret", 70)];
        decode_tokens(
            profile,
            &tokens
                .map(|(path, token)| (path.to_owned(), token.to_string()))
                .into(),
        )
    }

    fn head(import: u64) -> MeterHead {
        MeterHead {
            meter: MeterId::new([1; 16]),
            sequence: 1,
            hash: Hash::ZERO,
            time_ms: 0,
            import: Some(WattHours::new(import)),
            export: Some(WattHours::new(70)),
            pv: None,
        }
    }

    fn after(
        profile: &Profile,
        before: u64,
        now: u64,
        reset: bool,
    ) -> Result<Quality, CounterError> {
        follows(
            profile,
            Some(&head(before)),
            QUARTER_MS,
            &sample(profile, now),
            reset,
        )
    }

    #[test]
    fn a_counter_stays_or_rises_and_never_falls() {
        let profile = shipped::profile("json-meter").expect("shipped");
        assert_eq!(after(&profile, 1_000, 1_000, false), Ok(Quality::GOOD));
        assert_eq!(after(&profile, 1_000, 1_200, false), Ok(Quality::GOOD));
        assert!(matches!(
            after(&profile, 1_000, 999, false),
            Err(CounterError::Fell { .. })
        ));
        assert_eq!(after(&profile, 1_000, 0, true), Ok(Quality::RESET));
        assert_eq!(
            follows(&profile, None, 0, &sample(&profile, 5), false),
            Ok(Quality::GOOD)
        );
    }

    #[test]
    fn a_counter_that_jumps_ahead_is_not_believed() {
        let profile = shipped::profile("json-meter").expect("shipped");
        // 69 kW for a quarter of an hour are 17 250 Wh.
        assert_eq!(after(&profile, 0, 17_252, false), Ok(Quality::GOOD));
        assert!(matches!(
            after(&profile, 0, 17_253, false),
            Err(CounterError::TooFast { .. })
        ));
    }

    #[test]
    fn a_declared_rollover_is_told_apart_from_a_fall() {
        let text = shipped::text("json-meter").expect("shipped");
        let text = text.replacen(
            "path = \"$.total_act\"",
            "path = \"$.total_act\"\nwrap_wh = 1000000",
            1,
        );
        let profile = Profile::from_toml("wrapping", &text).expect("loads");
        assert_eq!(after(&profile, 999_900, 150, false), Ok(Quality::ROLLOVER));
        assert!(matches!(
            after(&profile, 900_000, 150, false),
            Err(CounterError::Fell { .. })
        ));
    }

    #[test]
    fn a_counter_that_was_there_cannot_be_gone() {
        let profile = shipped::profile("json-meter").expect("shipped");
        let mut last = head(0);
        last.pv = Some(WattHours::new(3));
        let result = follows(
            &profile,
            Some(&last),
            QUARTER_MS,
            &sample(&profile, 0),
            false,
        );
        assert_eq!(
            result,
            Err(CounterError::Gone {
                quantity: Quantity::Pv
            })
        );
    }
}
