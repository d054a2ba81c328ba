//! Partners and gifts: trades between two named homes, made before the auction.
//!
//! - **Gifts** come first. A seller gives a part of its energy to a named home at price 0. The giver
//!   has said so, so the limit of a gift is 0 and not that of the order; the receiver's own limit
//!   still stands (a bid below 0 takes no gift). Fees are those of any local trade, each side its own.
//! - **Partners** come next, if *both* name each other and the bid is at least the ask. They trade at
//!   the middle of their two limits, rounded down. Both must want it, because the auction might have
//!   been better for one of them.
//! - For each entry, at most `floor(quantity × share)` of the order goes to that home. Entries with a
//!   lower number come first; a pair of partners counts with the higher of its two numbers, then the
//!   lower, and equal pairs come by `keccak(interval ‖ seller's order ‖ buyer's order)`.
//! - Orders of one home never trade with each other. Home 0 stands for an unknown owner and has no
//!   partners.
//!
//! Invariants: no order gives more than its quantity; a partner pays at most its limit and gets at
//! least its limit; what is left of each order is in [`Matched::rest`], which the auction clears with
//! a certificate of its own.

use std::collections::{BTreeMap, BTreeSet};

use energy_core::{
    Hash, HomeId, IntervalStart, MicroPricePerKwh, Order, OrderId, Side, WattHours, keccak,
};
use serde::{Deserialize, Serialize};

use crate::book::BookError;

/// All of an order, in parts per million.
const WHOLE_PPM: u32 = 1_000_000;

/// A home to trade with before the auction, or to give energy to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Which home.
    pub home: HomeId,
    /// Lower numbers come first.
    pub priority: u16,
    /// The most of the order that goes to this home, in parts per million, 0 to 1 000 000.
    pub share_ppm: u32,
}

/// A home that energy is given to, with the same fields.
pub type Gift = Partner;

/// With whom an order would rather trade.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Homes to trade with, each at most once.
    pub partners: Vec<Partner>,
    /// Homes to give to, each at most once. Plays no part in a bid.
    pub gifts: Vec<Gift>,
}

/// Why two orders were matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BilateralKind {
    /// The seller gives it away.
    Gift,
    /// They name each other.
    Partner,
}

/// A trade between two orders outside the auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilateral {
    /// The ask.
    pub seller: OrderId,
    /// The bid.
    pub buyer: OrderId,
    /// How much, more than nothing.
    pub quantity: WattHours,
    /// The price between the two, before fees; 0 for a gift.
    pub price: MicroPricePerKwh,
    /// Gift or partners.
    pub kind: BilateralKind,
}

/// The trades between homes and the book that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// In the order in which they were made.
    pub trades: Vec<Bilateral>,
    /// Every order with what is left of its quantity, by id.
    pub rest: Vec<Order>,
}

/// Wishes cannot be matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// The orders are not a book.
    #[error(transparent)]
    Book(#[from] BookError),
    /// More than the whole order.
    #[error("order {order}: expected a share of 0 to {WHOLE_PPM} parts per million, got {got}")]
    Share {
        /// Which order.
        order: OrderId,
        /// What came.
        got: u32,
    },
    /// One home in two entries.
    #[error("order {order}: expected each home once, got home {home} twice")]
    HomeTwice {
        /// Which order.
        order: OrderId,
        /// Which home.
        home: HomeId,
    },
}

/// A pair that may trade. Sorted by what comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    kind: BilateralKind,
    later: u16,
    sooner: u16,
    tie: Hash,
    seller: (OrderId, HomeId),
    buyer: (OrderId, HomeId),
    /// The most that may go from the seller's order to the buyer's home, and from the buyer's order's
    /// need to the seller's home.
    give: u64,
    take: u64,
}

