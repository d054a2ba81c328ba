//! Golden vectors: a device that a file describes, read by the real poller and decoder, up to the
//! reading that would be signed.
//!
//! A value that the vector does not name must be absent, the settlement registers must come out of the
//! evidence again, and every point must have a value in at least one vector.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use energy_core::{ClockState, Hash, MeterId, Quality, WattHours};

use crate::decode::{Measured, Sample};
use crate::evidence::settlement_registers;
use crate::overlay::{Arrival, Overlay};
use crate::plan::ReadRequest;
use crate::poller::{Answer, DeviceError, Next, Poll, settles};
use crate::profile::{Profile, ProfileError, Quantity, Transport};
use crate::profile_file::{GoldenFile, GoldenMessage};
use crate::reading::{ChainPlace, Moment, reading_of};

/// SunSpec and Modbus: there is no such register.
const ILLEGAL_ADDRESS: u8 = 2;
/// The keys of a vector besides those of the quantities: step of the coarsest settlement register,
/// serial number, and a part of the reason for which the device is not read.
const OTHER_KEYS: [&str; 3] = ["resolution_wh", "serial", "fails"];

/// What was expected and what came, under which key.
struct Mismatch {
    key: String,
    expected: String,
    got: String,
}

fn mismatch(key: &str, expected: impl Into<String>, got: impl Into<String>) -> Mismatch {
    Mismatch {
        key: key.to_owned(),
        expected: expected.into(),
        got: got.into(),
    }
}

/// Checks all vectors of a profile.
///
/// # Errors
/// [`ProfileError::Golden`] or [`ProfileError::NotReached`].
pub(crate) fn check(
    file: &str,
    profile: &Profile,
    vectors: &[GoldenFile],
) -> Result<(), ProfileError> {
    let mut reached = BTreeSet::new();
    for vector in vectors {
        let points = check_one(profile, vector).map_err(|wrong| ProfileError::Golden {
            file: file.to_owned(),
            vector: vector.description.clone(),
            key: wrong.key,
            expected: wrong.expected,
            got: wrong.got,
        })?;
        reached.extend(points);
    }
    let not_reached = |(i, _): &(usize, _)| !reached.contains(i);
    match profile.points().iter().enumerate().find(not_reached) {
        None => Ok(()),
        Some((i, point)) => Err(ProfileError::NotReached {
            file: file.to_owned(),
            key: format!("point[{i}]"),
            what: match &point.place {
                crate::profile::Place::Model { model, .. } => {
                    format!("`{}` of model {model}", point.quantity.name())
                }
                _ => format!("`{}`", point.quantity.name()),
            },
        }),
    }
}

/// The points that have a value in this vector.
fn check_one(profile: &Profile, vector: &GoldenFile) -> Result<Vec<usize>, Mismatch> {
    let keys = Quantity::ALL.map(Quantity::key);
    let is_known = |key: &str| keys.contains(&key) || OTHER_KEYS.contains(&key);
    if let Some(key) = vector.expect.keys().find(|key| !is_known(key)) {
        let known = format!("one of {}, {}", keys.join(", "), OTHER_KEYS.join(", "));
        return Err(mismatch(key, known, "no such key"));
    }
    let expected = |key: &str| vector.expect.get(key).map(shown);
    let sample = match (read(profile, vector)?, expected("fails")) {
        (Ok(sample), None) => sample,
        (Err(error), Some(part)) if error.to_string().contains(&part) => return Ok(Vec::new()),
        (Ok(_), Some(part)) => return Err(mismatch("fails", part, "a device that can be read")),
        (Err(error), _) => {
            let expected = "a device that can be read";
            return Err(mismatch(
                "registers or payload",
                expected,
                error.to_string(),
            ));
        }
    };
    for quantity in Quantity::ALL {
        let expected = expected(quantity.key()).unwrap_or_else(|| "absent".to_owned());
        let got = match sample.get(quantity) {
            Measured::Value(value) => value.to_string(),
            Measured::Absent => "absent".to_owned(),
            Measured::Error(_) if expected == "error" => "error".to_owned(),
            Measured::Error(error) => format!("error: {error}"),
        };
        if got != expected {
            return Err(mismatch(quantity.key(), expected, got));
        }
    }
    let others = [
        ("resolution_wh", sample.resolution.get().to_string()),
        (
            "serial",
            sample.identity.serial().unwrap_or("none").to_owned(),
        ),
    ];
    for (key, got) in others {
        match expected(key) {
            Some(expected) if expected != got => return Err(mismatch(key, expected, got)),
            _ => {}
        }
    }
    again(profile, &sample)?;
    signable(profile, &sample)?;
    let has_value = |q: &Quantity| matches!(sample.get(*q), Measured::Value(_));
    let with_value = Quantity::ALL.into_iter().filter(has_value);
    Ok(with_value.filter_map(|q| sample.point(q)).collect())
}

