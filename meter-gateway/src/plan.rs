//! Which registers are read in which request.
//!
//! Points that lie close together are read at once, because one large read costs about as much as a
//! small one. A number is never split over two requests, nor is a sum, nor a group of points: their
//! parts could be of different instants.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use crate::profile::{Function, IdentityPlace, Place, Point, Profile, Term};
use crate::sunspec::{Layout, Model};

/// One Modbus read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadRequest {
    /// Of which unit, where it is not the device's own.
    pub unit: Option<u8>,
    /// How.
    pub function: Function,
    /// From which protocol address, 0-based.
    pub address: u16,
    /// How many registers, 1 to 125.
    pub count: u16,
}

impl ReadRequest {
    /// Holding registers of the device itself.
    #[must_use]
    pub const fn holding(address: u16, count: u16) -> Self {
        Self {
            unit: None,
            function: Function::Holding,
            address,
            count,
        }
    }

    /// Whether all registers of `other` are among these.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        (self.unit, self.function) == (other.unit, other.function)
            && other.address >= self.address
            && other.end() <= self.end()
    }

    fn end(&self) -> u32 {
        u32::from(self.address).saturating_add(u32::from(self.count))
    }

    /// The smallest request for both; none where no single request can be.
    fn hull(self, other: Self) -> Option<Self> {
        if (self.unit, self.function) != (other.unit, other.function) {
            return None;
        }
        let address = self.address.min(other.address);
        let count = self
            .end()
            .max(other.end())
            .saturating_sub(u32::from(address));
        Some(Self {
            address,
            count: u16::try_from(count).ok()?,
            ..self
        })
    }
}

impl std::fmt::Display for ReadRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.function {
            Function::Holding => "holding",
            Function::Input => "input",
        };
        write!(f, "{} {kind} registers from {}", self.count, self.address)?;
        match self.unit {
            Some(unit) => write!(f, " of unit {unit}"),
            None => Ok(()),
        }
    }
}

/// The registers of each term of a point with fixed registers; empty for other points.
pub(crate) fn term_spans(point: &Point) -> Vec<ReadRequest> {
    let Place::Registers {
        unit,
        function,
        kind,
        terms,
        ..
    } = &point.place
    else {
        return Vec::new();
    };
    let span = |term: &Term<u16>| ReadRequest {
        unit: *unit,
        function: *function,
        address: term.at,
        count: kind.registers(),
    };
    terms.iter().map(span).collect()
}

/// The one request that reads a point with fixed registers, none for other points.
///
/// # Errors
/// Where no single request can.
pub(crate) fn span_of(point: &Point) -> Result<Option<ReadRequest>, ()> {
    hull_of(term_spans(point))
}

/// The one request that reads a group of points with fixed registers.
///
/// # Errors
/// Where no single request can.
pub(crate) fn group_span(
    profile: &Profile,
    group: Option<&str>,
) -> Result<Option<ReadRequest>, ()> {
    let Some(group) = group else { return Ok(None) };
    let members = profile.points().iter();
    let members = members.filter(|p| p.group.as_deref() == Some(group));
    hull_of(members.flat_map(term_spans).collect())
}

fn hull_of(spans: Vec<ReadRequest>) -> Result<Option<ReadRequest>, ()> {
    let mut spans = spans.into_iter();
    let Some(first) = spans.next() else {
        return Ok(None);
    };
    spans.try_fold(first, ReadRequest::hull).map(Some).ok_or(())
}

/// The requests that read every point of a profile with fixed registers. None for other profiles.
#[must_use]
pub fn fixed_plan(profile: &Profile) -> Vec<ReadRequest> {
    let Some(manners) = profile.modbus() else {
        return Vec::new();
    };
    // Loading the profile has checked that each point and each group is one request.
    let whole = |point: &Point| match &point.group {
        Some(group) => group_span(profile, Some(group)),
        None => span_of(point),
    };
    let mut spans: Vec<ReadRequest> = profile
        .points()
        .iter()
        .filter_map(|point| whole(point).ok().flatten())
        .collect();
    spans.sort_unstable();
    spans.dedup();
    merged(&spans, manners.gap_max, manners.registers_max)
}

/// The requests that read what a profile wants of a SunSpec device: each model in one request, from
/// its header, so that its scale factors belong to its values and a moved map is noticed; then what
/// stands at fixed registers.
#[must_use]
pub fn model_plan(profile: &Profile, layout: &Layout) -> Vec<ReadRequest> {
    let wanted = |id: u16| {
        let points = profile.points().iter();
        points.filter_map(|point| end_in(point, id)).max()
    };
    let request = |model: &Model| {
        let count = wanted(model.id)?.min(model.length.saturating_add(2));
        Some(ReadRequest::holding(model.address, count))
    };
    let mut seen = Vec::new();
    let first = |model: &&Model| {
        let is_first = !seen.contains(&model.id);
        seen.push(model.id);
        is_first
    };
    let models = layout.models().iter().filter(first);
    let mut plan: Vec<ReadRequest> = models.filter_map(request).collect();
    plan.extend(fixed_plan(profile));
    plan
}

