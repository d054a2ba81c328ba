//! After delivery: what was traded and really delivered or used is allocated.
//!
//! Rule (DESIGN §6): each home performs `d = min(traded, metered)`; the allocated total is
//! `A = min(Σ d of sellers, Σ d of buyers)`; the longer side is reduced. *Metered* is a home's net
//! export where it sold, its net import where it bought.
//!
//! | rule | the longer side is reduced |
//! |---|---|
//! | pro rata (default) | in proportion to d, each home within 1 Wh; who came first plays no part, nor in how many orders a home has split what it wants |
//! | FIFO | the newest orders first; equal times by a hash of (interval, order id) |
//!
//! FIFO is what beckn/DEG does with overlapping trades of one meter. It rewards being early, so it is an
//! option, not the default.
//!
//! Invariants: `allocated ≤ performed ≤ traded` for each order, `Σ performed ≤ metered` for each home,
//! `Σ allocated of sellers = Σ allocated of buyers = A`.

use std::collections::BTreeMap;

use energy_core::{Hash, HomeId, IntervalStart, OrderId, Side, WattHours, keccak, split};
use serde::{Deserialize, Serialize};

use crate::metering::IntervalEnergy;

/// Who is served when the two sides did not perform alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllocationRule {
    /// Everybody of the longer side, in proportion to what they performed.
    #[default]
    ProRata,
    /// Of the longer side, the oldest orders first.
    Fifo,
}

/// What was traded on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Its name in the book.
    pub order: OrderId,
    /// Whose.
    pub home: HomeId,
    /// Bought or sold.
    pub side: Side,
    /// How much.
    pub traded: WattHours,
    /// Its place where order time counts, in seconds UTC.
    pub since_s: i64,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocated {
    /// What was traded.
    pub trade: Trade,
    /// How much of it the home delivered or used.
    pub performed: WattHours,
    /// How much of that went from home to home.
    pub allocated: WattHours,
}

impl Allocated {
    /// Traded and not performed.
    #[must_use]
    pub fn short(&self) -> WattHours {
        self.trade.traded.saturating_less(self.performed)
    }

    /// Performed without a counterpart, because the other side fell short.
    #[must_use]
    pub fn unmatched(&self) -> WattHours {
        self.performed.saturating_less(self.allocated)
    }
}

/// Allocates the trades of an interval, given what the homes measured; a home that is not listed has
/// performed nothing. The result is by order id, whatever the order of `trades`.
#[must_use]
pub fn allocate(
    rule: AllocationRule,
    interval: IntervalStart,
    trades: &[Trade],
    metered: &BTreeMap<HomeId, IntervalEnergy>,
) -> Vec<Allocated> {
    let untouched = |trade: &Trade| Allocated {
        trade: *trade,
        performed: WattHours::ZERO,
        allocated: WattHours::ZERO,
    };
    let mut rows: Vec<Allocated> = trades.iter().map(untouched).collect();
    rows.sort_unstable_by_key(|row| (row.trade.side, row.trade.home, row.trade.order));
    for of_home in rows.chunk_by_mut(of_one_home) {
        perform(rule, interval, of_home, metered);
    }
    let total = |side| {
        let of_side = rows.iter().filter(|row| row.trade.side == side);
        sum(of_side.map(|row| row.performed.get()))
    };
    let matched = total(Side::Bid).min(total(Side::Ask));
    for of_side in rows.chunk_by_mut(|a, b| a.trade.side == b.trade.side) {
        reduce(rule, interval, of_side, matched);
    }
    rows.sort_unstable_by_key(|row| row.trade.order);
    rows
}

/// What a home performed of its trades on one side, spread over its orders.
fn perform(
    rule: AllocationRule,
    interval: IntervalStart,
    of_home: &mut [Allocated],
    metered: &BTreeMap<HomeId, IntervalEnergy>,
) {
    let Some(Trade { home, side, .. }) = of_home.first().map(|row| row.trade) else {
        return;
    };
    let net = metered
        .get(&home)
        .map_or(WattHours::ZERO, |energy| match side {
            Side::Bid => energy.import.saturating_less(energy.export),
            Side::Ask => energy.export.saturating_less(energy.import),
        });
    let traded: Vec<u64> = of_home.iter().map(|row| row.trade.traded.get()).collect();
    let whole = net.get().min(sum(traded.iter().copied()));
    let parts = shared(rule, interval, whole, of_home, &traded);
    for (row, part) in of_home.iter_mut().zip(parts) {
        row.performed = WattHours::new(part);
    }
}

/// Allocates `matched` among the orders of a side, whose performance is at least that.
fn reduce(rule: AllocationRule, interval: IntervalStart, side: &mut [Allocated], matched: u64) {
    let performed =
        |rows: &[Allocated]| -> Vec<u64> { rows.iter().map(|row| row.performed.get()).collect() };
    let give = |rows: &mut [Allocated], whole| {
        let parts = shared(rule, interval, whole, rows, &performed(rows));
        for (row, part) in rows.iter_mut().zip(parts) {
            row.allocated = WattHours::new(part);
        }
    };
    match rule {
        AllocationRule::Fifo => give(side, matched),
        AllocationRule::ProRata => {
            let homes = || side.chunk_by(of_one_home);
            let weights: Vec<u64> = homes().map(|home| sum(performed(home))).collect();
            let ties: Vec<Hash> = homes().map(|home| tie(interval, &home[0].trade)).collect();
            let parts = split(matched, &weights, &ties);
            for (of_home, part) in side.chunk_by_mut(of_one_home).zip(parts) {
                give(of_home, part);
            }
        }
    }
}

/// Shares a whole that is at most the sum of the weights, to each order at most its weight.
fn shared(
    rule: AllocationRule,
    interval: IntervalStart,
    whole: u64,
    rows: &[Allocated],
    weights: &[u64],
) -> Vec<u64> {
    let ties: Vec<Hash> = rows.iter().map(|row| tie(interval, &row.trade)).collect();
    if rule == AllocationRule::ProRata {
        return split(whole, weights, &ties);
    }
    let mut oldest_first: Vec<usize> = (0..rows.len()).collect();
    oldest_first.sort_unstable_by_key(|n| (rows[*n].trade.since_s, ties[*n]));
    let mut parts = vec![0; rows.len()];
    let mut left = whole;
    for n in oldest_first {
        parts[n] = left.min(weights[n]);
        left = left.saturating_sub(parts[n]);
    }
    parts
}

fn of_one_home(a: &Allocated, b: &Allocated) -> bool {
    (a.trade.side, a.trade.home) == (b.trade.side, b.trade.home)
}

/// Settles last ties: nobody can choose it, because order ids are keyed hashes.
pub(super) fn tie(interval: IntervalStart, trade: &Trade) -> Hash {
    keccak(&[&interval.seconds().to_be_bytes(), trade.order.as_bytes()])
}

/// A sum of trades. Each side's fits 64 bits, because the clearing's does.
pub(super) fn sum(parts: impl IntoIterator<Item = u64>) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}
