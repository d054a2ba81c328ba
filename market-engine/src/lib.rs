//! Orders in, clearing out: exact, certified market clearing for local energy.
//!
//! A book is a list of [`Order`](energy_core::Order)s: who buys or sells how many Wh at which limit. A
//! clearing says what each order is filled with and at which price, and carries a certificate that
//! anybody can check without trusting the engine.
//!
//! Everything here is a pure function over integers: no clock, no randomness, no floats, no I/O, no
//! threads. The same book gives the same bytes, in whatever order its rows came. Energy is in Wh, prices
//! in µ/kWh (10⁻⁶ currency per kWh), money in 10⁻⁹ currency, so that Wh × price is money, exactly.
//!
//! ```
//! use energy_core::{HomeId, IntervalLength, MicroPricePerKwh, Order, OrderId, Side, WattHours};
//! use market_engine::{call_auction, checker};
//!
//! let order = |n: u8, side, wh, price| Order {
//!     id: OrderId::new([n; 16]),
//!     home: HomeId::new(n.into()),
//!     side,
//!     quantity: WattHours::new(wh),
//!     price: MicroPricePerKwh::new(price),
//! };
//! let book = [
//!     order(1, Side::Bid, 1_000, 250_000), // up to 0.25 a kWh
//!     order(2, Side::Ask, 600, 100_000),
//! ];
//! let interval = IntervalLength::QUARTER_HOUR.start_at(1_781_514_000)?;
//! let half = 500_000; // the price in the middle of the valid ones
//!
//! let clearing = call_auction(interval, &book, half)?;
//! // The buyer's unfilled 400 Wh count as rejected, so the price cannot be below its limit.
//! assert_eq!(clearing.price, Some(MicroPricePerKwh::new(250_000)));
//! assert_eq!(clearing.fills[1].quantity, WattHours::new(600));
//! assert_eq!(clearing.certificate.quantity, 600);
//! checker::check(interval, &book, &clearing, half)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | for | look at |
//! |---|---|
//! | one interval's call auction | [`call_auction`] |
//! | the same for huge books or very many, with money legs | [`CallAuction`], [`Fees`] |
//! | price and quantity alone, eight bytes an order | [`price_volume()`] |
//! | eight other mechanisms, one result format | [`mechanism`] |
//! | all mechanisms side by side on one book | [`compare`] |
//! | an order book that trades at once | [`continuous`] |
//! | green, local, partners, gifts, self-trade | [`preference`] |
//! | proof that a clearing is right | [`checker`], [`certificate_hash`], [`book_hash`] |
//! | the two staircases of a book, for a chart | [`merit_order()`] |
//! | one word (cheap, balanced, green) turned into prices and offers, and explained | [`agent`] |
//!
//! A clearing takes time proportional to the number of orders (`cargo xtask bench market`); nothing is
//! allocated for an order but its columns.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

pub mod agent;
mod auction;
mod book;
mod by_id;
mod canonical;
pub mod checker;
pub mod compare;
pub mod continuous;
mod legs;
pub mod mechanism;
mod merit_order;
pub mod preference;
mod price_volume;

pub use auction::{CallAuction, Cleared, call_auction};
pub use book::{BookError, book_hash, certificate_hash};
pub use legs::Fees;
pub use merit_order::{MeritOrder, Step, merit_order};
pub use price_volume::{PRICE_MAX, PriceVolume, Quote, QuoteError, price_volume};

/// The largest share parameter: k in parts per million.
pub const K_PPM_MAX: u32 = 1_000_000;
