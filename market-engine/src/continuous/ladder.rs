//! The prices of one side that have orders, best first.
//!
//! Prices are cut into pages of 64 neighbouring ticks: a bitmap says which of them have a level, and a
//! sorted map finds the page. The map stays small where prices are close together (a tariff band of
//! 220 000 ticks has 3 438 pages, however many orders there are), and a price far away costs one page
//! of 264 bytes and nothing else. (With one map entry for each price instead, the bench in the dev
//! profile lost half of its rate between 10³ and 10⁶ orders; with pages it loses a quarter.)
//!
//! A *key* is a price turned so that the best one is the smallest: the price itself for asks, its
//! bitwise complement (−1 − price, which cannot overflow) for bids.

use std::collections::BTreeMap;
use std::ops::Bound;

use energy_core::Side;

/// Binary digits of a key that name the tick within a page.
const TICK_BITS: u32 = 6;
const TICKS: usize = 1 << TICK_BITS;

/// The key of a price; also the price of a key.
pub(super) const fn key(side: Side, price: i64) -> i64 {
    match side {
        Side::Bid => !price,
        Side::Ask => price,
    }
}

/// 64 neighbouring ticks.
#[derive(Debug, Clone, Copy)]
struct Page {
    /// Which ticks have a level; the other entries of `levels` mean nothing.
    used: u64,
    levels: [u32; TICKS],
}

impl Page {
    /// The first level at or behind a tick.
    fn first_from(&self, tick: u32) -> Option<u32> {
        let rest = self.used & u64::MAX.wrapping_shl(tick);
        (rest != 0).then(|| self.levels[rest.trailing_zeros() as usize])
    }
}

/// The levels of one side by key. Names levels by their index, whatever holds them.
#[derive(Debug, Clone, Default)]
pub(super) struct Ladder {
    /// Page number (key ÷ 64, downwards) → index into `store`. Every page here has a level.
    pages: BTreeMap<i64, u32>,
    store: Vec<Page>,
    free: Vec<u32>,
    /// Key and level of the smallest key.
    best: Option<(i64, u32)>,
}

impl Ladder {
    /// The level with the smallest key.
    pub(super) fn best(&self) -> Option<u32> {
        self.best.map(|(_, level)| level)
    }

    /// The level with the smallest key above this one.
    pub(super) fn after(&self, key: i64) -> Option<u32> {
        let (number, tick) = place(key);
        let here = self
            .pages
            .get(&number)
            .filter(|_| tick < 63)
            .and_then(|at| self.page(*at).first_from(tick.saturating_add(1)));
        here.or_else(|| {
            let behind = (Bound::Excluded(number), Bound::Unbounded);
            let (_, at) = self.pages.range(behind).next()?;
            self.page(*at).first_from(0)
        })
    }

    /// The level of a key; where there is none, the one that `open` gives.
    pub(super) fn find_or_insert(&mut self, key: i64, open: impl FnOnce() -> u32) -> u32 {
        let (number, tick) = place(key);
        let (store, free) = (&mut self.store, &mut self.free);
        let at = *self
            .pages
            .entry(number)
            .or_insert_with(|| empty_page(store, free));
        let page = &mut store[at as usize];
        let bit = 1_u64.wrapping_shl(tick);
        if page.used & bit == 0 {
            page.used |= bit;
            page.levels[tick as usize] = open();
        }
        let level = page.levels[tick as usize];
        if self.best.is_none_or(|(best, _)| key < best) {
            self.best = Some((key, level));
        }
        level
    }

    /// Forgets the level of a key.
    pub(super) fn remove(&mut self, key: i64) {
        let (number, tick) = place(key);
        let Some(at) = self.pages.get(&number).copied() else {
            return;
        };
        let page = &mut self.store[at as usize];
        page.used &= !1_u64.wrapping_shl(tick);
        if page.used == 0 {
            self.pages.remove(&number);
            self.free.push(at);
        }
        if self.best.is_some_and(|(best, _)| best == key) {
            self.best = self.smallest();
        }
    }

    fn smallest(&self) -> Option<(i64, u32)> {
        let (number, at) = self.pages.first_key_value()?;
        let page = self.page(*at);
        let tick = page.used.trailing_zeros();
        let level = page.first_from(0)?;
        Some((number.wrapping_shl(TICK_BITS) | i64::from(tick), level))
    }

    fn page(&self, at: u32) -> &Page {
        &self.store[at as usize]
    }
}

/// Page number and tick of a key.
fn place(key: i64) -> (i64, u32) {
    let tick = key & 63;
    (
        key.wrapping_shr(TICK_BITS),
        u32::try_from(tick).unwrap_or(0),
    )
}

fn empty_page(store: &mut Vec<Page>, free: &mut Vec<u32>) -> u32 {
    if let Some(at) = free.pop() {
        return at;
    }
    // There are never more pages than levels, and levels are counted in 32 bits.
    let at = u32::try_from(store.len()).unwrap_or(u32::MAX);
    store.push(Page {
        used: 0,
        levels: [0; TICKS],
    });
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(ladder: &Ladder, name: impl Fn(u32) -> i64) -> Vec<i64> {
        let mut found = Vec::new();
        let mut at = ladder.best();
        while let Some(level) = at {
            found.push(name(level));
            at = ladder.after(name(level));
        }
        found
    }

    #[test]
    fn levels_come_by_key_over_page_borders_and_the_whole_range() {
        let prices = [
            0,
            -1,
            63,
            64,
            -64,
            -65,
            i64::MAX,
            i64::MIN,
            127,
            300_000,
            i64::MAX - 1,
        ];
        let mut ladder = Ladder::default();
        for (index, key) in (0_u32..).zip(prices) {
            assert_eq!(ladder.find_or_insert(key, || index), index);
            assert_eq!(ladder.find_or_insert(key, || 99), index, "found again");
        }
        let name = |level: u32| prices[level as usize];
        let mut sorted = prices.to_vec();
        sorted.sort_unstable();
        assert_eq!(keys(&ladder, name), sorted);
        while let Some(gone) = sorted.pop() {
            ladder.remove(gone);
            assert_eq!(keys(&ladder, name), sorted);
        }
        assert!(ladder.pages.is_empty());
        assert_eq!(ladder.free.len(), ladder.store.len());
    }

    #[test]
    fn the_best_follows_removal_from_the_front() {
        let mut ladder = Ladder::default();
        for key in [5, 3, 4, 700] {
            ladder.find_or_insert(key, || u32::try_from(key).expect("small"));
        }
        for expected in [3, 4, 5, 700] {
            assert_eq!(ladder.best(), Some(expected));
            ladder.remove(i64::from(expected));
        }
        assert_eq!(ladder.best(), None);
    }

    #[test]
    fn a_key_turns_back_into_its_price() {
        for price in [i64::MIN, -1, 0, 1, i64::MAX] {
            for side in [Side::Bid, Side::Ask] {
                assert_eq!(key(side, key(side, price)), price);
            }
        }
        assert!(key(Side::Bid, 10) < key(Side::Bid, 9));
        assert!(key(Side::Ask, 9) < key(Side::Ask, 10));
    }
}
