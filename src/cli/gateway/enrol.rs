//! `commonwatt gateway enrol`: redeems an invitation and writes the gateway's configuration.
//!
//! The file is the example with this gateway's values in place of the example's, so every key stays
//! explained. What nobody but the installer knows, profile and endpoint of each meter, is left as a
//! comment, and `gateway run` refuses the file until it is filled in.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use meter_gateway::keys::load_or_create;
use meter_gateway::node_client::{Enrolled, EntrustedMeter, NodeClient};

use super::quoted;

const EXAMPLE: &str = include_str!("../../../meter-gateway/gateway.example.toml");
const DEVICE: &str = "[[devices]]\n";

/// Redeem an invitation: make a key, show it to the node, and write a configuration.
///
/// Exit code 0: the configuration is written. 1: it is not, and why. 2: the arguments cannot be.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct EnrolArguments {
    /// The node that has sent the invitation.
    #[arg(long, value_name = "URL")]
    node: String,
    /// The one-time token of the invitation.
    #[arg(long)]
    token: String,
    /// The gateway's private key; made if it is missing.
    #[arg(long, value_name = "FILE", default_value = "gateway.key")]
    key_file: PathBuf,
    /// Where the configuration is written; a file that is there is left alone.
    #[arg(long, value_name = "FILE", default_value = "gateway.toml")]
    out: PathBuf,
}

pub(super) fn run(arguments: &EnrolArguments) -> anyhow::Result<ExitCode> {
    let node = match NodeClient::new(&arguments.node) {
        Ok(node) => node,
        Err(error) => return Ok(super::bad_arguments(&error.into())),
    };
    let shown = arguments.out.display();
    // A token is good once, so everything that can fail here comes before it is shown.
    let key_file = std::path::absolute(&arguments.key_file)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&arguments.out)
        .with_context(|| format!("making {shown}; a file that is there is not overwritten"))?;
    let written = redeem(&node, &arguments.token, &key_file).and_then(|text| {
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .with_context(|| format!("writing {shown}"))
    });
    if let Err(error) = written {
        // It is empty, and was made here.
        let _ = std::fs::remove_file(&arguments.out);
        return Err(error);
    }
    crate::cli::say(&format!(
        "{shown} is written. Next: fill in profile and endpoint of each [[devices]]\n\
         (`commonwatt gateway detect ADDRESS` finds them), then\n\
         commonwatt gateway run --config {shown}"
    ));
    Ok(ExitCode::SUCCESS)
}

fn redeem(node: &NodeClient, token: &str, key_file: &Path) -> anyhow::Result<String> {
    let key = load_or_create(key_file)?;
    let enrolled = super::runtime()?.block_on(node.enrol(token, &key))?;
    configuration(&enrolled, key_file)
}

/// The example's text with this gateway's values.
fn configuration(enrolled: &Enrolled, key_file: &Path) -> anyhow::Result<String> {
    let (head, devices) = EXAMPLE
        .split_once(DEVICE)
        .ok_or_else(|| anyhow!("expected a device in the example of a configuration, got none"))?;
    let (_, head) = head.split_once('\n').unwrap_or(("", head));
    let device = devices.split(DEVICE).next().unwrap_or(devices).trim_end();
    let zone = &enrolled.zone_document;
    let outbox = key_file.with_file_name("outbox");
    let values = [
        ("", "gateway", quoted(&enrolled.gateway)),
        ("", "key_file", quoted(&key_file.display().to_string())),
        ("", "node_key", quoted(&enrolled.node_key)),
        ("", "outbox", quoted(&outbox.display().to_string())),
        ("zone", "name", quoted(&zone.name)),
        ("zone", "chain_id", zone.chain_id.to_string()),
        ("zone", "settlement", quoted(&zone.settlement)),
        ("zone", "valid_from", zone.valid_from.to_string()),
        ("zone", "interval_s", zone.interval_s.to_string()),
        ("broker", "host", quoted(&enrolled.broker.host)),
        ("broker", "port", enrolled.broker.port.to_string()),
    ];
    let mut text = values
        .iter()
        .try_fold(head.to_owned(), |text, (table, key, value)| {
            replaced(&text, table, key, &format!("{key} = {value}"))
        })?;
    text.insert_str(0, "# The configuration of a gateway, from its enrolment. What is marked \"default\" can be left out.\n");
    for (number, meter) in enrolled.meters.iter().enumerate() {
        let block = device_block(device, meter, number)?;
        text.push_str(&format!("{DEVICE}{block}\n\n"));
    }
    Ok(text.trim_end().to_owned() + "\n")
}

