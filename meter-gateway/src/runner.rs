//! The gateway at work: at every boundary, and in between for the live view, it reads all devices,
//! signs what they said as one batch, and hands it to the outbox.
//!
//! Devices are read at the same time, so a dead one delays nobody else's values, only the moment at
//! which the boundary counts as done. Nothing is sent before it is in the outbox; a batch that the
//! disk does not take is not signed over: the same boundary is read again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use energy_core::{
    BatchError, ClockState, MeterId, ReadingBatch, SigningKey, VerifyingKey, ZoneDocument,
};
use energy_core::{Hash, Quality, Reading};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::chain::{Chains, MeterHead};
use crate::clock::{Tick, system_now_ms};
use crate::config::{BrokerConfig, ConfigError, DeviceConfig, Durability, Endpoint, GatewayConfig};
use crate::counter::follows;
use crate::decode::Sample;
use crate::keys::{self, KeyError};
use crate::modbus::ModbusEndpoint;
use crate::mqtt_device::{MqttDevice, MqttListener, Want};
use crate::outbox::{Entry, Outbox, OutboxError};
use crate::poller::{DeviceError, rest_ms};
use crate::profile::{Profile, ProfileError};
use crate::reading::{ChainPlace, Moment, reading_of};
use crate::shipped;
use crate::status::{DeviceStatus, GatewayStatus};
use crate::uplink::{self, SharedOutbox, UplinkPlan};

/// The most readings in one batch.
const BATCH_READINGS_MAX: usize = 512;
/// How long a live reading may hold up the next one.
const LIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause before a boundary is read again after the disk did not take its batch.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// The gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Its configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It has no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its outbox cannot be used.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A profile is wrong.
    #[error("device `{device}`: {source}")]
    Profile {
        /// Which device.
        device: String,
        /// What is wrong.
        source: Box<ProfileError>,
    },
    /// A profile file cannot be read.
    #[error("device `{device}`: profile file {path}: {source}")]
    ProfileFile {
        /// Which device.
        device: String,
        /// Which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A device's profile and endpoint do not fit.
    #[error(
        "device `{device}`: expected an endpoint for profile `{profile}` ({expected}), got {got}"
    )]
    Endpoint {
        /// Which device.
        device: String,
        /// Its profile.
        profile: String,
        /// What the profile needs.
        expected: &'static str,
        /// What the configuration has.
        got: &'static str,
    },
}

/// A gateway that has opened its key, its outbox and its profiles.
pub struct Gateway {
    config: GatewayConfig,
    document: ZoneDocument,
    zone_hash: Hash,
    key: SigningKey,
    node_key: VerifyingKey,
    clock: watch::Receiver<Tick>,
    devices: Vec<Device>,
    outbox: SharedOutbox,
    chains: Chains,
    recovered_boundary_ms: Option<i64>,
    status: watch::Sender<GatewayStatus>,
    filled: Arc<Notify>,
}

struct Device {
    config: DeviceConfig,
    profile: Arc<Profile>,
    link: Option<Link>,
    failed_rounds: u32,
    rest_until: Instant,
}

#[derive(Clone)]
enum Link {
    Modbus(ModbusEndpoint, u8),
    Mqtt(MqttDevice),
}

/// What a round is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Boundary(i64),
    Live,
}

/// A sample with the moment at which it was taken.
struct Taken {
    sample: Sample,
    moment: Moment,
    quality: Quality,
}

/// Runs a gateway until `shutdown` is true. See [`Gateway::open`] for a handle on its status.
///
/// # Errors
/// [`GatewayError`] when it cannot start.
pub async fn run(
    config: GatewayConfig,
    clock: watch::Receiver<Tick>,
    shutdown: watch::Receiver<bool>,
) -> Result<(), GatewayError> {
    let (gateway, _) = Gateway::open(config, clock)?;
    gateway.run(shutdown).await;
    Ok(())
}

