//! Settlement intervals: half-open spans `[start, start + length)` of UTC, aligned to their length.

use serde::{Deserialize, Serialize};

/// A time does not lie on the raster of intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a multiple of the length.
    #[error("expected a multiple of {length_s} s since 1970, got {got_s} s")]
    Unaligned {
        /// The interval length.
        length_s: u32,
        /// The seconds that came.
        got_s: i64,
    },
    /// Not a length.
    #[error("expected an interval length that divides an hour (60 to 3600 s), got {got_s} s")]
    Length {
        /// The seconds that came.
        got_s: u32,
    },
}

/// The length of a zone's intervals in seconds: a divisor of an hour, at least a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct IntervalLength(u32);

impl IntervalLength {
    /// A quarter of an hour.
    pub const QUARTER_HOUR: Self = Self(900);

    /// The length of this many seconds.
    ///
    /// # Errors
    /// [`TimeError::Length`] unless it divides an hour and is at least a minute.
    pub fn new(seconds: u32) -> Result<Self, TimeError> {
        let divides = (60..=3600).contains(&seconds) && 3600_u32.is_multiple_of(seconds);
        if divides {
            Ok(Self(seconds))
        } else {
            Err(TimeError::Length { got_s: seconds })
        }
    }

    /// In seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The interval that holds an instant (seconds UTC).
    #[must_use]
    pub fn containing(self, second: i64) -> IntervalStart {
        let length = i64::from(self.0);
        IntervalStart(second.saturating_sub(second.rem_euclid(length)))
    }

    /// The start that is exactly this instant.
    ///
    /// # Errors
    /// [`TimeError::Unaligned`] when no interval starts there.
    pub fn start_at(self, second: i64) -> Result<IntervalStart, TimeError> {
        let start = self.containing(second);
        if start.0 == second {
            Ok(start)
        } else {
            Err(TimeError::Unaligned {
                length_s: self.0,
                got_s: second,
            })
        }
    }
}

impl TryFrom<u32> for IntervalLength {
    type Error = TimeError;

    fn try_from(seconds: u32) -> Result<Self, TimeError> {
        Self::new(seconds)
    }
}

impl From<IntervalLength> for u32 {
    fn from(length: IntervalLength) -> Self {
        length.0
    }
}

/// The start of an interval: seconds UTC, a multiple of the zone's interval length.
///
/// Made by [`IntervalLength::containing`] and [`IntervalLength::start_at`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntervalStart(i64);

impl IntervalStart {
    /// Seconds since 1970 UTC.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970 UTC.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.saturating_mul(1_000)
    }

    /// Where the next interval starts, which is where this one ends.
    #[must_use]
    pub fn next(self, length: IntervalLength) -> Self {
        Self(self.0.saturating_add(i64::from(length.0)))
    }

    /// Where the interval before starts.
    #[must_use]
    pub fn previous(self, length: IntervalLength) -> Self {
        Self(self.0.saturating_sub(i64::from(length.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_its_start_and_not_its_end() {
        let quarter = IntervalLength::QUARTER_HOUR;
        assert_eq!(quarter.containing(900).seconds(), 900);
        assert_eq!(quarter.containing(1_799).seconds(), 900);
        assert_eq!(quarter.containing(1_800).seconds(), 1_800);
        assert_eq!(quarter.containing(-1).seconds(), -900);
        assert!(quarter.start_at(901).is_err());
        assert!(IntervalLength::new(700).is_err());
    }
}
