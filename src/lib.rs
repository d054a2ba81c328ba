//! Commonwatt joined together: the command line, the node, the demo and the bundle checker.
//!
//! Everything that decides about energy or money lives in the crates below; this package waits,
//! stores, sends and prints.

pub mod clear;
pub mod cli;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "node")]
pub mod node;
pub mod verify;
