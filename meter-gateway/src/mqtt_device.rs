//! Devices that speak by themselves: JSON by MQTT.
//!
//! One connection for each broker subscribes to the topics of its devices and lays each message over
//! what was known. A read takes what is there, or waits for the message of a boundary.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, NetworkOptions, Packet, QoS};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::clock::{Tick, system_now_ms};
use crate::decode::{Sample, decode_tokens};
use crate::poller::{DeviceError, Message, read_message};
use crate::profile::{MqttManners, Profile};

const PACKET_BYTES_MAX: usize = 256 * 1_024;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(10);

/// What a device last said.
#[derive(Debug, Clone, Default)]
struct Overlay {
    message: Option<Message>,
    received_ms: i64,
    /// Why the newest message could not be read.
    error: Option<DeviceError>,
}

/// What a read is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Exactly this instant (ms since 1970 UTC): the clock stands there until it was read.
    At(i64),
    /// The newest, if it is no older than the profile allows at this instant.
    Newest(i64),
}

/// A sample with its own time.
#[derive(Debug, Clone)]
pub struct MqttRead {
    /// What the device said.
    pub sample: Sample,
    /// When that was, in ms since 1970 UTC: its own time where it names one, else when it came.
    pub time_ms: i64,
    /// When the message came, in ms since 1970 UTC.
    pub received_ms: i64,
}

/// One device behind a broker.
#[derive(Debug, Clone)]
pub struct MqttDevice {
    topic: String,
    profile: Arc<Profile>,
    overlay: watch::Receiver<Overlay>,
}

impl MqttDevice {
    /// Reads the device.
    ///
    /// # Errors
    /// [`DeviceError`], at the latest at `deadline`.
    pub async fn read(&self, want: Want, deadline: Instant) -> Result<MqttRead, DeviceError> {
        let mut overlay = self.overlay.clone();
        loop {
            let now = overlay.borrow_and_update().clone();
            let silent = |wanted: String| match (&now.error, &now.message) {
                (Some(error), _) => error.clone(),
                (None, None) => self.silent(wanted, "none yet".to_owned()),
                (None, Some(message)) => {
                    let last = message.time_ms.unwrap_or(now.received_ms);
                    self.silent(wanted, format!("the last one of {last} ms"))
                }
            };
            let time_ms = now
                .message
                .as_ref()
                .map(|message| message.time_ms.unwrap_or(now.received_ms));
            match (want, &now.message, time_ms) {
                (Want::At(at), Some(message), Some(time)) if time == at => {
                    return Ok(self.sample(message, time, now.received_ms));
                }
                (Want::At(at), _, Some(time)) if time > at => {
                    return Err(DeviceError::TooLate { boundary_ms: at });
                }
                (Want::Newest(at), Some(message), Some(time)) => {
                    let stale =
                        i64::from(self.manners().map_or(0, |manners| manners.stale_after_ms));
                    if at.saturating_sub(now.received_ms) > stale {
                        return Err(silent(format!("within the last {} s", stale / 1_000)));
                    }
                    return Ok(self.sample(message, time, now.received_ms));
                }
                _ => {}
            }
            let wanted = match want {
                Want::At(at) => format!("of {at} ms"),
                Want::Newest(_) => "at all".to_owned(),
            };
            match timeout_at(deadline, overlay.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(silent(wanted)),
            }
        }
    }

    fn manners(&self) -> Option<&MqttManners> {
        self.profile.mqtt()
    }

    fn silent(&self, wanted: String, got: String) -> DeviceError {
        DeviceError::Silent {
            topic: self.topic.clone(),
            wanted,
            got,
        }
    }

    fn sample(&self, message: &Message, time_ms: i64, received_ms: i64) -> MqttRead {
        MqttRead {
            sample: decode_tokens(&self.profile, &message.tokens),
            time_ms,
            received_ms,
        }
    }
}

struct Subscription {
    profile: Arc<Profile>,
    overlay: watch::Sender<Overlay>,
}

/// The devices behind one broker, before they are connected.
#[derive(Default)]
pub struct MqttListener {
    devices: BTreeMap<String, Subscription>,
}

impl MqttListener {
    /// Adds a device: what stands for `{device}` in its profile's topic.
    ///
    /// # Errors
    /// [`DeviceError::Silent`] when the profile is not for MQTT.
    pub fn device(
        &mut self,
        profile: Arc<Profile>,
        device: &str,
    ) -> Result<MqttDevice, DeviceError> {
        let Some(manners) = profile.mqtt() else {
            let got = format!("profile `{}`, which is not for MQTT", profile.name());
            return Err(DeviceError::Silent {
                topic: device.to_owned(),
                wanted: "by MQTT".to_owned(),
                got,
            });
        };
        let topic = manners.topic.replace("{device}", device);
        let entry = self
            .devices
            .entry(topic.clone())
            .or_insert_with(|| Subscription {
                profile: Arc::clone(&profile),
                overlay: watch::Sender::new(Overlay::default()),
            });
        Ok(MqttDevice {
            topic,
            overlay: entry.overlay.subscribe(),
            profile,
        })
    }

    /// Connects, in a task that ends when `clock` or every device is dropped.
    pub fn start(self, host: &str, port: u16, client_id: &str, clock: watch::Receiver<Tick>) {
        let mut options = MqttOptions::new(client_id, host, port);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        tokio::spawn(self.listen(options, clock));
    }

    async fn listen(self, options: MqttOptions, clock: watch::Receiver<Tick>) {
        let queue = self.devices.len() + 8;
        let (client, mut events) = AsyncClient::new(options, queue);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        let mut retry = RETRY_FIRST;
        while clock.has_changed().is_ok()
            && self
                .devices
                .values()
                .any(|device| !device.overlay.is_closed())
        {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    retry = RETRY_FIRST;
                    for topic in self.devices.keys() {
                        // Never awaited here: only this loop makes room in the client's queue.
                        if let Err(error) = client.try_subscribe(topic, QoS::AtLeastOnce) {
                            tracing::warn!(topic, %error, "a device's topic could not be subscribed to");
                        }
                    }
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if let Some(device) = self.devices.get(&publish.topic) {
                        device.take(&publish.payload, &clock);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "no connection to the broker of MQTT devices; trying again");
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(RETRY_LAST);
                }
            }
        }
    }
}

impl Subscription {
    fn take(&self, payload: &[u8], clock: &watch::Receiver<Tick>) {
        let tick = *clock.borrow();
        let received_ms = if tick.stepped {
            tick.now_ms
        } else {
            system_now_ms()
        };
        let message = read_message(&self.profile, &String::from_utf8_lossy(payload));
        let partial = self
            .profile
            .mqtt()
            .is_some_and(|manners| manners.partial_updates);
        self.overlay.send_modify(|overlay| match message {
            Ok(message) => {
                let mut merged = Message {
                    time_ms: message.time_ms,
                    ..Message::default()
                };
                if partial && let Some(before) = overlay.message.take() {
                    merged.tokens = before.tokens;
                }
                merged.tokens.extend(message.tokens);
                *overlay = Overlay {
                    message: Some(merged),
                    received_ms,
                    error: None,
                };
            }
            Err(error) => overlay.error = Some(error),
        });
    }
}
