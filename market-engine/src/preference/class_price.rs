//! The valid prices of the classes: one optimal price vector by scaling, then all of them as bounds.
//!
//! The dual value `D(p) = Σ q·max(0, max_c(worth_c − p_c)) + Σ q·max(0, p_c − ask)` is L♮-convex in
//! the integer vector p: where no step of one, up or down, in any set of classes makes it smaller, it
//! is smallest. How much such a step changes it depends only on how many Wh want what at p
//! ([`Kinds`]), which is one pass over the book. So that the steps are few whatever the prices, the
//! search starts with all prices shifted down to a single bit and takes in one bit more at a time: the
//! optimum then moves by a few steps for each bit.
//!
//! By complementary slackness a price vector is optimal exactly if it agrees with some optimal fills:
//! an upper and a lower bound for each price and for each difference. Their closure gives the lowest
//! and the highest vector of the lattice.

use super::class_book::{CLASSES, ClassBook, Fills, Prices, bit, classes};

/// The sets of classes; a set is a number with a bit for each class.
pub(super) const SETS: usize = 1 << CLASSES;

/// How many Wh want what at given prices.
#[derive(Default)]
pub(super) struct Kinds {
    /// Bids that gain, by the set of classes in which they gain most.
    pub(super) want: [u64; SETS],
    /// Bids that neither gain nor lose, likewise.
    pub(super) willing: [u64; SETS],
    /// Asks below the price, by class.
    pub(super) must: [u64; CLASSES],
    /// Asks at the price, by class.
    pub(super) may: [u64; CLASSES],
}

/// What a bid does at given prices.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
pub(super) enum Stance {
    /// It gains in the classes of this set, more than in others.
    Want(usize),
    /// It neither gains nor loses in those.
    Willing(usize),
    /// It would lose.
    Out,
}

/// What a bid does, with worth and prices in steps of `2^shift`.
pub(super) fn stance(worth: &Prices, prices: &Prices, offered: usize, shift: u32) -> Stance {
    let (mut best, mut set) = (i64::MIN, 0);
    for class in classes(offered) {
        // Both are within 2^62.
        let gain = scaled(worth[class], shift).saturating_sub(prices[class]);
        if gain > best {
            (best, set) = (gain, bit(class));
        } else if gain == best {
            set |= bit(class);
        }
    }
    match best {
        1.. => Stance::Want(set),
        0 => Stance::Willing(set),
        _ => Stance::Out,
    }
}

/// Rounds down to a multiple of `2^shift`, in that unit.
fn scaled(price: i64, shift: u32) -> i64 {
    price.wrapping_shr(shift)
}

impl Kinds {
    pub(super) fn new(book: &ClassBook, prices: &Prices, shift: u32) -> Self {
        let mut kinds = Self::default();
        for bid in &book.bids {
            // Sums stay below 2^64, as the book has shown for each side.
            let sum = match stance(&bid.worth, prices, book.offered, shift) {
                Stance::Want(set) => &mut kinds.want[set],
                Stance::Willing(set) => &mut kinds.willing[set],
                Stance::Out => continue,
            };
            *sum = sum.saturating_add(bid.quantity());
        }
        for ask in &book.asks {
            let sum = match scaled(ask.limit(), shift).cmp(&prices[ask.class]) {
                std::cmp::Ordering::Less => &mut kinds.must[ask.class],
                std::cmp::Ordering::Equal => &mut kinds.may[ask.class],
                std::cmp::Ordering::Greater => continue,
            };
            *sum = sum.saturating_add(ask.quantity());
        }
        kinds
    }

    /// What one step up in a set of classes adds to the dual value.
    fn up(&self, set: usize) -> i128 {
        let gained = classes(set)
            .flat_map(|class| [self.must[class], self.may[class]])
            .map(i128::from);
        let lost = subsets(set).map(|wanted| i128::from(self.want[wanted]));
        gained.sum::<i128>().saturating_sub(lost.sum())
    }

    /// What one step down adds.
    fn down(&self, set: usize) -> i128 {
        let lost = classes(set).map(|class| i128::from(self.must[class]));
        let gained = (0..SETS)
            .filter(|wanted| wanted & set != 0)
            .flat_map(|wanted| [self.want[wanted], self.willing[wanted]])
            .map(i128::from);
        gained.sum::<i128>().saturating_sub(lost.sum())
    }

    /// The best step, if one makes the dual value smaller: a set, and up or down.
    fn steepest(&self, offered: usize) -> Option<(usize, i64)> {
        subsets(offered)
            .flat_map(|set| [(self.up(set), set, 1), (self.down(set), set, -1)])
            .min()
            .filter(|(change, _, _)| *change < 0)
            .map(|(_, set, step)| (set, step))
    }

