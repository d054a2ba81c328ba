//! The JSON-RPC methods of the embedded chain, as wallets, cast and web3.py use them.
//!
//! State is kept for the newest block only: a question about the state of an older block is
//! refused, never answered with newer state. Blocks, transactions, receipts and logs are kept all.

use revm::{
    context::result::ExecutionResult,
    primitives::{Address, B256, keccak256},
};
use serde_json::{Value, json};

use super::{
    block::{BASE_FEE, BLOCK_GAS, Block},
    estimate::{TRANSACTION_GAS_MAX, estimate, failure},
    hex,
    ledger::{Check, Ledger},
    log_filter, params,
    transaction::Transaction,
};
use crate::chain::RpcError;

/// The tip that fee questions are answered with; nobody competes for space here.
const TIP: u64 = 1;
const FEE_HISTORY_BLOCKS_MAX: u64 = 1_024;

/// Methods that change the chain's time or balances: for the owner, not for JSON-RPC visitors.
pub(super) fn is_for_owner(method: &str) -> bool {
    matches!(
        method,
        "evm_mine" | "evm_setNextBlockTimestamp" | "anvil_setBalance"
    )
}

/// Answers one call.
pub(super) fn answer(ledger: &mut Ledger, method: &str, params: &Value) -> Result<Value, RpcError> {
    let first = params::at(params, 0);
    let second = params::at(params, 1);
    Ok(match method {
        "eth_chainId" => json!(hex::quantity(ledger.chain_id)),
        "net_version" => json!(ledger.chain_id.to_string()),
        "net_listening" => json!(true),
        "web3_clientVersion" => json!(concat!(
            "commonwatt/",
            env!("CARGO_PKG_VERSION"),
            "/embedded"
        )),
        "web3_sha3" => json!(hex::hash(&keccak256(params::bytes(first)?))),
        "eth_syncing" => json!(false),
        "eth_accounts" => json!([]),
        "eth_blockNumber" => json!(hex::quantity(ledger.head().place.block_number)),
        "eth_gasPrice" => json!(hex::quantity(BASE_FEE + TIP)),
        "eth_maxPriorityFeePerGas" => json!(hex::quantity(TIP)),
        "eth_feeHistory" => fee_history(ledger, params)?,
        "eth_getBlockByNumber" => {
            let number = block_number(ledger, first)?;
            block_json(ledger.block(number), second)
        }
        "eth_getBlockByHash" => block_json(ledger.block_by_hash(&params::hash(first)?), second),
        "eth_getBlockReceipts" => {
            let number = block_number(ledger, first)?;
            ledger.block(number).map_or(Value::Null, |block| {
                block
                    .mined
                    .iter()
                    .map(|mined| block.receipt_json(mined, &ledger.logs_of(mined)))
                    .collect()
            })
        }
        "eth_getBlockTransactionCountByNumber" => {
            let number = block_number(ledger, first)?;
            ledger.block(number).map_or(Value::Null, |block| {
                json!(hex::quantity(u64::from(block.mined.is_some())))
            })
        }
        "eth_getBalance" => json!(hex::quantity256(
            account_at_head(ledger, first, second)?.balance
        )),
        "eth_getTransactionCount" => {
            json!(hex::quantity(account_at_head(ledger, first, second)?.nonce))
        }
        "eth_getCode" => {
            at_head(ledger, second)?;
            json!(hex::bytes(&ledger.code(&params::address(first)?)))
        }
        "eth_getStorageAt" => {
            at_head(ledger, params::at(params, 2))?;
            let value = ledger.storage(&params::address(first)?, params::quantity256(second)?);
            json!(hex::bytes(&value.to_be_bytes::<32>()))
        }
        "eth_call" => {
            at_head(ledger, second)?;
            no_overrides(params::at(params, 2))?;
            let nonce = |caller: &Address| ledger.account(caller).nonce;
            match ledger.ask(params::call(first, BLOCK_GAS, nonce)?, Check::View)? {
                ExecutionResult::Success { output, .. } => json!(hex::bytes(output.data())),
                failed => return Err(failure(&failed)),
            }
        }
        "eth_estimateGas" => {
            at_head(ledger, second)?;
            no_overrides(params::at(params, 2))?;
            let nonce = |caller: &Address| ledger.account(caller).nonce;
            let tx = params::call(first, TRANSACTION_GAS_MAX, nonce)?;
            json!(hex::quantity(estimate(ledger, tx)?))
        }
        "eth_sendRawTransaction" => {
            let tx = Transaction::decode(&params::bytes(first)?, ledger.chain_id)?;
            json!(hex::hash(&ledger.send(tx)?))
        }
        "eth_getTransactionByHash" => ledger
            .mined(&params::hash(first)?)
            .map_or(Value::Null, |(block, mined)| {
                mined.tx.json(&block.place, BASE_FEE)
            }),
        "eth_getTransactionReceipt" => ledger
            .mined(&params::hash(first)?)
            .map_or(Value::Null, |(block, mined)| {
                block.receipt_json(mined, &ledger.logs_of(mined))
            }),
        "eth_getLogs" => log_filter::logs(ledger, first)?,
        "evm_setNextBlockTimestamp" => {
            let time = params::quantity(first)?;
            if time < ledger.time {
                return Err(RpcError::params(format!(
                    "the chain's time never goes back: it is {}, got {time}",
                    ledger.time
                )));
            }
            ledger.time = time;
            Value::Null
        }
        "evm_mine" => {
            ledger.mine()?;
            json!("0x0")
        }
        "anvil_setBalance" => {
            ledger.set_balance(params::address(first)?, params::quantity256(second)?)?;
            Value::Null
        }
        other => return Err(RpcError::method(other)),
    })
}

