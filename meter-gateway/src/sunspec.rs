//! SunSpec discovery: the marker, then models one after the other until the end marker.
//!
//! Source: SunSpec Information Model Specification; model ids and lengths as in `sunspec/models`. A
//! model is `id, length, length registers`; the next one follows at once, the id 0xFFFF ends the list.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use crate::plan::ReadRequest;

/// "SunS".
const MARKER: [u16; 2] = [0x5375, 0x6e53];
const END: u16 = 0xffff;
/// More models than any device has: a longer list is garbage.
const MODELS_MAX: usize = 64;

/// One model of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// Its id.
    pub id: u16,
    /// The protocol address of its id register.
    pub address: u16,
    /// How many registers follow id and length.
    pub length: u16,
}

impl Model {
    /// Whether `count` registers from `offset` on (counted from the id) are within it.
    #[must_use]
    pub fn holds(&self, offset: u16, count: u16) -> bool {
        u32::from(offset).saturating_add(u32::from(count))
            <= u32::from(self.length).saturating_add(2)
    }

    /// What it is about, for the models that a meter, an inverter or a battery has.
    #[must_use]
    pub fn title(&self) -> Option<&'static str> {
        TITLES
            .iter()
            .find(|(id, _)| *id == self.id)
            .map(|(_, title)| *title)
    }
}

/// Models that say something about energy, and what they are about (`sunspec/models`).
const TITLES: [(u16, &str); 25] = [
    (1, "common: manufacturer, model, serial number"),
    (101, "inverter, one phase"),
    (102, "inverter, split phase"),
    (103, "inverter, three phases"),
    (111, "inverter, one phase, floats"),
    (112, "inverter, split phase, floats"),
    (113, "inverter, three phases, floats"),
    (120, "nameplate of an inverter"),
    (121, "basic settings of an inverter"),
    (122, "measurements and status of an inverter"),
    (123, "immediate controls of an inverter"),
    (124, "storage controls"),
    (160, "direct-current inputs of an inverter"),
    (201, "meter, one phase"),
    (202, "meter, split phase"),
    (203, "meter, three phases, star"),
    (204, "meter, three phases, delta"),
    (211, "meter, one phase, floats"),
    (212, "meter, split phase, floats"),
    (213, "meter, three phases, star, floats"),
    (214, "meter, three phases, delta, floats"),
    (701, "alternating-current side of a generator (IEEE 1547)"),
    (713, "storage capacity"),
    (714, "direct-current side of a generator (IEEE 1547)"),
    (802, "battery"),
];

/// Unit ids behind one address at which SunSpec devices are found, the likeliest first: the device
/// itself, inverters behind it, SMA's gateway and inverters, the meters of Fronius.
pub const UNITS: [u8; 12] = [1, 2, 3, 4, 5, 126, 127, 200, 201, 202, 240, 247];

/// Where a device keeps what its profile asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// At the addresses of the profile.
    Fixed,
    /// In these models.
    Models(Vec<Model>),
}

impl Layout {
    /// The models, none when fixed.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        match self {
            Self::Fixed => &[],
            Self::Models(models) => models,
        }
    }

    /// The first model of this id. Others are further devices of the same kind, such as a second meter.
    #[must_use]
    pub fn model(&self, id: u16) -> Option<&Model> {
        self.models().iter().find(|model| model.id == id)
    }
}

/// The search for the models of a device.
#[derive(Debug, Clone)]
pub struct Walk {
    bases: Vec<u16>,
    base: usize,
    /// The next model header, once the marker was found.
    at: Option<u16>,
    models: Vec<Model>,
    ended: bool,
}

/// What a walk wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkStep {
    /// Read this and tell.
    Read(ReadRequest),
    /// These are the models.
    Found(Layout),
    /// No marker at any of the addresses.
    NoMarker,
}

impl Walk {
    /// A walk that looks for the marker at `bases`, in this order.
    #[must_use]
    pub fn new(bases: &[u16]) -> Self {
        Self {
            bases: bases.to_vec(),
            base: 0,
            at: None,
            models: Vec::new(),
            ended: false,
        }
    }

    /// What to do now.
    #[must_use]
    pub fn step(&self) -> WalkStep {
        let read = |address| WalkStep::Read(ReadRequest::holding(address, 2));
        match (self.ended, self.at, self.bases.get(self.base)) {
            (true, _, _) => WalkStep::Found(Layout::Models(self.models.clone())),
            (false, Some(at), _) => read(at),
            (false, None, Some(base)) => read(*base),
            (false, None, None) => WalkStep::NoMarker,
        }
    }

    /// The two registers that came, or none after an exception.
    pub fn answer(&mut self, words: Option<[u16; 2]>) {
        match (self.at, words) {
            (None, Some(MARKER)) => self.go_to(
                self.bases
                    .get(self.base)
                    .and_then(|base| base.checked_add(2)),
            ),
            (None, _) => self.base = self.base.saturating_add(1),
            (Some(_), None | Some([END, _])) => self.ended = true,
            (Some(address), Some([id, length])) => {
                self.models.push(Model {
                    id,
                    address,
                    length,
                });
                let next = address
                    .checked_add(2)
                    .and_then(|start| start.checked_add(length));
                self.go_to(next.filter(|_| self.models.len() < MODELS_MAX));
            }
        }
    }

    /// Whether the marker was found.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.at.is_some()
    }

    fn go_to(&mut self, address: Option<u16>) {
        self.at = address.or(self.at);
        self.ended = address.is_none();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn walk(image: &BTreeMap<u16, u16>) -> WalkStep {
        let mut walk = Walk::new(&[40_000, 0, 50_000]);
        for _ in 0..200 {
            match walk.step() {
                WalkStep::Read(read) => {
                    let word = |offset| image.get(&read.address.checked_add(offset)?).copied();
                    walk.answer(word(0).zip(word(1)).map(Into::into));
                }
                done => return done,
            }
        }
        panic!("the walk does not end");
    }

    fn image(base: u16, words: &[u16]) -> BTreeMap<u16, u16> {
        words
            .iter()
            .enumerate()
            .map(|(i, w)| (base + u16::try_from(i).expect("small"), *w))
            .collect()
    }

    #[test]
    fn models_are_found_at_any_base_and_with_any_length() {
        let words = [MARKER[0], MARKER[1], 1, 2, 7, 7, 203, 1, 9, END, 0];
        for base in [40_000, 0, 50_000] {
            let models = vec![
                Model {
                    id: 1,
                    address: base + 2,
                    length: 2,
                },
                Model {
                    id: 203,
                    address: base + 6,
                    length: 1,
                },
            ];
            assert_eq!(
                walk(&image(base, &words)),
                WalkStep::Found(Layout::Models(models))
            );
        }
    }

    #[test]
    fn a_device_without_marker_is_not_sunspec() {
        assert_eq!(walk(&image(40_000, &[1, 2, 3, 4])), WalkStep::NoMarker);
        assert_eq!(walk(&BTreeMap::new()), WalkStep::NoMarker);
    }

    #[test]
    fn a_list_that_runs_over_the_end_of_addresses_ends() {
        let mut words = image(50_000, &[MARKER[0], MARKER[1], 1, 60_000]);
        assert!(matches!(walk(&words), WalkStep::Found(_)));
        // A model of length 0 that repeats for ever.
        words = image(0, &[MARKER[0], MARKER[1]]);
        words.extend((2..2_000_u16).map(|a| (a, if a % 2 == 0 { 9 } else { 0 })));
        let WalkStep::Found(layout) = walk(&words) else {
            panic!("found")
        };
        assert_eq!(layout.models().len(), MODELS_MAX);
    }
}
