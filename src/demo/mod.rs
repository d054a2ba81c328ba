//! The demo: a whole street in one process.
//!
//! The product, not a mock: virtual homes are real Modbus TCP servers and MQTT publishers, gateways
//! poll them, and every later step is the code of production. Only the clock is stepped, the broker
//! and the chain are embedded unless others are named, and the keys are made from the seed.

mod arguments;
mod broker;
mod chain_setup;
mod console;
mod enrolment;
mod errands;
mod rpc_server;
mod start;

pub use arguments::DemoArguments;
pub use start::run;

/// Where the settlement contract of a new demo with the default seed is: the third contract of the
/// operator's key, which is made from the seed.
#[must_use]
pub fn default_settlement() -> energy_core::Address {
    let operator = settlement::chain::ChainKey::derived(&1_u64.to_be_bytes(), "operator").address();
    // The address of a created contract: keccak(rlp([creator, nonce])), its last 20 bytes.
    let hash = energy_core::keccak(&[&[0xd6, 0x94], operator.as_bytes(), &[2]]);
    let mut address = [0; 20];
    address.copy_from_slice(&hash.as_bytes()[12..]);
    energy_core::Address::new(address)
}
