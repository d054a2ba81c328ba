//! The tables and keys of a profile file, as the TOML has them.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileFile {
    pub(super) name: String,
    pub(super) title: String,
    /// Highest power in W that the device can measure.
    pub(super) power_max_w: u32,
    pub(super) provenance: ProvenanceFile,
    pub(super) modbus: Option<ModbusFile>,
    pub(super) sunspec: Option<SunSpecFile>,
    pub(super) mqtt: Option<MqttFile>,
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
    pub(super) timeout_ms: u32,
    pub(super) registers_max: u16,
    pub(super) gap_max: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SunSpecFile {
    pub(super) bases: Vec<u16>,
    pub(super) connect_delay_ms: u32,
    pub(super) timeout_ms: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MqttFile {
    pub(super) topic: String,
    pub(super) time_path: Option<String>,
    pub(super) time_unit: Option<String>,
    pub(super) partial_updates: bool,
    pub(super) stale_after_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PointFile {
    pub(super) quantity: String,
    pub(super) unit: String,
    pub(super) scale: Option<String>,
    pub(super) function: Option<String>,
    pub(super) address: Option<u16>,
    pub(super) model: Option<u16>,
    pub(super) offset: Option<u16>,
    pub(super) scale_offset: Option<u16>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) order: Option<String>,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) negate: bool,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) zero: Option<String>,
    pub(super) wrap_wh: Option<u64>,
    pub(super) step_min: Option<u64>,
}

/// Raw values and what they mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenFile {
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) registers: Vec<GoldenRegisters>,
    pub(crate) payload: Option<String>,
    pub(crate) expect: BTreeMap<String, toml::Value>,
}

/// A run of registers of a golden vector.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenRegisters {
    pub(crate) address: u16,
    pub(crate) words: Vec<u16>,
}
