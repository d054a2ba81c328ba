//! One-time invitations for gateways, and what became of them.
//!
//! An invitation is for one meter of a home. Redeeming it makes the gateway known and lets it sign for
//! that meter: a new one, or the one the home has in this role already, whose former gateway may then
//! no longer sign. The same key may redeem the same token again, because an answer can get lost.

use clearing_house::accept::MeterRole;
use diesel::prelude::*;
use energy_core::{GatewayId, Hash, HomeId, MeterId, ZoneId};

use crate::columns::{Big, Blob, MaybeBlob};
use crate::schema::{enrolments, gateways, homes, meters};
use crate::{GatewayRecord, MeterRecord, Result, Store, StoreError};

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The hash of its token.
    pub token_hash: Hash,
    /// For which home.
    pub home: HomeId,
    /// What the meter is for.
    pub role: MeterRole,
    /// The name of its device profile; empty when the gateway will say.
    pub profile: String,
    /// Until when, wall time, Unix seconds.
    pub expires_s: i64,
}

/// Who redeems an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeemer {
    /// The gateway's id.
    pub gateway: GatewayId,
    /// Its public key.
    pub public_key: [u8; 32],
}

/// What came of an attempt to redeem an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// The gateway is known now, and may sign for this meter.
    Enrolled(MeterRecord),
    /// There is no such invitation, or its time is over.
    Unknown,
    /// It was used by another key.
    Used,
}

type Row = (Big<HomeId>, Big<MeterRole>, String, i64, MaybeBlob<Hash>);

impl Store {
    /// Keeps an invitation, and forgets unused ones that ended before `now_s`.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for no home; [`StoreError::Database`] for a token that is in use.
    pub fn invite(&self, invitation: &Invitation, now_s: i64) -> Result<()> {
        self.write(|c| {
            home_zone(c, invitation.home)?;
            let stale = enrolments::table
                .filter(enrolments::expires_s.le(now_s))
                .filter(enrolments::gateway.is_null());
            diesel::delete(stale).execute(c)?;
            diesel::insert_into(enrolments::table)
                .values((
                    enrolments::token_hash.eq(Blob(invitation.token_hash)),
                    enrolments::home.eq(Big(invitation.home)),
                    enrolments::role.eq(Big(invitation.role)),
                    enrolments::profile.eq(&invitation.profile),
                    enrolments::expires_s.eq(invitation.expires_s),
                ))
                .execute(c)?;
            Ok(())
        })
    }

    /// Redeems an invitation at `now_s` (wall time, Unix seconds), in one transaction. `power_w_max` is
    /// the bound of a meter that is new.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn redeem(
        &self,
        token_hash: &Hash,
        who: &Redeemer,
        now_s: i64,
        power_w_max: u32,
    ) -> Result<Redeemed> {
        self.write(|c| {
            let row: Option<Row> = enrolments::table
                .find(Blob(*token_hash))
                .select((
                    enrolments::home,
                    enrolments::role,
                    enrolments::profile,
                    enrolments::expires_s,
                    enrolments::public_key,
                ))
                .first(c)
                .optional()?;
            let Some((Big(home), Big(role), profile, expires_s, MaybeBlob(used_by))) = row else {
                return Ok(Redeemed::Unknown);
            };
            match used_by {
                Some(key) if *key.as_bytes() == who.public_key => {}
                Some(_) => return Ok(Redeemed::Used),
                None if expires_s <= now_s => return Ok(Redeemed::Unknown),
                None => {
                    know_gateway(c, home, who)?;
                    diesel::update(enrolments::table.find(Blob(*token_hash)))
                        .set((
                            enrolments::gateway.eq(Blob(who.gateway)),
                            enrolments::public_key.eq(Blob(who.public_key)),
                        ))
                        .execute(c)?;
                    entrust_meter(c, home, role, &profile, who.gateway, power_w_max)?;
                }
            }
            let meter = meter_of(c, home, role, who.gateway)?;
            Ok(meter.map_or(Redeemed::Used, Redeemed::Enrolled))
        })
    }
}

fn home_zone(c: &mut SqliteConnection, home: HomeId) -> Result<String> {
    homes::table
        .find(Big(home))
        .select(homes::zone)
        .first(c)
        .optional()?
        .ok_or_else(|| StoreError::Unknown {
            what: "home",
            key: home.to_string(),
        })
}

fn know_gateway(c: &mut SqliteConnection, home: HomeId, who: &Redeemer) -> Result<()> {
    let zone = home_zone(c, home)?;
    let zone =
        ZoneId::new(zone).map_err(|e| diesel::result::Error::DeserializationError(e.into()))?;
    diesel::insert_into(gateways::table)
        .values(GatewayRecord {
            gateway: who.gateway,
            zone,
            name: format!("gateway of home {home}"),
            public_key: who.public_key,
        })
        .on_conflict(gateways::gateway)
        .do_nothing()
        .execute(c)?;
    Ok(())
}

/// The home's meter in this role changes hands, and thaws; a home without one gets it.
fn entrust_meter(
    c: &mut SqliteConnection,
    home: HomeId,
    role: MeterRole,
    profile: &str,
    gateway: GatewayId,
    power_w_max: u32,
) -> Result<()> {
    let there = meters::table
        .filter(meters::home.eq(Big(home)))
        .filter(meters::role.eq(Big(role)));
    let changed = diesel::update(there)
        .set((
            meters::gateway.eq(Blob(gateway)),
            meters::frozen.eq(Big(false)),
        ))
        .execute(c)?;
    if changed == 0 {
        let name = [&home.get().to_be_bytes()[..], &gateway.as_bytes()[..]].concat();
        diesel::insert_into(meters::table)
            .values(MeterRecord {
                meter: MeterId::derived("commonwatt/meter", &name),
                home,
                gateway,
                role,
                profile: profile.to_owned(),
                power_w_max,
                frozen: false,
            })
            .execute(c)?;
    }
    Ok(())
}

fn meter_of(
    c: &mut SqliteConnection,
    home: HomeId,
    role: MeterRole,
    gateway: GatewayId,
) -> Result<Option<MeterRecord>> {
    Ok(meters::table
        .filter(meters::home.eq(Big(home)))
        .filter(meters::role.eq(Big(role)))
        .filter(meters::gateway.eq(Blob(gateway)))
        .order(meters::meter)
        .first(c)
        .optional()?)
}
