//! What holds of every shipped profile, whatever a device says: nothing panics, what is not available
//! never becomes a number, and what may be signed follows from its evidence.

use std::collections::BTreeMap;
use std::sync::Arc;

use energy_core::WattHours;
use proptest::prelude::*;

use crate::decode::{Measured, Sample, decode_tokens};
use crate::overlay::{Arrival, Overlay};
use crate::plan::ReadRequest;
use crate::poller::{Answer, DeviceError, Next, Poll, counter, settles};
use crate::profile::{Kind, Place, Point, Profile, Quantity, WordOrder};
use crate::{settlement_registers, shipped};

fn profiles() -> Vec<Arc<Profile>> {
    let names = shipped::names().into_iter();
    names
        .map(|name| shipped::profile(name).expect("shipped"))
        .collect()
}

/// Reads a device whose registers are these; none is an exception.
fn poll(
    profile: &Arc<Profile>,
    word: &dyn Fn(Option<u8>, u16) -> Option<u16>,
) -> Result<Sample, DeviceError> {
    let mut poll = Poll::new(Arc::clone(profile), None);
    for _ in 0..1_000 {
        match poll.step() {
            Next::Read(ReadRequest {
                unit,
                address,
                count,
                ..
            }) => {
                let words: Option<Vec<u16>> = (0..count)
                    .map(|i| word(unit, address.checked_add(i)?))
                    .collect();
                poll.answer(words.map_or(Answer::Exception(2), Answer::Words));
            }
            Next::Done(sample) => return Ok(*sample),
            Next::Failed(error) => return Err(error),
        }
    }
    panic!("{}: the read does not end", profile.name());
}

/// The models of a profile one after the other, each as long as it can be, without the content.
fn map_of(profile: &Profile) -> BTreeMap<u16, u16> {
    let mut models: Vec<u16> = vec![1];
    for point in profile.points() {
        if let Place::Model { model, .. } = &point.place
            && !models.contains(model)
        {
            models.push(*model);
        }
    }
    let mut image = BTreeMap::from([(40_000, 0x5375), (40_001, 0x6e53)]);
    let mut at = 40_002;
    for model in models {
        image.extend([(at, model), (at + 1, 124)]);
        at += 126;
    }
    image.extend([(at, 0xffff), (at + 1, 0)]);
    image
}

