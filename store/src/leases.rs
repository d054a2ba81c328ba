//! The lease of a zone: who may write its intervals, with a fencing token.
//!
//! Invariant: the epoch grows with every taking, and a write names the epoch under which it was
//! begun. So a holder that was thought dead can only fail, never clear an interval a second time.
//! Expiry is wall time.

use diesel::prelude::*;
use energy_core::ZoneId;

use crate::columns::Big;
use crate::schema::leases;
use crate::{Result, Store, StoreError};

/// The right to write the intervals of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Of which zone.
    pub zone: ZoneId,
    /// The fencing token.
    pub epoch: u64,
}

impl Store {
    /// Takes the lease of a zone until `until_ms` if it is free, has expired by `now_ms` (wall
    /// time), or is this holder's own (a process that started again under its name). None while
    /// somebody else holds it.
    ///
    /// # Errors
    /// [`StoreError::Database`] for an unknown zone.
    pub fn take_lease(
        &self,
        zone: &ZoneId,
        holder: &str,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Option<Lease>> {
        self.write(|c| {
            let kept: Option<(String, Big<u64>, i64)> = leases::table
                .find(zone.as_str())
                .select((leases::holder, leases::epoch, leases::expires_ms))
                .first(c)
                .optional()?;
            let epoch = match kept {
                Some((other, _, expires_ms)) if other != holder && expires_ms > now_ms => {
                    return Ok(None);
                }
                Some((_, last, _)) => last.0.saturating_add(1),
                None => 1,
            };
            let row = (
                leases::holder.eq(holder),
                leases::epoch.eq(Big(epoch)),
                leases::expires_ms.eq(until_ms),
            );
            diesel::insert_into(leases::table)
                .values((leases::zone.eq(zone.as_str()), row))
                .on_conflict(leases::zone)
                .do_update()
                .set(row)
                .execute(c)?;
            Ok(Some(Lease {
                zone: zone.clone(),
                epoch,
            }))
        })
    }

    /// Keeps a lease until `until_ms` (wall time).
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when somebody took it.
    pub fn renew_lease(&self, lease: &Lease, until_ms: i64) -> Result<()> {
        self.write(|c| {
            check_lease(c, lease)?;
            diesel::update(leases::table.find(lease.zone.as_str()))
                .set(leases::expires_ms.eq(until_ms))
                .execute(c)?;
            Ok(())
        })
    }
}

/// Lets a write go on only under the newest epoch.
pub(crate) fn check_lease(c: &mut SqliteConnection, lease: &Lease) -> Result<()> {
    let current: Option<Big<u64>> = leases::table
        .find(lease.zone.as_str())
        .select(leases::epoch)
        .first(c)
        .optional()?;
    match current {
        Some(Big(epoch)) if epoch == lease.epoch => Ok(()),
        current => Err(StoreError::Fenced {
            zone: lease.zone.clone(),
            held: lease.epoch,
            current: current.map_or(0, |epoch| epoch.0),
        }),
    }
}
