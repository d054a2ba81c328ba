//! One reading batch, byte for byte. The same file is checked by a Python program with libraries of
//! its own (`tests/python/golden_reading_batch.py`) and by a Solidity test
//! (`settlement/contracts/test/ReadingBatch.t.sol`, which reads a copy).
//!
//! `UPDATE_GOLDEN=1 cargo test -p energy-core --test golden_reading_batch` writes both copies anew.
//! The bytes of a signed format do not change: a difference here is a new version of the format.

use std::path::PathBuf;

use energy_core::{
    Address, ClockState, GatewayId, Hash, IntervalLength, MeterId, Quality, RawEvidence, RawWords,
    Reading, ReadingBatch, SigningKey, WattHours, Watts, ZoneDocument, ZoneId, from_canonical,
    keccak, to_canonical,
};
use serde_json::{Value, json};

const START_S: i64 = 1_781_514_000;
const FILES: [&str; 2] = [
    "tests/golden/reading_batch.json",
    "../settlement/contracts/test/golden/reading_batch.json",
];

fn key() -> SigningKey {
    SigningKey::from_seed(keccak(&[b"golden gateway"]).as_bytes())
}

fn zone_document() -> ZoneDocument {
    ZoneDocument {
        zone: ZoneId::new("elm-street").expect("a zone"),
        chain_id: 31_337,
        settlement: Address::new([0xc0; 20]),
        valid_from: IntervalLength::QUARTER_HOUR
            .start_at(START_S)
            .expect("aligned"),
        interval: IntervalLength::QUARTER_HOUR,
    }
}

/// A connection-point meter over Modbus with everything present.
fn full(previous: Hash) -> Reading {
    let raw = RawEvidence::Modbus(vec![
        RawWords {
            address: 72,
            bytes: 1_234.5_f32.to_be_bytes().to_vec(),
        },
        RawWords {
            address: 74,
            bytes: 987.25_f32.to_be_bytes().to_vec(),
        },
    ]);
    Reading {
        version: Reading::VERSION,
        meter: MeterId::new([0x11; 16]),
        sequence: 1_781_514_000_000,
        time_ms: 1_781_514_000_000,
        clock: ClockState::Synchronised,
        clock_error_ms: 12,
        import: Some(WattHours::new(1_234_500)),
        export: Some(WattHours::new(987_250)),
        pv: Some(WattHours::new(2_000_000)),
        charge: Some(WattHours::new(300_000)),
        discharge: Some(WattHours::new(270_000)),
        power: Some(Watts::new(-2_345)),
        voltage_mv: [Some(230_100), Some(229_900), None],
        frequency_mhz: Some(49_998),
        soc_permille: Some(615),
        quality: Quality::GOOD,
        resolution: WattHours::new(1),
        profile: [1, 2, 3, 4, 5, 6, 7, 8],
        raw,
        previous,
    }
}

/// A generation meter over MQTT: no import register, most values absent.
fn sparse() -> Reading {
    Reading {
        meter: MeterId::new([0x22; 16]),
        import: None,
        export: Some(WattHours::new(18_446_744_073_709)),
        pv: None,
        charge: None,
        discharge: None,
        power: None,
        voltage_mv: [None; 3],
        frequency_mhz: None,
        soc_permille: None,
        clock: ClockState::Stepped,
        quality: Quality::AFTER_TIMEOUT.with(Quality::GAP_DECLARED),
        resolution: WattHours::new(100),
        raw: RawEvidence::Json(vec![(
            "$.Energy.Total".to_owned(),
            "18446744073.709".to_owned(),
        )]),
        ..full(Hash::ZERO)
    }
}

/// A live reading after the first one, with the digest of its evidence only.
fn live(first: &Reading) -> Reading {
    Reading {
        sequence: first.sequence + 10_000,
        time_ms: first.time_ms + 10_000,
        import: Some(WattHours::new(1_234_501)),
        raw: first.raw.digest(),
        previous: first.hash(),
        ..first.clone()
    }
}

fn batch() -> ReadingBatch {
    let first = full(Hash::ZERO);
    let readings = vec![first.clone(), sparse(), live(&first)];
    let gateway = GatewayId::new([0x33; 16]);
    ReadingBatch::sign(
        &key(),
        &zone_document().hash(),
        gateway,
        7,
        keccak(&[b"batch 6"]),
        readings,
    )
    .expect("in bounds")
}

