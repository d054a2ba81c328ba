//! The call auction of one zone for one interval.
//!
//! 1. Zero quantities play no part. The quantity is the largest among the welfare-maximal ones.
//! 2. `lo = max(last accepted ask, best rejected bid)`, `hi = min(last accepted bid, best rejected
//!    ask)`, where the unfilled rest of an order counts as rejected. `[lo, hi]` is exactly the set of
//!    prices at which nobody is left wanting to trade and nobody regrets a trade, also when nothing
//!    trades. The price is `lo + floor(k·(hi − lo))`; without trade there is none.
//! 3. Better-priced orders fill whole. The tied margin shares in proportion to quantity, odd units by
//!    largest remainder, last ties by `keccak(interval ‖ order id)`: being early is no advantage, and
//!    splitting an order in n parts moves at most n Wh.
//!
//! Sources: DESIGN §7; the price interval is the set of supporting prices of the linear program whose
//! optimum the auction is, found by merit order.

use std::cmp::Reverse;
use std::ops::Range;

use energy_core::{
    Certificate, CertificateKind, Clearing, Fill, Hash, IntervalStart, MicroPricePerKwh, Order,
    Side, WattHours, keccak, split,
};

use crate::K_PPM_MAX;
use crate::book::{BookError, checked, hash_sorted};

/// Clears a book at one price.
///
/// `k_ppm` places the price between the lowest valid one (0) and the highest (1 000 000). The fills
/// come in the order of the order ids, so the result is the same for any permutation of `orders`.
///
/// # Errors
/// [`BookError`] when ids repeat, sums overflow or `k_ppm` is above one.
pub fn call_auction(
    interval: IntervalStart,
    orders: &[Order],
    k_ppm: u32,
) -> Result<Clearing, BookError> {
    if k_ppm > K_PPM_MAX {
        return Err(BookError::ShareParameter { got: k_ppm });
    }
    let rows = checked(orders)?;
    let mut bids = Staircase::new(&rows, Side::Bid);
    let mut asks = Staircase::new(&rows, Side::Ask);
    let quantity = cross(&mut bids, &mut asks);

    let price_lo = asks
        .last_accepted()
        .into_iter()
        .chain(bids.best_rejected())
        .max();
    let price_hi = bids
        .last_accepted()
        .into_iter()
        .chain(asks.best_rejected())
        .min();
    let price = match (quantity, price_lo, price_hi) {
        (1.., Some(lo), Some(hi)) => Some(between(lo, hi, k_ppm)),
        _ => None,
    };

    let mut fills = vec![0_u64; rows.len()];
    bids.fill(interval, &rows, &mut fills);
    asks.fill(interval, &rows, &mut fills);

    let overflow = BookError::WelfareOverflow;
    let primal = bids
        .value_filled()
        .zip(asks.value_filled())
        .and_then(|(b, a)| b.checked_sub(a))
        .ok_or(overflow)?;
    let dual = match price {
        Some(price) => {
            let gains = bids.gain_at(price).zip(asks.gain_at(price));
            gains.and_then(|(b, a)| b.checked_add(a)).ok_or(overflow)?
        }
        None => 0,
    };
    Ok(Clearing {
        price,
        price_lo,
        price_hi,
        fills: rows
            .iter()
            .zip(fills)
            .map(|(order, wh)| Fill {
                order: order.id,
                quantity: WattHours::new(wh),
            })
            .collect(),
        certificate: Certificate {
            kind: CertificateKind::Optimal,
            quantity: u128::from(quantity),
            price,
            primal,
            dual,
            book_hash: hash_sorted(&rows),
        },
    })
}

/// `lo + floor(k·(hi − lo))`, for lo ≤ hi.
fn between(lo: MicroPricePerKwh, hi: MicroPricePerKwh, k_ppm: u32) -> MicroPricePerKwh {
    let (lo_wide, hi_wide) = (i128::from(lo.get()), i128::from(hi.get()));
    // (hi − lo) < 2^64 and k ≤ 10^6 < 2^20, so the product is far inside i128.
    let step = hi_wide
        .saturating_sub(lo_wide)
        .saturating_mul(i128::from(k_ppm))
        .div_euclid(i128::from(K_PPM_MAX));
    let price = lo_wide.saturating_add(step);
    MicroPricePerKwh::new(
        i64::try_from(price).expect("a price between two 64-bit prices fits 64 bits"),
    )
}

/// All orders of one side at one price.
struct Level {
    price: MicroPricePerKwh,
    quantity: u64,
    filled: u64,
    members: Range<usize>,
}

/// One side of the book, best price first.
struct Staircase {
    side: Side,
    levels: Vec<Level>,
    /// Indexes into the book's rows, grouped by level.
    members: Vec<u32>,
}

