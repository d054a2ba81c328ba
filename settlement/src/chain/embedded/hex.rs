//! The hexadecimal of JSON-RPC: quantities without leading zeros, data with all of them.

use revm::primitives::{Address, B256, U256};

/// A number: `0x0`, `0x1f`.
pub(super) fn quantity(value: impl Into<u128>) -> String {
    format!("{:#x}", value.into())
}

/// A 256-bit number.
pub(super) fn quantity256(value: U256) -> String {
    format!("{value:#x}")
}

/// Bytes, all of them.
pub(super) fn bytes(value: &[u8]) -> String {
    format!("0x{}", hex::encode(value))
}

/// An address, lower case.
pub(super) fn address(value: &Address) -> String {
    bytes(value.as_slice())
}

/// A hash.
pub(super) fn hash(value: &B256) -> String {
    bytes(value.as_slice())
}