/// Words that look like anything: small numbers, sentinels, noise.
fn noise(seed: u64, unit: Option<u8>, address: u16) -> Option<u16> {
    let mut x = seed ^ (u64::from(address) << 17) ^ (u64::from(unit.unwrap_or(0)) << 40);
    x = (x ^ (x >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    x = (x ^ (x >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d);
    x ^= x >> 33;
    let word = u16::try_from(x & 0xffff).expect("16 bits");
    match (x >> 16) % 16 {
        0 => None,
        1 => Some(0xffff),
        2 => Some(0x8000),
        3 => Some(0x7fff),
        4 => Some(0x7fc0),
        5..=9 => Some(word % 8),
        10..=12 => Some(0),
        _ => Some(word),
    }
}

fn check_sample(profile: &Profile, sample: &Sample) {
    for quantity in Quantity::ALL {
        if let Measured::Value(value) = sample.get(quantity)
            && quantity.is_counter()
        {
            assert!(*value >= 0, "{}: {quantity:?} {value}", profile.name());
        }
    }
    if settles(profile, sample).is_ok() {
        let registers = [Quantity::Import, Quantity::Export, Quantity::Pv];
        let [import, export, pv] = registers.map(|quantity| counter(sample, quantity));
        let again = settlement_registers(profile, &sample.evidence);
        assert_eq!(again, Ok((import, export, pv)), "{}", profile.name());
    }
}

/// The words that say "not available" in a point.
fn sentinels(point: &Point) -> Vec<Vec<u16>> {
    let (Some(kind), order) = (
        point.place.kind(),
        match point.place {
            Place::Registers { order, .. } => order,
            _ => WordOrder::Big,
        },
    ) else {
        return Vec::new();
    };
    let own = match kind {
        Kind::I16 | Kind::I32 | Kind::I64 => 1_u64 << 63,
        Kind::F32 => 0x7fc0_0000_u64 << 32,
        _ => u64::MAX,
    };
    let count = usize::from(kind.registers());
    let high = |bits: u64| {
        (0..count).map(move |i| u16::try_from(bits >> (48 - 16 * i) & 0xffff).expect("16 bits"))
    };
    let shift = 64 - 16 * u32::from(kind.registers());
    let declared = point.sentinels.iter().map(|s| s.cast_unsigned() << shift);
    let all = std::iter::once(own).chain(declared);
    all.map(|bits| {
        let mut words: Vec<u16> = high(bits).collect();
        if order == WordOrder::Little {
            words.reverse();
        }
        words
    })
    .collect()
}

/// A device on which every term of a point says "not available" with these words; none for messages.
fn without(profile: &Profile, point: &Point, words: &[u16]) -> Option<BTreeMap<u16, u16>> {
    let (mut image, addresses): (_, Vec<u16>) = match &point.place {
        Place::Registers { terms, .. } => {
            let image = if profile.sunspec_bases().is_empty() {
                BTreeMap::new()
            } else {
                map_of(profile)
            };
            (image, terms.iter().map(|term| term.at).collect())
        }
        // With this model alone, so that no other stands in for it.
        Place::Model { model, terms, .. } => {
            let header = [0x5375, 0x6e53, *model, 124];
            let mut image: BTreeMap<u16, u16> = (40_000..).zip(header).collect();
            image.extend([(40_128, 0xffff), (40_129, 0)]);
            (image, terms.iter().map(|term| 40_002 + term.at).collect())
        }
        Place::Message(_) => return None,
    };
    for address in addresses {
        image.extend((address..).zip(words.iter().copied()));
    }
    Some(image)
}

#[test]
fn what_is_not_available_is_absent_in_every_point_of_every_profile() {
    let mut checked = 0;
    for profile in profiles() {
        for (i, point) in profile.points().iter().enumerate() {
            for words in sentinels(point) {
                let Some(image) = without(&profile, point, &words) else {
                    continue;
                };
                // Everything else is there and 0, but for the way to the models.
                let is_there = |address| profile.sunspec_bases().is_empty() || address > 40_003;
                let word = |_, address| {
                    let own = image.get(&address).copied();
                    own.or(is_there(address).then_some(0))
                };
                let sample = match poll(&profile, &word) {
                    Ok(sample) => sample,
                    Err(DeviceError::WrongDevice { .. } | DeviceError::NoModel { .. }) => continue,
                    Err(error) => panic!("{}: {error}", profile.name()),
                };
                let (name, quantity) = (profile.name(), point.quantity);
                // Another point for the same voltage may say something; this one does not.
                assert!(
                    sample.point(quantity) != Some(i) || sample.get(quantity) == &Measured::Absent,
                    "{name} {quantity:?}: {words:04x?}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 150, "{checked}");
}

#[test]
fn a_token_that_is_missing_leaves_no_value() {
    for profile in profiles() {
        for point in profile.points() {
            let labels: Vec<&String> = point.place.tokens().iter().map(|t| &t.at.label).collect();
            for missing in &labels {
                let there = labels.iter().filter(|label| label != &missing);
                let tokens = there
                    .map(|label| ((*label).clone(), "1".to_owned()))
                    .collect();
                let sample = decode_tokens(&profile, &tokens);
                if sample
                    .point(point.quantity)
                    .is_some_and(|i| &profile.points()[i] == point)
                {
                    panic!(
                        "{}: {} without {missing}",
                        profile.name(),
                        point.quantity.name()
                    );
                }
            }
        }
    }
}

#[test]
fn every_profile_has_two_golden_vectors_and_one_of_them_lacks_something() {
    for name in shipped::names() {
        let text = shipped::text(name).expect("shipped");
        let file: toml::Table = text.parse().expect("TOML");
        let vectors = file["golden"].as_array().expect("a list");
        assert!(vectors.len() >= 2, "{name}");
        let expects = vectors.iter().filter_map(|v| v.get("expect")?.as_table());
        let lacks = |v: &toml::Value| matches!(v.as_str(), Some("absent" | "error"));
        assert!(
            expects.into_iter().any(|e| e.values().any(lacks)),
            "{name} has no vector with something that is not available"
        );
        assert!(
            !shipped::profile(name).expect("shipped").notes().is_empty() || name == "x",
            "{name}"
        );
    }
}

proptest! {
    #[test]
    fn any_registers_are_values_absent_or_errors(seed: u64) {
        for profile in profiles().iter().filter(|p| p.mqtt().is_none()) {
            let map = map_of(profile);
            let is_sunspec = !profile.sunspec_bases().is_empty();
            let word = |unit, address: u16| match map.get(&address) {
                Some(word) if is_sunspec => Some(*word),
                // The walk and the blocks of models need every word.
                None if is_sunspec && address >= 40_000 => noise(seed, unit, address).or(Some(7)),
                _ => noise(seed, unit, address),
            };
            if let Ok(sample) = poll(profile, &word) {
                check_sample(profile, &sample);
            }
        }
    }

    #[test]
    fn any_answers_end(seed: u64) {
        for profile in profiles().iter().filter(|p| p.mqtt().is_none()) {
            let _ = poll(profile, &|unit, address| noise(seed, unit, address));
        }
    }

    #[test]
    fn any_tokens_are_values_absent_or_errors(tokens in proptest::collection::vec("-?[0-9]{0,12}(\\.[0-9]{0,6})?(e-?[0-9]{1,2})?", 24), gone in proptest::collection::vec(any::<bool>(), 24)) {
        for profile in profiles().iter().filter(|p| p.mqtt().is_some()) {
            let labels: Vec<String> = profile.points().iter().flat_map(|p| p.place.tokens()).map(|t| t.at.label.clone()).collect();
            let pairs = labels.into_iter().zip(tokens.iter().zip(&gone));
            let found = pairs.filter(|(_, (_, gone))| !**gone).map(|(label, (token, _))| (label, token.clone())).collect();
            check_sample(profile, &decode_tokens(profile, &found));
        }
    }

    #[test]
    fn any_message_is_taken_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..120), text in "[\\[\\]{}\":,0-9a-zA-Z/!()*. \r\n-]{0,200}", topic in 0_usize..12) {
        for profile in profiles().iter().filter(|p| p.mqtt().is_some()) {
            let mut overlay = Overlay::default();
            let arrival = Arrival { topic, received_ms: 0, retained: false };
            overlay.take(profile, arrival, &payload);
            overlay.take(profile, arrival, text.as_bytes());
            let _ = overlay.heard(profile);
        }
    }

    /// Import of a sum is the sum of its phases, to the last watt-hour.
    #[test]
    fn the_phases_of_a_victron_are_summed(import in proptest::array::uniform3(0_u32..400_000_000), export in proptest::array::uniform3(0_u32..400_000_000)) {
        let profile = shipped::profile("victron-gx").expect("shipped");
        let image: BTreeMap<u16, u16> = (2_622..).zip(import.iter().chain(&export).flat_map(|v| [(v >> 16) as u16, (v & 0xffff) as u16])).collect();
        let sample = poll(&profile, &|_, address| Some(image.get(&address).copied().unwrap_or(0))).expect("readable");
        let sum = |phases: [u32; 3]| Some(WattHours::new(phases.iter().map(|v| u64::from(*v) * 10).sum()));
        prop_assert_eq!(counter(&sample, Quantity::Import), sum(import));
        prop_assert_eq!(counter(&sample, Quantity::Export), sum(export));
    }
}
