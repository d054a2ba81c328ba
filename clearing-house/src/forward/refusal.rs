//! Why a forward order, a change or a cancellation is not taken. The order that stood, stands.

use energy_core::{IntervalStart, TimeError};

use super::order::ForwardOrderId;
use crate::rules::{ENERGY_WH_MAX, PRICE_MICRO_MAX};

/// The most intervals that one order can span: a month of quarters of an hour.
pub const SPAN_MAX: usize = 2_976;

/// The most orders that one home can have in the book.
pub const ORDERS_PER_HOME_MAX: usize = 64;

/// The most versions of one order.
pub const VERSIONS_MAX: u32 = 1_000;

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The span does not begin with an interval of the zone.
    #[error("start: {0}")]
    Start(#[from] TimeError),
    /// No interval, or too many.
    #[error("expected a span of 1 to {SPAN_MAX} intervals, got {got}")]
    Span {
        /// What came.
        got: usize,
    },
    /// Not one limit for each quantity.
    #[error("expected one limit or one for each of {expected} intervals, got {got}")]
    Limits {
        /// Intervals of the span.
        expected: usize,
        /// Limits that came.
        got: usize,
    },
    /// More than a home can move in an interval.
    #[error("expected at most {ENERGY_WH_MAX} Wh in the interval at {}, got {got_wh}", interval.seconds())]
    Quantity {
        /// Where.
        interval: IntervalStart,
        /// What came, in Wh.
        got_wh: u64,
    },
    /// A limit beyond all reason.
    #[error("expected a limit within ±{PRICE_MICRO_MAX} µ/kWh in the interval at {}, got {got}", interval.seconds())]
    Price {
        /// Where.
        interval: IntervalStart,
        /// What came, in µ/kWh.
        got: i64,
    },
    /// Nothing is wanted anywhere.
    #[error("expected more than 0 Wh in at least one interval, got none")]
    Nothing,
    /// The gate has closed: of an interval of a new order, or of all that a change could touch.
    #[error("expected an order before {closed_s}, when the gate of the interval at {} closed, got it at {now_s}", interval.seconds())]
    GateClosed {
        /// Which interval.
        interval: IntervalStart,
        /// When its gate closed, seconds UTC.
        closed_s: i64,
        /// When the order came, seconds UTC.
        now_s: i64,
    },
    /// The home is on the other side in an interval: it would trade with itself.
    #[error("expected a home to be on one side in the interval at {}, but order {other} is on the other", interval.seconds())]
    OtherSide {
        /// Where.
        interval: IntervalStart,
        /// The order that stands there.
        other: ForwardOrderId,
    },
    /// Not one Wh of it can be paid for.
    #[error("expected free funds for at least 1 Wh of the order, got none")]
    Funds,
    /// Another order has this name.
    #[error("expected a new name for another order, got {id} again")]
    Taken {
        /// The name.
        id: ForwardOrderId,
    },
    /// No order has this name.
    #[error("expected the name of an order in the book, got {id}")]
    Unknown {
        /// The name.
        id: ForwardOrderId,
    },
    /// The order has been changed since.
    #[error("expected a change of version {expected}, which stands, got one of version {got}")]
    Version {
        /// The newest version.
        expected: u32,
        /// The version that the change starts from.
        got: u32,
    },
    /// The home has too many orders.
    #[error("expected at most {ORDERS_PER_HOME_MAX} orders of a home in the book, got one more")]
    Orders,
    /// The order was changed too often.
    #[error("expected at most {VERSIONS_MAX} versions of an order, got one more")]
    Versions,
}
