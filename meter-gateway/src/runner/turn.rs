//! The read of one device in one round, and the moment at which its sample counts as taken.

use std::sync::Arc;

use energy_core::{ClockState, Quality};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Tick;
use crate::decode::Sample;
use crate::mqtt_device::Want;
use crate::poller::DeviceError;
use crate::profile::Profile;
use crate::reading::Moment;

use super::devices::Link;
use super::round::Round;

/// A sample with the moment at which it was taken.
pub(super) struct Taken {
    pub(super) sample: Sample,
    pub(super) moment: Moment,
    pub(super) quality: Quality,
}

/// The read of one device in one round.
pub(super) struct DeviceTurn {
    pub(super) link: Link,
    pub(super) profile: Arc<Profile>,
    pub(super) clock: watch::Receiver<Tick>,
    pub(super) was_healthy: bool,
    pub(super) round: Round,
    pub(super) tick: Tick,
    pub(super) deadline: Instant,
}

impl DeviceTurn {
    pub(super) async fn take(self) -> Result<Taken, DeviceError> {
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
        self.clock.borrow().instant_ms()
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
