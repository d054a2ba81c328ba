//! The settlement registers of a reading as they came, and how to read them again.
//!
//! Evidence is read by the same decoder as the device was, so a signed reading can be checked against
//! its raw registers by anybody who has the profile. For SunSpec each model with settlement points is
//! a group of blocks: its header (id and length, which prove what the addresses mean), then its
//! values with their scale factors. Of several points for one quantity only the one that counts is
//! evidence. The order is fixed, so there is one evidence for one state.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use std::collections::BTreeMap;

use energy_core::{RawEvidence, RawWords, WattHours};

use crate::decode::{
    Measured, Registers, Sample, ValueError, decode_registers, decode_tokens, is_in,
};
use crate::plan::{ReadRequest, merged, term_spans};
use crate::profile::{Place, Point, Profile, Quantity, Term, Token, Transport};
use crate::sunspec::{Layout, Model};

/// Raw evidence does not fit its profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Only the hash was kept, as between boundaries.
    #[error(
        "expected raw registers, got only their hash: this reading is not at an interval boundary"
    )]
    DigestOnly,
    /// Registers for a profile that reads messages, or the reverse.
    #[error("expected the raw values of profile `{profile}`, got those of another transport")]
    Transport {
        /// The profile.
        profile: String,
    },
    /// A block is missing, or another one is there.
    #[error("expected {expected}, got {got}")]
    Block {
        /// What should be there.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A settlement register cannot be what it says.
    #[error("`{}`: {source}", .quantity.name())]
    Value {
        /// Which one.
        quantity: Quantity,
        /// Why.
        source: ValueError,
    },
}

/// Import, export and generation, in this order, absent where the device has none.
pub type SettlementRegisters = (Option<WattHours>, Option<WattHours>, Option<WattHours>);

/// Import, export and generation that follow from raw evidence, absent where the device has none.
///
/// # Errors
/// [`EvidenceError`] when the evidence is not exactly what a gateway with this profile writes.
pub fn settlement_registers(
    profile: &Profile,
    evidence: &RawEvidence,
) -> Result<SettlementRegisters, EvidenceError> {
    let sample = match (evidence, profile.transport()) {
        (RawEvidence::Digest(_), _) => return Err(EvidenceError::DigestOnly),
        (RawEvidence::Modbus(blocks), Transport::Modbus(_)) => {
            from_blocks(profile, blocks, Layout::Fixed, &fixed_ranges(profile))?
        }
        (RawEvidence::Modbus(blocks), Transport::SunSpec { .. }) => {
            let layout = proven_layout(blocks)?;
            let ranges = model_ranges(profile, &layout);
            from_blocks(profile, blocks, layout, &ranges)?
        }
        (RawEvidence::Json(tokens), Transport::Mqtt(_)) => from_tokens(profile, tokens)?,
        _ => {
            return Err(EvidenceError::Transport {
                profile: profile.name().to_owned(),
            });
        }
    };
    let register = |quantity| match sample.signed(quantity) {
        // `within` has checked that a counter is not negative.
        Measured::Value(value) => Ok(Some(WattHours::new(value.unsigned_abs()))),
        Measured::Absent => Ok(None),
        Measured::Error(source) => Err(EvidenceError::Value {
            quantity,
            source: source.clone(),
        }),
    };
    Ok((
        register(Quantity::Import)?,
        register(Quantity::Export)?,
        register(Quantity::Pv)?,
    ))
}

/// The evidence in registers that were read.
pub(crate) fn of_registers(
    profile: &Profile,
    layout: &Layout,
    registers: &Registers,
) -> RawEvidence {
    let ranges = match layout {
        Layout::Fixed => fixed_ranges(profile),
        Layout::Models(_) => model_ranges(profile, layout),
    };
    let block = |range: &ReadRequest| {
        let words = registers.assembled(range)?;
        Some(RawWords {
            address: range.address,
            bytes: words.iter().flat_map(|w| w.to_be_bytes()).collect(),
        })
    };
    RawEvidence::Modbus(ranges.iter().filter_map(block).collect())
}

