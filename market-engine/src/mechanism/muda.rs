//! MUDA: two random halves of the book, each trading at the price of the other.
//!
//! Source: Segal-Halevi, Hassidim, Aumann 2018, *MUDA: a truthful multi-unit double-auction mechanism*
//! (arXiv 1712.06848, 2017).
//!
//! 1. The orders of a side, by size and equals by id, are taken in pairs: the last bit of the first one's
//!    lot is the coin that sends it to one half and the second to the other. The paper tosses a coin for
//!    each order; by pairs the halves are alike, and less is lost, most of all where a side has few
//!    orders. No price has a part in it.
//! 2. For each half the call auction gives the valid prices `[lo, hi]`, from which
//!    `p = lo + floor(k·(hi − lo))`; none where a half has only one side.
//! 3. In each half all that accept the *other* half's price trade at it, `min(Σ bids ≥ p, Σ asks ≤ p)`
//!    Wh; the longer side shares in proportion to quantity, those for whom the price is the limit last.
//!    The paper draws who stays out ("MUDA-Lottery"); its other variant ("MUDA-Vickrey") leaves money
//!    over.
//!
//! Ties need no care: limits equal to the price accept it, so a book with a single price trades.
//!
//! | property | holds |
//! |---|---|
//! | efficient | no: a half trades only with itself, and at a price that is not quite its own. The share lost falls with the square root of the number of orders on the shorter side: of random books 98 % is kept at 10⁴ orders, 86 % at 100, 73 % at 37 |
//! | truthful | yes in the limit, for a given quantity and one order an owner: no order has a part in its own price, and its share does not depend on its limit. Not in the quantity: on the side that shares a larger order gets a larger part |
//! | budget balanced | strongly: one price in each half |
//! | individually rational | yes: who does not accept the price does not trade |

use energy_core::{IntervalStart, MicroPricePerKwh, Order, Side};

use super::book::Book;
use super::draft::Draft;
use super::sides::{Sides, Step, total};
use super::{Budget, Facts, Mechanism, Outcome, Terms};
use crate::auction::between;
use crate::{BookError, CallAuction, Quote, price_volume};

pub(super) const FACTS: Facts = Facts {
    title: "multi-unit double auction over two halves",
    source: "Segal-Halevi, Hassidim, Aumann 2018: MUDA: a truthful multi-unit double-auction mechanism",
    efficient: false,
    truthful: true,
    budget_balanced: Budget::Strong,
    individually_rational: true,
    limits: "truthful in the limit, for one order an owner; each half trades only with itself, so it needs a large book",
};

pub(super) fn clear(
    interval: IntervalStart,
    book: &Book<'_>,
    terms: &Terms,
) -> Result<Outcome, BookError> {
    let mut draft = Draft::empty(book);
    let [heads, tails] = toss(book);
    for (half, other) in [(&heads, &tails), (&tails, &heads)] {
        let valid = match quick_prices(other) {
            Some(valid) => valid,
            None => prices(interval, book, other)?,
        };
        if let Some((lo, hi)) = valid {
            let price = between(lo, hi, terms.k_ppm);
            let [buyers, sellers] = [Side::Bid, Side::Ask].map(|side| half.willing(side, price));
            let quantity = total(&buyers).min(total(&sellers));
            book.trade(&mut draft, Side::Bid, &buyers, price, quantity);
            book.trade(&mut draft, Side::Ask, &sellers, price, quantity);
        }
    }
    draft.outcome(Mechanism::Muda, book)
}

/// Parts the book in two.
fn toss(book: &Book<'_>) -> [Sides; 2] {
    let sides = book.sides();
    let [bids, other_bids] = toss_side(book, &sides.bids);
    let [asks, other_asks] = toss_side(book, &sides.asks);
    let tails = Sides {
        bids: other_bids,
        asks: other_asks,
    };
    [Sides { bids, asks }, tails]
}

fn toss_side(book: &Book<'_>, steps: &[Step]) -> [Vec<Step>; 2] {
    let by_size = by_size(steps);
    let (pairs, left_over) = by_size.as_chunks::<2>();
    let mut halves = [(); 2].map(|()| Vec::with_capacity(pairs.len().saturating_add(1)));
    let coin = |first: &Step| usize::from(book.lot(first.row) & 1 == 1);
    for pair in pairs {
        let coin = coin(&pair[0]);
        halves[0].push(pair[coin]);
        halves[1].push(pair[coin ^ 1]);
    }
    for step in left_over {
        halves[coin(step)].push(*step);
    }
    halves
}

/// The orders of a side by quantity, equals by id; from 2^32 Wh on quantities count as equal.
fn by_size(steps: &[Step]) -> Vec<Step> {
    let quantity = |step: &Step| step.quantity.min(u32::MAX.into()) << 32;
    let places = (0_u64..).zip(steps);
    let mut words: Vec<u64> = places.map(|(at, step)| quantity(step) | at).collect();
    words.sort_unstable();
    words
        .iter()
        .map(|word| steps[*word as u32 as usize])
        .collect()
}

/// Lowest and highest valid price, also where nothing trades; none where a side is missing.
type ValidPrices = Option<(MicroPricePerKwh, MicroPricePerKwh)>;

/// Those of a half; none if its numbers are too large for quotes.
fn quick_prices(half: &Sides) -> Option<ValidPrices> {
    let all = half.bids.iter().chain(&half.asks);
    let base = all.map(|step| step.price.get()).min().unwrap_or_default();
    let quotes = |steps: &[Step]| -> Option<Vec<Quote>> {
        let quote = |step: &Step| {
            Some(Quote {
                price: u32::try_from(step.price.get().checked_sub(base)?).ok()?,
                quantity: u32::try_from(step.quantity).ok()?,
            })
        };
        steps.iter().map(quote).collect()
    };
    let cleared = price_volume(&quotes(&half.bids)?, &quotes(&half.asks)?, 0).ok()?;
    let price = |above: u32| MicroPricePerKwh::new(base.saturating_add(above.into()));
    let valid = cleared.price_lo.zip(cleared.price_hi);
    Some(valid.map(|(lo, hi)| (price(lo), price(hi))))
}

/// Those of any half.
fn prices(
    interval: IntervalStart,
    book: &Book<'_>,
    half: &Sides,
) -> Result<ValidPrices, BookError> {
    let all = half.bids.iter().chain(&half.asks);
    let orders: Vec<Order> = all.map(|step| *book.rows[step.row as usize]).collect();
    let cleared = CallAuction::default().clear(interval, &orders, 0, None)?;
    Ok(cleared.price_lo.zip(cleared.price_hi))
}

#[cfg(test)]
mod tests {
    use energy_core::{HomeId, IntervalLength, OrderId, WattHours};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quick_prices_are_the_prices(
            rows in prop::collection::vec((any::<bool>(), 0_u64..5, -4_i64..5), 0..20),
        ) {
            let orders: Vec<Order> = (0_u32..).zip(rows).map(|(n, (is_bid, wh, price))| Order {
                id: OrderId::derived("order", &n.to_be_bytes()),
                home: HomeId::new(n),
                side: if is_bid { Side::Bid } else { Side::Ask },
                quantity: WattHours::new(wh),
                price: MicroPricePerKwh::new(price),
            }).collect();
            let interval = IntervalLength::QUARTER_HOUR.containing(0);
            let book = Book::new(interval, &orders).expect("a book");
            for half in toss(&book) {
                let slow = prices(interval, &book, &half).expect("a book");
                prop_assert_eq!(quick_prices(&half), Some(slow));
            }
        }
    }
}
