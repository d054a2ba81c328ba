//! Cleared intervals: one transaction writes all of one.
//!
//! Invariants: a cleared interval is never cleared again: the same content once more is fine,
//! another is an error. Intervals of a zone follow each other. Only the holder of the zone's lease
//! writes. A correction adds a version beside what is there, and overwrites nothing.

use std::collections::BTreeMap;

use clearing_house::corrections::{CorrectionOutcome, HomeCorrection};
use clearing_house::state::IntervalState;
use clearing_house::{
    HomeResult, IntervalOutcome, JournalEntry, Ledger, OrderRow, order_rows_tree,
};
use diesel::prelude::*;
use energy_core::{
    Clearing, Hash, HomeId, IntervalStart, MicroPricePerKwh, Order, OrderId, WattHours, ZoneId,
    from_canonical, keccak, to_canonical,
};

use crate::columns::{Big, Blob, MaybeBig, Name, coded};
use crate::error::{same, to_json};
use crate::leases::check_lease;
use crate::schema::{intervals, order_rows};
use crate::{Lease, Result, Store, StoreError, Written, journal, ledger, results};

coded!(IntervalState, "the state of an interval":
    Open = 0, Closed = 1, Delivered = 2, Metered = 3, Cleared = 4, Settled = 5, Final = 6);

/// All of one cleared interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalRecord {
    /// Where it ends and the next one starts.
    pub end: IntervalStart,
    /// What the market made of the book.
    pub clearing: Clearing,
    /// The book.
    pub orders: Vec<Order>,
    /// The book with what became of it, by order id.
    pub rows: Vec<OrderRow>,
    /// Every home's part.
    pub homes: Vec<HomeResult>,
    /// The bookings; they name zone and interval.
    pub entry: JournalEntry,
    /// The ledger after them.
    pub ledger: Ledger,
    /// When it was cleared, in grid ms. Not part of the content that is compared.
    pub cleared_at_ms: i64,
}

/// A cleared interval in short.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = intervals)]
pub struct IntervalRow {
    /// Of which zone.
    #[diesel(deserialize_as = Name<ZoneId>)]
    pub zone: ZoneId,
    /// Where it starts.
    #[diesel(deserialize_as = Big<IntervalStart>, column_name = start_s)]
    pub start: IntervalStart,
    /// Where it ends.
    #[diesel(deserialize_as = Big<IntervalStart>, column_name = end_s)]
    pub end: IntervalStart,
    /// How far it has come: cleared, settled when a settlement batch contains it, final when that is.
    #[diesel(deserialize_as = Big<IntervalState>)]
    pub state: IntervalState,
    /// The clearing price, none without trade.
    #[diesel(deserialize_as = MaybeBig<MicroPricePerKwh>)]
    pub price: Option<MicroPricePerKwh>,
    /// The lowest valid price.
    #[diesel(deserialize_as = MaybeBig<MicroPricePerKwh>)]
    pub price_lo: Option<MicroPricePerKwh>,
    /// The highest valid price.
    #[diesel(deserialize_as = MaybeBig<MicroPricePerKwh>)]
    pub price_hi: Option<MicroPricePerKwh>,
    /// Traded locally.
    #[diesel(deserialize_as = Big<WattHours>, column_name = quantity_wh)]
    pub quantity: WattHours,
    /// The hash of its certificate.
    #[diesel(deserialize_as = Blob<Hash>)]
    pub certificate_hash: Hash,
    /// The Merkle root over its order rows.
    #[diesel(deserialize_as = Blob<Hash>)]
    pub rows_root: Hash,
    /// The number of its journal entry.
    #[diesel(deserialize_as = Big<u64>)]
    pub journal_number: u64,
    /// When it was cleared, in grid ms.
    pub cleared_at_ms: i64,
}

