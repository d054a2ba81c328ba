//! Why a forward interval cannot be cleared or settled.

use energy_core::{HomeId, Overflow, TimeError};
use market_engine::BookError;
use market_engine::checker::Violation;

use super::rules::ForwardRulesError;
use crate::journal::JournalError;

/// A forward interval cannot be cleared or settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// The zone's rules cannot be used.
    #[error("rules of the zone: {0}")]
    Rules(#[from] ForwardRulesError),
    /// Not an interval of the zone.
    #[error("interval: {0}")]
    Interval(#[from] TimeError),
    /// Orders can still change.
    #[error("expected to clear from {closes_s} on, when the gate closes, got {now_s}")]
    GateOpen {
        /// Gate closure, seconds UTC.
        closes_s: i64,
        /// Now, seconds UTC.
        now_s: i64,
    },
    /// A home came twice.
    #[error("expected each home once, got home {home} twice")]
    HomeTwice {
        /// Which.
        home: HomeId,
    },
    /// The rows are not those of the clearing.
    #[error("expected the rows to show the fills of the clearing, got others")]
    Rows,
    /// The book could not be cleared.
    #[error("book: {0}")]
    Book(#[from] BookError),
    /// The clearing is not the one that the rules give.
    #[error("the checker refuses the clearing: {0}")]
    Clearing(#[from] Violation),
    /// The entry is not one.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// A lifetime balance or a sum leaves its range.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// Ledger and results differ: an error of ours.
    #[error("the ledger of home {home} does not show what was settled for it")]
    Ledger {
        /// Which.
        home: HomeId,
    },
}
