//! What a cleared interval meant for each home, with the corrections that came later, and whose each
//! order was.

use std::collections::BTreeMap;

use clearing_house::corrections::{HomeCorrection, Settled};
use clearing_house::{Closing, HomeResult, OrderRow};
use diesel::dsl::max;
use diesel::prelude::*;
use energy_core::{
    Hash, HomeId, IntervalStart, Order, OrderId, Side, WattHours, ZoneId, from_canonical,
    to_canonical,
};

use crate::columns::{Big, Blob, MaybeBig, MaybeBlob};
use crate::error::{from_json, to_json};
use crate::schema::{home_corrections, home_results, homes, journal_entries, order_rows};
use crate::{Result, Store, StoreError};

/// One home in one interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeInterval {
    /// What the interval meant for the home, as it was cleared.
    pub result: HomeResult,
    /// What was corrected later, by version.
    pub corrections: Vec<HomeCorrection>,
}

/// An order row with whose it is: not for everybody's eyes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeOrder {
    /// Whose.
    pub home: HomeId,
    /// The row.
    pub row: OrderRow,
}

impl HomeOrder {
    /// The order as it stood in the book: what partners and gifts left of it.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when they took more than there was.
    pub fn order(&self) -> Result<Order> {
        self.row
            .in_book(self.home)
            .map_err(|e| StoreError::Unreadable {
                what: "order row",
                key: self.row.order.to_string(),
                problem: e.to_string(),
            })
    }

    /// The canonical bytes of the row, of which `leaf_hash` is its leaf.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        to_canonical(&self.row)
    }
}

/// Whose, which interval, and the JSON.
type Row = (Big<HomeId>, Big<IntervalStart>, String);

impl Store {
    /// All homes' parts in an interval, by home.
    ///
    /// # Errors
    /// [`StoreError::Database`] or [`StoreError::Unreadable`], as of every question here.
    pub fn interval_results(
        &self,
        zone: &ZoneId,
        start: IntervalStart,
    ) -> Result<Vec<HomeInterval>> {
        self.read(|c| {
            let results: Vec<Row> = home_results::table
                .filter(home_results::zone.eq(zone.as_str()))
                .filter(home_results::start_s.eq(Big(start)))
                .order(home_results::home)
                .select((
                    home_results::home,
                    home_results::start_s,
                    home_results::detail,
                ))
                .load(c)?;
            let corrections: Vec<Row> = home_corrections::table
                .filter(home_corrections::zone.eq(zone.as_str()))
                .filter(home_corrections::start_s.eq(Big(start)))
                .order(home_corrections::version)
                .select((
                    home_corrections::home,
                    home_corrections::start_s,
                    home_corrections::detail,
                ))
                .load(c)?;
            joined(results, corrections)
        })
    }

    /// A home's part in an interval, none if it had no place in it.
    ///
    /// # Errors
    /// As above.
    pub fn home_result(&self, home: HomeId, start: IntervalStart) -> Result<Option<HomeInterval>> {
        Ok(self
            .home_results(home, start.seconds(), start.seconds().saturating_add(1))?
            .pop())
    }

    /// A home's parts in intervals that start from `from_s` (inclusive) to `to_s` (exclusive), in
    /// order: what its statement is made of. Seconds UTC.
    ///
    /// # Errors
    /// As above.
    pub fn home_results(&self, home: HomeId, from_s: i64, to_s: i64) -> Result<Vec<HomeInterval>> {
        self.read(|c| {
            let results: Vec<Row> = home_results::table
                .filter(home_results::home.eq(Big(home)))
                .filter(home_results::start_s.ge(from_s))
                .filter(home_results::start_s.lt(to_s))
                .order(home_results::start_s)
                .select((
                    home_results::home,
                    home_results::start_s,
                    home_results::detail,
                ))
                .load(c)?;
            let corrections: Vec<Row> = home_corrections::table
                .filter(home_corrections::home.eq(Big(home)))
                .filter(home_corrections::start_s.ge(from_s))
                .filter(home_corrections::start_s.lt(to_s))
                .order((home_corrections::start_s, home_corrections::version))
                .select((
                    home_corrections::home,
                    home_corrections::start_s,
                    home_corrections::detail,
                ))
                .load(c)?;
            joined(results, corrections)
        })
    }

