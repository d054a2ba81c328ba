//! What flows through a home, step by step, and the memory of it.
//!
//! Only the battery carries anything from one step to the next. So the totals at each midnight are
//! kept, the steps of the two days asked for last too, and everything else is computed again.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    battery::Battery,
    clock::{DAY_MS, DAYS_MAX, Moment, STEP_MS, STEPS, STEPS_PER_HOUR},
    load::{Habits, load_w},
    noise::Noise,
    roster::Home,
    sky::Sky,
};

const DAYS_KEPT: usize = 2;

/// Energy since the start in mWh, and what the battery holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) load: u64,
    pub(super) pv: u64,
    pub(super) charge: u64,
    pub(super) discharge: u64,
    pub(super) import: u64,
    pub(super) export: u64,
    pub(super) stored: u64,
}

/// The totals at a step's start, the same at its end, and how far into it an instant is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Within {
    pub(super) from: Totals,
    pub(super) to: Totals,
    /// 0 to below [`STEP_MS`].
    pub(super) since_ms: u64,
    /// Which step, counted from 1970; for noise that is not energy.
    pub(super) step: i64,
}

impl Within {
    /// The value of a growing total at the instant, in mWh rounded down.
    pub(super) fn total(&self, of: impl Fn(&Totals) -> u64) -> u64 {
        let (from, to) = (of(&self.from), of(&self.to));
        from + (to - from) * self.since_ms / STEP_MS
    }

    /// The energy of the whole step in mWh.
    pub(super) fn step_mwh(&self, of: impl Fn(&Totals) -> u64) -> u64 {
        of(&self.to) - of(&self.from)
    }
}

/// The totals at the start of every step of a day and at the day's end.
type Day = Arc<Vec<Totals>>;

#[derive(Debug)]
struct Memo {
    midnights: Vec<Totals>,
    days: Vec<(i64, Day)>,
}

/// A home over time.
#[derive(Debug)]
pub(super) struct Trajectory {
    noise: Noise,
    sky: Sky,
    habits: Habits,
    peak_w: f64,
    azimuth: f64,
    battery: Option<Battery>,
    start_day: i64,
    memo: Mutex<Memo>,
}

impl Trajectory {
    pub(super) fn new(noise: Noise, start_day: i64, home: &Home, habits: Habits) -> Self {
        let stored = home.battery.map_or(0, |b| b.capacity_mwh() / 4);
        Self {
            noise,
            sky: Sky::new(noise),
            habits,
            peak_w: f64::from(home.pv_peak_w),
            azimuth: f64::from(home.roof_azimuth_degrees) / 360.0,
            battery: home.battery,
            start_day,
            memo: Mutex::new(Memo {
                midnights: vec![Totals {
                    stored,
                    ..Totals::default()
                }],
                days: Vec::new(),
            }),
        }
    }

    pub(super) fn noise(&self) -> &Noise {
        &self.noise
    }

    /// Where the home stands at an instant (ms UTC).
    pub(super) fn at(&self, at_ms: i64) -> Within {
        let start_ms = self.start_day * DAY_MS;
        let at_ms = at_ms.clamp(start_ms, start_ms + DAYS_MAX * DAY_MS);
        let since_start = (at_ms - start_ms).cast_unsigned();
        let offset = (at_ms - start_ms) / DAY_MS;
        let in_day = since_start % DAY_MS.cast_unsigned();
        let step = usize::try_from(in_day / STEP_MS).unwrap_or(0);
        let day = self.day(offset);
        Within {
            from: day[step],
            to: day[step + 1],
            since_ms: in_day % STEP_MS,
            step: Moment::of(self.start_day + offset, step).step,
        }
    }

    /// The steps of the `offset`-th day.
    fn day(&self, offset: i64) -> Day {
        let mut memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, day)) = memo.days.iter().find(|(known, _)| *known == offset) {
            return Arc::clone(day);
        }
        let wanted = usize::try_from(offset).unwrap_or(0);
        while memo.midnights.len() <= wanted {
            let next = memo.midnights.len() - 1;
            let end = self.walk(next, memo.midnights[next], |_| ());
            memo.midnights.push(end);
        }
        let mut steps = Vec::with_capacity(STEPS + 1);
        let midnight = memo.midnights[wanted];
        let end = self.walk(wanted, midnight, |totals| steps.push(totals));
        steps.push(end);
        let day = Arc::new(steps);
        if memo.days.len() >= DAYS_KEPT {
            memo.days.remove(0);
        }
        memo.days.push((offset, Arc::clone(&day)));
        day
    }

    /// Walks through a day and tells the totals at the start of each step; gives those at its end.
    fn walk(&self, offset: usize, midnight: Totals, mut each: impl FnMut(Totals)) -> Totals {
        let day = self.start_day + i64::try_from(offset).unwrap_or(0);
        (0..STEPS).fold(midnight, |totals, step| {
            each(totals);
            self.advance(totals, &Moment::of(day, step))
        })
    }

    fn advance(&self, totals: Totals, moment: &Moment) -> Totals {
        let load = step_mwh(load_w(&self.habits, &self.noise, &self.sky, moment));
        let pv = if self.peak_w > 0.0 {
            step_mwh(self.peak_w * self.sky.roof(moment, self.azimuth, self.habits.home))
        } else {
            0
        };
        let battery = self
            .battery
            .map(|b| b.step(totals.stored, pv, load))
            .unwrap_or_default();
        let (sources, sinks) = (pv + battery.discharge, load + battery.charge);
        Totals {
            load: totals.load + load,
            pv: totals.pv + pv,
            charge: totals.charge + battery.charge,
            discharge: totals.discharge + battery.discharge,
            import: totals.import + sinks.saturating_sub(sources),
            export: totals.export + sources.saturating_sub(sinks),
            stored: if self.battery.is_some() {
                battery.stored_after
            } else {
                0
            },
        }
    }
}

/// What a mean power gives in one step, in whole mWh.
fn step_mwh(power_w: f64) -> u64 {
    (power_w * 1_000.0 / STEPS_PER_HOUR).round() as u64
}
