//! A gateway's configuration: one TOML file, every key checked, unknown keys refused.

use std::path::PathBuf;

use energy_core::{
    Address, GatewayId, IntervalLength, MeterId, VerifyingKey, ZoneDocument, ZoneId,
};
use serde::{Deserialize, Serialize};

/// When signed readings are safe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// On the disk before they are sent: they survive a power cut.
    #[default]
    Fsync,
    /// Given to the operating system before they are sent: they survive a crash of the program. For
    /// data that can be made again, such as the demo's history.
    Relaxed,
}

/// How a device is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Endpoint {
    /// Modbus TCP.
    Modbus {
        /// Name or address.
        host: String,
        /// TCP port, 502 by default.
        #[serde(default = "modbus_port")]
        port: u16,
        /// Unit id, 1 by default.
        #[serde(default = "modbus_unit")]
        unit: u8,
    },
    /// The frames of a serial line, sent over TCP as they are: an RS-485 adapter in transparent mode.
    #[serde(rename = "rtu_over_tcp")]
    RtuOverTcp {
        /// Name or address.
        host: String,
        /// TCP port; adapters differ, so there is no usual one.
        port: u16,
        /// Unit id, 1 by default.
        #[serde(default = "modbus_unit")]
        unit: u8,
    },
    /// MQTT, through the gateway's broker unless another one is named.
    Mqtt {
        /// What stands for `{device}` in the profile's topic.
        device: String,
        /// Another broker's name or address.
        host: Option<String>,
        /// Another broker's port.
        port: Option<u16>,
    },
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfig {
    /// What people call it.
    pub name: String,
    /// The meter whose readings it gives.
    pub meter: MeterId,
    /// The name of its profile.
    pub profile: String,
    /// How it is reached.
    pub endpoint: Endpoint,
    /// The meter's counters were set back on purpose: a lower value is signed, marked as a reset.
    #[serde(default)]
    pub reset_declared: bool,
    /// The meter was exchanged for the one with this serial number: its counters are signed, marked as
    /// exchanged.
    pub exchanged_for: Option<String>,
}

/// The zone document that all signatures are bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneConfig {
    /// The zone's name.
    pub name: ZoneId,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The settlement contract.
    pub settlement: Address,
    /// The first interval it is valid for, in seconds since 1970 UTC.
    pub valid_from: i64,
    /// Interval length in s.
    pub interval_s: u32,
}

impl ZoneConfig {
    /// The configuration of a zone document.
    #[must_use]
    pub fn of(document: &ZoneDocument) -> Self {
        Self {
            name: document.zone.clone(),
            chain_id: document.chain_id,
            settlement: document.settlement,
            valid_from: document.valid_from.seconds(),
            interval_s: document.interval.seconds(),
        }
    }

    /// The zone document.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when length or start are not those of intervals.
    pub fn document(&self) -> Result<ZoneDocument, ConfigError> {
        let wrong = |key: &'static str| {
            move |e: energy_core::TimeError| ConfigError::Value {
                key,
                message: e.to_string(),
            }
        };
        let interval = IntervalLength::new(self.interval_s).map_err(wrong("zone.interval_s"))?;
        Ok(ZoneDocument {
            zone: self.name.clone(),
            chain_id: self.chain_id,
            settlement: self.settlement,
            valid_from: interval
                .start_at(self.valid_from)
                .map_err(wrong("zone.valid_from"))?,
            interval,
        })
    }
}

/// An MQTT broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    /// Name or address.
    pub host: String,
    /// TCP port, 1883 by default.
    #[serde(default = "mqtt_port")]
    pub port: u16,
}

/// Everything a gateway needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// Who it is.
    pub gateway: GatewayId,
    /// Where its private key is: 64 hexadecimal digits, readable by the owner alone. Made if missing.
    pub key_file: PathBuf,
    /// The node's public key, 64 hexadecimal digits: whose receipts count.
    pub node_key: String,
    /// Folder of the outbox.
    pub outbox: PathBuf,
    /// How large the outbox may grow with batches that are already receipted, in MiB.
    #[serde(default = "outbox_mib")]
    pub outbox_mib: u32,
    /// When signed readings are safe.
    #[serde(default)]
    pub durability: Durability,
    /// Grid seconds between two readings for the live view, 0 for none.
    #[serde(default = "poll_s")]
    pub poll_s: u32,
    /// Wall time in ms after which a device that has not answered at a boundary has failed.
    #[serde(default = "round_timeout_ms")]
    pub round_timeout_ms: u32,
    /// A node whose grid time is followed instead of the system's clock, for demos.
    pub clock: Option<String>,
    /// Folder with profiles of one's own (`NAME.toml`), looked at before the shipped ones.
    pub profiles: Option<PathBuf>,
    /// The zone document.
    pub zone: ZoneConfig,
    /// Where batches go.
    pub broker: BrokerConfig,
    /// What is read.
    pub devices: Vec<DeviceConfig>,
}

