//! The two sides of a book, and where each of them stops trading.
//!
//! Nothing is ranked here but the orders of one price: who stands before the last order to trade is a
//! matter of its price, and of lots among its equals.

use energy_core::{Fill, MicroPricePerKwh, Order, Side};

use super::lot::Lots;

/// An order with a quantity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Its limit.
    pub(super) price: MicroPricePerKwh,
    /// Its quantity in Wh, more than zero.
    pub(super) quantity: u64,
    /// Its place among the orders by id.
    pub(super) row: u32,
}

/// Both sides, by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Sides {
    /// Who buys.
    pub(super) bids: Vec<Step>,
    /// Who sells.
    pub(super) asks: Vec<Step>,
}

impl Sides {
    /// Those of orders sorted by id.
    pub(super) fn of(rows: &[&Order]) -> Self {
        let half = rows.len().div_ceil(2);
        let (mut bids, mut asks) = (Vec::with_capacity(half), Vec::with_capacity(half));
        for (row, order) in (0_u32..).zip(rows) {
            let steps = match order.side {
                Side::Bid => &mut bids,
                Side::Ask => &mut asks,
            };
            if order.quantity.get() > 0 {
                steps.push(Step {
                    price: order.price,
                    quantity: order.quantity.get(),
                    row,
                });
            }
        }
        Self { bids, asks }
    }

    /// The orders of a side.
    pub(super) fn side(&self, side: Side) -> &[Step] {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    /// The orders of a side that accept a price.
    pub(super) fn willing(&self, side: Side, price: MicroPricePerKwh) -> Vec<Step> {
        let accepts = |step: &&Step| !is_better(side, price, step.price);
        self.side(side).iter().filter(accepts).copied().collect()
    }

    /// What the orders of a side that accept a price want or offer together, Wh.
    pub(super) fn quantity_at(&self, side: Side, price: MicroPricePerKwh) -> u64 {
        self.side(side).iter().fold(0, |sum: u64, step| {
            let accepts = !is_better(side, price, step.price);
            sum.saturating_add(if accepts { step.quantity } else { 0 })
        })
    }
}

/// Whether a limit is the better one of its side: a bid is better if it is higher, an ask if it is lower.
fn is_better(side: Side, one: MicroPricePerKwh, other: MicroPricePerKwh) -> bool {
    match side {
        Side::Bid => one > other,
        Side::Ask => one < other,
    }
}

/// Where a side stops trading.
#[derive(Debug, Clone)]
pub(super) struct Margin {
    /// Those who stand before the last one to trade: better limits, and equal ones with lower lots.
    pub(super) before: Vec<Step>,
    /// What they want or offer together, Wh.
    pub(super) before_quantity: u64,
    /// The last to trade, perhaps in part.
    pub(super) last: Step,
    /// The limit of the one after it.
    pub(super) next: Option<MicroPricePerKwh>,
}

impl Margin {
    /// That of a side of a book; none if nothing trades. `fills` are those of the call auction, by row.
    pub(super) fn of(sides: &Sides, side: Side, fills: &[Fill], lots: &Lots) -> Option<Self> {
        let steps = sides.side(side);
        let filled = |step: &Step| fills[step.row as usize].quantity.get();
        let traded = steps
            .iter()
            .fold(0_u64, |sum, step| sum.saturating_add(filled(step)));
        let limits = steps.iter().filter(|step| filled(step) > 0);
        let price = limits
            .map(|step| step.price)
            .reduce(|a, b| if is_better(side, a, b) { b } else { a })?;

        let (mut before, mut equal) = (Vec::with_capacity(steps.len()), Vec::new());
        let mut next: Option<MicroPricePerKwh> = None;
        for step in steps {
            if step.price == price {
                equal.push(*step);
            } else if is_better(side, step.price, price) {
                before.push(*step);
            } else if next.is_none_or(|next| is_better(side, step.price, next)) {
                next = Some(step.price);
            }
        }
        // Equal lots stay by id.
        equal.sort_by_cached_key(|step| lots.draw(fills[step.row as usize].order));
        let mut before_quantity = total(&before);
        let mut after = equal.into_iter();
        loop {
            let last = after.next()?;
            let through = before_quantity.saturating_add(last.quantity);
            if through >= traded {
                return Some(Self {
                    before,
                    before_quantity,
                    last,
                    next: after.next().map(|step| step.price).or(next),
                });
            }
            before_quantity = through;
            before.push(last);
        }
    }

    /// Up to and with the last one, Wh.
    pub(super) fn through_quantity(&self) -> u64 {
        self.before_quantity.saturating_add(self.last.quantity)
    }

    /// Those before, and the last one.
    pub(super) fn through(mut self) -> Vec<Step> {
        self.before.push(self.last);
        self.before
    }
}

/// The sum of their quantities; that of a side fits, as the book's check has shown.
pub(super) fn total(steps: &[Step]) -> u64 {
    steps
        .iter()
        .fold(0, |sum, step| sum.saturating_add(step.quantity))
}