    /// What stands for a home in the intervals of a zone that start from `from_s` (inclusive) to
    /// `to_s` (exclusive), corrections included, zero where it had no part: what late readings are
    /// compared with. Seconds UTC.
    ///
    /// # Errors
    /// As above; [`StoreError::Inconsistent`] when corrections go below zero.
    pub fn settled(
        &self,
        zone: &ZoneId,
        home: HomeId,
        from_s: i64,
        to_s: i64,
    ) -> Result<Vec<Settled>> {
        let versions: Vec<(Big<IntervalStart>, Option<Big<u32>>)> = self.read(|c| {
            Ok(journal_entries::table
                .filter(journal_entries::zone.eq(zone.as_str()))
                .filter(journal_entries::start_s.ge(from_s))
                .filter(journal_entries::start_s.lt(to_s))
                .group_by(journal_entries::start_s)
                .order(journal_entries::start_s)
                .select((journal_entries::start_s, max(journal_entries::version)))
                .load(c)?)
        })?;
        let of_home: BTreeMap<IntervalStart, HomeInterval> = self
            .home_results(home, from_s, to_s)?
            .into_iter()
            .map(|part| (part.result.interval, part))
            .collect();
        let settled = |(start, version): (Big<IntervalStart>, Option<Big<u32>>)| {
            let (import, export) = match of_home.get(&start.0) {
                Some(part) => stands(part)?,
                None => (WattHours::ZERO, WattHours::ZERO),
            };
            Ok(Settled {
                interval: start.0,
                version: version.map_or(0, |version| version.0),
                import,
                export,
            })
        };
        versions.into_iter().map(settled).collect()
    }

    /// The newest reading that each home's settled energy rests on, in intervals that start before
    /// `to_s`: what its evidence leaf names. Homes that never had a part are left out.
    ///
    /// # Errors
    /// As above.
    pub fn closings(&self, zone: &ZoneId, to_s: i64) -> Result<BTreeMap<HomeId, Closing>> {
        use home_results::dsl;
        self.read(|c| {
            let of_zone = homes::table.filter(homes::zone.eq(zone.as_str()));
            let of_zone: Vec<Big<HomeId>> = of_zone.select(homes::home).load(c)?;
            let mut closings = BTreeMap::new();
            for Big(home) in of_zone {
                let newest: Option<(Big<u64>, Blob<Hash>)> = dsl::home_results
                    .filter(dsl::home.eq(Big(home)))
                    .filter(dsl::start_s.lt(to_s))
                    .filter(dsl::closing_sequence.is_not_null())
                    .order(dsl::start_s.desc())
                    .select((
                        dsl::closing_sequence.assume_not_null(),
                        dsl::closing_hash.assume_not_null(),
                    ))
                    .first(c)
                    .optional()?;
                closings.extend(newest.map(|(sequence, hash)| {
                    (
                        home,
                        Closing {
                            sequence: sequence.0,
                            hash: hash.0,
                        },
                    )
                }));
            }
            Ok(closings)
        })
    }

    /// The order rows of an interval by order id, with whose they are.
    ///
    /// # Errors
    /// As above.
    pub fn order_rows(&self, zone: &ZoneId, start: IntervalStart) -> Result<Vec<HomeOrder>> {
        use order_rows::dsl;
        self.read(|c| {
            let rows: Vec<(Big<HomeId>, Blob<OrderId>, Vec<u8>)> = dsl::order_rows
                .filter(dsl::zone.eq(zone.as_str()))
                .filter(dsl::start_s.eq(Big(start)))
                .order(dsl::place)
                .select((dsl::home, dsl::order_id, dsl::bytes))
                .load(c)?;
            rows.into_iter().map(home_order).collect()
        })
    }
}

