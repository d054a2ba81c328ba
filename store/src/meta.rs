//! Facts about this store: its epoch, the grid clock, whether the history is complete, and the
//! parameters that its data was made with.
//!
//! Invariant: the grid clock never goes back.

use diesel::prelude::*;

use crate::schema::meta::dsl;
use crate::{Result, Store, StoreError, Written};

const EPOCH: &str = "store_epoch";
const PRODUCT: &str = "product_version";
const BOUNDARY: &str = "grid_boundary_ms";
const HISTORY: &str = "history_complete";

impl Store {
    /// Which life of the store this is: a random number, made with the database.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn epoch(&self) -> Result<u64> {
        let text = self.read(|c| fact(c, EPOCH))?.unwrap_or_default();
        number(EPOCH, &text)
    }

    /// Begins another life, as after a restore from a backup: gateways that see the new epoch in
    /// their receipts send again what they still have.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn begin_epoch(&self) -> Result<u64> {
        let epoch = random()?;
        self.write(|c| set(c, EPOCH, &epoch.to_string()))?;
        Ok(epoch)
    }

    /// The interval boundary (grid ms) that the clock has committed to, none before the first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn grid_boundary_ms(&self) -> Result<Option<i64>> {
        self.read(boundary)
    }

    /// Commits the next boundary (grid ms). The same one again is fine.
    ///
    /// # Errors
    /// [`StoreError::ClockBackwards`] for an earlier one.
    pub fn commit_grid_boundary(&self, next_ms: i64) -> Result<()> {
        self.write(|c| match boundary(c)? {
            Some(committed_ms) if committed_ms > next_ms => Err(StoreError::ClockBackwards {
                committed_ms,
                asked_ms: next_ms,
            }),
            Some(committed_ms) if committed_ms == next_ms => Ok(()),
            _ => set(c, BOUNDARY, &next_ms.to_string()),
        })
    }

    /// Whether the history that the demo starts with is all there.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn is_history_complete(&self) -> Result<bool> {
        Ok(self.read(|c| fact(c, HISTORY))?.is_some())
    }

    /// Notes that it is.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn set_history_complete(&self) -> Result<()> {
        self.write(|c| set(c, HISTORY, "true"))
    }

    /// Keeps a parameter that the data depends on (a seed, the number of homes), or checks that it
    /// is the one that is kept.
    ///
    /// # Errors
    /// [`StoreError::OtherParameters`] when the data was made with another value.
    pub fn agree(&self, name: &str, value: &str) -> Result<Written> {
        let key = agreed_key(name);
        self.write(|c| match fact(c, &key)? {
            None => set(c, &key, value).map(|()| Written::New),
            Some(kept) if kept == value => Ok(Written::Already),
            Some(kept) => Err(StoreError::OtherParameters {
                path: self.path().to_owned(),
                name: name.to_owned(),
                kept,
                asked: value.to_owned(),
            }),
        })
    }

    /// The value of such a parameter, none when nothing was agreed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn agreed(&self, name: &str) -> Result<Option<String>> {
        self.read(|c| fact(c, &agreed_key(name)))
    }

    /// Gives a new store its epoch and notes which product writes from now on.
    pub(crate) fn note_start(&self, product: &str) -> Result<()> {
        let epoch = random()?;
        self.write(|c| {
            if fact(c, EPOCH)?.is_none() {
                set(c, EPOCH, &epoch.to_string())?;
            }
            set(c, PRODUCT, product)
        })
    }
}

/// The product that wrote the data last, if it left its name.
pub(crate) fn product_version(c: &mut SqliteConnection) -> Option<String> {
    fact(c, PRODUCT).ok().flatten()
}

fn agreed_key(name: &str) -> String {
    format!("agreed.{name}")
}

fn boundary(c: &mut SqliteConnection) -> Result<Option<i64>> {
    fact(c, BOUNDARY)?
        .map(|text| number(BOUNDARY, &text))
        .transpose()
}

fn fact(c: &mut SqliteConnection, name: &str) -> Result<Option<String>> {
    Ok(dsl::meta
        .find(name)
        .select(dsl::value)
        .first(c)
        .optional()?)
}

fn set(c: &mut SqliteConnection, name: &str, value: &str) -> Result<()> {
    diesel::insert_into(dsl::meta)
        .values((dsl::name.eq(name), dsl::value.eq(value)))
        .on_conflict(dsl::name)
        .do_update()
        .set(dsl::value.eq(value))
        .execute(c)?;
    Ok(())
}

fn number<T: std::str::FromStr>(key: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| StoreError::Unreadable {
        what: "fact",
        key: key.to_owned(),
        problem: format!("expected a number, got `{text}`"),
    })
}

fn random() -> Result<u64> {
    getrandom::u64().map_err(|e| StoreError::Inconsistent {
        what: "store",
        key: "epoch".to_owned(),
        problem: format!("the system gives no random numbers: {e}"),
    })
}
