//! Gateways and meters: whose key may sign for which meter, and which meters are frozen.
//!
//! A home has exactly one connection-point meter, the one that settles. A frozen meter stays known;
//! what it sends is kept and refused.

use clearing_house::accept::{MeterRole, Registration};
use diesel::prelude::*;
use energy_core::{GatewayId, HomeId, MeterId, ZoneId};

use crate::columns::{Big, Blob, Name, coded};
use crate::error::same;
use crate::schema::{gateways, homes, meters};
use crate::{Result, Store, StoreError, Written};

coded!(MeterRole, "a meter role": ConnectionPoint = 0, Generation = 1, Storage = 2);

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = gateways)]
pub struct GatewayRecord {
    /// Its id.
    #[diesel(serialize_as = Blob<GatewayId>, deserialize_as = Blob<GatewayId>)]
    pub gateway: GatewayId,
    /// Where it is.
    #[diesel(serialize_as = Name<ZoneId>, deserialize_as = Name<ZoneId>)]
    pub zone: ZoneId,
    /// How people call it.
    pub name: String,
    /// Its ed25519 public key.
    #[diesel(serialize_as = Blob<[u8; 32]>, deserialize_as = Blob<[u8; 32]>)]
    pub public_key: [u8; 32],
}

/// A meter.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = meters)]
pub struct MeterRecord {
    /// Its id.
    #[diesel(serialize_as = Blob<MeterId>, deserialize_as = Blob<MeterId>)]
    pub meter: MeterId,
    /// Whose it is.
    #[diesel(serialize_as = Big<HomeId>, deserialize_as = Big<HomeId>)]
    pub home: HomeId,
    /// Who may sign for it.
    #[diesel(serialize_as = Blob<GatewayId>, deserialize_as = Blob<GatewayId>)]
    pub gateway: GatewayId,
    /// What it is for.
    #[diesel(serialize_as = Big<MeterRole>, deserialize_as = Big<MeterRole>)]
    pub role: MeterRole,
    /// The name of its device profile.
    pub profile: String,
    /// The most power that its connection carries in either direction, in W.
    #[diesel(serialize_as = Big<u32>, deserialize_as = Big<u32>)]
    pub power_w_max: u32,
    /// Whether its readings are refused after an equivocation.
    #[diesel(serialize_as = Big<bool>, deserialize_as = Big<bool>)]
    pub frozen: bool,
}

impl MeterRecord {
    /// What a verdict on its readings needs.
    #[must_use]
    pub fn registration(&self) -> Registration {
        let Self {
            meter,
            home,
            gateway,
            role,
            power_w_max,
            ..
        } = *self;
        Registration {
            meter,
            gateway,
            home,
            role,
            power_w_max,
        }
    }
}

impl Store {
    /// Keeps a gateway.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is known with another key, name or zone.
    pub fn put_gateway(&self, gateway: &GatewayRecord) -> Result<Written> {
        self.write(|c| {
            let new = diesel::insert_into(gateways::table)
                .values(gateway.clone())
                .on_conflict(gateways::gateway)
                .do_nothing()
                .execute(c)?;
            if new == 1 {
                return Ok(Written::New);
            }
            same(
                "gateway",
                gateway.gateway,
                &gateways::table.find(Blob(gateway.gateway)).first(c)?,
                gateway,
            )
        })
    }

    /// The gateways of a zone, by name.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn gateways(&self, zone: &ZoneId) -> Result<Vec<GatewayRecord>> {
        self.read(|c| {
            let of_zone = gateways::table.filter(gateways::zone.eq(zone.as_str()));
            Ok(of_zone.order((gateways::name, gateways::gateway)).load(c)?)
        })
    }

    /// One gateway.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn gateway(&self, gateway: &GatewayId) -> Result<Option<GatewayRecord>> {
        self.read(|c| Ok(gateways::table.find(Blob(*gateway)).first(c).optional()?))
    }

    /// Keeps a meter. A meter that is there stays as frozen as it is, and with the gateway that it was
    /// entrusted to since.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is known otherwise; [`StoreError::Database`] when its home
    /// has another connection-point meter.
    pub fn put_meter(&self, meter: &MeterRecord) -> Result<Written> {
        self.write(|c| {
            let new = diesel::insert_into(meters::table)
                .values(meter.clone())
                .on_conflict(meters::meter)
                .do_nothing()
                .execute(c)?;
            if new == 1 {
                return Ok(Written::New);
            }
            let kept: MeterRecord = meters::table.find(Blob(meter.meter)).first(c)?;
            let (frozen, gateway) = (kept.frozen, kept.gateway);
            same(
                "meter",
                meter.meter,
                &kept,
                &MeterRecord {
                    frozen,
                    gateway,
                    ..meter.clone()
                },
            )
        })
    }

    /// The meters of a zone, by home and role.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn meters(&self, zone: &ZoneId) -> Result<Vec<MeterRecord>> {
        self.read(|c| meters_of_zone(c, zone))
    }

    /// The meters of a home, the connection-point meter first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn meters_of_home(&self, home: HomeId) -> Result<Vec<MeterRecord>> {
        self.read(|c| {
            Ok(meters::table
                .filter(meters::home.eq(Big(home)))
                .order((meters::role, meters::meter))
                .load(c)?)
        })
    }

    /// One meter.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn meter(&self, meter: &MeterId) -> Result<Option<MeterRecord>> {
        self.read(|c| Ok(meters::table.find(Blob(*meter)).first(c).optional()?))
    }

    /// Freezes a meter, or thaws it after its re-enrolment.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for no meter.
    pub fn set_frozen(&self, meter: &MeterId, frozen: bool) -> Result<()> {
        self.write(|c| match freeze(c, meter, frozen)? {
            0 => Err(StoreError::Unknown {
                what: "meter",
                key: meter.to_string(),
            }),
            _ => Ok(()),
        })
    }
}

/// The meters of a zone, by home and role.
pub(crate) fn meters_of_zone(c: &mut SqliteConnection, zone: &ZoneId) -> Result<Vec<MeterRecord>> {
    let of_zone = homes::table
        .filter(homes::zone.eq(zone.as_str()))
        .select(homes::home);
    Ok(meters::table
        .filter(meters::home.eq_any(of_zone))
        .order((meters::home, meters::role, meters::meter))
        .load(c)?)
}

/// Sets the flag; gives how many meters of this id there are.
pub(crate) fn freeze(c: &mut SqliteConnection, meter: &MeterId, frozen: bool) -> Result<usize> {
    Ok(diesel::update(meters::table.find(Blob(*meter)))
        .set(meters::frozen.eq(Big(frozen)))
        .execute(c)?)
}
