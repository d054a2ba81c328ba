//! Where the two sides of a book meet: the margin, and the prices next to it.

use energy_core::{MicroPricePerKwh, Side};

/// What is known of a book's optimum before anything is filled; see [`super::select`] for the reasoning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Crossing {
    /// The orders that are neither better nor worse than what trades; none in a book without bids.
    pub(crate) margin: Option<Margin>,
    /// The next price below the margin in the ranking: that of an ask that fills whole, or of a bid that
    /// does not fill.
    pub(crate) below: Option<i64>,
    /// The next above: that of a bid that fills whole, or of an ask that does not fill.
    pub(crate) above: Option<i64>,
}

/// All orders of one side at the marginal price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Margin {
    /// Their side.
    pub(crate) side: Side,
    /// Their price, µ/kWh.
    pub(crate) price: i64,
    /// What they are filled with together, in Wh; at most `offered`.
    pub(crate) given: u64,
    /// What they want or offer together, in Wh; at least 1.
    pub(crate) offered: u64,
}

impl Margin {
    /// The margin of a side, from the quantities on the way to it: those passed before, its own, and all
    /// bids'.
    pub(crate) fn new(side: Side, price: i64, before: u64, offered: u64, bids: u64) -> Self {
        // before < bids ≤ before + offered: the rank at which the sum reaches Σ bids.
        let missing = bids.saturating_sub(before);
        let given = match side {
            Side::Bid => offered.saturating_sub(missing),
            Side::Ask => missing,
        };
        Self {
            side,
            price,
            given,
            offered,
        }
    }
}

impl Crossing {
    /// The lowest and the highest valid price: max of accepted asks and rejected bids, min of accepted
    /// bids and rejected asks.
    pub(crate) fn prices(&self) -> (Option<MicroPricePerKwh>, Option<MicroPricePerKwh>) {
        let (mut lo, mut hi) = (self.below, self.above);
        if let Some(margin) = self.margin {
            let price = Some(margin.price);
            let (accepted, rejected) = (margin.given > 0, margin.given < margin.offered);
            let (raises_lo, lowers_hi) = match margin.side {
                Side::Bid => (rejected, accepted),
                Side::Ask => (accepted, rejected),
            };
            if raises_lo {
                lo = lo.max(price);
            }
            if lowers_hi {
                hi = hi.into_iter().chain(price).min();
            }
        }
        (lo.map(MicroPricePerKwh::new), hi.map(MicroPricePerKwh::new))
    }
}