fn shown(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn read(profile: &Profile, vector: &GoldenFile) -> Result<Result<Sample, DeviceError>, Mismatch> {
    if let Transport::Mqtt(_) = profile.transport() {
        return listen(profile, vector);
    }
    let mut image = BTreeMap::new();
    for [address, count] in &vector.blank {
        let end = address.saturating_add(*count);
        image.extend((*address..end).map(|address| ((None, address), 0)));
    }
    for run in &vector.registers {
        let addresses = (run.address..=u16::MAX).map(|address| (run.unit_id, address));
        image.extend(addresses.zip(run.words.iter().copied()));
    }
    let answer = |request: &ReadRequest| {
        let words: Option<Vec<u16>> = (0..request.count)
            .map(|i| {
                let address = request.address.checked_add(i)?;
                image.get(&(request.unit, address)).copied()
            })
            .collect();
        words.map_or(Answer::Exception(ILLEGAL_ADDRESS), Answer::Words)
    };
    let mut poll = Poll::new(Arc::new(profile.clone()), None);
    loop {
        match poll.step() {
            Next::Read(request) => poll.answer(answer(&request)),
            Next::Done(sample) => return Ok(Ok(*sample)),
            Next::Failed(error) => return Ok(Err(error)),
        }
    }
}

/// The vector's messages, laid one over the other.
fn listen(profile: &Profile, vector: &GoldenFile) -> Result<Result<Sample, DeviceError>, Mismatch> {
    let topics = profile.mqtt().map_or(&[][..], |manners| &manners.topics);
    let mut overlay = Overlay::default();
    let mut take = |topic: usize, payload: &str| {
        let arrival = Arrival {
            topic,
            received_ms: 0,
            retained: false,
        };
        overlay.take(profile, arrival, payload.as_bytes());
    };
    if let Some(payload) = &vector.payload {
        take(0, payload);
    }
    for GoldenMessage { topic, payload } in &vector.messages {
        let index = topics.iter().position(|t| t.name == *topic);
        let index = index.ok_or_else(|| mismatch("messages", "a topic of the profile", topic))?;
        take(index, payload);
    }
    if let Some(error) = overlay.error() {
        return Ok(Err(error.clone()));
    }
    match overlay.heard(profile) {
        Ok(Some(heard)) => Ok(Ok(heard.sample)),
        Ok(None) => Err(mismatch("payload", "a payload, or messages", "none")),
        Err(error) => Ok(Err(error)),
    }
}

/// The settlement registers come out of the evidence again.
fn again(profile: &Profile, sample: &Sample) -> Result<(), Mismatch> {
    let register = |quantity| match sample.signed(quantity) {
        Measured::Value(value) => Some(WattHours::new(value.unsigned_abs())),
        Measured::Absent | Measured::Error(_) => None,
    };
    let expected = (
        register(Quantity::Import),
        register(Quantity::Export),
        register(Quantity::Pv),
    );
    match settlement_registers(profile, &sample.evidence) {
        Err(_) if settles(profile, sample).is_err() => Ok(()),
        Ok(got) if got == expected => Ok(()),
        other => Err(mismatch(
            "evidence",
            format!("{expected:?}"),
            format!("{other:?}"),
        )),
    }
}

/// What may be signed fits into a reading.
fn signable(profile: &Profile, sample: &Sample) -> Result<(), Mismatch> {
    if settles(profile, sample).is_err() {
        return Ok(());
    }
    let place = ChainPlace {
        meter: MeterId::new([0; 16]),
        sequence: 0,
        previous: Hash::ZERO,
    };
    let moment = Moment {
        time_ms: 0,
        clock: ClockState::Unknown,
        error_ms: 0,
    };
    reading_of(profile, sample, place, moment, Quality::GOOD, true)
        .map(|_| ())
        .map_err(|error| mismatch("evidence", "what fits into a reading", error.to_string()))
}
