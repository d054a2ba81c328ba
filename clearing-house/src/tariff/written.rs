//! How a tariff is written as JSON: the kind shows in its fields, and a flat one has no more than its
//! two prices.

use energy_core::{IntervalLength, IntervalStart, MicroPricePerKwh};
use serde::{Deserialize, Serialize};

use crate::series::Series;

use super::{PriceSeries, Tariff, TariffError, TariffPrices, TariffWindow, TimeOfUse};

/// How a tariff is written.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected a tariff: `retail` and `feed_in`, or `windows`, or `prices` with `start`, `step` and `otherwise`"
)]
pub(super) enum TariffRow {
    TimeOfUse {
        utc_offset_minutes: i16,
        windows: Vec<TariffWindow>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<TariffPrices>,
    },
    Series {
        start: IntervalStart,
        step: IntervalLength,
        prices: Vec<(MicroPricePerKwh, MicroPricePerKwh)>,
        otherwise: TariffPrices,
    },
    Flat {
        retail: MicroPricePerKwh,
        feed_in: MicroPricePerKwh,
    },
}

impl TryFrom<TariffRow> for Tariff {
    type Error = TariffError;

    fn try_from(row: TariffRow) -> Result<Self, TariffError> {
        Ok(match row {
            TariffRow::Flat { retail, feed_in } => Self::flat(retail, feed_in),
            TariffRow::TimeOfUse {
                utc_offset_minutes,
                windows,
                otherwise,
            } => Self::TimeOfUse(TimeOfUse::new(utc_offset_minutes, windows, otherwise)?),
            TariffRow::Series {
                start,
                step,
                prices,
                otherwise,
            } => {
                let prices = prices
                    .into_iter()
                    .map(|(retail, feed_in)| TariffPrices { retail, feed_in })
                    .collect();
                let prices = Series::new(start, step, prices)?;
                Self::Series(PriceSeries::new(prices, otherwise)?)
            }
        })
    }
}

impl From<Tariff> for TariffRow {
    fn from(tariff: Tariff) -> Self {
        match tariff {
            Tariff::Flat(TariffPrices { retail, feed_in }) => Self::Flat { retail, feed_in },
            Tariff::TimeOfUse(TimeOfUse {
                utc_offset_minutes,
                windows,
                otherwise,
            }) => Self::TimeOfUse {
                utc_offset_minutes,
                windows,
                otherwise,
            },
            Tariff::Series(PriceSeries { prices, otherwise }) => Self::Series {
                start: prices.start(),
                step: prices.step(),
                prices: prices
                    .values()
                    .iter()
                    .map(|entry| (entry.retail, entry.feed_in))
                    .collect(),
                otherwise,
            },
        }
    }
}
