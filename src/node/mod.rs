//! The long-running roles that join the parts: grid clock, ingest, market, chain pump, bundles.
//!
//! An edge: it fetches, calls a decision, and carries out what that says.

pub mod address;
pub mod bundles;
pub mod chain_pump;
pub mod clock;
pub mod ingest;
pub mod market;
pub mod street;
pub mod tx_journal;
