//! From raw registers and tokens to values: a value, absent, or an error, never a zero that nobody
//! counted.
//!
//! Sentinels of the register types (SunSpec "not implemented", IEEE NaN) and of the profile are absent,
//! and so is a sum of which one part is. A counter below zero, an infinite number or an unknown scale
//! factor is an error of that value; the others stand.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

mod bounds;
mod identity;
mod registers;
mod sample;
mod words;

use std::collections::BTreeMap;

use crate::evidence;
use crate::number::{Exact, NumberError};
use crate::profile::{Place, Point, Profile, Quantity, Sign};
use crate::sunspec::Layout;

pub use bounds::ValueError;
pub(crate) use identity::judged as identity_answer;
pub use identity::{Answered, Identity, identity_of};
pub use registers::Registers;
pub use sample::{CounterFacts, Measured, Raw, Sample};

use words::located;

/// What a point showed: the sum of its terms, their coarsest step, and where its register begins anew.
struct Shown {
    number: Exact,
    step: Option<u64>,
    wrap: Option<u64>,
}

/// The sample of a Modbus device.
#[must_use]
pub fn decode_registers(profile: &Profile, layout: &Layout, registers: &Registers) -> Sample {
    let is_there = |point: &Point| located(point, layout).is_some();
    let read = |point: &Point| match located(point, layout) {
        Some(place) => {
            let raw = Raw::Words(words::raw(&place, registers));
            match words::shown(point, &place, registers) {
                // The device refused this block, and may: the poller fails where it may not.
                Err(ValueError::NotRead { .. }) if point.optional => (Ok(None), raw),
                read => (read, raw),
            }
        }
        None => (Ok(None), Raw::Words(Vec::new())),
    };
    let mut sample = sample(profile, is_there, read);
    sample.evidence = evidence::of_registers(profile, layout, registers);
    sample
}

/// The sample of a device that sends messages, from its tokens by label.
#[must_use]
pub fn decode_tokens(profile: &Profile, tokens: &BTreeMap<String, String>) -> Sample {
    let is_there = |point: &Point| {
        let terms = point.place.tokens();
        terms.iter().all(|term| tokens.contains_key(&term.at.label))
    };
    let read = |point: &Point| {
        let texts = point.place.tokens().iter();
        let texts = texts.filter_map(|term| tokens.get(&term.at.label));
        let raw = Raw::Tokens(texts.cloned().collect());
        (tokens_shown(point, tokens), raw)
    };
    let mut sample = sample(profile, is_there, read);
    sample.evidence = evidence::of_tokens(profile, tokens);
    sample
}

fn tokens_shown(
    point: &Point,
    tokens: &BTreeMap<String, String>,
) -> Result<Option<Shown>, ValueError> {
    let mut sum = None;
    for term in point.place.tokens() {
        let Some(token) = tokens.get(&term.at.label) else {
            return Ok(None);
        };
        let number = Exact::decimal(token)?;
        if point.sentinels.iter().any(|sentinel| number.is(*sentinel)) {
            return Ok(None);
        }
        sum = Some(added(point, sum, number, term.minus)?);
    }
    Ok(sum)
}

/// One term more.
fn added(
    point: &Point,
    sum: Option<Shown>,
    number: Exact,
    minus: bool,
) -> Result<Shown, NumberError> {
    let step = number.step(point.scale).ok();
    let number = if minus { number.negated() } else { number };
    Ok(match sum {
        None => Shown {
            number,
            step,
            wrap: None,
        },
        Some(sum) => Shown {
            number: sum.number.plus(number)?,
            step: sum.step.max(step),
            wrap: None,
        },
    })
}

