//! Checking a home's proof bundle offline, from the raw register to the root on the chain.
//!
//! [`Bundle`] is one canonical CBOR file. Every byte of it is covered: by a signature, by a hash that
//! something signed commits to, or by being recomputed. So any change of it fails at a named step, or
//! makes it unreadable. What the file cannot say of itself is whether its keys and its root are the
//! real ones: for that there is the [`Trust`] file from enrolment, or the contract itself.

mod bundle;
mod certificate;
mod meter;
mod report;
mod statement;
mod steps;
mod trust;

#[cfg(feature = "node")]
pub(crate) use bundle::Parts;
pub use bundle::{AccountProof, Bundle, BundleError, MarketProof, MeterProof, Rows};
pub use report::{Outcome, Report, Step, StepResult};
pub use steps::verify;
pub use trust::{KeyText, Trust, TrustError};
