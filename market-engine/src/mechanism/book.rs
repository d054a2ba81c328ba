//! A book made ready for a mechanism: checked, by id, with its optimum and its lots.

use energy_core::{Clearing, IntervalStart, MicroPricePerKwh, Order, Side};

use super::draft::Draft;
use super::lot::Lots;
use super::ration::parts;
use super::sides::{Margin, Sides, Step, total};
use crate::book::sorted;
use crate::{BookError, call_auction};

/// The orders of one interval.
#[derive(Debug, Clone)]
pub(super) struct Book<'a> {
    /// By id.
    pub(super) rows: Vec<&'a Order>,
    /// What the call auction makes of it: the greatest welfare, the valid prices, who trades.
    pub(super) best: Clearing,
    lots: Lots,
}

impl<'a> Book<'a> {
    /// Checks the orders.
    ///
    /// # Errors
    /// [`BookError`] when ids repeat or sums overflow.
    pub(super) fn new(interval: IntervalStart, orders: &'a [Order]) -> Result<Self, BookError> {
        Ok(Self {
            best: call_auction(interval, orders, 0)?,
            rows: sorted(orders),
            lots: Lots::of(interval),
        })
    }

    /// Both sides.
    pub(super) fn sides(&self) -> Sides {
        Sides::of(&self.rows)
    }

    /// Where the sides stop trading in the call auction: that of the bids, that of the asks.
    pub(super) fn margins(&self) -> Option<(Margin, Margin)> {
        let sides = self.sides();
        let margin = |side| Margin::of(&sides, side, &self.best.fills, &self.lots);
        margin(Side::Bid).zip(margin(Side::Ask))
    }

    /// The lot of a row.
    pub(super) fn lot(&self, row: u32) -> u64 {
        self.lots.draw(self.rows[row as usize].id)
    }

    /// Shares `whole` Wh among orders in proportion to their quantities, odd Wh by largest remainder,
    /// then by lot. Each gets at most its quantity; with enough for all each gets all.
    pub(super) fn share(&self, draft: &mut Draft, steps: &[Step], whole: u64) {
        if whole >= total(steps) {
            return draft.fill(steps);
        }
        let parts = parts(whole, steps, |row| self.lot(row));
        for (step, part) in steps.iter().zip(parts) {
            draft.fills[step.row as usize] = part;
        }
    }

    /// Lets orders of a side that all accept a price trade `whole` Wh at it: first those that gain by it,
    /// then those for which it is the limit.
    ///
    /// What an order gets does not depend on how far its limit is from the price: an order that gains
    /// gets the same whatever it states beyond the price, and one at the price does not care. So a
    /// share at a price that the order has no part in is truthful.
    pub(super) fn trade(
        &self,
        draft: &mut Draft,
        side: Side,
        steps: &[Step],
        price: MicroPricePerKwh,
        whole: u64,
    ) {
        if whole >= total(steps) {
            draft.fill(steps);
        } else {
            let gains = |step: &&Step| step.price != price;
            let (gaining, indifferent): (Vec<Step>, Vec<Step>) = steps.iter().partition(gains);
            self.share(draft, &gaining, whole);
            let rest = whole.saturating_sub(total(&gaining));
            self.share(draft, &indifferent, rest);
        }
        draft.pay(side, steps, price);
    }
}