fn hexadecimal(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// `Sig_structure` of RFC 9052 §4.4, written by hand; both byte strings are shorter than 256 bytes.
fn signature_message(external: &[u8], payload: &[u8]) -> Vec<u8> {
    let byte_string =
        |bytes: &[u8]| [&[0x58, u8::try_from(bytes.len()).expect("short")], bytes].concat();
    let start = [
        &[0x84, 0x6a],
        b"Signature1".as_slice(),
        &[0x43, 0xa1, 0x01, 0x27],
    ]
    .concat();
    [start, byte_string(external), byte_string(payload)].concat()
}

fn described(batch: &ReadingBatch) -> Value {
    let document = zone_document();
    let header = batch.header();
    let external = [
        b"commonwatt/reading-batch/1".as_slice(),
        document.hash().as_bytes(),
    ]
    .concat();
    let register = |register: Option<WattHours>| register.map(|r| r.get().to_string());
    let fixed = |register: Option<WattHours>| register.map_or(u64::MAX, WattHours::get).to_string();
    let readings: Vec<Value> = batch
        .readings()
        .iter()
        .enumerate()
        .map(|(i, reading)| {
            let path = batch.proof(i).expect("inside").siblings;
            json!({
                "cbor": hexadecimal(&reading.to_bytes()),
                "meter": hexadecimal(reading.meter.as_bytes()),
                "sequence": reading.sequence.to_string(),
                "time_ms": reading.time_ms.to_string(),
                "import_wh": register(reading.import),
                "export_wh": register(reading.export),
                "import_fixed": fixed(reading.import),
                "export_fixed": fixed(reading.export),
                "leaf": reading.hash(),
                "path": path,
            })
        })
        .collect();
    json!({
        "batch": hexadecimal(&batch.to_bytes()),
        "gateway_key": hexadecimal(&key().verifying_key().to_bytes()),
        "zone_document": {
            "cbor": hexadecimal(&to_canonical(&document)),
            "hash": document.hash(),
            "zone": document.zone.as_str(),
            "chain_id": document.chain_id.to_string(),
            "settlement": hexadecimal(document.settlement.as_bytes()),
        },
        "external_data": hexadecimal(&external),
        "header": {
            "cbor": hexadecimal(&to_canonical(header)),
            "gateway": hexadecimal(header.gateway.as_bytes()),
            "sequence": header.sequence.to_string(),
            "previous": header.previous,
            "count": header.count.to_string(),
            "root": header.root,
            "hash": header.hash(),
        },
        "signature_message": hexadecimal(&signature_message(&external, &to_canonical(header))),
        "signed_header": hexadecimal(batch.signed()),
        "readings": readings,
    })
}

#[test]
fn the_reading_batch_is_the_golden_one() {
    let value = described(&batch());
    let text = serde_json::to_string_pretty(&value).expect("JSON") + "\n";
    for name in FILES {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, &text).expect("the golden folder is writable");
        }
        let golden =
            std::fs::read_to_string(&file).expect("a golden file; UPDATE_GOLDEN=1 writes it");
        let golden: Value = serde_json::from_str(&golden).expect("JSON");
        assert_eq!(golden, value, "{name} has changed");
    }
}

#[test]
fn the_golden_bytes_are_accepted_and_come_back() {
    let golden = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(FILES[0]))
        .expect("the file");
    let golden: Value = serde_json::from_str(&golden).expect("JSON");
    let bytes = hex::decode(
        golden["batch"]
            .as_str()
            .expect("text")
            .trim_start_matches("0x"),
    )
    .expect("hex");
    let read = ReadingBatch::from_bytes(&bytes).expect("a batch");
    assert_eq!(read.to_bytes(), bytes);
    assert_eq!(
        read.verify(&key().verifying_key(), &zone_document().hash()),
        Ok(())
    );
    let document = ZoneDocument {
        chain_id: 1,
        ..zone_document()
    };
    assert!(
        read.verify(&key().verifying_key(), &document.hash())
            .is_err(),
        "signed for another chain"
    );
    assert_eq!(
        from_canonical::<ZoneDocument>(&to_canonical(&document)),
        Ok(document)
    );
}
