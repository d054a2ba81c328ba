//! `eth_estimateGas`: the gas limit a transaction needs, found by bisection as geth does it.

use revm::context::{TxEnv, result::ExecutionResult};

use super::ledger::{Check, Ledger};
use crate::chain::RpcError;

/// The most gas one transaction may have (EIP-7825).
pub(super) const TRANSACTION_GAS_MAX: u64 = 1 << 24;
/// What a call with value leaves to the callee for free.
const CALL_STIPEND: u64 = 2_300;

/// A gas limit at which the transaction succeeds, at most 1.5 % above the smallest one.
pub(super) fn estimate(ledger: &Ledger, tx: TxEnv) -> Result<u64, RpcError> {
    let most = ledger.ask(tx.clone(), Check::Estimate)?;
    let (used, refunded) = match &most {
        ExecutionResult::Success { gas, .. } => (gas.tx_gas_used(), gas.inner_refunded()),
        failed => return Err(failure(failed)),
    };
    let enough = |gas_limit: u64| -> bool {
        let tx = TxEnv {
            gas_limit,
            ..tx.clone()
        };
        ledger
            .ask(tx, Check::Estimate)
            .is_ok_and(|result| result.is_success())
    };
    // A plain transfer needs exactly what it uses.
    if tx.data.is_empty() && enough(used) {
        return Ok(used);
    }
    let (mut low, mut high) = (used.saturating_sub(1), tx.gas_limit);
    // Every call keeps back one 64th of the gas, so this is nearly always enough.
    let likely = (used + refunded + CALL_STIPEND) * 64 / 63;
    if likely < high {
        match enough(likely) {
            true => high = likely,
            false => low = likely,
        }
    }
    while low + 1 < high && (high - low) * 1_000 / high >= 15 {
        let middle = (low + (high - low) / 2).min(low.saturating_mul(2));
        match enough(middle) {
            true => high = middle,
            false => low = middle,
        }
    }
    Ok(high)
}

/// The error that a view or an estimate gives when the EVM did not succeed.
pub(super) fn failure(result: &ExecutionResult) -> RpcError {
    match result {
        ExecutionResult::Revert { output, .. } => RpcError::reverted(output),
        ExecutionResult::Halt { reason, .. } => {
            RpcError::refused(format!("the EVM stopped: {reason:?}"))
        }
        ExecutionResult::Success { .. } => RpcError::refused("the call succeeded"),
    }
}
