//! Whether energy may be settled on what a device shows.
//!
//! A register that nobody can be sure of, a counter too coarse for a quarter of an hour, and a float
//! whose step has grown beyond the zone's bound settle nothing, whatever they show. What is refused is
//! still read and shown. Sums telescope over any resolution, so the bound is about fairness within one
//! interval, not about lost energy.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use energy_core::WattHours;

use crate::decode::{CounterFacts, Measured, Sample};
use crate::number::Exact;
use crate::profile::{Point, Profile, Quantity};

/// What a zone asks of the counters that are settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlementRules {
    /// The largest step of a counter that is a float. Its step doubles every time its value does.
    pub float_step_max: WattHours,
    /// The largest step of any other counter.
    pub counter_step_max: WattHours,
}

impl Default for SettlementRules {
    /// 10 Wh for floats, 100 Wh for others: what the meters of Carlo Gavazzi show, 0.4 kW in a
    /// quarter of an hour.
    fn default() -> Self {
        Self {
            float_step_max: WattHours::new(10),
            counter_step_max: WattHours::new(100),
        }
    }
}

impl SettlementRules {
    /// The largest step of a counter.
    const fn most(&self, is_float: bool) -> WattHours {
        if is_float {
            self.float_step_max
        } else {
            self.counter_step_max
        }
    }
}

/// Why nothing is settled on a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The profile says so.
    #[error("profile `{profile}` is not for settlement: {reason}")]
    Profile {
        /// Which profile.
        profile: String,
        /// Why.
        reason: String,
    },
    /// Nobody is sure what the register means.
    #[error("`{}` is not for settlement, its register is uncertain: {reason}", .quantity.name())]
    Uncertain {
        /// Which quantity.
        quantity: Quantity,
        /// Why.
        reason: String,
    },
    /// Its steps are too large for an interval.
    #[error("`{}` is not for settlement: expected steps of at most {most}, it counts in steps of {step}", .quantity.name())]
    Step {
        /// Which quantity.
        quantity: Quantity,
        /// Its step at its present value.
        step: WattHours,
        /// The largest one.
        most: WattHours,
    },
    /// Only one of the two directions.
    #[error("`{}` is not for settlement without `{}`, which the device should count too", .have.name(), .lack.name())]
    OneDirection {
        /// What it shows.
        have: Quantity,
        /// What it does not.
        lack: Quantity,
    },
}

/// Whether anything can be settled on devices of a profile, as far as the profile alone tells.
///
/// # Errors
/// [`Refusal`] with the first reason against it.
pub fn profile_may_settle(profile: &Profile, rules: &SettlementRules) -> Result<(), Refusal> {
    by_profile(profile)?;
    let settling = profile.points().iter().filter(|p| p.quantity.settles());
    let mut last = Ok(());
    for point in settling {
        last = point_may_settle(point, rules);
        if last.is_ok() {
            return last;
        }
    }
    last
}

fn by_profile(profile: &Profile) -> Result<(), Refusal> {
    match profile.settlement_refused() {
        None => Ok(()),
        Some(reason) => Err(Refusal::Profile {
            profile: profile.name().to_owned(),
            reason: reason.to_owned(),
        }),
    }
}

fn point_may_settle(point: &Point, rules: &SettlementRules) -> Result<(), Refusal> {
    certain(point)?;
    // The step of a register that holds an integer is known without a device; a scale factor, a float
    // or a message only show it.
    let of_register = || Exact::int(1).step(point.scale).map(WattHours::new);
    let told = match point.place {
        crate::profile::Place::Registers { .. } if !point.is_float() => of_register().ok(),
        _ => None,
    };
    match told.max(point.resolution) {
        Some(step) => fine(point.quantity, step, point.is_float(), rules),
        None => Ok(()),
    }
}

fn certain(point: &Point) -> Result<(), Refusal> {
    match &point.uncertain {
        None => Ok(()),
        Some(reason) => Err(Refusal::Uncertain {
            quantity: point.quantity,
            reason: reason.clone(),
        }),
    }
}

fn fine(
    quantity: Quantity,
    step: WattHours,
    is_float: bool,
    rules: &SettlementRules,
) -> Result<(), Refusal> {
    let most = rules.most(is_float);
    if step <= most {
        Ok(())
    } else {
        Err(Refusal::Step {
            quantity,
            step,
            most,
        })
    }
}

/// Whether what a device showed may be settled.
///
/// # Errors
/// [`Refusal`]. A quantity that is absent, or uncertain and optional, is left out and no reason.
pub fn may_settle(
    profile: &Profile,
    sample: &Sample,
    rules: &SettlementRules,
) -> Result<(), Refusal> {
    by_profile(profile)?;
    for quantity in Quantity::ALL.into_iter().filter(|q| q.settles()) {
        let Measured::Value(_) = sample.get(quantity) else {
            continue;
        };
        let point = sample.point(quantity).and_then(|i| profile.points().get(i));
        if let Some(point) = point {
            match certain(point) {
                Err(_) if point.optional => continue,
                certain => certain?,
            }
        }
        if let Some(CounterFacts { step, is_float, .. }) = sample.counters.get(&quantity) {
            fine(quantity, *step, *is_float, rules)?;
        }
    }
    both_directions(profile, sample)
}

