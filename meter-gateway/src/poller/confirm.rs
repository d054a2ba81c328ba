//! Whether a value read on a fresh connection may be believed: it is read twice, and a counter neither
//! falls nor rises by more than the device can count in between.

use crate::decode::{Measured, Sample};
use crate::profile::{Profile, Quantity};

use super::DeviceError;

/// Whether a second read on a fresh connection bears out the first.
///
/// # Errors
/// [`DeviceError::NotConfirmed`] with the register that fell or jumped.
pub fn confirmed(profile: &Profile, first: &Sample, second: &Sample) -> Result<(), DeviceError> {
    // What the device can count in ten seconds, and two steps of its resolution.
    let energy = i64::from(profile.power_max_w())
        .checked_div(360)
        .unwrap_or(0);
    let step = i64::try_from(first.resolution.max(second.resolution).get()).unwrap_or(i64::MAX);
    let most = energy.saturating_add(step.saturating_mul(2));
    for quantity in Quantity::ALL.into_iter().filter(|q| q.is_counter()) {
        if let (Measured::Value(a), Measured::Value(b)) =
            (first.get(quantity), second.get(quantity))
            && !(0..=most).contains(&b.saturating_sub(*a))
        {
            return Err(DeviceError::NotConfirmed {
                quantity,
                first: *a,
                second: *b,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped;

    #[test]
    fn a_second_read_that_falls_or_jumps_is_not_believed() {
        let profile = shipped::profile("json-meter").expect("shipped");
        let sample = |import: &str| {
            let tokens = [("$.total_act", import), ("$.total_act_ret", "0")];
            let tokens = tokens
                .map(|(path, token)| (path.to_owned(), token.to_owned()))
                .into();
            crate::decode::decode_tokens(&profile, &tokens)
        };
        let check = |a, b| confirmed(&profile, &sample(a), &sample(b)).is_ok();
        assert!(check("1000", "1000"));
        assert!(check("1000", "1010"));
        assert!(!check("1000", "999"));
        assert!(!check("1000", "900000"));
    }
}
