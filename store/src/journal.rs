//! The journal: entries numbered from 1 in each zone without gaps, each naming the one before by
//! hash. Entries are only ever added.
//!
//! An entry is put together again from its lines and hashed when it is read, so a changed line is
//! noticed.

use clearing_house::{Account, Asset, JournalEntry, JournalLine, LineKind};
use diesel::dsl::max;
use diesel::prelude::*;
use energy_core::{Hash, IntervalStart, ZoneId};

use crate::columns::{Big, Blob};
use crate::schema::{journal_entries, journal_lines};
use crate::{Result, Store, StoreError};

/// An entry with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedEntry {
    /// Its number in the zone, from 1.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// The entry.
    pub entry: JournalEntry,
}

/// A line of one account, with the entry that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLine {
    /// The entry's number.
    pub number: u64,
    /// The interval it is about.
    pub interval: IntervalStart,
    /// The version of the interval.
    pub version: u32,
    /// The line.
    pub line: JournalLine,
}

impl Store {
    /// Number and hash of a zone's newest entry, none before the first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn journal_head(&self, zone: &ZoneId) -> Result<Option<(u64, Hash)>> {
        self.read(|c| head(c, zone))
    }

    /// The entries of a zone with numbers above `after` up to `through`, in order.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when an entry no longer has its hash.
    pub fn journal(&self, zone: &ZoneId, after: u64, through: u64) -> Result<Vec<NumberedEntry>> {
        use journal_entries::dsl;
        self.read(|c| {
            let numbers: Vec<Big<u64>> = dsl::journal_entries
                .filter(dsl::zone.eq(zone.as_str()))
                .filter(dsl::number.gt(Big(after)))
                .filter(dsl::number.le(Big(through)))
                .order(dsl::number)
                .select(dsl::number)
                .load(c)?;
            numbers
                .into_iter()
                .map(|number| entry(c, zone, number.0))
                .collect()
        })
    }

    /// The entries about one interval: its clearing, and later corrections.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when an entry no longer has its hash.
    pub fn journal_of_interval(
        &self,
        zone: &ZoneId,
        start: IntervalStart,
    ) -> Result<Vec<NumberedEntry>> {
        use journal_entries::dsl;
        self.read(|c| {
            let numbers: Vec<Big<u64>> = dsl::journal_entries
                .filter(dsl::zone.eq(zone.as_str()))
                .filter(dsl::start_s.eq(Big(start)))
                .order(dsl::version)
                .select(dsl::number)
                .load(c)?;
            numbers
                .into_iter()
                .map(|number| entry(c, zone, number.0))
                .collect()
        })
    }

    /// The lines of one account in entries with numbers above `after` up to `through`, in order: what
    /// leads from one leaf of the account to the next.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn account_lines(
        &self,
        zone: &ZoneId,
        account: Account,
        after: u64,
        through: u64,
    ) -> Result<Vec<AccountLine>> {
        use journal_lines::dsl;
        type Row = (
            Big<u64>,
            Big<IntervalStart>,
            Big<u32>,
            Big<Asset>,
            i64,
            Big<LineKind>,
        );
        self.read(|c| {
            let rows: Vec<Row> = dsl::journal_lines
                .inner_join(
                    journal_entries::table.on(journal_entries::zone
                        .eq(dsl::zone)
                        .and(journal_entries::number.eq(dsl::number))),
                )
                .filter(dsl::zone.eq(zone.as_str()))
                .filter(dsl::account.eq(Big(account)))
                .filter(dsl::number.gt(Big(after)))
                .filter(dsl::number.le(Big(through)))
                .order((dsl::number, dsl::line))
                .select((
                    dsl::number,
                    journal_entries::start_s,
                    journal_entries::version,
                    dsl::asset,
                    dsl::amount,
                    dsl::kind,
                ))
                .load(c)?;
            let line = |(number, interval, version, asset, amount, kind): Row| AccountLine {
                number: number.0,
                interval: interval.0,
                version: version.0,
                line: JournalLine {
                    account,
                    asset: asset.0,
                    amount,
                    kind: kind.0,
                },
            };
            Ok(rows.into_iter().map(line).collect())
        })
    }
}

