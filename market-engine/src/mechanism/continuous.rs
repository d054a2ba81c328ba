//! Continuous double auction: orders trade the moment they meet, at the price of the one that waited.
//!
//! Source: Friedman, Rust 1993, *The double auction market: institutions, theories, and evidence*; the
//! rules of the book are those of [`crate::continuous`].
//!
//! A book of one interval has no arrival times, and the order of its rows is an accident. So the
//! orders arrive by `keccak(interval ‖ order id)`: nobody chooses it, it is another order in every
//! interval, and a permutation of the rows changes nothing. Homes play no part
//! ([`SelfTrade::Allow`]), so that a book shown without its owners clears to the same bytes.
//!
//! An order's amount is the sum of its trades; what a trade's buyer pays, its seller receives.
//!
//! | property | holds |
//! |---|---|
//! | efficient | no: a buyer who comes early may take what a better one would have taken |
//! | truthful | no: who comes first to a price sets it, so a margin is worth asking for |
//! | budget balanced | strongly: trade by trade |
//! | individually rational | yes: a trade's price is the limit of the one and reached by the other's |

use energy_core::{IntervalStart, Order, keccak};

use super::book::Book;
use super::draft::{Draft, amount};
use super::{Budget, Facts, Mechanism, Outcome};
use crate::BookError;
use crate::continuous::{ContinuousBook, Event, NewOrder, SelfTrade, Trade};

pub(super) const FACTS: Facts = Facts {
    title: "continuous double auction",
    source: "Friedman, Rust 1993: The double auction market: institutions, theories, and evidence",
    efficient: false,
    truthful: false,
    budget_balanced: Budget::Strong,
    individually_rational: true,
    limits: "who comes first trades first, so some welfare is lost and the price differs from trade to trade",
};

pub(crate) fn clear(interval: IntervalStart, orders: &[Order]) -> Result<Outcome, BookError> {
    let book = Book::new(interval, orders)?;
    let mut draft = Draft::empty(&book);
    trade(interval, &book.rows, &mut draft).ok_or(BookError::WelfareOverflow)?;
    draft.outcome(Mechanism::Continuous, &book)
}

/// Lets the orders arrive one after the other; nothing when an amount leaves 128 bits.
fn trade(interval: IntervalStart, rows: &[&Order], draft: &mut Draft) -> Option<()> {
    let mut book = ContinuousBook::with_capacity(SelfTrade::Allow, rows.len());
    // The row of the order in each slot of the book.
    let mut row_in_slot: Vec<u32> = Vec::with_capacity(rows.len());
    let mut events = Vec::new();
    for row in arrivals(interval, rows) {
        let order = NewOrder::from(rows[row as usize]);
        events.clear();
        let placement = book
            .submit(order, &mut events)
            .expect("the check of the rows has shown that each side's sum and their number fit");
        for event in &events {
            // The rule lets nothing be cancelled.
            if let Event::Trade(trade) = event {
                let resting = row_in_slot[trade.resting.slot() as usize];
                settle(rows, draft, row, trade)?;
                settle(rows, draft, resting, trade)?;
            }
        }
        if let Some(ticket) = placement.resting {
            let slot = ticket.slot() as usize;
            if slot >= row_in_slot.len() {
                row_in_slot.resize(slot.saturating_add(1), 0);
            }
            row_in_slot[slot] = row;
        }
    }
    Some(())
}

/// The rows with a quantity, as they arrive.
fn arrivals(interval: IntervalStart, rows: &[&Order]) -> Vec<u32> {
    let mut arriving: Vec<u32> = (0_u32..)
        .zip(rows)
        .filter(|(_, order)| order.quantity.get() > 0)
        .map(|(row, _)| row)
        .collect();
    arriving.sort_by_cached_key(|row| {
        let id = rows[*row as usize].id;
        keccak(&[&interval.seconds().to_be_bytes(), id.as_bytes()])
    });
    arriving
}

/// Adds a trade to the fill and the amount of one of its two orders.
fn settle(rows: &[&Order], draft: &mut Draft, row: u32, trade: &Trade) -> Option<()> {
    let row = row as usize;
    let value = amount(rows[row].side, trade.amount());
    draft.fills[row] = draft.fills[row].checked_add(trade.quantity.get())?;
    draft.amounts[row] = draft.amounts[row].checked_add(value)?;
    Some(())
}