    /// The largest quantity that fits: the smallest cut between bids and asks.
    pub(super) fn quantity(&self, offered: usize) -> u64 {
        let cut = |set: usize| {
            let supply = classes(set)
                .flat_map(|class| [self.must[class], self.may[class]])
                .map(u128::from);
            let demand = (1..SETS)
                .filter(|wanted| wanted & !set != 0)
                .flat_map(|wanted| [self.want[wanted], self.willing[wanted]])
                .map(u128::from);
            supply.sum::<u128>().saturating_add(demand.sum())
        };
        let least = (0..SETS).filter(|set| set & !offered == 0).map(cut).min();
        // At most what one side offers.
        u64::try_from(least.unwrap_or(0)).unwrap_or(u64::MAX)
    }
}

/// The sets within a set, except the empty one.
fn subsets(set: usize) -> impl Iterator<Item = usize> {
    (1..SETS).filter(move |part| part & !set == 0)
}

/// Some optimal prices; none where there are no bids or no asks.
pub(super) fn optimal(book: &ClassBook) -> Option<Prices> {
    if book.bids.is_empty() || book.asks.is_empty() {
        return None;
    }
    let magnitudes = book
        .bids
        .iter()
        .flat_map(|bid| bid.worth)
        .chain(book.asks.iter().map(super::class_book::Ask::limit))
        .map(i64::unsigned_abs);
    let bits = u64::BITS.saturating_sub(magnitudes.max()?.leading_zeros());
    let mut prices = [0; CLASSES];
    for shift in (0..=bits).rev() {
        prices = prices.map(|price: i64| price.saturating_mul(2));
        while let Some((set, step)) = Kinds::new(book, &prices, shift).steepest(book.offered) {
            for class in classes(set) {
                prices[class] = prices[class].saturating_add(step);
            }
        }
    }
    Some(prices)
}

/// The lowest and the highest of the valid prices, class by class; zero where nothing is offered.
pub(super) struct Bounds {
    pub(super) lo: Prices,
    pub(super) hi: Prices,
}

/// The bounds that these fills, which are optimal, put on the prices.
pub(super) fn bounds(book: &ClassBook, fills: &Fills) -> Bounds {
    let (mut lo, mut hi) = ([i64::MIN; CLASSES], [i64::MAX; CLASSES]);
    // By how much the price of the first class may exceed that of the second.
    let mut above = [[i64::MAX; CLASSES]; CLASSES];
    for (bid, fill) in book.bids.iter().zip(&fills.bids) {
        for class in classes(book.offered).filter(|class| fill[*class] > 0) {
            hi[class] = hi[class].min(bid.worth[class]);
            for other in classes(book.offered) {
                let more = bid.worth[class].saturating_sub(bid.worth[other]);
                above[class][other] = above[class][other].min(more);
            }
        }
        if fill.iter().fold(0, |sum, wh| wh.saturating_add(sum)) < bid.quantity() {
            for class in classes(book.offered) {
                lo[class] = lo[class].max(bid.worth[class]);
            }
        }
    }
    for (ask, fill) in book.asks.iter().zip(&fills.asks) {
        if *fill > 0 {
            lo[ask.class] = lo[ask.class].max(ask.limit());
        }
        if *fill < ask.quantity() {
            hi[ask.class] = hi[ask.class].min(ask.limit());
        }
    }
    close(&mut lo, &mut hi, &above);
    for class in (0..CLASSES).filter(|class| book.offered & bit(*class) == 0) {
        (lo[class], hi[class]) = (0, 0);
    }
    Bounds { lo, hi }
}

/// Carries the bounds over from class to class: a chain has at most as many links as there are classes.
fn close(lo: &mut Prices, hi: &mut Prices, above: &[[i64; CLASSES]; CLASSES]) {
    for _ in 0..CLASSES {
        for class in 0..CLASSES {
            for other in 0..CLASSES {
                let more = above[class][other];
                if more == i64::MAX {
                    continue;
                }
                if hi[other] != i64::MAX {
                    hi[class] = hi[class].min(hi[other].saturating_add(more));
                }
                if lo[class] != i64::MIN {
                    lo[other] = lo[other].max(lo[class].saturating_sub(more));
                }
            }
        }
    }
}

/// `lo + floor(k·(hi − lo))`, class by class.
pub(super) fn between(bounds: &Bounds, k_ppm: u32) -> Prices {
    let mut prices = bounds.lo;
    for (price, hi) in prices.iter_mut().zip(bounds.hi) {
        let width = i128::from(hi).saturating_sub((*price).into());
        let step = width
            .saturating_mul(k_ppm.into())
            .div_euclid(crate::K_PPM_MAX.into());
        *price = price.saturating_add(i64::try_from(step).unwrap_or(0));
    }
    prices
}
