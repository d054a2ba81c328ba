//! The devices of a gateway: each with its profile, and the link over which it is read. Devices behind
//! one endpoint or one broker share its connection.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::config::{BrokerConfig, DeviceConfig, Endpoint, GatewayConfig};
use crate::modbus::{Framing, ModbusEndpoint};
use crate::mqtt_device::{MqttDevice, MqttListener};
use crate::profile::{Profile, ProfileError};
use crate::shipped;

use super::{Gateway, GatewayError};

pub(super) struct Device {
    pub(super) config: DeviceConfig,
    pub(super) profile: Arc<Profile>,
    pub(super) link: Option<Link>,
    pub(super) failed_rounds: u32,
    pub(super) rest_until: Instant,
}

#[derive(Clone)]
pub(super) enum Link {
    Modbus(ModbusEndpoint, u8),
    Mqtt(MqttDevice),
}

impl Gateway {
    pub(super) fn connect_devices(&mut self) {
        let mut endpoints: BTreeMap<(String, u16, Framing), ModbusEndpoint> = BTreeMap::new();
        let mut listeners: BTreeMap<(String, u16), MqttListener> = BTreeMap::new();
        for device in &mut self.devices {
            let link = match &device.config.endpoint {
                Endpoint::Modbus { host, port, unit }
                | Endpoint::RtuOverTcp { host, port, unit } => {
                    let framing = match device.config.endpoint {
                        Endpoint::RtuOverTcp { .. } => Framing::Rtu,
                        Endpoint::Modbus { .. } | Endpoint::Mqtt { .. } => Framing::Tcp,
                    };
                    let endpoint = endpoints
                        .entry((host.clone(), *port, framing))
                        .or_insert_with(|| ModbusEndpoint::framed(host, *port, framing));
                    Some(Link::Modbus(endpoint.clone(), *unit))
                }
                Endpoint::Mqtt {
                    device: name,
                    host,
                    port,
                } => {
                    let (host, port) = broker_of(&self.config.broker, host.as_ref(), *port);
                    let listener = listeners.entry((host, port)).or_default();
                    // `Device::open` has checked that profile and endpoint fit.
                    listener
                        .device(Arc::clone(&device.profile), name)
                        .ok()
                        .map(Link::Mqtt)
                }
            };
            device.link = link;
        }
        for (number, ((host, port), listener)) in listeners.into_iter().enumerate() {
            let client_id = format!("devices-{}-{number}", self.config.gateway);
            listener.start(&host, port, &client_id, self.clock.clone());
        }
    }
}

impl Device {
    pub(super) fn open(
        gateway: &GatewayConfig,
        config: &DeviceConfig,
    ) -> Result<Self, GatewayError> {
        let profile = profile_of(gateway, config)?;
        let (expected, got) = match (&config.endpoint, profile.modbus().is_some()) {
            (Endpoint::Modbus { .. } | Endpoint::RtuOverTcp { .. }, true)
            | (Endpoint::Mqtt { .. }, false) => ("", ""),
            (Endpoint::Modbus { .. }, false) => ("mqtt", "modbus"),
            (Endpoint::RtuOverTcp { .. }, false) => ("mqtt", "rtu_over_tcp"),
            (Endpoint::Mqtt { .. }, true) => ("modbus", "mqtt"),
        };
        if expected != got {
            let (device, profile) = (config.name.clone(), config.profile.clone());
            return Err(GatewayError::Endpoint {
                device,
                profile,
                expected,
                got,
            });
        }
        Ok(Self {
            config: config.clone(),
            profile,
            link: None,
            failed_rounds: 0,
            rest_until: Instant::now(),
        })
    }
}

/// The device's profile: from the user's folder if there is one of that name, else a shipped one.
fn profile_of(
    gateway: &GatewayConfig,
    device: &DeviceConfig,
) -> Result<Arc<Profile>, GatewayError> {
    let wrong = |source: ProfileError| GatewayError::Profile {
        device: device.name.clone(),
        source: Box::new(source),
    };
    if let Some(path) = gateway
        .profiles
        .as_ref()
        .map(|folder| folder.join(format!("{}.toml", device.profile)))
    {
        let shown = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                return Profile::from_toml(&shown, &text)
                    .map(Arc::new)
                    .map_err(wrong);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(GatewayError::ProfileFile {
                    device: device.name.clone(),
                    path: shown,
                    source,
                });
            }
        }
    }
    shipped::profile(&device.profile).map_err(wrong)
}

fn broker_of(own: &BrokerConfig, host: Option<&String>, port: Option<u16>) -> (String, u16) {
    (host.unwrap_or(&own.host).clone(), port.unwrap_or(own.port))
}
