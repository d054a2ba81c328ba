//! What can go wrong with what is kept. Every message says what was expected and what came.

use std::path::PathBuf;

use energy_core::{HomeId, ZoneId};

/// The result of asking the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or made.
    #[error("cannot open the database {path}: {source}")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process has it open.
    #[error(
        "the data in {path} is in use by another running Commonwatt: stop that one, or choose another data folder"
    )]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// A database, and not one of ours.
    #[error("{path} is a database of something else: choose another data folder")]
    NotOurs {
        /// Which file.
        path: PathBuf,
    },
    /// Written by a version of Commonwatt that this one does not know.
    #[error(
        "the data in {path} was written by Commonwatt {found_product} (data version {found}), this is Commonwatt \
         {product} (data version {expected}): run that version, or choose another data folder"
    )]
    OtherVersion {
        /// Which file.
        path: PathBuf,
        /// The product that wrote it.
        found_product: String,
        /// Its newest migration.
        found: String,
        /// This product.
        product: &'static str,
        /// The newest migration that this product knows.
        expected: String,
    },
    /// A migration failed.
    #[error("cannot bring the database {path} up to date: {source}")]
    Migration {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database refused or failed.
    #[error("database: {0}")]
    Database(#[from] diesel::result::Error),
    /// No reading connection came free in time.
    #[error("no reading connection to the database came free: {0}")]
    Readers(#[from] diesel::r2d2::PoolError),
    /// Something else is already kept under this key.
    #[error("{what} {key} is already kept with another content: kept {kept}, got {got}")]
    Conflict {
        /// Which kind of thing.
        what: &'static str,
        /// Its key.
        key: String,
        /// What is kept.
        kept: String,
        /// What came.
        got: String,
    },
    /// What was named is not kept.
    #[error("no {what} {key} is known")]
    Unknown {
        /// Which kind of thing.
        what: &'static str,
        /// Its key.
        key: String,
    },
    /// A write by somebody who no longer holds the zone's lease.
    #[error(
        "the lease of zone {zone} was taken over: this writer holds epoch {held}, the zone is at epoch {current}"
    )]
    Fenced {
        /// Whose lease.
        zone: ZoneId,
        /// The writer's epoch.
        held: u64,
        /// The zone's epoch.
        current: u64,
    },
    /// The grid clock was asked to go back.
    #[error("the grid clock stands at {committed_ms} ms and cannot go back to {asked_ms} ms")]
    ClockBackwards {
        /// Where it stands.
        committed_ms: i64,
        /// Where it should have gone.
        asked_ms: i64,
    },
    /// The data was made with other parameters.
    #[error(
        "the data in {path} was made with {name} = {kept}, not {asked}: start with {name} = {kept}, or choose another data folder"
    )]
    OtherParameters {
        /// Which file.
        path: PathBuf,
        /// Which parameter.
        name: String,
        /// The value that the data was made with.
        kept: String,
        /// The value that was asked for.
        asked: String,
    },
    /// Somebody else changed the price preference in the meantime.
    #[error(
        "the price preference of home {home} is at version {current}, the change was made to version {expected}"
    )]
    PreferenceChanged {
        /// Whose.
        home: HomeId,
        /// The version that was changed.
        expected: u64,
        /// The version that is kept.
        current: u64,
    },
    /// A step back in a life that only goes forward, or over a stage that cannot be left out.
    #[error("{what} {key} is {kept} and cannot become {asked}")]
    Step {
        /// Which kind of thing.
        what: &'static str,
        /// Its key.
        key: String,
        /// Its state.
        kept: String,
        /// The state asked for.
        asked: String,
    },
    /// The journal entry does not follow the newest one.
    #[error("the journal of zone {zone} ends with {head}, the new entry follows {previous}")]
    JournalChain {
        /// Whose journal.
        zone: ZoneId,
        /// The hash of its newest entry.
        head: energy_core::Hash,
        /// The hash that the entry names.
        previous: energy_core::Hash,
    },
    /// A record contradicts itself.
    #[error("{what} {key}: {problem}")]
    Inconsistent {
        /// Which kind of thing.
        what: &'static str,
        /// Its key.
        key: String,
        /// What does not fit.
        problem: String,
    },
    /// Kept bytes are not what they should be.
    #[error("the kept {what} {key} cannot be read: {problem}")]
    Unreadable {
        /// Which kind of thing.
        what: &'static str,
        /// Its key.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

/// Whether a write was new. Everything may be written twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is kept now.
    New,
    /// It was kept before, with the same content.
    Already,
}

/// Turns "0 rows inserted" into a comparison with what is kept.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(
    what: &'static str,
    key: impl std::fmt::Display,
    kept: &T,
    got: &T,
) -> Result<Written> {
    if kept == got {
        return Ok(Written::Already);
    }
    Err(StoreError::Conflict {
        what,
        key: key.to_string(),
        kept: format!("{kept:?}"),
        got: format!("{got:?}"),
    })
}

/// The value as JSON text.
pub(crate) fn to_json(what: &'static str, value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::Inconsistent {
        what,
        key: String::new(),
        problem: format!("has no JSON form: {e}"),
    })
}

/// The value of JSON text.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    key: impl std::fmt::Display,
    text: &str,
) -> Result<T> {
    serde_json::from_str(text).map_err(|e| StoreError::Unreadable {
        what,
        key: key.to_string(),
        problem: e.to_string(),
    })
}
