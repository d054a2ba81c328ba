//! From registers to interval energy.
//!
//! Interval energy = register at the end − register at the start, for import and export alike. The
//! register at a boundary is a pure function of the readings known, so both intervals that share a
//! boundary use the same value and **the energies of a span sum to the difference of its registers**,
//! over any gap.
//!
//! A missing boundary reading is interpolated between its neighbours, rounded down, and marked
//! *substituted*. For clearing that holds for gaps of up to [`GAP_INTERVALS_MAX`]; energy beyond that
//! is the utility's, as a correction.
//!
//! Known limit: across a rollover, a reset or an exchange of the device the registers say nothing, so
//! the interval in which it happened has no energy.

use energy_core::{Hash, IntervalLength, IntervalStart, Quality, WattHours};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::home::Closing;

/// The most intervals that a clearing bridges by interpolation.
pub const GAP_INTERVALS_MAX: u32 = 4;

/// An accepted reading of a connection-point meter, as far as metering needs it. Readings between
/// boundaries are welcome: they make an interpolation better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundaryReading {
    /// When, in ms since 1970 UTC.
    pub time_ms: u64,
    /// Taken from the grid since the register's zero.
    pub import: WattHours,
    /// Fed into the grid since the register's zero.
    pub export: WattHours,
    /// What the home's generation meter showed then, if there is one and it is known.
    pub generation: Option<WattHours>,
    /// State of charge, 0 to 1000.
    pub soc_permille: Option<u16>,
    /// How the reading came to be.
    pub quality: Quality,
    /// Its sequence.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What a home took from the grid and fed into it in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct IntervalEnergy {
    /// Taken.
    #[n(0)]
    pub import: WattHours,
    /// Fed in.
    #[n(1)]
    pub export: WattHours,
    /// Whether one of the two boundaries was interpolated.
    #[n(2)]
    pub substituted: bool,
}

/// What the meters of a home say about an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeteredInterval {
    /// The energy.
    pub energy: IntervalEnergy,
    /// The generation register at the end, or the newest one known before it.
    pub generation: Option<WattHours>,
    /// State of charge at the end, or at the newest reading before it.
    pub soc_permille: Option<u16>,
    /// The newest reading at or before the end.
    pub closing: Closing,
}

/// The registers at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registers {
    /// Import register.
    pub import: WattHours,
    /// Export register.
    pub export: WattHours,
    /// Whether they were interpolated.
    pub substituted: bool,
}

/// What the readings say about an interval, bridging gaps of up to `gap_intervals_max` intervals
/// between neighbouring readings (none: any gap). `readings` are sorted by time.
///
/// None when a boundary cannot be told, or when the registers were set anew in between.
#[must_use]
pub fn meter_interval(
    interval: IntervalStart,
    length: IntervalLength,
    readings: &[BoundaryReading],
    gap_intervals_max: Option<u32>,
) -> Option<MeteredInterval> {
    let gap_ms_max = gap_intervals_max.map(|n| {
        u64::from(n)
            .saturating_mul(u64::from(length.seconds()))
            .saturating_mul(1_000)
    });
    let start_ms = u64::try_from(interval.millis()).ok()?;
    let end_ms = u64::try_from(interval.next(length).millis()).ok()?;
    let start = registers_at(start_ms, readings, gap_ms_max)?;
    let end = registers_at(end_ms, readings, gap_ms_max)?;
    let (from, to) = (upto(start_ms, readings), upto(end_ms, readings));
    if readings.get(from..to)?.iter().any(is_set_anew) {
        return None;
    }
    let known = readings.get(..to)?;
    let closing = known.last()?;
    Some(MeteredInterval {
        energy: IntervalEnergy {
            import: end.import.less(start.import).ok()?,
            export: end.export.less(start.export).ok()?,
            substituted: start.substituted || end.substituted,
        },
        generation: known.iter().rev().find_map(|reading| reading.generation),
        soc_permille: closing.soc_permille,
        closing: Closing {
            sequence: closing.sequence,
            hash: closing.hash,
        },
    })
}

