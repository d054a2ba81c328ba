//! An order of one home for one interval, as the market engine takes it.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{HomeId, MicroPricePerKwh, OrderId, WattHours};

/// The side of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Buys.
    Bid,
    /// Sells.
    Ask,
}

/// An order in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Order {
    /// Its name, unique in the book.
    #[n(0)]
    pub id: OrderId,
    /// Whose it is. Plays no part in a clearing or in the hash of a book.
    #[n(1)]
    pub home: HomeId,
    /// Buys or sells.
    #[n(2)]
    pub side: Side,
    /// How much, at most 10⁹ Wh in a live zone.
    #[n(3)]
    pub quantity: WattHours,
    /// The price at which it entered the book: the home's all-in limit inside the tariff band, less
    /// the buyer's fee or plus the seller's.
    #[n(4)]
    pub price: MicroPricePerKwh,
}

impl Order {
    /// The same order without its owner (home 0), as a book that is shown to others has it.
    #[must_use]
    pub fn without_owner(self) -> Self {
        Self {
            home: HomeId::new(0),
            ..self
        }
    }
}
