//! Homes, their preferences, their live values.

use std::collections::BTreeMap;

use clearing_house::accept::MeterRole;
use clearing_house::{Mode, PricePreference};
use energy_core::HomeId;

use super::StoreSource;
use crate::facts::{HomeFacts, LiveFacts, PriceRule};
use crate::source::SourceError;

fn rule(preference: &PricePreference) -> PriceRule {
    match *preference {
        PricePreference::Auto(Mode::Cheap) => PriceRule::Cheap,
        PricePreference::Auto(Mode::Balanced) => PriceRule::Balanced,
        PricePreference::Auto(Mode::Green) => PriceRule::Green,
        PricePreference::Limits {
            sell_above,
            buy_below,
            ..
        } => PriceRule::Own {
            sell_above,
            buy_below,
        },
    }
}

impl StoreSource {
    pub(super) fn all_homes(&self) -> Result<Vec<HomeFacts>, SourceError> {
        let mut homes = Vec::new();
        for home in self.store.homes(&self.zone.zone)? {
            homes.push(HomeFacts {
                home: home.home,
                rule: rule(&home.preference::<PricePreference>()?),
                rule_version: i64::try_from(home.preference_version).unwrap_or(i64::MAX),
                address: Some(home.address),
                has_pv: home.has_generation,
                has_battery: home.has_battery,
                name: home.name,
            });
        }
        Ok(homes)
    }

    pub(super) fn change_rule(
        &self,
        home: HomeId,
        version: i64,
        rule: PriceRule,
    ) -> Result<i64, SourceError> {
        let preference = match rule {
            PriceRule::Cheap => PricePreference::Auto(Mode::Cheap),
            PriceRule::Balanced => PricePreference::Auto(Mode::Balanced),
            PriceRule::Green => PricePreference::Auto(Mode::Green),
            PriceRule::Own {
                sell_above,
                buy_below,
            } => PricePreference::limits(sell_above, buy_below)
                .map_err(|e| SourceError::Failed(e.to_string()))?,
        };
        let expected = u64::try_from(version).unwrap_or(0);
        let new = self.store.change_preference(home, expected, &preference)?;
        Ok(i64::try_from(new).unwrap_or(i64::MAX))
    }

    /// The newest reading of each meter, put together by home: power from the connection point.
    pub(super) fn live_values(&self) -> Result<Vec<LiveFacts>, SourceError> {
        let meters = self.store.meters(&self.zone.zone)?;
        let of_meter: BTreeMap<_, _> = meters.iter().map(|m| (m.meter, (m.home, m.role))).collect();
        let mut homes: BTreeMap<HomeId, LiveFacts> = BTreeMap::new();
        for kept in self.store.latest_readings(&self.zone.zone)? {
            let reading = kept.reading;
            let Some((home, role)) = of_meter.get(&reading.meter).copied() else {
                continue;
            };
            let time_ms = i64::try_from(reading.time_ms).unwrap_or(i64::MAX);
            let empty = LiveFacts {
                home,
                time_ms,
                power: None,
                pv: None,
                soc_permille: None,
            };
            let live = homes.entry(home).or_insert(empty);
            live.soc_permille = live.soc_permille.or(reading.soc_permille);
            match role {
                MeterRole::ConnectionPoint => (live.time_ms, live.power) = (time_ms, reading.power),
                // A generation meter counts towards the grid, so what it gives is negative power.
                MeterRole::Generation => {
                    live.pv = reading
                        .power
                        .map(|w| energy_core::Watts::new(w.get().saturating_abs()));
                }
                MeterRole::Storage => {}
            }
        }
        Ok(homes.into_values().collect())
    }
}
