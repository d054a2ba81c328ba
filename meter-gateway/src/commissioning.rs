//! Does what a new meter counts fit what it measures? Import less export must rise as the signed power
//! says; the commonest fault of an installation is that the two directions are swapped.
//!
//! Over the readings of a quarter of an hour or so, `E = Δimport − Δexport` is compared with `P`, the
//! signed power integrated by trapezoids. The tolerance is what the registers cannot show (two steps of
//! each) and a quarter of the energy that flowed either way, for what happens between the readings.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use energy_core::{WattHours, Watts};

use crate::decode::{Measured, Sample};
use crate::profile::Quantity;

/// What a meter showed at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// When, in ms since 1970 UTC.
    pub time_ms: i64,
    /// Its import register.
    pub import: WattHours,
    /// Its export register.
    pub export: WattHours,
    /// Its power, positive when taken from the grid.
    pub power: Watts,
    /// The step of its coarsest register.
    pub resolution: WattHours,
}

impl Observation {
    /// What a sample says, none when it lacks one of the three.
    #[must_use]
    pub fn of(sample: &Sample, time_ms: i64) -> Option<Self> {
        let value = |quantity| match sample.get(quantity) {
            Measured::Value(value) => Some(*value),
            Measured::Absent | Measured::Error(_) => None,
        };
        let register = |q| {
            value(q)
                .and_then(|v| u64::try_from(v).ok())
                .map(WattHours::new)
        };
        Some(Self {
            time_ms,
            import: register(Quantity::Import)?,
            export: register(Quantity::Export)?,
            power: Watts::new(i32::try_from(value(Quantity::Power)?).ok()?),
            resolution: sample.resolution,
        })
    }
}

/// What the observations say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Registers and power agree.
    Plausible,
    /// They run against each other: the registers are swapped, or the power has the other sign.
    Swapped,
    /// Both registers rise by more than the power allows: the phases are counted apart.
    BothRise,
    /// Registers and power have nothing to do with each other.
    Unrelated,
    /// Too little energy has flowed to tell.
    NotYet,
}

/// A verdict with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// The same for people, with the figures.
    pub sentence: String,
    /// Import less export between the first and the last observation, Wh.
    pub counted_wh: i64,
    /// The signed power over the same time, Wh.
    pub measured_wh: i64,
}

/// Sums over the observations.
#[derive(Default)]
struct Sums {
    imported: i64,
    exported: i64,
    /// Integrals of the power and of its absolute value, mW·s.
    net: i128,
    gross: i128,
}

/// What the observations say. They are taken in the order of time; those that are out of order are left
/// aside.
#[must_use]
pub fn directions(observations: &[Observation]) -> Finding {
    let mut sums = Sums::default();
    let mut step = 1_i64;
    for pair in observations.windows(2) {
        if let [before, now] = pair {
            step = step.max(signed(now.resolution));
            sums.add(before, now);
        }
    }
    let counted = sums.imported.saturating_sub(sums.exported);
    let measured = watt_hours(sums.net);
    let gross = watt_hours(sums.gross);
    let tolerance = gross
        .saturating_abs()
        .div_euclid(4)
        .saturating_add(step.saturating_mul(4));
    let is_near = |a: i64, b: i64| a.saturating_sub(b).saturating_abs() <= tolerance;
    let enough = measured.saturating_abs() > tolerance.saturating_mul(2);
    let turned = sums.imported.min(sums.exported);
    let verdict = if enough && is_near(counted, measured) {
        if turned > tolerance.saturating_mul(2) {
            Verdict::BothRise
        } else {
            Verdict::Plausible
        }
    } else if enough && is_near(counted, measured.saturating_neg()) {
        Verdict::Swapped
    } else if enough || counted.saturating_abs() > tolerance.saturating_mul(4) {
        Verdict::Unrelated
    } else {
        Verdict::NotYet
    };
    Finding {
        verdict,
        sentence: sentence(verdict, &sums, measured),
        counted_wh: counted,
        measured_wh: measured,
    }
}

impl Sums {
    fn add(&mut self, before: &Observation, now: &Observation) {
        let elapsed_ms = now.time_ms.saturating_sub(before.time_ms);
        if elapsed_ms <= 0 {
            return;
        }
        let rise = |now: WattHours, before| signed(now).saturating_sub(signed(before));
        self.imported = self
            .imported
            .saturating_add(rise(now.import, before.import));
        self.exported = self
            .exported
            .saturating_add(rise(now.export, before.export));
        let (a, b) = (i128::from(before.power.get()), i128::from(now.power.get()));
        let elapsed = i128::from(elapsed_ms);
        let area = |a: i128, b: i128| a.saturating_add(b).saturating_mul(elapsed).div_euclid(2);
        self.net = self.net.saturating_add(area(a, b));
        self.gross = self
            .gross
            .saturating_add(area(a.saturating_abs(), b.saturating_abs()));
    }
}

fn signed(energy: WattHours) -> i64 {
    i64::try_from(energy.get()).unwrap_or(i64::MAX)
}

/// mW·s as Wh, towards zero.
fn watt_hours(milliwatt_seconds: i128) -> i64 {
    let whole = milliwatt_seconds.checked_div(3_600_000).unwrap_or(0);
    i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
}

