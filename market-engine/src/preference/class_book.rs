//! A book with origins as the search works on it: bids with what each class is worth to them, asks
//! with their class, zero quantities left out.

use energy_core::{Hash, IntervalStart, Order, Side, WattHours, keccak};

use super::origin::{ClassFill, Origin, OriginError, OriginOrder};
use crate::book::BookError;

/// How many classes there are.
pub(super) const CLASSES: usize = Origin::ALL.len();

/// A price for each class, or what each class is worth, µ/kWh.
pub(super) type Prices = [i64; CLASSES];

/// A bid with a quantity.
pub(super) struct Bid {
    pub(super) order: Order,
    pub(super) worth: Prices,
    pub(super) tie: Hash,
}

/// An ask with a quantity.
pub(super) struct Ask {
    pub(super) order: Order,
    pub(super) class: usize,
    pub(super) tie: Hash,
}

impl Bid {
    pub(super) fn quantity(&self) -> u64 {
        self.order.quantity.get()
    }
}

impl Ask {
    pub(super) fn quantity(&self) -> u64 {
        self.order.quantity.get()
    }

    pub(super) fn limit(&self) -> i64 {
        self.order.price.get()
    }
}

/// The two sides, each by order id.
pub(super) struct ClassBook {
    pub(super) bids: Vec<Bid>,
    pub(super) asks: Vec<Ask>,
    /// A bit for each class that has an ask.
    pub(super) offered: usize,
}

/// What each bid got of each class, and each ask sold, in the order of the book.
pub(super) struct Fills {
    pub(super) bids: Vec<[u64; CLASSES]>,
    pub(super) asks: Vec<u64>,
}

impl ClassBook {
    pub(super) fn new(
        interval: IntervalStart,
        orders: &[OriginOrder],
    ) -> Result<Self, OriginError> {
        let mut rows: Vec<&OriginOrder> = orders.iter().collect();
        rows.sort_unstable_by_key(|row| row.order.id);
        if let Some(pair) = rows
            .windows(2)
            .find(|pair| pair[0].order.id == pair[1].order.id)
        {
            let id = pair[0].order.id;
            return Err(BookError::DuplicateId { id }.into());
        }
        for side in [Side::Bid, Side::Ask] {
            let of_side = rows.iter().filter(|row| row.order.side == side);
            WattHours::sum(of_side.map(|row| row.order.quantity))
                .map_err(|_| BookError::QuantityOverflow { side })?;
        }
        let mut book = Self {
            bids: Vec::new(),
            asks: Vec::new(),
            offered: 0,
        };
        for row in rows {
            let mut worth = [0; CLASSES];
            for (worth, origin) in worth.iter_mut().zip(Origin::ALL) {
                *worth = row.worth(origin)?.get();
            }
            let order = row.order;
            if order.quantity == WattHours::ZERO {
                continue;
            }
            let tie = keccak(&[&interval.seconds().to_be_bytes(), order.id.as_bytes()]);
            let class = row.origin.index();
            match order.side {
                Side::Bid => book.bids.push(Bid { order, worth, tie }),
                Side::Ask => {
                    book.offered |= bit(class);
                    book.asks.push(Ask { order, class, tie });
                }
            }
        }
        Ok(book)
    }

    pub(super) fn is_offered(&self, class: usize) -> bool {
        !self.bids.is_empty() && self.offered & bit(class) != 0
    }

    /// Σ fill × worth − Σ fill × limit.
    pub(super) fn welfare(&self, fills: &Fills) -> Option<i128> {
        let mut sum = 0_i128;
        for (bid, fill) in self.bids.iter().zip(&fills.bids) {
            for (worth, wh) in bid.worth.iter().zip(fill) {
                sum = sum.checked_add(i128::from(*worth).checked_mul((*wh).into())?)?;
            }
        }
        for (ask, wh) in self.asks.iter().zip(&fills.asks) {
            sum = sum.checked_sub(i128::from(ask.limit()).checked_mul((*wh).into())?)?;
        }
        Some(sum)
    }

    /// Σ quantity × the most a unit can gain at these prices.
    pub(super) fn dual(&self, prices: &Prices) -> Option<i128> {
        let gain = |worth: i64, price: i64| i128::from(worth).saturating_sub(price.into()).max(0);
        let mut sum = 0_i128;
        for bid in &self.bids {
            let best = classes(self.offered)
                .map(|class| gain(bid.worth[class], prices[class]))
                .max()
                .unwrap_or(0);
            sum = sum.checked_add(best.checked_mul(bid.quantity().into())?)?;
        }
        for ask in &self.asks {
            let best = gain(prices[ask.class], ask.limit());
            sum = sum.checked_add(best.checked_mul(ask.quantity().into())?)?;
        }
        Some(sum)
    }

    /// The fills with the names of orders and classes, by order and class.
    pub(super) fn named(&self, fills: &Fills) -> Vec<ClassFill> {
        let mut named = Vec::new();
        for (bid, of_class) in self.bids.iter().zip(&fills.bids) {
            for (origin, wh) in Origin::ALL.into_iter().zip(of_class) {
                named.push((bid.order.id, origin, *wh));
            }
        }
        for (ask, wh) in self.asks.iter().zip(&fills.asks) {
            named.push((ask.order.id, Origin::ALL[ask.class], *wh));
        }
        named.retain(|(_, _, wh)| *wh > 0);
        named.sort_unstable();
        let fill = |(order, origin, wh)| ClassFill {
            order,
            origin,
            quantity: WattHours::new(wh),
        };
        named.into_iter().map(fill).collect()
    }
}

/// The set with one class in it.
pub(super) fn bit(class: usize) -> usize {
    1_usize.wrapping_shl(u32::try_from(class).unwrap_or(0))
}

/// The classes of a set.
pub(super) fn classes(set: usize) -> impl Iterator<Item = usize> {
    (0..CLASSES).filter(move |class| set & bit(*class) != 0)
}