/// Results with the corrections of the same home and interval.
fn joined(results: Vec<Row>, corrections: Vec<Row>) -> Result<Vec<HomeInterval>> {
    let mut later: BTreeMap<(HomeId, IntervalStart), Vec<HomeCorrection>> = BTreeMap::new();
    for row in corrections {
        let correction = from_json("correction of home", key(&row), &row.2)?;
        later
            .entry((row.0.0, row.1.0))
            .or_default()
            .push(correction);
    }
    let part = |row: Row| {
        let corrections = later.remove(&(row.0.0, row.1.0)).unwrap_or_default();
        Ok(HomeInterval {
            result: from_json("result of home", key(&row), &row.2)?,
            corrections,
        })
    };
    results.into_iter().map(part).collect()
}

fn key(row: &Row) -> String {
    format!("{} in {}", row.0.0, row.1.0.seconds())
}

/// Import and export of a home in an interval, corrections included.
fn stands(part: &HomeInterval) -> Result<(WattHours, WattHours)> {
    let nothing = (WattHours::ZERO, WattHours::ZERO);
    let (import, export) = part
        .result
        .energy
        .map_or(nothing, |energy| (energy.import, energy.export));
    let sum = |start: WattHours, difference: fn(&HomeCorrection) -> i64| {
        let sum = part
            .corrections
            .iter()
            .map(difference)
            .try_fold(start.get(), u64::checked_add_signed);
        sum.map(WattHours::new)
            .ok_or_else(|| StoreError::Inconsistent {
                what: "home",
                key: format!("{} in {}", part.result.home, part.result.interval.seconds()),
                problem: "its corrections go below zero".to_owned(),
            })
    };
    Ok((
        sum(import, |correction| correction.import.get())?,
        sum(export, |correction| correction.export.get())?,
    ))
}

fn home_order((home, order, bytes): (Big<HomeId>, Blob<OrderId>, Vec<u8>)) -> Result<HomeOrder> {
    let row = from_canonical(&bytes).map_err(|e| StoreError::Unreadable {
        what: "order row",
        key: order.0.to_string(),
        problem: e.to_string(),
    })?;
    Ok(HomeOrder { home: home.0, row })
}

/// Keeps a home's part in an interval.
pub(crate) fn keep(c: &mut SqliteConnection, zone: &ZoneId, result: &HomeResult) -> Result<()> {
    use home_results::dsl;
    let filled = |side| {
        result
            .order
            .filter(|row| row.side == side)
            .map_or(WattHours::ZERO, |row| row.fill)
    };
    diesel::insert_into(dsl::home_results)
        .values((
            dsl::zone.eq(zone.as_str()),
            dsl::start_s.eq(Big(result.interval)),
            dsl::home.eq(Big(result.home)),
            dsl::import_wh.eq(MaybeBig(result.energy.map(|energy| energy.import))),
            dsl::export_wh.eq(MaybeBig(result.energy.map(|energy| energy.export))),
            dsl::bought_wh.eq(Big(filled(Side::Bid))),
            dsl::sold_wh.eq(Big(filled(Side::Ask))),
            dsl::cash.eq(Big(result.cash)),
            dsl::utility_bill.eq(Big(result.utility_bill)),
            dsl::without_market.eq(Big(result.without_market)),
            dsl::verified_wh.eq(Big(result.verified)),
            dsl::closing_sequence.eq(MaybeBig(result.closing.map(|closing| closing.sequence))),
            dsl::closing_hash.eq(MaybeBlob(result.closing.map(|closing| closing.hash))),
            dsl::detail.eq(to_json("home result", result)?),
        ))
        .execute(c)?;
    Ok(())
}

/// Keeps a correction of a home.
pub(crate) fn keep_correction(
    c: &mut SqliteConnection,
    zone: &ZoneId,
    correction: &HomeCorrection,
) -> Result<()> {
    use home_corrections::dsl;
    diesel::insert_into(dsl::home_corrections)
        .values((
            dsl::zone.eq(zone.as_str()),
            dsl::start_s.eq(Big(correction.interval)),
            dsl::version.eq(Big(correction.version)),
            dsl::home.eq(Big(correction.home)),
            dsl::import_difference_wh.eq(Big(correction.import)),
            dsl::export_difference_wh.eq(Big(correction.export)),
            dsl::detail.eq(to_json("correction", correction)?),
        ))
        .execute(c)?;
    Ok(())
}
