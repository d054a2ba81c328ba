//! An order with what became of it: the row that the chain's market tree commits to.
//!
//! A row does not say whose it is. Its leaf is `keccak(0x00 ‖ canonical CBOR)`, rows by order id.

use energy_core::{
    HomeId, MerkleTree, MicroPricePerKwh, NanoAmount, Order, OrderId, Overflow, Side, WattHours,
    leaf_hash, to_canonical,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What an order traded with homes that it named, before the auction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Direct {
    /// Traded with partners.
    #[n(0)]
    pub partners: WattHours,
    /// What for: received (+) or paid (−), before fees.
    #[n(1)]
    pub value: NanoAmount,
    /// Given, or received as a gift.
    #[n(2)]
    pub gifts: WattHours,
}

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
    /// The home's all-in limit inside the tariff band: a buyer pays at most this, what it pays more for
    /// some origins included; a seller gets at least this, except for gifts. Fees included.
    #[n(3)]
    pub limit: MicroPricePerKwh,
    /// The price at which it entered the book: the limit less the buyer's fee, or plus the seller's.
    #[n(4)]
    pub price: MicroPricePerKwh,
    /// How much of it was traded, in the auction and with named homes.
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
    /// What of it was traded with named homes; none where nothing was.
    #[n(9)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<Direct>,
}

impl OrderRow {
    /// How much was traded with named homes.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn filled_direct(&self) -> Result<WattHours, Overflow> {
        let direct = self.direct.unwrap_or_default();
        direct.partners.plus(direct.gifts)
    }

    /// How much was traded in the auction.
    ///
    /// # Errors
    /// [`Overflow`] when less was traded than with named homes alone.
    pub fn filled_in_auction(&self) -> Result<WattHours, Overflow> {
        self.fill.less(self.filled_direct()?)
    }

    /// What the auction brought (+) or cost (−), before fees.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn value_in_auction(&self) -> Result<NanoAmount, Overflow> {
        let value = self.amount.plus(self.fee)?;
        value.less(self.direct.unwrap_or_default().value)
    }

    /// The order as it stood in the book of the auction: what named homes had left of it.
    ///
    /// # Errors
    /// [`Overflow`] when they took more than there was.
    pub fn in_book(&self, home: HomeId) -> Result<Order, Overflow> {
        Ok(Order {
            id: self.order,
            home,
            side: self.side,
            quantity: self.quantity.less(self.filled_direct()?)?,
            price: self.price,
        })
    }
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