impl Store {
    /// Writes a cleared interval, all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] without the zone's lease, [`StoreError::Conflict`] when the interval is
    /// cleared with another content, [`StoreError::Inconsistent`] when the record contradicts itself
    /// or the intervals before, [`StoreError::JournalChain`] for an entry that does not follow.
    pub fn record_interval(&self, lease: &Lease, record: &IntervalRecord) -> Result<Written> {
        let (zone, start) = (&record.entry.zone, record.entry.interval);
        let homes_of_orders = record.check(lease)?;
        let content_hash = record.content_hash()?;
        self.write(|c| {
            check_lease(c, lease)?;
            let kept: Option<Blob<Hash>> = intervals::table
                .find((zone.as_str(), Big(start)))
                .select(intervals::content_hash)
                .first(c)
                .optional()?;
            if let Some(kept) = kept {
                return same(
                    "interval",
                    format!("{zone} {}", start.seconds()),
                    &kept.0,
                    &content_hash,
                );
            }
            check_follows(c, zone, start)?;
            let number = journal::append(c, &record.entry)?;
            keep_interval(c, lease, record, number, &content_hash)?;
            keep_rows(c, record, &homes_of_orders)?;
            for home in &record.homes {
                results::keep(c, zone, home)?;
            }
            ledger::keep(c, zone, number, &record.ledger)?;
            Ok(Written::New)
        })
    }

    /// Writes the corrections of a home, all of them or nothing. Each adds a version to its interval.
    ///
    /// # Errors
    /// As [`Store::record_interval`]; [`StoreError::Inconsistent`] when a version is not the next.
    pub fn record_corrections(
        &self,
        lease: &Lease,
        outcome: &CorrectionOutcome,
    ) -> Result<Written> {
        self.write(|c| {
            check_lease(c, lease)?;
            let mut written = Written::Already;
            let last = outcome.entries.len().saturating_sub(1);
            let mut after = ledger::newest(c, &lease.zone)?;
            for (place, entry) in outcome.entries.iter().enumerate() {
                check_zone(lease, entry)?;
                if !is_next_version(c, entry)? {
                    continue;
                }
                after = after
                    .post(entry)
                    .map_err(|e| contradicts(entry, e.to_string()))?;
                let number = journal::append(c, entry)?;
                ledger::keep(
                    c,
                    &entry.zone,
                    number,
                    if place == last {
                        &outcome.ledger
                    } else {
                        &after
                    },
                )?;
                let of_entry = |home: &&HomeCorrection| {
                    home.interval == entry.interval && home.version == entry.version
                };
                for home in outcome.homes.iter().filter(of_entry) {
                    results::keep_correction(c, &entry.zone, home)?;
                }
                written = Written::New;
            }
            Ok(written)
        })
    }

    /// One cleared interval.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn interval(&self, zone: &ZoneId, start: IntervalStart) -> Result<Option<IntervalRow>> {
        self.read(|c| {
            let interval = intervals::table.find((zone.as_str(), Big(start)));
            Ok(interval
                .select(IntervalRow::as_select())
                .first(c)
                .optional()?)
        })
    }

    /// The cleared intervals of a zone that start from `from_s` (inclusive) to `to_s` (exclusive), in
    /// order. Seconds UTC.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn intervals(&self, zone: &ZoneId, from_s: i64, to_s: i64) -> Result<Vec<IntervalRow>> {
        self.read(|c| {
            Ok(intervals::table
                .filter(intervals::zone.eq(zone.as_str()))
                .filter(intervals::start_s.ge(from_s))
                .filter(intervals::start_s.lt(to_s))
                .order(intervals::start_s)
                .select(IntervalRow::as_select())
                .load(c)?)
        })
    }

    /// The newest cleared intervals of a zone, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn newest_intervals(&self, zone: &ZoneId, limit: u32) -> Result<Vec<IntervalRow>> {
        self.read(|c| {
            Ok(intervals::table
                .filter(intervals::zone.eq(zone.as_str()))
                .order(intervals::start_s.desc())
                .limit(i64::from(limit))
                .select(IntervalRow::as_select())
                .load(c)?)
        })
    }

    /// The newest cleared interval of a zone: the next one to clear starts at its end.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn newest_interval(&self, zone: &ZoneId) -> Result<Option<IntervalRow>> {
        Ok(self.newest_intervals(zone, 1)?.pop())
    }

    /// The clearing of an interval, none if it is not cleared.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn clearing(&self, zone: &ZoneId, start: IntervalStart) -> Result<Option<Clearing>> {
        let bytes: Option<Vec<u8>> = self.read(|c| {
            let interval = intervals::table.find((zone.as_str(), Big(start)));
            Ok(interval.select(intervals::clearing).first(c).optional()?)
        })?;
        let key = || format!("{zone} {}", start.seconds());
        bytes
            .map(|bytes| from_canonical(&bytes))
            .transpose()
            .map_err(|e| StoreError::Unreadable {
                what: "clearing",
                key: key(),
                problem: e.to_string(),
            })
    }
}

