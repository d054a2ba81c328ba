//! Looks for devices behind a Modbus endpoint: which units answer, which SunSpec models they have, and
//! which profile fits what they say about themselves.
//!
//! What to ask and what an answer is worth is decided by [`crate::sunspec`] and [`crate::probe`]; this
//! file asks. One request at a time and nothing is written. A unit that stays silent costs
//! 0.6 s; if none of the likeliest answers, the first is asked once more after a pause, because
//! some devices (Huawei) listen only a while after connecting.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::decode::{Identity, Registers};
use crate::modbus::ModbusEndpoint;
use crate::plan::ReadRequest;
use crate::poller::{Answer, DeviceError};
use crate::probe::{questions, verdict};
use crate::profile::{ModbusManners, Profile};
use crate::shipped;
use crate::sunspec::{Layout, Model, UNITS, Walk, WalkStep};

/// How long a unit may take for an answer.
const ANSWER_MS: u32 = 600;
/// The pause after connecting, and the time for an answer, of those who need a while.
const SLOW_START_MS: u32 = 2_000;
/// Where the SunSpec marker may be.
const BASES: [u16; 3] = [40_000, 0, 50_000];
/// The likeliest units come first; after so many without an answer it is a slow start or nobody.
const LIKELY: usize = 6;
/// A unit that answered and then stays silent so often is left alone.
const SILENCES_MAX: u32 = 3;
/// Modbus exceptions of an adapter behind which there is no such unit.
const NOBODY: [u8; 2] = [10, 11];

/// A device that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The unit ids under which it answers; the first is the one to use.
    pub units: Vec<u8>,
    /// The profile that fits best, none where no profile does.
    pub profile: Option<Arc<Profile>>,
    /// Others that fit too, the better ones first.
    pub others: Vec<String>,
    /// What it says about itself, in the order of the profile's questions.
    pub identity: Identity,
    /// Maker, model and serial number from its SunSpec common model.
    pub common: Option<[String; 3]>,
    /// Its SunSpec models.
    pub models: Vec<Model>,
}

/// What a search has found.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The devices.
    pub found: Vec<Found>,
    /// Units for which there was no time.
    pub not_asked: Vec<u8>,
}

/// The units that are asked where nobody names any: the likeliest first.
#[must_use]
pub fn usual_units() -> Vec<u8> {
    let mut units = vec![1, 2, 3, 200, 126, 30];
    let profiles = shipped::names().into_iter().map(shipped::profile);
    let of_profiles = profiles.flatten().filter_map(|profile| {
        let units = profile.modbus()?.units.clone();
        Some(units)
    });
    let all: Vec<u8> = of_profiles.flatten().chain(UNITS).collect();
    for unit in all {
        // 0 is everybody on a serial line.
        if unit != 0 && !units.contains(&unit) {
            units.push(unit);
        }
    }
    units
}

/// Asks each unit in turn. None is begun after `deadline`.
///
/// # Errors
/// [`DeviceError::Unreachable`] where there is nobody to ask.
pub async fn search(
    endpoint: &ModbusEndpoint,
    units: &[u8],
    deadline: Instant,
) -> Result<Search, DeviceError> {
    let mut search = Search::default();
    let mut answered = false;
    for (i, unit) in units.iter().enumerate() {
        if Instant::now() >= deadline {
            search.not_asked = units[i..].to_vec();
            break;
        }
        let mut unit = Unit::new(endpoint, *unit, manners(0, ANSWER_MS));
        answered |= unit.is_there().await?;
        if !answered && i + 1 == units.len().min(LIKELY) {
            unit = Unit::new(endpoint, units[0], manners(SLOW_START_MS, SLOW_START_MS));
            answered |= unit.is_there().await?;
        }
        if unit.there
            && let Some(found) = unit.identify().await?
        {
            search.add(found);
        }
    }
    Ok(search)
}

fn manners(connect_delay_ms: u32, timeout_ms: u32) -> ModbusManners {
    ModbusManners {
        connect_delay_ms,
        request_gap_ms: 10,
        timeout_ms,
        registers_max: 125,
        gap_max: 0,
        single_client: true,
        units: vec![1],
        serial: None,
    }
}

impl Search {
    /// Many a device answers to any unit id: what says the same about itself is the same.
    fn add(&mut self, found: Found) {
        let is_same = |other: &&mut Found| other.is_same(&found);
        match self.found.iter_mut().find(is_same) {
            Some(other) => other.units.extend(found.units),
            None => self.found.push(found),
        }
    }
}

impl Found {
    fn is_same(&self, other: &Self) -> bool {
        let name = |found: &Self| found.profile.as_ref().map(|p| p.name().to_owned());
        name(self) == name(other)
            && self.models == other.models
            && self.common == other.common
            && self.serial().is_some()
            && self.serial() == other.serial()
    }

    /// Its serial number.
    #[must_use]
    pub fn serial(&self) -> Option<&str> {
        let common = self.common.as_ref().map(|[.., serial]| serial.as_str());
        let common = common.filter(|serial| !serial.is_empty());
        self.identity.serial().or(common)
    }
}

/// One unit, and what it answered so far.
struct Unit<'a> {
    endpoint: &'a ModbusEndpoint,
    unit: u8,
    manners: ModbusManners,
    answers: BTreeMap<ReadRequest, Option<Vec<u16>>>,
    silences: u32,
    there: bool,
}

impl<'a> Unit<'a> {
    fn new(endpoint: &'a ModbusEndpoint, unit: u8, manners: ModbusManners) -> Self {
        Self {
            endpoint,
            unit,
            manners,
            answers: BTreeMap::new(),
            silences: 0,
            there: false,
        }
    }

