//! From samples to a signed batch in the outbox. The chains go on only when the batch is kept.

use energy_core::{Reading, ReadingBatch};

use crate::chain::MeterHead;
use crate::config::Durability;
use crate::counter::follows;
use crate::outbox::{Entry, OutboxError};
use crate::poller::DeviceError;
use crate::reading::{ChainPlace, reading_of};

use super::Gateway;
use super::round::Round;
use super::turn::Taken;

/// The most readings in one batch.
pub(super) const BATCH_READINGS_MAX: usize = 512;

impl Gateway {
    /// The reading of a sample, none when it says nothing that the last one did not.
    pub(super) fn reading(
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
    pub(super) async fn keep(
        &mut self,
        round: Round,
        readings: Vec<Reading>,
    ) -> Result<(), OutboxError> {
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
            Err(error) => {
                // `reading_of` and the size of chunks rule out what signing refuses.
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
        self.heed_durability();
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

    /// Waits for the disk from the agreed grid time on.
    fn heed_durability(&mut self) {
        let now_ms = self.clock.borrow().now_ms;
        if self.durable_from_ms.is_some_and(|from| now_ms >= from) {
            self.durable_from_ms = None;
            self.config.durability = Durability::Fsync;
            self.outbox.lock().set_durability(Durability::Fsync);
        }
    }
}
