//! Who gets how much of what local trade is worth, and how evenly.
//!
//! A kWh traded between neighbours gains the difference between the utility's two prices. A buyer's
//! part is what the utility would have charged less what it paid, a seller's what it received less
//! what the utility would have paid; fees are the grid operator's, and what a mechanism keeps is the
//! zone's. So the four parts sum to the gain, exactly.

use clearing_house::ZoneRules;
use energy_core::Side;

use crate::results::FillRow;

/// The gain of a run and its parts, 10⁻⁹ currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gain {
    /// What buyers paid less than the utility's price.
    pub buyers_nano: i128,
    /// What sellers received more than the utility's price.
    pub sellers_nano: i128,
    /// The grid operator's fees.
    pub operator_nano: i128,
    /// What the mechanism left in the zone's account.
    pub zone_nano: i128,
}

impl Gain {
    /// The gain of these fills under a zone's tariff.
    #[must_use]
    pub fn of(rules: &ZoneRules, fills: &[FillRow]) -> Self {
        fills.iter().fold(Self::default(), |sum, fill| {
            let tariff = rules.tariff.at(rules.interval.containing(fill.start_s));
            let (amount, fee) = (i128::from(fill.amount_nano), i128::from(fill.fee_nano));
            let at = |price: i64| i128::from(fill.fill_wh) * i128::from(price);
            let (buyers, sellers) = match fill.side {
                Side::Bid => (at(tariff.retail.get()) + amount, 0),
                Side::Ask => (0, amount - at(tariff.feed_in.get())),
            };
            Self {
                buyers_nano: sum.buyers_nano + buyers,
                sellers_nano: sum.sellers_nano + sellers,
                operator_nano: sum.operator_nano + fee,
                // All that was paid less all that was received.
                zone_nano: sum.zone_nano - amount - fee,
            }
        })
    }

    /// All parts together.
    #[must_use]
    pub const fn total_nano(&self) -> i128 {
        self.buyers_nano + self.sellers_nano + self.operator_nano + self.zone_nano
    }
}

/// The Gini coefficient: 0 when all have the same, towards 1 when one has all. Negative values count
/// as nothing; nothing at all is even.
#[must_use]
pub fn gini(values: &[i64]) -> f64 {
    let mut sorted: Vec<i128> = values.iter().map(|v| i128::from((*v).max(0))).collect();
    sorted.sort_unstable();
    let sum: i128 = sorted.iter().sum();
    if sum == 0 {
        return 0.0;
    }
    // Σ (2 i − n − 1) x_i ÷ (n Σ x_i), i from 1.
    let n = sorted.len() as i128;
    let ranked: i128 = sorted
        .iter()
        .zip(1..)
        .map(|(x, i)| (2 * i - n - 1) * x)
        .sum();
    ranked as f64 / (n * sum) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{BUNDLED, Scenario};

    fn fill(side: Side, fill_wh: u64, amount_nano: i64, fee_nano: i64) -> FillRow {
        FillRow {
            start_s: 1_781_481_600,
            home: 1,
            side,
            quantity_wh: fill_wh,
            limit_micro: 0,
            price_micro: 0,
            fill_wh,
            amount_nano,
            fee_nano,
        }
    }

    #[test]
    fn a_kwh_gains_the_gap_between_the_tariffs() {
        let rules = Scenario::parse(BUNDLED[0].1).expect("bundled").rules;
        // 1 kWh at 0.20, for which the buyer pays 0.205 and the seller gets 0.19; 0.005 are left over.
        let fills = [
            fill(Side::Bid, 1_000, -205_000_000, 5_000_000),
            fill(Side::Ask, 1_000, 190_000_000, 5_000_000),
        ];
        let gain = Gain::of(&rules, &fills);
        assert_eq!(gain.buyers_nano, 95_000_000);
        assert_eq!(gain.sellers_nano, 110_000_000);
        assert_eq!(gain.operator_nano, 10_000_000);
        assert_eq!(gain.zone_nano, 5_000_000);
        assert_eq!(gain.total_nano(), 1_000 * (300_000 - 80_000));
    }

    #[test]
    fn the_gini_of_one_who_has_all_is_nearly_one() {
        assert_eq!(gini(&[]), 0.0);
        assert_eq!(gini(&[0, 0]), 0.0);
        assert_eq!(gini(&[7, 7, 7, 7]), 0.0);
        assert!((gini(&[0, 0, 0, 4]) - 0.75).abs() < 1e-12);
        assert!((gini(&[3, 1, 2]) - 2.0 / 9.0).abs() < 1e-12);
        assert!((gini(&[-5, 1]) - 0.5).abs() < 1e-12);
    }
}
