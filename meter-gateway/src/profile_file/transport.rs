//! How the device is asked: exactly one of the tables `modbus`, `sunspec` and `mqtt`.

use crate::number::Ratio;
use crate::profile::{ModbusManners, MqttManners, ProfileError, Transport};

use super::source::Source;
use super::tables::{MqttFile, ProfileFile};

impl Source<'_> {
    pub(super) fn transport(&self, file: &ProfileFile) -> Result<Transport, ProfileError> {
        match (&file.modbus, &file.sunspec, &file.mqtt) {
            (Some(modbus), None, None) => {
                if !(1..=125).contains(&modbus.registers_max) {
                    return Err(self.wrong(
                        "modbus.registers_max",
                        "1 to 125 registers",
                        modbus.registers_max,
                    ));
                }
                Ok(Transport::Modbus(ModbusManners {
                    connect_delay_ms: modbus.connect_delay_ms,
                    timeout_ms: self.timeout("modbus.timeout_ms", modbus.timeout_ms)?,
                    registers_max: modbus.registers_max,
                    gap_max: modbus.gap_max,
                }))
            }
            (None, Some(sunspec), None) => {
                let manners = ModbusManners {
                    connect_delay_ms: sunspec.connect_delay_ms,
                    timeout_ms: self.timeout("sunspec.timeout_ms", sunspec.timeout_ms)?,
                    registers_max: 125,
                    gap_max: 125,
                };
                Ok(Transport::SunSpec {
                    manners,
                    bases: sunspec.bases.clone(),
                })
            }
            (None, None, Some(mqtt)) => self.mqtt(mqtt).map(Transport::Mqtt),
            (modbus, sunspec, mqtt) => {
                let some = [modbus.is_some(), sunspec.is_some(), mqtt.is_some()];
                let got = some.iter().filter(|is| **is).count();
                Err(self.wrong(
                    "modbus, sunspec, mqtt",
                    "exactly one of these tables",
                    format!("{got} of them"),
                ))
            }
        }
    }

    fn timeout(&self, key: &str, ms: u32) -> Result<u32, ProfileError> {
        if (10..=60_000).contains(&ms) {
            Ok(ms)
        } else {
            Err(self.wrong(key, "10 to 60000 ms", ms))
        }
    }

    fn mqtt(&self, mqtt: &MqttFile) -> Result<MqttManners, ProfileError> {
        if mqtt.topic.contains(['#', '+']) || !mqtt.topic.contains("{device}") {
            return Err(self.wrong(
                "mqtt.topic",
                "a topic with {device} and without the wildcards + and #",
                &mqtt.topic,
            ));
        }
        let time_scale = match mqtt.time_unit.as_deref() {
            None | Some("ms") => Ratio::ONE,
            Some("s") => Ratio::new(1_000, 1).unwrap_or(Ratio::ONE),
            Some(other) => return Err(self.wrong("mqtt.time_unit", "`s` or `ms`", other)),
        };
        if let Some(path) = &mqtt.time_path {
            self.path("mqtt.time_path", path)?;
        }
        Ok(MqttManners {
            topic: mqtt.topic.clone(),
            time_path: mqtt.time_path.clone(),
            time_scale,
            partial_updates: mqtt.partial_updates,
            stale_after_ms: mqtt.stale_after_s.saturating_mul(1_000),
        })
    }
}
