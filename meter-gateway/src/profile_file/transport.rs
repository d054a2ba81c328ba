//! How the device is asked, or speaks by itself: exactly one of the tables `modbus`, `sunspec` and
//! `mqtt`.

use crate::dsmr::Obis;
use crate::number::Ratio;
use crate::profile::{
    ModbusManners, MqttManners, Payload, ProfileError, Selector, SerialLine, TimeFormat,
    TimeSource, Topic, Transport,
};

use super::source::Source;
use super::tables::{ModbusFile, MqttFile, ProfileFile, SunSpecFile, TopicFile};

impl Source<'_> {
    pub(super) fn transport(&self, file: &ProfileFile) -> Result<Transport, ProfileError> {
        match (&file.modbus, &file.sunspec, &file.mqtt) {
            (Some(modbus), None, None) => self.modbus(modbus).map(Transport::Modbus),
            (None, Some(sunspec), None) => self.sunspec(sunspec),
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

    fn modbus(&self, modbus: &ModbusFile) -> Result<ModbusManners, ProfileError> {
        if !(1..=125).contains(&modbus.registers_max) {
            let key = "modbus.registers_max";
            return Err(self.wrong(key, "1 to 125 registers", modbus.registers_max));
        }
        Ok(ModbusManners {
            connect_delay_ms: self.pause("modbus.connect_delay_ms", modbus.connect_delay_ms)?,
            request_gap_ms: self.pause("modbus.request_gap_ms", modbus.request_gap_ms)?,
            timeout_ms: self.timeout("modbus.timeout_ms", modbus.timeout_ms)?,
            registers_max: modbus.registers_max,
            gap_max: modbus.gap_max,
            single_client: modbus.single_client,
            units: self.units("modbus.units", modbus.units.as_deref())?,
            serial: modbus
                .serial
                .as_deref()
                .map(|line| self.serial(line))
                .transpose()?,
        })
    }

    fn sunspec(&self, sunspec: &SunSpecFile) -> Result<Transport, ProfileError> {
        if sunspec.bases.is_empty() {
            return Err(self.wrong("sunspec.bases", "at least one address", "none"));
        }
        let manners = ModbusManners {
            connect_delay_ms: self.pause("sunspec.connect_delay_ms", sunspec.connect_delay_ms)?,
            request_gap_ms: self.pause("sunspec.request_gap_ms", sunspec.request_gap_ms)?,
            timeout_ms: self.timeout("sunspec.timeout_ms", sunspec.timeout_ms)?,
            registers_max: 125,
            gap_max: 16,
            single_client: sunspec.single_client,
            units: self.units("sunspec.units", sunspec.units.as_deref())?,
            serial: None,
        };
        Ok(Transport::SunSpec {
            manners,
            bases: sunspec.bases.clone(),
        })
    }

    fn timeout(&self, key: &str, ms: u32) -> Result<u32, ProfileError> {
        if (10..=60_000).contains(&ms) {
            Ok(ms)
        } else {
            Err(self.wrong(key, "10 to 60000 ms", ms))
        }
    }

    fn pause(&self, key: &str, ms: u32) -> Result<u32, ProfileError> {
        if ms <= 10_000 {
            Ok(ms)
        } else {
            Err(self.wrong(key, "0 to 10000 ms", ms))
        }
    }

    fn units(&self, key: &str, units: Option<&[u8]>) -> Result<Vec<u8>, ProfileError> {
        match units {
            None => Ok(vec![1]),
            Some([]) => Err(self.wrong(key, "at least one unit id", "none")),
            Some(units) => Ok(units.to_vec()),
        }
    }

    /// `9600 8N1`.
    fn serial(&self, text: &str) -> Result<SerialLine, ProfileError> {
        let line = text.split_once(" 8").and_then(|(baud, frame)| {
            let mut frame = frame.chars();
            let parity = frame.next().filter(|c| "NEO".contains(*c))?;
            let stop_bits = frame.next()?.to_digit(10).filter(|n| (1..=2).contains(n))?;
            let baud = baud.parse().ok().filter(|b| (300..=921_600).contains(b))?;
            frame.next().is_none().then_some(SerialLine {
                baud,
                parity,
                stop_bits: u8::try_from(stop_bits).ok()?,
            })
        });
        line.ok_or_else(|| self.wrong("modbus.serial", "a serial line such as `9600 8N1`", text))
    }

    fn mqtt(&self, mqtt: &MqttFile) -> Result<MqttManners, ProfileError> {
        let known = [("json", Payload::Json), ("telegram", Payload::Telegram)];
        let payload = self.one_of(
            "mqtt.payload",
            &known,
            Some(mqtt.payload.as_deref().unwrap_or("json")),
        )?;
        let alone = mqtt.topic.is_some()
            || mqtt.time_path.is_some()
            || mqtt.time_unit.is_some()
            || mqtt.partial_updates.is_some();
        let topics = match (&mqtt.topic, mqtt.topics.as_slice()) {
            (Some(topic), []) => {
                let one = TopicFile {
                    name: String::new(),
                    topic: topic.clone(),
                    time_path: mqtt.time_path.clone(),
                    time_unit: mqtt.time_unit.clone(),
                    partial_updates: mqtt.partial_updates.unwrap_or(false),
                };
                vec![self.topic("mqtt", payload, &one)?]
            }
            (None, [_, ..]) if !alone => {
                let each = mqtt.topics.iter().enumerate();
                each.map(|(i, topic)| self.topic(&format!("mqtt.topics[{i}]"), payload, topic))
                    .collect::<Result<_, _>>()?
            }
            _ => {
                let expected = "either `topic` with its keys, or a list of [[mqtt.topics]]";
                let got = if alone { "both" } else { "none" };
                return Err(self.wrong("mqtt.topic, mqtt.topics", expected, got));
            }
        };
        self.distinct(&topics)?;
        if mqtt.stale_after_s == 0 {
            return Err(self.wrong("mqtt.stale_after_s", "at least 1 s", 0));
        }
        Ok(MqttManners {
            topics,
            payload,
            numbers_in_strings: mqtt.numbers_in_strings,
            unnamed_evidence: mqtt.unnamed_evidence,
            stale_after_ms: mqtt.stale_after_s.saturating_mul(1_000),
        })
    }

    fn distinct(&self, topics: &[Topic]) -> Result<(), ProfileError> {
        for (i, topic) in topics.iter().enumerate() {
            let earlier = topics.iter().take(i);
            if let Some(same) = earlier
                .into_iter()
                .find(|other| other.name == topic.name || other.template == topic.template)
            {
                let expected = format!("a name and a topic other than those of `{}`", same.name);
                return Err(self.wrong(format!("mqtt.topics[{i}]"), expected, &topic.template));
            }
        }
        Ok(())
    }

    fn topic(&self, at: &str, payload: Payload, file: &TopicFile) -> Result<Topic, ProfileError> {
        if file.topic.contains(['#', '+']) || !file.topic.contains("{device}") {
            let expected = "a topic with {device} and without the wildcards + and #";
            return Err(self.wrong(format!("{at}.topic"), expected, &file.topic));
        }
        Ok(Topic {
            name: file.name.clone(),
            template: file.topic.clone(),
            partial_updates: file.partial_updates,
            time: self.time(at, payload, file)?,
        })
    }

    /// A telegram always names its time; a JSON message where the profile says so.
    fn time(
        &self,
        at: &str,
        payload: Payload,
        file: &TopicFile,
    ) -> Result<Option<TimeSource>, ProfileError> {
        let format = match file.time_unit.as_deref() {
            None | Some("ms") => TimeFormat::Unix(Ratio::ONE),
            Some("s") => TimeFormat::Unix(Ratio::new(1_000, 1).unwrap_or(Ratio::ONE)),
            Some("rfc3339") => TimeFormat::Rfc3339,
            Some(other) => {
                let key = format!("{at}.time_unit");
                return Err(self.wrong(key, "one of s, ms, rfc3339", other));
            }
        };
        match (payload, &file.time_path) {
            (Payload::Telegram, None) if file.time_unit.is_none() => Ok(Some(TimeSource {
                selector: Selector::Obis(Obis::TIME),
                format: TimeFormat::Telegram,
            })),
            (Payload::Telegram, _) => {
                let expected = "no time_path and no time_unit: a telegram has its own";
                Err(self.wrong(format!("{at}.time_path"), expected, "one"))
            }
            (Payload::Json, None) if file.time_unit.is_some() => {
                Err(self.wrong(format!("{at}.time_unit"), "a time_path beside it", "none"))
            }
            (Payload::Json, None) => Ok(None),
            (Payload::Json, Some(path)) => Ok(Some(TimeSource {
                selector: self.selector(&format!("{at}.time_path"), payload, path)?,
                format,
            })),
        }
    }
}
