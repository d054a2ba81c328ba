//! Checks a clearing without trusting whoever made it.
//!
//! Shares no code with the engine; needs only the book. One pass over the rows adds up what the
//! certificate claims: fills within quantity and limit, Σ bought = Σ sold, and
//!
//! `Σ fill × bid − Σ fill × ask = Σ q·max(bid − p, 0) + Σ q·max(p − ask, 0)`
//!
//! By linear-programming duality no clearing of the book has a greater welfare than the right side,
//! for any p; so equality proves the optimum. The same pass gives the valid prices `[lo, hi]`, and a
//! second one over the marginal orders checks the tie rule, so that exactly one clearing of a book is
//! accepted.

use energy_core::{CertificateKind, Clearing, IntervalStart, Order, OrderId, Side, keccak};

/// What is wrong with a clearing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Not the certificate of an optimum.
    #[error("expected a certificate of the optimum, got one of feasibility only")]
    Kind,
    /// An order stands twice in the book.
    #[error("order {order} stands twice in the book")]
    DuplicateOrder {
        /// Which.
        order: OrderId,
    },
    /// Not one fill for each order, by id.
    #[error(
        "expected one fill for each order of the book in the order of ids, got another list of fills"
    )]
    Fills,
    /// The certificate is for another book.
    #[error("the certificate names another book than this one")]
    BookHash,
    /// More than was offered or wanted.
    #[error("order {order} is filled beyond its quantity")]
    Quantity {
        /// Which.
        order: OrderId,
    },
    /// A buyer would pay more, or a seller get less, than the limit says.
    #[error("order {order} is filled beyond its limit")]
    Limit {
        /// Which.
        order: OrderId,
    },
    /// Bought, sold and certified quantity differ.
    #[error("expected bought = sold = certified Wh, got {bought}, {sold} and {certified}")]
    Balance {
        /// Σ fills of bids.
        bought: u128,
        /// Σ fills of asks.
        sold: u128,
        /// The certificate's quantity.
        certified: u128,
    },
    /// The welfare of the fills is not what the certificate says.
    #[error("expected the welfare {expected}, got {got} in the certificate")]
    Primal {
        /// From the book and the fills.
        expected: i128,
        /// From the certificate.
        got: i128,
    },
    /// The dual value at the price is not what the certificate says.
    #[error("expected the dual value {expected}, got {got} in the certificate")]
    Dual {
        /// From the book and the price.
        expected: i128,
        /// From the certificate.
        got: i128,
    },
    /// Another clearing has more welfare, or these fills do not go with this price.
    #[error(
        "welfare {primal} and dual value {dual} differ: the clearing is not optimal at its price"
    )]
    NotOptimal {
        /// Welfare of the fills.
        primal: i128,
        /// The least upper bound that the price proves.
        dual: i128,
    },
    /// More could trade at no loss of welfare.
    #[error(
        "a bid and an ask at one price are both left unfilled: the quantity is not the largest"
    )]
    NotLargest,
    /// Not the interval of valid prices.
    #[error("the stated interval of valid prices is not that of the book")]
    PriceInterval,
    /// Not the price of the rule, or a price without trade.
    #[error("the clearing price is not the one that the rule gives")]
    Price,
    /// Equal orders are not treated alike.
    #[error("the tied margin is not shared by the rule at order {order}")]
    Tie {
        /// Which.
        order: OrderId,
    },
    /// A sum leaves 128 bits.
    #[error("a sum leaves 128 bits")]
    Overflow,
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
    let mut book: Vec<&Order> = orders.iter().collect();
    book.sort_by_key(|order| order.id);
    if book.len() != clearing.fills.len()
        || book
            .iter()
            .zip(&clearing.fills)
            .any(|(o, f)| o.id != f.order)
    {
        return Err(Violation::Fills);
    }
    let price = clearing.price.map(|p| p.get());
    let (mut bids, mut asks) = (Sums::default(), Sums::default());
    let mut canonical = Vec::new();
    let mut before: Option<OrderId> = None;
    for (order, fill) in book.iter().zip(&clearing.fills) {
        if before.replace(order.id) == Some(order.id) {
            return Err(Violation::DuplicateOrder { order: order.id });
        }
        let (quantity, limit, filled) =
            (order.quantity.get(), order.price.get(), fill.quantity.get());
        canonical.extend_from_slice(order.id.as_bytes());
        canonical.push(if order.side == Side::Bid { 0 } else { 1 });
        canonical.extend_from_slice(&quantity.to_be_bytes());
        canonical.extend_from_slice(&limit.to_be_bytes());
        if filled > quantity {
            return Err(Violation::Quantity { order: order.id });
        }
        let is_bid = order.side == Side::Bid;
        let sums = if is_bid { &mut bids } else { &mut asks };
        // What a unit gains at the price; nothing is traded without a price, so nothing is gained.
        let margin = price.map_or(0, |p| {
            let margin = i128::from(limit).saturating_sub(i128::from(p));
            if is_bid {
                margin
            } else {
                margin.saturating_neg()
            }
        });
        if filled > 0 && (price.is_none() || margin < 0) {
            return Err(Violation::Limit { order: order.id });
        }
        sums.add(quantity, limit, filled, margin, is_bid)
            .ok_or(Violation::Overflow)?;
    }
    let count = u64::try_from(book.len()).map_err(|_| Violation::Overflow)?;
    if keccak(&[b"commonwatt/book/1", &count.to_be_bytes(), &canonical]) != certificate.book_hash {
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
    tie_rule(interval, &book, clearing, Side::Bid, &bids)?;
    tie_rule(interval, &book, clearing, Side::Ask, &asks)
}

