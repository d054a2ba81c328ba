//! Whether a sample may be signed: every settlement register that the device should have says something,
//! and says it finely and surely enough.

use energy_core::WattHours;

use crate::decode::{Measured, Sample};
use crate::profile::{Profile, Quantity, Transport};
use crate::settlement::{SettlementRules, may_settle};

use super::DeviceError;

/// The settlement register that keeps a sample from being signed under the usual rules, if there is
/// one.
///
/// # Errors
/// [`DeviceError::Value`], [`DeviceError::RegisterAbsent`] or [`DeviceError::NotForSettlement`].
pub fn settles(profile: &Profile, sample: &Sample) -> Result<(), DeviceError> {
    settles_under(profile, sample, &SettlementRules::default())
}

/// The same under a zone's own rules.
///
/// # Errors
/// As [`settles`].
pub fn settles_under(
    profile: &Profile,
    sample: &Sample,
    rules: &SettlementRules,
) -> Result<(), DeviceError> {
    may_settle(profile, sample, rules)?;
    let mut any = false;
    let discovered = matches!(profile.transport(), Transport::SunSpec { .. });
    for quantity in Quantity::ALL.into_iter().filter(|q| q.settles()) {
        // A SunSpec device need not have every model of the profile; what it has must say something.
        let needed = profile
            .points()
            .iter()
            .any(|p| p.quantity == quantity && !p.optional)
            && (!discovered || sample.values.contains_key(&quantity));
        match sample.signed(quantity) {
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

/// A counter of a sample, as far as it may be signed.
#[must_use]
pub fn counter(sample: &Sample, quantity: Quantity) -> Option<WattHours> {
    match sample.signed(quantity) {
        Measured::Value(value) => u64::try_from(*value).ok().map(WattHours::new),
        Measured::Absent | Measured::Error(_) => None,
    }
}
