//! What orders wish for beyond a price: where the energy comes from, and from whom.
//!
//! - [`clear_by_origin`]: "up to 2 cents more if it is green, 3 more if it is local", inside the same
//!   welfare optimum, with one price for each class of origin and a certificate that
//!   [`check_by_origin`] verifies.
//! - [`bilateral`]: partners and gifts, matched before the auction, which then clears what is left.
//! - [`net_own`]: the orders of one home never trade with each other.
//!
//! The three can be combined: net a home's own orders, take gifts and partners out, clear the rest by
//! origin or by any mechanism.
//!
//! ```
//! use energy_core::{HomeId, IntervalLength, MicroPricePerKwh, Order, OrderId, Side, WattHours};
//! use market_engine::preference::{
//!     Adders, Origin, OriginOrder, check_by_origin, clear_by_origin,
//! };
//!
//! let order = |n: u8, side, limit| {
//!     OriginOrder::plain(Order {
//!         id: OrderId::new([n; 16]),
//!         home: HomeId::new(n.into()),
//!         side,
//!         quantity: WattHours::new(500),
//!         price: MicroPricePerKwh::new(limit),
//!     })
//! };
//! let (green, grey) = (Origin::new(true, false), Origin::new(false, false));
//! let roof = OriginOrder { origin: green, ..order(1, Side::Ask, 100_000) };
//! let other = order(2, Side::Ask, 100_000);
//! // One buyer pays up to 0.04 more if it is green.
//! let adders = Adders { green: MicroPricePerKwh::new(40_000), ..Adders::default() };
//! let friend = OriginOrder { adders, ..order(3, Side::Bid, 200_000) };
//! let book = [roof, other, friend, order(4, Side::Bid, 200_000)];
//!
//! let interval = IntervalLength::QUARTER_HOUR.start_at(1_781_514_000)?;
//! let clearing = clear_by_origin(interval, &book, 500_000)?;
//! assert_eq!(clearing.price(grey), Some(MicroPricePerKwh::new(150_000)));
//! assert_eq!(clearing.price(green), Some(MicroPricePerKwh::new(170_000)));
//! check_by_origin(&book, &clearing, 500_000)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod certificate;
mod class_book;
mod class_fill;
mod class_flow;
mod class_price;
mod origin;
mod outcome;
mod partner;
mod self_trade;

pub use certificate::{OriginViolation, check_by_origin};
pub use origin::{
    Adders, ClassFill, ClassPrice, Origin, OriginCertificate, OriginClearing, OriginError,
    OriginOrder, clear_by_origin, origin_book_hash,
};
pub use outcome::{BY_ORIGIN_CHECKED_AS, outcome};
pub use partner::{Bilateral, BilateralKind, Gift, Matched, Partner, Wish, WishError, bilateral};
pub use self_trade::{SelfTrade, net_own};
