//! What is verified of a home's generation, recomputed from its signed readings alone: the meters'
//! side of the audit, and the target of a correction.
//!
//! V after an interval = V before + max(0, min(e, G − V)), e and G from the registers, gaps of any
//! length bridged by interpolation. What the readings say about a gap is known only when a reading
//! after it is there, so an interval whose end has none keeps the value before until then: that is
//! how clearing and correction come to it, too.

use energy_core::{IntervalLength, IntervalStart, Overflow, WattHours};

use crate::metering::{BoundaryReading, meter_interval};
use crate::tokens::verified_after;

/// V after each interval from `first` to the one that ends at `to`, in order. `readings` are sorted by
/// time; generation counts from the first of them that has any.
///
/// # Errors
/// [`Overflow`].
pub fn verified_series(
    first: IntervalStart,
    to: IntervalStart,
    length: IntervalLength,
    readings: &[BoundaryReading],
    has_generation_meter: bool,
    has_battery: bool,
) -> Result<Vec<(IntervalStart, WattHours)>, Overflow> {
    let base = readings.iter().find_map(|reading| reading.generation);
    let mut series = Vec::new();
    let (mut verified, mut known) = (WattHours::ZERO, WattHours::ZERO);
    let mut start = first;
    while start < to {
        if let Some(metered) = meter_interval(start, length, readings, None) {
            let so_far = metered
                .generation
                .zip(base)
                .map(|(now, base)| now.saturating_less(base));
            let interval = [(metered.energy.export, so_far)];
            verified = verified_after(verified, interval, has_generation_meter, has_battery)?;
        }
        let end = start.next(length);
        let is_read = u64::try_from(end.millis()).is_ok_and(|end_ms| {
            readings
                .binary_search_by_key(&end_ms, |reading| reading.time_ms)
                .is_ok()
        });
        if is_read {
            known = verified;
        }
        series.push((start, known));
        start = end;
    }
    Ok(series)
}

#[cfg(test)]
mod tests {
    use energy_core::{Hash, Quality};

    use super::*;

    fn reading(second: u64, export: u64, generation: u64) -> BoundaryReading {
        BoundaryReading {
            time_ms: second * 1_000,
            import: WattHours::ZERO,
            export: WattHours::new(export),
            generation: Some(WattHours::new(generation)),
            soc_permille: None,
            quality: Quality::GOOD,
            sequence: second,
            hash: Hash::ZERO,
        }
    }

    #[test]
    fn a_gap_counts_when_a_reading_ends_it() {
        let length = IntervalLength::QUARTER_HOUR;
        let at = |s| length.start_at(s).expect("aligned");
        let readings = [
            reading(0, 0, 0),
            reading(900, 100, 150),
            reading(3_600, 400, 500),
        ];
        let series = verified_series(at(0), at(3_600), length, &readings, true, false);
        let values: Vec<u64> = series
            .expect("small")
            .iter()
            .map(|(_, v)| v.get())
            .collect();
        // The gap's own intervals know no more generation than its first reading: 150 of it, then all.
        assert_eq!(values, [100, 100, 100, 250]);
    }
}
