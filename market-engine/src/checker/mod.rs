//! Checks a clearing without trusting whoever made it.
//!
//! Shares no code with the engine; needs only the book. One pass over the rows adds up what the
//! certificate claims: fills within quantity and limit, Σ bought = Σ sold, and
//!
//! `Σ fill × bid − Σ fill × ask = Σ q·max(bid − p, 0) + Σ q·max(p − ask, 0)`
//!
//! By linear-programming duality no clearing of the book has a greater welfare than the right side,
//! for any p; so equality proves the optimum. The same pass gives the valid prices `[lo, hi]`. Where
//! orders of one price are filled in part, a look at those shows that they share by the rule, so that
//! exactly one clearing of a book is accepted. [`feasible()`] is for mechanisms that do not promise the
//! optimum.

mod feasible;
mod tie;
mod violation;

use energy_core::{CertificateKind, Clearing, Hash, IntervalStart, Order, Side};

pub use feasible::feasible;
pub use violation::Violation;

/// Accepts exactly the clearing that the rules give for this book.
///
/// # Errors
/// The first [`Violation`] found.
pub fn check(
    interval: IntervalStart,
    orders: &[Order],
    clearing: &Clearing,
    k_ppm: u32,
) -> Result<(), Violation> {
    let certificate = &clearing.certificate;
    if certificate.kind != CertificateKind::Optimal {
        return Err(Violation::Kind);
    }
    let book = by_id(orders);
    if book.len() != clearing.fills.len() {
        return Err(Violation::Fills);
    }
    let price = clearing.price.map(|p| p.get());
    let (mut bids, mut asks) = (Sums::default(), Sums::default());
    let mut before = None;
    for (order, fill) in book.iter().zip(&clearing.fills) {
        if order.id != fill.order {
            return Err(Violation::Fills);
        }
        if before.replace(order.id) == Some(order.id) {
            return Err(Violation::DuplicateOrder { order: order.id });
        }
        let sums = match order.side {
            Side::Bid => &mut bids,
            Side::Ask => &mut asks,
        };
        sums.add(order, fill.quantity.get(), price)?;
    }
    if canonical_hash(&book) != certificate.book_hash {
        return Err(Violation::BookHash);
    }
    let (bought, sold, certified) = (bids.filled, asks.filled, certificate.quantity);
    if bought != sold || sold != certified {
        return Err(Violation::Balance {
            bought,
            sold,
            certified,
        });
    }
    optimal(&bids, &asks, certificate.primal, certificate.dual)?;
    price_rule(&bids, &asks, clearing, k_ppm)?;
    for (side, sums) in [(Side::Bid, &bids), (Side::Ask, &asks)] {
        // Fills at the worst accepted limit are partial when it is also the best rejected one.
        if let Some(limit) = sums.accepted.filter(|_| sums.accepted == sums.rejected) {
            tie::check(interval, &book, clearing, side, limit)?;
        }
    }
    Ok(())
}

/// The orders by id.
fn by_id(orders: &[Order]) -> Vec<&Order> {
    let mut book: Vec<&Order> = orders.iter().collect();
    if !book.is_sorted_by_key(|order| order.id) {
        book.sort_unstable_by_key(|order| order.id);
    }
    book
}

/// The hash of a book sorted by id.
fn canonical_hash(book: &[&Order]) -> Hash {
    let count = u64::try_from(book.len()).unwrap_or(u64::MAX);
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"commonwatt/book/2");
    hasher.update(&count.to_be_bytes());
    let mut bytes = Vec::new();
    for part in book.chunks(10_000) {
        bytes.clear();
        for order in part {
            bytes.extend_from_slice(order.id.as_bytes());
            bytes.push(if order.side == Side::Bid { 0 } else { 1 });
            bytes.extend_from_slice(&order.quantity.get().to_be_bytes());
            bytes.extend_from_slice(&order.price.get().to_be_bytes());
        }
        hasher.update(&bytes);
    }
    Hash::new(*hasher.finalize().as_bytes())
}