/// The evidence in tokens that were found, in the profile's order.
pub(crate) fn of_tokens(profile: &Profile, tokens: &BTreeMap<String, String>) -> RawEvidence {
    let unnamed = profile.mqtt().is_some_and(|m| m.unnamed_evidence);
    let is_there = |point: &Point| {
        let terms = point.place.tokens();
        terms.iter().all(|t| tokens.contains_key(&t.at.label))
    };
    let points = settling(profile, is_there);
    let terms = tokens_of(&points);
    let pair = |term: &Term<Token>| {
        let label = &term.at.label;
        let name = if unnamed {
            String::new()
        } else {
            label.clone()
        };
        Some((name, tokens.get(label)?.clone()))
    };
    let pairs: Vec<_> = terms.filter_map(pair).collect();
    let all = || tokens_of(&settling(profile, |_| true)).count();
    // Tokens without names say nothing unless all of them are there.
    let is_whole = !unnamed || pairs.len() == all();
    RawEvidence::Json(if is_whole { pairs } else { Vec::new() })
}

fn tokens_of<'p>(points: &[&'p Point]) -> impl Iterator<Item = &'p Term<Token>> {
    points.iter().flat_map(|point| point.place.tokens())
}

/// The points whose values are settled on a device that has `is_there`, in the order of a reading.
fn settling(profile: &Profile, is_there: impl Fn(&Point) -> bool) -> Vec<&Point> {
    let chosen = |quantity| profile.chosen(quantity, &is_there);
    let points = Quantity::ALL.into_iter().filter_map(chosen);
    points.map(|(_, p)| p).filter(|p| p.settles()).collect()
}

fn fixed_ranges(profile: &Profile) -> Vec<ReadRequest> {
    let points = settling(profile, |point| is_in(point, &Layout::Fixed));
    let mut spans: Vec<ReadRequest> = points.into_iter().flat_map(term_spans).collect();
    spans.sort_unstable();
    merged(&spans, 0, u16::MAX)
}

fn model_ranges(profile: &Profile, layout: &Layout) -> Vec<ReadRequest> {
    let points = settling(profile, |point| is_in(point, layout));
    let mut seen = Vec::new();
    let mut ranges = Vec::new();
    for model in layout.models() {
        let spans = spans_of_model(&points, model);
        if !spans.is_empty() && !seen.contains(&model.id) {
            seen.push(model.id);
            ranges.push(ReadRequest::holding(model.address, 2));
            ranges.extend(merged(&spans, 0, u16::MAX));
        }
    }
    ranges
}

