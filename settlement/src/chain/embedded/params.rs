//! Reading the parameters of JSON-RPC calls.

use revm::{
    context::{
        TxEnv,
        transaction::{AccessList, AccessListItem},
    },
    primitives::{Address, B256, Bytes, TxKind, U256},
};
use serde_json::Value;

use crate::chain::RpcError;

/// The parameter at this place; absent is null.
pub(super) fn at(params: &Value, index: usize) -> &Value {
    params.get(index).unwrap_or(&Value::Null)
}

/// Bytes as `0x…`.
pub(super) fn bytes(value: &Value) -> Result<Vec<u8>, RpcError> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    digits
        .and_then(|digits| hex::decode(digits).ok())
        .ok_or_else(|| {
            RpcError::params(format!(
                "expected bytes as 0x and hexadecimal digits, got {value}"
            ))
        })
}

/// An address.
pub(super) fn address(value: &Value) -> Result<Address, RpcError> {
    Address::try_from(bytes(value)?.as_slice())
        .map_err(|_| RpcError::params(format!("expected an address of 20 bytes, got {value}")))
}

/// A hash.
pub(super) fn hash(value: &Value) -> Result<B256, RpcError> {
    B256::try_from(bytes(value)?.as_slice())
        .map_err(|_| RpcError::params(format!("expected a hash of 32 bytes, got {value}")))
}

/// A quantity: `0x1f`; a JSON number is understood too.
pub(super) fn quantity256(value: &Value) -> Result<U256, RpcError> {
    if let Some(number) = value.as_u64() {
        return Ok(U256::from(number));
    }
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    digits
        .filter(|digits| !digits.is_empty())
        .and_then(|digits| U256::from_str_radix(digits, 16).ok())
        .ok_or_else(|| {
            RpcError::params(format!(
                "expected a quantity as 0x and hexadecimal digits, got {value}"
            ))
        })
}

/// A quantity that fits 64 bits.
pub(super) fn quantity(value: &Value) -> Result<u64, RpcError> {
    u64::try_from(quantity256(value)?)
        .map_err(|_| RpcError::params(format!("expected a quantity below 2^64, got {value}")))
}

/// The optional field of an object, read by `read`.
pub(super) fn optional<T>(
    object: &Value,
    name: &str,
    read: impl FnOnce(&Value) -> Result<T, RpcError>,
) -> Result<Option<T>, RpcError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some),
    }
}

/// The call object of `eth_call` and `eth_estimateGas`; the fees it names are left out.
pub(super) fn call(
    object: &Value,
    gas_max: u64,
    nonce: impl FnOnce(&Address) -> u64,
) -> Result<TxEnv, RpcError> {
    if !object.is_object() {
        return Err(RpcError::params(format!(
            "expected a call object, got {object}"
        )));
    }
    let caller = optional(object, "from", address)?.unwrap_or_default();
    let to = optional(object, "to", address)?;
    let input = match optional(object, "input", bytes)? {
        Some(input) => Some(input),
        None => optional(object, "data", bytes)?,
    };
    Ok(TxEnv {
        tx_type: 1,
        caller,
        gas_limit: optional(object, "gas", quantity)?
            .unwrap_or(gas_max)
            .min(gas_max),
        kind: to.map_or(TxKind::Create, TxKind::Call),
        value: optional(object, "value", quantity256)?.unwrap_or_default(),
        data: Bytes::from(input.unwrap_or_default()),
        nonce: nonce(&caller),
        chain_id: None,
        access_list: optional(object, "accessList", access_list)?.unwrap_or_default(),
        ..TxEnv::default()
    })
}

fn access_list(value: &Value) -> Result<AccessList, RpcError> {
    let items = value
        .as_array()
        .ok_or_else(|| RpcError::params("expected an access list"))?;
    let items = items.iter().map(|item| {
        let keys = item
            .get("storageKeys")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Ok(AccessListItem {
            address: address(item.get("address").unwrap_or(&Value::Null))?,
            storage_keys: keys.map(hash).collect::<Result<_, RpcError>>()?,
        })
    });
    items.collect::<Result<_, _>>().map(AccessList)
}