/// The registers at an instant: those of the reading taken then, else between its neighbours if they
/// are at most `gap_ms_max` apart. `readings` are sorted by time.
#[must_use]
pub fn registers_at(
    time_ms: u64,
    readings: &[BoundaryReading],
    gap_ms_max: Option<u64>,
) -> Option<Registers> {
    let after = upto(time_ms, readings);
    let a = readings.get(after.checked_sub(1)?)?;
    if a.time_ms == time_ms {
        return Some(Registers {
            import: a.import,
            export: a.export,
            substituted: false,
        });
    }
    let b = readings.get(after)?;
    let span_ms = b.time_ms.checked_sub(a.time_ms)?;
    if is_set_anew(b) || gap_ms_max.is_some_and(|most| span_ms > most) {
        return None;
    }
    let passed_ms = time_ms.checked_sub(a.time_ms)?;
    Some(Registers {
        import: between(a.import, b.import, passed_ms, span_ms)?,
        export: between(a.export, b.export, passed_ms, span_ms)?,
        substituted: true,
    })
}

/// How many readings were taken at or before an instant.
fn upto(time_ms: u64, readings: &[BoundaryReading]) -> usize {
    readings.partition_point(|reading| reading.time_ms <= time_ms)
}

fn is_set_anew(reading: &BoundaryReading) -> bool {
    [Quality::ROLLOVER, Quality::RESET, Quality::EXCHANGED]
        .into_iter()
        .any(|flag| reading.quality.has(flag))
}

fn between(a: WattHours, b: WattHours, passed_ms: u64, span_ms: u64) -> Option<WattHours> {
    let rise = b.less(a).ok()?;
    let part = u128::from(rise.get())
        .checked_mul(passed_ms.into())?
        .checked_div(span_ms.into())?;
    a.plus(WattHours::new(u64::try_from(part).ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LENGTH: IntervalLength = IntervalLength::QUARTER_HOUR;

    fn reading(quarter: u64, import: u64, export: u64) -> BoundaryReading {
        BoundaryReading {
            time_ms: quarter * 900_000,
            import: WattHours::new(import),
            export: WattHours::new(export),
            generation: None,
            soc_permille: None,
            quality: Quality::GOOD,
            sequence: quarter,
            hash: Hash::ZERO,
        }
    }

    fn energy(
        quarter: i64,
        readings: &[BoundaryReading],
        gap: Option<u32>,
    ) -> Option<(u64, u64, bool)> {
        let start = LENGTH.start_at(quarter * 900).expect("aligned");
        let metered = meter_interval(start, LENGTH, readings, gap)?;
        Some((
            metered.energy.import.get(),
            metered.energy.export.get(),
            metered.energy.substituted,
        ))
    }

    #[test]
    fn energy_is_the_difference_of_both_registers() {
        let readings = [reading(0, 100, 50), reading(1, 130, 55)];
        assert_eq!(energy(0, &readings, Some(4)), Some((30, 5, false)));
        assert_eq!(energy(1, &readings, Some(4)), None);
    }

    #[test]
    fn a_gap_is_bridged_up_to_four_intervals() {
        let readings = [reading(0, 0, 0), reading(4, 10, 0), reading(9, 20, 0)];
        assert_eq!(energy(0, &readings, Some(4)), Some((2, 0, true)));
        assert_eq!(energy(1, &readings, Some(4)), Some((3, 0, true)));
        assert_eq!(energy(4, &readings, Some(4)), None);
        assert_eq!(energy(4, &readings, None), Some((2, 0, true)));
    }

    #[test]
    fn nothing_is_told_across_a_reset() {
        let mut after = reading(1, 130, 55);
        after.quality = Quality::RESET;
        let readings = [reading(0, 100, 50), after, reading(2, 140, 55)];
        assert_eq!(energy(0, &readings, None), None);
        assert_eq!(energy(1, &readings, None), Some((10, 0, false)));
        let fell = [reading(0, 100, 50), reading(1, 90, 50)];
        assert_eq!(energy(0, &fell, None), None);
    }

    proptest! {
        #[test]
        fn energies_sum_to_the_difference_of_registers(
            steps in prop::collection::vec((1_u64..9, 0_u64..5_000, 0_u64..5_000), 1..12),
        ) {
            let mut readings = vec![reading(0, 7, 9)];
            for (quarters, import, export) in steps {
                let last = *readings.last().expect("one");
                let quarter = last.sequence + quarters;
                readings.push(reading(quarter, last.import.get() + import, last.export.get() + export));
            }
            let last = *readings.last().expect("one");
            let mut sum = (7, 9);
            for quarter in 0..last.sequence {
                let (import, export, _) = energy(quarter.try_into().expect("small"), &readings, None).expect("bridged");
                sum = (sum.0 + import, sum.1 + export);
            }
            prop_assert_eq!(sum, (last.import.get(), last.export.get()));
        }
    }
}
