//! A reading made of a sample: what is signed.
//!
//! Readings at a boundary carry the raw settlement registers; readings in between, which settle
//! nothing, carry only their hash.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use energy_core::{ClockState, Hash, MeterId, Quality, Reading, Watts};

use crate::decode::{Measured, Sample};
use crate::poller::{DeviceError, counter, settles};
use crate::profile::{Profile, Quantity};

/// When a sample was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// In ms since 1970 UTC.
    pub time_ms: u64,
    /// How well that is known.
    pub clock: ClockState,
    /// Bound of its error in ms.
    pub error_ms: u32,
}

/// Its place in the chain of its meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainPlace {
    /// Which meter.
    pub meter: MeterId,
    /// Its sequence.
    pub sequence: u64,
    /// The hash of the reading before.
    pub previous: Hash,
}

/// The reading that says what the sample says.
///
/// # Errors
/// [`DeviceError`] when a settlement register is in error or absent, or the evidence too large.
pub fn reading_of(
    profile: &Profile,
    sample: &Sample,
    place: ChainPlace,
    moment: Moment,
    quality: Quality,
    at_boundary: bool,
) -> Result<Reading, DeviceError> {
    settles(profile, sample)?;
    let value = |quantity| match sample.signed(quantity) {
        Measured::Value(value) => Some(*value),
        Measured::Absent | Measured::Error(_) => None,
    };
    let unsigned = |quantity| value(quantity).and_then(|v| u32::try_from(v).ok());
    let reading = Reading {
        version: Reading::VERSION,
        meter: place.meter,
        sequence: place.sequence,
        time_ms: moment.time_ms,
        clock: moment.clock,
        clock_error_ms: moment.error_ms,
        import: counter(sample, Quantity::Import),
        export: counter(sample, Quantity::Export),
        pv: counter(sample, Quantity::Pv),
        charge: counter(sample, Quantity::Charge),
        discharge: counter(sample, Quantity::Discharge),
        power: value(Quantity::Power)
            .and_then(|v| i32::try_from(v).ok())
            .map(Watts::new),
        voltage_mv: [
            Quantity::VoltageL1,
            Quantity::VoltageL2,
            Quantity::VoltageL3,
        ]
        .map(unsigned),
        frequency_mhz: unsigned(Quantity::Frequency),
        soc_permille: value(Quantity::Soc).and_then(|v| u16::try_from(v).ok()),
        quality,
        resolution: sample.resolution,
        profile: profile.hash8(),
        raw: if at_boundary {
            sample.evidence.clone()
        } else {
            sample.evidence.digest()
        },
        previous: place.previous,
    };
    // The evidence has to fit also where only its hash is sent: the next boundary needs it.
    let full = Reading {
        raw: sample.evidence.clone(),
        ..reading.clone()
    };
    full.checked().map_err(|error| DeviceError::Evidence {
        reason: error.to_string(),
    })?;
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use energy_core::{RawEvidence, WattHours};

    use super::*;
    use crate::decode::decode_tokens;
    use crate::{settlement_registers, shipped};

    fn reading(tokens: &[(&str, &str)], at_boundary: bool) -> Result<Reading, DeviceError> {
        let profile = shipped::profile("json-meter").expect("shipped");
        let tokens = tokens
            .iter()
            .map(|(path, token)| ((*path).to_owned(), (*token).to_owned()))
            .collect();
        let place = ChainPlace {
            meter: MeterId::new([1; 16]),
            sequence: 1,
            previous: Hash::ZERO,
        };
        let moment = Moment {
            time_ms: 900_000,
            clock: ClockState::Stepped,
            error_ms: 0,
        };
        reading_of(
            &profile,
            &decode_tokens(&profile, &tokens),
            place,
            moment,
            Quality::GOOD,
            at_boundary,
        )
    }

    #[test]
    fn a_boundary_reading_follows_from_its_own_evidence() {
        let tokens = [
            ("$.total_act", "1000"),
            ("$.total_act_ret", "20"),
            ("$.act_power", "-5"),
        ];
        let read = reading(&tokens, true).expect("complete");
        let profile = shipped::by_hash8(read.profile).expect("shipped");
        assert_eq!(
            settlement_registers(&profile, &read.raw),
            Ok((read.import, read.export, read.pv))
        );
        assert_eq!(read.power, Some(Watts::new(-5)));
        let live = reading(&tokens, false).expect("complete");
        assert!(matches!(live.raw, RawEvidence::Digest(_)));
        assert_eq!(live.import, Some(WattHours::new(1_000)));
    }

    #[test]
    fn a_missing_settlement_register_is_an_error_and_never_zero() {
        let result = reading(&[("$.total_act", "1000")], true);
        assert_eq!(
            result,
            Err(DeviceError::RegisterAbsent {
                quantity: Quantity::Export
            })
        );
        let long = "1.00000000000000000000000000001";
        assert!(matches!(
            reading(&[("$.total_act", long), ("$.total_act_ret", long)], true),
            Err(DeviceError::Evidence { .. })
        ));
    }
}
