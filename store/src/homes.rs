//! Homes: who takes part, under which address, with which price preference.
//!
//! A preference has a version that grows by one with every change, so that two people who change
//! it at once are told (`ETag`, `If-Match`).

use diesel::prelude::*;
use energy_core::{Address, HomeId, ZoneId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::columns::{Big, Blob, Name};
use crate::error::{from_json, same, to_json};
use crate::schema::homes;
use crate::{Result, Store, StoreError, Written};

/// A home.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = homes)]
pub struct HomeRecord {
    /// Its number, from 1.
    #[diesel(serialize_as = Big<HomeId>, deserialize_as = Big<HomeId>)]
    pub home: HomeId,
    /// Where it trades.
    #[diesel(serialize_as = Name<ZoneId>, deserialize_as = Name<ZoneId>)]
    pub zone: ZoneId,
    /// How its people call it.
    pub name: String,
    /// Its account on the chain.
    #[diesel(serialize_as = Blob<Address>, deserialize_as = Blob<Address>)]
    pub address: Address,
    /// Its price preference as JSON; see [`HomeRecord::preference`].
    pub preference: String,
    /// The preference's version, from 1.
    #[diesel(serialize_as = Big<u64>, deserialize_as = Big<u64>)]
    pub preference_version: u64,
    /// Whether it has a battery.
    #[diesel(serialize_as = Big<bool>, deserialize_as = Big<bool>)]
    pub has_battery: bool,
    /// Whether it generates.
    #[diesel(serialize_as = Big<bool>, deserialize_as = Big<bool>)]
    pub has_generation: bool,
}

impl HomeRecord {
    /// A home with the first version of its preference (`clearing_house::PricePreference`).
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] for a preference without a JSON form.
    pub fn new(
        home: HomeId,
        zone: ZoneId,
        name: impl Into<String>,
        address: Address,
        preference: &impl Serialize,
    ) -> Result<Self> {
        let preference = to_json("price preference", preference)?;
        let name = name.into();
        let (has_battery, has_generation) = (false, false);
        Ok(Self {
            home,
            zone,
            name,
            address,
            preference,
            preference_version: 1,
            has_battery,
            has_generation,
        })
    }

    /// Its price preference.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] for another kind of preference.
    pub fn preference<P: DeserializeOwned>(&self) -> Result<P> {
        from_json("price preference of home", self.home, &self.preference)
    }
}

impl Store {
    /// Keeps a home. A home that is there keeps the preference it has now.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another home has this number.
    pub fn put_home(&self, home: &HomeRecord) -> Result<Written> {
        self.write(|c| {
            let new = diesel::insert_into(homes::table)
                .values(home.clone())
                .on_conflict(homes::home)
                .do_nothing()
                .execute(c)?;
            if new == 1 {
                return Ok(Written::New);
            }
            let kept: HomeRecord = homes::table.find(Big(home.home)).first(c)?;
            let preference = kept.preference.clone();
            let got = HomeRecord {
                preference,
                preference_version: kept.preference_version,
                ..home.clone()
            };
            same("home", home.home, &kept, &got)
        })
    }

    /// The homes of a zone, by number.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn homes(&self, zone: &ZoneId) -> Result<Vec<HomeRecord>> {
        self.read(|c| {
            Ok(homes::table
                .filter(homes::zone.eq(zone.as_str()))
                .order(homes::home)
                .load(c)?)
        })
    }

    /// One home.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn home(&self, home: HomeId) -> Result<Option<HomeRecord>> {
        self.read(|c| Ok(homes::table.find(Big(home)).first(c).optional()?))
    }

    /// The home with this account.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn home_of_address(&self, address: &Address) -> Result<Option<HomeRecord>> {
        self.read(|c| {
            Ok(homes::table
                .filter(homes::address.eq(Blob(*address)))
                .first(c)
                .optional()?)
        })
    }

    /// Changes the price preference of a home that is at version `expected`, and gives the new
    /// version. It counts from the next interval that is cleared.
    ///
    /// # Errors
    /// [`StoreError::PreferenceChanged`] when it is at another version, [`StoreError::Unknown`] for
    /// no home.
    pub fn change_preference(
        &self,
        home: HomeId,
        expected: u64,
        preference: &impl Serialize,
    ) -> Result<u64> {
        let preference = to_json("price preference", preference)?;
        self.write(|c| {
            let current: Option<Big<u64>> = homes::table
                .find(Big(home))
                .select(homes::preference_version)
                .first(c)
                .optional()?;
            let current = current
                .ok_or_else(|| StoreError::Unknown {
                    what: "home",
                    key: home.to_string(),
                })?
                .0;
            if current != expected {
                return Err(StoreError::PreferenceChanged {
                    home,
                    expected,
                    current,
                });
            }
            let next = current.saturating_add(1);
            diesel::update(homes::table.find(Big(home)))
                .set((
                    homes::preference.eq(&preference),
                    homes::preference_version.eq(Big(next)),
                ))
                .execute(c)?;
            Ok(next)
        })
    }
}
