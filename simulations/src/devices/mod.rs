//! The meters of a street as real devices: Modbus TCP servers and MQTT publishers on loopback.
//!
//! A device has no time of its own. It follows grid time through a watch channel and computes its
//! registers for the instant at which it is asked, so that what it says depends on (seed, grid time)
//! alone. Devices stop when the sender of the clock is dropped.
//!
//! tokio-modbus' server sends each answer by itself, so connections are set to TCP_NODELAY; without it
//! answers that follow each other wait about 40 ms for an acknowledgement.

mod fault;
mod json_meter;
mod modbus_server;
mod sdm630;
mod sunspec;

use std::{net::SocketAddr, sync::Arc};

use energy_core::HomeId;
use tokio::sync::watch;

use crate::homes::{Device, DeviceKind, DeviceRole, Home, Street};

pub use fault::{Fault, FaultSwitch};
pub use json_meter::topic;

/// The Modbus unit id of every virtual device.
pub const MODBUS_UNIT: u8 = 1;

/// The virtual devices could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No port could be had for a device.
    #[error("device `{name}` expected a free port on 127.0.0.1: {source}")]
    Listen {
        /// Which device.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Where a device can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Modbus TCP server.
    Modbus {
        /// Where it listens.
        address: SocketAddr,
        /// Which unit it is.
        unit: u8,
    },
    /// A publisher on the broker.
    Mqtt {
        /// What it publishes to.
        topic: String,
    },
}

/// A running device.
#[derive(Debug, Clone)]
pub struct VirtualDevice {
    /// Whose meter it is.
    pub home: HomeId,
    /// What the meter is for.
    pub role: DeviceRole,
    /// Its name on the street: `elm-street-7-grid`.
    pub name: String,
    /// The device profile that reads it: `eastron-sdm630`, `sunspec` or `json-meter`.
    pub profile: &'static str,
    /// Where it can be read.
    pub endpoint: Endpoint,
    /// Makes it fail, for tests.
    pub faults: FaultSwitch,
}

/// What a device needs to answer: its home, grid time, and whether it is to fail.
#[derive(Debug, Clone)]
struct Meter {
    street: Arc<Street>,
    home: Home,
    device: Device,
    clock: watch::Receiver<i64>,
    faults: FaultSwitch,
}

/// Starts every meter of the street. `clock` is grid time in ms UTC; `broker` is where the JSON
/// meters publish (host, port), and without one they are left out.
///
/// # Errors
/// [`ServeError::Listen`] when a port cannot be had. A broker that is not there is no error: the
/// meters try again once a second.
pub async fn serve(
    street: Arc<Street>,
    clock: watch::Receiver<i64>,
    broker: Option<(String, u16)>,
) -> Result<Vec<VirtualDevice>, ServeError> {
    let mut running = Vec::new();
    for home in street.homes() {
        for device in &home.devices {
            let faults = FaultSwitch::default();
            let meter = Meter {
                street: Arc::clone(&street),
                home: home.clone(),
                device: device.clone(),
                clock: clock.clone(),
                faults: faults.clone(),
            };
            let endpoint = match (device.kind, &broker) {
                (DeviceKind::Sdm630 | DeviceKind::SunSpec, _) => {
                    modbus_server::start(meter).await?
                }
                (DeviceKind::JsonMqtt, Some(broker)) => json_meter::start(meter, broker),
                (DeviceKind::JsonMqtt, None) => continue,
            };
            running.push(VirtualDevice {
                home: home.id,
                role: device.role,
                name: device.name.clone(),
                profile: device.kind.profile(),
                endpoint,
                faults,
            });
        }
    }
    Ok(running)
}

#[cfg(test)]
mod tests;
