//! `commonwatt gateway read`: one reading of a device through the gateway's own client and decoder.
//!
//! What is shown is what would be signed, with the registers that it was made of, so that an installer
//! can compare it with the display of the device.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use chrono::{DateTime, SecondsFormat};
use meter_gateway::Profile;
use meter_gateway::clock::system_now_ms;
use meter_gateway::decode::{Measured, Raw, Sample};
use meter_gateway::modbus::ModbusEndpoint;
use meter_gateway::poller::{DeviceError, settles};
use meter_gateway::profile::{Expectation, Quantity};
use serde::{Serialize, Serializer};
use tokio::time::Instant;

use super::Address;

/// No try begins after this.
const DEADLINE: Duration = Duration::from_secs(8);

/// Read a Modbus device once and show what it says, registers beside values.
///
/// Exit code 0: it was read. 1: it was not, and why. 2: the arguments cannot be.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ReadArguments {
    /// The device's profile: a name from `gateway profiles`, or a TOML file.
    #[arg(long, value_name = "NAME|FILE")]
    profile: String,
    /// Where it listens for Modbus TCP; port 502 unless another one is given.
    #[arg(long, value_name = "HOST:PORT")]
    tcp: Address,
    /// Its unit id; the profile's usual one unless given.
    #[arg(long, value_name = "N")]
    unit: Option<u8>,
    /// It is an RS-485 adapter that sends the frames of the serial line as they are.
    #[arg(long)]
    rtu: bool,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &ReadArguments) -> anyhow::Result<ExitCode> {
    let profile = match modbus_profile(&arguments.profile) {
        Ok(profile) => profile,
        Err(error) => return Ok(super::bad_arguments(&error)),
    };
    let runtime = super::runtime()?;
    let measured_at_ms = system_now_ms();
    let sample = match runtime.block_on(read(arguments, Arc::clone(&profile))) {
        Ok(sample) => sample,
        Err(error) => {
            eprintln!("error: {error}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let shown = Shown {
        profile: &profile,
        sample: &sample,
        measured_at: written(measured_at_ms),
    };
    if arguments.json {
        crate::cli::say(&serde_json::to_string(&shown)?);
    } else {
        crate::cli::say(shown.table().trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn modbus_profile(name: &str) -> anyhow::Result<Arc<Profile>> {
    let profile = super::profile_named(name)?;
    match profile.modbus() {
        Some(_) => Ok(profile),
        None => Err(anyhow!(
            "expected the profile of a Modbus device, got `{name}`, which sends messages by MQTT"
        )),
    }
}

async fn read(arguments: &ReadArguments, profile: Arc<Profile>) -> Result<Sample, DeviceError> {
    let usual = profile.modbus().and_then(|m| m.units.first().copied());
    let unit = arguments.unit.or(usual).unwrap_or(1);
    let Address { host, port } = &arguments.tcp;
    let endpoint = ModbusEndpoint::framed(host, *port, super::framing(arguments.rtu));
    let deadline = Instant::now() + DEADLINE;
    let read = endpoint.read(unit, profile, true, deadline).await?;
    Ok(read.sample)
}

fn written(time_ms: i64) -> String {
    DateTime::from_timestamp_millis(time_ms)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A reading as it is shown.
struct Shown<'a> {
    profile: &'a Profile,
    sample: &'a Sample,
    measured_at: String,
}

/// The form that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    profile: &'a str,
    measured_at: &'a str,
    identity: Identity<'a>,
    values: Values<'a>,
}

struct Identity<'a>(&'a Profile, &'a Sample);
struct Values<'a>(&'a Sample);

#[derive(Serialize)]
struct Entry<'a> {
    value: Option<i64>,
    state: &'static str,
    raw: &'a [u16],
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = Report {
            profile: self.profile.name(),
            measured_at: &self.measured_at,
            identity: Identity(self.profile, self.sample),
            values: Values(self.sample),
        };
        report.serialize(serializer)
    }
}

impl Serialize for Identity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(said(self.0, self.1))
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = |quantity: Quantity| (quantity.key(), entry(self.0, quantity));
        serializer.collect_map(Quantity::ALL.map(entry))
    }
}

/// What the device said about itself; a plausible voltage says nothing of who it is.
fn said<'a>(profile: &Profile, sample: &'a Sample) -> Vec<(&'a str, &'a str)> {
    let answers = sample.identity.answers.iter().zip(profile.identity());
    let names = answers.filter(|(_, check)| !matches!(check.expect, Some(Expectation::Range(..))));
    names
        .filter_map(|(answer, _)| Some((answer.what.as_str(), answer.got.as_deref()?)))
        .collect()
}

fn entry(sample: &Sample, quantity: Quantity) -> Entry<'_> {
    let (value, state) = match sample.get(quantity) {
        Measured::Value(value) => (Some(*value), "value"),
        Measured::Absent => (None, "absent"),
        Measured::Error(_) => (None, "error"),
    };
    let raw = match sample.raw(quantity) {
        Raw::Words(words) => words.as_slice(),
        Raw::Tokens(_) => &[],
    };
    Entry { value, state, raw }
}

