//! The automatic agent: from one word, cheap, balanced or green, to the prices of a home.
//!
//! In the net band `[F, R]` (F = feed-in + seller fee, R = retail − buyer fee, W = R − F) automatic
//! asks lie in `[F + W/4, F + W/2]` and automatic bids in `[F + W/2, F + 3W/4]`. So any two automatic
//! homes would trade, the price is always strictly inside the band, and each side gets at least a
//! quarter of the gain. Where in its quarter a home stands is the sum of three parts:
//!
//! | part | share | moves both prices up when |
//! |---|---|---|
//! | scarcity | 60 % | the street needs more than it has to spare |
//! | mode | 30 % | an ask: cheap (0 green, 15 balanced, 30 cheap); a bid: green (0 cheap, 15 balanced, 30 green) |
//! | battery | 10 % | the battery is empty; half of it for a home without one |
//!
//! - [`limits()`] gives these prices before an interval is cleared, with the reason.
//! - [`explain()`] says afterwards in one sentence what happened and why.
//! - [`offers()`] says how much a home can promise in a forward zone. In a metered zone there is nothing
//!   to choose: the verified surplus or need is the order.
//!
//! It sets prices and offered quantities only; it moves no device. Integers only, divisions round
//! down.
//!
//! ```
//! use energy_core::MicroPricePerKwh;
//! use market_engine::agent::{Band, Mode, Signals, limits};
//!
//! let price = MicroPricePerKwh::new;
//! let band = Band {
//!     retail: price(300_000),
//!     feed_in: price(80_000),
//!     buyer_fee: price(5_000),
//!     seller_fee: price(5_000),
//! };
//! let noon = Signals { scarcity_permille: 200, soc_permille: None };
//! let limits = limits(Mode::Balanced, &band, &noon);
//! assert_eq!(limits.sell_above, price(149_300));
//! assert_eq!(limits.buy_below, price(211_800));
//! ```

mod explain;
mod limits;
mod mode;
mod offer;
mod wording;

use energy_core::MicroPricePerKwh;

pub use explain::{Happened, explain};
pub use limits::{Limits, limits};
pub use mode::{Mode, UnknownMode};
pub use offer::{Offer, Storage, offers};
pub use wording::decimal;

const PERMILLE: i128 = 1_000;

/// The tariff and the fees between which a local price can lie, all in micro-currency per kWh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// What the utility charges.
    pub retail: MicroPricePerKwh,
    /// What the utility pays.
    pub feed_in: MicroPricePerKwh,
    /// What a buyer pays on top of the local price.
    pub buyer_fee: MicroPricePerKwh,
    /// What a seller pays out of the local price.
    pub seller_fee: MicroPricePerKwh,
}

/// What the agent may know about the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals {
    /// Need ÷ (need + surplus) of the zone as measured: 0 all surplus, 1000 all need.
    pub scarcity_permille: u16,
    /// The home's state of charge, 0 to 1000; absent without a battery.
    pub soc_permille: Option<u16>,
}
