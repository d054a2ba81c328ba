//! What a kWh cost between neighbours, interval by interval, whatever the mechanism.
//!
//! Under the call auction that is the clearing price, exactly. Where everybody has a price of their own
//! it is the mean by volume, before fees: what buyers paid, and, where a mechanism keeps something, the
//! lower mean that sellers received.

use clearing_house::ZoneRules;
use energy_core::Side;

use crate::results::FillRow;

/// An interval with trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalPrice {
    /// Its start, seconds since 1970 UTC.
    pub start_s: i64,
    /// Traded, Wh, more than nothing.
    pub traded_wh: i128,
    /// What buyers paid for it before fees, 10⁻⁹ currency.
    pub paid_nano: i128,
    /// What sellers received for it before fees, 10⁻⁹ currency.
    pub received_nano: i128,
}

/// The intervals with trade, in the order of the fills, which is by start.
#[must_use]
pub fn local_prices(fills: &[FillRow]) -> Vec<LocalPrice> {
    let intervals = fills.chunk_by(|a, b| a.start_s == b.start_s);
    intervals.filter_map(of_interval).collect()
}

fn of_interval(fills: &[FillRow]) -> Option<LocalPrice> {
    let start_s = fills.first()?.start_s;
    let none = LocalPrice {
        start_s,
        traded_wh: 0,
        paid_nano: 0,
        received_nano: 0,
    };
    let sum = fills.iter().fold(none, |sum, fill| {
        let before_fees = i128::from(fill.amount_nano) + i128::from(fill.fee_nano);
        match fill.side {
            Side::Bid => LocalPrice {
                traded_wh: sum.traded_wh + i128::from(fill.fill_wh),
                paid_nano: sum.paid_nano - before_fees,
                ..sum
            },
            Side::Ask => LocalPrice {
                received_nano: sum.received_nano + before_fees,
                ..sum
            },
        }
    });
    (sum.traded_wh > 0).then_some(sum)
}

impl LocalPrice {
    /// What buyers paid a kWh, µ/kWh rounded down.
    #[must_use]
    pub const fn micro(&self) -> i128 {
        self.paid_nano.div_euclid(self.traded_wh)
    }

    /// Whether sellers received more than the feed-in price and the seller's fee, and buyers paid less
    /// than the retail price less the buyer's fee.
    #[must_use]
    pub fn is_inside_band(&self, rules: &ZoneRules) -> bool {
        let tariff = rules.tariff.at(rules.interval.containing(self.start_s));
        let floor = i128::from(tariff.feed_in.get()) + i128::from(rules.fees.seller.get());
        let ceiling = i128::from(tariff.retail.get()) - i128::from(rules.fees.buyer.get());
        floor * self.traded_wh < self.received_nano && self.paid_nano < ceiling * self.traded_wh
    }
}

/// The mean of what buyers paid a kWh, by volume, µ/kWh rounded down; none without trade.
#[must_use]
pub fn mean_micro(prices: &[LocalPrice]) -> Option<i64> {
    let paid: i128 = prices.iter().map(|price| price.paid_nano).sum();
    let wh: i128 = prices.iter().map(|price| price.traded_wh).sum();
    i64::try_from(paid.checked_div_euclid(wh)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{BUNDLED, Scenario};

    fn fill(start_s: i64, side: Side, fill_wh: u64, amount_nano: i64) -> FillRow {
        FillRow {
            start_s,
            home: 1,
            side,
            quantity_wh: fill_wh,
            limit_micro: 0,
            price_micro: 0,
            fill_wh,
            amount_nano,
            fee_nano: 5_000 * fill_wh.cast_signed(),
        }
    }

    #[test]
    fn intervals_with_trade_have_a_price_on_each_side() {
        // 300 Wh bought at 0.20 and 100 Wh at 0.25, sold at 0.19; then an interval without trade.
        let fills = [
            fill(900, Side::Bid, 300, -300 * 205_000),
            fill(900, Side::Bid, 100, -100 * 255_000),
            fill(900, Side::Ask, 400, 400 * 185_000),
            fill(1_800, Side::Bid, 0, 0),
        ];
        let prices = local_prices(&fills);
        assert_eq!(prices.len(), 1);
        assert_eq!(prices[0].micro(), 212_500);
        assert_eq!(prices[0].received_nano, 400 * 190_000);
        assert_eq!(mean_micro(&prices), Some(212_500));
        assert_eq!(mean_micro(&[]), None);
    }

    #[test]
    fn the_edges_of_the_band_are_not_inside() {
        let rules = Scenario::parse(BUNDLED[0].1).expect("bundled").rules;
        let at = |paid, received| LocalPrice {
            start_s: 0,
            traded_wh: 10,
            paid_nano: paid,
            received_nano: received,
        };
        // 0.08 and 0.30 with fees of 0.005 each.
        assert!(at(2_949_999, 850_001).is_inside_band(&rules));
        assert!(!at(2_950_000, 850_001).is_inside_band(&rules));
        assert!(!at(2_949_999, 850_000).is_inside_band(&rules));
    }
}