impl Shown<'_> {
    fn table(&self) -> String {
        let mut text = format!("{}, {}\n", self.profile.title(), self.measured_at);
        for (what, got) in said(self.profile, self.sample) {
            text.push_str(&format!("{what}: {got}\n"));
        }
        text.push('\n');
        let head = ["quantity", "value", "unit", "state", "registers (hex)"];
        text.push_str(&row(&head.map(str::to_owned)));
        for quantity in Quantity::ALL {
            text.push_str(&row(&self.cells(quantity)));
        }
        let settles = match settles(self.profile, self.sample) {
            Ok(()) => format!("yes, in steps of {}", self.sample.resolution),
            Err(error) => format!("no: {error}"),
        };
        text.push_str(&format!("\nsettles: {settles}\n"));
        for quantity in Quantity::ALL {
            if let Measured::Error(error) = self.sample.get(quantity) {
                text.push_str(&format!("{}: {error}\n", quantity.name()));
            }
        }
        text
    }

    fn cells(&self, quantity: Quantity) -> [String; 5] {
        let entry = entry(self.sample, quantity);
        let is_signed = self.sample.signed(quantity) == self.sample.get(quantity);
        let state = if is_signed { entry.state } else { "uncertain" };
        let raw: Vec<String> = entry.raw.iter().map(|word| format!("{word:04x}")).collect();
        [
            quantity.name().to_owned(),
            entry
                .value
                .map_or_else(|| "-".to_owned(), |v| v.to_string()),
            unit(quantity).to_owned(),
            state.to_owned(),
            raw.join(" "),
        ]
    }
}

fn row([quantity, value, unit, state, raw]: &[String; 5]) -> String {
    let line = format!("{quantity:<12}{value:>14} {unit:<5} {state:<10} {raw}");
    format!("{}\n", line.trim_end())
}

const fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Import
        | Quantity::Export
        | Quantity::Pv
        | Quantity::Charge
        | Quantity::Discharge => "Wh",
        Quantity::Power => "W",
        Quantity::VoltageL1 | Quantity::VoltageL2 | Quantity::VoltageL3 => "mV",
        Quantity::Frequency => "mHz",
        Quantity::Soc => "\u{2030}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meter_gateway::decode::{Registers, decode_registers};
    use meter_gateway::plan::ReadRequest;
    use meter_gateway::profile::Function;
    use meter_gateway::shipped;
    use meter_gateway::sunspec::Layout;

    /// An SDM630 with these floats, high word first, at input registers.
    fn sdm630(floats: &[(u16, f32)]) -> (Arc<Profile>, Sample) {
        let profile = shipped::profile("eastron-sdm630").expect("shipped");
        let mut registers = Registers::new();
        for (address, value) in floats {
            let bits = value.to_bits();
            let words = vec![(bits >> 16) as u16, (bits & 0xffff) as u16];
            let request = ReadRequest {
                function: Function::Input,
                ..ReadRequest::holding(*address, 2)
            };
            registers.add(request, words);
        }
        let sample = decode_registers(&profile, &Layout::Fixed, &registers);
        (profile, sample)
    }

    #[test]
    fn the_object_has_every_key_and_absent_is_not_zero() {
        let (profile, sample) = sdm630(&[(0x48, 1234.5), (0x4a, -1.0), (0x34, f32::NAN)]);
        let shown = Shown {
            profile: &profile,
            sample: &sample,
            measured_at: written(1_781_514_000_250),
        };
        let text = serde_json::to_string(&shown).expect("written");
        let object: serde_json::Value = serde_json::from_str(&text).expect("read");
        assert_eq!(object["profile"], "eastron-sdm630");
        assert_eq!(object["measured_at"], "2026-06-15T09:00:00.250Z");
        assert!(object["identity"].is_object());
        let values = object["values"].as_object().expect("an object");
        let keys: Vec<&str> = Quantity::ALL.map(Quantity::key).to_vec();
        assert!(keys.iter().all(|key| values.contains_key(*key)) && values.len() == keys.len());
        let expect = |key: &str, text: &str| assert_eq!(values[key].to_string(), text, "{key}");
        let raw = r#"{"raw":[17562,20480],"state":"value","value":1234500}"#;
        expect("import_wh", raw);
        expect(
            "export_wh",
            r#"{"raw":[49024,0],"state":"error","value":null}"#,
        );
        expect(
            "power_w",
            r#"{"raw":[32704,0],"state":"absent","value":null}"#,
        );
        expect(
            "soc_permille",
            r#"{"raw":[],"state":"absent","value":null}"#,
        );
    }

    #[test]
    fn the_table_shows_registers_beside_values_and_what_settles() {
        let (profile, sample) = sdm630(&[(0x48, 1234.5), (0x4a, 2.0)]);
        let shown = Shown {
            profile: &profile,
            sample: &sample,
            measured_at: String::new(),
        };
        let table = shown.table();
        let line = "import             1234500 Wh    value      449a 5000\n";
        assert!(table.contains(line), "{table}");
        assert!(table.contains("settles: yes"), "{table}");
        let (profile, sample) = sdm630(&[(0x48, -1.0), (0x4a, 2.0)]);
        let shown = Shown {
            profile: &profile,
            sample: &sample,
            measured_at: String::new(),
        };
        let table = shown.table();
        for part in [
            "settles: no: ",
            "import: expected a counter from 0 on, got -1000",
        ] {
            assert!(table.contains(part), "{part}\n{table}");
        }
    }

    #[test]
    fn only_the_profile_of_a_modbus_device_can_be_read() {
        assert!(modbus_profile("sunspec").is_ok());
        let error = modbus_profile("tasmota-sml").expect_err("MQTT").to_string();
        assert!(error.contains("`tasmota-sml`"), "{error}");
    }
}
