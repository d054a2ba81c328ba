//! `commonwatt gateway detect`: what answers behind an address, and a configuration to paste.

use std::process::ExitCode;
use std::time::Duration;

use meter_gateway::detect::{Found, Search, search, usual_units};
use meter_gateway::modbus::ModbusEndpoint;
use tokio::time::Instant;

use super::{Address, quoted};

/// No unit is asked after this, where nobody names the units: the whole takes less than 10 s.
const DEADLINE: Duration = Duration::from_secs(7);
/// The same, for named units: long enough for all 247.
const DEADLINE_NAMED: Duration = Duration::from_secs(600);

/// Find out what answers behind an address, and print a configuration for it.
///
/// Exit code 0: something was found. 1: nothing was, and why. 2: the arguments cannot be.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DetectArguments {
    /// Where it listens for Modbus TCP; port 502 unless another one is given.
    #[arg(value_name = "HOST[:PORT]")]
    address: Address,
    /// The unit ids to ask, with commas between them; the usual ones unless given.
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    units: Vec<u8>,
    /// It is an RS-485 adapter that sends the frames of the serial line as they are.
    #[arg(long)]
    rtu: bool,
}

pub(super) fn run(arguments: &DetectArguments) -> anyhow::Result<ExitCode> {
    let (units, within) = if arguments.units.is_empty() {
        (usual_units(), DEADLINE)
    } else {
        (arguments.units.clone(), DEADLINE_NAMED)
    };
    let found = super::runtime()?.block_on(async {
        let Address { host, port } = &arguments.address;
        let endpoint = ModbusEndpoint::framed(host, *port, super::framing(arguments.rtu));
        search(&endpoint, &units, Instant::now() + within).await
    });
    let search = match found {
        Ok(search) => search,
        Err(error) => {
            eprintln!("error: {error}");
            return Ok(ExitCode::FAILURE);
        }
    };
    if search.found.is_empty() {
        let asked = &units[..units.len() - search.not_asked.len()];
        eprintln!(
            "error: expected a Modbus device at {}, none of the units {} answered",
            arguments.address,
            joined(asked)
        );
        return Ok(ExitCode::FAILURE);
    }
    let kind = if arguments.rtu {
        "rtu_over_tcp"
    } else {
        "modbus"
    };
    crate::cli::say(shown(kind, &arguments.address, &search).trim_end());
    Ok(ExitCode::SUCCESS)
}

fn joined(units: &[u8]) -> String {
    let units: Vec<String> = units.iter().map(u8::to_string).collect();
    units.join(", ")
}

/// What was found as comments of a configuration, so that the whole can be pasted.
fn shown(kind: &str, address: &Address, search: &Search) -> String {
    let mut text = String::new();
    for (number, found) in search.found.iter().enumerate() {
        for line in about(found) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&block(kind, address, found, number + 1));
        text.push('\n');
    }
    if !search.not_asked.is_empty() {
        let rest = joined(&search.not_asked).replace(' ', "");
        text.push_str(&format!(
            "# There was no time for other unit ids; to ask them too: --units {rest}\n"
        ));
    }
    text
}

fn about(found: &Found) -> Vec<String> {
    let mut lines = vec![match found.units.as_slice() {
        [unit] => format!("unit {unit}"),
        units => format!("units {}, all the same device", joined(units)),
    }];
    if let Some([maker, model, _]) = &found.common {
        lines.push(format!("maker: {maker}, model: {model}"));
    }
    if let Some(serial) = found.serial() {
        lines.push(format!("serial number: {serial}"));
    }
    let said = found.identity.answers.iter();
    for answer in said.filter(|answer| answer.what != "serial") {
        if let Some(got) = &answer.got {
            lines.push(format!("{}: {got}", answer.what));
        }
    }
    for model in found.models.iter() {
        if let Some(title) = model.title() {
            lines.push(format!("SunSpec model {}: {title}", model.id));
        }
    }
    match &found.profile {
        None => lines.push("no shipped profile fits".to_owned()),
        Some(profile) => lines.push(format!("profile: {}, {}", profile.name(), profile.title())),
    }
    if !found.others.is_empty() {
        lines.push(format!("fits less well: {}", found.others.join(", ")));
    }
    lines
}

/// The `[[devices]]` block of what was found; none where no profile fits.
fn block(kind: &str, address: &Address, found: &Found, number: usize) -> String {
    let (Some(profile), Some(unit)) = (&found.profile, found.units.first()) else {
        return String::new();
    };
    let (host, port) = (&address.host, address.port);
    let name = match found.serial() {
        Some(serial) => format!("{} {serial}", profile.name()),
        None => format!("{} {number}", profile.name()),
    };
    format!(
        "[[devices]]\n\
         name = {}\n\
         # Put the meter's id here: `gateway enrol` gets it from the node.\n\
         meter = \"{number:032x}\"\n\
         profile = \"{}\"\n\
         endpoint = {{ {kind} = {{ host = {}, port = {port}, unit = {unit} }} }}\n",
        quoted(&name),
        profile.name(),
        quoted(host),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use meter_gateway::decode::Identity;
    use meter_gateway::sunspec::Model;
    use meter_gateway::{Endpoint, GatewayConfig, shipped};

    fn found(unit: u8, profile: &str, serial: &str) -> Found {
        Found {
            units: vec![unit],
            profile: shipped::profile(profile).ok(),
            others: vec!["sma-inverter".to_owned()],
            identity: Identity::default(),
            common: Some(["Acme \"A\"".into(), "M1".into(), serial.into()]),
            models: vec![Model {
                id: 203,
                address: 40_070,
                length: 105,
            }],
        }
    }

    #[test]
    fn what_is_printed_is_a_configuration_that_run_accepts() {
        let search = Search {
            found: vec![
                found(1, "sunspec", "a \"quoted\" one"),
                found(7, "abb-b23", ""),
                found(9, "nowhere", ""),
            ],
            not_asked: vec![3, 4],
        };
        let address = "meter.lan:1502".parse().expect("an address");
        let text = shown("modbus", &address, &search);
        for part in [
            "# unit 1\n",
            "# SunSpec model 203: meter, three phases, star\n",
            "# fits less well: sma-inverter\n",
            "# no shipped profile fits\n",
            "--units 3,4",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let example = include_str!("../../../meter-gateway/gateway.example.toml");
        let (head, _) = example.split_once("[[devices]]").expect("has devices");
        let config = GatewayConfig::from_toml("detected", &format!("{head}{text}"))
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(config.devices.len(), 2);
        let endpoint = Endpoint::Modbus {
            host: "meter.lan".to_owned(),
            port: 1_502,
            unit: 7,
        };
        assert_eq!(config.devices[1].endpoint, endpoint);
        assert_eq!(config.devices[1].profile, "abb-b23");
        let text = shown("rtu_over_tcp", &address, &search);
        let config = GatewayConfig::from_toml("detected", &format!("{head}{text}"))
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        let endpoint = Endpoint::RtuOverTcp {
            host: "meter.lan".to_owned(),
            port: 1_502,
            unit: 7,
        };
        assert_eq!(config.devices[1].endpoint, endpoint);
    }
}