impl Gateway {
    /// Opens everything that can be wrong. Nothing is read or sent yet.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn open(
        config: GatewayConfig,
        clock: watch::Receiver<Tick>,
    ) -> Result<(Self, watch::Receiver<GatewayStatus>), GatewayError> {
        config.check()?;
        let document = config.zone.document()?;
        let node_key = config.node_key()?;
        let devices = config
            .devices
            .iter()
            .map(|device| Device::open(&config, device))
            .collect::<Result<Vec<_>, _>>()?;
        let key = keys::load_or_create(&config.key_file)?;
        let bytes_max = u64::from(config.outbox_mib) << 20;
        let (outbox, found) = Outbox::open(&config.outbox, config.durability, bytes_max)?;
        let now_ms = u64::try_from(clock.borrow().now_ms).unwrap_or(0);
        let mut chains = Chains::start(now_ms, found.heads, found.batch);
        chains.receipted(outbox.receipted_through());
        let statuses = devices.iter().map(|device| DeviceStatus {
            name: device.config.name.clone(),
            meter: device.config.meter,
            last_read_ms: chains
                .head(device.config.meter)
                .map(|head| signed(head.time_ms)),
            error: None,
        });
        let status = watch::Sender::new(GatewayStatus {
            receipted_through: outbox.receipted_through(),
            outbox_depth: outbox.depth(),
            devices: statuses.collect(),
            ..GatewayStatus::default()
        });
        let handle = status.subscribe();
        let gateway = Self {
            zone_hash: document.hash(),
            document,
            key,
            node_key,
            clock,
            devices,
            outbox: SharedOutbox::new(outbox),
            chains,
            recovered_boundary_ms: found.boundary_ms,
            status,
            filled: Arc::new(Notify::new()),
            config,
        };
        Ok((gateway, handle))
    }

    /// Its public key, for the registry.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// Reads, signs, keeps and sends until `shutdown` is true or the clock ends.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        self.connect_devices();
        let plan = UplinkPlan {
            gateway: self.config.gateway,
            broker: self.config.broker.clone(),
            batch_topic: format!(
                "commonwatt/v1/{}/{}/batch",
                self.document.zone, self.config.gateway
            ),
            receipt_topic: format!(
                "commonwatt/v1/{}/{}/receipt",
                self.document.zone, self.config.gateway
            ),
            node_key: self.node_key,
            zone_document: self.zone_hash,
        };
        // In one task with the rounds: whoever drops this future has the outbox free at once.
        let uplink = uplink::run(
            plan,
            self.outbox.clone(),
            Arc::clone(&self.filled),
            self.status.clone(),
            shutdown.clone(),
        );
        tokio::select! {
            () = self.follow_clock() => {}
            () = uplink => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
    }

    fn connect_devices(&mut self) {
        let mut endpoints: BTreeMap<(String, u16), ModbusEndpoint> = BTreeMap::new();
        let mut listeners: BTreeMap<(String, u16), MqttListener> = BTreeMap::new();
        for device in &mut self.devices {
            let link = match &device.config.endpoint {
                Endpoint::Modbus { host, port, unit } => {
                    let endpoint = endpoints
                        .entry((host.clone(), *port))
                        .or_insert_with(|| ModbusEndpoint::start(host, *port));
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

    /// One round for each boundary, and live rounds in between, at the clock's pace.
    async fn follow_clock(&mut self) {
        let mut boundary_done = None;
        let mut live_ms = i64::MIN;
        let poll_ms = i64::from(self.config.poll_s).saturating_mul(1_000);
        loop {
            let tick = *self.clock.borrow_and_update();
            match tick
                .boundary
                .filter(|boundary| boundary_done.is_none_or(|done| *boundary > done))
            {
                Some(boundary) => match self.round(Round::Boundary(boundary), tick).await {
                    Ok(()) => {
                        boundary_done = Some(boundary);
                        live_ms = tick.now_ms;
                        self.boundary_done(boundary);
                    }
                    Err(error) => {
                        tracing::error!(%error, interval.boundary_ms = boundary, "a batch could not be kept; nothing was signed in its place");
                        self.status
                            .send_modify(|status| status.error = Some(error.to_string()));
                        tokio::time::sleep(DISK_PAUSE).await;
                    }
                },
                None => {
                    let due = poll_ms > 0
                        && tick.boundary.is_none()
                        && tick.now_ms.saturating_sub(live_ms) >= poll_ms;
                    if due {
                        live_ms = tick.now_ms;
                        if let Err(error) = self.round(Round::Live, tick).await {
                            tracing::error!(%error, "a live batch could not be kept");
                            self.status
                                .send_modify(|status| status.error = Some(error.to_string()));
                        }
                    }
                    if self.clock.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn boundary_done(&self, boundary_ms: i64) {
        let receipted = self.outbox.lock().receipted_boundary(Some(boundary_ms));
        self.status.send_modify(|status| {
            status.boundary_done_ms = Some(boundary_ms);
            status.receipted_through_boundary_ms = receipted;
            status.error = None;
        });
    }

    async fn round(&mut self, round: Round, tick: Tick) -> Result<(), OutboxError> {
        let results = self.read_devices(round, tick).await;
        let mut readings: Vec<Reading> = Vec::with_capacity(results.len());
        for (index, result) in results {
            let reading = result.and_then(|taken| self.reading(index, round, &taken));
            let device = &mut self.devices[index];
            let (error, time_ms) = match reading {
                Ok(None) => continue,
                Ok(Some(reading)) => {
                    device.failed_rounds = 0;
                    device.rest_until = Instant::now();
                    let time_ms = signed(reading.time_ms);
                    readings.push(reading);
                    (None, Some(time_ms))
                }
                Err(error) => {
                    if device.failed_rounds == 0 {
                        tracing::warn!(meter.id = %device.config.meter, device = device.config.name, %error, "a device gives no reading");
                    }
                    device.failed_rounds = device.failed_rounds.saturating_add(1);
                    device.rest_until =
                        Instant::now() + Duration::from_millis(rest_ms(device.failed_rounds));
                    (Some(error.to_string()), None)
                }
            };
            self.status.send_modify(|status| {
                if let Some(status) = status.devices.get_mut(index) {
                    status.error = error;
                    status.last_read_ms = time_ms.or(status.last_read_ms);
                }
            });
        }
        // By meter, so that a batch does not depend on who answered first.
        readings.sort_by_key(|reading| reading.meter);
        for chunk in readings.chunks(BATCH_READINGS_MAX) {
            self.keep(round, chunk.to_vec()).await?;
        }
        Ok(())
    }

    /// Reads the devices of a round at the same time. A live round ends when a boundary comes.
    async fn read_devices(
        &self,
        round: Round,
        tick: Tick,
    ) -> BTreeMap<usize, Result<Taken, DeviceError>> {
        let now = Instant::now();
        let timeout = Duration::from_millis(self.config.round_timeout_ms.into());
        let deadline = now
            + if round == Round::Live {
                timeout.min(LIVE_TIMEOUT)
            } else {
                timeout
            };
        let mut set = JoinSet::new();
        for (index, device) in self.devices.iter().enumerate() {
            let skip = match round {
                Round::Boundary(boundary) => {
                    tick.stepped && self.has_boundary(device.config.meter, boundary)
                }
                Round::Live => device.rest_until > now,
            };
            if skip {
                continue;
            }
            if let Some(link) = device.link.clone() {
                let read = DeviceTurn {
                    link,
                    profile: Arc::clone(&device.profile),
                    clock: self.clock.clone(),
                    was_healthy: device.failed_rounds == 0,
                    round,
                    tick,
                    deadline,
                };
                set.spawn(async move { (index, read.take().await) });
            }
        }
        let mut results = BTreeMap::new();
        let mut clock = self.clock.clone();
        loop {
            tokio::select! {
                joined = set.join_next() => match joined {
                    Some(Ok((index, result))) => { results.insert(index, result); }
                    Some(Err(error)) => tracing::error!(%error, "the read of a device ended unexpectedly"),
                    None => return results,
                },
                _ = clock.wait_for(|tick| tick.boundary.is_some()), if round == Round::Live => return results,
            }
        }
    }

    /// After a crash on a boundary, what is on disk need not be read again.
    fn has_boundary(&self, meter: MeterId, boundary_ms: i64) -> bool {
        self.recovered_boundary_ms == Some(boundary_ms)
            && self
                .chains
                .head(meter)
                .is_some_and(|head| signed(head.time_ms) >= boundary_ms)
    }

    /// The reading of a sample, none when it says nothing that the last one did not.
    fn reading(
        &self,
        index: usize,
        round: Round,
        taken: &Taken,
    ) -> Result<Option<Reading>, DeviceError> {
        let device = &self.devices[index];
        let last = self.chains.head(device.config.meter);
        let at_boundary = matches!(round, Round::Boundary(_));
        if !at_boundary && last.is_some_and(|last| last.time_ms >= taken.moment.time_ms) {
            return Ok(None);
        }
        let quality = follows(
            &device.profile,
            last,
            taken.moment.time_ms,
            &taken.sample,
            device.config.reset_declared,
        )?;
        let (sequence, previous) = self.chains.next_reading(device.config.meter);
        let place = ChainPlace {
            meter: device.config.meter,
            sequence,
            previous,
        };
        let quality = quality.with(taken.quality);
        reading_of(
            &device.profile,
            &taken.sample,
            place,
            taken.moment,
            quality,
            at_boundary,
        )
        .map(Some)
    }

    /// Signs readings as one batch and keeps it.
    async fn keep(&mut self, round: Round, readings: Vec<Reading>) -> Result<(), OutboxError> {
        self.chains
            .receipted(self.outbox.lock().receipted_through());
        let (sequence, previous) = self.chains.next_batch();
        let heads: Vec<MeterHead> = readings.iter().map(MeterHead::of).collect();
        let signed = ReadingBatch::sign(
            &self.key,
            &self.zone_hash,
            self.config.gateway,
            sequence,
            previous,
            readings,
        );
        let batch = match signed {
            Ok(batch) => batch,
            Err(error @ (BatchError::Count { .. } | BatchError::Reading { .. })) => {
                // `reading_of` and the size of chunks rule both out.
                tracing::error!(%error, "readings could not be signed");
                return Ok(());
            }
            Err(error) => {
                tracing::error!(%error, "readings could not be signed");
                return Ok(());
            }
        };
        let hash = batch.header().hash();
        let boundary_ms = match round {
            Round::Boundary(boundary) => Some(boundary),
            Round::Live => None,
        };
        let entry = Entry {
            sequence,
            hash,
            boundary_ms,
            heads: heads.clone(),
            batch: batch.to_bytes(),
        };
        match self.config.durability {
            Durability::Relaxed => self.outbox.lock().append(&entry)?,
            Durability::Fsync => {
                let outbox = self.outbox.clone();
                let kept = tokio::task::spawn_blocking(move || outbox.lock().append(&entry)).await;
                // A panic in there is a bug of ours, and nothing is known about the disk after it.
                kept.expect("the outbox does not panic")?;
            }
        }
        self.chains.extend(heads, sequence, hash);
        self.filled.notify_one();
        Ok(())
    }
}

fn signed(time_ms: u64) -> i64 {
    i64::try_from(time_ms).unwrap_or(i64::MAX)
}

fn broker_of(own: &BrokerConfig, host: Option<&String>, port: Option<u16>) -> (String, u16) {
    (host.unwrap_or(&own.host).clone(), port.unwrap_or(own.port))
}

impl Device {
    fn open(gateway: &GatewayConfig, config: &DeviceConfig) -> Result<Self, GatewayError> {
        let profile = profile_of(gateway, config)?;
        let (expected, got) = match (&config.endpoint, profile.modbus().is_some()) {
            (Endpoint::Modbus { .. }, true) | (Endpoint::Mqtt { .. }, false) => ("", ""),
            (Endpoint::Modbus { .. }, false) => ("mqtt", "modbus"),
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

/// The read of one device in one round.
struct DeviceTurn {
    link: Link,
    profile: Arc<Profile>,
    clock: watch::Receiver<Tick>,
    was_healthy: bool,
    round: Round,
    tick: Tick,
    deadline: Instant,
}

impl DeviceTurn {
    async fn take(self) -> Result<Taken, DeviceError> {
        let began_ms = self.now_ms();
        let (sample, time_ms, quality) = match self.link.clone() {
            Link::Modbus(endpoint, unit) => {
                let read = endpoint
                    .read(
                        unit,
                        Arc::clone(&self.profile),
                        self.was_healthy,
                        self.deadline,
                    )
                    .await?;
                let quality = if read.after_timeout {
                    Quality::AFTER_TIMEOUT
                } else {
                    Quality::GOOD
                };
                (read.sample, began_ms, quality)
            }
            Link::Mqtt(device) => {
                let want = match self.round {
                    Round::Boundary(boundary) if self.tick.stepped => Want::At(boundary),
                    Round::Boundary(_) | Round::Live => Want::Newest(began_ms),
                };
                let read = device.read(want, self.deadline).await?;
                // A stepped clock is the device's too; otherwise only the gateway's own clock counts.
                (
                    read.sample,
                    if self.tick.stepped {
                        read.time_ms
                    } else {
                        read.received_ms
                    },
                    Quality::GOOD,
                )
            }
        };
        let moment = self.moment(time_ms)?;
        Ok(Taken {
            sample,
            moment,
            quality,
        })
    }

    fn now_ms(&self) -> i64 {
        let tick = *self.clock.borrow();
        if tick.stepped {
            tick.now_ms
        } else {
            system_now_ms()
        }
    }

    fn moment(&self, time_ms: i64) -> Result<Moment, DeviceError> {
        let after = *self.clock.borrow();
        if self.tick.stepped
            && let Round::Boundary(boundary_ms) = self.round
        {
            if after.boundary != Some(boundary_ms) {
                return Err(DeviceError::TooLate { boundary_ms });
            }
            let time_ms = u64::try_from(boundary_ms).unwrap_or(0);
            return Ok(Moment {
                time_ms,
                clock: ClockState::Stepped,
                error_ms: 0,
            });
        }
        let error_ms = u32::try_from(self.now_ms().saturating_sub(time_ms)).unwrap_or(0);
        let clock = if self.tick.stepped {
            ClockState::Stepped
        } else {
            ClockState::Unknown
        };
        Ok(Moment {
            time_ms: u64::try_from(time_ms).unwrap_or(0),
            clock,
            error_ms,
        })
    }
}
