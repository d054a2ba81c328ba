//! Nine ways to clear the same book, behind one order format and one result format.
//!
//! A zone chooses one ([`Mechanism`]); a researcher compares them all on one book
//! ([`compare`](crate::compare::compare)). Whatever the mechanism, an [`Outcome`] keeps every order's
//! limit and quantity, sells exactly what is bought, and its money sums to zero with the zone's surplus,
//! which is never negative; [`checker::feasible`](crate::checker::feasible) verifies that. The rules, their
//! sources and what they promise stand in a module each, in short in [`Mechanism::facts`].
//!
//! ```
//! use energy_core::{HomeId, IntervalLength, MicroPricePerKwh, Order, OrderId, Side, WattHours};
//! use market_engine::mechanism::{Mechanism, Terms, clear};
//!
//! let order = |n: u8, side, wh, price| Order {
//!     id: OrderId::new([n; 16]),
//!     home: HomeId::new(n.into()),
//!     side,
//!     quantity: WattHours::new(wh),
//!     price: MicroPricePerKwh::new(price),
//! };
//! let book = [order(1, Side::Bid, 900, 300_000), order(2, Side::Ask, 600, 100_000)];
//! let interval = IntervalLength::QUARTER_HOUR.start_at(1_781_514_000)?;
//! let terms = Terms {
//!     k_ppm: 500_000,
//!     ceiling: MicroPricePerKwh::new(300_000),
//!     floor: MicroPricePerKwh::new(80_000),
//! };
//!
//! let outcome = clear(Mechanism::MidMarketRate, interval, &book, &terms)?;
//! assert_eq!(outcome.clearing.price, Some(MicroPricePerKwh::new(190_000)));
//! assert_eq!(outcome.amounts, [-600 * 190_000, 600 * 190_000]);
//! market_engine::checker::feasible(&book, &outcome)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bill_sharing;
mod book;
pub mod continuous;
mod draft;
mod facts;
pub mod k_double_auction;
mod lot;
pub mod mcafee;
pub mod mid_market_rate;
pub mod muda;
mod name;
pub mod pay_as_bid;
mod ration;
pub mod sbba;
pub mod sharing;
mod sides;
pub mod supply_demand_ratio;

use energy_core::{Clearing, IntervalStart, MicroPricePerKwh, Order};
use serde::{Deserialize, Serialize};

pub use facts::{Budget, Facts};
pub use name::UnknownMechanism;

use self::book::Book;
use crate::{BookError, K_PPM_MAX};

/// How a zone makes trades of a book.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// Call auction at one price: [`k_double_auction`].
    #[default]
    KDoubleAuction,
    /// The same trades, each pair at a price of its own: [`pay_as_bid`].
    PayAsBid,
    /// Price–time priority, orders drawn one after the other: [`continuous`].
    Continuous,
    /// McAfee's trade reduction: [`mcafee`].
    #[serde(rename = "mcafee")]
    McAfee,
    /// Strongly budget-balanced trade reduction: [`sbba`].
    Sbba,
    /// Multi-unit double auction over two random halves: [`muda`].
    Muda,
    /// The middle of the tariff band, the shortage shared by all: [`mid_market_rate`].
    MidMarketRate,
    /// Everybody pays and is paid the community's own average: [`bill_sharing`].
    BillSharing,
    /// A price that falls as local supply rises: [`supply_demand_ratio`].
    SupplyDemandRatio,
}

/// What a zone has agreed on, as far as a mechanism needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Where the price lies between the lowest valid one (0) and the highest (1 000 000).
    pub k_ppm: u32,
    /// The highest price a local trade can make sense at, net of fees: what the sharing rules take as
    /// the utility's selling price, µ/kWh.
    pub ceiling: MicroPricePerKwh,
    /// The lowest one, net of fees: the utility's buying price, µ/kWh. Above `ceiling`, the sharing
    /// rules trade nothing, because no price is better than the utility's for both.
    pub floor: MicroPricePerKwh,
}

/// What a mechanism makes of a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which mechanism.
    pub mechanism: Mechanism,
    /// Fills and certificate. `price` is none where not everybody trades at one price; `price_lo` and
    /// `price_hi` are those of the book by the rule of the call auction.
    pub clearing: Clearing,
    /// For each fill of `clearing`, in the same order, what its owner receives, before fees, in 10⁻⁹
    /// currency: what a buyer pays is negative.
    pub amounts: Vec<i128>,
    /// What is left of the buyers' money and goes to the zone's account, 10⁻⁹ currency, never negative.
    /// Σ amounts + surplus = 0.
    pub surplus: i128,
}

/// Clears a book under a mechanism.
///
/// The result is the same for any permutation of `orders`.
///
/// # Errors
/// [`BookError`] when ids repeat, sums or products overflow, or `terms.k_ppm` is above one.
pub fn clear(
    mechanism: Mechanism,
    interval: IntervalStart,
    orders: &[Order],
    terms: &Terms,
) -> Result<Outcome, BookError> {
    if terms.k_ppm > K_PPM_MAX {
        return Err(BookError::ShareParameter { got: terms.k_ppm });
    }
    let book = || Book::new(interval, orders);
    match mechanism {
        Mechanism::KDoubleAuction => k_double_auction::clear(interval, orders, terms),
        Mechanism::PayAsBid => pay_as_bid::clear(&book()?, terms),
        Mechanism::Continuous => continuous::clear(interval, orders),
        Mechanism::McAfee => mcafee::clear(&book()?),
        Mechanism::Sbba => sbba::clear(&book()?),
        Mechanism::Muda => muda::clear(interval, &book()?, terms),
        Mechanism::MidMarketRate => mid_market_rate::clear(&book()?, terms),
        Mechanism::BillSharing => bill_sharing::clear(&book()?, terms),
        Mechanism::SupplyDemandRatio => supply_demand_ratio::clear(&book()?, terms),
    }
}
