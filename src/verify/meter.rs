//! From raw registers to a signed Merkle root: the meter's part of a bundle.

use energy_core::{
    BatchHeader, IntervalLength, IntervalStart, RawEvidence, Reading, ReadingBatch, VerifyingKey,
    ZoneDocument,
};
use std::sync::Arc;

use meter_gateway::Profile;

use super::bundle::MeterProof;

/// The registers of the interval's two boundary readings follow from their raw evidence.
pub(crate) fn raw_registers(
    proof: &MeterProof,
    start: IntervalStart,
    length: IntervalLength,
) -> Result<String, String> {
    let boundaries = [at(proof, start)?, at(proof, start.next(length))?];
    for reading in boundaries {
        let profile = profile_of(reading)?;
        let (import, export, pv) = meter_gateway::settlement_registers(&profile, &reading.raw)
            .map_err(|e| format!("reading {}: {e}", reading.sequence))?;
        if (import, export, pv) != (reading.import, reading.export, reading.pv) {
            return Err(format!(
                "reading {}: the raw registers say import {import:?}, export {export:?}, generation {pv:?}; the reading says {:?}, {:?}, {:?}",
                reading.sequence, reading.import, reading.export, reading.pv
            ));
        }
    }
    let raw = match &boundaries[1].raw {
        RawEvidence::Modbus(blocks) => format!("{} blocks of Modbus registers", blocks.len()),
        RawEvidence::Json(tokens) => format!("{} JSON numbers", tokens.len()),
        RawEvidence::Digest(_) => "a hash".to_owned(),
    };
    Ok(format!(
        "{raw} of a {} give {}",
        profile_of(boundaries[1])?.title(),
        registers(boundaries[1])
    ))
}

/// Every reading names the one before it, and the first is the one at the interval's start.
pub(crate) fn hash_chain(proof: &MeterProof, start: IntervalStart) -> Result<String, String> {
    let Some(first) = proof.readings.first().filter(|_| proof.readings.len() >= 2) else {
        return Err(format!(
            "expected at least 2 readings, got {}",
            proof.readings.len()
        ));
    };
    if i64::try_from(first.time_ms) != Ok(start.millis()) {
        return Err(format!(
            "expected the first reading at {} ms, got {} ms",
            start.millis(),
            first.time_ms
        ));
    }
    for pair in proof.readings.windows(2) {
        let before = pair[0].hash();
        if pair[1].previous != before {
            return Err(format!(
                "reading {} names {} as the one before it, which is {before}",
                pair[1].sequence, pair[1].previous
            ));
        }
        if pair[1].meter != pair[0].meter || pair[1].sequence <= pair[0].sequence {
            return Err(format!(
                "reading {} does not follow reading {}",
                pair[1].sequence, pair[0].sequence
            ));
        }
    }
    Ok(format!(
        "{} readings, each names the one before",
        proof.readings.len()
    ))
}

/// The reading at a boundary; of several, the first is the one that a home's energy rests on.
pub(crate) fn at(proof: &MeterProof, boundary: IntervalStart) -> Result<&Reading, String> {
    let found = proof
        .readings
        .iter()
        .find(|r| i64::try_from(r.time_ms) == Ok(boundary.millis()));
    found.ok_or_else(|| format!("expected a reading at {} ms, got none", boundary.millis()))
}

/// The newest reading, which the signed header covers.
pub(crate) fn last(proof: &MeterProof) -> Result<&Reading, String> {
    proof
        .readings
        .last()
        .ok_or_else(|| "expected readings, got none".to_owned())
}

/// The gateway's key signed the header.
pub(crate) fn batch_signature(
    proof: &MeterProof,
    zone: &ZoneDocument,
) -> Result<(BatchHeader, String), String> {
    let key = VerifyingKey::from_bytes(&proof.gateway_key).map_err(|e| e.to_string())?;
    let header = ReadingBatch::verify_header(&proof.signed_header, &key, &zone.hash())
        .map_err(|e| e.to_string())?;
    let text = format!(
        "batch {} of gateway {}, ed25519",
        header.sequence, header.gateway
    );
    Ok((header, text))
}

/// The last reading is in the signed batch.
pub(crate) fn reading_path(proof: &MeterProof, header: &BatchHeader) -> Result<String, String> {
    let leaf = last(proof)?.hash();
    if proof.path.index >= header.count {
        return Err(format!(
            "expected an index below {}, got {}",
            header.count, proof.path.index
        ));
    }
    match proof.path.root(leaf) {
        Some(root) if root == header.root => Ok(format!(
            "reading {} of {}",
            proof.path.index + 1,
            header.count
        )),
        other => Err(format!(
            "the path leads to {other:?}, the signed root is {}",
            header.root
        )),
    }
}

fn profile_of(reading: &Reading) -> Result<Arc<Profile>, String> {
    meter_gateway::shipped::by_hash8(reading.profile).ok_or_else(|| {
        format!(
            "no device profile of this program has the hash {}",
            hex::encode(reading.profile)
        )
    })
}

fn registers(reading: &Reading) -> String {
    let named = [
        ("import", reading.import),
        ("export", reading.export),
        ("generation", reading.pv),
    ];
    let shown: Vec<_> = named
        .iter()
        .filter_map(|(n, v)| Some(format!("{n} {} Wh", (*v)?.get())))
        .collect();
    shown.join(", ")
}
