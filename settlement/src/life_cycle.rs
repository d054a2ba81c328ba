//! Where a settlement batch stands between the ledger and finality.
//!
//! `built → signed → sent → pending → final`. Everything that can be seen more than once may be
//! applied more than once. A chain that forgets a block takes a batch back from *pending* to *sent*:
//! its stored bytes are sent again, nothing is signed anew. Final is the end.

use energy_core::Hash;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// The state of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum BatchState {
    /// Its leaves and header are stored.
    #[n(0)]
    Built,
    /// The bytes of its transaction are stored, and perhaps sent.
    #[n(1)]
    Signed {
        /// The transaction's hash.
        #[n(0)]
        transaction: Hash,
    },
    /// A node has taken the transaction.
    #[n(2)]
    Sent {
        /// The transaction's hash.
        #[n(0)]
        transaction: Hash,
    },
    /// The contract has accepted the root; its window runs.
    #[n(3)]
    Pending {
        /// The transaction's hash.
        #[n(0)]
        transaction: Hash,
        /// When the window has passed, in s of chain time.
        #[n(1)]
        final_at: u64,
    },
    /// The window has passed; the root cannot be undone.
    #[n(4)]
    Final {
        /// The transaction's hash.
        #[n(0)]
        transaction: Hash,
    },
}

/// What can happen to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchEvent {
    /// Its transaction was signed and stored. A variant with a higher fee replaces the one before,
    /// until one of them is accepted.
    Signed {
        /// The transaction's hash.
        transaction: Hash,
    },
    /// A node has taken the transaction, or knows it already.
    Sent,
    /// The contract emitted its root in this transaction.
    Accepted {
        /// The transaction's hash.
        transaction: Hash,
        /// When the window has passed, in s of chain time.
        final_at: u64,
    },
    /// The block that held it is gone.
    Reorganised,
    /// The chain's time, in s.
    ChainTime {
        /// Seconds UTC of the newest block that counts as settled history.
        now: u64,
    },
}

/// An event that cannot happen in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch that is {state} cannot be {event}")]
pub struct TransitionError {
    /// The state's name.
    pub state: &'static str,
    /// What the event would make of it.
    pub event: &'static str,
}

impl BatchState {
    /// The state after an event.
    ///
    /// # Errors
    /// [`TransitionError`] when the event contradicts the state, which means that the books and the
    /// chain disagree.
    pub fn after(self, event: BatchEvent) -> Result<Self, TransitionError> {
        use BatchEvent as E;
        match (self, event) {
            (Self::Built | Self::Signed { .. } | Self::Sent { .. }, E::Signed { transaction }) => {
                Ok(Self::Signed { transaction })
            }
            (Self::Signed { transaction } | Self::Sent { transaction }, E::Sent) => {
                Ok(Self::Sent { transaction })
            }
            // Its bytes were sent again after it was accepted: no news.
            (Self::Pending { .. } | Self::Final { .. }, E::Sent) => Ok(self),
            // Whichever variant was accepted, and even if no reply to the sending ever came.
            (
                Self::Signed { .. } | Self::Sent { .. } | Self::Pending { .. },
                E::Accepted {
                    transaction,
                    final_at,
                },
            ) => Ok(Self::Pending {
                transaction,
                final_at,
            }),
            (Self::Final { transaction: own }, E::Accepted { transaction, .. })
                if own == transaction =>
            {
                Ok(self)
            }
            (Self::Pending { transaction, .. }, E::Reorganised) => Ok(Self::Sent { transaction }),
            (Self::Built | Self::Signed { .. } | Self::Sent { .. }, E::Reorganised) => Ok(self),
            (
                Self::Pending {
                    transaction,
                    final_at,
                },
                E::ChainTime { now },
            ) if now >= final_at => Ok(Self::Final { transaction }),
            (_, E::ChainTime { .. }) => Ok(self),
            (state, event) => Err(TransitionError {
                state: state.name(),
                event: event.name(),
            }),
        }
    }

    /// Its name: `built`, `signed`, `sent`, `pending` or `final`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Signed { .. } => "signed",
            Self::Sent { .. } => "sent",
            Self::Pending { .. } => "pending",
            Self::Final { .. } => "final",
        }
    }

    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Final { .. })
    }
}

impl BatchEvent {
    const fn name(self) -> &'static str {
        match self {
            Self::Signed { .. } => "signed",
            Self::Sent => "sent",
            Self::Accepted { .. } => "accepted in another transaction",
            Self::Reorganised => "taken back by the chain",
            Self::ChainTime { .. } => "reached by time",
        }
    }
}

#[cfg(test)]
mod tests {
    use energy_core::keccak;

    use super::*;

    fn tx(n: u8) -> Hash {
        keccak(&[&[n]])
    }

    fn run(events: &[BatchEvent]) -> Result<BatchState, TransitionError> {
        events
            .iter()
            .try_fold(BatchState::Built, |state, event| state.after(*event))
    }

    const SENT: BatchEvent = BatchEvent::Sent;

    fn signed(n: u8) -> BatchEvent {
        BatchEvent::Signed { transaction: tx(n) }
    }

    fn accepted(n: u8) -> BatchEvent {
        BatchEvent::Accepted {
            transaction: tx(n),
            final_at: 100,
        }
    }

    #[test]
    fn the_straight_way_ends_final() {
        let end = run(&[
            signed(1),
            SENT,
            accepted(1),
            BatchEvent::ChainTime { now: 99 },
        ]);
        assert_eq!(
            end,
            Ok(BatchState::Pending {
                transaction: tx(1),
                final_at: 100
            })
        );
        let end = end.and_then(|state| state.after(BatchEvent::ChainTime { now: 100 }));
        assert_eq!(end, Ok(BatchState::Final { transaction: tx(1) }));
    }

    #[test]
    fn a_lost_reply_and_a_repeated_sending_change_nothing() {
        let way = [
            signed(1),
            accepted(1),
            SENT,
            accepted(1),
            BatchEvent::ChainTime { now: 100 },
            SENT,
            accepted(1),
        ];
        assert_eq!(run(&way), Ok(BatchState::Final { transaction: tx(1) }));
    }

    #[test]
    fn a_replaced_transaction_may_be_the_one_that_lands() {
        assert_eq!(
            run(&[signed(1), SENT, signed(2), SENT, accepted(1)]),
            Ok(BatchState::Pending {
                transaction: tx(1),
                final_at: 100
            })
        );
    }

    #[test]
    fn a_forgotten_block_sends_the_same_bytes_again() {
        assert_eq!(
            run(&[signed(1), SENT, accepted(1), BatchEvent::Reorganised]),
            Ok(BatchState::Sent { transaction: tx(1) })
        );
    }

    #[test]
    fn what_contradicts_the_chain_is_an_error() {
        assert!(run(&[SENT]).is_err());
        assert!(run(&[accepted(1)]).is_err());
        assert!(run(&[signed(1), accepted(1), signed(2)]).is_err());
        let end = [signed(1), accepted(1), BatchEvent::ChainTime { now: 100 }];
        assert!(run(&[&end[..], &[BatchEvent::Reorganised]].concat()).is_err());
        assert!(run(&[&end[..], &[accepted(2)]].concat()).is_err());
    }
}
