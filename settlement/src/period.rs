//! How often a batch is proposed, which is how finely the chain shows a home.
//!
//! A leaf is a lifetime sum, so two batches show what a home did between them. A day is the finest
//! that a home's values may be seen at in public; a shorter period must be asked for in so many words.

/// A day in seconds: the shortest period without [`BatchPeriod::allow_interval_roots`].
const DAY_S: u32 = 86_400;

/// A period that would show too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a batch period of at least {DAY_S} s, got {got_s} s: it would show each home's use within a day to everybody; set `allow_interval_roots` if that is wanted"
)]
pub struct PeriodError {
    /// The seconds that came.
    pub got_s: u32,
}

/// The time that a batch spans, in s of grid time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPeriod(u32);

impl BatchPeriod {
    /// A day.
    pub const DAY: Self = Self(DAY_S);

    /// A period of at least a day.
    ///
    /// # Errors
    /// [`PeriodError`] for a shorter one.
    pub fn new(seconds: u32) -> Result<Self, PeriodError> {
        if seconds >= DAY_S {
            Ok(Self(seconds))
        } else {
            Err(PeriodError { got_s: seconds })
        }
    }

    /// Any period: for a demo, or where all homes have agreed.
    #[must_use]
    pub const fn allow_interval_roots(seconds: u32) -> Self {
        Self(seconds)
    }

    /// Whether the next batch is due when the newest interval ends at `newest_end_s` and the last
    /// batch went to `settled_to_s`; the first one is due at once.
    #[must_use]
    pub fn is_due(self, settled_to_s: Option<i64>, newest_end_s: i64) -> bool {
        settled_to_s.is_none_or(|settled| newest_end_s >= settled.saturating_add(i64::from(self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_below_a_day_must_be_asked_for() {
        let error = BatchPeriod::new(900).expect_err("too short").to_string();
        assert!(error.contains("at least 86400 s, got 900 s"), "{error}");
        assert_eq!(BatchPeriod::new(86_400), Ok(BatchPeriod::DAY));
        let quarter = BatchPeriod::allow_interval_roots(900);
        assert!(quarter.is_due(Some(0), 900) && quarter.is_due(None, 900));
        assert!(!BatchPeriod::DAY.is_due(Some(0), 900));
    }
}
