//! How a device wants to be talked to, and how it talks by itself.

use crate::number::Ratio;

use super::Selector;

/// A serial line, as a device has it when it leaves the factory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SerialLine {
    /// Bits per second.
    pub baud: u32,
    /// `N`, `E` or `O`.
    pub parity: char,
    /// 1 or 2.
    pub stop_bits: u8,
}

impl std::fmt::Display for SerialLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} 8{}{}", self.baud, self.parity, self.stop_bits)
    }
}

/// How a Modbus device wants to be talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModbusManners {
    /// Pause after connecting.
    pub connect_delay_ms: u32,
    /// Pause between an answer and the next request.
    pub request_gap_ms: u32,
    /// How long an answer may take.
    pub timeout_ms: u32,
    /// The most registers in one request, 1 to 125.
    pub registers_max: u16,
    /// Points with at most this many registers between them are read in one request.
    pub gap_max: u16,
    /// Whether the device serves one TCP client at a time.
    pub single_client: bool,
    /// Unit ids under which it is usually found, the likeliest first. Never empty.
    pub units: Vec<u8>,
    /// Its serial line, where it has one.
    pub serial: Option<SerialLine>,
}

/// How values reach the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Fixed Modbus registers.
    Modbus(ModbusManners),
    /// SunSpec models, found by walking from one of these addresses; and fixed registers beside them.
    SunSpec {
        /// How to talk to the device.
        manners: ModbusManners,
        /// Where the marker "SunS" may be.
        bases: Vec<u16>,
    },
    /// Messages by MQTT.
    Mqtt(MqttManners),
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// JSON.
    Json,
    /// A DSMR P1 telegram with its checksum.
    Telegram,
}

/// How a device writes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// A number since 1970 UTC; the ratio leads to ms.
    Unix(Ratio),
    /// RFC 3339 with its distance from UTC.
    Rfc3339,
    /// `YYMMDDhhmmss` and `S` or `W`, as in a P1 telegram.
    Telegram,
}

/// Where a message names its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeSource {
    /// Which token.
    pub selector: Selector,
    /// How it is written.
    pub format: TimeFormat,
}

/// One topic of an MQTT device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// What the profile's points call it.
    pub name: String,
    /// The topic, with `{device}` in place of the device's name.
    pub template: String,
    /// Whether a message holds only what changed, so that the others stand.
    pub partial_updates: bool,
    /// The device's own time.
    pub time: Option<TimeSource>,
}

impl Topic {
    /// The topic of a device.
    #[must_use]
    pub fn of(&self, device: &str) -> String {
        self.template.replace("{device}", device)
    }
}

/// How an MQTT device speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttManners {
    /// Its topics. Never empty.
    pub topics: Vec<Topic>,
    /// What a message is.
    pub payload: Payload,
    /// Whether numbers may come as strings.
    pub numbers_in_strings: bool,
    /// Whether evidence holds the tokens alone, in the profile's order: for devices whose many tokens
    /// leave no room for names.
    pub unnamed_evidence: bool,
    /// After this long without a message the device counts as gone.
    pub stale_after_ms: u32,
}
