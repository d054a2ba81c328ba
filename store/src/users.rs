//! Log-ins and their sessions. Passwords are kept as argon2 hashes and tokens as keccak hashes:
//! who reads the database can log in as nobody. Expiry is wall time.

use diesel::prelude::*;
use energy_core::{Hash, HomeId};
use serde::{Deserialize, Serialize};

use crate::columns::{Big, Blob, MaybeBig, coded};
use crate::error::same;
use crate::schema::{sessions, users};
use crate::{Result, Store, Written};

/// What somebody may see and do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    /// Their own home.
    Household,
    /// The zone.
    Operator,
    /// What is public, and data for research.
    Researcher,
}

coded!(UserRole, "a user role": Household = 0, Operator = 1, Researcher = 2);

/// Somebody who can log in.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
pub struct UserRecord {
    /// The name to log in with.
    pub login: String,
    /// The password's argon2 hash in PHC form.
    pub password_hash: String,
    /// What they may see and do.
    #[diesel(serialize_as = Big<UserRole>, deserialize_as = Big<UserRole>)]
    pub role: UserRole,
    /// The home of a household, none for the others.
    #[diesel(serialize_as = MaybeBig<HomeId>, deserialize_as = MaybeBig<HomeId>)]
    pub home: Option<HomeId>,
}

impl Store {
    /// Keeps a log-in. One that is there keeps its password: hashes are salted, so two hashes of one
    /// password differ.
    ///
    /// # Errors
    /// [`crate::StoreError::Conflict`] when it has another role or home.
    pub fn put_user(&self, user: &UserRecord) -> Result<Written> {
        self.write(|c| {
            let new = diesel::insert_into(users::table)
                .values(user.clone())
                .on_conflict(users::login)
                .do_nothing()
                .execute(c)?;
            if new == 1 {
                return Ok(Written::New);
            }
            let kept: UserRecord = users::table.find(&user.login).first(c)?;
            same(
                "log-in",
                &user.login,
                &(kept.role, kept.home),
                &(user.role, user.home),
            )
        })
    }

    /// The log-in of this name.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn user(&self, login: &str) -> Result<Option<UserRecord>> {
        self.read(|c| Ok(users::table.find(login).first(c).optional()?))
    }

    /// Opens a session for the token with this hash, until `expires_s` (wall time, Unix seconds),
    /// and forgets sessions that ended before `now_s`.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`] for an unknown log-in or a token that is in use.
    pub fn open_session(
        &self,
        token_hash: &Hash,
        login: &str,
        now_s: i64,
        expires_s: i64,
    ) -> Result<()> {
        self.write(|c| {
            diesel::delete(sessions::table.filter(sessions::expires_s.le(now_s))).execute(c)?;
            diesel::insert_into(sessions::table)
                .values((
                    sessions::token_hash.eq(Blob(*token_hash)),
                    sessions::login.eq(login),
                    sessions::expires_s.eq(expires_s),
                ))
                .execute(c)?;
            Ok(())
        })
    }

    /// Whose session this is, none when there is none or it has ended by `now_s`.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn session_user(&self, token_hash: &Hash, now_s: i64) -> Result<Option<UserRecord>> {
        self.read(|c| {
            let login = sessions::table
                .find(Blob(*token_hash))
                .filter(sessions::expires_s.gt(now_s))
                .select(sessions::login);
            Ok(users::table
                .filter(users::login.eq_any(login))
                .first(c)
                .optional()?)
        })
    }

    /// Ends a session. Ending it twice is fine.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn close_session(&self, token_hash: &Hash) -> Result<()> {
        self.write(|c| {
            diesel::delete(sessions::table.find(Blob(*token_hash))).execute(c)?;
            Ok(())
        })
    }
}
