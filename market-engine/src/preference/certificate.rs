//! Checks a clearing by origin without trusting whoever made it; shares no code with the engine but
//! the hash of a book.
//!
//! One pass adds up fills, welfare and dual value; their equality proves the optimum. From the fills
//! follow the valid prices (bounds on each price and on each difference), and with them the price rule.
//! That the quantity is the largest is a walk over the classes: if a bid that is indifferent has a rest,
//! and from a class it likes a chain of bids indifferent between two classes leads to a class with an
//! indifferent ask that has a rest, one more Wh could trade at no loss.
//!
//! Limit: among orders that are indifferent to trading, any sharing is accepted.

use std::collections::BTreeMap;

use energy_core::{OrderId, Side};

use super::origin::{ClassPrice, Origin, OriginClearing, OriginOrder, origin_book_hash};

/// What is wrong with a clearing by origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginViolation {
    /// An order stands twice in the book.
    #[error("order {order} stands twice in the book")]
    DuplicateOrder {
        /// Which.
        order: OrderId,
    },
    /// An order's price or adder is out of range.
    #[error("order {order} has a price or an adder that is out of range")]
    Price {
        /// Which.
        order: OrderId,
    },
    /// The certificate is for another book.
    #[error("the certificate names another book than this one")]
    BookHash,
    /// Not the classes that are offered, each once and in their order.
    #[error("expected a price for each class that is offered, got others")]
    Classes,
    /// Not in order, of no quantity, of an order that is not in the book or of a class that it cannot be.
    #[error(
        "the fill of order {order} is out of order, empty, or of a class that it cannot be filled with"
    )]
    Fill {
        /// Which.
        order: OrderId,
    },
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
    /// Bought, sold and stated quantity differ.
    #[error("bought, sold and stated quantity of a class differ")]
    Balance,
    /// Welfare, dual value and certificate differ.
    #[error("expected welfare = dual value as certified ({certified}), got {primal} and {dual}")]
    NotOptimal {
        /// Welfare of the fills.
        primal: i128,
        /// Dual value of the prices.
        dual: i128,
        /// What the certificate says of the first.
        certified: i128,
    },
    /// More could trade at no loss of welfare.
    #[error("more could be traded at no loss of welfare: the quantity is not the largest")]
    NotLargest,
    /// Not the prices of the rule.
    #[error("the prices are not those that the rule gives")]
    PriceRule,
    /// A sum leaves 128 bits.
    #[error("a sum leaves 128 bits")]
    Overflow,
}

/// Stands for "no bound", beyond every price and difference.
const FAR: i128 = 1 << 100;

/// What the fills say about the classes.
struct Evidence {
    lo: [i128; 4],
    hi: [i128; 4],
    /// By how much the first price may exceed the second.
    above: [[i128; 4]; 4],
    /// Where an indifferent bid with a rest can enter.
    enters: [bool; 4],
    /// Whether a bid can be moved from the first class to the second at no loss.
    moves: [[bool; 4]; 4],
    /// Where an indifferent ask has a rest.
    leaves: [bool; 4],
    bought: [u128; 4],
    sold: [u128; 4],
    primal: i128,
    dual: i128,
}

/// Accepts a clearing by origin that is feasible, optimal, of the largest quantity, and at the prices
/// of the rule.
///
/// # Errors
/// The first [`OriginViolation`] found.
pub fn check_by_origin(
    orders: &[OriginOrder],
    clearing: &OriginClearing,
    k_ppm: u32,
) -> Result<(), OriginViolation> {
    let certificate = &clearing.certificate;
    if origin_book_hash(orders) != certificate.book_hash {
        return Err(OriginViolation::BookHash);
    }
    let prices = prices_by_class(orders, &clearing.prices)?;
    let fills = fills_by_order(orders, clearing)?;
    let mut evidence = Evidence {
        lo: [-FAR; 4],
        hi: [FAR; 4],
        above: [[FAR; 4]; 4],
        enters: [false; 4],
        moves: [[false; 4]; 4],
        leaves: [false; 4],
        bought: [0; 4],
        sold: [0; 4],
        primal: 0,
        dual: 0,
    };
    for wish in orders {
        let order = wish.order.id;
        let fill = fills.get(&order).copied().unwrap_or_default();
        let filled = fill.iter().fold(0_u128, |sum, wh| sum.saturating_add(*wh));
        if filled > wish.order.quantity.get().into() {
            return Err(OriginViolation::Quantity { order });
        }
        let taken = match wish.order.side {
            Side::Bid => evidence.bid(wish, &prices, &fill, filled),
            Side::Ask => evidence.ask(wish, &prices, filled),
        };
        taken.ok_or(OriginViolation::Overflow)??;
    }
    evidence.balance(clearing)?;
    let (primal, dual, certified) = (evidence.primal, evidence.dual, certificate.primal);
    if primal != dual || primal != certified || dual != certificate.dual {
        return Err(OriginViolation::NotOptimal {
            primal,
            dual,
            certified,
        });
    }
    if evidence.has_a_path() {
        return Err(OriginViolation::NotLargest);
    }
    evidence.price_rule(&clearing.prices, k_ppm)
}

