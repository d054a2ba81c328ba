//! The chains that a gateway writes: one of readings for each meter, one of batches.
//!
//! Sequence numbers rise and may skip, and are never used twice: at each start the next one is
//! max(last on disk + 1, last receipt + 1, clock in ms). So a disk that was restored from a backup or
//! lost its last records forks the chain, which is flagged, but never signs two things under one
//! number.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use std::collections::BTreeMap;

use energy_core::{Hash, MeterId, Reading, WattHours};
use minicbor::{Decode, Encode};

use crate::counter::Pinned;

/// The last signed reading of a meter.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct MeterHead {
    /// Which meter.
    #[n(0)]
    pub meter: MeterId,
    /// Its sequence.
    #[n(1)]
    pub sequence: u64,
    /// Its hash.
    #[n(2)]
    pub hash: Hash,
    /// Its time in ms since 1970 UTC.
    #[n(3)]
    pub time_ms: u64,
    /// What import showed.
    #[n(4)]
    pub import: Option<WattHours>,
    /// What export showed.
    #[n(5)]
    pub export: Option<WattHours>,
    /// What generation showed.
    #[n(6)]
    pub pv: Option<WattHours>,
    /// The device's serial number, where it tells one.
    #[n(7)]
    pub serial: Option<String>,
    /// Since when the device counts, where it tells that.
    #[n(8)]
    pub epoch: Option<String>,
}

impl MeterHead {
    /// The head that a reading makes, of the device that gave it.
    #[must_use]
    pub fn of(reading: &Reading, device: Pinned) -> Self {
        Self {
            meter: reading.meter,
            sequence: reading.sequence,
            hash: reading.hash(),
            time_ms: reading.time_ms,
            import: reading.import,
            export: reading.export,
            pv: reading.pv,
            serial: device.serial,
            epoch: device.epoch,
        }
    }

    /// What pins the device that gave the reading.
    #[must_use]
    pub fn pinned(&self) -> Pinned {
        Pinned {
            serial: self.serial.clone(),
            epoch: self.epoch.clone(),
        }
    }
}

/// Where the chains stand.
#[derive(Debug, Clone)]
pub struct Chains {
    floor: u64,
    meters: BTreeMap<MeterId, MeterHead>,
    batch: Option<(u64, Hash)>,
    batch_floor: u64,
}

impl Chains {
    /// The chains at a start of the gateway: what was on disk, and its clock.
    #[must_use]
    pub fn start(
        clock_ms: u64,
        meters: impl IntoIterator<Item = MeterHead>,
        batch: Option<(u64, Hash)>,
    ) -> Self {
        let meters = meters.into_iter().map(|head| (head.meter, head)).collect();
        Self {
            floor: clock_ms,
            meters,
            batch,
            batch_floor: clock_ms,
        }
    }

    /// The last signed reading of a meter.
    #[must_use]
    pub fn head(&self, meter: MeterId) -> Option<&MeterHead> {
        self.meters.get(&meter)
    }

    /// Sequence and predecessor of the next reading of a meter.
    #[must_use]
    pub fn next_reading(&self, meter: MeterId) -> (u64, Hash) {
        match self.meters.get(&meter) {
            Some(head) => (head.sequence.saturating_add(1).max(self.floor), head.hash),
            None => (self.floor, Hash::ZERO),
        }
    }

    /// Sequence and predecessor of the next batch.
    #[must_use]
    pub fn next_batch(&self) -> (u64, Hash) {
        match self.batch {
            Some((sequence, hash)) => (sequence.saturating_add(1).max(self.batch_floor), hash),
            None => (self.batch_floor, Hash::ZERO),
        }
    }

    /// The node has batches up to this one: no later batch may have a number up to it.
    pub fn receipted(&mut self, through_sequence: u64) {
        self.batch_floor = self.batch_floor.max(through_sequence.saturating_add(1));
    }

    /// A batch with these readings is in the outbox.
    pub fn extend(
        &mut self,
        heads: impl IntoIterator<Item = MeterHead>,
        sequence: u64,
        hash: Hash,
    ) {
        for head in heads {
            self.meters.insert(head.meter, head);
        }
        self.batch = Some((sequence, hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sequence: u64) -> MeterHead {
        let hash = Hash::new([7; 32]);
        MeterHead {
            meter: MeterId::new([1; 16]),
            sequence,
            hash,
            time_ms: 0,
            import: None,
            export: None,
            pv: None,
            serial: None,
            epoch: None,
        }
    }

    #[test]
    fn the_next_sequence_is_past_disk_receipt_and_clock() {
        let meter = MeterId::new([1; 16]);
        let on_disk = Chains::start(1_000, [head(5_000)], Some((9, Hash::ZERO)));
        assert_eq!(on_disk.next_reading(meter), (5_001, Hash::new([7; 32])));
        assert_eq!(on_disk.next_batch().0, 1_000);
        let mut restored = Chains::start(9_000, [head(5_000)], Some((9_500, Hash::ZERO)));
        assert_eq!(restored.next_reading(meter).0, 9_000);
        restored.receipted(12_000);
        assert_eq!(restored.next_batch().0, 12_001);
        assert_eq!(
            restored.next_reading(MeterId::new([2; 16])),
            (9_000, Hash::ZERO)
        );
    }

    #[test]
    fn a_chain_names_its_predecessor_and_rises_by_one() {
        let meter = MeterId::new([1; 16]);
        let mut chains = Chains::start(100, [], None);
        assert_eq!(chains.next_batch(), (100, Hash::ZERO));
        chains.extend([head(100)], 100, Hash::new([3; 32]));
        assert_eq!(chains.next_reading(meter), (101, Hash::new([7; 32])));
        assert_eq!(chains.next_batch(), (101, Hash::new([3; 32])));
    }

    #[test]
    fn a_head_of_an_earlier_version_is_read_and_written_as_it_was() {
        // meter, sequence, hash, time, import, no export, no generation: the seven of before.
        let mut bytes = vec![0x87, 0x50];
        bytes.extend([1; 16]);
        bytes.extend([0x02, 0x58, 0x20]);
        bytes.extend([3; 32]);
        bytes.extend([0x04, 0x05, 0xf6, 0xf6]);
        let before: Vec<u8> = {
            // Trailing absent values are left out in the canonical form.
            let mut short = bytes.clone();
            short[0] = 0x85;
            short.truncate(bytes.len() - 2);
            short
        };
        let head: MeterHead = energy_core::from_canonical(&before).expect("readable");
        assert_eq!(head.import, Some(WattHours::new(5)));
        assert_eq!(head.pinned(), Pinned::default());
        assert_eq!(energy_core::to_canonical(&head), before);
        let pinned = MeterHead {
            serial: Some("A1".to_owned()),
            ..head
        };
        let again = energy_core::to_canonical(&pinned);
        assert_eq!(energy_core::from_canonical(&again), Ok(pinned));
    }
}
