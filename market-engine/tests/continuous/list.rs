//! The reference: a list of orders in the order of arrival, searched from end to end for each trade.

use std::collections::BTreeMap;

use energy_core::{MicroPricePerKwh, Side, WattHours};
use market_engine::continuous::{Quote, SelfTrade};

/// An order of the list; its name is a number that is never used again.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) name: usize,
    pub(crate) home: u32,
    pub(crate) side: Side,
    pub(crate) price: i64,
    pub(crate) left: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    Trade {
        resting: usize,
        price: i64,
        wh: u64,
        left: u64,
    },
    Cancelled {
        resting: usize,
        wh: u64,
    },
}

/// Traded, rested, dropped.
pub(crate) type Became = (u64, u64, u64);

/// The reference: a list in the order of arrival.
pub(crate) struct List {
    pub(crate) rule: SelfTrade,
    pub(crate) waiting: Vec<Waiting>,
}

impl List {
    pub(crate) fn submit(&mut self, mut order: Waiting) -> (Vec<Happened>, Became) {
        let (mut happened, mut traded) = (Vec::new(), 0);
        let is_own = |w: &Waiting, rule| rule != SelfTrade::Allow && w.home == order.home;
        while order.left > 0 {
            let best = self
                .waiting
                .iter()
                .enumerate()
                .filter(|(_, w)| w.side != order.side && accepts(order.side, order.price, w.price))
                .filter(|(_, w)| !(self.rule == SelfTrade::Skip && is_own(w, self.rule)))
                .min_by_key(|(at, w)| {
                    (
                        if order.side == Side::Bid {
                            w.price
                        } else {
                            -w.price
                        },
                        *at,
                    )
                })
                .map(|(at, _)| at);
            let Some(at) = best else { break };
            let resting = &mut self.waiting[at];
            if is_own(resting, self.rule) {
                happened.push(Happened::Cancelled {
                    resting: resting.name,
                    wh: resting.left,
                });
                self.waiting.remove(at);
                continue;
            }
            let wh = resting.left.min(order.left);
            resting.left -= wh;
            order.left -= wh;
            traded += wh;
            happened.push(Happened::Trade {
                resting: resting.name,
                price: resting.price,
                wh,
                left: resting.left,
            });
            if resting.left == 0 {
                self.waiting.remove(at);
            }
        }
        let left = order.left;
        let is_crossed = self
            .waiting
            .iter()
            .any(|w| w.side != order.side && accepts(order.side, order.price, w.price));
        if left > 0 && !is_crossed {
            self.waiting.push(order);
            return (happened, (traded, left, 0));
        }
        (happened, (traded, 0, left))
    }

    pub(crate) fn at(&self, name: usize) -> Option<usize> {
        self.waiting.iter().position(|w| w.name == name)
    }

    pub(crate) fn depth(&self, side: Side) -> Vec<Quote> {
        let mut levels: BTreeMap<i64, (u64, u32)> = BTreeMap::new();
        for w in self.waiting.iter().filter(|w| w.side == side) {
            let level = levels.entry(w.price).or_default();
            *level = (level.0 + w.left, level.1 + 1);
        }
        let quote = |(price, (wh, orders)): (i64, (u64, u32))| Quote {
            price: MicroPricePerKwh::new(price),
            quantity: WattHours::new(wh),
            orders,
        };
        if side == Side::Bid {
            levels.into_iter().rev().map(quote).collect()
        } else {
            levels.into_iter().map(quote).collect()
        }
    }
}

/// Whether a limit accepts a price.
fn accepts(side: Side, limit: i64, price: i64) -> bool {
    if side == Side::Bid {
        price <= limit
    } else {
        price >= limit
    }
}
