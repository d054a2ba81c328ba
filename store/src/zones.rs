//! Zones: their rules, and the documents that gateways' signatures are bound to.
//!
//! Invariant: rules and documents are never overwritten, since cleared intervals and signatures
//! rest on them. Old documents stay valid for what was signed under them.

use diesel::prelude::*;
use energy_core::{Hash, ZoneDocument, ZoneId, from_canonical, to_canonical};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::columns::{Blob, Name};
use crate::error::{from_json, same, to_json};
use crate::schema::{zone_documents, zones};
use crate::{Result, Store, StoreError, Written};

impl Store {
    /// Keeps a zone and its rules (`clearing_house::ZoneRules`).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the zone has other rules.
    pub fn put_zone(&self, zone: &ZoneId, rules: &impl Serialize) -> Result<Written> {
        let rules = to_json("zone rules", rules)?;
        self.write(|c| {
            let new = diesel::insert_into(zones::table)
                .values((zones::zone.eq(zone.as_str()), zones::rules.eq(&rules)))
                .on_conflict_do_nothing()
                .execute(c)?;
            if new == 1 {
                return Ok(Written::New);
            }
            let kept: String = zones::table
                .find(zone.as_str())
                .select(zones::rules)
                .first(c)?;
            same("zone", zone, &kept, &rules)
        })
    }

    /// All zones, by name.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn zones(&self) -> Result<Vec<ZoneId>> {
        self.read(|c| {
            let names: Vec<Name<ZoneId>> = zones::table
                .order(zones::zone)
                .select(zones::zone)
                .load(c)?;
            Ok(names.into_iter().map(ZoneId::from).collect())
        })
    }

    /// The rules of a zone, as they were put in.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for another zone, [`StoreError::Unreadable`] for another kind of rules.
    pub fn zone_rules<R: DeserializeOwned>(&self, zone: &ZoneId) -> Result<R> {
        let text: Option<String> = self.read(|c| {
            Ok(zones::table
                .find(zone.as_str())
                .select(zones::rules)
                .first(c)
                .optional()?)
        })?;
        let text = text.ok_or_else(|| StoreError::Unknown {
            what: "zone",
            key: zone.to_string(),
        })?;
        from_json("zone rules", zone, &text)
    }

    /// Keeps a zone document. The zone must be known.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another document of the zone is valid from the same instant.
    pub fn put_zone_document(&self, document: &ZoneDocument) -> Result<Written> {
        let valid_from_s = document.valid_from.seconds();
        self.write(|c| {
            let new = diesel::insert_into(zone_documents::table)
                .values((
                    zone_documents::hash.eq(Blob(document.hash())),
                    zone_documents::zone.eq(document.zone.as_str()),
                    zone_documents::valid_from_s.eq(valid_from_s),
                    zone_documents::document.eq(to_canonical(document)),
                ))
                .on_conflict_do_nothing()
                .execute(c)?;
            if new == 1 {
                return Ok(Written::New);
            }
            let kept: Blob<Hash> = zone_documents::table
                .filter(zone_documents::zone.eq(document.zone.as_str()))
                .filter(zone_documents::valid_from_s.eq(valid_from_s))
                .select(zone_documents::hash)
                .first(c)?;
            same(
                "zone document",
                format!("{} from {valid_from_s}", document.zone),
                &kept.0,
                &document.hash(),
            )
        })
    }

    /// All documents of a zone, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`] or [`StoreError::Unreadable`].
    pub fn zone_documents(&self, zone: &ZoneId) -> Result<Vec<ZoneDocument>> {
        let kept: Vec<Vec<u8>> = self.read(|c| {
            Ok(zone_documents::table
                .filter(zone_documents::zone.eq(zone.as_str()))
                .order(zone_documents::valid_from_s)
                .select(zone_documents::document)
                .load(c)?)
        })?;
        kept.iter().map(|bytes| document(zone, bytes)).collect()
    }

    /// The document with this hash, to check a signature that was made under it.
    ///
    /// # Errors
    /// [`StoreError::Database`] or [`StoreError::Unreadable`].
    pub fn zone_document(&self, hash: &Hash) -> Result<Option<ZoneDocument>> {
        let kept: Option<Vec<u8>> = self.read(|c| {
            Ok(zone_documents::table
                .find(Blob(*hash))
                .select(zone_documents::document)
                .first(c)
                .optional()?)
        })?;
        kept.map(|bytes| document(hash, &bytes)).transpose()
    }
}

fn document(key: impl std::fmt::Display, bytes: &[u8]) -> Result<ZoneDocument> {
    from_canonical(bytes).map_err(|e| StoreError::Unreadable {
        what: "zone document",
        key: key.to_string(),
        problem: e.to_string(),
    })
}
