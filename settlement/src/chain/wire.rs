//! Between JSON-RPC's texts and plain types.

use energy_core::{Address, Hash};
use serde_json::Value;

use super::ClientError;

/// A quantity below 2^128.
pub(super) fn quantity(method: &str, value: &Value) -> Result<u128, ClientError> {
    value
        .as_str()
        .and_then(|text| text.strip_prefix("0x"))
        .and_then(|digits| u128::from_str_radix(digits, 16).ok())
        .ok_or_else(|| ClientError::nonsense(method, "a quantity", value))
}

/// A quantity below 2^64.
pub(super) fn quantity64(method: &str, value: &Value) -> Result<u64, ClientError> {
    u64::try_from(quantity(method, value)?)
        .map_err(|_| ClientError::nonsense(method, "a quantity below 2^64", value))
}

/// A hash.
pub(super) fn hash(method: &str, value: &Value) -> Result<Hash, ClientError> {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| ClientError::nonsense(method, "a hash of 32 bytes", value))
}

/// An address.
pub(super) fn address(method: &str, value: &Value) -> Result<Address, ClientError> {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| ClientError::nonsense(method, "an address of 20 bytes", value))
}

/// Bytes.
pub(super) fn bytes(method: &str, value: &Value) -> Result<Vec<u8>, ClientError> {
    value
        .as_str()
        .and_then(|text| text.strip_prefix("0x"))
        .and_then(|digits| hex::decode(digits).ok())
        .ok_or_else(|| ClientError::nonsense(method, "bytes", value))
}

/// Bytes as JSON-RPC text.
pub(super) fn text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// A number as JSON-RPC text.
pub(super) fn number(value: u64) -> String {
    format!("{value:#x}")
}
