//! Golden vectors: a device that a file describes, read by the real poller and decoder.
//!
//! A value that the vector does not name must be absent, and the settlement registers must come out
//! of the evidence again.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use energy_core::WattHours;

use crate::decode::{Measured, Sample};
use crate::evidence::settlement_registers;
use crate::plan::ReadRequest;
use crate::poller::{Answer, Next, Poll, read_message};
use crate::profile::{Profile, ProfileError, Quantity, Transport};
use crate::profile_file::GoldenFile;

/// SunSpec and Modbus: there is no such register.
const ILLEGAL_ADDRESS: u8 = 2;

pub(crate) fn check(
    file: &str,
    profile: &Profile,
    vector: &GoldenFile,
) -> Result<(), ProfileError> {
    let wrong = |key: &str, expected: String, got: String| ProfileError::Golden {
        file: file.to_owned(),
        vector: vector.description.clone(),
        key: key.to_owned(),
        expected,
        got,
    };
    let sample = read(profile, vector)
        .map_err(|(expected, got)| wrong("registers or payload", expected, got))?;
    let keys = Quantity::ALL.map(Quantity::key);
    if let Some(key) = vector
        .expect
        .keys()
        .find(|key| *key != "resolution_wh" && !keys.contains(&key.as_str()))
    {
        return Err(wrong(
            key,
            format!("one of {}, resolution_wh", keys.join(", ")),
            "no such key".to_owned(),
        ));
    }
    for quantity in Quantity::ALL {
        let expected = vector
            .expect
            .get(quantity.key())
            .map_or_else(|| "absent".to_owned(), shown);
        let got = match sample.get(quantity) {
            Measured::Value(value) => value.to_string(),
            Measured::Absent => "absent".to_owned(),
            Measured::Error(_) if expected == "error" => "error".to_owned(),
            Measured::Error(error) => format!("error: {error}"),
        };
        if got != expected {
            return Err(wrong(quantity.key(), expected, got));
        }
    }
    if let Some(expected) = vector.expect.get("resolution_wh").map(shown)
        && expected != sample.resolution.get().to_string()
    {
        return Err(wrong(
            "resolution_wh",
            expected,
            sample.resolution.get().to_string(),
        ));
    }
    again(profile, &sample).map_err(|(expected, got)| wrong("evidence", expected, got))
}

fn shown(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn read(profile: &Profile, vector: &GoldenFile) -> Result<Sample, (String, String)> {
    if let Transport::Mqtt(_) = profile.transport() {
        let payload = vector
            .payload
            .as_deref()
            .ok_or_else(|| ("a payload".to_owned(), "none".to_owned()))?;
        let message = read_message(profile, payload)
            .map_err(|e| ("a readable payload".to_owned(), e.to_string()))?;
        return Ok(crate::decode::decode_tokens(profile, &message.tokens));
    }
    let mut image = BTreeMap::new();
    for run in &vector.registers {
        image.extend((run.address..=u16::MAX).zip(run.words.iter().copied()));
    }
    let answer = |request: &ReadRequest| {
        let words: Option<Vec<u16>> = (0..request.count)
            .map(|i| image.get(&request.address.checked_add(i)?).copied())
            .collect();
        words.map_or(Answer::Exception(ILLEGAL_ADDRESS), Answer::Words)
    };
    let mut poll = Poll::new(Arc::new(profile.clone()), None);
    loop {
        match poll.step() {
            Next::Read(request) => poll.answer(answer(&request)),
            Next::Done(sample) => return Ok(*sample),
            Next::Failed(error) => {
                return Err(("a device that can be read".to_owned(), error.to_string()));
            }
        }
    }
}

fn again(profile: &Profile, sample: &Sample) -> Result<(), (String, String)> {
    let register = |quantity| match sample.get(quantity) {
        Measured::Value(value) => Some(WattHours::new(value.unsigned_abs())),
        Measured::Absent | Measured::Error(_) => None,
    };
    let expected = (
        register(Quantity::Import),
        register(Quantity::Export),
        register(Quantity::Pv),
    );
    let in_error = Quantity::ALL
        .iter()
        .any(|q| q.settles() && matches!(sample.get(*q), Measured::Error(_)));
    let got = settlement_registers(profile, &sample.evidence);
    match got {
        Err(_) if in_error => Ok(()),
        Ok(got) if got == expected => Ok(()),
        other => Err((format!("{expected:?}"), format!("{other:?}"))),
    }
}