/// Where the registers of a point end in a model, from the register of the model's id.
fn end_in(point: &Point, id: u16) -> Option<u16> {
    match &point.place {
        Place::Model {
            model,
            kind,
            terms,
            scale_offset,
        } if *model == id => {
            let values = terms.iter().map(|t| t.at.saturating_add(kind.registers()));
            let scale = scale_offset.map(|o| o.saturating_add(1));
            values.chain(scale).max()
        }
        _ => None,
    }
}

/// The requests that answer what a profile asks a device about itself, in the order of its checks,
/// each answered or refused for itself. `all`: also what is asked only when a device is looked for.
#[must_use]
pub fn identity_plan(profile: &Profile, layout: &Layout, all: bool) -> Vec<ReadRequest> {
    let mut plan: Vec<ReadRequest> = Vec::new();
    for check in profile.identity().iter().filter(|c| all || c.is_pinned()) {
        for request in identity_requests(&check.place, layout) {
            if !plan.contains(&request) {
                plan.push(request);
            }
        }
    }
    plan
}

pub(crate) fn identity_requests(place: &IdentityPlace, layout: &Layout) -> Vec<ReadRequest> {
    match place {
        IdentityPlace::Registers {
            unit,
            function,
            address,
            kind,
        } => vec![ReadRequest {
            unit: *unit,
            function: *function,
            address: *address,
            count: kind.registers(),
        }],
        IdentityPlace::Model {
            model,
            offset,
            kind,
        } => {
            let fits = |m: &&Model| m.id == *model && m.holds(*offset, kind.registers());
            let request = |m: &Model| {
                let address = m.address.checked_add(*offset)?;
                Some(ReadRequest::holding(address, kind.registers()))
            };
            layout
                .models()
                .iter()
                .filter(fits)
                .filter_map(request)
                .collect()
        }
        IdentityPlace::Message(_) => Vec::new(),
    }
}

/// Sorted spans, joined where at most `gap_max` registers lie between them and the result has at most
/// `registers_max`.
pub(crate) fn merged(spans: &[ReadRequest], gap_max: u16, registers_max: u16) -> Vec<ReadRequest> {
    let mut requests: Vec<ReadRequest> = Vec::new();
    for span in spans {
        if let Some(last) = requests.last_mut()
            && u32::from(span.address) <= last.end().saturating_add(u32::from(gap_max))
            && let Some(both) = last.hull(*span)
            && both.count <= registers_max
        {
            *last = both;
            continue;
        }
        requests.push(*span);
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped;

    fn input(address: u16, count: u16) -> ReadRequest {
        ReadRequest {
            unit: None,
            function: Function::Input,
            address,
            count,
        }
    }

    #[test]
    fn neighbours_are_read_together_within_gap_and_size() {
        let spans = [input(0, 2), input(2, 2), input(6, 2), input(20, 4)];
        assert_eq!(
            merged(&spans, 0, 125),
            [input(0, 4), input(6, 2), input(20, 4)]
        );
        assert_eq!(merged(&spans, 2, 125), [input(0, 8), input(20, 4)]);
        assert_eq!(merged(&spans, 125, 125), [input(0, 24)]);
        assert_eq!(merged(&spans, 125, 8), [input(0, 8), input(20, 4)]);
        assert_eq!(merged(&[input(65_534, 2)], 9, 125), [input(65_534, 2)]);
        let holding = ReadRequest::holding(2, 2);
        assert_eq!(
            merged(&[holding, input(4, 1)], 9, 125),
            [holding, input(4, 1)]
        );
        let unit = |unit| ReadRequest { unit, ..holding };
        assert_eq!(merged(&[unit(None), unit(Some(100))], 9, 125).len(), 2);
    }

    #[test]
    fn the_settlement_registers_of_every_profile_are_read_at_one_instant() {
        for name in shipped::names() {
            let profile = shipped::profile(name).expect("shipped");
            let plan = fixed_plan(&profile);
            let spans = |q| {
                profile
                    .chosen(q, |_| true)
                    .and_then(|(_, p)| span_of(p).ok()?)
            };
            let import = spans(crate::profile::Quantity::Import);
            let export = spans(crate::profile::Quantity::Export);
            if let Some((import, export)) = import.zip(export) {
                let both = |r: &ReadRequest| r.covers(&import) && r.covers(&export);
                assert!(plan.iter().any(both), "{name}: {plan:?}");
            }
        }
    }

    #[test]
    fn the_phases_of_a_sum_are_one_request() {
        let profile = shipped::profile("victron-gx").expect("shipped");
        let plan = fixed_plan(&profile);
        assert!(
            plan.iter()
                .any(|r| r.unit.is_none() && r.address <= 2_622 && r.end() >= 2_634),
            "{plan:?}"
        );
        assert!(plan.iter().any(|r| r.unit == Some(100)), "{plan:?}");
    }

    #[test]
    fn a_model_is_read_once_and_from_its_header() {
        let profile = shipped::profile("sunspec").expect("shipped");
        let model = |id, address| Model {
            id,
            address,
            length: 105,
        };
        let layout = Layout::Models(vec![model(203, 40_070), model(203, 40_200)]);
        assert_eq!(
            model_plan(&profile, &layout),
            [ReadRequest::holding(40_070, 55)]
        );
    }
}
