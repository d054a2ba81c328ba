//! From samples to a signed batch in the outbox. The chains go on only when the batch is kept.

use energy_core::{Reading, ReadingBatch};

use crate::chain::MeterHead;
use crate::config::Durability;
use crate::counter::{Declared, Pinned, follows_pinned};
use crate::outbox::{Entry, OutboxError};
use crate::poller::DeviceError;
use crate::reading::{ChainPlace, reading_of};

use super::Gateway;
use super::round::Round;
use super::turn::Taken;

/// The most readings in one batch.
pub(super) const BATCH_READINGS_MAX: usize = 512;

/// A reading, and what pins the device that gave it.
#[derive(Clone)]
pub(super) struct Signable {
    pub(super) reading: Reading,
    device: Pinned,
}

impl Gateway {
    /// The reading of a sample, none when it says nothing that the last one did not.
    pub(super) fn reading(
        &self,
        index: usize,
        round: Round,
        taken: &Taken,
    ) -> Result<Option<Signable>, DeviceError> {
        let device = &self.devices[index];
        let last = self.chains.head(device.config.meter);
        let at_boundary = matches!(round, Round::Boundary(_));
        if !at_boundary && last.is_some_and(|last| last.time_ms >= taken.moment.time_ms) {
            return Ok(None);
        }
        let before = last.map(MeterHead::pinned);
        let now = Pinned::of(&taken.sample.identity);
        let declared = Declared {
            reset: device.config.reset_declared,
            exchange: now.serial.is_some() && now.serial == device.config.exchanged_for,
        };
        let quality = follows_pinned(
            &device.profile,
            last,
            before.as_ref(),
            taken.moment.time_ms,
            &taken.sample,
            declared,
        )?;
        let (sequence, previous) = self.chains.next_reading(device.config.meter);
        let place = ChainPlace {
            meter: device.config.meter,
            sequence,
            previous,
        };
        let quality = quality.with(taken.quality);
        let reading = reading_of(
            &device.profile,
            &taken.sample,
            place,
            taken.moment,
            quality,
            at_boundary,
        )?;
        let device = now.or(before.unwrap_or_default());
        Ok(Some(Signable { reading, device }))
    }

    /// Signs readings as one batch and keeps it.
    pub(super) async fn keep(
        &mut self,
        round: Round,
        signables: Vec<Signable>,
    ) -> Result<(), OutboxError> {
        self.chains
            .receipted(self.outbox.lock().receipted_through());
        let (sequence, previous) = self.chains.next_batch();
        let mut heads = Vec::with_capacity(signables.len());
        let mut readings = Vec::with_capacity(signables.len());
        for Signable { reading, device } in signables {
            heads.push(MeterHead::of(&reading, device));
            readings.push(reading);
        }
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
