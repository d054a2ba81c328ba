//! The long-running roles that join the parts: grid clock, ingest, the door for gateways, market, chain pump, bundles.
//!
//! An edge: it fetches, calls a decision, and carries out what that says.

pub mod address;
pub mod bundles;
pub mod chain_pump;
pub mod clock;
pub mod gateway_door;
pub mod ingest;
pub mod market;
pub mod street;
pub mod tx_journal;