impl IntervalRecord {
    /// The record of an outcome.
    #[must_use]
    pub fn new(outcome: IntervalOutcome, end: IntervalStart, cleared_at_ms: i64) -> Self {
        let IntervalOutcome {
            interval: _,
            orders,
            rows,
            clearing,
            homes,
            entry,
            ledger,
            // Both stand in the rows and in the entry.
            direct: _,
            surplus: _,
        } = outcome;
        Self {
            end,
            clearing,
            orders,
            rows,
            homes,
            entry,
            ledger,
            cleared_at_ms,
        }
    }

    /// Whether the parts name one zone and one book; gives whose each order is.
    fn check(&self, lease: &Lease) -> Result<BTreeMap<OrderId, HomeId>> {
        check_zone(lease, &self.entry)?;
        let wrong = |problem: String| StoreError::Inconsistent {
            what: "interval",
            key: format!("{} {}", self.entry.zone, self.entry.interval.seconds()),
            problem,
        };
        if self.entry.version != 1 {
            return Err(wrong(format!(
                "expected version 1 of the journal entry, got {}",
                self.entry.version
            )));
        }
        if self.ledger.journal_head != self.entry.hash() {
            return Err(wrong(
                "the ledger is not the one after the journal entry".to_owned(),
            ));
        }
        let homes: BTreeMap<OrderId, HomeId> = self
            .orders
            .iter()
            .map(|order| (order.id, order.home))
            .collect();
        let rows_match = self.rows.len() == self.orders.len()
            && self.rows.iter().all(|row| homes.contains_key(&row.order));
        let sorted = self.rows.is_sorted_by(|a, b| a.order < b.order);
        if homes.len() != self.orders.len() || !rows_match || !sorted {
            return Err(wrong(
                "expected one row for each order, sorted by order id".to_owned(),
            ));
        }
        Ok(homes)
    }

    /// What makes this interval this one: everything except when it was cleared.
    fn content_hash(&self) -> Result<Hash> {
        let homes = to_json("home results", &self.homes)?;
        let ledger = to_json("ledger", &self.ledger)?;
        let book = to_canonical(&(&self.orders, &self.rows));
        let (end, clearing) = (
            self.end.seconds().to_be_bytes(),
            to_canonical(&self.clearing),
        );
        let entry = self.entry.hash();
        let parts: [&[u8]; 6] = [
            &end,
            &clearing,
            &book,
            homes.as_bytes(),
            entry.as_bytes(),
            ledger.as_bytes(),
        ];
        // Each part by its hash, so that no byte can move from one part to the next.
        let hashes: Vec<Hash> = parts.iter().map(|part| keccak(&[part])).collect();
        let hashes: Vec<&[u8]> = hashes
            .iter()
            .map(|hash| hash.as_bytes().as_slice())
            .collect();
        Ok(keccak(&hashes))
    }
}

/// Whether an entry is the next version of its interval; no when it is there already.
fn is_next_version(c: &mut SqliteConnection, entry: &JournalEntry) -> Result<bool> {
    let newest = journal::newest_version(c, &entry.zone, entry.interval)?.unwrap_or(0);
    if (1..=newest).contains(&entry.version) {
        let kept = journal::hash_of(c, &entry.zone, entry.interval, entry.version)?;
        let key = format!(
            "{} {} version {}",
            entry.zone,
            entry.interval.seconds(),
            entry.version
        );
        return same("correction", key, &kept, &entry.hash()).map(|_| false);
    }
    match newest {
        0 => Err(contradicts(entry, "the interval is not cleared".to_owned())),
        newest if entry.version == newest.saturating_add(1) => Ok(true),
        newest => Err(contradicts(
            entry,
            format!("the interval is at version {newest}"),
        )),
    }
}

