//! The questions that the pages and the API ask.
//!
//! [`Source`] has two implementations: the store, in `queries/`, and a made-up street for looking at
//! the pages and testing them without a database. Every call may block; the handlers call it on a
//! blocking thread.

use energy_core::{HomeId, IntervalStart};

use crate::facts::{
    AuditFacts, BalanceFacts, BatchFacts, BookFacts, HomeFacts, HomeIntervalFacts, IntervalFacts,
    LiveFacts, MeterFacts, PriceRule, Role, StoreFacts, UserFacts, ZoneFacts,
};

/// A question could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The store failed.
    #[error("the store could not answer: {0}")]
    Failed(String),
    /// The preference was changed by somebody else in the meantime.
    #[error("expected version {expected} of the preference, it has become {current}")]
    Conflict {
        /// The version that the change was based on.
        expected: i64,
        /// The version that is stored.
        current: i64,
    },
}

/// Answers from the store.
pub trait Source: Send + Sync {
    /// The zone.
    ///
    /// # Errors
    /// [`SourceError::Failed`], as for every method here.
    fn zone(&self) -> Result<ZoneFacts, SourceError>;

    /// All homes by id.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn homes(&self) -> Result<Vec<HomeFacts>, SourceError>;

    /// The newest live values of all homes that have any.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn live(&self) -> Result<Vec<LiveFacts>, SourceError>;

    /// The cleared intervals that start in `[from, to)` (seconds UTC), oldest first.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn intervals(&self, from_s: i64, to_s: i64) -> Result<Vec<IntervalFacts>, SourceError>;

    /// The newest cleared interval.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn newest_interval(&self) -> Result<Option<IntervalFacts>, SourceError>;

    /// Every home of one interval, by home.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn interval_homes(&self, start: IntervalStart) -> Result<Vec<HomeIntervalFacts>, SourceError>;

    /// One home's intervals that start in `[from, to)` (seconds UTC), oldest first.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn home_intervals(
        &self,
        home: HomeId,
        from_s: i64,
        to_s: i64,
    ) -> Result<Vec<HomeIntervalFacts>, SourceError>;

    /// The book of one interval.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn book(&self, start: IntervalStart) -> Result<Option<BookFacts>, SourceError>;

    /// One home's balance, none for an unknown home. Without `synced_batch` the newest final one counts
    /// as synced.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn balance(
        &self,
        home: HomeId,
        synced_batch: Option<u64>,
    ) -> Result<Option<BalanceFacts>, SourceError>;

    /// All meters by home and role.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn meters(&self) -> Result<Vec<MeterFacts>, SourceError>;

    /// The newest settlement batches, newest first.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn batches(&self, at_most: u32) -> Result<Vec<BatchFacts>, SourceError>;

    /// Meters, ledger and chain for the cleared intervals that start in `[from, to)` (seconds UTC).
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn audit(&self, from_s: i64, to_s: i64) -> Result<Vec<AuditFacts>, SourceError>;

    /// The same for the newest interval that ends a final batch, and for the newest cleared one.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn audit_ends(&self) -> Result<(Option<AuditFacts>, Option<AuditFacts>), SourceError>;

    /// What the database holds.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn store_facts(&self) -> Result<StoreFacts, SourceError>;

    /// Changes a home's preference if it is still at `version`, and gives the new version.
    ///
    /// # Errors
    /// [`SourceError::Conflict`] when it is not.
    fn set_rule(&self, home: HomeId, version: i64, rule: PriceRule) -> Result<i64, SourceError>;

    /// Who logs in by this name.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn user(&self, login: &str) -> Result<Option<UserFacts>, SourceError>;

    /// Keeps a session from `now_s` until `expires_s` (wall time, seconds UTC). Only the token's hash is kept.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn keep_session(
        &self,
        token_hash: [u8; 32],
        login: &str,
        now_s: i64,
        expires_s: i64,
    ) -> Result<(), SourceError>;

    /// Whose session this is, if it has not expired at `now_s` (wall time, seconds UTC).
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn session(
        &self,
        token_hash: [u8; 32],
        now_s: i64,
    ) -> Result<Option<(String, Role)>, SourceError>;

    /// Ends a session.
    ///
    /// # Errors
    /// [`SourceError::Failed`].
    fn end_session(&self, token_hash: [u8; 32]) -> Result<(), SourceError>;
}