fn sample(
    profile: &Profile,
    is_there: impl Fn(&Point) -> bool,
    read: impl Fn(&Point) -> (Result<Option<Shown>, ValueError>, Raw),
) -> Sample {
    let mut sample = Sample::default();
    for quantity in Quantity::ALL {
        // A counter is one register for good. Of several voltages any that says something will do.
        let says = |point: &Point| is_there(point) && !matches!(read(point).0, Ok(None));
        let first = profile.chosen(quantity, &is_there);
        let chosen = if quantity.is_counter() {
            first
        } else {
            profile.chosen(quantity, says).or(first)
        };
        let Some((index, point)) = chosen else {
            continue;
        };
        let (shown, raw) = read(point);
        if quantity.is_counter()
            && let Ok(Some(shown)) = &shown
        {
            let facts = CounterFacts::of(profile, point, shown.step, shown.wrap);
            sample.count(quantity, facts, point.settles());
        }
        sample.put(quantity, index, measured(point, shown), raw);
        if point.uncertain.is_some() {
            sample.uncertain.insert(quantity);
        }
    }
    sample
}

fn measured(point: &Point, shown: Result<Option<Shown>, ValueError>) -> Measured {
    let value = shown.and_then(|shown| {
        let Some(Shown { number, .. }) = shown else {
            return Ok(None);
        };
        let number = match point.sign {
            Sign::AsIs => number,
            Sign::Negated => number.negated(),
            Sign::Absolute => number.absolute(),
        };
        let value = number.rounded(point.scale)?;
        if value == 0 && point.zero_is_absent {
            Ok(None)
        } else {
            bounds::within(point.quantity, value).map(Some)
        }
    });
    match value {
        Ok(Some(value)) => Measured::Value(value),
        Ok(None) => Measured::Absent,
        Err(error) => Measured::Error(error),
    }
}

/// Whether a device with this layout has the point.
pub(crate) fn is_in(point: &Point, layout: &Layout) -> bool {
    match point.place {
        Place::Registers { .. } => true,
        Place::Model { .. } => located(point, layout).is_some(),
        Place::Message(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped;

    fn decoded(name: &str, tokens: &[(&str, &str)]) -> Sample {
        let profile = shipped::profile(name).expect("shipped");
        let tokens = tokens
            .iter()
            .map(|(label, token)| ((*label).to_owned(), (*token).to_owned()))
            .collect();
        decode_tokens(&profile, &tokens)
    }

    #[test]
    fn a_counter_below_zero_is_an_error_and_the_others_stand() {
        let sample = decoded(
            "json-meter",
            &[
                ("$.total_act", "-1"),
                ("$.total_act_ret", "5"),
                ("$.act_power", "-230.5"),
            ],
        );
        assert_eq!(
            sample.get(Quantity::Import),
            &Measured::Error(ValueError::Negative { got: -1 })
        );
        assert_eq!(sample.get(Quantity::Export), &Measured::Value(5));
        assert_eq!(sample.get(Quantity::Power), &Measured::Value(-230));
        assert_eq!(sample.get(Quantity::Soc), &Measured::Absent);
    }

    #[test]
    fn a_part_is_never_taken_for_the_sum() {
        let both = decoded("dsmr-reader", &[("d1", "1000.001"), ("d2", "234.5")]);
        assert_eq!(both.get(Quantity::Import), &Measured::Value(1_234_501));
        assert_eq!(
            both.raw(Quantity::Import),
            &Raw::Tokens(vec!["1000.001".to_owned(), "234.5".to_owned()])
        );
        let one = decoded("dsmr-reader", &[("d1", "1000.001")]);
        assert_eq!(one.get(Quantity::Import), &Measured::Absent);
    }

    #[test]
    fn a_sentinel_of_the_profile_is_absent_in_messages_too() {
        let sample = decoded(
            "zigbee2mqtt-plug",
            &[("$.energy", "22.8"), ("$.power", "-8388608")],
        );
        assert_eq!(sample.get(Quantity::Power), &Measured::Absent);
        assert_eq!(sample.get(Quantity::Import), &Measured::Value(22_800));
    }

    #[test]
    fn what_is_uncertain_is_shown_and_not_signed() {
        let sample = decoded(
            "zigbee2mqtt-plug",
            &[("$.energy", "22.8"), ("$.power", "91.5")],
        );
        assert_eq!(sample.get(Quantity::Power), &Measured::Value(92));
        assert_eq!(sample.signed(Quantity::Power), &Measured::Absent);
        assert_eq!(sample.signed(Quantity::Import), &Measured::Value(22_800));
    }
}