/// What one side adds up to.
#[derive(Default)]
struct Sums {
    filled: u128,
    value: i128,
    gain: i128,
    /// Worst limit of a filled order.
    accepted: Option<i64>,
    /// Best limit of an order with a rest.
    rejected: Option<i64>,
}

impl Sums {
    /// Adds an order, if its fill keeps its quantity and its limit.
    fn add(&mut self, order: &Order, filled: u64, price: Option<i64>) -> Result<(), Violation> {
        let (quantity, limit) = (order.quantity.get(), order.price.get());
        let is_bid = order.side == Side::Bid;
        if filled > quantity {
            return Err(Violation::Quantity { order: order.id });
        }
        // What a unit gains at the price; nothing is traded without a price, so nothing is gained.
        let margin = match (price, is_bid) {
            (None, _) => 0,
            (Some(price), true) => i128::from(limit).saturating_sub(price.into()),
            (Some(price), false) => i128::from(price).saturating_sub(limit.into()),
        };
        if filled > 0 && (price.is_none() || margin < 0) {
            return Err(Violation::Limit { order: order.id });
        }
        self.count(quantity, limit, filled, margin, is_bid)
            .ok_or(Violation::Overflow)
    }

    fn count(
        &mut self,
        quantity: u64,
        limit: i64,
        filled: u64,
        margin: i128,
        is_bid: bool,
    ) -> Option<()> {
        let worse = |a: i64, b: i64| if is_bid { a.min(b) } else { a.max(b) };
        let better = |a: i64, b: i64| if is_bid { a.max(b) } else { a.min(b) };
        self.filled = self.filled.checked_add(u128::from(filled))?;
        self.value = self
            .value
            .checked_add(i128::from(filled).checked_mul(i128::from(limit))?)?;
        self.gain = self
            .gain
            .checked_add(margin.max(0).checked_mul(i128::from(quantity))?)?;
        if filled > 0 {
            self.accepted = Some(self.accepted.map_or(limit, |other| worse(other, limit)));
        }
        if filled < quantity {
            self.rejected = Some(self.rejected.map_or(limit, |other| better(other, limit)));
        }
        Some(())
    }
}

fn optimal(bids: &Sums, asks: &Sums, primal: i128, dual: i128) -> Result<(), Violation> {
    let expected = bids
        .value
        .checked_sub(asks.value)
        .ok_or(Violation::Overflow)?;
    if expected != primal {
        return Err(Violation::Primal {
            expected,
            got: primal,
        });
    }
    let expected = bids
        .gain
        .checked_add(asks.gain)
        .ok_or(Violation::Overflow)?;
    if expected != dual {
        return Err(Violation::Dual {
            expected,
            got: dual,
        });
    }
    if primal == dual {
        Ok(())
    } else {
        Err(Violation::NotOptimal { primal, dual })
    }
}

fn price_rule(bids: &Sums, asks: &Sums, clearing: &Clearing, k_ppm: u32) -> Result<(), Violation> {
    // Without trade this is also what proves the optimum: no bid reaches an ask.
    if bids
        .rejected
        .zip(asks.rejected)
        .is_some_and(|(bid, ask)| bid >= ask)
    {
        return Err(Violation::NotLargest);
    }
    let lo = asks.accepted.into_iter().chain(bids.rejected).max();
    let hi = bids.accepted.into_iter().chain(asks.rejected).min();
    if clearing.price_lo.map(|p| p.get()) != lo || clearing.price_hi.map(|p| p.get()) != hi {
        return Err(Violation::PriceInterval);
    }
    let by_rule = match (lo, hi) {
        (Some(lo), Some(hi)) if bids.filled > 0 => {
            let width = i128::from(hi).saturating_sub(i128::from(lo));
            Some(
                i128::from(lo).saturating_add(
                    width
                        .saturating_mul(i128::from(k_ppm))
                        .div_euclid(1_000_000),
                ),
            )
        }
        _ => None,
    };
    let stated = |price: Option<energy_core::MicroPricePerKwh>| price.map(|p| i128::from(p.get()));
    let holds = stated(clearing.price) == by_rule && stated(clearing.certificate.price) == by_rule;
    if holds { Ok(()) } else { Err(Violation::Price) }
}
