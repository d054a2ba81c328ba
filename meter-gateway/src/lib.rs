//! Reads meters over Modbus and MQTT, signs what it read, and keeps it until the node has it.
//!
//! The inner ring takes values and gives values: device profiles ([`profile`], [`shipped`]), what to
//! read next ([`plan`], [`sunspec`], [`probe`], [`poller`]), what registers and messages mean ([`number`],
//! [`decode`], [`json_path`], [`dsmr`], [`civil_time`], [`overlay`], [`evidence`]), what may be signed
//! ([`counter`], [`commissioning`], [`settlement`], [`reading`], [`chain`]). It has no clock, no socket and
//! no file, and is all there is without the feature `edge`.
//!
//! The edge waits: `modbus` and `mqtt_device` fetch, `outbox` keeps, `uplink` sends, `runner` joins
//! them. `intake` is the other end of the same topics, for the node.
//!
//! Invariant: nothing is signed that a device did not say. A value that is missing, out of range,
//! lower than before, or read on a connection that was in doubt is an error that names the device;
//! it is never 0 and never a guess. Nothing that was signed leaves the outbox without the node's
//! receipt.

pub mod chain;
pub mod civil_time;
pub mod clock;
pub mod commissioning;
pub mod config;
pub mod counter;
pub mod decode;
#[cfg(feature = "edge")]
pub mod detect;
pub mod dsmr;
#[cfg(test)]
mod every_profile;
pub mod evidence;
mod golden;
#[cfg(feature = "edge")]
pub mod intake;
pub mod json_path;
#[cfg(feature = "edge")]
pub mod keys;
#[cfg(feature = "edge")]
pub mod modbus;
#[cfg(feature = "edge")]
pub mod mqtt_device;
#[cfg(feature = "edge")]
pub mod node_client;
pub mod number;
#[cfg(feature = "edge")]
pub mod outbox;
pub mod overlay;
pub mod plan;
pub mod poller;
pub mod probe;
pub mod profile;
mod profile_file;
pub mod reading;
#[cfg(feature = "edge")]
pub mod runner;
#[cfg(feature = "edge")]
mod segment;
pub mod settlement;
pub mod shipped;
#[cfg(feature = "edge")]
pub mod status;
pub mod sunspec;
#[cfg(feature = "edge")]
pub mod uplink;

pub use config::{DeviceConfig, Durability, Endpoint, GatewayConfig};
pub use evidence::settlement_registers;
pub use profile::Profile;
#[cfg(feature = "edge")]
pub use runner::{Gateway, GatewayError, run};
#[cfg(feature = "edge")]
pub use status::{DeviceStatus, GatewayStatus};
