//! Virtual homes, and the same code as in production on a virtual clock.
//!
//! - [`homes`]: a seeded street. What a home uses, generates and stores, and therefore what its
//!   meters count, is a pure function of (seed, grid time).
//! - `devices` (feature `devices`): the same homes behind real Modbus TCP servers and MQTT
//!   publishers, for the demo and the tests.
//! - [`scenario`] and [`runner`]: a community described in one file, run through the crates that
//!   run in production; `gridsim` (feature `frames`) writes the result as Parquet.
//!
//! Invariant: the same seed and scenario give the same bytes, whatever the number of threads, the
//! order of questions or the number of restarts.

pub mod comparison;
pub mod conservation;
#[cfg(feature = "devices")]
pub mod devices;
#[cfg(feature = "frames")]
pub mod frames;
pub mod gain;
pub mod homes;
pub mod local_price;
pub mod metrics;
mod numbers;
pub mod recording;
pub mod report;
pub mod results;
mod roster_table;
pub mod runner;
pub mod scenario;
mod tariff_table;
