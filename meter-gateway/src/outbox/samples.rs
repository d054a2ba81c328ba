//! Small batches and receipts for the tests of the outbox: batch `n` hashes to 32 times byte `n`.

use std::path::Path;

use energy_core::{GatewayId, Hash, MeterId, Receipt, WattHours};

use crate::chain::MeterHead;
use crate::config::Durability;

use super::{Entry, Outbox, Recovered};

pub(super) fn entry(sequence: u64, boundary_ms: Option<i64>) -> Entry {
    let byte = u8::try_from(sequence % 251).expect("below 251");
    let head = MeterHead {
        meter: MeterId::new([byte % 2; 16]),
        sequence,
        hash: Hash::new([byte; 32]),
        time_ms: sequence,
        import: Some(WattHours::new(sequence)),
        export: None,
        pv: None,
        serial: None,
        epoch: None,
    };
    let hash = Hash::new([byte; 32]);
    Entry {
        sequence,
        hash,
        boundary_ms,
        heads: vec![head],
        batch: vec![byte; 100],
    }
}

pub(super) fn receipt(epoch: u64, through: u64) -> Receipt {
    let byte = u8::try_from(through % 251).expect("below 251");
    let (gateway, through_hash) = (GatewayId::new([0; 16]), Hash::new([byte; 32]));
    Receipt {
        gateway,
        store_epoch: epoch,
        through_sequence: through,
        through_hash,
        refused: Vec::new(),
    }
}

pub(super) fn open(folder: &Path) -> (Outbox, Recovered) {
    Outbox::open(folder, Durability::Relaxed, 1 << 20).expect("opens")
}
