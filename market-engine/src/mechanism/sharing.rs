//! What the sharing rules have in common: a price made of demand and supply, and orders that may refuse
//! it.
//!
//! A sharing rule gives a price `r(D, S)` in the band that does not rise with supply and does not fall
//! with demand. `D(p)` is what bids of at least p want, `S(p)` what asks of at most p offer. As p rises,
//! bids leave and asks join, so `r(D(p), S(p))` falls; it crosses p once. The price is that crossing:
//!
//! `p = max { p in the band : r(D(p), S(p)) ≥ p }`
//!
//! Where `r = p` there, those who trade are exactly those whose limits the price keeps. Where the two
//! cross at a limit, so that the rule would push its owner out and then pull it in again, the price is
//! that limit: of p and p + 1 (the limit of a bid or of an ask) the one at which more trades, the lower
//! if equal. Without limits inside the band this is the rule as its paper has it.
//!
//! One crossing, found by bisection over prices and not by leaving out orders until none objects: so
//! the result is unique, does not depend on any order of steps, and nobody who accepts the price is
//! left out.

use energy_core::{MicroPricePerKwh, Side};

use super::book::Book;
use super::draft::Draft;
use super::sides::Sides;
use super::{Mechanism, Outcome, Terms};
use crate::BookError;

/// The utility's two prices, net of fees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    /// What it pays, µ/kWh.
    pub(super) floor: i64,
    /// What it takes less what it pays, µ/kWh.
    pub(super) width: u64,
}

impl Band {
    /// None if the floor is above the ceiling: then no price is better than the utility's for both.
    fn of(terms: &Terms) -> Option<Self> {
        let (floor, ceiling) = (terms.floor.get(), terms.ceiling.get());
        let width = ceiling.abs_diff(floor);
        (floor <= ceiling).then_some(Self { floor, width })
    }

    /// How far above the floor `part / whole` of the way to the ceiling is, rounded down; the floor if
    /// the whole is nothing. `part ≤ whole`.
    pub(super) fn along(self, part: u64, whole: u128) -> Option<u64> {
        // Two factors below 2^64.
        let product = u128::from(self.width).checked_mul(part.into())?;
        u64::try_from(product.checked_div(whole).unwrap_or(0)).ok()
    }

    fn price(self, above_floor: u64) -> Option<MicroPricePerKwh> {
        let price = self.floor.checked_add_unsigned(above_floor)?;
        Some(MicroPricePerKwh::new(price))
    }
}

/// Clears a book at the price where a rule and the limits agree. The rule takes what is wanted and what
/// is offered, in Wh, and gives how far above the band's floor the price is.
///
/// # Errors
/// [`BookError::WelfareOverflow`] when a product of the rule or a sum leaves 128 bits.
pub(super) fn at_balance(
    mechanism: Mechanism,
    book: &Book<'_>,
    terms: &Terms,
    rule: impl Fn(Band, u64, u64) -> Option<u64>,
) -> Result<Outcome, BookError> {
    let mut draft = Draft::empty(book);
    if let Some(band) = Band::of(terms) {
        let sides = book.sides();
        let rule = |wanted, offered| rule(band, wanted, offered);
        let price = balance(band, &sides, rule).ok_or(BookError::WelfareOverflow)?;
        let quantity = traded(&sides, price);
        for side in [Side::Bid, Side::Ask] {
            let steps = sides.willing(side, price);
            book.share(&mut draft, &steps, quantity);
            draft.pay(side, &steps, price);
        }
    }
    draft.outcome(mechanism, book)
}

/// The crossing of the module's doc.
fn balance(
    band: Band,
    sides: &Sides,
    rule: impl Fn(u64, u64) -> Option<u64>,
) -> Option<MicroPricePerKwh> {
    let rule_at = |above_floor| {
        let price = band.price(above_floor)?;
        let [wanted, offered] = [Side::Bid, Side::Ask].map(|side| sides.quantity_at(side, price));
        rule(wanted, offered)
    };
    // The rule is at or above `low`, and below every price beyond `high`.
    let (mut low, mut high) = (0, band.width);
    while low < high {
        let middle = low.saturating_add(high.saturating_sub(low).div_ceil(2));
        if rule_at(middle)? >= middle {
            low = middle;
        } else {
            high = middle.saturating_sub(1);
        }
    }
    let price = band.price(low)?;
    let next = band.price(low.saturating_add(1).min(band.width))?;
    let jumps = rule_at(low)? > low && traded(sides, next) > traded(sides, price);
    Some(if jumps { next } else { price })
}

/// What trades at a price, Wh.
fn traded(sides: &Sides, price: MicroPricePerKwh) -> u64 {
    let [wanted, offered] = [Side::Bid, Side::Ask].map(|side| sides.quantity_at(side, price));
    wanted.min(offered)
}