fn place(origin: Origin) -> usize {
    match (origin.green, origin.local) {
        (false, false) => 0,
        (false, true) => 1,
        (true, false) => 2,
        (true, true) => 3,
    }
}

/// The price of each class; none where nothing is offered or nobody wants to buy anything.
fn prices_by_class(
    orders: &[OriginOrder],
    stated: &[ClassPrice],
) -> Result<[Option<i128>; 4], OriginViolation> {
    let with_quantity = |side| {
        orders
            .iter()
            .filter(move |wish| wish.order.side == side && wish.order.quantity.get() > 0)
    };
    let has_bids = with_quantity(Side::Bid).next().is_some();
    let mut offered = [false; 4];
    for wish in with_quantity(Side::Ask).filter(|_| has_bids) {
        offered[place(wish.origin)] = true;
    }
    let expected = (0..4).filter(|class| offered[*class]);
    if !expected.eq(stated.iter().map(|class| place(class.origin))) {
        return Err(OriginViolation::Classes);
    }
    let mut prices = [None; 4];
    for class in stated {
        prices[place(class.origin)] = Some(class.price.get().into());
    }
    Ok(prices)
}

/// The fills of each order, if they are in order and each is of an order and a class that exist.
fn fills_by_order(
    orders: &[OriginOrder],
    clearing: &OriginClearing,
) -> Result<BTreeMap<OrderId, [u128; 4]>, OriginViolation> {
    let mut book = BTreeMap::new();
    for wish in orders {
        let order = wish.order.id;
        if book.insert(order, wish).is_some() {
            return Err(OriginViolation::DuplicateOrder { order });
        }
    }
    let mut fills: BTreeMap<OrderId, [u128; 4]> = BTreeMap::new();
    let mut before = None;
    for fill in &clearing.fills {
        let (order, class) = (fill.order, place(fill.origin));
        let is_later = before.is_none_or(|before| before < (order, class));
        before = Some((order, class));
        let may_have = book
            .get(&order)
            .is_some_and(|wish| wish.order.side == Side::Bid || wish.origin == fill.origin);
        if !is_later || !may_have || fill.quantity.get() == 0 {
            return Err(OriginViolation::Fill { order });
        }
        fills.entry(order).or_default()[class] = fill.quantity.get().into();
    }
    Ok(fills)
}

/// What a kWh of each class is worth to a bid; none out of range.
fn worth(wish: &OriginOrder) -> Option<[i128; 4]> {
    let range = 0..=1_i128 << 60;
    let limit = i128::from(wish.order.price.get());
    let green = i128::from(wish.adders.green.get());
    let local = i128::from(wish.adders.local.get());
    let most = wish.adders.most.map_or(FAR, |most| most.get().into());
    let is_in_range =
        range.contains(&limit.abs()) && range.contains(&green) && range.contains(&local);
    let with = |adder: i128| limit.saturating_add(adder).min(most.max(limit));
    is_in_range.then(|| {
        [
            limit,
            with(local),
            with(green),
            with(green.saturating_add(local)),
        ]
    })
}

impl Evidence {
    /// None when a sum leaves its range.
    fn bid(
        &mut self,
        wish: &OriginOrder,
        prices: &[Option<i128>; 4],
        fill: &[u128; 4],
        filled: u128,
    ) -> Option<Result<(), OriginViolation>> {
        let order = wish.order.id;
        let Some(worth) = worth(wish) else {
            return Some(Err(OriginViolation::Price { order }));
        };
        let gain = |class: usize| prices[class].map(|price| worth[class].saturating_sub(price));
        let best = (0..4).filter_map(gain).max().unwrap_or(0).max(0);
        let quantity = i128::from(wish.order.quantity.get());
        self.dual = self.dual.checked_add(best.checked_mul(quantity)?)?;
        for class in (0..4).filter(|class| fill[*class] > 0) {
            if gain(class).is_none_or(|gain| gain < 0) {
                return Some(Err(OriginViolation::Limit { order }));
            }
            let wh = i128::try_from(fill[class]).ok()?;
            self.primal = self.primal.checked_add(worth[class].checked_mul(wh)?)?;
            self.bought[class] = self.bought[class].checked_add(fill[class])?;
            self.hi[class] = self.hi[class].min(worth[class]);
            for other in 0..4 {
                let more = worth[class].saturating_sub(worth[other]);
                self.above[class][other] = self.above[class][other].min(more);
                self.moves[class][other] |= gain(class) == gain(other);
            }
        }
        if filled < wish.order.quantity.get().into() {
            for (class, worth) in worth.into_iter().enumerate() {
                self.lo[class] = self.lo[class].max(worth);
                self.enters[class] |= gain(class) == Some(0);
            }
        }
        Some(Ok(()))
    }

