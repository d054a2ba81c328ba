//! What counters do, what they do not, and that a glitch is never signed.

use energy_core::{Hash, MeterId};
use proptest::prelude::*;

use super::*;
use crate::decode::{Answered, decode_tokens};
use crate::shipped;

const QUARTER_MS: u64 = 900_000;
const WRAP: u64 = 1_000_000;

fn sample(profile: &Profile, import: u64) -> Sample {
    let tokens = [("$.total_act", import), ("$.total_act_ret", 70)];
    decode_tokens(
        profile,
        &tokens
            .map(|(label, token)| (label.to_owned(), token.to_string()))
            .into(),
    )
}

fn head(import: u64) -> MeterHead {
    MeterHead {
        meter: MeterId::new([1; 16]),
        sequence: 1,
        hash: Hash::ZERO,
        time_ms: 0,
        import: Some(WattHours::new(import)),
        export: Some(WattHours::new(70)),
        pv: None,
        serial: None,
        epoch: None,
    }
}

fn after(profile: &Profile, before: u64, now: u64, reset: bool) -> Result<Quality, CounterError> {
    follows(
        profile,
        Some(&head(before)),
        QUARTER_MS,
        &sample(profile, now),
        reset,
    )
}

fn json_meter() -> std::sync::Arc<Profile> {
    shipped::profile("json-meter").expect("shipped")
}

/// A meter whose import goes on from 0 after 999 999 Wh.
fn wrapping() -> Profile {
    let text = shipped::text("json-meter").expect("shipped");
    let from = "path = \"$.total_act\"";
    assert!(text.contains(from));
    let text = text.replacen(from, &format!("{from}\nwrap_wh = {WRAP}"), 1);
    Profile::from_toml("wrapping", &text).expect("loads")
}

#[test]
fn a_counter_stays_or_rises_and_never_falls() {
    let profile = json_meter();
    assert_eq!(after(&profile, 1_000, 1_000, false), Ok(Quality::GOOD));
    assert_eq!(after(&profile, 1_000, 1_200, false), Ok(Quality::GOOD));
    assert!(matches!(
        after(&profile, 1_000, 900, false),
        Err(CounterError::Fell { .. })
    ));
    assert_eq!(after(&profile, 1_000, 0, true), Ok(Quality::RESET));
    assert_eq!(
        follows(&profile, None, 0, &sample(&profile, 5), false),
        Ok(Quality::GOOD)
    );
}

#[test]
fn a_zero_after_a_start_and_a_dip_are_told_from_a_fall() {
    let profile = json_meter();
    let quantity = Quantity::Import;
    let before = WattHours::new(1_000);
    assert_eq!(
        after(&profile, 1_000, 0, false),
        Err(CounterError::BootZero { quantity, before })
    );
    assert_eq!(
        after(&profile, 1_000, 998, false),
        Err(CounterError::Dipped {
            quantity,
            before,
            now: WattHours::new(998)
        })
    );
    assert!(matches!(
        after(&profile, 1_000, 997, false),
        Err(CounterError::Fell { .. })
    ));
}

#[test]
fn a_counter_that_jumps_ahead_is_not_believed() {
    let profile = json_meter();
    // 69 kW for a quarter of an hour are 17 250 Wh.
    assert_eq!(after(&profile, 0, 17_252, false), Ok(Quality::GOOD));
    assert!(matches!(
        after(&profile, 0, 17_253, false),
        Err(CounterError::TooFast { .. })
    ));
}

#[test]
fn a_declared_rollover_is_told_apart_from_a_fall() {
    let profile = wrapping();
    assert_eq!(after(&profile, 999_900, 150, false), Ok(Quality::ROLLOVER));
    assert_eq!(after(&profile, 999_900, 0, false), Ok(Quality::ROLLOVER));
    assert!(matches!(
        after(&profile, 900_000, 150, false),
        Err(CounterError::Fell { .. })
    ));
    // A counter that stood beyond its modulus never had that modulus.
    assert!(matches!(
        after(&profile, WRAP + 5, 150, false),
        Err(CounterError::Fell { .. })
    ));
}

#[test]
fn a_counter_that_was_there_cannot_be_gone() {
    let profile = json_meter();
    let mut last = head(0);
    last.pv = Some(WattHours::new(3));
    let result = follows(
        &profile,
        Some(&last),
        QUARTER_MS,
        &sample(&profile, 0),
        false,
    );
    let quantity = Quantity::Pv;
    assert_eq!(result, Err(CounterError::Gone { quantity }));
}

/// What a device says about itself.
fn pinned_sample(profile: &Profile, import: u64, what: &str, said: &str) -> Sample {
    let mut sample = sample(profile, import);
    sample.identity.answers.push(Answered {
        what: what.to_owned(),
        got: Some(said.to_owned()),
        fits: None,
        must: false,
    });
    sample
}

fn after_pinned(sample: &Sample, pinned: &Pinned, exchange: bool) -> Result<Quality, CounterError> {
    let declared = Declared {
        reset: false,
        exchange,
    };
    let last = head(1_000_000);
    follows_pinned(
        &json_meter(),
        Some(&last),
        Some(pinned),
        QUARTER_MS,
        sample,
        declared,
    )
}

