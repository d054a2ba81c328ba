//! Settlement: the newest batches, and the chain they stand on.

use energy_core::NanoAmount;

use crate::facts::BatchFacts;
use crate::format::{count, day_clock, euro, short_hex};
use crate::state::ChainStatus;

/// A settlement batch in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    /// Its number.
    pub number: u64,
    /// The end of its newest interval.
    pub to: String,
    /// How far it has come.
    pub state: String,
    /// The class of its colour.
    pub tone: &'static str,
    /// Gas used.
    pub gas: String,
    /// The root, shortened.
    pub root: String,
    /// The root.
    pub root_full: String,
}

pub(super) fn batch_line(batch: &BatchFacts) -> BatchLine {
    let root_full = batch.root.to_string();
    BatchLine {
        number: batch.number,
        to: day_clock(batch.settled_to.millis()),
        state: batch.state.clone(),
        tone: if batch.is_final { "fresh" } else { "late" },
        gas: batch.gas.map_or_else(|| "–".to_owned(), count),
        root: short_hex(&root_full),
        root_full,
    }
}

pub(super) fn chain_lines(chain: &ChainStatus) -> Vec<(&'static str, String)> {
    let number = |n: Option<u64>| n.map_or_else(|| "–".to_owned(), count);
    let escrow = NanoAmount::new(
        i64::try_from(chain.escrow_units)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000),
    );
    vec![
        ("Kind", chain.kind.clone()),
        ("Chain id", chain.chain_id.to_string()),
        (
            "JSON-RPC",
            chain.rpc_url.clone().unwrap_or_else(|| "–".to_owned()),
        ),
        ("Newest block", count(chain.block)),
        ("Final batch", number(chain.final_batch)),
        ("Pending batch", number(chain.pending_batch)),
        ("In escrow", euro(escrow)),
        ("Settlement", chain.settlement.clone()),
        ("Energy token", chain.energy_token.clone()),
        ("Stablecoin", chain.stablecoin.clone()),
        ("Meter registry", chain.meter_registry.clone()),
    ]
}
