//! Whether a sample may be signed: every settlement register that the device should have says something.

use energy_core::WattHours;

use crate::decode::{Measured, Sample};
use crate::profile::{Profile, Quantity, Transport};

use super::DeviceError;

/// The settlement register that keeps a sample from being signed, if there is one.
///
/// # Errors
/// [`DeviceError::Value`] or [`DeviceError::RegisterAbsent`].
pub fn settles(profile: &Profile, sample: &Sample) -> Result<(), DeviceError> {
    let mut any = false;
    let discovered = matches!(profile.transport(), Transport::SunSpec { .. });
    for quantity in Quantity::ALL.into_iter().filter(|q| q.settles()) {
        // A SunSpec device need not have every model of the profile; what it has must say something.
        let needed = profile
            .points()
            .iter()
            .any(|p| p.quantity == quantity && !p.optional)
            && (!discovered || sample.values.contains_key(&quantity));
        match sample.get(quantity) {
            Measured::Error(source) => {
                return Err(DeviceError::Value {
                    quantity,
                    source: source.clone(),
                });
            }
            Measured::Absent if needed => return Err(DeviceError::RegisterAbsent { quantity }),
            Measured::Absent => {}
            Measured::Value(_) => any = true,
        }
    }
    if any {
        Ok(())
    } else {
        Err(DeviceError::RegisterAbsent {
            quantity: Quantity::Import,
        })
    }
}

/// A counter of a sample.
#[must_use]
pub fn counter(sample: &Sample, quantity: Quantity) -> Option<WattHours> {
    match sample.get(quantity) {
        Measured::Value(value) => u64::try_from(*value).ok().map(WattHours::new),
        Measured::Absent | Measured::Error(_) => None,
    }
}
