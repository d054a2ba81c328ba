//! Checks the outcome of any mechanism: limits, quantities, sums.
//!
//! Shares no code with the engine; needs only the book. One pass over the rows by id shows that
//! - no order is filled beyond its quantity, no buyer pays more than `fill × limit`, no seller receives
//!   less, and nothing is paid for nothing;
//! - Σ bought = Σ sold = the certified quantity, Σ amounts + surplus = 0, and the surplus is zero, or
//!   not negative under the one mechanism that may keep one;
//! - the clearing states a price exactly when everybody trades at one, and then that price;
//! - `primal` is the welfare of the fills, `dual` the dual value of the book at the lowest valid price
//!   (the highest, where no bid bounds it): by linear-programming duality the greatest welfare that any
//!   clearing of the book has, so `primal / dual` is the share of the optimum;
//! - `[lo, hi]` are the valid prices. They are where the dual value is least, so its slope decides:
//!   `Σ asks < lo` is less than `Σ bids ≥ lo`, and `Σ asks ≤ lo` at least `Σ bids > lo`; `Σ asks ≤ hi`
//!   is more than `Σ bids > hi`, and `Σ asks < hi` at most `Σ bids ≥ hi`. Without bids there is no `lo`,
//!   without asks no `hi`.
//!
//! It does not show that the fills are those of the mechanism: between orders that both keep their
//! limits, a mechanism without one price may share otherwise. Who wants to know that clears the book
//! again, which gives the same bytes.

use energy_core::{CertificateKind, Order, OrderId, Side};

use super::{Violation, by_id, canonical_hash};
use crate::mechanism::{Mechanism, Outcome};

/// Accepts an outcome that keeps what every mechanism promises.
///
/// # Errors
/// The first [`Violation`] found.
pub fn feasible(orders: &[Order], outcome: &Outcome) -> Result<(), Violation> {
    let clearing = &outcome.clearing;
    let certificate = &clearing.certificate;
    let book = aligned(orders, outcome)?;
    if canonical_hash(&book) != certificate.book_hash {
        return Err(Violation::BookHash);
    }
    let stated = |price: Option<energy_core::MicroPricePerKwh>| price.map(|p| p.get());
    let (lo, hi) = (stated(clearing.price_lo), stated(clearing.price_hi));
    let mut sums = Sums {
        at_lo: Around::of(lo),
        at_hi: Around::of(hi),
        bound: lo.or(hi),
        ..Sums::default()
    };
    for ((order, fill), amount) in book.iter().zip(&clearing.fills).zip(&outcome.amounts) {
        let filled = fill.quantity.get();
        let value = order_rule(order, filled, *amount)?;
        sums.add(order, filled, value).ok_or(Violation::Overflow)?;
    }
    sums.balance(outcome)?;
    sums.price_interval(lo, hi)?;
    let price = sums.trades.and_then(|trades| trades.price);
    if stated(clearing.price).map(i128::from) != price || certificate.price != clearing.price {
        return Err(Violation::Price);
    }
    sums.welfare(outcome)
}

/// The book by id, if there are a fill and an amount for each of its orders.
fn aligned<'a>(orders: &'a [Order], outcome: &Outcome) -> Result<Vec<&'a Order>, Violation> {
    let fills = &outcome.clearing.fills;
    let book = by_id(orders);
    let names = book.iter().map(|order| order.id);
    if !names.eq(fills.iter().map(|fill| fill.order)) {
        return Err(Violation::Fills);
    }
    if outcome.amounts.len() != fills.len() {
        return Err(Violation::Amounts {
            fills: fills.len(),
            amounts: outcome.amounts.len(),
        });
    }
    let twice = book.windows(2).find(|pair| pair[0].id == pair[1].id);
    match twice {
        Some(pair) => Err(Violation::DuplicateOrder { order: pair[0].id }),
        None => Ok(book),
    }
}

/// Checks one order alone; gives what its fill cost its buyer or brought its seller.
fn order_rule(order: &Order, filled: u64, amount: i128) -> Result<i128, Violation> {
    let id: OrderId = order.id;
    if filled > order.quantity.get() {
        return Err(Violation::Quantity { order: id });
    }
    if filled == 0 && amount != 0 {
        return Err(Violation::Idle { order: id });
    }
    // |u64 × i64| < 2^127: never beyond 128 bits.
    let at_limit = i128::from(filled).saturating_mul(order.price.get().into());
    let (value, keeps) = match order.side {
        Side::Bid => {
            let paid = amount.checked_neg().ok_or(Violation::Overflow)?;
            (paid, paid <= at_limit)
        }
        Side::Ask => (amount, amount >= at_limit),
    };
    if keeps {
        Ok(value)
    } else {
        Err(Violation::Limit { order: id })
    }
}

/// What is offered and wanted on either side of a price, Wh.
#[derive(Default)]
struct Around {
    price: i64,
    asks_below: u128,
    asks_up_to: u128,
    bids_above: u128,
    bids_from: u128,
}

impl Around {
    fn of(price: Option<i64>) -> Self {
        Self {
            price: price.unwrap_or_default(),
            ..Self::default()
        }
    }

