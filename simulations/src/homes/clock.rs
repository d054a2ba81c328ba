//! The raster of the trajectories: days of UTC, cut into steps of five minutes.

/// Seconds of a day.
pub(super) const DAY_S: i64 = 86_400;
/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = DAY_S * 1_000;
/// Seconds of a step.
pub(super) const STEP_S: i64 = 300;
/// Milliseconds of a step.
pub(super) const STEP_MS: u64 = 300_000;
/// Steps of a day.
pub(super) const STEPS: usize = 288;
/// Steps of an hour.
pub(super) const STEPS_PER_HOUR: f64 = 12.0;
/// Where a street ends: registers stand still ten years after the start, so that no question takes
/// forever.
pub(super) const DAYS_MAX: i64 = 3_653;
/// 2100-01-01.
pub(super) const LATEST_START_S: i64 = 4_102_444_800;
/// People on the street live one hour ahead of UTC, all year: habits know no daylight saving.
const LOCAL_HOURS: f64 = 1.0;

/// A step of a day, with what the models want to know about its middle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Days since 1970, UTC.
    pub(super) day: i64,
    /// Hours of UTC, 0 to 24.
    pub(super) hour_utc: f64,
    /// Steps since 1970.
    pub(super) step: i64,
}

impl Moment {
    /// The middle of a step of a day.
    pub(super) fn of(day: i64, step: usize) -> Self {
        let step_i = i64::try_from(step).unwrap_or(0);
        let steps = i64::try_from(STEPS).unwrap_or(0);
        Self {
            day,
            hour_utc: (step_i as f64 + 0.5) / STEPS_PER_HOUR,
            step: day.saturating_mul(steps) + step_i,
        }
    }

    /// Day and hour (0 to 24) on the clock in the kitchen.
    pub(super) fn local(&self) -> (i64, f64) {
        let hour = self.hour_utc + LOCAL_HOURS;
        if hour < 24.0 {
            (self.day, hour)
        } else {
            (self.day + 1, hour - 24.0)
        }
    }

    /// Position in the year, 0 to 1 from about 1 January.
    pub(super) fn year_fraction(&self) -> f64 {
        let days = (self.day - 10_957) as f64 + self.hour_utc / 24.0;
        let years = days / 365.2425;
        years - years.floor()
    }
}

/// Whether a day (since 1970) is a Saturday or Sunday. 1970-01-01 was a Thursday.
pub(super) fn is_weekend(day: i64) -> bool {
    matches!((day + 3).rem_euclid(7), 5 | 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_november_2026_is_a_sunday() {
        let sunday = 1_793_491_200 / DAY_S;
        assert!(is_weekend(sunday) && is_weekend(sunday - 1));
        assert!(!is_weekend(sunday + 1) && !is_weekend(sunday - 2));
    }

    #[test]
    fn the_year_turns_at_new_year() {
        let new_year = 1_767_225_600 / DAY_S;
        assert!(Moment::of(new_year, 0).year_fraction() < 0.01);
        let midsummer = Moment::of(new_year + 171, 0).year_fraction();
        assert!((0.45..0.49).contains(&midsummer), "{midsummer}");
    }
}
