//! One round: every device is read at the same time, and what they said is kept by meter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use energy_core::MeterId;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::clock::Tick;
use crate::outbox::OutboxError;
use crate::poller::{DeviceError, rest_ms};

use super::signing::{BATCH_READINGS_MAX, Signable};
use super::turn::{DeviceTurn, Taken};
use super::{Gateway, signed};

/// How long a live reading may hold up the next one.
const LIVE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a round is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    Boundary(i64),
    Live,
}

impl Gateway {
    pub(super) async fn round(&mut self, round: Round, tick: Tick) -> Result<(), OutboxError> {
        let results = self.read_devices(round, tick).await;
        let mut readings: Vec<Signable> = Vec::with_capacity(results.len());
        for (index, result) in results {
            let reading = result.and_then(|taken| self.reading(index, round, &taken));
            let device = &mut self.devices[index];
            let (error, time_ms) = match reading {
                Ok(None) => continue,
                Ok(Some(reading)) => {
                    device.failed_rounds = 0;
                    device.rest_until = Instant::now();
                    let time_ms = signed(reading.reading.time_ms);
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
        readings.sort_by_key(|signable| signable.reading.meter);
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
}