    fn add(&mut self, order: &Order) -> Option<()> {
        let (limit, quantity) = (order.price.get(), u128::from(order.quantity.get()));
        let add = |sum: &mut u128| {
            *sum = sum.checked_add(quantity)?;
            Some(())
        };
        match order.side {
            Side::Bid if limit > self.price => {
                add(&mut self.bids_above)?;
                add(&mut self.bids_from)
            }
            Side::Bid if limit == self.price => add(&mut self.bids_from),
            Side::Ask if limit < self.price => {
                add(&mut self.asks_below)?;
                add(&mut self.asks_up_to)
            }
            Side::Ask if limit == self.price => add(&mut self.asks_up_to),
            Side::Bid | Side::Ask => Some(()),
        }
    }
}

/// What the filled orders paid a unit: one price, or several.
#[derive(Clone, Copy)]
struct Trades {
    price: Option<i128>,
}

#[derive(Default)]
struct Sums {
    at_lo: Around,
    at_hi: Around,
    /// Where the dual value is taken.
    bound: Option<i64>,
    wanted: u128,
    offered: u128,
    bought: u128,
    sold: u128,
    paid: i128,
    received: i128,
    primal: i128,
    dual: i128,
    trades: Option<Trades>,
}

impl Sums {
    fn add(&mut self, order: &Order, filled: u64, value: i128) -> Option<()> {
        self.at_lo.add(order)?;
        self.at_hi.add(order)?;
        let (limit, quantity) = (i128::from(order.price.get()), order.quantity.get());
        let worth = limit.checked_mul(filled.into())?;
        let above = limit.checked_sub(self.bound.unwrap_or_default().into())?;
        let (all, part, money, worth, gain) = match order.side {
            Side::Bid => (
                &mut self.wanted,
                &mut self.bought,
                &mut self.paid,
                worth,
                above,
            ),
            Side::Ask => (
                &mut self.offered,
                &mut self.sold,
                &mut self.received,
                worth.checked_neg()?,
                above.checked_neg()?,
            ),
        };
        *all = all.checked_add(quantity.into())?;
        *part = part.checked_add(filled.into())?;
        *money = money.checked_add(value)?;
        self.primal = self.primal.checked_add(worth)?;
        if self.bound.is_some() {
            let gain = gain.max(0).checked_mul(quantity.into())?;
            self.dual = self.dual.checked_add(gain)?;
        }
        if filled > 0 {
            self.trade(filled.into(), value)?;
        }
        Some(())
    }

    fn trade(&mut self, filled: i128, value: i128) -> Option<()> {
        let price = Some(value.checked_div_euclid(filled)?)
            .filter(|price| price.checked_mul(filled) == Some(value));
        let known = self.trades.map_or(price, |trades| trades.price);
        self.trades = Some(Trades {
            price: known.filter(|known| Some(*known) == price),
        });
        Some(())
    }

    fn balance(&self, outcome: &Outcome) -> Result<(), Violation> {
        let (bought, sold) = (self.bought, self.sold);
        let certified = outcome.clearing.certificate.quantity;
        if bought != sold || sold != certified {
            return Err(Violation::Balance {
                bought,
                sold,
                certified,
            });
        }
        let (paid, received, surplus) = (self.paid, self.received, outcome.surplus);
        let left = paid.checked_sub(received).ok_or(Violation::Overflow)?;
        if left != surplus {
            return Err(Violation::Money {
                paid,
                received,
                surplus,
            });
        }
        let may_keep = outcome.mechanism == Mechanism::McAfee;
        if surplus < 0 || (surplus > 0 && !may_keep) {
            return Err(Violation::Surplus { surplus });
        }
        Ok(())
    }

    fn price_interval(&self, lo: Option<i64>, hi: Option<i64>) -> Result<(), Violation> {
        let (at, holds_lo) = (&self.at_lo, lo.is_some() == (self.wanted > 0));
        let lowest = at.asks_below < at.bids_from && at.asks_up_to >= at.bids_above;
        let (at, holds_hi) = (&self.at_hi, hi.is_some() == (self.offered > 0));
        let highest = at.asks_up_to > at.bids_above && at.asks_below <= at.bids_from;
        let holds = holds_lo && holds_hi && (lo.is_none() || lowest) && (hi.is_none() || highest);
        if holds {
            Ok(())
        } else {
            Err(Violation::PriceInterval)
        }
    }

    fn welfare(&self, outcome: &Outcome) -> Result<(), Violation> {
        let certificate = &outcome.clearing.certificate;
        let (primal, dual) = (self.primal, self.dual);
        if primal != certificate.primal {
            return Err(Violation::Primal {
                expected: primal,
                got: certificate.primal,
            });
        }
        if dual != certificate.dual {
            return Err(Violation::Dual {
                expected: dual,
                got: certificate.dual,
            });
        }
        let claims_optimum = certificate.kind == CertificateKind::Optimal;
        if claims_optimum != (outcome.mechanism == Mechanism::KDoubleAuction) {
            return Err(Violation::OtherKind);
        }
        if claims_optimum && primal != dual {
            return Err(Violation::NotOptimal { primal, dual });
        }
        Ok(())
    }
}
