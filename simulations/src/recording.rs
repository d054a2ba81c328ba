//! What the meters of a street say at every boundary of a run: recorded once, settled under any rules.
//!
//! Nothing here depends on prices, because no device follows them. So one recording serves every
//! mechanism and every mode of the agent.

use clearing_house::{BoundaryReading, HomeInput, PricePreference, Wishes, metering};
use energy_core::{
    Hash, IntervalLength, IntervalStart, MeterId, NanoAmount, Quality, TimeError, WattHours,
};
use rayon::prelude::*;

use crate::{
    homes::{Home, HomeState, Street},
    runner::RunError,
    scenario::Scenario,
};

/// A day before the start, so that batteries are not all alike when it begins.
const WARM_UP_S: i64 = 86_400;

/// A street over the whole run.
#[derive(Debug)]
pub struct Recording {
    homes: Vec<RecordedHome>,
    start_s: i64,
    length: IntervalLength,
    intervals: usize,
}

/// A home with everything that its meters say at the boundaries of the run.
#[derive(Debug)]
pub(crate) struct RecordedHome {
    pub(crate) home: Home,
    meter: MeterId,
    states: Vec<HomeState>,
    readings: Vec<BoundaryReading>,
}

impl Recording {
    /// Records a scenario's street, grown from this seed, on this many threads (0: as many as there
    /// are cores). The result does not depend on their number.
    ///
    /// # Errors
    /// [`RunError::Street`] and [`RunError::Threads`].
    pub fn of(scenario: &Scenario, seed: u64, threads: usize) -> Result<Self, RunError> {
        let street = Street::of(seed, &scenario.mix, scenario.start_s - WARM_UP_S)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|source| RunError::Threads { threads, source })?;
        let homes = pool.install(|| {
            let homes = street.homes().par_iter();
            homes
                .map(|home| recorded(scenario, &street, home))
                .collect()
        });
        Ok(Self {
            homes,
            start_s: scenario.start_s,
            length: scenario.rules.interval,
            intervals: scenario.intervals() as usize,
        })
    }

    /// The homes, by id.
    pub fn homes(&self) -> impl Iterator<Item = &Home> {
        self.homes.iter().map(|recorded| &recorded.home)
    }

    /// For each interval, in order: whether the sun gave any roof of the street at least 1 Wh.
    #[must_use]
    pub fn daylight(&self) -> Vec<bool> {
        let shines = |index| self.homes.iter().any(|home| home.generates(index));
        (0..self.intervals).map(shines).collect()
    }

    pub(crate) fn recorded(&self) -> &[RecordedHome] {
        &self.homes
    }

    /// The starts of the intervals, in order.
    pub(crate) fn starts(&self) -> Result<Vec<IntervalStart>, TimeError> {
        let first = self.length.start_at(self.start_s)?;
        let following = std::iter::successors(Some(first), |start| Some(start.next(self.length)));
        Ok(following.take(self.intervals).collect())
    }
}

impl RecordedHome {
    fn generates(&self, index: usize) -> bool {
        let pv_wh = |at: usize| self.states.get(at).and_then(|state| state.pv_wh);
        pv_wh(index + 1) > pv_wh(index)
    }

    /// What the market is told about this home in the `index`-th interval.
    pub(crate) fn input(
        &self,
        interval: IntervalStart,
        length: IntervalLength,
        index: usize,
        preference: PricePreference,
    ) -> HomeInput {
        let window = self.readings.get(index..index + 2).unwrap_or_default();
        let metered =
            metering::meter_interval(interval, length, window, Some(metering::GAP_INTERVALS_MAX));
        let enrolled = self
            .readings
            .first()
            .and_then(|first| first.generation)
            .unwrap_or(WattHours::ZERO);
        let home = &self.home;
        HomeInput {
            home: home.id,
            meter: self.meter,
            preference,
            wishes: Wishes::default(),
            energy: metered.map(|m| m.energy),
            generated_so_far: metered
                .and_then(|m| m.generation)
                .map(|now| now.saturating_less(enrolled)),
            has_generation_meter: home.generation_meter().is_some(),
            has_battery: home.has_battery(),
            soc_permille: metered.and_then(|m| m.soc_permille),
            escrow: NanoAmount::new(home.deposit_units.saturating_mul(1_000).cast_signed()),
            closing: metered.map(|m| m.closing),
        }
    }

    /// What the import and export registers moved from the first boundary to the last.
    pub(crate) fn moved(&self) -> (u64, u64) {
        (self.span(|s| s.import_wh), self.span(|s| s.export_wh))
    }

    /// What a register moved from the first boundary to the last.
    pub(crate) fn span(&self, of: fn(&HomeState) -> u64) -> u64 {
        match (self.states.first(), self.states.last()) {
            (Some(first), Some(last)) => of(last) - of(first),
            _ => 0,
        }
    }
}

fn recorded(scenario: &Scenario, street: &Street, home: &Home) -> RecordedHome {
    let step_ms = i64::from(scenario.rules.interval.seconds()) * 1_000;
    let boundary = |index: u32| scenario.start_s * 1_000 + i64::from(index) * step_ms;
    let states: Vec<_> = (0..=scenario.intervals())
        .filter_map(|index| street.state(home.id, boundary(index)))
        .collect();
    let meter = &home.connection_meter().name;
    RecordedHome {
        home: home.clone(),
        meter: MeterId::derived("gridsim/meter", meter.as_bytes()),
        readings: states
            .iter()
            .zip(1..)
            .map(|(state, sequence)| reading(home, state, sequence))
            .collect(),
        states,
    }
}

/// What the home's gateway would read. Nothing is signed here, so the hash is empty.
fn reading(home: &Home, state: &HomeState, sequence: u64) -> BoundaryReading {
    BoundaryReading {
        time_ms: state.at_ms.unsigned_abs(),
        import: WattHours::new(state.import_wh),
        export: WattHours::new(state.export_wh),
        generation: home.generation_meter().and(state.pv_wh).map(WattHours::new),
        soc_permille: state.soc_permille,
        quality: Quality::default(),
        sequence,
        hash: Hash::default(),
    }
}
