//! Values by a list, each for one step: how prices that change with time are handed over.

use energy_core::{IntervalLength, IntervalStart, TimeError};
use serde::{Deserialize, Serialize};

/// A list is not a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// Nothing in it.
    #[error("expected at least one value in the series, got none")]
    Empty,
    /// It does not begin on its own raster.
    #[error("start of the series: {0}")]
    Start(#[from] TimeError),
    /// Values change inside an interval.
    #[error("expected a step that is a multiple of the interval of {interval_s} s, got {step_s} s")]
    Step {
        /// The zone's interval, in seconds.
        interval_s: u32,
        /// The step, in seconds.
        step_s: u32,
    },
}

/// Values from a start on, each for one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Row<V>", into = "Row<V>")]
#[serde(bound(
    serialize = "V: Clone + Serialize",
    deserialize = "V: Copy + Deserialize<'de>"
))]
pub struct Series<V> {
    start: IntervalStart,
    step: IntervalLength,
    values: Vec<V>,
}

impl<V: Copy> Series<V> {
    /// The series from `start` on, a multiple of `step`.
    ///
    /// # Errors
    /// [`SeriesError`] when the list is empty or begins between two steps.
    pub fn new(
        start: IntervalStart,
        step: IntervalLength,
        values: Vec<V>,
    ) -> Result<Self, SeriesError> {
        step.start_at(start.seconds())?;
        if values.is_empty() {
            return Err(SeriesError::Empty);
        }
        Ok(Self {
            start,
            step,
            values,
        })
    }

    /// The value that holds from the interval's start, none before the series and after it.
    #[must_use]
    pub fn at(&self, interval: IntervalStart) -> Option<V> {
        let since_s = interval.seconds().saturating_sub(self.start.seconds());
        let step = since_s.div_euclid(self.step.seconds().into());
        usize::try_from(step)
            .ok()
            .and_then(|n| self.values.get(n))
            .copied()
    }

    /// When it begins.
    #[must_use]
    pub fn start(&self) -> IntervalStart {
        self.start
    }

    /// How long each value holds.
    #[must_use]
    pub fn step(&self) -> IntervalLength {
        self.step
    }

    /// Its values, oldest first, at least one.
    #[must_use]
    pub fn values(&self) -> &[V] {
        &self.values
    }

    /// Whether no value changes inside an interval of this length.
    ///
    /// # Errors
    /// [`SeriesError::Step`].
    pub fn check(&self, interval: IntervalLength) -> Result<(), SeriesError> {
        let (interval_s, step_s) = (interval.seconds(), self.step.seconds());
        if step_s.is_multiple_of(interval_s) {
            Ok(())
        } else {
            Err(SeriesError::Step { interval_s, step_s })
        }
    }
}

/// How a series is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<V> {
    start: IntervalStart,
    step: IntervalLength,
    values: Vec<V>,
}

impl<V: Copy> TryFrom<Row<V>> for Series<V> {
    type Error = SeriesError;

    fn try_from(row: Row<V>) -> Result<Self, SeriesError> {
        Self::new(row.start, row.step, row.values)
    }
}

impl<V> From<Series<V>> for Row<V> {
    fn from(series: Series<V>) -> Self {
        Self {
            start: series.start,
            step: series.step,
            values: series.values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_holds_for_its_step_and_none_outside() {
        let quarter = IntervalLength::QUARTER_HOUR;
        let hour = IntervalLength::new(3_600).expect("an hour");
        let start = hour.start_at(7_200).expect("aligned");
        let series = Series::new(start, hour, vec![5, 6]).expect("a series");
        let at = |s| series.at(quarter.start_at(s).expect("aligned"));
        assert_eq!(
            [6_300, 7_200, 9_900, 10_800, 13_500, 14_400].map(at),
            [None, Some(5), Some(5), Some(6), Some(6), None]
        );
        series.check(quarter).expect("four quarters an hour");
        let quarters = Series::new(start, quarter, vec![5]).expect("a series");
        let message = quarters.check(hour).expect_err("finer").to_string();
        assert!(message.contains("3600 s, got 900 s"), "{message}");
        assert_eq!(
            Series::new(start, hour, Vec::<u8>::new()),
            Err(SeriesError::Empty)
        );
        let late = quarter.start_at(8_100).expect("aligned");
        assert!(Series::new(late, hour, vec![1]).is_err());
    }
}