    fn ask(
        &mut self,
        wish: &OriginOrder,
        prices: &[Option<i128>; 4],
        filled: u128,
    ) -> Option<Result<(), OriginViolation>> {
        let (order, class) = (wish.order.id, place(wish.origin));
        let limit = i128::from(wish.order.price.get());
        if limit.abs() > 1 << 60 {
            return Some(Err(OriginViolation::Price { order }));
        }
        let gain = prices[class].map(|price| price.saturating_sub(limit));
        let quantity = i128::from(wish.order.quantity.get());
        let best = gain.unwrap_or(0).max(0);
        self.dual = self.dual.checked_add(best.checked_mul(quantity)?)?;
        if filled > 0 {
            if gain.is_none_or(|gain| gain < 0) {
                return Some(Err(OriginViolation::Limit { order }));
            }
            let wh = i128::try_from(filled).ok()?;
            self.primal = self.primal.checked_sub(limit.checked_mul(wh)?)?;
            self.sold[class] = self.sold[class].checked_add(filled)?;
            self.lo[class] = self.lo[class].max(limit);
        }
        if filled < wish.order.quantity.get().into() {
            self.hi[class] = self.hi[class].min(limit);
            self.leaves[class] |= gain == Some(0);
        }
        Some(Ok(()))
    }

    fn balance(&self, clearing: &OriginClearing) -> Result<(), OriginViolation> {
        let mut stated = [0_u128; 4];
        for class in &clearing.prices {
            stated[place(class.origin)] = class.quantity.get().into();
        }
        let sum = stated
            .iter()
            .fold(0_u128, |sum, wh| sum.saturating_add(*wh));
        let holds =
            self.bought == self.sold && self.sold == stated && sum == clearing.certificate.quantity;
        if holds {
            Ok(())
        } else {
            Err(OriginViolation::Balance)
        }
    }

    /// Whether one more Wh could go from an ask to a bid at no loss.
    fn has_a_path(&self) -> bool {
        let mut reached = self.enters;
        for _ in 0..4 {
            for (class, other) in (0..4).flat_map(|class| (0..4).map(move |other| (class, other))) {
                reached[other] |= reached[class] && self.moves[class][other];
            }
        }
        reached
            .iter()
            .zip(self.leaves)
            .any(|(at, rest)| *at && rest)
    }

    fn price_rule(mut self, stated: &[ClassPrice], k_ppm: u32) -> Result<(), OriginViolation> {
        for class in 0..4 {
            if !stated.iter().any(|price| place(price.origin) == class) {
                (self.lo[class], self.hi[class]) = (-FAR, FAR);
                self.above[class] = [FAR; 4];
                self.above.iter_mut().for_each(|above| above[class] = FAR);
            }
        }
        for _ in 0..4 {
            for (class, other) in (0..4).flat_map(|class| (0..4).map(move |other| (class, other))) {
                let more = self.above[class][other];
                if more < FAR {
                    let (hi, lo) = (
                        self.hi[other].saturating_add(more),
                        self.lo[class].saturating_sub(more),
                    );
                    self.hi[class] = self.hi[class].min(hi);
                    self.lo[other] = self.lo[other].max(lo);
                }
            }
        }
        let by_rule = |class: &ClassPrice| {
            let (lo, hi) = (self.lo[place(class.origin)], self.hi[place(class.origin)]);
            let width = hi.saturating_sub(lo).saturating_mul(k_ppm.into());
            let price = lo.saturating_add(width.div_euclid(1_000_000));
            let stated = [class.lo, class.hi, class.price].map(|price| i128::from(price.get()));
            stated == [lo, hi, price]
        };
        if stated.iter().all(by_rule) {
            Ok(())
        } else {
            Err(OriginViolation::PriceRule)
        }
    }
}
