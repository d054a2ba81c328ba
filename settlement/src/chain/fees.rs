//! What to bid for gas (EIP-1559), from `eth_feeHistory` and nothing else.
//!
//! max fee = 2 × next base fee + tip, so that a transaction stays payable for about six full
//! blocks. The tip is the median of what was paid recently, within bounds. The estimate that
//! `ethers` ships is not used: it always bids 3 gwei while the base fee is below 100 gwei.

use serde_json::{Value, json};

use super::{ClientError, Rpc, wire};

/// Blocks looked back at.
const BLOCKS: u64 = 20;
/// The least tip, in wei per gas.
const TIP_MIN: u128 = 1;
/// The highest tip, in wei per gas (2 gwei): more buys nothing that a settlement needs.
const TIP_MAX: u128 = 2_000_000_000;

/// A bid, in wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// The most that is paid in all.
    pub max_fee: u128,
    /// Of that, the most that goes to the block's producer.
    pub priority_fee: u128,
}

/// The bid for the next block.
pub(super) async fn current(rpc: &Rpc) -> Result<Fees, ClientError> {
    const METHOD: &str = "eth_feeHistory";
    let history = rpc
        .call(METHOD, json!([wire::number(BLOCKS), "latest", [50]]))
        .await?;
    let list = |name: &str| {
        history
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let base_fee = list("baseFeePerGas");
    let base_fee = base_fee
        .last()
        .ok_or_else(|| ClientError::nonsense(METHOD, "base fees", &history))?;
    let mut tips = Vec::new();
    for reward in list("reward") {
        if let Some(median) = reward.get(0) {
            tips.push(wire::quantity(METHOD, median)?);
        }
    }
    Ok(bid(wire::quantity(METHOD, base_fee)?, tips))
}

/// `tips` are the medians per block; blocks without a transaction report 0 and do not count.
fn bid(base_fee: u128, mut tips: Vec<u128>) -> Fees {
    tips.retain(|tip| *tip > 0);
    tips.sort_unstable();
    let median = tips.get(tips.len() / 2).copied().unwrap_or(TIP_MIN);
    let priority_fee = median.clamp(TIP_MIN, TIP_MAX);
    Fees {
        max_fee: base_fee.saturating_mul(2).saturating_add(priority_fee),
        priority_fee,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bid_follows_what_others_pay() {
        assert_eq!(
            bid(16, vec![]),
            Fees {
                max_fee: 33,
                priority_fee: 1
            }
        );
        assert_eq!(
            bid(100, vec![0, 0, 7, 9, 8]),
            Fees {
                max_fee: 208,
                priority_fee: 8
            }
        );
        assert_eq!(
            bid(1, vec![u128::MAX]),
            Fees {
                max_fee: 2_000_000_002,
                priority_fee: 2_000_000_000
            }
        );
    }
}
