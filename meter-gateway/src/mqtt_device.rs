//! Devices that speak by themselves: messages by MQTT.
//!
//! One connection for each broker subscribes to the topics of its devices and lays each message over
//! what was known ([`crate::overlay`]). A read takes what is there, or waits for the message of a
//! boundary.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, NetworkOptions, Packet, QoS};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::clock::Tick;
use crate::decode::Sample;
use crate::overlay::{Arrival, Overlay};
use crate::poller::DeviceError;
use crate::profile::{MqttManners, Profile};

const PACKET_BYTES_MAX: usize = 256 * 1_024;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(10);

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
            let (heard, unread) = {
                let now = overlay.borrow_and_update();
                (now.heard(&self.profile)?, now.error().cloned())
            };
            let time_ms = heard.as_ref().map(|h| h.time_ms.unwrap_or(h.received_ms));
            let silent = |wanted: String| match (&unread, time_ms) {
                (Some(error), _) => error.clone(),
                (None, None) => self.silent(wanted, "none yet".to_owned()),
                (None, Some(last)) => self.silent(wanted, format!("the last one of {last} ms")),
            };
            // What the broker kept says nothing about the present, unless it says of when it is.
            let current = heard.and_then(|heard| {
                let received_ms = match (heard.live, heard.time_ms) {
                    (true, _) => heard.received_ms,
                    (false, Some(time_ms)) => time_ms.min(heard.received_ms),
                    (false, None) => return None,
                };
                Some((heard.sample, received_ms))
            });
            match (want, current, time_ms) {
                (Want::At(at), Some((sample, received_ms)), Some(time_ms)) if time_ms == at => {
                    return Ok(MqttRead {
                        sample,
                        time_ms,
                        received_ms,
                    });
                }
                (Want::At(at), _, Some(time)) if time > at => {
                    return Err(DeviceError::TooLate { boundary_ms: at });
                }
                (Want::Newest(at), Some((sample, received_ms)), Some(time_ms)) => {
                    let stale =
                        i64::from(self.manners().map_or(0, |manners| manners.stale_after_ms));
                    if at.saturating_sub(received_ms) > stale {
                        return Err(silent(format!("within the last {} s", stale / 1_000)));
                    }
                    return Ok(MqttRead {
                        sample,
                        time_ms,
                        received_ms,
                    });
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
}

struct Subscription {
    profile: Arc<Profile>,
    /// In the order of the profile's topics.
    topics: Vec<String>,
    overlay: watch::Sender<Overlay>,
}

/// The devices behind one broker, before they are connected.
#[derive(Default)]
pub struct MqttListener {
    devices: Vec<Subscription>,
}

impl MqttListener {
    /// Adds a device: what stands for `{device}` in its profile's topics.
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
        let topics: Vec<String> = manners.topics.iter().map(|t| t.of(device)).collect();
        let topic = topics.join(", ");
        let overlay = watch::Sender::new(Overlay::default());
        let heard = overlay.subscribe();
        self.devices.push(Subscription {
            profile: Arc::clone(&profile),
            topics,
            overlay,
        });
        Ok(MqttDevice {
            topic,
            overlay: heard,
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
        let topics: BTreeSet<&String> = self.devices.iter().flat_map(|d| &d.topics).collect();
        let queue = topics.len() + 8;
        let (client, mut events) = AsyncClient::new(options, queue);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        let mut retry = RETRY_FIRST;
        while clock.has_changed().is_ok()
            && self
                .devices
                .iter()
                .any(|device| !device.overlay.is_closed())
        {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    retry = RETRY_FIRST;
                    for topic in &topics {
                        // Never awaited here: only this loop makes room in the client's queue.
                        if let Err(error) = client.try_subscribe(*topic, QoS::AtLeastOnce) {
                            tracing::warn!(topic, %error, "a device's topic could not be subscribed to");
                        }
                    }
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    for device in &self.devices {
                        if let Some(topic) = device.topics.iter().position(|t| *t == publish.topic)
                        {
                            device.take(topic, publish.retain, &publish.payload, &clock);
                        }
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
    fn take(&self, topic: usize, retained: bool, payload: &[u8], clock: &watch::Receiver<Tick>) {
        let received_ms = clock.borrow().instant_ms();
        let arrival = Arrival {
            topic,
            received_ms,
            retained,
        };
        self.overlay
            .send_modify(|overlay| overlay.take(&self.profile, arrival, payload));
    }
}
