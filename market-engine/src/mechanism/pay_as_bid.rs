//! Pay-as-bid: the trades of the call auction, each pair at a price of its own.
//!
//! Source: the discriminatory k-double auction, as in Lin, Pipattanasomporn, Rahman 2019, *Comparative
//! analysis of auction mechanisms and bidding strategies for P2P solar energy trading* (the uniform one
//! is [`Mechanism::KDoubleAuction`]).
//!
//! The orders and fills are those of the call auction. Buyers from the highest bid down and sellers
//! from the lowest ask up meet in turn, equal limits by lot; what a pair trades costs
//! `ask + floor(k·(bid − ask))` a unit. So k = 1 is the form in which each buyer pays its own bid to
//! its seller, k = 0 the one in which each seller gets its own ask, and ½ shares every pair's gain.
//! Nobody keeps a difference: what the buyer of a pair pays, its seller receives.
//!
//! | property | holds |
//! |---|---|
//! | efficient | yes, for the limits stated: the fills of the call auction |
//! | truthful | no: the own limit is part of the own price, so everybody gains by shading it |
//! | budget balanced | strongly: pair by pair |
//! | individually rational | yes: a pair's price is between its two limits |

use energy_core::{Side, WattHours};

use super::book::Book;
use super::draft::{Draft, amount};
use super::sides::Step;
use super::{Budget, Facts, Mechanism, Outcome, Terms};
use crate::BookError;
use crate::auction::between;

pub(super) const FACTS: Facts = Facts {
    title: "pay-as-bid",
    source: "Lin, Pipattanasomporn, Rahman 2019: Comparative analysis of auction mechanisms and bidding strategies for P2P solar energy trading",
    efficient: true,
    truthful: false,
    budget_balanced: Budget::Strong,
    individually_rational: true,
    limits: "the own limit is part of the own price, so everybody gains by shading it",
};

pub(super) fn clear(book: &Book<'_>, terms: &Terms) -> Result<Outcome, BookError> {
    let mut draft = Draft::empty(book);
    let fills = book.best.fills.iter();
    draft.fills = fills.map(|fill| fill.quantity.get()).collect();
    pair(book, &mut draft, terms.k_ppm).ok_or(BookError::WelfareOverflow)?;
    draft.outcome(Mechanism::PayAsBid, book)
}

/// Lets the filled orders of both sides meet in turn and pay each other.
fn pair(book: &Book<'_>, draft: &mut Draft, k_ppm: u32) -> Option<()> {
    let bids = filled(book, draft, Side::Bid);
    let asks = filled(book, draft, Side::Ask);
    let mut sellers = asks.into_iter();
    let mut seller: Option<Step> = None;
    for bid in bids {
        let mut wanted = bid.quantity;
        while wanted > 0 {
            let mut ask = match seller.take() {
                Some(ask) => ask,
                None => sellers.next()?,
            };
            let trade = wanted.min(ask.quantity);
            let price = between(ask.price, bid.price, k_ppm);
            let value = WattHours::new(trade).value_wide(price);
            for (side, row) in [(Side::Bid, bid.row), (Side::Ask, ask.row)] {
                let sum = &mut draft.amounts[row as usize];
                *sum = sum.checked_add(amount(side, value))?;
            }
            wanted = wanted.saturating_sub(trade);
            ask.quantity = ask.quantity.saturating_sub(trade);
            seller = Some(ask).filter(|ask| ask.quantity > 0);
        }
    }
    Some(())
}

/// The orders of a side that trade, with their fills as quantities, best first, equals by lot.
fn filled(book: &Book<'_>, draft: &Draft, side: Side) -> Vec<Step> {
    let orders = (0_u32..).zip(book.rows.iter().zip(&draft.fills));
    let mut steps: Vec<Step> = orders
        .filter(|(_, (order, wh))| order.side == side && **wh > 0)
        .map(|(row, (order, wh))| Step {
            price: order.price,
            quantity: *wh,
            row,
        })
        .collect();
    steps.sort_unstable_by_key(|step| (step.price, step.row));
    for equal in steps.chunk_by_mut(|a, b| a.price == b.price) {
        if equal.len() > 1 {
            equal.sort_by_cached_key(|step| book.lot(step.row));
        }
    }
    if side == Side::Bid {
        steps.reverse();
    }
    steps
}
