//! The gateway at work: at every boundary, and in between for the live view, it reads all devices,
//! signs what they said as one batch, and hands it to the outbox.
//!
//! Devices are read at the same time, so a dead one delays nobody else's values, only the moment at
//! which the boundary counts as done. Nothing is sent before it is in the outbox; a batch that the
//! disk does not take is not signed over: the same boundary is read again.

mod devices;
mod error;
mod round;
mod signing;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use energy_core::{Hash, SigningKey, VerifyingKey, ZoneDocument};
use tokio::sync::{Notify, watch};

use crate::chain::Chains;
use crate::clock::Tick;
use crate::config::GatewayConfig;
use crate::keys;
use crate::outbox::Outbox;
use crate::status::{DeviceStatus, GatewayStatus};
use crate::uplink::{self, SharedOutbox, UplinkPlan};

use devices::Device;
use round::Round;

pub use error::GatewayError;

/// Pause before a boundary is read again after the disk did not take its batch.
const DISK_PAUSE: Duration = Duration::from_secs(1);

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
    durable_from_ms: Option<i64>,
    status: watch::Sender<GatewayStatus>,
    filled: Arc<Notify>,
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
            durable_from_ms: None,
            status,
            filled: Arc::new(Notify::new()),
            config,
        };
        Ok((gateway, handle))
    }

    /// The same gateway, which waits for the disk from this grid time (ms) on, whatever its
    /// configuration says: for a history that can be made again, and is followed by one that cannot.
    #[must_use]
    pub const fn durable_from(mut self, grid_ms: i64) -> Self {
        self.durable_from_ms = Some(grid_ms);
        self
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
}

fn signed(time_ms: u64) -> i64 {
    i64::try_from(time_ms).unwrap_or(i64::MAX)
}