impl Staircase {
    fn new(rows: &[&Order], side: Side) -> Self {
        let takes_part = |order: &Order| order.side == side && order.quantity.get() > 0;
        let mut members: Vec<u32> = (0_u32..)
            .zip(rows)
            .filter(|(_, order)| takes_part(order))
            .map(|(index, _)| index)
            .collect();
        let price_of = |index: u32| rows[index as usize].price;
        match side {
            Side::Bid => members.sort_unstable_by_key(|index| (Reverse(price_of(*index)), *index)),
            Side::Ask => members.sort_unstable_by_key(|index| (price_of(*index), *index)),
        }
        let mut levels: Vec<Level> = Vec::new();
        for (at, index) in members.iter().enumerate() {
            let order = rows[*index as usize];
            let after = at.saturating_add(1);
            match levels.last_mut().filter(|level| level.price == order.price) {
                Some(level) => {
                    // The book's check has shown that the sum of the side fits.
                    level.quantity = level.quantity.saturating_add(order.quantity.get());
                    level.members.end = after;
                }
                None => levels.push(Level {
                    price: order.price,
                    quantity: order.quantity.get(),
                    filled: 0,
                    members: at..after,
                }),
            }
        }
        Self {
            side,
            levels,
            members,
        }
    }

    /// The worst price at which anything was filled.
    fn last_accepted(&self) -> Option<MicroPricePerKwh> {
        self.levels
            .iter()
            .rev()
            .find(|level| level.filled > 0)
            .map(|level| level.price)
    }

    /// The best price at which anything was left.
    fn best_rejected(&self) -> Option<MicroPricePerKwh> {
        self.levels
            .iter()
            .find(|level| level.filled < level.quantity)
            .map(|level| level.price)
    }

    /// Σ fill × limit.
    fn value_filled(&self) -> Option<i128> {
        self.levels.iter().try_fold(0_i128, |sum, level| {
            sum.checked_add(WattHours::new(level.filled).value_wide(level.price))
        })
    }

    /// Σ quantity × what a unit gains at a price, gains only.
    fn gain_at(&self, price: MicroPricePerKwh) -> Option<i128> {
        self.levels.iter().try_fold(0_i128, |sum, level| {
            let (limit, price) = (i128::from(level.price.get()), i128::from(price.get()));
            let (high, low) = if self.side == Side::Bid {
                (limit, price)
            } else {
                (price, limit)
            };
            let gain = high.saturating_sub(low).max(0);
            sum.checked_add(gain.checked_mul(i128::from(level.quantity))?)
        })
    }

    /// Shares what each level was filled with among its orders.
    fn fill(&self, interval: IntervalStart, rows: &[&Order], fills: &mut [u64]) {
        for level in self.levels.iter().filter(|level| level.filled > 0) {
            let members = &self.members[level.members.clone()];
            let weights: Vec<u64> = members
                .iter()
                .map(|index| rows[*index as usize].quantity.get())
                .collect();
            let parts = if level.filled == level.quantity {
                weights
            } else {
                let ties: Vec<Hash> = members
                    .iter()
                    .map(|index| tie(interval, rows[*index as usize]))
                    .collect();
                split(level.filled, &weights, &ties)
            };
            for (index, part) in members.iter().zip(parts) {
                fills[*index as usize] = part;
            }
        }
    }
}

/// The last tie-breaker of an order: nobody can choose it, and it changes with every interval.
fn tie(interval: IntervalStart, order: &Order) -> Hash {
    keccak(&[&interval.seconds().to_be_bytes(), order.id.as_bytes()])
}

/// Walks both staircases from their best ends while the bid is at least the ask; notes what each
/// level is filled with and gives the quantity. Equal prices trade: they add no welfare, and the
/// largest quantity is wanted.
fn cross(bids: &mut Staircase, asks: &mut Staircase) -> u64 {
    let (mut at_bid, mut at_ask, mut quantity) = (0_usize, 0_usize, 0_u64);
    while let (Some(bid), Some(ask)) = (bids.levels.get_mut(at_bid), asks.levels.get_mut(at_ask)) {
        if bid.price < ask.price {
            break;
        }
        let bid_left = bid.quantity.saturating_sub(bid.filled);
        let ask_left = ask.quantity.saturating_sub(ask.filled);
        let trade = bid_left.min(ask_left);
        bid.filled = bid.filled.saturating_add(trade);
        ask.filled = ask.filled.saturating_add(trade);
        quantity = quantity.saturating_add(trade);
        at_bid = at_bid.saturating_add(usize::from(bid_left == trade));
        at_ask = at_ask.saturating_add(usize::from(ask_left == trade));
    }
    quantity
}
