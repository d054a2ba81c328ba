//! The interval clock's work on one zone: clear what is due, in order, each interval once.
//!
//! This file fetches, calls [`clearing_house::settle_interval`], and stores; what an interval means
//! is decided there. One call of [`Market::clear_due`] may be repeated at any time.

use std::collections::BTreeMap;

use anyhow::Context as _;
use clearing_house::{
    BoundaryReading, HomeInput, IntervalOutcome, Ledger, PricePreference, Wishes, ZoneRules, audit,
    corrections, metering, settle_interval, state::readiness, verified_series,
};
use energy_core::{Address, HomeId, IntervalStart, MeterId, NanoAmount, WattHours};
use store::{IntervalRecord, Lease, Store};

/// Intervals around the one to clear in which a neighbouring reading is looked for.
const NEIGHBOURS: u32 = metering::GAP_INTERVALS_MAX;
/// How far back a left-out home's last reading is looked for, in ms: a week.
const CORRECTION_REACH_MS: i64 = 7 * 86_400_000;
/// How far back left-out homes are looked for after a start, in seconds: a month.
const RECALL_S: i64 = 30 * 86_400;
/// Under this name the store keeps why settlement was stopped.
const STOPPED: &str = "settlement stopped because";
/// Nano-currency in one unit of the stablecoin (10⁻⁶).
const NANO_PER_UNIT: i64 = 1_000;

/// A home as the market needs it.
#[derive(Debug, Clone)]
pub struct TradingHome {
    /// Which home.
    pub home: HomeId,
    /// Its account on the chain.
    pub address: Address,
    /// The meter that settles.
    pub meter: MeterId,
    /// The meter that says what it generates.
    pub generation: Option<MeterId>,
    /// Whether it has a battery.
    pub has_battery: bool,
}

/// One zone's market on its store.
pub struct Market {
    store: Store,
    lease: Lease,
    rules: ZoneRules,
    homes: Vec<TradingHome>,
    first: IntervalStart,
    /// Homes that were left out of an interval, and since when: late readings may correct it.
    incomplete: BTreeMap<HomeId, IntervalStart>,
    baselines: BTreeMap<MeterId, WattHours>,
    difference: Option<String>,
    is_resumed: bool,
}

impl Market {
    /// The market of the lease's zone, whose first interval is `first`.
    #[must_use]
    pub fn new(
        store: Store,
        lease: Lease,
        rules: ZoneRules,
        homes: Vec<TradingHome>,
        first: IntervalStart,
    ) -> Self {
        Self {
            store,
            lease,
            rules,
            homes,
            first,
            incomplete: BTreeMap::new(),
            baselines: BTreeMap::new(),
            difference: None,
            is_resumed: false,
        }
    }

    /// The length of the zone's intervals.
    #[must_use]
    pub fn length(&self) -> energy_core::IntervalLength {
        self.rules.interval
    }

    /// What the conservation audit found wrong, if anything: then nothing more may be settled.
    #[must_use]
    pub fn difference(&self) -> Option<&str> {
        self.difference.as_deref()
    }

    /// Finds the homes that were left out of an interval before this process started.
    ///
    /// # Errors
    /// If the store fails.
    pub fn recall(&mut self) -> anyhow::Result<()> {
        self.difference = self.store.agreed(STOPPED)?;
        let Some(newest) = self.store.newest_interval(&self.rules.zone)? else {
            return Ok(());
        };
        let from = self.first.seconds().max(newest.end.seconds() - RECALL_S);
        for home in &self.homes {
            let results = self
                .store
                .home_results(home.home, from, newest.end.seconds())?;
            let left_out = results
                .iter()
                .position(|r| r.result.energy.is_none() && r.corrections.is_empty());
            if let Some(place) = left_out {
                let offset = i64::try_from(place)? * i64::from(self.rules.interval.seconds());
                let since = self.rules.interval.containing(from + offset);
                self.incomplete.insert(home.home, since);
            }
        }
        Ok(())
    }

    /// Clears every interval that is complete, or past its cutoff, at `now_s`, and corrects what late
    /// readings changed. Returns what was cleared.
    ///
    /// # Errors
    /// If the store fails, or an interval does not add up: then nothing of it is kept.
    pub fn clear_due(&mut self, now_s: i64) -> anyhow::Result<Vec<IntervalOutcome>> {
        if !self.is_resumed {
            // What a crash left between a clearing and its corrections.
            if let Some(newest) = self.store.newest_interval(&self.rules.zone)? {
                self.correct(newest.start)?;
            }
            self.is_resumed = true;
        }
        let mut cleared = Vec::new();
        loop {
            let newest = self.store.newest_interval(&self.rules.zone)?;
            let interval = newest.map_or(self.first, |row| row.end);
            let end = interval.next(self.rules.interval);
            if now_s < end.seconds() {
                return Ok(cleared);
            }
            let meters: Vec<MeterId> = self
                .homes
                .iter()
                .flat_map(|home| [Some(home.meter), home.generation])
                .flatten()
                .collect();
            let is_complete = self
                .store
                .readings_at(&meters, end.millis())?
                .iter()
                .all(Option::is_some);
            if !readiness(&self.rules, interval, now_s, is_complete).is_ready() {
                return Ok(cleared);
            }
            cleared.push(self.clear(interval, now_s)?);
            self.correct(interval)?;
        }
    }

