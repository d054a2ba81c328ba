//! The embedded MQTT broker of the demo: rumqttd on a loopback port, in this process.
//!
//! It keeps nothing on disk and need not: a reading is done when the node's receipt is there, not
//! when a broker has acknowledged it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// Starts the broker on a free loopback port, in a thread of its own, and returns the port once it
/// accepts connections.
///
/// # Errors
/// If no port can be had or the broker does not come up within five seconds.
pub(super) fn start() -> anyhow::Result<u16> {
    let port = free_port()?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut broker = Broker::new(config(listen));
    std::thread::Builder::new()
        .name("mqtt-broker".to_owned())
        .spawn(move || {
            if let Err(error) = broker.start() {
                tracing::error!(%error, "the embedded MQTT broker stopped");
            }
        })
        .context("starting the embedded MQTT broker's thread")?;
    let deadline = Instant::now() + Duration::from_secs(5);
    while std::net::TcpStream::connect(listen).is_err() {
        anyhow::ensure!(
            Instant::now() < deadline,
            "the embedded MQTT broker did not listen on {listen} within 5 s"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(port)
}

/// rumqttd does not say which port it got for port 0, so one is chosen for it.
fn free_port() -> anyhow::Result<u16> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .context("looking for a free port for the MQTT broker")?;
    Ok(probe.local_addr()?.port())
}

fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 10_000,
        max_payload_size: 1 << 20,
        max_inflight_count: 200,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings {
        name: "v4".to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 0,
        connections,
    };
    Config {
        // A delivered message stays in memory until its segment is full, for every filter: few and small.
        router: RouterConfig {
            max_connections: 10_000,
            max_outgoing_packet_count: 200,
            max_segment_size: 256 * 1_024,
            max_segment_count: 4,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("loopback".to_owned(), server)])),
        ..Config::default()
    }
}
