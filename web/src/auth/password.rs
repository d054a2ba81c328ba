//! Passwords: argon2id, 19 MiB and two passes, in a bounded pool.
//!
//! At most two are checked at a time and eight may wait, so that log-ins can never take the machine
//! away from the meters. An unknown name costs as much time as a wrong password.

use std::sync::{Arc, LazyLock};

use actix_web::web;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use crate::problem::Problem;

const AT_ONCE: usize = 2;
const WAITING: usize = 8;
/// Longer than any password manager makes them.
const PASSWORD_BYTES_MAX: usize = 256;

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("expected a password of 8 to {PASSWORD_BYTES_MAX} bytes, got {got}")]
    Length {
        /// The bytes that came.
        got: usize,
    },
    /// The hash function failed.
    #[error("hashing failed: {0}")]
    Failed(String),
}

/// The argon2id hash of a password with a fresh salt, as a PHC string.
///
/// # Errors
/// [`PasswordError`].
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    if !(8..=PASSWORD_BYTES_MAX).contains(&password.len()) {
        return Err(PasswordError::Length {
            got: password.len(),
        });
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|h| h.to_string())
        .map_err(|e| PasswordError::Failed(e.to_string()))
}

/// Checked when the name is unknown, so that the answer takes as long.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_password("nobody has this password").unwrap_or_default());

/// Checks passwords, a few at a time. Clones share the bound.
#[derive(Debug, Clone)]
pub struct Doorman {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Default for Doorman {
    fn default() -> Self {
        Self::new()
    }
}

impl Doorman {
    /// One with nobody waiting.
    #[must_use]
    pub fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            admitted: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
        }
    }

    /// Whether the password fits the stored hash (none for an unknown name: never fits).
    ///
    /// # Errors
    /// 503 when too many are waiting.
    pub(crate) async fn fits(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, Problem> {
        let full = || Problem::unavailable("too many log-ins at once; try again in a few seconds");
        let _admitted = self.admitted.try_acquire().map_err(|_| full())?;
        let _running = self
            .running
            .acquire()
            .await
            .map_err(|e| Problem::internal(&e))?;
        web::block(move || verify(&password, stored.as_deref()))
            .await
            .map_err(Problem::from)
    }
}

fn verify(password: &str, stored: Option<&str>) -> bool {
    if password.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    let fits = PasswordHash::new(stored.unwrap_or(&NOBODY)).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    });
    fits && stored.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let hash = hash_password("solar-7-demo").expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$"));
        assert!(verify("solar-7-demo", Some(&hash)));
        assert!(!verify("solar-8-demo", Some(&hash)));
        assert!(!verify("nobody has this password", None));
        assert!(matches!(
            hash_password("short"),
            Err(PasswordError::Length { got: 5 })
        ));
    }
}