    fn clear(&mut self, interval: IntervalStart, now_s: i64) -> anyhow::Result<IntervalOutcome> {
        let ledger = self.store.ledger(&self.rules.zone)?;
        let homes = self.homes.clone();
        let inputs = homes
            .iter()
            .map(|home| self.input(home, interval))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let outcome = settle_interval(&self.rules, interval, &ledger, &inputs)
            .with_context(|| format!("clearing the interval at {} s", interval.seconds()))?;
        for result in &outcome.homes {
            if result.energy.is_none() {
                tracing::warn!(home.id = %result.home, interval.start = interval.seconds(), why = ?result.excluded, "a home is not in the interval");
                self.incomplete.entry(result.home).or_insert(interval);
            }
        }
        let end = interval.next(self.rules.interval);
        let record = IntervalRecord::new(outcome.clone(), end, now_s.saturating_mul(1_000));
        self.audit(&ledger, &outcome)?;
        self.store.record_interval(&self.lease, &record)?;
        Ok(outcome)
    }

    /// Whether the interval adds up against the ledger before it; checked before anything is kept.
    fn audit(&mut self, before: &Ledger, outcome: &IntervalOutcome) -> anyhow::Result<()> {
        match audit::check_interval(before, outcome) {
            Ok(()) => Ok(()),
            Err(difference) => {
                let at = outcome.interval.seconds();
                self.stop_settlement(format!("the interval at {at} s: {difference}"))
            }
        }
    }

    /// Metering and the market go on; what is wrong is not put on the chain, not after a restart either.
    fn stop_settlement(&mut self, difference: String) -> anyhow::Result<()> {
        tracing::error!(%difference, "the audit found a difference; settlement stops, metering goes on");
        if self.difference.is_none() {
            self.store.agree(STOPPED, &difference)?;
            self.difference = Some(difference);
        }
        Ok(())
    }

    fn input(&mut self, home: &TradingHome, interval: IntervalStart) -> anyhow::Result<HomeInput> {
        let readings = self.boundary_readings(home, interval)?;
        let metered =
            metering::meter_interval(interval, self.rules.interval, &readings, Some(NEIGHBOURS));
        let record = self
            .store
            .home(home.home)?
            .with_context(|| format!("home {} is not registered", home.home))?;
        let preference = record.preference::<PricePreference>();
        if let Err(error) = &preference {
            tracing::error!(home.id = %home.home, %error, "the home's price preference cannot be read; it has no part");
        }
        let preference = preference.ok();
        let escrow = self.store.escrow(&home.address, None)?;
        let units = i64::try_from(escrow.deposited)?
            .checked_sub(i64::try_from(escrow.withdrawn)?)
            .and_then(|units| units.checked_sub(i64::try_from(escrow.requested).ok()?))
            .and_then(|units| units.checked_mul(NANO_PER_UNIT))
            .context("the escrow does not fit 64 bits")?;
        Ok(HomeInput {
            home: home.home,
            meter: home.meter,
            energy: metered
                .as_ref()
                .map(|m| m.energy)
                .filter(|_| preference.is_some()),
            preference: preference.unwrap_or_default(),
            wishes: Wishes::default(),
            generated_so_far: self.generated(
                home,
                interval,
                metered.as_ref().and_then(|m| m.generation),
            )?,
            has_generation_meter: home.generation.is_some(),
            has_battery: home.has_battery,
            soc_permille: metered.as_ref().and_then(|m| m.soc_permille),
            escrow: NanoAmount::new(units),
            closing: metered.map(|m| m.closing),
        })
    }

    /// Generation since enrolment, from the register now.
    fn generated(
        &mut self,
        home: &TradingHome,
        interval: IntervalStart,
        register: Option<WattHours>,
    ) -> anyhow::Result<Option<WattHours>> {
        let (Some(meter), Some(register)) = (home.generation, register) else {
            return Ok(None);
        };
        let baseline = match self.baselines.get(&meter) {
            Some(baseline) => *baseline,
            None => {
                let (length, to) = (self.rules.interval, interval.next(self.rules.interval));
                let readings =
                    joined_readings(&self.store, home, length, self.first.millis(), to.millis())?;
                let known = readings
                    .iter()
                    .find_map(|r| Some((r.time_ms, r.generation?)));
                let Some((time_ms, baseline)) = known else {
                    return Ok(None);
                };
                // An earlier one may still come.
                if i64::try_from(time_ms) == Ok(self.first.millis()) {
                    self.baselines.insert(meter, baseline);
                }
                baseline
            }
        };
        Ok(register.less(baseline).ok())
    }