impl Sums {
    fn add(
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

/// Orders better than the margin are full, worse ones empty, and those on it share in proportion:
/// each has the floor of its share or one more, and who has one more comes first by remainder, then
/// by the lower hash.
fn tie_rule(
    interval: IntervalStart,
    book: &[&Order],
    clearing: &Clearing,
    side: Side,
    sums: &Sums,
) -> Result<(), Violation> {
    let Some(margin) = sums.accepted else {
        return Ok(());
    };
    let (mut offered, mut shared) = (0_u128, 0_u128);
    for (order, fill) in book
        .iter()
        .zip(&clearing.fills)
        .filter(|(order, _)| order.side == side)
    {
        let (limit, quantity, filled) =
            (order.price.get(), order.quantity.get(), fill.quantity.get());
        let is_better = if side == Side::Bid {
            limit > margin
        } else {
            limit < margin
        };
        if limit == margin {
            offered = offered.saturating_add(quantity.into());
            shared = shared.saturating_add(filled.into());
        } else if filled != if is_better { quantity } else { 0 } {
            return Err(Violation::Tie { order: order.id });
        }
    }
    if offered == shared {
        return Ok(());
    }
    // The last of those with one more, and the first of those without; smaller comes first.
    let (mut last_with, mut first_without) = (None, None);
    for (order, fill) in book.iter().zip(&clearing.fills) {
        if order.side != side || order.price.get() != margin {
            continue;
        }
        let product = shared
            .checked_mul(order.quantity.get().into())
            .ok_or(Violation::Overflow)?;
        let share = product.checked_div(offered).ok_or(Violation::Overflow)?;
        let rest = product.checked_rem(offered).ok_or(Violation::Overflow)?;
        let hash = keccak(&[&interval.seconds().to_be_bytes(), order.id.as_bytes()]);
        let place = (u128::MAX.saturating_sub(rest), hash, order.id);
        match u128::from(fill.quantity.get()).checked_sub(share) {
            Some(0) => {
                first_without = first_without.map_or(Some(place), |other| Some(place.min(other)))
            }
            Some(1) => last_with = last_with.max(Some(place)),
            _ => return Err(Violation::Tie { order: order.id }),
        }
    }
    match (last_with, first_without) {
        (Some(with), Some(without)) if with > without => Err(Violation::Tie { order: with.2 }),
        _ => Ok(()),
    }
}