fn contradicts(entry: &JournalEntry, problem: String) -> StoreError {
    let key = format!(
        "{} {} version {}",
        entry.zone,
        entry.interval.seconds(),
        entry.version
    );
    StoreError::Inconsistent {
        what: "correction",
        key,
        problem,
    }
}

fn check_zone(lease: &Lease, entry: &JournalEntry) -> Result<()> {
    if lease.zone == entry.zone {
        return Ok(());
    }
    let problem = format!("the lease is for zone {}", lease.zone);
    Err(StoreError::Inconsistent {
        what: "journal entry of zone",
        key: entry.zone.to_string(),
        problem,
    })
}

/// A zone clears its intervals in order.
fn check_follows(c: &mut SqliteConnection, zone: &ZoneId, start: IntervalStart) -> Result<()> {
    let newest: Option<i64> = intervals::table
        .filter(intervals::zone.eq(zone.as_str()))
        .order(intervals::start_s.desc())
        .select(intervals::end_s)
        .first(c)
        .optional()?;
    match newest {
        Some(end_s) if start.seconds() < end_s => Err(StoreError::Inconsistent {
            what: "interval",
            key: format!("{zone} {}", start.seconds()),
            problem: format!("the zone is cleared up to {end_s}"),
        }),
        _ => Ok(()),
    }
}

fn keep_interval(
    c: &mut SqliteConnection,
    lease: &Lease,
    record: &IntervalRecord,
    number: u64,
    content_hash: &Hash,
) -> Result<()> {
    use intervals::dsl;
    let clearing = &record.clearing;
    diesel::insert_into(dsl::intervals)
        .values((
            dsl::zone.eq(record.entry.zone.as_str()),
            dsl::start_s.eq(Big(record.entry.interval)),
            dsl::end_s.eq(Big(record.end)),
            dsl::state.eq(Big(IntervalState::Cleared)),
            dsl::price.eq(MaybeBig(clearing.price)),
            dsl::price_lo.eq(MaybeBig(clearing.price_lo)),
            dsl::price_hi.eq(MaybeBig(clearing.price_hi)),
            dsl::quantity_wh.eq(Big(bought(&record.rows)?)),
            dsl::certificate_hash.eq(Blob(keccak(&[&to_canonical(&clearing.certificate)]))),
            dsl::rows_root.eq(Blob(order_rows_tree(&record.rows).root())),
            dsl::clearing.eq(to_canonical(clearing)),
            dsl::journal_number.eq(Big(number)),
            dsl::content_hash.eq(Blob(*content_hash)),
            dsl::cleared_at_ms.eq(record.cleared_at_ms),
            dsl::lease_epoch.eq(Big(lease.epoch)),
        ))
        .execute(c)?;
    Ok(())
}

/// Σ bought, which is Σ sold.
fn bought(rows: &[OrderRow]) -> Result<WattHours> {
    let bids = rows.iter().filter(|row| row.side == energy_core::Side::Bid);
    WattHours::sum(bids.map(|row| row.fill)).map_err(|e| StoreError::Inconsistent {
        what: "order rows",
        key: String::new(),
        problem: e.to_string(),
    })
}

fn keep_rows(
    c: &mut SqliteConnection,
    record: &IntervalRecord,
    homes: &BTreeMap<OrderId, HomeId>,
) -> Result<()> {
    use order_rows::dsl;
    for (place, row) in (0_u32..).zip(&record.rows) {
        let Some(home) = homes.get(&row.order) else {
            continue;
        };
        diesel::insert_into(dsl::order_rows)
            .values((
                dsl::zone.eq(record.entry.zone.as_str()),
                dsl::start_s.eq(Big(record.entry.interval)),
                dsl::place.eq(Big(place)),
                dsl::order_id.eq(Blob(row.order)),
                dsl::home.eq(Big(*home)),
                dsl::side.eq(Big(row.side)),
                dsl::quantity_wh.eq(Big(row.quantity)),
                dsl::price.eq(Big(row.price)),
                dsl::fill_wh.eq(Big(row.fill)),
                dsl::bytes.eq(to_canonical(row)),
            ))
            .execute(c)?;
    }
    Ok(())
}