    /// The home's boundary readings around an interval, each with what the generation meter showed.
    fn boundary_readings(
        &self,
        home: &TradingHome,
        interval: IntervalStart,
    ) -> anyhow::Result<Vec<BoundaryReading>> {
        let length = self.rules.interval;
        let reach = i64::from(NEIGHBOURS) * i64::from(length.seconds()) * 1_000;
        let (from, to) = (
            interval.millis() - reach,
            interval.next(length).millis() + reach,
        );
        joined_readings(&self.store, home, length, from, to)
    }

    /// Books what readings that came after the clearing changed, for homes that were left out.
    fn correct(&mut self, interval: IntervalStart) -> anyhow::Result<()> {
        for (home, since) in self.incomplete.clone() {
            let Some(setup) = self.homes.iter().find(|h| h.home == home).cloned() else {
                continue;
            };
            // One home's trouble is not the others'.
            match self.correct_home(&setup, since, interval) {
                Ok(Some(since)) => self.incomplete.insert(home, since),
                Ok(None) => self.incomplete.remove(&home),
                Err(error) => {
                    tracing::error!(home.id = %home, error = format!("{error:#}"), "late readings could not be settled");
                    continue;
                }
            };
        }
        Ok(())
    }

    /// Gives the first interval that is still to be told, if there is one.
    fn correct_home(
        &mut self,
        home: &TradingHome,
        since: IntervalStart,
        interval: IntervalStart,
    ) -> anyhow::Result<Option<IntervalStart>> {
        let (length, to) = (self.rules.interval, interval.next(self.rules.interval));
        let from_ms = self
            .first
            .millis()
            .max(since.millis() - CORRECTION_REACH_MS);
        let readings = joined_readings(&self.store, home, length, from_ms, to.millis())?;
        let settled =
            self.store
                .settled(&self.rules.zone, home.home, since.seconds(), to.seconds())?;
        let due = corrections::due(length, &settled, &readings)?;
        if !due.is_empty() {
            let verified = verified_through(&self.store, home, length, self.first, to)?;
            let ledger = self.store.ledger(&self.rules.zone)?;
            let outcome = corrections::apply(&self.rules, &ledger, home.home, &due, verified)?;
            if let Err(difference) = audit::check_ledger(&outcome.ledger) {
                self.stop_settlement(format!("a correction of home {}: {difference}", home.home))?;
            }
            self.store.record_corrections(&self.lease, &outcome)?;
            tracing::info!(home.id = %home.home, corrections = due.len(), "late readings were settled with the utility");
        }
        let untold = |stands: &&corrections::Settled| {
            metering::meter_interval(stands.interval, length, &readings, None).is_none()
        };
        Ok(settled.iter().find(untold).map(|stands| stands.interval))
    }
}

/// What is verified of a home's generation up to a boundary, recomputed from its signed readings.
fn verified_through(
    store: &Store,
    home: &TradingHome,
    length: energy_core::IntervalLength,
    first: IntervalStart,
    to: IntervalStart,
) -> anyhow::Result<WattHours> {
    let readings = joined_readings(store, home, length, first.millis(), to.millis())?;
    let has_meter = home.generation.is_some();
    let series = verified_series(first, to, length, &readings, has_meter, home.has_battery)?;
    Ok(series
        .last()
        .map_or(WattHours::ZERO, |(_, verified)| *verified))
}

fn joined_readings(
    store: &Store,
    home: &TradingHome,
    length: energy_core::IntervalLength,
    from_ms: i64,
    to_ms: i64,
) -> anyhow::Result<Vec<BoundaryReading>> {
    let mut generation = BTreeMap::new();
    if let Some(meter) = &home.generation {
        for kept in store.boundary_readings(meter, length, from_ms, to_ms)? {
            generation.insert(
                kept.reading.time_ms,
                (kept.reading.generation(), kept.reading.soc_permille),
            );
        }
    }
    let mut joined = Vec::new();
    for kept in store.boundary_readings(&home.meter, length, from_ms, to_ms)? {
        let reading = &kept.reading;
        // Ingest refuses a connection-point reading without both registers.
        let (Some(import), Some(export)) = (reading.import, reading.export) else {
            continue;
        };
        let (generated, soc) = generation
            .get(&reading.time_ms)
            .copied()
            .unwrap_or_default();
        joined.push(BoundaryReading {
            time_ms: reading.time_ms,
            import,
            export,
            generation: generated,
            soc_permille: reading.soc_permille.or(soc),
            quality: reading.quality,
            sequence: reading.sequence,
            hash: kept.hash,
        });
    }
    Ok(joined)
}
