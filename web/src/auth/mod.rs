//! Who is asking, and what they may see.
//!
//! Invariant: nothing is shown unless [`policy`] says so. Log-ins are passwords (argon2id) and a
//! session cookie; the store keeps only the hash of the cookie's token. Changing requests are taken
//! only from our own pages (`origin`). Wall time runs sessions, never grid time.

mod origin;
mod password;
pub mod policy;
mod principal;
mod session;

pub use password::{Doorman, PasswordError, hash_password};
pub use policy::{Access, Verdict};
pub use principal::Principal;

pub(crate) use origin::same_origin;
pub(crate) use session::{
    SESSION_SECONDS, clear_cookie, session_cookie, token_hash, token_of, wall_seconds,
};
