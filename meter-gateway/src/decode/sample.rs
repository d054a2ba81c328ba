//! Everything that a device said at one instant.

use std::collections::{BTreeMap, BTreeSet};

use energy_core::{RawEvidence, WattHours};

use crate::profile::{Point, Profile, Quantity};

use super::{Identity, ValueError};

/// What became of one quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measured {
    /// The value in the quantity's unit.
    Value(i64),
    /// The device does not provide it.
    Absent,
    /// The device said something that cannot be.
    Error(ValueError),
}

/// What stood in the device, before anybody interpreted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// Registers: those of each term, then the scale factor. Fewer where some were refused.
    Words(Vec<u16>),
    /// Number tokens of messages, one for each term.
    Tokens(Vec<String>),
}

/// What is to be known about a counter at its present value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterFacts {
    /// The distance to the next value that it can show.
    pub step: WattHours,
    /// Whether that distance grows with the value.
    pub is_float: bool,
    /// One more than its largest value, after which it goes on from zero.
    pub wrap: Option<WattHours>,
    /// The most power in W that it can count.
    pub rate_max_w: u32,
}

impl CounterFacts {
    /// `step` and `wrap` are what layout and scale tell, none where they do not.
    pub(super) fn of(
        profile: &Profile,
        point: &Point,
        step: Option<u64>,
        wrap: Option<u64>,
    ) -> Self {
        let told = WattHours::new(step.unwrap_or(1).max(1));
        let step = match point.resolution {
            // What a message shows says little about the counter behind it: `12` may be 12.000.
            Some(declared) if point.place.kind().is_none() => declared,
            Some(declared) => told.max(declared),
            None => told,
        };
        Self {
            step,
            is_float: point.is_float(),
            wrap: point.wrap.or(wrap.map(WattHours::new)),
            rate_max_w: point.rate_max_w.unwrap_or_else(|| profile.power_max_w()),
        }
    }
}

/// Everything a device said at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What became of each quantity of the profile; others are absent.
    pub values: BTreeMap<Quantity, Measured>,
    /// What is to be known about each counter that has a value.
    pub counters: BTreeMap<Quantity, CounterFacts>,
    /// What the device said about itself, where it was asked.
    pub identity: Identity,
    /// The step of the coarsest settlement register at its present value.
    pub resolution: WattHours,
    /// The settlement registers or tokens as they came.
    pub evidence: RawEvidence,
    pub(super) uncertain: BTreeSet<Quantity>,
    raw: BTreeMap<Quantity, Raw>,
    points: BTreeMap<Quantity, usize>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            values: BTreeMap::new(),
            counters: BTreeMap::new(),
            identity: Identity::default(),
            resolution: WattHours::new(1),
            evidence: RawEvidence::Json(Vec::new()),
            uncertain: BTreeSet::new(),
            raw: BTreeMap::new(),
            points: BTreeMap::new(),
        }
    }
}

impl Sample {
    /// What became of a quantity.
    #[must_use]
    pub fn get(&self, quantity: Quantity) -> &Measured {
        self.values.get(&quantity).unwrap_or(&Measured::Absent)
    }

    /// What may be signed of it: nothing that is uncertain.
    #[must_use]
    pub fn signed(&self, quantity: Quantity) -> &Measured {
        if self.uncertain.contains(&quantity) {
            &Measured::Absent
        } else {
            self.get(quantity)
        }
    }

    /// What stood in the device for a quantity.
    #[must_use]
    pub fn raw(&self, quantity: Quantity) -> &Raw {
        const NONE: &Raw = &Raw::Words(Vec::new());
        self.raw.get(&quantity).unwrap_or(NONE)
    }

    /// Which of the profile's points gave a quantity.
    #[must_use]
    pub fn point(&self, quantity: Quantity) -> Option<usize> {
        self.points.get(&quantity).copied()
    }

    pub(super) fn put(&mut self, quantity: Quantity, point: usize, value: Measured, raw: Raw) {
        self.values.insert(quantity, value);
        self.points.insert(quantity, point);
        self.raw.insert(quantity, raw);
    }

    pub(super) fn count(&mut self, quantity: Quantity, facts: CounterFacts, settles: bool) {
        if settles {
            self.resolution = self.resolution.max(facts.step);
        }
        self.counters.insert(quantity, facts);
    }
}
