//! Prices by a list.

use energy_core::{IntervalLength, IntervalStart};

use super::{Place, TariffError, TariffPrices};
use crate::series::Series;

/// Prices by a list, each for one step, and the prices for all times outside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceSeries {
    pub(super) prices: Series<TariffPrices>,
    pub(super) otherwise: TariffPrices,
}

impl PriceSeries {
    /// The prices from the start of the series on, and `otherwise` before and after it.
    ///
    /// # Errors
    /// [`TariffError`] names the first wrong price.
    pub fn new(prices: Series<TariffPrices>, otherwise: TariffPrices) -> Result<Self, TariffError> {
        for (n, entry) in prices.values().iter().enumerate() {
            entry.check(Place::Entry(n))?;
        }
        otherwise.check(Place::Otherwise)?;
        Ok(Self { prices, otherwise })
    }

    pub(super) fn at(&self, interval: IntervalStart) -> TariffPrices {
        self.prices.at(interval).unwrap_or(self.otherwise)
    }

    /// All prices that it has.
    pub(super) fn all(&self) -> impl Iterator<Item = TariffPrices> {
        let listed = self.prices.values().iter().copied();
        listed.chain([self.otherwise])
    }

    pub(super) fn check_edges(&self, interval: IntervalLength) -> Result<(), TariffError> {
        Ok(self.prices.check(interval)?)
    }
}
