//! What goes into a continuous book and what comes out of it.

use energy_core::{HomeId, MicroPricePerKwh, Order, Side, WattHours};
use serde::{Deserialize, Serialize};

use super::places::PLACES;

/// What happens where an incoming order meets a resting one of the same home.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum SelfTrade {
    /// It passes over it and trades with the others. What is then left of it is dropped when an order
    /// of its own home stands in its way, because the book would be crossed otherwise. The walk over
    /// own orders takes time in proportion to their number.
    #[default]
    Skip,
    /// The resting one is cancelled, the incoming one goes on.
    CancelResting,
    /// They trade. Homes play no part.
    Allow,
}

/// An order that comes to the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder {
    /// Whose it is; read by the rule for [`SelfTrade`] only.
    pub home: HomeId,
    /// Buys or sells.
    pub side: Side,
    /// How much, at least 1 Wh.
    pub quantity: WattHours,
    /// The most a buyer pays, the least a seller takes.
    pub price: MicroPricePerKwh,
}

impl From<&Order> for NewOrder {
    fn from(order: &Order) -> Self {
        Self {
            home: order.home,
            side: order.side,
            quantity: order.quantity,
            price: order.price,
        }
    }
}

/// The book's name of an order that rests or rested in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    pub(super) block: u32,
    /// How often the place was taken and freed: odd while this order rests.
    pub(super) turn: u32,
    /// The place in the block, 0 to 4.
    pub(super) place: u8,
    pub(super) side: Side,
}

impl Ticket {
    /// A number that no other *resting* order has, for a table beside the book that grows as needed:
    /// below ten times the largest number of orders that ever rested at once.
    #[must_use]
    pub const fn slot(self) -> u32 {
        // Fits, as there are at most 2^28 blocks.
        self.block
            .wrapping_mul(PLACES)
            .wrapping_add(self.place as u32)
    }
}

impl std::fmt::Display for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.slot(), self.turn)
    }
}

/// A trade of the incoming order with a resting one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// The resting order.
    pub resting: Ticket,
    /// Whose it is.
    pub home: HomeId,
    /// The resting order's limit.
    pub price: MicroPricePerKwh,
    /// How much, at least 1 Wh.
    pub quantity: WattHours,
    /// What is left of the resting order; at zero it is gone.
    pub left: WattHours,
}

impl Trade {
    /// What the buyer pays and the seller receives, 10⁻⁹ currency; negative at a negative price.
    #[must_use]
    pub fn amount(&self) -> i128 {
        self.quantity.value_wide(self.price)
    }
}

/// What an incoming order does to a resting one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// They trade.
    Trade(Trade),
    /// Both are of one home and the rule is [`SelfTrade::CancelResting`].
    Cancelled {
        /// The order that is gone.
        resting: Ticket,
        /// What was left of it.
        quantity: WattHours,
    },
}

/// What became of an incoming order: `traded + rested + dropped` is its quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Traded at once.
    pub traded: WattHours,
    /// Waits in the book.
    pub rested: WattHours,
    /// Neither, because an order of the same home stands in the way ([`SelfTrade::Skip`]).
    pub dropped: WattHours,
    /// The order that waits, if any does.
    pub resting: Option<Ticket>,
}

/// An order that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// Whose it is.
    pub home: HomeId,
    /// Buys or sells.
    pub side: Side,
    /// What is left of it, at least 1 Wh.
    pub quantity: WattHours,
    /// Its limit.
    pub price: MicroPricePerKwh,
}

/// All orders of one side at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Their price.
    pub price: MicroPricePerKwh,
    /// Their sum, at least 1 Wh.
    pub quantity: WattHours,
    /// Their number, at least 1.
    pub orders: u32,
}

/// An operation that the book does not carry out. It is then as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContinuousError {
    /// Nothing is asked for.
    #[error("expected a quantity of at least 1 Wh, got 0; to take an order back, cancel it")]
    ZeroQuantity,
    /// The sum of a side would leave its unit.
    #[error(
        "expected the waiting {side:?} quantities and the new one to sum to less than 2^64 Wh, got more"
    )]
    QuantityOverflow {
        /// Which side.
        side: Side,
    },
    /// The order is not in the book.
    #[error("expected a waiting order, got ticket {ticket}, whose order is filled or cancelled")]
    NotResting {
        /// What came.
        ticket: Ticket,
    },
    /// No place is left: there are 2^28 blocks, each with up to 5 orders of one price.
    #[error("expected a free one among 2^28 blocks of waiting orders, got none")]
    Full,
}