#[test]
fn another_serial_number_is_another_meter_until_somebody_says_so() {
    let profile = json_meter();
    let pinned = Pinned {
        serial: Some("A1".to_owned()),
        epoch: None,
    };
    let other = pinned_sample(&profile, 1_000_001, "serial", "B2");
    assert_eq!(
        after_pinned(&other, &pinned, false),
        Err(CounterError::Exchanged {
            before: "A1".to_owned(),
            now: "B2".to_owned()
        })
    );
    // A new meter begins anywhere.
    let new = pinned_sample(&profile, 12, "serial", "B2");
    assert_eq!(after_pinned(&new, &pinned, true), Ok(Quality::EXCHANGED));
    let same = pinned_sample(&profile, 1_000_001, "serial", "A1");
    assert_eq!(after_pinned(&same, &pinned, true), Ok(Quality::GOOD));
    // A device that does not say who it is, is judged by its counters.
    assert_eq!(
        after_pinned(&sample(&profile, 1_000_001), &pinned, false),
        Ok(Quality::GOOD)
    );
}

#[test]
fn a_device_that_says_that_it_counts_anew_is_believed_within_its_power() {
    let profile = json_meter();
    let pinned = Pinned {
        serial: None,
        epoch: Some("2025-01-01T00:00:00".to_owned()),
    };
    let anew = |import| pinned_sample(&profile, import, "epoch", "2026-06-15T10:00:00");
    assert_eq!(after_pinned(&anew(12), &pinned, false), Ok(Quality::RESET));
    assert!(matches!(
        after_pinned(&anew(1_000_001), &pinned, false),
        Err(CounterError::TooFast { .. })
    ));
}

#[test]
fn what_pins_a_device_is_kept_while_it_says_nothing() {
    let said = Pinned {
        serial: Some("A1".to_owned()),
        epoch: None,
    };
    assert_eq!(Pinned::default().or(said.clone()), said);
    let other = Pinned {
        serial: Some("B2".to_owned()),
        epoch: Some("e".to_owned()),
    };
    assert_eq!(other.clone().or(said), other);
}

#[test]
fn a_low_counter_becomes_a_reset_only_when_it_lasts() {
    let profile = json_meter();
    let mut watch = Watch::default();
    let mut refuse = |minute: u64, now: u64| {
        let error = after(&profile, 1_000_000, now, false).expect_err("lower");
        watch.refused(&profile, &error, minute * 60_000)
    };
    let quantity = Quantity::Import;
    assert_eq!(refuse(0, 0), Some(Suspicion::Starting { quantity }));
    assert_eq!(refuse(1, 10), Some(Suspicion::Glitch { quantity }));
    assert_eq!(refuse(6, 20), Some(Suspicion::Glitch { quantity }));
    let reset = refuse(16, 40).expect("a suspicion");
    assert!(
        reset
            .to_string()
            .contains("from 10 Wh to 40 Wh in 3 readings over 15 min"),
        "{reset}"
    );
    // It jumps: not a counter that goes on.
    assert_eq!(refuse(17, 900_000), Some(Suspicion::Glitch { quantity }));
    watch.signed();
    assert_eq!(watch.glitches(), 1);
}

proptest! {
    /// Whatever a device shows in between, what is signed never falls and never runs ahead, and what
    /// it honestly counts is signed at once, unless it has lied plausibly before.
    #[test]
    fn a_glitch_is_never_signed(shows in proptest::collection::vec((0_u64..17_000, any::<bool>(), 0_u64..3_000_000), 1..40)) {
        let profile = json_meter();
        let mut honest = 1_000_000_u64;
        let mut last = head(honest);
        let mut time_ms = 0_u64;
        let mut believed_a_lie = false;
        for (rise, glitches, shown) in shows {
            honest += rise;
            time_ms += QUARTER_MS;
            let shown = if glitches { shown } else { honest };
            let before = last.import.expect("there").get();
            match follows(&profile, Some(&last), time_ms, &sample(&profile, shown), false) {
                Ok(quality) => {
                    prop_assert_eq!(quality, Quality::GOOD);
                    prop_assert!(shown >= before);
                    // 69 kW over the time since the last signed reading, and two steps.
                    prop_assert!(shown - before <= (time_ms - last.time_ms) * 69 / 3_600 + 3);
                    last.import = Some(WattHours::new(shown));
                    last.time_ms = time_ms;
                    believed_a_lie = shown != honest;
                }
                Err(_) => prop_assert!(shown != honest || believed_a_lie, "an honest value was refused"),
            }
        }
    }

    #[test]
    fn over_a_rollover_nothing_is_lost(start in 0..WRAP, rises in proptest::collection::vec(0_u64..17_000, 1..100)) {
        let profile = wrapping();
        let wrap = Some(WattHours::new(WRAP));
        let mut before = start;
        let mut sum = 0;
        for rise in &rises {
            let now = (before + rise) % WRAP;
            let quality = after(&profile, before, now, false).expect("honest");
            prop_assert_eq!(quality.has(Quality::ROLLOVER), now < before);
            sum += risen(WattHours::new(before), WattHours::new(now), wrap).expect("within").get();
            before = now;
        }
        prop_assert_eq!(sum, rises.iter().sum::<u64>());
    }

    #[test]
    fn any_two_values_have_a_verdict(before: u64, now: u64, wrap: Option<u64>) {
        let risen = risen(WattHours::new(before), WattHours::new(now), wrap.map(WattHours::new));
        if let (Some(rise), false) = (risen, now >= before) {
            let wrap = wrap.expect("only over a modulus");
            prop_assert_eq!((u128::from(before) + u128::from(rise.get())) % u128::from(wrap), u128::from(now) % u128::from(wrap));
        }
    }
}

#[test]
fn the_first_reading_of_a_gateway_carries_what_is_declared() {
    let profile = json_meter();
    let first = |reset, exchange| {
        let declared = Declared { reset, exchange };
        follows_pinned(&profile, None, None, 0, &sample(&profile, 5), declared)
    };
    assert_eq!(first(false, false), Ok(Quality::GOOD));
    assert_eq!(first(true, false), Ok(Quality::RESET));
    assert_eq!(first(true, true), Ok(Quality::EXCHANGED));
}