fn sentence(verdict: Verdict, sums: &Sums, measured: i64) -> String {
    let (imported, exported) = (sums.imported, sums.exported);
    let counted =
        format!("the registers counted {imported} Wh of import and {exported} Wh of export");
    let power = if measured < 0 {
        format!(
            "the power says {} Wh into the grid",
            measured.saturating_neg()
        )
    } else {
        format!("the power says {measured} Wh from the grid")
    };
    match verdict {
        Verdict::Plausible => format!("import and export are plausible: {counted}, {power}"),
        Verdict::Swapped => format!(
            "import and export look swapped: {counted}, but {power}; turn the meter's current transformers or wires round, or correct the profile"
        ),
        Verdict::BothRise => format!(
            "import and export rise together: {counted}, {power}; the meter counts its phases apart instead of netting them"
        ),
        Verdict::Unrelated => format!(
            "registers and power do not belong together: {counted}, but {power}; check addresses, scale and which meter this is"
        ),
        Verdict::NotYet => format!("too little energy has flowed to tell: {counted}, {power}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Readings a minute apart of a meter that counts these powers (W), in steps of `step` Wh.
    fn meter(powers: &[i32], step: u64) -> Vec<Observation> {
        let (mut import, mut export) = (0_i64, 0_i64);
        let mut observations = Vec::new();
        for (i, power) in powers.iter().enumerate() {
            let shown = |watt_minutes: i64| {
                let wh = u64::try_from(watt_minutes / 60).expect("a counter") + 5_000_000;
                WattHours::new(wh / step * step)
            };
            observations.push(Observation {
                time_ms: i64::try_from(i).expect("few") * 60_000,
                import: shown(import),
                export: shown(export),
                power: Watts::new(*power),
                resolution: WattHours::new(step),
            });
            import += i64::from(*power).max(0);
            export += i64::from(-*power).max(0);
        }
        observations
    }

    fn verdict(observations: &[Observation]) -> Verdict {
        directions(observations).verdict
    }

    #[test]
    fn a_house_that_takes_and_one_that_gives_are_plausible() {
        assert_eq!(verdict(&meter(&[2_000; 16], 1)), Verdict::Plausible);
        assert_eq!(verdict(&meter(&[-3_000; 16], 10)), Verdict::Plausible);
    }

    #[test]
    fn swapped_registers_are_found() {
        let swapped: Vec<Observation> = meter(&[2_000; 16], 1)
            .into_iter()
            .map(|o| Observation {
                import: o.export,
                export: o.import,
                ..o
            })
            .collect();
        let finding = directions(&swapped);
        assert_eq!(finding.verdict, Verdict::Swapped);
        assert_eq!((finding.counted_wh, finding.measured_wh), (-500, 500));
        assert!(
            finding.sentence.contains("look swapped"),
            "{}",
            finding.sentence
        );
    }

    #[test]
    fn coarse_registers_need_more_energy() {
        assert_eq!(verdict(&meter(&[500; 16], 100)), Verdict::NotYet);
        assert_eq!(verdict(&meter(&[12_000; 16], 100)), Verdict::Plausible);
        assert_eq!(verdict(&[]), Verdict::NotYet);
        assert_eq!(verdict(&meter(&[50; 3], 1)), Verdict::NotYet);
    }

    #[test]
    fn a_meter_that_counts_phases_apart_is_found() {
        // 6 kW in on one phase, 4 kW out on another: the net power is 2 kW in.
        let mut observations = meter(&[2_000; 16], 1);
        for (i, o) in observations.iter_mut().enumerate() {
            let minutes = u64::try_from(i).expect("few");
            o.import = WattHours::new(100 * minutes);
            o.export = WattHours::new(67 * minutes);
        }
        assert_eq!(verdict(&observations), Verdict::BothRise);
    }

    #[test]
    fn registers_of_another_meter_are_found() {
        let mut observations = meter(&[2_000; 16], 1);
        for o in &mut observations {
            o.import = WattHours::new(7);
        }
        assert_eq!(verdict(&observations), Verdict::Unrelated);
        let mut running = meter(&[0; 16], 1);
        for (i, o) in running.iter_mut().enumerate() {
            o.import = WattHours::new(50 * u64::try_from(i).expect("few"));
        }
        assert_eq!(verdict(&running), Verdict::Unrelated);
    }

    proptest! {
        #[test]
        fn a_meter_that_counts_what_it_measures_is_never_suspected(powers in proptest::collection::vec(-20_000_i32..20_000, 2..40), step in prop_oneof![Just(1_u64), Just(10), Just(100)]) {
            // Power changes between readings, so the trapezoids of a meter that jumps may be wrong; they
            // are right for one that holds its power for a while.
            let held: Vec<i32> = powers.iter().flat_map(|p| [*p; 8]).collect();
            let verdict = verdict(&meter(&held, step));
            prop_assert!(matches!(verdict, Verdict::Plausible | Verdict::NotYet | Verdict::BothRise), "{:?}", verdict);
        }

        #[test]
        fn swapping_is_never_taken_for_plausible(power in 500_i32..20_000, minutes in 16_usize..60) {
            let honest = meter(&vec![power; minutes], 1);
            let swapped: Vec<Observation> = honest.iter().map(|o| Observation { import: o.export, export: o.import, ..*o }).collect();
            prop_assert_eq!(verdict(&honest), Verdict::Plausible);
            prop_assert_eq!(verdict(&swapped), Verdict::Swapped);
        }

        #[test]
        fn any_observations_have_a_verdict(values in proptest::collection::vec((any::<i64>(), any::<u64>(), any::<u64>(), any::<i32>()), 0..5)) {
            let observations: Vec<Observation> = values.into_iter().map(|(time_ms, import, export, power)| Observation {
                time_ms,
                import: WattHours::new(import),
                export: WattHours::new(export),
                power: Watts::new(power),
                resolution: WattHours::new(export),
            }).collect();
            let _ = directions(&observations);
        }
    }
}
