//! The tables and keys of a profile file, as the TOML has them.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileFile {
    pub(super) name: String,
    pub(super) title: String,
    /// What somebody who connects such a device should know.
    #[serde(default)]
    pub(super) notes: Vec<String>,
    /// Highest power in W that the device can measure.
    pub(super) power_max_w: u32,
    /// Why nothing is settled on such a device.
    pub(super) settlement_refused: Option<String>,
    pub(super) provenance: ProvenanceFile,
    pub(super) modbus: Option<ModbusFile>,
    pub(super) sunspec: Option<SunSpecFile>,
    pub(super) mqtt: Option<MqttFile>,
    #[serde(default)]
    pub(super) identity: Vec<IdentityFile>,
    #[serde(default)]
    pub(super) point: Vec<PointFile>,
    #[serde(default)]
    pub(super) golden: Vec<GoldenFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProvenanceFile {
    pub(super) sources: Vec<String>,
    pub(super) status: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModbusFile {
    pub(super) connect_delay_ms: u32,
    #[serde(default)]
    pub(super) request_gap_ms: u32,
    pub(super) timeout_ms: u32,
    pub(super) registers_max: u16,
    pub(super) gap_max: u16,
    #[serde(default)]
    pub(super) single_client: bool,
    pub(super) units: Option<Vec<u8>>,
    pub(super) serial: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SunSpecFile {
    pub(super) bases: Vec<u16>,
    pub(super) connect_delay_ms: u32,
    #[serde(default)]
    pub(super) request_gap_ms: u32,
    pub(super) timeout_ms: u32,
    #[serde(default)]
    pub(super) single_client: bool,
    pub(super) units: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MqttFile {
    pub(super) topic: Option<String>,
    pub(super) time_path: Option<String>,
    pub(super) time_unit: Option<String>,
    pub(super) partial_updates: Option<bool>,
    #[serde(default)]
    pub(super) topics: Vec<TopicFile>,
    pub(super) payload: Option<String>,
    #[serde(default)]
    pub(super) numbers_in_strings: bool,
    #[serde(default)]
    pub(super) unnamed_evidence: bool,
    pub(super) stale_after_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopicFile {
    pub(super) name: String,
    pub(super) topic: String,
    pub(super) time_path: Option<String>,
    pub(super) time_unit: Option<String>,
    #[serde(default)]
    pub(super) partial_updates: bool,
}

/// One value, or a list of values that are added up.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "one value or a list of values, addresses and offsets from 0 to 65535"
)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PointFile {
    pub(super) quantity: String,
    pub(super) unit: String,
    pub(super) scale: Option<String>,
    pub(super) unit_id: Option<u8>,
    pub(super) function: Option<String>,
    pub(super) address: Option<OneOrMany<u16>>,
    pub(super) minus_address: Option<OneOrMany<u16>>,
    pub(super) model: Option<OneOrMany<u16>>,
    pub(super) offset: Option<OneOrMany<u16>>,
    pub(super) scale_offset: Option<u16>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) order: Option<String>,
    pub(super) topic: Option<OneOrMany<String>>,
    pub(super) path: Option<OneOrMany<String>>,
    pub(super) minus_path: Option<OneOrMany<String>>,
    pub(super) obis: Option<OneOrMany<String>>,
    pub(super) minus_obis: Option<OneOrMany<String>>,
    pub(super) label: Option<OneOrMany<String>>,
    pub(super) sign: Option<String>,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) zero: Option<String>,
    #[serde(default)]
    pub(super) sentinels: Vec<i64>,
    pub(super) wrap_wh: Option<u64>,
    pub(super) resolution_wh: Option<u64>,
    pub(super) rate_max_w: Option<u32>,
    pub(super) uncertain: Option<String>,
    pub(super) group: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityFile {
    pub(super) what: String,
    pub(super) unit_id: Option<u8>,
    pub(super) function: Option<String>,
    pub(super) address: Option<u16>,
    pub(super) model: Option<u16>,
    pub(super) offset: Option<u16>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) registers: Option<u16>,
    pub(super) order: Option<String>,
    pub(super) scale: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) path: Option<String>,
    pub(super) obis: Option<String>,
    pub(super) expect: Option<Expected>,
    pub(super) range: Option<[i64; 2]>,
    #[serde(default)]
    pub(super) must: bool,
}

/// What an answer may be.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a list of numbers or a list of texts")]
pub(super) enum Expected {
    Numbers(Vec<i64>),
    Texts(Vec<String>),
}

/// Raw values and what they mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenFile {
    pub(crate) description: String,
    /// Registers that are there and 0: first address and how many.
    #[serde(default)]
    pub(crate) blank: Vec<[u16; 2]>,
    #[serde(default)]
    pub(crate) registers: Vec<GoldenRegisters>,
    /// A message on the first topic.
    pub(crate) payload: Option<String>,
    /// Messages in the order in which they come.
    #[serde(default)]
    pub(crate) messages: Vec<GoldenMessage>,
    pub(crate) expect: BTreeMap<String, toml::Value>,
}

/// A run of registers of a golden vector.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenRegisters {
    /// Which unit, where it is not the device's own.
    pub(crate) unit_id: Option<u8>,
    pub(crate) address: u16,
    pub(crate) words: Vec<u16>,
}

/// A message of a golden vector.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenMessage {
    pub(crate) topic: String,
    pub(crate) payload: String,
}
