//! A book as one word an order, for every book of a size that a zone can have.
//!
//! `price above base (31) ‖ side (1 bid, 0 ask) ‖ quantity (32)`, so that words sort by price, and asks
//! come before bids of their price. A word of 0 plays no part (quantity zero). What does not fit a word
//! is cleared by [`super::wide`]; the result is the same.

use energy_core::{Order, Side};

use super::select::QUANTITY_BITS;

/// Half the prices that fit: about 1,000 currency units a kWh to either side of the first order's.
const HALF: i64 = 1 << 30;
/// From this price on, a difference of two prices could wrap round and look small.
const FAR: u64 = 1 << 62;

/// What words leave out, and what was learnt when they were written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    base: i64,
    /// Lowest key: price above base, and side.
    pub(super) low: u64,
    /// Highest key; 0 when no order plays a part.
    pub(super) high: u64,
    /// Σ quantities of bids, in Wh.
    pub(super) bids: u64,
}

impl Words {
    /// The key of a price that some order of the book has.
    pub(super) fn key(&self, price: i64, side: Side) -> u64 {
        let above = price.wrapping_sub(self.base) as u64;
        (above << 1) | u64::from(side == Side::Bid)
    }

    /// The price of a key, µ/kWh.
    pub(super) fn price(&self, key: u64) -> i64 {
        // Exact: the key was made of a price by taking the base off.
        self.base.wrapping_add_unsigned(key >> 1)
    }
}

/// Writes words.
pub(super) struct Packer {
    base: i64,
    /// Any bit set: something did not fit.
    strange: u64,
    below_low: u64,
    high: u64,
    bids: u64,
}

impl Packer {
    /// A packer for books whose prices lie around the first one's.
    pub(super) fn new(orders: &[Order]) -> Self {
        let first = orders.first().map_or(0, |order| order.price.get());
        Self {
            base: first.wrapping_sub(HALF),
            strange: first.unsigned_abs() & FAR.wrapping_neg(),
            below_low: u64::MAX,
            high: 0,
            bids: 0,
        }
    }

    /// The word of an order. Nothing in here can be relied on once an order was strange.
    #[inline(always)]
    pub(super) fn word(&mut self, order: &Order) -> u64 {
        let quantity = order.quantity.get();
        let counts = u64::from(quantity != 0).wrapping_neg();
        let bid = u64::from(order.side == Side::Bid);
        // Never wraps round to something that fits: the base is less than 2^62 + 2^30 from zero.
        let above = order.price.get().wrapping_sub(self.base) as u64 & counts;
        let word = (above << 33) | ((bid << QUANTITY_BITS) & counts) | quantity;
        self.strange |= (above >> 31) | (quantity >> QUANTITY_BITS);
        // The lowest word less one, so that zero is the highest of all.
        self.below_low = self.below_low.min(word.wrapping_sub(1));
        self.high = self.high.max(word);
        // Fewer than 2^32 orders of less than 2^32 Wh each sum to less than 2^64.
        self.bids = self.bids.wrapping_add(quantity & bid.wrapping_neg());
        word
    }

    /// The book, if all of it fitted.
    ///
    /// The last condition keeps Σ quantity × price difference inside 64 bits.
    pub(super) fn words(&self) -> Option<Words> {
        let words = Words {
            base: self.base,
            low: self.below_low.wrapping_add(1) >> QUANTITY_BITS,
            high: self.high >> QUANTITY_BITS,
            bids: self.bids,
        };
        let is_empty = self.high == 0;
        let range = (words.high >> 1).checked_sub(words.low >> 1);
        let fits = self.strange == 0
            && words.low >> 1 > 0
            && range.is_some_and(|range| self.bids.checked_mul(range).is_some());
        (fits || (is_empty && self.strange == 0)).then_some(words)
    }
}
