//! The conservation audit of a forward interval.

use super::result::ForwardOutcome;
use crate::account::Ledger;
use crate::audit::{AuditError, check_settled};

/// Whether a settled forward interval adds up, as [`crate::audit::check_interval`] does for a metered one.
///
/// # Errors
/// [`AuditError`].
pub fn check_forward_interval(before: &Ledger, outcome: &ForwardOutcome) -> Result<(), AuditError> {
    let settled = outcome.homes.iter().map(|result| {
        let cost = result.cost()?;
        Ok((result.home, result.energy, cost))
    });
    check_settled(before, &outcome.entry, &outcome.ledger, settled)
}
