//! What a run comes to, from its rows. Sums are integers; ratios and means are for reading.

use crate::conservation::Differences;
use crate::local_price::{LocalPrice, local_prices, mean_micro};
use crate::results::Results;
use crate::scenario::Scenario;

/// A run on one page.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Σ used by the homes, Wh.
    pub load_wh: u64,
    /// Σ generated, Wh.
    pub pv_wh: u64,
    /// Σ taken from the grid, Wh.
    pub import_wh: u64,
    /// Σ fed into the grid, Wh.
    pub export_wh: u64,
    /// Σ traded locally, Wh.
    pub traded_wh: u64,
    /// Share of the load that did not come from the utility, without the market.
    pub self_sufficiency_alone: f64,
    /// The same with the market.
    pub self_sufficiency_market: f64,
    /// Prices between neighbours, if there was any trade.
    pub prices: Option<Prices>,
    /// Per home, 10⁻⁹ currency.
    pub savings: Spread,
    /// Fees of the grid operator, 10⁻⁹ currency.
    pub fees_nano: i64,
    /// Energy tokens minted, Wh.
    pub minted_wh: u64,
    /// Homes whose order was cut at least once, because they could not pay.
    pub homes_cut: usize,
    /// Homes that paid more over the run than with the utility alone.
    pub homes_worse_off: usize,
    /// What does not add up.
    pub differences: Differences,
}

/// Prices between neighbours in 10⁻⁶ currency per kWh: the clearing price of an interval, or the mean
/// of what its buyers paid where there is no single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Intervals with trade.
    pub intervals: usize,
    /// Of these, strictly between what a seller gets and a buyer pays at the utility, fees considered.
    pub inside_band: usize,
    /// The lowest.
    pub min: i64,
    /// By volume, rounded down.
    pub mean: i64,
    /// The highest.
    pub max: i64,
}

/// Smallest, middle and largest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// The smallest.
    pub min: i64,
    /// The middle one, the lower of two.
    pub median: i64,
    /// The largest.
    pub max: i64,
    /// The sum.
    pub sum: i64,
}

/// The summary of a run.
#[must_use]
pub fn summary(scenario: &Scenario, results: &Results) -> Summary {
    let homes = &results.homes;
    let load_wh: u64 = homes.iter().map(|h| h.load_wh).sum();
    let import_wh: u64 = homes.iter().map(|h| h.import_wh).sum();
    let traded_wh: u64 = results.intervals.iter().map(|i| i.traded_wh).sum();
    let without = |from_utility: u64| 1.0 - share(from_utility, load_wh);
    Summary {
        load_wh,
        pv_wh: homes.iter().map(|h| h.pv_wh).sum(),
        import_wh,
        export_wh: homes.iter().map(|h| h.export_wh).sum(),
        traded_wh,
        self_sufficiency_alone: without(import_wh),
        self_sufficiency_market: without(import_wh - traded_wh),
        prices: prices(scenario, results),
        savings: spread(homes.iter().map(|h| h.saving_nano).collect()),
        fees_nano: results.intervals.iter().map(|i| i.fees_nano).sum(),
        minted_wh: results.intervals.iter().map(|i| i.minted_wh).sum(),
        homes_cut: homes.iter().filter(|h| h.cut_intervals > 0).count(),
        homes_worse_off: homes.iter().filter(|h| h.saving_nano < 0).count(),
        differences: results.differences,
    }
}

/// A part of a whole, 0 of nothing.
#[must_use]
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn prices(scenario: &Scenario, results: &Results) -> Option<Prices> {
    let prices = local_prices(&results.fills);
    let micro = || {
        prices
            .iter()
            .filter_map(|price| i64::try_from(price.micro()).ok())
    };
    let is_inside = |price: &&LocalPrice| price.is_inside_band(&scenario.rules);
    Some(Prices {
        intervals: prices.len(),
        inside_band: prices.iter().filter(is_inside).count(),
        min: micro().min()?,
        mean: mean_micro(&prices)?,
        max: micro().max()?,
    })
}

fn spread(mut values: Vec<i64>) -> Spread {
    values.sort_unstable();
    match (values.first(), values.last()) {
        (Some(min), Some(max)) => {
            let median = values[(values.len() - 1) / 2];
            Spread {
                min: *min,
                median,
                max: *max,
                sum: values.iter().sum(),
            }
        }
        _ => Spread::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_four_is_the_lower_middle() {
        assert_eq!(
            spread(vec![4, 1, 3, 2]),
            Spread {
                min: 1,
                median: 2,
                max: 4,
                sum: 10
            }
        );
        assert_eq!(spread(Vec::new()), Spread::default());
        assert!((share(1, 4) - 0.25).abs() < 1e-12);
    }
}
