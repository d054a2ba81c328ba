//! Imbalance: what was traded and not allocated, priced to the side that fell short.
//!
//! The utility supplies or takes the physical difference from each home at its own tariff, always. So
//! a buyer whose seller fell short pays retail R instead of the clearing price p. The sellers who fell
//! short make up for it: they buy back what they did not deliver at the imbalance price P and had sold
//! it at p, so they pay `P − p` a kWh to the buyers who performed, who thus pay `R − (P − p)`. The
//! other way round, buyers who fell short sell back at P what they had bought at p and pay `p − P` to
//! the sellers who performed, who get `F + (p − P)` with the feed-in price F.
//!
//! | rule | P |
//! |---|---|
//! | utility (default) | what the utility charges (short sellers) or pays (short buyers), less or plus the fee that a local trade would have cost: who performed is put exactly where the trade had put it |
//! | series | one price for both sides, from a list; outside it the utility's as above |
//! | scarcity | `F' + (R' − F') · need ÷ (need + surplus)`, rounded down, of the zone's measured net import and export; the utility's where there is neither |
//!
//! Bounds, whatever the rule: with `R' = R − buyer fee` and `F' = F + seller fee`, P is taken between p
//! and R' where sellers fell short, between F' and p where buyers did. Below p the one who fell short
//! would gain by it, and the one who performed would be **worse off than with the utility**; beyond R'
//! the one who performed would be better off than if the trade had been kept.
//!
//! Who fell short is charged only for energy that somebody performed in vain: `Σ unmatched` of the
//! other side, shared over those who fell short in proportion to how much. Where both sides fell short,
//! that much hurt nobody. The money goes over the utility's bill, outside the chain, and sums to zero
//! among the homes.
//!
//! Sources: DESIGN §6; a single imbalance price as in the EU's balancing guideline (2017/2195), article
//! 53 and following; min(traded, metered) with signed flows that sum to zero as in beckn/DEG.

use energy_core::{
    Hash, IntervalLength, IntervalStart, MicroPricePerKwh, NanoAmount, Overflow, Side, split,
};
use serde::{Deserialize, Serialize};

use super::allocation::{Allocated, sum, tie};
use crate::metering::IntervalEnergy;
use crate::rules::ZoneRules;
use crate::series::{Series, SeriesError};

/// How an imbalance is priced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImbalanceRule {
    /// At the utility's tariff: who performed is made whole.
    #[default]
    Utility,
    /// At one price for both sides, µ/kWh, from a list.
    Series(Series<MicroPricePerKwh>),
    /// By how scarce energy was in the zone.
    Scarcity,
}

/// What the homes of a zone took and fed in during an interval, each home net, in Wh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// Σ net imports.
    pub need: u64,
    /// Σ net exports.
    pub surplus: u64,
}

impl Shortage {
    /// Of the homes whose energy is known.
    #[must_use]
    pub fn of<'a>(homes: impl IntoIterator<Item = &'a IntervalEnergy>) -> Self {
        homes.into_iter().fold(Self::default(), |sum, energy| {
            let (taken, fed_in) = (energy.import, energy.export);
            Self {
                need: sum.need.saturating_add(taken.saturating_less(fed_in).get()),
                surplus: sum
                    .surplus
                    .saturating_add(fed_in.saturating_less(taken).get()),
            }
        })
    }
}

/// The imbalance prices of an interval, within their bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImbalancePrices {
    /// At which sellers who fell short buy back, at least the clearing price, µ/kWh.
    pub short_sellers: MicroPricePerKwh,
    /// At which buyers who fell short sell back, at most the clearing price, µ/kWh.
    pub short_buyers: MicroPricePerKwh,
}

impl ImbalanceRule {
    /// Whether it can be used with intervals of this length.
    ///
    /// # Errors
    /// [`SeriesError`] when its prices change inside an interval.
    pub fn check(&self, interval: IntervalLength) -> Result<(), SeriesError> {
        match self {
            Self::Series(series) => series.check(interval),
            Self::Utility | Self::Scarcity => Ok(()),
        }
    }

    /// The prices for an interval that cleared at `price`.
    ///
    /// # Errors
    /// [`Overflow`] when a fee leads out of the range of prices.
    pub fn prices(
        &self,
        rules: &ZoneRules,
        interval: IntervalStart,
        price: MicroPricePerKwh,
        shortage: Shortage,
    ) -> Result<ImbalancePrices, Overflow> {
        let tariff = rules.tariff.at(interval);
        // Every clearing price lies between the two, because every order in the book does.
        let highest = tariff.retail.less(rules.fees.buyer)?.max(price);
        let lowest = tariff.feed_in.plus(rules.fees.seller)?.min(price);
        let single = match self {
            Self::Utility => None,
            Self::Series(series) => series.at(interval),
            Self::Scarcity => by_scarcity(lowest, highest, shortage),
        };
        Ok(ImbalancePrices {
            short_sellers: single.unwrap_or(highest).clamp(price, highest),
            short_buyers: single.unwrap_or(lowest).clamp(lowest, price),
        })
    }
}

/// `lowest + (highest − lowest) · need ÷ (need + surplus)`, rounded down; none without either.
fn by_scarcity(
    lowest: MicroPricePerKwh,
    highest: MicroPricePerKwh,
    shortage: Shortage,
) -> Option<MicroPricePerKwh> {
    let (low, high) = (i128::from(lowest.get()), i128::from(highest.get()));
    let need = i128::from(shortage.need);
    let whole = need.saturating_add(shortage.surplus.into());
    let above = high
        .saturating_sub(low)
        .saturating_mul(need)
        .checked_div(whole)?;
    let price = i64::try_from(low.saturating_add(above)).ok()?;
    Some(MicroPricePerKwh::new(price))
}

/// What each order gets (+) or pays (−) for the imbalance, in the order of `rows`. Sums to zero.
///
/// # Errors
/// [`Overflow`].
pub fn compensations(
    interval: IntervalStart,
    rows: &[Allocated],
    price: MicroPricePerKwh,
    prices: ImbalancePrices,
) -> Result<Vec<NanoAmount>, Overflow> {
    let mut amounts = vec![NanoAmount::ZERO; rows.len()];
    for (short_side, other, per_kwh) in [
        (Side::Ask, Side::Bid, prices.short_sellers.less(price)?),
        (Side::Bid, Side::Ask, price.less(prices.short_buyers)?),
    ] {
        let of = |side| move |row: &&Allocated| row.trade.side == side;
        let in_vain = sum(rows
            .iter()
            .filter(of(other))
            .map(|row| row.unmatched().get()));
        let fault = |row: &Allocated| match row.trade.side == short_side {
            true => row.short().get(),
            false => 0,
        };
        let weights: Vec<u64> = rows.iter().map(fault).collect();
        let ties: Vec<Hash> = rows.iter().map(|row| tie(interval, &row.trade)).collect();
        let charged = split(in_vain, &weights, &ties);
        for ((amount, row), charged) in amounts.iter_mut().zip(rows).zip(charged) {
            let charged = energy_core::WattHours::new(charged);
            if row.trade.side == short_side {
                *amount = amount.less(charged.value(per_kwh)?)?;
            } else {
                *amount = amount.plus(row.unmatched().value(per_kwh)?)?;
            }
        }
    }
    Ok(amounts)
}
