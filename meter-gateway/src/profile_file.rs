//! The file of a profile: its keys, and how a [`Profile`] is made of them.
//!
//! Types here mirror the TOML; nothing else sees them. Unknown keys are refused by serde, unknown
//! units, types and quantities here, each with the key, what was expected and what came.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use std::collections::BTreeMap;

use energy_core::WattHours;
use serde::Deserialize;

use crate::golden;
use crate::json_path::JsonPath;
use crate::number::Ratio;
use crate::plan::fixed_plan;
use crate::profile::{
    Function, Kind, ModbusManners, MqttManners, Place, Point, Profile, ProfileError, Provenance,
    Quantity, Transport, WordOrder, hash8,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    name: String,
    title: String,
    /// Highest power in W that the device can measure.
    power_max_w: u32,
    provenance: ProvenanceFile,
    modbus: Option<ModbusFile>,
    sunspec: Option<SunSpecFile>,
    mqtt: Option<MqttFile>,
    #[serde(default)]
    point: Vec<PointFile>,
    #[serde(default)]
    golden: Vec<GoldenFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvenanceFile {
    sources: Vec<String>,
    status: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModbusFile {
    connect_delay_ms: u32,
    timeout_ms: u32,
    registers_max: u16,
    gap_max: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SunSpecFile {
    bases: Vec<u16>,
    connect_delay_ms: u32,
    timeout_ms: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MqttFile {
    topic: String,
    time_path: Option<String>,
    time_unit: Option<String>,
    partial_updates: bool,
    stale_after_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PointFile {
    quantity: String,
    unit: String,
    scale: Option<String>,
    function: Option<String>,
    address: Option<u16>,
    model: Option<u16>,
    offset: Option<u16>,
    scale_offset: Option<u16>,
    #[serde(rename = "type")]
    kind: Option<String>,
    order: Option<String>,
    path: Option<String>,
    #[serde(default)]
    negate: bool,
    #[serde(default)]
    optional: bool,
    zero: Option<String>,
    wrap_wh: Option<u64>,
    step_min: Option<u64>,
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

impl Profile {
    /// The profile in this text. `file` names it in errors.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn from_toml(file: &str, text: &str) -> Result<Self, ProfileError> {
        let parsed: ProfileFile = toml::from_str(text).map_err(|e| ProfileError::Syntax {
            file: file.to_owned(),
            message: e.to_string(),
        })?;
        let from = Source { file };
        let transport = from.transport(&parsed)?;
        let mut points = Vec::with_capacity(parsed.point.len());
        for (i, point) in parsed.point.iter().enumerate() {
            points.push(from.point(i, point, &transport)?);
        }
        if parsed.golden.is_empty() {
            return Err(ProfileError::NoGolden {
                file: file.to_owned(),
            });
        }
        let profile = Self {
            name: parsed.name,
            title: parsed.title,
            provenance: Provenance {
                sources: parsed.provenance.sources,
                status: parsed.provenance.status,
            },
            transport,
            points,
            power_max_w: parsed.power_max_w,
            hash8: hash8(text),
        };
        from.whole(&profile)?;
        for vector in &parsed.golden {
            golden::check(file, &profile, vector)?;
        }
        Ok(profile)
    }
}

struct Source<'f> {
    file: &'f str,
}

impl Source<'_> {
    fn wrong(
        &self,
        key: impl Into<String>,
        expected: impl Into<String>,
        got: impl std::fmt::Display,
    ) -> ProfileError {
        ProfileError::Value {
            file: self.file.to_owned(),
            key: key.into(),
            expected: expected.into(),
            got: got.to_string(),
        }
    }

    fn transport(&self, file: &ProfileFile) -> Result<Transport, ProfileError> {
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

    fn path(&self, key: &str, path: &str) -> Result<(), ProfileError> {
        JsonPath::parse(path)
            .map(|_| ())
            .ok_or_else(|| self.wrong(key, "a path such as `$.a.b[0]`", path))
    }

    fn point(
        &self,
        index: usize,
        point: &PointFile,
        transport: &Transport,
    ) -> Result<Point, ProfileError> {
        let key = |name: &str| format!("point[{index}].{name}");
        let quantity = self.quantity(&key("quantity"), &point.quantity)?;
        let unit = self.unit(&key("unit"), quantity, &point.unit)?;
        let scale = match &point.scale {
            None => Ratio::ONE,
            Some(text) => Ratio::parse(text).ok_or_else(|| {
                self.wrong(key("scale"), "a positive ratio such as `1/100`", text)
            })?,
        };
        let scale = unit.times(scale).ok_or_else(|| {
            self.wrong(
                key("scale"),
                "unit × scale within 1/10⁹ to 10⁹",
                &point.unit,
            )
        })?;
        let place = self.place(&key, point, transport)?;
        let zero_is_absent = match (point.zero.as_deref(), accumulates(&place)) {
            (Some("absent"), _) => true,
            (Some("value"), _) | (None, false) => false,
            (None, true) => {
                return Err(self.wrong(
                    key("zero"),
                    "`value` or `absent`, since SunSpec lets 0 mean both",
                    "nothing",
                ));
            }
            (Some(other), _) => return Err(self.wrong(key("zero"), "`value` or `absent`", other)),
        };
        if point.wrap_wh.is_some() && !quantity.is_counter() {
            return Err(self.wrong(
                key("wrap_wh"),
                "no such key on a quantity that is not a counter",
                quantity.name(),
            ));
        }
        Ok(Point {
            quantity,
            place,
            scale,
            negate: point.negate,
            optional: point.optional,
            zero_is_absent,
            wrap: point.wrap_wh.map(WattHours::new),
            step_min: point.step_min.unwrap_or(1).max(1),
        })
    }

    fn quantity(&self, key: &str, name: &str) -> Result<Quantity, ProfileError> {
        let known = || Quantity::ALL.map(Quantity::name).join(", ");
        Quantity::ALL
            .into_iter()
            .find(|q| q.name() == name)
            .ok_or_else(|| self.wrong(key, known(), name))
    }

    fn unit(&self, key: &str, quantity: Quantity, unit: &str) -> Result<Ratio, ProfileError> {
        let units: &[(&str, u32)] = match quantity {
            q if q.is_counter() => &[("Wh", 1), ("kWh", 1_000), ("MWh", 1_000_000)],
            Quantity::Power => &[("W", 1), ("kW", 1_000)],
            Quantity::VoltageL1 | Quantity::VoltageL2 | Quantity::VoltageL3 => {
                &[("V", 1_000), ("mV", 1)]
            }
            Quantity::Frequency => &[("Hz", 1_000), ("mHz", 1)],
            _ => &[("%", 10), ("permille", 1)],
        };
        let known = || {
            units
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        units
            .iter()
            .find(|(name, _)| *name == unit)
            .and_then(|(_, factor)| Ratio::new(*factor, 1))
            .ok_or_else(|| self.wrong(key, format!("{} for `{}`", known(), quantity.name()), unit))
    }

    fn place(
        &self,
        key: &impl Fn(&str) -> String,
        point: &PointFile,
        transport: &Transport,
    ) -> Result<Place, ProfileError> {
        let needs = |name: &str| self.wrong(key(name), "a value", "nothing");
        let keys: [(&str, bool); 8] = [
            ("function", point.function.is_some()),
            ("address", point.address.is_some()),
            ("order", point.order.is_some()),
            ("model", point.model.is_some()),
            ("offset", point.offset.is_some()),
            ("scale_offset", point.scale_offset.is_some()),
            ("type", point.kind.is_some()),
            ("path", point.path.is_some()),
        ];
        let allowed: &[&str] = match transport {
            Transport::Modbus(_) => &["function", "address", "order", "type"],
            Transport::SunSpec { .. } => &["model", "offset", "scale_offset", "type"],
            Transport::Mqtt(_) => &["path"],
        };
        if let Some((name, _)) = keys
            .iter()
            .find(|(name, is)| *is && !allowed.contains(name))
        {
            return Err(self.wrong(
                key(name),
                format!("only {} for this transport", allowed.join(", ")),
                *name,
            ));
        }
        match transport {
            Transport::Modbus(_) => Ok(Place::Register {
                function: match point.function.as_deref() {
                    Some("holding") => Function::Holding,
                    Some("input") => Function::Input,
                    other => {
                        return Err(self.wrong(
                            key("function"),
                            "`holding` or `input`",
                            other.unwrap_or("nothing"),
                        ));
                    }
                },
                address: point.address.ok_or_else(|| needs("address"))?,
                kind: self.kind(key, point)?,
                order: match point.order.as_deref() {
                    Some("big") => WordOrder::Big,
                    Some("little") => WordOrder::Little,
                    other => {
                        return Err(self.wrong(
                            key("order"),
                            "`big` or `little`",
                            other.unwrap_or("nothing"),
                        ));
                    }
                },
            }),
            Transport::SunSpec { .. } => Ok(Place::Model {
                model: point.model.ok_or_else(|| needs("model"))?,
                offset: point.offset.ok_or_else(|| needs("offset"))?,
                kind: self.kind(key, point)?,
                scale_offset: point.scale_offset,
            }),
            Transport::Mqtt(_) => {
                let path = point.path.clone().ok_or_else(|| needs("path"))?;
                self.path(&key("path"), &path)?;
                Ok(Place::Path(path))
            }
        }
    }

    fn kind(&self, key: &impl Fn(&str) -> String, point: &PointFile) -> Result<Kind, ProfileError> {
        let kinds = [
            ("u16", Kind::U16),
            ("i16", Kind::I16),
            ("u32", Kind::U32),
            ("i32", Kind::I32),
            ("u64", Kind::U64),
            ("i64", Kind::I64),
            ("f32", Kind::F32),
            ("acc32", Kind::Acc32),
            ("acc64", Kind::Acc64),
        ];
        let name = point.kind.as_deref().unwrap_or("nothing");
        let known = || kinds.map(|(name, _)| name).join(", ");
        kinds
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind)
            .ok_or_else(|| self.wrong(key("type"), known(), name))
    }

    /// What only the whole profile can get wrong.
    fn whole(&self, profile: &Profile) -> Result<(), ProfileError> {
        if profile.power_max_w == 0 {
            return Err(self.wrong("power_max_w", "the device's highest power in W, above 0", 0));
        }
        if !profile.points.iter().any(|p| p.quantity.settles()) {
            return Err(self.wrong("point", "at least one of import, export, pv", "none"));
        }
        if let Transport::SunSpec { bases, .. } = &profile.transport
            && bases.is_empty()
        {
            return Err(self.wrong("sunspec.bases", "at least one address", "none"));
        }
        for (i, point) in profile.points.iter().enumerate() {
            let same = |p: &&Point| {
                p.quantity == point.quantity && !matches!(p.place, Place::Model { .. })
            };
            if profile.points.iter().take(i).any(|p| same(&p)) {
                return Err(self.wrong(
                    format!("point[{i}].quantity"),
                    "each quantity once",
                    point.quantity.name(),
                ));
            }
            if let Place::Model {
                offset,
                kind,
                scale_offset,
                ..
            } = &point.place
            {
                let end = u32::from(*offset).saturating_add(u32::from(kind.registers()));
                if end.max(u32::from(scale_offset.unwrap_or(0)).saturating_add(1)) > 125
                    || *offset < 2
                {
                    let expected = "an offset from 2 on whose value and scale factor end within one request of 125";
                    return Err(self.wrong(format!("point[{i}].offset"), expected, offset));
                }
            }
        }
        if let Some(manners) = profile.modbus()
            && matches!(profile.transport, Transport::Modbus(_))
        {
            let holding = |request: &crate::plan::ReadRequest| {
                let within = |p: &&Point| match p.place {
                    Place::Register {
                        function, address, ..
                    } => {
                        p.quantity.settles()
                            && function == request.function
                            && address >= request.address
                            && address.saturating_sub(request.address) < request.count
                    }
                    _ => false,
                };
                profile.points.iter().filter(within).count()
            };
            let settling = profile
                .points
                .iter()
                .filter(|p| p.quantity.settles())
                .count();
            if !fixed_plan(profile)
                .iter()
                .any(|request| holding(request) == settling)
            {
                let expected =
                    "all of import, export and pv close enough to be read in one request";
                return Err(self.wrong("modbus.gap_max", expected, manners.gap_max));
            }
        }
        Ok(())
    }
}

fn accumulates(place: &Place) -> bool {
    match place {
        Place::Register { kind, .. } | Place::Model { kind, .. } => {
            matches!(kind, Kind::Acc32 | Kind::Acc64)
        }
        Place::Path(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../profiles/eastron-sdm630.toml");

    fn refused(from: &str, to: &str, expected: &[&str]) {
        assert!(TEXT.contains(from), "the shipped profile has `{from}`");
        let text = TEXT.replacen(from, to, 1);
        let error = Profile::from_toml("mine.toml", &text)
            .expect_err(to)
            .to_string();
        for part in expected.iter().chain(&["mine.toml"]) {
            assert!(error.contains(part), "`{error}` should name `{part}`");
        }
    }

    #[test]
    fn a_wrong_profile_is_refused_with_file_key_expectation_and_what_came() {
        refused(
            "unit = \"kWh\"",
            "unit = \"kwh\"",
            &["].unit", "Wh, kWh, MWh", "`kwh`"],
        );
        refused(
            "unit = \"W\"",
            "unit = \"Wh\"",
            &["].unit", "W, kW", "`Wh`"],
        );
        refused(
            "type = \"f32\"",
            "type = \"float\"",
            &["].type", "f32", "`float`"],
        );
        refused(
            "function = \"input\"",
            "function = \"coil\"",
            &["].function", "holding", "`coil`"],
        );
        refused(
            "quantity = \"import\"",
            "quantity = \"bezug\"",
            &["].quantity", "import", "`bezug`"],
        );
        refused(
            "quantity = \"import\"",
            "quantity = \"import\"\ncolour = 1",
            &["unknown field `colour`", "address"],
        );
        refused(
            "timeout_ms = ",
            "timeout_ms = 1 # ",
            &["modbus.timeout_ms", "10 to 60000", "`1`"],
        );
        refused(
            "order = \"big\"",
            "order = \"middle\"",
            &["].order", "little", "`middle`"],
        );
    }

    #[test]
    fn a_profile_without_golden_vectors_is_refused() {
        let text = TEXT.split("[[golden]]").next().expect("a first part");
        let error = Profile::from_toml("mine.toml", text).expect_err("no golden vector");
        assert_eq!(
            error,
            ProfileError::NoGolden {
                file: "mine.toml".to_owned()
            }
        );
    }

    #[test]
    fn a_profile_whose_golden_vector_does_not_come_out_is_refused() {
        refused(
            "import_wh = ",
            "import_wh = 1 # ",
            &["import_wh", "expected 1, got"],
        );
        refused("address = 0x0048", "address = 0x004A", &["expected"]);
    }

    #[test]
    fn the_hash_changes_with_every_byte_of_the_file() {
        let one = Profile::from_toml("a", TEXT).expect("shipped");
        let other =
            Profile::from_toml("a", &format!("{TEXT}\n")).expect("the same with a blank line");
        assert_ne!(one.hash8(), other.hash8());
    }
}
