//! The chain edge as the node uses it, over the embedded chain, over HTTP, and over anvil where
//! `COMMONWATT_ANVIL_URL` names one.
#![cfg(feature = "chain")]

mod embedded;
mod exactly_once;
mod fixture;
mod life;
mod same_on_anvil;
mod traps;