/// Adds an entry and gives its number.
pub(crate) fn append(c: &mut SqliteConnection, entry: &JournalEntry) -> Result<u64> {
    let (last, head) = head(c, &entry.zone)?.unwrap_or((0, Hash::ZERO));
    if entry.previous != head {
        return Err(StoreError::JournalChain {
            zone: entry.zone.clone(),
            head,
            previous: entry.previous,
        });
    }
    entry.check().map_err(|e| StoreError::Inconsistent {
        what: "journal entry",
        key: entry.hash().to_string(),
        problem: e.to_string(),
    })?;
    let number = last.saturating_add(1);
    diesel::insert_into(journal_entries::table)
        .values((
            journal_entries::zone.eq(entry.zone.as_str()),
            journal_entries::number.eq(Big(number)),
            journal_entries::start_s.eq(Big(entry.interval)),
            journal_entries::version.eq(Big(entry.version)),
            journal_entries::hash.eq(Blob(entry.hash())),
            journal_entries::previous.eq(Blob(entry.previous)),
        ))
        .execute(c)?;
    for (place, line) in (0_u32..).zip(&entry.lines) {
        diesel::insert_into(journal_lines::table)
            .values((
                journal_lines::zone.eq(entry.zone.as_str()),
                journal_lines::number.eq(Big(number)),
                journal_lines::line.eq(Big(place)),
                journal_lines::account.eq(Big(line.account)),
                journal_lines::asset.eq(Big(line.asset)),
                journal_lines::kind.eq(Big(line.kind)),
                journal_lines::amount.eq(line.amount),
            ))
            .execute(c)?;
    }
    Ok(number)
}

/// Number and hash of the newest entry.
pub(crate) fn head(c: &mut SqliteConnection, zone: &ZoneId) -> Result<Option<(u64, Hash)>> {
    use journal_entries::dsl;
    let newest: Option<(Big<u64>, Blob<Hash>)> = dsl::journal_entries
        .filter(dsl::zone.eq(zone.as_str()))
        .order(dsl::number.desc())
        .select((dsl::number, dsl::hash))
        .first(c)
        .optional()?;
    Ok(newest.map(|(number, hash)| (number.0, hash.0)))
}

/// The newest version that an interval has in the journal.
pub(crate) fn newest_version(
    c: &mut SqliteConnection,
    zone: &ZoneId,
    start: IntervalStart,
) -> Result<Option<u32>> {
    use journal_entries::dsl;
    let newest: Option<Big<u32>> = dsl::journal_entries
        .filter(dsl::zone.eq(zone.as_str()))
        .filter(dsl::start_s.eq(Big(start)))
        .select(max(dsl::version))
        .first(c)?;
    Ok(newest.map(|version| version.0))
}

/// The hash of one version of an interval.
pub(crate) fn hash_of(
    c: &mut SqliteConnection,
    zone: &ZoneId,
    start: IntervalStart,
    version: u32,
) -> Result<Hash> {
    use journal_entries::dsl;
    let hash: Blob<Hash> = dsl::journal_entries
        .filter(dsl::zone.eq(zone.as_str()))
        .filter(dsl::start_s.eq(Big(start)))
        .filter(dsl::version.eq(Big(version)))
        .select(dsl::hash)
        .first(c)?;
    Ok(hash.0)
}

fn entry(c: &mut SqliteConnection, zone: &ZoneId, number: u64) -> Result<NumberedEntry> {
    let (interval, version, hash, previous): (
        Big<IntervalStart>,
        Big<u32>,
        Blob<Hash>,
        Blob<Hash>,
    ) = journal_entries::table
        .find((zone.as_str(), Big(number)))
        .select((
            journal_entries::start_s,
            journal_entries::version,
            journal_entries::hash,
            journal_entries::previous,
        ))
        .first(c)?;
    type Line = (Big<Account>, Big<Asset>, i64, Big<LineKind>);
    let rows: Vec<Line> = journal_lines::table
        .filter(journal_lines::zone.eq(zone.as_str()))
        .filter(journal_lines::number.eq(Big(number)))
        .order(journal_lines::line)
        .select((
            journal_lines::account,
            journal_lines::asset,
            journal_lines::amount,
            journal_lines::kind,
        ))
        .load(c)?;
    let lines = rows
        .into_iter()
        .map(|(account, asset, amount, kind)| JournalLine {
            account: account.0,
            asset: asset.0,
            amount,
            kind: kind.0,
        })
        .collect();
    let (interval, version, previous) = (interval.0, version.0, previous.0);
    let entry = JournalEntry {
        zone: zone.clone(),
        interval,
        version,
        previous,
        lines,
    };
    let got = entry.hash();
    if got == hash.0 {
        return Ok(NumberedEntry {
            number,
            hash: got,
            entry,
        });
    }
    let problem = format!("its lines have the hash {got}, it was kept as {}", hash.0);
    Err(StoreError::Unreadable {
        what: "journal entry",
        key: format!("{zone} {number}"),
        problem,
    })
}
