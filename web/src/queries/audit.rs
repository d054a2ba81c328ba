//! Meters, ledger and chain.
//!
//! `metered_wh` is recomputed from the stored signed readings of all homes since the first, by
//! `clearing_house::verified_series`.

use std::collections::BTreeMap;

use clearing_house::accept::MeterRole;
use clearing_house::{BoundaryReading, verified_series};
use energy_core::{IntervalStart, MeterId, WattHours};

use super::StoreSource;
use super::intervals::state;
use crate::facts::AuditFacts;
use crate::source::SourceError;

impl StoreSource {
    pub(super) fn audited(&self, from_s: i64, to_s: i64) -> Result<Vec<AuditFacts>, SourceError> {
        let zone = &self.zone.zone;
        let rows = self.store.intervals(zone, from_s, to_s)?;
        let Some(last) = rows.last() else {
            return Ok(Vec::new());
        };
        let all: Vec<_> = self
            .store
            .intervals(zone, 0, last.end.seconds())?
            .iter()
            .map(|r| r.start)
            .collect();
        let metered = self.verified_by_interval(&all)?;
        let ledger: BTreeMap<_, _> = self
            .store
            .ledger_totals(zone, from_s, to_s)?
            .into_iter()
            .collect();
        let chain = self.store.final_verified(from_s, last.end.seconds())?;
        let wh = |e: WattHours| i64::try_from(e.get()).unwrap_or(i64::MAX);
        let line = |row: &store::IntervalRow| {
            let metered_wh = metered.get(&row.start).copied().map_or(0, wh);
            let (ledger_wh, cash) = ledger
                .get(&row.start)
                .map_or((0, 0), |t| (wh(t.verified), t.cash_difference.get()));
            let chain_wh = chain.get(&row.end.seconds()).copied().map(wh);
            let to_chain = chain_wh.map_or(0, |chain| chain.abs_diff(ledger_wh));
            let difference = metered_wh.abs_diff(ledger_wh).saturating_add(to_chain);
            AuditFacts {
                zone: zone.clone(),
                start: row.start,
                state: state(row.state),
                metered_wh,
                ledger_wh,
                chain_wh,
                energy_difference_wh: i64::try_from(difference).unwrap_or(i64::MAX),
                cash_difference_nano: cash,
            }
        };
        Ok(rows.iter().map(line).collect())
    }

    pub(super) fn audited_ends(
        &self,
    ) -> Result<(Option<AuditFacts>, Option<AuditFacts>), SourceError> {
        let zone = &self.zone.zone;
        let Some(newest) = self.store.newest_interval(zone)? else {
            return Ok((None, None));
        };
        let one = |start: IntervalStart| {
            Ok::<_, SourceError>(self.audited(start.seconds(), start.seconds() + 1)?.pop())
        };
        let batch = self
            .store
            .newest_settlement_batch_in(store::BatchState::Final)?;
        let at_final = match batch {
            Some(batch) => one(self
                .zone
                .interval
                .containing(batch.settled_to_s)
                .previous(self.zone.interval))?,
            None => None,
        };
        Ok((at_final, one(newest.start)?))
    }

    /// Σ verified energy of all homes after each interval.
    fn verified_by_interval(
        &self,
        starts: &[IntervalStart],
    ) -> Result<BTreeMap<IntervalStart, WattHours>, SourceError> {
        let mut sums: BTreeMap<IntervalStart, WattHours> =
            starts.iter().map(|s| (*s, WattHours::ZERO)).collect();
        let meters = self.store.meters(&self.zone.zone)?;
        for home in self.store.homes(&self.zone.zone)? {
            let of_role = |role| {
                meters
                    .iter()
                    .find(|m| m.home == home.home && m.role == role)
                    .map(|m| m.meter)
            };
            let Some(meter) = of_role(MeterRole::ConnectionPoint) else {
                continue;
            };
            let generation = of_role(MeterRole::Generation);
            let readings = self.boundaries(&meter, generation.as_ref())?;
            let (Some(first), Some(last)) = (starts.first(), starts.last()) else {
                continue;
            };
            let series = verified_series(
                *first,
                last.next(self.zone.interval),
                self.zone.interval,
                &readings,
                generation.is_some(),
                home.has_battery,
            )?;
            for (start, verified) in series {
                if let Some(sum) = sums.get_mut(&start) {
                    *sum = sum.plus(verified)?;
                }
            }
        }
        Ok(sums)
    }

    /// A home's readings at all boundaries, with what its generation meter showed then.
    fn boundaries(
        &self,
        meter: &MeterId,
        generation: Option<&MeterId>,
    ) -> Result<Vec<BoundaryReading>, SourceError> {
        let all = |meter: &MeterId| {
            self.store
                .boundary_readings(meter, self.zone.interval, 0, i64::MAX)
        };
        let generated: BTreeMap<u64, WattHours> = match generation {
            Some(meter) => {
                let kept = all(meter)?.into_iter();
                kept.filter_map(|k| Some((k.reading.time_ms, k.reading.generation()?)))
                    .collect()
            }
            None => BTreeMap::new(),
        };
        let boundary = |kept: store::KeptReading| {
            let reading = kept.reading;
            Some(BoundaryReading {
                time_ms: reading.time_ms,
                import: reading.import?,
                export: reading.export?,
                generation: generated.get(&reading.time_ms).copied(),
                soc_permille: reading.soc_permille,
                quality: reading.quality,
                sequence: reading.sequence,
                hash: kept.hash,
            })
        };
        Ok(all(meter)?.into_iter().filter_map(boundary).collect())
    }
}
