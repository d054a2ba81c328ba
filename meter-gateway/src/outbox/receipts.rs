//! What the node has: its receipts mark batches as done, and a restored node's mark takes that back.

use energy_core::{Receipt, to_canonical};

use crate::segment::RecordKind;

use super::record::Mark;
use super::{Outbox, OutboxError};

impl Outbox {
    /// Takes the node's word for what it has. The receipt's signature was checked by the caller.
    ///
    /// A receipt of another store epoch is that of a node that was restored: kept batches after the
    /// one it names are sent again.
    ///
    /// # Errors
    /// [`OutboxError::OtherBatch`] when it is about another batch than the one kept here; nothing is
    /// done then. [`OutboxError::Disk`].
    pub fn receipt(&mut self, receipt: &Receipt) -> Result<(), OutboxError> {
        let sequence = receipt.through_sequence;
        if let Some(slot) = self.slots.get(&sequence)
            && slot.hash != receipt.through_hash
        {
            return Err(OutboxError::OtherBatch {
                sequence,
                kept: slot.hash,
                got: receipt.through_hash,
            });
        }
        let mark = Mark {
            store_epoch: receipt.store_epoch,
            through: sequence,
        };
        let same_epoch = mark.store_epoch == self.mark.store_epoch;
        if mark == self.mark || (same_epoch && mark.through < self.mark.through) {
            return Ok(());
        }
        // A mark that is lost in a crash costs one batch sent twice, so it is never waited for.
        self.write(RecordKind::Receipt, &to_canonical(&mark), false)?;
        self.apply_mark(mark);
        self.forget_old()
    }

    /// The last batch with a receipt, 0 before the first.
    #[must_use]
    pub fn receipted_through(&self) -> u64 {
        self.mark.through
    }

    /// The last boundary up to which every batch has a receipt, where the last round was that of
    /// boundary `done_ms`.
    #[must_use]
    pub fn receipted_boundary(&self, done_ms: Option<i64>) -> Option<i64> {
        let open = self.pending(1).first().copied();
        let Some(open) = open else { return done_ms };
        let waiting = self
            .slots
            .range(open..)
            .find_map(|(_, slot)| slot.boundary_ms.filter(|_| !slot.done));
        match waiting {
            None => done_ms,
            Some(_) => self
                .slots
                .range(..open)
                .rev()
                .find_map(|(_, slot)| slot.boundary_ms),
        }
    }

    pub(super) fn apply_mark(&mut self, mark: Mark) {
        self.mark = mark;
        let mut depth = 0;
        for (sequence, slot) in &mut self.slots {
            slot.done = *sequence <= mark.through;
            depth += u64::from(!slot.done);
        }
        self.depth = depth;
    }
}

#[cfg(test)]
mod tests {
    use energy_core::Hash;

    use super::*;
    use crate::outbox::samples::{entry, open, receipt};

    #[test]
    fn a_restored_node_gets_again_what_it_asks_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut outbox, _) = open(folder.path());
        for sequence in 1..=5 {
            outbox.append(&entry(sequence, None)).expect("kept");
        }
        outbox.receipt(&receipt(1, 5)).expect("known");
        outbox
            .receipt(&receipt(1, 3))
            .expect("an old receipt changes nothing");
        assert_eq!(outbox.depth(), 0);
        outbox.receipt(&receipt(2, 2)).expect("a new epoch");
        assert_eq!(outbox.pending(10), [3, 4, 5]);
        outbox.receipt(&receipt(2, 5)).expect("known");
        assert_eq!(outbox.depth(), 0);
    }

    #[test]
    fn a_receipt_for_another_batch_of_this_number_does_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut outbox, _) = open(folder.path());
        outbox.append(&entry(1, None)).expect("kept");
        let wrong = Receipt {
            through_hash: Hash::ZERO,
            ..receipt(1, 1)
        };
        assert!(matches!(
            outbox.receipt(&wrong),
            Err(OutboxError::OtherBatch { sequence: 1, .. })
        ));
        assert_eq!(outbox.depth(), 1);
    }

    #[test]
    fn a_boundary_is_receipted_when_its_batch_and_all_before_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut outbox, _) = open(folder.path());
        assert_eq!(
            outbox.receipted_boundary(Some(900)),
            Some(900),
            "a boundary without batch waits for nobody"
        );
        outbox.append(&entry(1, Some(900))).expect("kept");
        assert_eq!(outbox.receipted_boundary(Some(900)), None);
        outbox.receipt(&receipt(1, 1)).expect("known");
        outbox.append(&entry(2, None)).expect("kept");
        assert_eq!(outbox.receipted_boundary(Some(900)), Some(900));
        outbox.append(&entry(3, Some(1_800))).expect("kept");
        assert_eq!(outbox.receipted_boundary(Some(1_800)), Some(900));
        outbox.receipt(&receipt(1, 3)).expect("known");
        assert_eq!(outbox.receipted_boundary(Some(1_800)), Some(1_800));
    }
}