/// A configuration was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML, an unknown or missing key, or a value of another type.
    #[error("gateway configuration {file}: {message}")]
    Syntax {
        /// Which file.
        file: String,
        /// Where, what was expected and what came.
        message: String,
    },
    /// A value that cannot be.
    #[error("gateway configuration, `{key}`: {message}")]
    Value {
        /// Which key.
        key: &'static str,
        /// What was expected and what came.
        message: String,
    },
}

impl GatewayConfig {
    /// The configuration in this text. `file` names it in errors.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_toml(file: &str, text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|e| ConfigError::Syntax {
            file: file.to_owned(),
            message: e.to_string(),
        })?;
        config.check()?;
        Ok(config)
    }

    /// What no single key can get wrong.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.zone.document()?;
        self.node_key()?;
        let wrong = |key, message: String| Err(ConfigError::Value { key, message });
        if self.devices.is_empty() {
            return wrong(
                "devices",
                "expected at least one device, got none".to_owned(),
            );
        }
        if !(100..=600_000).contains(&self.round_timeout_ms) {
            return wrong(
                "round_timeout_ms",
                format!("expected 100 to 600000 ms, got {}", self.round_timeout_ms),
            );
        }
        for (i, device) in self.devices.iter().enumerate() {
            let earlier = || self.devices.iter().take(i);
            if earlier().any(|other| other.meter == device.meter) {
                return wrong(
                    "devices.meter",
                    format!("expected each meter once, got {} twice", device.meter),
                );
            }
            if earlier().any(|other| other.name == device.name) {
                return wrong(
                    "devices.name",
                    format!("expected each name once, got `{}` twice", device.name),
                );
            }
        }
        Ok(())
    }

    /// The node's public key.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn node_key(&self) -> Result<VerifyingKey, ConfigError> {
        let wrong = |message: String| ConfigError::Value {
            key: "node_key",
            message,
        };
        let mut bytes = [0; 32];
        hex::decode_to_slice(&self.node_key, &mut bytes).map_err(|_| {
            wrong(format!(
                "expected 64 hexadecimal digits, got `{}`",
                self.node_key
            ))
        })?;
        VerifyingKey::from_bytes(&bytes).map_err(|e| wrong(e.to_string()))
    }
}

fn modbus_port() -> u16 {
    502
}

fn modbus_unit() -> u8 {
    1
}

fn mqtt_port() -> u16 {
    1883
}

fn outbox_mib() -> u32 {
    256
}

fn poll_s() -> u32 {
    10
}

fn round_timeout_ms() -> u32 {
    10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../gateway.example.toml");

    #[test]
    fn the_example_is_accepted_and_comes_back_the_same() {
        let config = GatewayConfig::from_toml("gateway.example.toml", TEXT).expect("the example");
        assert_eq!(config.devices.len(), 3);
        let text = toml::to_string(&config).expect("writes");
        assert_eq!(GatewayConfig::from_toml("again", &text), Ok(config));
    }

    #[test]
    fn a_wrong_configuration_says_what_was_expected_and_what_came() {
        let refused = |from: &str, to: &str, parts: &[&str]| {
            assert!(TEXT.contains(from), "{from}");
            let text = TEXT.replacen(from, to, 1);
            let error = GatewayConfig::from_toml("mine.toml", &text)
                .expect_err(to)
                .to_string();
            for part in parts {
                assert!(error.contains(part), "`{error}` should name `{part}`");
            }
        };
        refused(
            "poll_s = 10",
            "pol_s = 10",
            &["mine.toml", "unknown field `pol_s`", "poll_s"],
        );
        refused(
            "unit = 1",
            "units = 1",
            &["line 44", "units", "available keys: host, port, unit"],
        );
        refused(
            "interval_s = 900",
            "interval_s = 700",
            &["zone.interval_s", "divides an hour", "700"],
        );
        refused(
            "node_key = \"",
            "node_key = \"zz",
            &["node_key", "64 hexadecimal digits"],
        );
        refused(
            "durability = \"fsync\"",
            "durability = \"maybe\"",
            &["fsync", "relaxed", "maybe"],
        );
        refused(
            "round_timeout_ms = 10000",
            "round_timeout_ms = 1",
            &["round_timeout_ms", "100 to 600000", "got 1"],
        );
    }
}
