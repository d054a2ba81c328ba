//! Why a tariff cannot be used, and where in it.

use super::time_of_use::{DAY_MINUTES, UTC_OFFSET_MINUTES_MAX};
use crate::rules::PRICE_MICRO_MAX;
use crate::series::SeriesError;

/// Where in a tariff something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A flat tariff.
    Flat,
    /// The n-th window, from 0.
    Window(usize),
    /// The n-th entry of a series, from 0.
    Entry(usize),
    /// What holds at all other times.
    Otherwise,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flat => f.write_str("the flat tariff"),
            Self::Window(n) => write!(f, "window {n}"),
            Self::Entry(n) => write!(f, "entry {n} of the series"),
            Self::Otherwise => f.write_str("the prices for all other times"),
        }
    }
}

/// A tariff cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TariffError {
    /// The utility would pay more than it charges.
    #[error(
        "expected a feed-in price up to the retail price of {retail} µ/kWh, got {feed_in} in {place}"
    )]
    FeedIn {
        /// Where.
        place: Place,
        /// What the utility charges.
        retail: i64,
        /// What it pays.
        feed_in: i64,
    },
    /// A price beyond all reason.
    #[error("expected `{name}` within ±{PRICE_MICRO_MAX} µ/kWh, got {got} in {place}")]
    Price {
        /// Where.
        place: Place,
        /// Which price.
        name: &'static str,
        /// What came.
        got: i64,
    },
    /// Not a time zone.
    #[error("expected an offset from UTC within ±{UTC_OFFSET_MINUTES_MAX} minutes, got {got}")]
    Offset {
        /// What came.
        got: i16,
    },
    /// A window that ends before it begins, or outside the day.
    #[error(
        "expected window {window} to begin before it ends, from minute 0 to {DAY_MINUTES}, \
         got {from_minute} to {to_minute}"
    )]
    Window {
        /// Which, from 0.
        window: usize,
        /// Its first minute.
        from_minute: u16,
        /// The minute after its last.
        to_minute: u16,
    },
    /// Two windows at one time.
    #[error("expected one window at a time, got two on a {day} at minute {minute}")]
    Overlap {
        /// `weekday` or `weekend`.
        day: &'static str,
        /// Minute of the local day.
        minute: u16,
    },
    /// No window at a time, and no prices for the rest.
    #[error(
        "expected a window for every time or prices for all others, got neither on a {day} at \
         minute {minute}"
    )]
    Gap {
        /// `weekday` or `weekend`.
        day: &'static str,
        /// Minute of the local day.
        minute: u16,
    },
    /// Prices change inside an interval.
    #[error(
        "expected window {window} to begin and end at the edges of intervals of {interval_s} s"
    )]
    Edge {
        /// The zone's interval, in seconds.
        interval_s: u32,
        /// Which, from 0.
        window: usize,
    },
    /// The list is not a series.
    #[error(transparent)]
    Series(#[from] SeriesError),
}
