//! The settlement registers of a reading as they came, and how to read them again.
//!
//! Evidence is read by the same decoder as the device was, so a signed reading can be checked against
//! its raw registers by anybody who has the profile. For SunSpec each model with settlement points is
//! a group of blocks: its header (id and length, which prove what the addresses mean), then its
//! values with their scale factors. The order is fixed, so there is one evidence for one state.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use std::collections::BTreeMap;

use energy_core::{RawEvidence, RawWords, WattHours};

use crate::decode::{Measured, Registers, Sample, ValueError, decode_registers, decode_tokens};
use crate::plan::{ReadRequest, merged};
use crate::profile::{Function, Place, Profile, Quantity, Transport};
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
            let layout = proven_layout(profile, blocks)?;
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
    let register = |quantity| match sample.get(quantity) {
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
        let words = registers.get(range)?;
        Some(RawWords {
            address: range.address,
            bytes: words.iter().flat_map(|w| w.to_be_bytes()).collect(),
        })
    };
    RawEvidence::Modbus(ranges.iter().filter_map(block).collect())
}

/// The evidence in tokens that were found, in the profile's order.
pub(crate) fn of_tokens(profile: &Profile, tokens: &BTreeMap<String, String>) -> RawEvidence {
    let pair = |path: &str| Some((path.to_owned(), tokens.get(path)?.clone()));
    RawEvidence::Json(settling_paths(profile).filter_map(pair).collect())
}

fn settling_paths(profile: &Profile) -> impl Iterator<Item = &str> {
    profile
        .points()
        .iter()
        .filter(|p| p.quantity.settles())
        .filter_map(|p| match &p.place {
            Place::Path(path) => Some(path.as_str()),
            Place::Register { .. } | Place::Model { .. } => None,
        })
}

fn fixed_ranges(profile: &Profile) -> Vec<ReadRequest> {
    let settling = profile.points().iter().filter(|p| p.quantity.settles());
    let mut spans: Vec<ReadRequest> = settling
        .filter_map(|point| match point.place {
            Place::Register {
                function,
                address,
                kind,
                ..
            } => Some(ReadRequest {
                function,
                address,
                count: kind.registers(),
            }),
            Place::Model { .. } | Place::Path(_) => None,
        })
        .collect();
    spans.sort_unstable();
    merged(&spans, 0, u16::MAX)
}

fn model_ranges(profile: &Profile, layout: &Layout) -> Vec<ReadRequest> {
    let mut seen = Vec::new();
    let mut ranges = Vec::new();
    for model in layout.models() {
        let spans = spans_of_model(profile, model);
        if !spans.is_empty() && !seen.contains(&model.id) {
            seen.push(model.id);
            ranges.push(ReadRequest {
                function: Function::Holding,
                address: model.address,
                count: 2,
            });
            ranges.extend(merged(&spans, 0, u16::MAX));
        }
    }
    ranges
}

/// Values and scale factors of the settlement points in a model.
fn spans_of_model(profile: &Profile, model: &Model) -> Vec<ReadRequest> {
    let mut spans = Vec::new();
    for point in profile.points().iter().filter(|p| p.quantity.settles()) {
        if let Place::Model {
            model: id,
            offset,
            kind,
            scale_offset,
        } = point.place
            && id == model.id
        {
            let at = |offset: u16, count| ReadRequest {
                function: Function::Holding,
                address: model.address.saturating_add(offset),
                count,
            };
            spans.push(at(offset, kind.registers()));
            spans.extend(scale_offset.map(|offset| at(offset, 1)));
        }
    }
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// The layout that the headers in the evidence prove.
fn proven_layout(profile: &Profile, blocks: &[RawWords]) -> Result<Layout, EvidenceError> {
    let mut models = Vec::new();
    let mut at = 0_usize;
    while let Some(header) = blocks.get(at) {
        let [a, b, c, d] = header.bytes[..] else {
            return Err(EvidenceError::Block {
                expected: format!("a SunSpec model header (2 registers) at {}", header.address),
                got: format!("{} bytes", header.bytes.len()),
            });
        };
        let model = Model {
            id: u16::from_be_bytes([a, b]),
            address: header.address,
            length: u16::from_be_bytes([c, d]),
        };
        let ranges = merged(&spans_of_model(profile, &model), 0, u16::MAX);
        if ranges.is_empty() {
            return Err(EvidenceError::Block {
                expected: format!(
                    "the header of a model with settlement registers in profile `{}`",
                    profile.name()
                ),
                got: format!("model {} at {}", model.id, model.address),
            });
        }
        models.push(model);
        at = at.saturating_add(ranges.len()).saturating_add(1);
    }
    Ok(Layout::Models(models))
}

fn from_blocks(
    profile: &Profile,
    blocks: &[RawWords],
    layout: Layout,
    ranges: &[ReadRequest],
) -> Result<Sample, EvidenceError> {
    let shown = |count: usize| format!("{count} blocks of registers");
    if blocks.len() != ranges.len() || blocks.is_empty() {
        return Err(EvidenceError::Block {
            expected: shown(ranges.len().max(1)),
            got: shown(blocks.len()),
        });
    }
    let mut registers = Registers::new();
    for (block, range) in blocks.iter().zip(ranges) {
        let words: Vec<u16> = block
            .bytes
            .chunks_exact(2)
            .map(|w| u16::from_be_bytes([w[0], w[1]]))
            .collect();
        let whole = block.bytes.len() == usize::from(range.count).saturating_mul(2);
        if block.address != range.address || !whole {
            return Err(EvidenceError::Block {
                expected: range.to_string(),
                got: format!("{} bytes from {}", block.bytes.len(), block.address),
            });
        }
        registers.add(range.function, block.address, words);
    }
    Ok(decode_registers(profile, &layout, &registers))
}

fn from_tokens(profile: &Profile, tokens: &[(String, String)]) -> Result<Sample, EvidenceError> {
    let found: BTreeMap<String, String> = tokens.iter().cloned().collect();
    if of_tokens(profile, &found) != RawEvidence::Json(tokens.to_vec()) || tokens.is_empty() {
        let list = |paths: Vec<&str>| format!("the tokens of {}", paths.join(", "));
        return Err(EvidenceError::Block {
            expected: list(settling_paths(profile).collect()),
            got: list(tokens.iter().map(|(path, _)| path.as_str()).collect()),
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
        check(&|b| b[0].bytes[1] ^= 1);
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
