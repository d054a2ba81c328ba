//! Which registers are read in which request.
//!
//! Points that lie close together are read at once, because one large read costs about as much as a
//! small one. A number is never split over two requests: its halves could be of different instants.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use crate::profile::{Function, Place, Profile};
use crate::sunspec::Layout;

/// One Modbus read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadRequest {
    /// How.
    pub function: Function,
    /// From which protocol address, 0-based.
    pub address: u16,
    /// How many registers, 1 to 125.
    pub count: u16,
}

impl std::fmt::Display for ReadRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.function {
            Function::Holding => "holding",
            Function::Input => "input",
        };
        write!(f, "{} {kind} registers from {}", self.count, self.address)
    }
}

/// The requests that read every point of a profile with fixed registers. None for other profiles.
#[must_use]
pub fn fixed_plan(profile: &Profile) -> Vec<ReadRequest> {
    let Some(manners) = profile.modbus() else {
        return Vec::new();
    };
    let mut spans: Vec<ReadRequest> = profile
        .points()
        .iter()
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
    merged(&spans, manners.gap_max, manners.registers_max)
}

/// The requests that read what a profile wants of the models of a device: each model in one request,
/// from its header, so that its scale factors belong to its values and a moved map is noticed.
#[must_use]
pub fn model_plan(profile: &Profile, layout: &Layout) -> Vec<ReadRequest> {
    let wanted = |id: u16| {
        let ends = profile
            .points()
            .iter()
            .filter_map(move |point| match point.place {
                Place::Model {
                    model,
                    offset,
                    kind,
                    scale_offset,
                    ..
                } if model == id => {
                    let end = offset.saturating_add(kind.registers());
                    Some(end.max(scale_offset.map_or(0, |o| o.saturating_add(1))))
                }
                _ => None,
            });
        ends.max()
    };
    let request = |model: &crate::sunspec::Model| {
        let count = wanted(model.id)?.min(model.length.saturating_add(2));
        Some(ReadRequest {
            function: Function::Holding,
            address: model.address,
            count,
        })
    };
    layout.models().iter().filter_map(request).collect()
}

/// Sorted spans, joined where at most `gap_max` registers lie between them and the result has at most
/// `registers_max`.
pub(crate) fn merged(spans: &[ReadRequest], gap_max: u16, registers_max: u16) -> Vec<ReadRequest> {
    let end = |r: &ReadRequest| u32::from(r.address).saturating_add(u32::from(r.count));
    let mut requests: Vec<ReadRequest> = Vec::new();
    for span in spans {
        if let Some(last) = requests.last_mut()
            && last.function == span.function
            && u32::from(span.address) <= end(last).saturating_add(u32::from(gap_max))
        {
            let count = end(last)
                .max(end(span))
                .saturating_sub(u32::from(last.address));
            if let Ok(count) = u16::try_from(count)
                && count <= registers_max
            {
                last.count = count;
                continue;
            }
        }
        requests.push(*span);
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_read_together_within_gap_and_size() {
        let span = |address, count| ReadRequest {
            function: Function::Input,
            address,
            count,
        };
        let spans = [span(0, 2), span(2, 2), span(6, 2), span(20, 4)];
        assert_eq!(
            merged(&spans, 0, 125),
            [span(0, 4), span(6, 2), span(20, 4)]
        );
        assert_eq!(merged(&spans, 2, 125), [span(0, 8), span(20, 4)]);
        assert_eq!(merged(&spans, 125, 125), [span(0, 24)]);
        assert_eq!(merged(&spans, 125, 8), [span(0, 8), span(20, 4)]);
        assert_eq!(merged(&[span(65_534, 2)], 9, 125), [span(65_534, 2)]);
    }

    #[test]
    fn the_settlement_registers_of_the_sdm630_are_one_request() {
        let profile = crate::shipped::profile("eastron-sdm630").expect("shipped");
        let plan = fixed_plan(&profile);
        assert!(
            plan.iter()
                .any(|r| r.address <= 0x48 && r.address + r.count >= 0x4c),
            "{plan:?}"
        );
    }
}