fn device_block(example: &str, meter: &EntrustedMeter, number: usize) -> anyhow::Result<String> {
    let name = match number {
        0 => meter.role.clone(),
        _ => format!("{} {}", meter.role, number + 1),
    };
    let lines = [
        ("name", format!("name = {}", quoted(&name))),
        ("meter", format!("meter = {}", quoted(&meter.meter))),
        (
            "profile",
            "# What device it is, a name from `commonwatt gateway profiles`, and where.\n\
             # `commonwatt gateway detect ADDRESS` finds both; fill them in.\n\
             # profile = \"eastron-sdm630\""
                .to_owned(),
        ),
        (
            "endpoint",
            "# endpoint = { modbus = { host = \"192.168.1.20\", port = 502, unit = 1 } }"
                .to_owned(),
        ),
    ];
    lines
        .iter()
        .try_fold(example.to_owned(), |text, (key, line)| {
            replaced(&text, "", key, line)
        })
}

/// The text with another line for a key of a table; `table` is empty for what stands before the first.
fn replaced(text: &str, table: &str, key: &str, line: &str) -> anyhow::Result<String> {
    let mut within = "";
    let mut found = false;
    let mut lines = Vec::new();
    for old in text.lines() {
        if let Some(name) = old.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            within = name;
        }
        let is_it = within == table && old.split_once('=').is_some_and(|(k, _)| k.trim() == key);
        found |= is_it;
        lines.push(if is_it { line } else { old });
    }
    if found {
        Ok(lines.join("\n") + "\n")
    } else {
        Err(anyhow!(
            "expected `{key}` in the example of a configuration, got none"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meter_gateway::GatewayConfig;
    use meter_gateway::node_client::{BrokerAddress, ZoneBody};

    fn enrolled() -> Enrolled {
        let meter = |digit: &str, role: &str| EntrustedMeter {
            meter: digit.repeat(32),
            role: role.to_owned(),
        };
        Enrolled {
            gateway: "ab".repeat(16),
            zone_document: ZoneBody {
                name: "oak-street".to_owned(),
                chain_id: 5,
                settlement: "cd".repeat(20),
                valid_from: 1_781_514_900,
                interval_s: 300,
            },
            node_key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".to_owned(),
            meters: vec![meter("1", "connection-point"), meter("2", "generation")],
            broker: BrokerAddress {
                host: "broker.lan".to_owned(),
                port: 8_883,
            },
        }
    }

    #[test]
    fn the_configuration_is_refused_until_the_devices_are_filled_in_and_then_accepted() {
        let key_file = Path::new("/srv/gateway/gateway.key");
        let text = configuration(&enrolled(), key_file).expect("made");
        let error = GatewayConfig::from_toml("gateway.toml", &text)
            .expect_err("not filled in")
            .to_string();
        assert!(error.contains("missing field `profile`"), "{error}");
        let text = text.replace("# profile =", "profile =");
        let error = GatewayConfig::from_toml("gateway.toml", &text)
            .expect_err("not filled in")
            .to_string();
        assert!(error.contains("missing field `endpoint`"), "{error}");
        let text = text.replace("# endpoint =", "endpoint =");
        let config = GatewayConfig::from_toml("gateway.toml", &text)
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(config.gateway.to_string(), "ab".repeat(16));
        assert_eq!(config.key_file, key_file);
        assert_eq!(config.outbox, Path::new("/srv/gateway/outbox"));
        assert_eq!(config.zone.name.to_string(), "oak-street");
        assert_eq!((config.zone.chain_id, config.zone.interval_s), (5, 300));
        assert_eq!(config.zone.valid_from, 1_781_514_900);
        assert_eq!(
            (config.broker.host.as_str(), config.broker.port),
            ("broker.lan", 8_883)
        );
        let names: Vec<&str> = config.devices.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["connection-point", "generation 2"]);
    }

    #[test]
    fn every_key_of_the_example_stays_explained() {
        let text = configuration(&enrolled(), Path::new("gateway.key")).expect("made");
        let head = EXAMPLE.split(DEVICE).next().expect("a head");
        for line in head.lines().skip(1).filter(|line| line.starts_with('#')) {
            assert!(text.contains(line), "{line}");
        }
        assert!(!text.contains("elm-street"), "{text}");
    }

    #[test]
    fn a_name_from_the_node_cannot_add_keys() {
        let mut enrolled = enrolled();
        enrolled.broker.host = "x\"\nport = 1\n[evil]\n".to_owned();
        let text = configuration(&enrolled, Path::new("gateway.key")).expect("made");
        let table: toml::Table = toml::from_str(&text).expect("TOML");
        assert!(!table.contains_key("evil"), "{text}");
        assert_eq!(table["broker"]["port"].as_integer(), Some(8_883));
    }

    #[test]
    fn a_file_that_is_there_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("gateway.toml");
        std::fs::write(&out, "mine").expect("written");
        let arguments = EnrolArguments {
            node: "http://127.0.0.1:9".to_owned(),
            token: "t".to_owned(),
            key_file: folder.path().join("gateway.key"),
            out: out.clone(),
        };
        let error = format!("{:#}", run(&arguments).expect_err("there"));
        assert!(error.contains("not overwritten"), "{error}");
        assert_eq!(std::fs::read_to_string(&out).expect("there"), "mine");
        std::fs::remove_file(&out).expect("removed");
        assert!(run(&arguments).is_err(), "nobody answers");
        assert!(!out.exists(), "nothing is left behind");
    }
}
