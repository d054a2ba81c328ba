//! `commonwatt gateway`: a household's gateway alone, on real time, and what an installer needs for it.

mod detect;
mod enrol;
mod profiles;
mod read;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use meter_gateway::clock::{followed_clock, system_clock};
use meter_gateway::modbus::Framing;
use meter_gateway::node_client::NodeClient;
use meter_gateway::{Gateway, GatewayConfig, GatewayStatus, Profile, shipped};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Exit code for arguments that cannot be.
const BAD_ARGUMENTS: u8 = 2;

#[derive(Debug, clap::Subcommand)]
pub(super) enum GatewayCommand {
    /// Read the meters of a configuration, sign what they say and send it, until stopped.
    Run {
        /// The configuration, as explained in meter-gateway/gateway.example.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// List the device profiles that come with the program, or print one of them.
    Profiles(profiles::ProfilesArguments),
    /// Read a Modbus device once and show what it says, registers beside values.
    Read(read::ReadArguments),
    /// Find out what answers behind an address, and print a configuration for it.
    Detect(detect::DetectArguments),
    /// Redeem an invitation: make a key, show it to the node, and write a configuration.
    Enrol(enrol::EnrolArguments),
}

pub(super) fn run(command: GatewayCommand) -> anyhow::Result<ExitCode> {
    match command {
        GatewayCommand::Run { config } => forever(&config).map(|()| ExitCode::SUCCESS),
        GatewayCommand::Profiles(arguments) => Ok(profiles::run(&arguments)),
        GatewayCommand::Read(arguments) => read::run(&arguments),
        GatewayCommand::Detect(arguments) => detect::run(&arguments),
        GatewayCommand::Enrol(arguments) => enrol::run(&arguments),
    }
}

/// Says what an installer waits for: the first reading of every device, the broker, the first receipt.
async fn tell(mut status: watch::Receiver<GatewayStatus>) {
    let mut read = BTreeSet::new();
    let (mut was_up, mut was_receipted) = (false, false);
    loop {
        let now = status.borrow_and_update().clone();
        for device in now.devices.iter().filter(|d| d.last_read_ms.is_some()) {
            if read.insert(device.meter) {
                eprintln!("{}: first reading signed", device.name);
            }
        }
        if now.uplink_up != was_up {
            was_up = now.uplink_up;
            eprintln!(
                "broker: {}",
                if was_up {
                    "connected"
                } else {
                    "not connected, batches wait in the outbox"
                }
            );
        }
        if now.receipted_through > 0 && !was_receipted {
            was_receipted = true;
            eprintln!("node: receipts up to batch {}", now.receipted_through);
        }
        if status.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

fn forever(config: &std::path::Path) -> anyhow::Result<()> {
    super::log_to_stderr();
    let name = config.display().to_string();
    let text = std::fs::read_to_string(config).with_context(|| format!("reading {name}"))?;
    let config = GatewayConfig::from_toml(&name, &text)?;
    let interval = config.zone.document()?.interval;
    runtime()?.block_on(async {
        let clock = match &config.clock {
            Some(node) => followed_clock(NodeClient::new(node)?, interval).await?,
            None => system_clock(interval),
        };
        let (stop, shutdown) = watch::channel(false);
        let (devices, broker) = (config.devices.len(), config.broker.clone());
        let (gateway, status) = Gateway::open(config, clock)?;
        eprintln!(
            "devices: {devices}; batches go to {}:{}",
            broker.host, broker.port
        );
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            () = gateway.run(shutdown) => {}
            () = tell(status) => {}
            asked = tokio::signal::ctrl_c() => asked?,
            _ = terminate.recv() => {}
        }
        stop.send_replace(true);
        Ok(())
    })
}

fn runtime() -> anyhow::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime)
}

/// The profile of this name, or in this file where the name ends in `.toml`.
fn profile_named(name: &str) -> anyhow::Result<Arc<Profile>> {
    if std::path::Path::new(name)
        .extension()
        .is_some_and(|end| end == "toml")
    {
        let text = std::fs::read_to_string(name).with_context(|| format!("reading {name}"))?;
        return Ok(Arc::new(Profile::from_toml(name, &text)?));
    }
    Ok(shipped::profile(name)?)
}

/// Says what is wrong with the arguments, as the argument parser does.
fn bad_arguments(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(BAD_ARGUMENTS)
}

/// How the frames are laid out.
const fn framing(is_rtu: bool) -> Framing {
    if is_rtu { Framing::Rtu } else { Framing::Tcp }
}

/// A TOML string on one line: JSON's escapes are TOML's too, but for one character.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text.replace('\u{7f}', "")).to_string()
}

/// Name or address and port of a device, with the port of Modbus TCP where none is given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    /// As it is written in front of a port: an IPv6 address stands in brackets.
    host: String,
    port: u16,
}

impl std::str::FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MODBUS_PORT: u16 = 502;
        let wrong = || format!("expected HOST or HOST:PORT, got `{text}`");
        let after_bracket = text.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match text[after_bracket..].rfind(':') {
            Some(colon) => {
                let (host, port) = text.split_at(after_bracket + colon);
                (host, port[1..].parse().map_err(|_| wrong())?)
            }
            None => (text, MODBUS_PORT),
        };
        let is_bare = !host.starts_with('[') && host.contains(':');
        if host.is_empty() || is_bare || port == 0 || host.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_or_gets_that_of_modbus() {
        let parsed = |text: &str| text.parse::<Address>().map(|a| a.to_string());
        assert_eq!(parsed("192.168.1.20"), Ok("192.168.1.20:502".to_owned()));
        assert_eq!(parsed("meter.lan:1502"), Ok("meter.lan:1502".to_owned()));
        assert_eq!(parsed("[::1]:1502"), Ok("[::1]:1502".to_owned()));
        assert_eq!(parsed("[::1]"), Ok("[::1]:502".to_owned()));
        for wrong in ["", ":502", "meter:", "meter:70000", "meter:0", "::1", "a b"] {
            let error = parsed(wrong).expect_err(wrong);
            assert!(error.contains(&format!("got `{wrong}`")), "{error}");
        }
    }

    #[test]
    fn a_string_stays_one_string_on_one_line() {
        for text in [
            "plain",
            "x\"\n[evil]\nport = 1",
            "\\ \t \r \u{1} /",
            "Zähler \u{1f50c}",
        ] {
            let line = format!("key = {}", quoted(text));
            assert_eq!(line.lines().count(), 1, "{line}");
            let table: toml::Table = toml::from_str(&line).expect(text);
            assert_eq!(table["key"].as_str(), Some(text));
        }
        assert_eq!(quoted("a\u{7f}b"), "\"ab\"");
    }

    #[test]
    fn a_profile_has_a_name_or_is_a_file() {
        assert!(profile_named("sunspec").is_ok());
        let error = format!("{:#}", profile_named("sdm").expect_err("unknown"));
        assert!(error.contains("eastron-sdm630"), "{error}");
        let error = format!("{:#}", profile_named("./nowhere.toml").expect_err("none"));
        assert!(error.contains("reading ./nowhere.toml"), "{error}");
    }
}