    async fn is_there(&mut self) -> Result<bool, DeviceError> {
        self.read(ReadRequest::holding(BASES[0], 2)).await?;
        Ok(self.there)
    }

    /// The registers, none where they are refused or nobody answers. Asked once.
    async fn read(&mut self, request: ReadRequest) -> Result<Option<Vec<u16>>, DeviceError> {
        if let Some(known) = self.answers.get(&request) {
            return Ok(known.clone());
        }
        if self.silences >= SILENCES_MAX {
            return Ok(None);
        }
        let answer = self.endpoint.ask(self.unit, request, &self.manners).await;
        let words = match answer {
            Ok(Answer::Words(words)) => {
                self.there = true;
                Some(words)
            }
            Ok(Answer::Exception(code)) => {
                self.there |= !NOBODY.contains(&code);
                None
            }
            Err(error @ DeviceError::Unreachable { .. }) => return Err(error),
            Err(_) => {
                self.silences = self.silences.saturating_add(1);
                None
            }
        };
        self.answers.insert(request, words.clone());
        Ok(words)
    }

    async fn identify(&mut self) -> Result<Option<Found>, DeviceError> {
        let models = self.walk().await?;
        let mut likely: Vec<(u32, Arc<Profile>, Identity)> = Vec::new();
        let profiles = shipped::names().into_iter().map(shipped::profile);
        for profile in profiles.flatten().filter(|p| p.modbus().is_some()) {
            let layout = match (profile.sunspec_bases().is_empty(), &models) {
                (true, _) => Layout::Fixed,
                (false, Some(models)) => Layout::Models(models.clone()),
                (false, None) => continue,
            };
            let mut registers = Registers::new();
            for request in questions(&profile, &layout) {
                if let Some(words) = self.read(request).await? {
                    registers.add(request, words);
                }
            }
            let verdict = verdict(&profile, &layout, &registers);
            if verdict.is_likely() {
                likely.push((verdict.score, profile, verdict.identity));
            }
        }
        // Stable: of equals the first in the alphabet.
        likely.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
        if models.is_none() && !self.answers.values().any(Option::is_some) {
            // It refuses everything, as an adapter does behind which there is nobody.
            return Ok(None);
        }
        let models = models.unwrap_or_default();
        let common = self.common(&models).await?;
        let mut likely = likely.into_iter();
        let (profile, identity) = match likely.next() {
            Some((_, profile, identity)) => (Some(profile), identity),
            None => (None, Identity::default()),
        };
        Ok(Some(Found {
            units: vec![self.unit],
            profile,
            others: likely
                .map(|(_, other, _)| other.name().to_owned())
                .collect(),
            identity,
            common,
            models,
        }))
    }

    /// Its SunSpec models, none for what is not SunSpec.
    async fn walk(&mut self) -> Result<Option<Vec<Model>>, DeviceError> {
        let mut walk = Walk::new(&BASES);
        loop {
            match walk.step() {
                WalkStep::Read(request) => {
                    let words = self.read(request).await?;
                    walk.answer(words.and_then(|words| words.try_into().ok()));
                }
                WalkStep::Found(layout) => return Ok(Some(layout.models().to_vec())),
                WalkStep::NoMarker => return Ok(None),
            }
        }
    }

    /// Maker, model and serial number: SunSpec model 1, points Mn, Md and SN.
    async fn common(&mut self, models: &[Model]) -> Result<Option<[String; 3]>, DeviceError> {
        const TEXTS: [u16; 3] = [2, 18, 50];
        const REGISTERS: u16 = 16;
        let Some(model) = models.iter().find(|m| m.id == 1 && m.holds(50, REGISTERS)) else {
            return Ok(None);
        };
        let mut texts = Vec::new();
        for offset in TEXTS {
            let address = model.address.saturating_add(offset);
            let words = self.read(ReadRequest::holding(address, REGISTERS)).await?;
            texts.push(text(&words.unwrap_or_default()));
        }
        Ok(texts.try_into().ok())
    }
}

fn text(words: &[u16]) -> String {
    let bytes = words.iter().flat_map(|word| word.to_be_bytes());
    let bytes: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes);
    let is_readable = |c: &char| c.is_ascii_graphic() || *c == ' ';
    let readable: String = text.chars().filter(is_readable).collect();
    readable.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_units_are_those_of_the_profiles_without_the_one_for_everybody() {
        let units = usual_units();
        assert_eq!(units[..3], [1, 2, 3]);
        for unit in [4, 30, 126, 200, 240] {
            assert!(units.contains(&unit), "{unit}: {units:?}");
        }
        assert!(!units.contains(&0), "{units:?}");
        let mut once = units.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), units.len(), "each once");
    }

    #[test]
    fn only_what_has_the_same_serial_number_is_the_same_device() {
        let device = |unit, serial: &str| Found {
            units: vec![unit],
            profile: None,
            others: Vec::new(),
            identity: Identity::default(),
            common: Some(["Maker".into(), "Model".into(), serial.into()]),
            models: Vec::new(),
        };
        let mut search = Search::default();
        for found in [
            device(1, "A"),
            device(2, "A"),
            device(3, "B"),
            device(4, ""),
            device(5, ""),
        ] {
            search.add(found);
        }
        let units: Vec<_> = search.found.iter().map(|f| f.units.clone()).collect();
        assert_eq!(units, [vec![1, 2], vec![3], vec![4], vec![5]]);
    }

    #[test]
    fn a_text_is_what_can_be_read_of_it() {
        assert_eq!(text(&[0x4163, 0x6d65, 0x2000, 0x4141]), "Acme");
        assert_eq!(text(&[]), "");
    }
}
