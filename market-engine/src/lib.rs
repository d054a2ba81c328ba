//! Orders in, clearing out: the call auction, its certificate, the checker, and the automatic agent.
//!
//! Everything here is a pure function over integers: no clock, no randomness, no floats, no I/O. The
//! same book gives the same bytes, in whatever order its rows came.
//!
//! - [`call_auction`] trades the largest quantity among the welfare-maximal ones at one price and
//!   attaches a certificate of it.
//! - [`checker::check`] verifies a clearing in integers without trusting the engine: it shares no
//!   code with it.
//! - [`merit_order`] gives the two staircases of a book for a chart.
//! - [`agent::limits`] turns one word (cheap, balanced, green) into prices.
//!
//! ```
//! use energy_core::{HomeId, IntervalLength, MicroPricePerKwh, Order, OrderId, Side, WattHours};
//!
//! let order = |n: u8, side, wh, price| Order {
//!     id: OrderId::new([n; 16]),
//!     home: HomeId::new(n.into()),
//!     side,
//!     quantity: WattHours::new(wh),
//!     price: MicroPricePerKwh::new(price),
//! };
//! let book = [order(1, Side::Bid, 1_000, 250_000), order(2, Side::Ask, 600, 100_000)];
//! let interval = IntervalLength::QUARTER_HOUR.start_at(1_781_514_000)?;
//!
//! let clearing = market_engine::call_auction(interval, &book, 500_000)?;
//! // The buyer's unfilled 400 Wh count as rejected, so the price cannot be below its limit.
//! assert_eq!(clearing.price, Some(MicroPricePerKwh::new(250_000)));
//! assert_eq!(clearing.certificate.quantity, 600);
//! market_engine::checker::check(interval, &book, &clearing, 500_000)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

pub mod agent;
mod auction;
mod book;
pub mod checker;
mod merit_order;

pub use auction::call_auction;
pub use book::{BookError, book_hash, certificate_hash};
pub use merit_order::{MeritOrder, Step, merit_order};

/// The largest share parameter: k in parts per million.
pub const K_PPM_MAX: u32 = 1_000_000;
