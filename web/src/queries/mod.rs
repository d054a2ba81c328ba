//! The store answers the questions of [`crate::Source`].
//!
//! Rows are turned into facts here and nothing is decided: verified energy is recomputed by
//! `clearing_house::tokens`, sums come from the journal.

mod accounts;
mod audit;
mod homes;
mod intervals;
mod meters;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use clearing_house::ZoneRules;
use energy_core::{HomeId, IntervalStart};
use store::{Store, StoreError};

use crate::facts::{
    AuditFacts, BalanceFacts, BatchFacts, BookFacts, HomeFacts, HomeIntervalFacts, IntervalFacts,
    LiveFacts, MeterFacts, PriceRule, Role, StoreFacts, UserFacts, ZoneFacts,
};
use crate::source::{Source, SourceError};

/// The store as the source of one zone's pages.
#[derive(Debug)]
pub struct StoreSource {
    store: Store,
    zone: ZoneFacts,
    /// Sums of cleared intervals, which never change.
    totals: Mutex<BTreeMap<IntervalStart, intervals::Totals>>,
}

impl StoreSource {
    /// The pages of the zone with these rules.
    #[must_use]
    pub fn new(store: Store, rules: &ZoneRules) -> Self {
        let zone = ZoneFacts {
            zone: rules.zone.clone(),
            interval: rules.interval,
            tariff: rules.tariff.clone(),
            buyer_fee: rules.fees.buyer,
            seller_fee: rules.fees.seller,
            credit_limit: rules.credit_limit,
        };
        Self {
            store,
            zone,
            totals: Mutex::new(BTreeMap::new()),
        }
    }

    fn totals(&self) -> std::sync::MutexGuard<'_, BTreeMap<IntervalStart, intervals::Totals>> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::PreferenceChanged {
                expected, current, ..
            } => {
                let version = |v: u64| i64::try_from(v).unwrap_or(i64::MAX);
                Self::Conflict {
                    expected: version(expected),
                    current: version(current),
                }
            }
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<energy_core::Overflow> for SourceError {
    fn from(error: energy_core::Overflow) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Source for StoreSource {
    fn zone(&self) -> Result<ZoneFacts, SourceError> {
        // A small question, so that a store that does not answer is noticed.
        self.store.epoch()?;
        Ok(self.zone.clone())
    }

    fn homes(&self) -> Result<Vec<HomeFacts>, SourceError> {
        self.all_homes()
    }

    fn live(&self) -> Result<Vec<LiveFacts>, SourceError> {
        self.live_values()
    }

    fn intervals(&self, from_s: i64, to_s: i64) -> Result<Vec<IntervalFacts>, SourceError> {
        self.interval_facts(self.store.intervals(&self.zone.zone, from_s, to_s)?)
    }

    fn newest_interval(&self) -> Result<Option<IntervalFacts>, SourceError> {
        let newest = self.store.newest_interval(&self.zone.zone)?;
        Ok(self.interval_facts(newest.into_iter().collect())?.pop())
    }

    fn interval_homes(&self, start: IntervalStart) -> Result<Vec<HomeIntervalFacts>, SourceError> {
        self.lines(
            self.store.interval_results(&self.zone.zone, start)?,
            start.seconds(),
            start.seconds() + 1,
        )
    }

    fn home_intervals(
        &self,
        home: HomeId,
        from_s: i64,
        to_s: i64,
    ) -> Result<Vec<HomeIntervalFacts>, SourceError> {
        self.lines(self.store.home_results(home, from_s, to_s)?, from_s, to_s)
    }

    fn book(&self, start: IntervalStart) -> Result<Option<BookFacts>, SourceError> {
        self.book_of(start)
    }

    fn balance(
        &self,
        home: HomeId,
        synced: Option<u64>,
    ) -> Result<Option<BalanceFacts>, SourceError> {
        self.balance_of(home, synced)
    }

    fn meters(&self) -> Result<Vec<MeterFacts>, SourceError> {
        self.meter_facts()
    }

    fn batches(&self, at_most: u32) -> Result<Vec<BatchFacts>, SourceError> {
        self.newest_batches(at_most)
    }

    fn audit(&self, from_s: i64, to_s: i64) -> Result<Vec<AuditFacts>, SourceError> {
        self.audited(from_s, to_s)
    }

    fn audit_ends(&self) -> Result<(Option<AuditFacts>, Option<AuditFacts>), SourceError> {
        self.audited_ends()
    }

    fn store_facts(&self) -> Result<StoreFacts, SourceError> {
        let counts = self.store.ingest_counts()?;
        Ok(StoreFacts {
            engine: format!("SQLite, {}", self.store.path().display()),
            epoch: self.store.epoch()?,
            readings: counts.readings,
            reading_batches: counts.batches,
        })
    }

    fn set_rule(&self, home: HomeId, version: i64, rule: PriceRule) -> Result<i64, SourceError> {
        self.change_rule(home, version, rule)
    }

    fn user(&self, login: &str) -> Result<Option<UserFacts>, SourceError> {
        self.user_facts(login)
    }

    fn keep_session(
        &self,
        hash: [u8; 32],
        login: &str,
        now_s: i64,
        expires_s: i64,
    ) -> Result<(), SourceError> {
        Ok(self
            .store
            .open_session(&energy_core::Hash::new(hash), login, now_s, expires_s)?)
    }

    fn session(&self, hash: [u8; 32], now_s: i64) -> Result<Option<(String, Role)>, SourceError> {
        self.session_of(hash, now_s)
    }

    fn end_session(&self, hash: [u8; 32]) -> Result<(), SourceError> {
        Ok(self.store.close_session(&energy_core::Hash::new(hash))?)
    }
}
