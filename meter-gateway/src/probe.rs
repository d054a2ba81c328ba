//! Is this the device of that profile? What to ask, and what the answers say.
//!
//! For looking for devices: every check of the profile is asked, also those that are not asked when it
//! is read. A profile is *likely* when at least one check fits and none is contradicted; of several the
//! one with the most fitting checks is the likeliest. Plausible values (a voltage between 80 and 300)
//! count as little as they say: a check for a code or a name counts for ten of them, and one without
//! an answer against the profile, but less.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use crate::decode::{Answered, Identity, Registers, identity_of};
use crate::plan::{ReadRequest, identity_plan};
use crate::profile::{Expectation, Place, Profile};
use crate::sunspec::Layout;

/// What the answers say about one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How well the device fits; 0 for one that does not.
    pub score: u32,
    /// Every question with its answer.
    pub identity: Identity,
}

impl Verdict {
    /// Whether the device may be the profile's.
    #[must_use]
    pub const fn is_likely(&self) -> bool {
        self.score > 0
    }
}

/// What to ask a device to find out whether it is the profile's. `layout` is [`Layout::Fixed`] for a
/// profile with fixed registers, else what a walk has found.
#[must_use]
pub fn questions(profile: &Profile, layout: &Layout) -> Vec<ReadRequest> {
    identity_plan(profile, layout, true)
}

/// What the answers say. Questions that were refused say nothing.
#[must_use]
pub fn verdict(profile: &Profile, layout: &Layout, registers: &Registers) -> Verdict {
    let identity = identity_of(profile, layout, registers);
    let contradicted = identity.answers.iter().any(|a| a.fits == Some(false));
    let answers = || identity.answers.iter().zip(profile.identity());
    let weights = answers().map(|(answer, check)| weight(answer, check.expect.as_ref()));
    let fitting = weights.fold(0_u32, u32::saturating_add);
    let silent = answers().filter(|(answer, check)| check.expect.is_some() && answer.got.is_none());
    let silent = u32::try_from(silent.count()).unwrap_or(u32::MAX);
    // The models themselves say that a device is SunSpec.
    let has_model = |place: &Place| match place {
        Place::Model { model, .. } => layout.model(*model).is_some(),
        Place::Registers { .. } | Place::Message(_) => false,
    };
    let settling = profile.points().iter().filter(|p| p.quantity.settles());
    let models = u32::from(settling.map(|p| &p.place).any(has_model)).saturating_mul(10);
    let is_none = contradicted || (matches!(layout, Layout::Models(_)) && models == 0);
    let found = if is_none {
        0
    } else {
        fitting.saturating_add(models)
    };
    Verdict {
        score: found.saturating_mul(20).saturating_sub(silent),
        identity,
    }
}

fn weight(answer: &Answered, expect: Option<&Expectation>) -> u32 {
    match (answer.fits, expect) {
        (Some(true), Some(Expectation::Range(..))) => 1,
        (Some(true), _) => 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped;

    /// The likeliest fixed-register profile for a device with these registers.
    fn likeliest(words_at: &dyn Fn(&ReadRequest) -> Option<Vec<u16>>) -> Option<&'static str> {
        let score = |name: &&'static str| {
            let profile = shipped::profile(name).expect("shipped");
            if profile.modbus().is_none() || !profile.sunspec_bases().is_empty() {
                return 0;
            }
            let mut registers = Registers::new();
            for request in questions(&profile, &Layout::Fixed) {
                if let Some(words) = words_at(&request) {
                    registers.add(request, words);
                }
            }
            verdict(&profile, &Layout::Fixed, &registers).score
        };
        let best = shipped::names().into_iter().max_by_key(score)?;
        (score(&best) > 0).then_some(best)
    }

    fn read(image: &[(u16, &[u16])], request: &ReadRequest) -> Option<Vec<u16>> {
        let end = request.address + request.count;
        image.iter().find_map(|(address, words)| {
            let from = usize::from(request.address.checked_sub(*address)?);
            let to = usize::from(end - address);
            words.get(from..to).map(<[u16]>::to_vec)
        })
    }

    #[test]
    fn devices_are_told_apart_by_what_they_say_about_themselves() {
        let volts = [0x4366, 0x0000];
        let three = [volts, volts, volts].concat();
        let hertz: &[u16] = &[0x4248, 0x0000];
        let check = |image: &[(u16, &[u16])], expected: Option<&str>| {
            assert_eq!(likeliest(&|request| read(image, request)), expected);
        };
        check(&[(0, &three), (0x46, hertz)], Some("eastron-sdm630"));
        check(&[(0, &volts), (0x46, hertz)], Some("eastron-sdm120"));
        // 230.0 V, low word first, in tenths; 50.0 Hz.
        let em = [2_300, 0, 2_300, 0, 2_300, 0];
        check(&[(0, &em), (0x33, &[500])], Some("carlo-gavazzi-em340"));
        check(
            &[(0, &em), (0x33, &[500]), (0x0b, &[1_650]), (0xa000, &[7])],
            Some("carlo-gavazzi-em24-e1"),
        );
        check(&[(0x8960, &[0x4232, 0x3320])], Some("abb-b23"));
        check(&[(0, &[1, 2, 3])], None);
    }

    #[test]
    fn an_inverter_is_recognised_by_its_maker() {
        let likeliest = |maker: &str| {
            let models = vec![
                crate::sunspec::Model {
                    id: 1,
                    address: 40_002,
                    length: 66,
                },
                crate::sunspec::Model {
                    id: 103,
                    address: 40_070,
                    length: 50,
                },
                crate::sunspec::Model {
                    id: 160,
                    address: 40_122,
                    length: 88,
                },
                crate::sunspec::Model {
                    id: 203,
                    address: 40_212,
                    length: 105,
                },
            ];
            let layout = Layout::Models(models);
            let score = |name: &&str| {
                let profile = shipped::profile(name).expect("shipped");
                let mut registers = Registers::new();
                for request in questions(&profile, &layout) {
                    let mut words = vec![0; request.count.into()];
                    if request.address == 40_004 {
                        let bytes: Vec<u8> = maker.bytes().chain([0]).collect();
                        for (word, pair) in words.iter_mut().zip(bytes.chunks_exact(2)) {
                            *word = u16::from_be_bytes([pair[0], pair[1]]);
                        }
                    }
                    registers.add(request, words);
                }
                verdict(&profile, &layout, &registers).score
            };
            ["sunspec", "solaredge", "fronius-gen24"]
                .into_iter()
                .max_by_key(score)
        };
        assert_eq!(likeliest("SolarEdge"), Some("solaredge"));
        assert_eq!(likeliest("Fronius"), Some("fronius-gen24"));
        assert_eq!(likeliest("Acme"), Some("sunspec"));
    }
}
