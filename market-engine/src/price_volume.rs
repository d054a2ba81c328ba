//! Price and quantity of a call auction alone, for who clears very many books and needs no fills: eight
//! bytes an order, no names, no certificate, no allocation that grows with the book.
//!
//! Same rules and same answer as [`crate::call_auction`], found the same way, on a ladder of prices.
//! Limits: prices are whole steps above a base of the caller's choice (for instance µ/kWh above the
//! feed-in tariff), at most [`PRICE_MAX`]; quantities are below 2^32 Wh. Then no sum can overflow: fewer
//! than 2^32 orders of less than 2^32 Wh.

use energy_core::{MicroPricePerKwh, Side};

use crate::K_PPM_MAX;
use crate::auction::between;
use crate::auction::crossing::Crossing;
use crate::auction::select::{QUANTITY_BITS, crossing};

/// The highest price of a [`Quote`].
pub const PRICE_MAX: u32 = (1 << 31) - 2;

/// An order without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Its limit, in steps above the base; at most [`PRICE_MAX`].
    pub price: u32,
    /// Its quantity, Wh.
    pub quantity: u32,
}

/// Where a book clears.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PriceVolume {
    /// Wh traded.
    pub quantity: u64,
    /// The uniform price in steps above the base, none without trade.
    pub price: Option<u32>,
    /// The lowest valid price, none when unbounded.
    pub price_lo: Option<u32>,
    /// The highest valid price, none when unbounded.
    pub price_hi: Option<u32>,
}

/// Quotes are not a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A price beyond the range.
    #[error("expected prices of 0 to 2147483646 steps above the base, got {got}")]
    Price {
        /// What came.
        got: u32,
    },
    /// The share parameter is above one.
    #[error("expected k of 0 to 1000000 parts per million, got {got}")]
    ShareParameter {
        /// What came.
        got: u32,
    },
    /// More orders than sums are safe for.
    #[error("expected fewer than 2^32 quotes, got {got}")]
    TooMany {
        /// How many came.
        got: usize,
    },
}

/// Clears quotes at one price; `k_ppm` as for [`crate::call_auction`].
///
/// ```
/// use market_engine::{Quote, price_volume};
///
/// let bids = [Quote { price: 40, quantity: 500 }, Quote { price: 10, quantity: 300 }];
/// let asks = [Quote { price: 20, quantity: 500 }];
/// let cleared = price_volume(&bids, &asks, 500_000)?;
/// assert_eq!((cleared.quantity, cleared.price), (500, Some(30)));
/// # Ok::<(), market_engine::QuoteError>(())
/// ```
///
/// # Errors
/// [`QuoteError`].
pub fn price_volume(bids: &[Quote], asks: &[Quote], k_ppm: u32) -> Result<PriceVolume, QuoteError> {
    if k_ppm > K_PPM_MAX {
        return Err(QuoteError::ShareParameter { got: k_ppm });
    }
    let count = bids.len().saturating_add(asks.len());
    if u32::try_from(count).is_err() {
        return Err(QuoteError::TooMany { got: count });
    }
    let (wanted, offered) = (Range::of(bids)?, Range::of(asks)?);
    let crossing = crossing(
        &[words(asks, Side::Ask), words(bids, Side::Bid)],
        wanted.keys_with(offered),
        wanted.quantity,
        &mut Vec::new(),
        |key| i64::from(steps(key)),
    );
    let quantity = traded(bids, &crossing);
    let (price_lo, price_hi) = crossing.prices();
    let price = price_lo.zip(price_hi).filter(|_| quantity > 0);
    let narrow = |price: MicroPricePerKwh| {
        u32::try_from(price.get()).expect("a price between two prices of quotes")
    };
    Ok(PriceVolume {
        quantity,
        price: price.map(|(lo, hi)| narrow(between(lo, hi, k_ppm))),
        price_lo: price_lo.map(narrow),
        price_hi: price_hi.map(narrow),
    })
}

fn words(quotes: &[Quote], side: Side) -> impl Iterator<Item = u64> + Clone {
    quotes.iter().map(move |quote| word(*quote, side))
}

/// A quote as a word of the auction: zero where it has no quantity.
#[inline]
fn word(quote: Quote, side: Side) -> u64 {
    let counts = u64::from(quote.quantity != 0).wrapping_neg();
    let bid = u64::from(side == Side::Bid);
    // Prices begin at 1 in a word, so that no word of a quantity has a key of 0.
    let above = u64::from(quote.price).wrapping_add(1);
    ((above << 33) | (bid << QUANTITY_BITS) | u64::from(quote.quantity)) & counts
}

/// The price of a key.
fn steps(key: u64) -> u32 {
    (key >> 1).wrapping_sub(1) as u32
}

/// Wh bought: all bids above the margin, and what the margin gets.
fn traded(bids: &[Quote], crossing: &Crossing) -> u64 {
    let Some(margin) = crossing.margin else {
        return 0;
    };
    let is_bid = margin.side == Side::Bid;
    let from = margin.price.saturating_add(is_bid.into());
    let whole = bids
        .iter()
        .map(|quote| {
            u64::from(quote.quantity) & u64::from(i64::from(quote.price) >= from).wrapping_neg()
        })
        .fold(0_u64, u64::wrapping_add);
    whole.wrapping_add(if is_bid { margin.given } else { 0 })
}

/// What one side spans.
#[derive(Clone, Copy)]
struct Range {
    lowest: u32,
    highest: u32,
    quantity: u64,
}

impl Range {
    fn of(quotes: &[Quote]) -> Result<Self, QuoteError> {
        let mut range = Self {
            lowest: PRICE_MAX,
            highest: 0,
            quantity: 0,
        };
        for quote in quotes {
            range.lowest = range.lowest.min(quote.price);
            range.highest = range.highest.max(quote.price);
            range.quantity = range.quantity.wrapping_add(quote.quantity.into());
        }
        if range.highest > PRICE_MAX {
            return Err(QuoteError::Price { got: range.highest });
        }
        Ok(range)
    }

    /// The keys between which all of both sides lie.
    fn keys_with(self, other: Self) -> (u64, u64) {
        let key = |price, side| word(Quote { price, quantity: 1 }, side) >> QUANTITY_BITS;
        (
            key(self.lowest.min(other.lowest), Side::Ask),
            key(self.highest.max(other.highest), Side::Bid),
        )
    }
}