/// The number that a block tag, number or EIP-1898 object means. Everything mined is final here.
pub(super) fn block_number(ledger: &Ledger, tag: &Value) -> Result<u64, RpcError> {
    match tag {
        Value::Null => Ok(ledger.head().place.block_number),
        Value::String(tag)
            if matches!(tag.as_str(), "latest" | "pending" | "safe" | "finalized") =>
        {
            Ok(ledger.head().place.block_number)
        }
        Value::String(tag) if tag == "earliest" => Ok(0),
        Value::Object(object) => match object.get("blockHash") {
            Some(hash) => {
                let hash: B256 = params::hash(hash)?;
                let block = ledger
                    .block_by_hash(&hash)
                    .ok_or_else(|| RpcError::refused("unknown block"))?;
                Ok(block.place.block_number)
            }
            None => params::quantity(object.get("blockNumber").unwrap_or(&Value::Null)),
        },
        number => params::quantity(number),
    }
}

fn at_head(ledger: &Ledger, tag: &Value) -> Result<(), RpcError> {
    let asked = block_number(ledger, tag)?;
    let head = ledger.head().place.block_number;
    if asked == head {
        Ok(())
    } else {
        Err(RpcError::refused(format!(
            "state is kept for the newest block only: that is {head}, asked for {asked}"
        )))
    }
}

fn account_at_head(
    ledger: &Ledger,
    address: &Value,
    tag: &Value,
) -> Result<revm::state::AccountInfo, RpcError> {
    at_head(ledger, tag)?;
    Ok(ledger.account(&params::address(address)?))
}

fn no_overrides(value: &Value) -> Result<(), RpcError> {
    match value {
        Value::Null => Ok(()),
        Value::Object(object) if object.is_empty() => Ok(()),
        _ => Err(RpcError::params(
            "state overrides are not available on this chain",
        )),
    }
}

fn block_json(block: Option<&Block>, full: &Value) -> Value {
    block.map_or(Value::Null, |block| {
        block.json(full.as_bool().unwrap_or(false))
    })
}

fn fee_history(ledger: &Ledger, params: &Value) -> Result<Value, RpcError> {
    let newest = block_number(ledger, params::at(params, 1))?;
    if newest > ledger.head().place.block_number {
        return Err(RpcError::refused(format!(
            "request beyond head block: requested {newest}"
        )));
    }
    let count = params::quantity(params::at(params, 0))?
        .clamp(1, FEE_HISTORY_BLOCKS_MAX)
        .min(newest + 1);
    let oldest = newest + 1 - count;
    let blocks: Vec<&Block> = (oldest..=newest)
        .filter_map(|number| ledger.block(number))
        .collect();
    let ratios: Vec<f64> = blocks
        .iter()
        .map(|block| block.gas_used() as f64 / BLOCK_GAS as f64)
        .collect();
    let fees = vec![hex::quantity(BASE_FEE); blocks.len() + 1];
    let mut history = json!({
        "oldestBlock": hex::quantity(oldest),
        "baseFeePerGas": fees,
        "gasUsedRatio": ratios,
        "baseFeePerBlobGas": vec!["0x1"; blocks.len() + 1],
        "blobGasUsedRatio": vec![0.0; blocks.len()],
    });
    if let Some(percentiles) = params::at(params, 2)
        .as_array()
        .filter(|list| !list.is_empty())
    {
        let tip = |block: &&Block| {
            let paid = block.mined.as_ref().map_or(0, |mined| {
                mined.tx.gas_price(BASE_FEE) - u128::from(BASE_FEE)
            });
            vec![hex::quantity(paid); percentiles.len()]
        };
        history["reward"] = blocks.iter().map(tip).collect::<Vec<_>>().into();
    }
    Ok(history)
}
