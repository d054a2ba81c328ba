//! How the meters are doing.

use std::collections::BTreeMap;

use clearing_house::accept::MeterRole;
use energy_core::RefusalReason;

use super::StoreSource;
use crate::facts::MeterFacts;
use crate::source::SourceError;

const DAY_MS: i64 = 86_400_000;

impl StoreSource {
    pub(super) fn meter_facts(&self) -> Result<Vec<MeterFacts>, SourceError> {
        let zone = &self.zone.zone;
        let health: BTreeMap<_, _> = self
            .store
            .meter_health(zone)?
            .into_iter()
            .map(|h| (h.meter, h))
            .collect();
        let raster_ms = i64::from(self.zone.interval.seconds()) * 1_000;
        let newest = health
            .values()
            .filter_map(|h| h.newest_ms)
            .max()
            .unwrap_or(0);
        // The newest boundary may still be on its way, so the day ends with the one before.
        let to = newest - newest.rem_euclid(raster_ms) - raster_ms;
        let mut facts = Vec::new();
        for meter in self.store.meters(zone)? {
            let boundaries =
                self.store
                    .boundary_readings(&meter.meter, self.zone.interval, to - DAY_MS, to)?;
            let first = boundaries
                .first()
                .and_then(|b| i64::try_from(b.reading.time_ms).ok());
            let expected = first.map_or(0, |first| (to - first) / raster_ms + 1);
            let here = u64::try_from(boundaries.len()).unwrap_or(0);
            let health = health.get(&meter.meter);
            facts.push(MeterFacts {
                meter: meter.meter,
                home: meter.home,
                role: role(meter.role).to_owned(),
                last_seen_ms: health.and_then(|h| h.newest_ms),
                boundaries: here,
                gaps: u64::try_from(expected).unwrap_or(0).saturating_sub(here),
                refused: health.map_or(0, |h| h.refused),
                refused_reason: health
                    .and_then(|h| h.refused_last)
                    .map(|r| reason(r).to_owned()),
                error: None,
                frozen: meter.frozen,
            });
        }
        Ok(facts)
    }
}

fn role(role: MeterRole) -> &'static str {
    match role {
        MeterRole::ConnectionPoint => "connection point",
        MeterRole::Generation => "generation",
        MeterRole::Storage => "storage",
    }
}

fn reason(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::UnknownMeter => "unknown meter",
        RefusalReason::NotThisGateway => "sent by another gateway",
        RefusalReason::Equivocation => "two readings under one number",
        RefusalReason::MeterFrozen => "the meter is frozen",
        RefusalReason::RegisterFell => "a register fell",
        RefusalReason::FromTheFuture => "from the future",
        RefusalReason::RegisterAbsent => "a register is absent",
        RefusalReason::ImplausibleRate => "more than the connection carries",
    }
}