/// Values and scale factors of these points in a model.
fn spans_of_model(points: &[&Point], model: &Model) -> Vec<ReadRequest> {
    let mut spans = Vec::new();
    for point in points {
        if let Place::Model {
            model: id,
            kind,
            terms,
            scale_offset,
        } = &point.place
            && *id == model.id
        {
            let at = |offset: u16, count| {
                ReadRequest::holding(model.address.saturating_add(offset), count)
            };
            spans.extend(terms.iter().map(|term| at(term.at, kind.registers())));
            spans.extend(scale_offset.map(|offset| at(offset, 1)));
        }
    }
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// The layout that the headers in the evidence prove: a header, then blocks within its model, then
/// the next header. [`from_blocks`] checks that the blocks are those of a gateway with this profile.
fn proven_layout(blocks: &[RawWords]) -> Result<Layout, EvidenceError> {
    let mut models: Vec<Model> = Vec::new();
    for block in blocks {
        let within = |model: &Model| {
            let offset = block.address.checked_sub(model.address);
            offset.is_some_and(|offset| offset >= 2 && model.holds(offset, 1))
        };
        if models.last().is_some_and(within) {
            continue;
        }
        let [a, b, c, d] = block.bytes[..] else {
            return Err(EvidenceError::Block {
                expected: format!("a SunSpec model header (2 registers) at {}", block.address),
                got: format!("{} bytes", block.bytes.len()),
            });
        };
        models.push(Model {
            id: u16::from_be_bytes([a, b]),
            address: block.address,
            length: u16::from_be_bytes([c, d]),
        });
    }
    Ok(Layout::Models(models))
}

fn from_blocks(
    profile: &Profile,
    blocks: &[RawWords],
    layout: Layout,
    ranges: &[ReadRequest],
) -> Result<Sample, EvidenceError> {
    let mut registers = Registers::new();
    let mut left = blocks.iter().peekable();
    for range in ranges {
        let bytes = usize::from(range.count).saturating_mul(2);
        let is_it =
            |block: &&RawWords| block.address == range.address && block.bytes.len() == bytes;
        match left.next_if(|block| is_it(block)) {
            Some(block) => registers.add(*range, words_of(block)),
            // The device refused these registers, and may.
            None if is_optional(profile, range) => {}
            None => return Err(unexpected(range.to_string(), left.peek().copied())),
        }
    }
    match left.next() {
        None if !blocks.is_empty() => Ok(decode_registers(profile, &layout, &registers)),
        rest => Err(unexpected(
            format!("the registers of profile `{}`", profile.name()),
            rest,
        )),
    }
}

fn unexpected(expected: String, got: Option<&RawWords>) -> EvidenceError {
    let got = got.map_or("nothing".to_owned(), |block| {
        format!("{} bytes from {}", block.bytes.len(), block.address)
    });
    EvidenceError::Block { expected, got }
}

fn words_of(block: &RawWords) -> Vec<u16> {
    let pairs = block.bytes.chunks_exact(2);
    pairs.map(|w| u16::from_be_bytes([w[0], w[1]])).collect()
}

/// Whether a device may be complete without these registers.
fn is_optional(profile: &Profile, range: &ReadRequest) -> bool {
    let within = |point: &&Point| term_spans(point).iter().any(|span| range.covers(span));
    let mut points = profile
        .points()
        .iter()
        .filter(|p| p.settles())
        .filter(within)
        .peekable();
    points.peek().is_some() && points.all(|point| point.optional)
}

fn from_tokens(profile: &Profile, pairs: &[(String, String)]) -> Result<Sample, EvidenceError> {
    let unnamed = profile.mqtt().is_some_and(|m| m.unnamed_evidence);
    let points = settling(profile, |_| true);
    let labels = tokens_of(&points).map(|term| term.at.label.as_str());
    let found: BTreeMap<String, String> = if unnamed {
        let tokens = pairs.iter().map(|(_, token)| token.clone());
        labels.map(str::to_owned).zip(tokens).collect()
    } else {
        pairs.iter().cloned().collect()
    };
    if of_tokens(profile, &found) != RawEvidence::Json(pairs.to_vec()) || pairs.is_empty() {
        let names = profile.points().iter().filter(|p| p.settles());
        let names = names
            .flat_map(|p| p.place.tokens())
            .map(|t| t.at.label.as_str());
        let list = |names: Vec<&str>| format!("the tokens of {}", names.join(", "));
        return Err(EvidenceError::Block {
            expected: list(names.collect()),
            got: list(pairs.iter().map(|(name, _)| name.as_str()).collect()),
        });
    }
    Ok(decode_tokens(profile, &found))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shipped;

    fn wh(value: u64) -> Option<WattHours> {
        Some(WattHours::new(value))
    }

    fn block(address: u16, words: &[u16]) -> RawWords {
        RawWords {
            address,
            bytes: words.iter().flat_map(|w| w.to_be_bytes()).collect(),
        }
    }

    /// Header, export, import and scale factor of model 203, then header, energy and scale factor of 103.
    fn sunspec(base: u16) -> Vec<RawWords> {
        vec![
            block(base, &[203, 105]),
            block(base + 38, &[0, 500]),
            block(base + 46, &[1, 0]),
            block(base + 54, &[1]),
            block(base + 200, &[103, 50]),
            block(base + 224, &[0, 77, 0]),
        ]
    }

    #[test]
    fn sunspec_evidence_brings_its_own_map_and_scale_factors() {
        let profile = shipped::profile("sunspec").expect("shipped");
        for base in [2, 40_002] {
            let evidence = RawEvidence::Modbus(sunspec(base));
            let registers = settlement_registers(&profile, &evidence);
            assert_eq!(registers, Ok((wh(655_360), wh(5_000), wh(77))));
        }
    }

    #[test]
    fn evidence_of_another_shape_is_refused() {
        let profile = shipped::profile("sunspec").expect("shipped");
        let check = |change: &dyn Fn(&mut Vec<RawWords>)| {
            let mut blocks = sunspec(40_002);
            change(&mut blocks);
            let result = settlement_registers(&profile, &RawEvidence::Modbus(blocks));
            assert!(result.is_err(), "{result:?}");
        };
        check(&|b| b[0].bytes[0] ^= 0x40);
        check(&|b| b[1].address += 2);
        check(&|b| b.swap(1, 2));
        check(&|b| b.truncate(3));
        check(&|b| b.clear());
        check(&|b| b[3].bytes.push(0));
        check(&|b| b[3].bytes = vec![0, 11]);
        check(&|b| b.push(block(1, &[203, 105])));
    }

    #[test]
    fn a_hash_alone_cannot_be_read_again() {
        let profile = shipped::profile("eastron-sdm630").expect("shipped");
        let digest = RawEvidence::Modbus(vec![block(0x48, &[0; 4])]).digest();
        assert_eq!(
            settlement_registers(&profile, &digest),
            Err(EvidenceError::DigestOnly)
        );
        let json = RawEvidence::Json(vec![("$.total_act".to_owned(), "1".to_owned())]);
        assert!(matches!(
            settlement_registers(&profile, &json),
            Err(EvidenceError::Transport { .. })
        ));
    }

    #[test]
    fn only_the_point_that_counts_is_evidence_and_its_header_proves_which_one() {
        let profile = shipped::profile("sunspec").expect("shipped");
        // Export and import of model 213, floats: 12 500 Wh and 1 234 567 Wh.
        let floats = |base: u16| {
            vec![
                block(base, &[213, 124]),
                block(base + 60, &[0x4643, 0x5000]),
                block(base + 68, &[0x4996, 0xb438]),
            ]
        };
        let read = |blocks| settlement_registers(&profile, &RawEvidence::Modbus(blocks));
        assert_eq!(read(floats(40_100)), Ok((wh(1_234_567), wh(12_500), None)));
        // A gateway takes 203 where there is one, so evidence of both is nobody's.
        let both = [sunspec(40_002), floats(40_400)].concat();
        assert!(read(both).is_err());
    }

    #[test]
    fn registers_that_a_device_need_not_have_may_be_missing_and_others_not() {
        let profile = shipped::profile("huawei-sun2000").expect("shipped");
        let read = |blocks| settlement_registers(&profile, &RawEvidence::Modbus(blocks));
        let pv = block(32_106, &[0, 1_234]);
        let grid = block(37_119, &[0, 100, 0, 200]);
        assert_eq!(read(vec![pv.clone()]), Ok((None, None, wh(12_340))));
        assert_eq!(
            read(vec![pv.clone(), grid.clone()]),
            Ok((wh(2_000), wh(1_000), wh(12_340)))
        );
        assert!(read(vec![grid, pv]).is_err());
        let sdm = shipped::profile("eastron-sdm630").expect("shipped");
        let half = RawEvidence::Modbus(vec![block(0x48, &[0; 2])]);
        assert!(settlement_registers(&sdm, &half).is_err());
    }

    #[test]
    fn tokens_without_names_are_told_apart_by_their_place() {
        let profile = shipped::profile("shelly-3em").expect("shipped");
        let tokens = [
            "1184633.1",
            "331873.1",
            "349600.5",
            "1158.3",
            "487.7",
            "293.7",
        ];
        let pairs = |tokens: &[&str]| {
            let pairs = tokens.iter().map(|t| (String::new(), (*t).to_owned()));
            RawEvidence::Json(pairs.collect())
        };
        assert_eq!(
            settlement_registers(&profile, &pairs(&tokens)),
            Ok((wh(1_866_107), wh(1_940), None))
        );
        assert!(settlement_registers(&profile, &pairs(&tokens[..5])).is_err());
        let seven = [&tokens[..], &["1"]].concat();
        assert!(settlement_registers(&profile, &pairs(&seven)).is_err());
    }

    #[test]
    fn sentinels_in_evidence_are_absent() {
        let profile = shipped::profile("eastron-sdm630").expect("shipped");
        let evidence = RawEvidence::Modbus(vec![block(0x48, &[0x7fc0, 0, 0, 0])]);
        assert_eq!(
            settlement_registers(&profile, &evidence),
            Ok((None, wh(0), None))
        );
    }

    proptest! {
        #[test]
        fn tokens_come_out_as_they_were_written(import in 0..1_u64 << 60, export in 0..1_u64 << 60) {
            let profile = shipped::profile("json-meter").expect("shipped");
            let evidence = RawEvidence::Json(vec![
                ("$.total_act".to_owned(), import.to_string()),
                ("$.total_act_ret".to_owned(), export.to_string()),
            ]);
            prop_assert_eq!(settlement_registers(&profile, &evidence), Ok((wh(import), wh(export), None)));
        }
    }
}
