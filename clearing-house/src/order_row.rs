//! An order with what became of it: the row that the chain's market tree commits to.
//!
//! A row does not say whose it is. Its leaf is `keccak(0x00 ‖ canonical CBOR)`, rows by order id.

use energy_core::{
    MerkleTree, MicroPricePerKwh, NanoAmount, OrderId, Side, WattHours, leaf_hash, to_canonical,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// One order of a cleared interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct OrderRow {
    /// Its name.
    #[n(0)]
    pub order: OrderId,
    /// Buys or sells.
    #[n(1)]
    pub side: Side,
    /// How much.
    #[n(2)]
    pub quantity: WattHours,
    /// The home's all-in limit inside the tariff band: a buyer pays at most this, a seller gets at
    /// least this, fees included.
    #[n(3)]
    pub limit: MicroPricePerKwh,
    /// The price at which it entered the book: the limit less the buyer's fee, or plus the seller's.
    #[n(4)]
    pub price: MicroPricePerKwh,
    /// How much of it was traded.
    #[n(5)]
    pub fill: WattHours,
    /// Money received (+) or paid (−), fee included.
    #[n(6)]
    pub amount: NanoAmount,
    /// The grid operator's fee inside that amount, not negative.
    #[n(7)]
    pub fee: NanoAmount,
    /// Energy tokens credited to the buyer.
    #[n(8)]
    pub credited: WattHours,
}

/// The Merkle tree over rows that are sorted by order id.
#[must_use]
pub fn order_rows_tree(rows: &[OrderRow]) -> MerkleTree {
    MerkleTree::new(
        rows.iter()
            .map(|row| leaf_hash(&to_canonical(row)))
            .collect(),
    )
}