/// A device that counts both directions is settled in both or not at all: a direction that it does
/// not show at the moment is not 0.
fn both_directions(profile: &Profile, sample: &Sample) -> Result<(), Refusal> {
    let group = |quantity| {
        let point = sample.point(quantity).and_then(|i| profile.points().get(i));
        point.and_then(|p| p.group.as_deref())
    };
    let shows = |quantity| matches!(sample.signed(quantity), Measured::Value(_));
    let (import, export) = (Quantity::Import, Quantity::Export);
    let together = group(import).is_some() && group(import) == group(export);
    match (shows(import), shows(export)) {
        (true, false) if together => Err(Refusal::OneDirection {
            have: import,
            lack: export,
        }),
        (false, true) if together => Err(Refusal::OneDirection {
            have: export,
            lack: import,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Registers, decode_registers, decode_tokens};
    use crate::plan::fixed_plan;
    use crate::shipped;
    use crate::sunspec::Layout;

    /// An SDM630 that shows this many kWh of import, as the bits of a single.
    fn sdm630(import: u32) -> Sample {
        let profile = shipped::profile("eastron-sdm630").expect("shipped");
        let mut registers = Registers::new();
        for request in fixed_plan(&profile) {
            let mut words = vec![0; request.count.into()];
            if let Some(at) = 0x48_u16.checked_sub(request.address)
                && at < request.count
            {
                words[usize::from(at)] = u16::try_from(import >> 16).expect("16 bits");
                words[usize::from(at) + 1] = u16::try_from(import & 0xffff).expect("16 bits");
            }
            registers.add(request, words);
        }
        decode_registers(&profile, &Layout::Fixed, &registers)
    }

    #[test]
    fn a_float_settles_until_its_step_has_grown_too_large() {
        let profile = shipped::profile("eastron-sdm630").expect("shipped");
        let rules = SettlementRules::default();
        // 100 000 kWh: 2^16.6, so a step of 2^-7 kWh. 150 000 kWh: 2^-6 kWh, rounded up.
        assert_eq!(may_settle(&profile, &sdm630(0x47c3_5000), &rules), Ok(()));
        let large = sdm630(0x4812_7c00);
        let step = WattHours::new(16);
        assert_eq!(
            may_settle(&profile, &large, &rules),
            Err(Refusal::Step {
                quantity: Quantity::Import,
                step,
                most: WattHours::new(10)
            })
        );
        let generous = SettlementRules {
            float_step_max: step,
            ..rules
        };
        assert_eq!(may_settle(&profile, &large, &generous), Ok(()));
    }

    fn tokens_of(
        name: &str,
        change: &dyn Fn(String) -> String,
        tokens: &[(&str, &str)],
    ) -> Result<(), Refusal> {
        let text = change(shipped::text(name).expect("shipped").to_owned());
        let profile = Profile::from_toml("mine.toml", &text).expect("loads");
        let tokens = tokens
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        let sample = decode_tokens(&profile, &tokens);
        may_settle(&profile, &sample, &SettlementRules::default())
    }

    #[test]
    fn an_uncertain_register_settles_nothing() {
        let uncertain = |text: String| {
            let point = "quantity = \"import\"\nunit = \"Wh\"";
            assert!(text.contains(point));
            text.replacen(
                point,
                &format!("{point}\nuncertain = \"two sources differ\""),
                1,
            )
        };
        let both = [("$.total_act", "5"), ("$.total_act_ret", "7")];
        let refused = tokens_of("json-meter", &uncertain, &both).expect_err("refused");
        assert!(
            refused.to_string().contains("two sources differ"),
            "{refused}"
        );
        assert_eq!(tokens_of("json-meter", &|text| text, &both), Ok(()));
    }

    #[test]
    fn a_coarse_counter_settles_nothing() {
        let coarse = |text: String| {
            let point = "quantity = \"import\"\nunit = \"Wh\"";
            text.replacen(point, &format!("{point}\nresolution_wh = 1000"), 1)
                .replacen("resolution_wh = 1 ", "resolution_wh = 1000 ", 1)
        };
        let both = [("$.total_act", "5000"), ("$.total_act_ret", "7")];
        let refused = tokens_of("json-meter", &coarse, &both).expect_err("refused");
        assert!(refused.to_string().contains("1000"), "{refused}");
    }

    #[test]
    fn a_profile_can_say_that_nothing_is_settled_on_it() {
        let never = |text: String| format!("settlement_refused = \"a toy\"\n{text}");
        let refused =
            tokens_of("json-meter", &never, &[("$.total_act", "5")]).expect_err("refused");
        assert!(refused.to_string().contains("a toy"), "{refused}");
    }

    #[test]
    fn what_the_profile_alone_tells() {
        let rules = SettlementRules::default();
        for name in shipped::names() {
            let profile = shipped::profile(name).expect("shipped");
            assert_eq!(profile_may_settle(&profile, &rules), Ok(()), "{name}");
        }
        let strict = SettlementRules {
            counter_step_max: WattHours::new(50),
            ..rules
        };
        let coarse = shipped::profile("carlo-gavazzi-em340").expect("shipped");
        assert!(profile_may_settle(&coarse, &strict).is_err());
    }
}