/// Makes the trades that the wishes ask for. Wishes of orders that are not in the book mean nothing.
///
/// The result is the same for any permutation of `orders` and of the entries.
///
/// # Errors
/// [`WishError`].
pub fn bilateral(
    interval: IntervalStart,
    orders: &[Order],
    wishes: &BTreeMap<OrderId, Wish>,
) -> Result<Matched, WishError> {
    let rows = crate::book::checked(orders)?;
    for (order, wish) in wishes {
        check(*order, &wish.partners)?;
        check(*order, &wish.gifts)?;
    }
    let mut pairs = pairs(interval, &rows, wishes);
    pairs.sort_unstable();
    let mut rest: BTreeMap<OrderId, Order> = rows.into_iter().map(|row| (row.id, *row)).collect();
    // How much of an order has gone to a home.
    let mut gone: BTreeMap<(OrderId, HomeId, BilateralKind), u64> = BTreeMap::new();
    let mut trades = Vec::new();
    for pair in pairs {
        let give = (pair.seller.0, pair.buyer.1, pair.kind);
        let take = (pair.buyer.0, pair.seller.1, pair.kind);
        let left = |key, most: u64| most.saturating_sub(gone.get(&key).copied().unwrap_or(0));
        let open = |id| rest.get(&id).map_or(0, |order| order.quantity.get());
        let quantity = open(give.0)
            .min(open(take.0))
            .min(left(give, pair.give))
            .min(left(take, pair.take));
        let price = match (rest.get(&give.0), rest.get(&take.0)) {
            (Some(ask), Some(bid)) if quantity > 0 => price(pair.kind, ask, bid),
            _ => None,
        };
        let Some(price) = price else { continue };
        for key in [give, take] {
            let gone = gone.entry(key).or_default();
            *gone = gone.saturating_add(quantity);
            if let Some(order) = rest.get_mut(&key.0) {
                order.quantity = order.quantity.saturating_less(WattHours::new(quantity));
            }
        }
        trades.push(Bilateral {
            seller: give.0,
            buyer: take.0,
            quantity: WattHours::new(quantity),
            price,
            kind: pair.kind,
        });
    }
    Ok(Matched {
        trades,
        rest: rest.into_values().collect(),
    })
}

/// All pairs that wishes name, gifts and partners.
fn pairs(interval: IntervalStart, rows: &[&Order], wishes: &BTreeMap<OrderId, Wish>) -> Vec<Pair> {
    let mut bids: BTreeMap<HomeId, Vec<&Order>> = BTreeMap::new();
    for bid in rows.iter().filter(|row| row.side == Side::Bid) {
        bids.entry(bid.home).or_default().push(bid);
    }
    bids.remove(&HomeId::new(0));
    let mut pairs = Vec::new();
    let is_known = |order: &&&Order| order.side == Side::Ask && order.home != HomeId::new(0);
    for ask in rows.iter().filter(is_known) {
        let Some(wish) = wishes.get(&ask.id) else {
            continue;
        };
        let bids_of = |home| bids.get(&home).filter(|_| home != ask.home);
        for gift in &wish.gifts {
            let everything = Partner {
                share_ppm: WHOLE_PPM,
                ..*gift
            };
            for bid in bids_of(gift.home).into_iter().flatten() {
                let kind = BilateralKind::Gift;
                pairs.push(Pair::new(interval, kind, (ask, gift), (bid, &everything)));
            }
        }
        for give in &wish.partners {
            for bid in bids_of(give.home).into_iter().flatten() {
                let back = wishes.get(&bid.id).map(|back| &back.partners);
                let back = back.and_then(|entries| entries.iter().find(|p| p.home == ask.home));
                let kind = BilateralKind::Partner;
                pairs.extend(back.map(|take| Pair::new(interval, kind, (ask, give), (bid, take))));
            }
        }
    }
    pairs
}

impl Pair {
    fn new(
        interval: IntervalStart,
        kind: BilateralKind,
        (ask, give): (&Order, &Partner),
        (bid, take): (&Order, &Partner),
    ) -> Self {
        let seconds = interval.seconds().to_be_bytes();
        Self {
            kind,
            later: give.priority.max(take.priority),
            sooner: give.priority.min(take.priority),
            tie: keccak(&[&seconds, ask.id.as_bytes(), bid.id.as_bytes()]),
            seller: (ask.id, ask.home),
            buyer: (bid.id, bid.home),
            give: part(ask.quantity, give.share_ppm),
            take: part(bid.quantity, take.share_ppm),
        }
    }
}

fn check(order: OrderId, entries: &[Partner]) -> Result<(), WishError> {
    let mut homes = BTreeSet::new();
    for entry in entries {
        if entry.share_ppm > WHOLE_PPM {
            let got = entry.share_ppm;
            return Err(WishError::Share { order, got });
        }
        if !homes.insert(entry.home) {
            let home = entry.home;
            return Err(WishError::HomeTwice { order, home });
        }
    }
    Ok(())
}

/// The price of a pair, none if their limits do not allow the trade.
fn price(kind: BilateralKind, ask: &Order, bid: &Order) -> Option<MicroPricePerKwh> {
    let nothing = MicroPricePerKwh::new(0);
    match kind {
        BilateralKind::Gift => (bid.price >= nothing).then_some(nothing),
        BilateralKind::Partner => (bid.price >= ask.price).then(|| {
            let sum = i128::from(bid.price.get()).saturating_add(ask.price.get().into());
            // Between two 64-bit numbers.
            let middle = i64::try_from(sum.div_euclid(2)).unwrap_or(ask.price.get());
            MicroPricePerKwh::new(middle)
        }),
    }
}

/// A share of a quantity, rounded down.
fn part(quantity: WattHours, ppm: u32) -> u64 {
    let product = u128::from(quantity.get()).saturating_mul(ppm.into());
    u64::try_from(product.div_euclid(WHOLE_PPM.into())).unwrap_or(quantity.get())
}
