//! The utility's tariff: what it charges and pays for the rest, at every interval.
//!
//! Three kinds. *Flat*: two prices. *Time-of-use*: windows of the local week. *Series*: a list of
//! prices, such as day-ahead prices with the supplier's margin on them.
//!
//! Invariant: [`Tariff::at`] has an answer for every interval, and retail is never below feed-in. What
//! a tariff leaves open is not guessed: a time-of-use tariff covers the whole week or names prices for
//! the rest, a series names prices for the time outside it, and the contract with the utility says
//! them. Time-of-use and series are checked where they are made, so a year of prices is not checked
//! again in every interval.
//!
//! Known limits: local time is UTC plus a fixed offset, because daylight saving belongs to the pages;
//! where the clock changes, windows are an hour off for half of the year, or a series says it exactly.
//! Holidays are weekdays.
//!
//! As JSON a flat tariff is `{"retail":300000,"feed_in":80000}`, a time-of-use one
//! `{"utc_offset_minutes":60,"windows":[{"days":"weekday","from_minute":360,"to_minute":1320,
//! "retail":…,"feed_in":…}],"otherwise":{…}}`, a series
//! `{"start":…,"step":3600,"prices":[[retail,feed_in],…],"otherwise":{…}}`.

mod error;
mod series;
mod time_of_use;
mod written;

use energy_core::{
    IntervalLength, IntervalStart, MicroPricePerKwh, NanoAmount, Overflow, WattHours,
};
use serde::{Deserialize, Serialize};

use crate::rules::PRICE_MICRO_MAX;

pub use error::{Place, TariffError};
pub use series::PriceSeries;
pub use time_of_use::{Days, TariffWindow, TimeOfUse};

/// The utility's prices in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffPrices {
    /// What it charges, µ/kWh.
    pub retail: MicroPricePerKwh,
    /// What it pays, µ/kWh, at most `retail`.
    pub feed_in: MicroPricePerKwh,
}

impl TariffPrices {
    /// What it charges for an import less what it pays for an export.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn bill(self, import: WattHours, export: WattHours) -> Result<NanoAmount, Overflow> {
        import.value(self.retail)?.less(export.value(self.feed_in)?)
    }

    fn check(self, place: Place) -> Result<(), TariffError> {
        let (retail, feed_in) = (self.retail.get(), self.feed_in.get());
        for (name, got) in [("retail", retail), ("feed_in", feed_in)] {
            if !(-PRICE_MICRO_MAX..=PRICE_MICRO_MAX).contains(&got) {
                return Err(TariffError::Price { place, name, got });
            }
        }
        if feed_in > retail {
            return Err(TariffError::FeedIn {
                place,
                retail,
                feed_in,
            });
        }
        Ok(())
    }
}

/// Between which prices a tariff moves. Each price by itself: the highest retail price and the highest
/// feed-in price need not hold at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TariffRange {
    /// The lowest of each.
    pub lowest: TariffPrices,
    /// The highest of each.
    pub highest: TariffPrices,
}

impl TariffRange {
    fn of(prices: TariffPrices) -> Self {
        Self {
            lowest: prices,
            highest: prices,
        }
    }

    fn and(self, prices: TariffPrices) -> Self {
        let pick =
            |of: TariffPrices,
             better: fn(MicroPricePerKwh, MicroPricePerKwh) -> MicroPricePerKwh| {
                TariffPrices {
                    retail: better(of.retail, prices.retail),
                    feed_in: better(of.feed_in, prices.feed_in),
                }
            };
        Self {
            lowest: pick(self.lowest, MicroPricePerKwh::min),
            highest: pick(self.highest, MicroPricePerKwh::max),
        }
    }
}

/// What the utility charges and pays, over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "written::TariffRow", into = "written::TariffRow")]
pub enum Tariff {
    /// The same at all times.
    Flat(TariffPrices),
    /// By the local day and hour.
    TimeOfUse(TimeOfUse),
    /// By a list.
    Series(PriceSeries),
}

impl Tariff {
    /// The same prices at all times, µ/kWh.
    #[must_use]
    pub const fn flat(retail: MicroPricePerKwh, feed_in: MicroPricePerKwh) -> Self {
        Self::Flat(TariffPrices { retail, feed_in })
    }

    /// The prices that hold from the interval's start.
    #[must_use]
    pub fn at(&self, interval: IntervalStart) -> TariffPrices {
        match self {
            Self::Flat(prices) => *prices,
            Self::TimeOfUse(tariff) => tariff.at(interval),
            Self::Series(series) => series.at(interval),
        }
    }

    /// The lowest and the highest prices that it ever has.
    #[must_use]
    pub fn range(&self) -> TariffRange {
        match self {
            Self::Flat(prices) => TariffRange::of(*prices),
            Self::TimeOfUse(tariff) => {
                let mut all = tariff.all();
                let first = all.next().expect("a week has prices");
                all.fold(TariffRange::of(first), TariffRange::and)
            }
            Self::Series(series) => {
                let first = TariffRange::of(series.otherwise);
                series.all().fold(first, TariffRange::and)
            }
        }
    }

    /// Whether it can be used with intervals of this length.
    ///
    /// # Errors
    /// [`TariffError`] names the first thing that is wrong.
    pub fn check(&self, interval: IntervalLength) -> Result<(), TariffError> {
        match self {
            Self::Flat(prices) => prices.check(Place::Flat),
            Self::TimeOfUse(tariff) => tariff.check_edges(interval),
            Self::Series(series) => series.check_edges(interval),
        }
    }
}
