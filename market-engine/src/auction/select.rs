//! Where two sides meet, without sorting them: a weighted order statistic.
//!
//! Rank all orders by price, at equal prices asks before bids. Going up from the lowest, the *margin* is
//! the first rank at which the quantities passed reach Σ bids. For then, with D(p) what bids want at p or
//! more and S(p) what asks offer at p or less:
//! - a margin of bids at p means S(p) < D(p) and S(p) ≥ D(p + 1): S(p) trades, and these bids get what
//!   the better ones leave, S(p) − D(p + 1) = passed before + their quantity − Σ bids;
//! - a margin of asks at p means S(p − 1) < D(p) ≤ S(p): D(p) trades, and these asks give
//!   D(p) − S(p − 1) = Σ bids − passed before.
//!
//! Bids above the margin and asks below it fill whole, all others not at all; and the prices next to the
//! margin's on either side bound the valid ones.
//!
//! The rank is found on a ladder of at most 4,096 rungs of equal width, which stays in the nearest cache:
//! add up the quantities by rung, find the rung, and look inside it with a finer ladder. Two passes do
//! for any real band of prices, three for all that fits a word.

use energy_core::Side;

use super::crossing::{Crossing, Margin};

/// Bits of the quantity in a word; above them is the key: `price above base (31) ‖ side (1 bid, 0 ask)`.
pub(crate) const QUANTITY_BITS: u32 = 32;
/// The quantity in a word.
pub(crate) const QUANTITY: u64 = (1 << QUANTITY_BITS) - 1;

/// Rungs of the widest ladder: 2^12.
const RUNG_BITS: u32 = 12;

/// The side of a key.
pub(crate) fn side(key: u64) -> Side {
    if key & 1 == 1 { Side::Bid } else { Side::Ask }
}

/// Where a book in words crosses; they may come in parts. Words of 0 play no part; all other keys lie
/// between `low` and `high`. Σ quantities is below 2^64, and that of the bids is `bids`.
pub(crate) fn crossing(
    parts: &[impl Iterator<Item = u64> + Clone],
    (low, high): (u64, u64),
    bids: u64,
    ladder: &mut Vec<u64>,
    price: impl Fn(u64) -> i64,
) -> Crossing {
    if bids == 0 {
        // All that plays a part is an ask, and above.
        let (_, above) = neighbours(parts, 0);
        return Crossing {
            above: above.map(price),
            ..Crossing::default()
        };
    }
    let cut = cut(parts, (low, high), bids, ladder);
    let (mut below, mut above) = (cut.below, cut.above);
    if below.is_none() || above.is_none() {
        (below, above) = neighbours(parts, cut.key);
    }
    let (side, at) = (side(cut.key), price(cut.key));
    Crossing {
        margin: Some(Margin::new(side, at, cut.before, cut.level, bids)),
        below: below.map(&price),
        above: above.map(&price),
    }
}

/// The margin's key, and what lies around it.
struct Cut {
    key: u64,
    /// Σ quantities of lower keys, in Wh.
    before: u64,
    /// Σ quantities of this key, in Wh.
    level: u64,
    /// The next key below, if the last ladder showed it.
    below: Option<u64>,
    /// The next key above, if the last ladder showed it.
    above: Option<u64>,
}

/// The lowest key at which the quantities passed reach `target`, which is at least 1 and at most the sum
/// of all.
fn cut(
    parts: &[impl Iterator<Item = u64> + Clone],
    (low, high): (u64, u64),
    target: u64,
    ladder: &mut Vec<u64>,
) -> Cut {
    let rows = parts.iter().map(|words| words.size_hint().0);
    let rung_bits = rung_bits(rows.fold(0, usize::saturating_add));
    let (mut from, mut before) = (low, 0_u64);
    let mut width = u64::BITS.wrapping_sub(high.wrapping_sub(low).leading_zeros());
    loop {
        let finer = width.saturating_sub(rung_bits);
        ladder.clear();
        ladder.resize(1_usize.wrapping_shl(width.wrapping_sub(finer)), 0);
        for words in parts {
            add_up(words.clone(), from, finer, ladder);
        }
        let at = climb(ladder, &mut before, target);
        from = from.wrapping_add((at as u64).wrapping_shl(finer));
        if finer == 0 {
            return Cut {
                key: from,
                before,
                level: ladder[at],
                below: below(ladder, at).map(|down| from.wrapping_sub(down)),
                above: above(ladder, at).map(|up| from.wrapping_add(up)),
            };
        }
        width = finer;
    }
}

/// Adds each word's quantity to its rung: one rung for 2^`finer` keys, the first one begins at `from`.
fn add_up(words: impl Iterator<Item = u64>, from: u64, finer: u32, ladder: &mut [u64]) {
    for word in words {
        let above = (word >> QUANTITY_BITS).wrapping_sub(from);
        // What lies below wraps round and is beyond the last rung as well.
        if let Some(rung) = ladder.get_mut(above.wrapping_shr(finer) as usize) {
            *rung = rung.wrapping_add(word & QUANTITY);
        }
    }
}

/// Small books get short ladders, which take less time to clear than the book.
fn rung_bits(rows: usize) -> u32 {
    usize::BITS
        .wrapping_sub(rows.leading_zeros())
        .clamp(4, RUNG_BITS)
}

/// The rung on which `before` and the quantities passed reach the target; the sums stay below 2^64
/// because Σ quantities of a book in words does.
fn climb(ladder: &[u64], before: &mut u64, target: u64) -> usize {
    for (at, quantity) in ladder.iter().enumerate() {
        let passed = before.wrapping_add(*quantity);
        if passed >= target {
            return at;
        }
        *before = passed;
    }
    ladder.len().saturating_sub(1)
}

fn below(ladder: &[u64], at: usize) -> Option<u64> {
    let down = ladder[..at].iter().rev().position(|rung| *rung > 0)?;
    Some((down as u64).wrapping_add(1))
}

fn above(ladder: &[u64], at: usize) -> Option<u64> {
    let up = ladder.iter().skip(at).skip(1).position(|rung| *rung > 0)?;
    Some((up as u64).wrapping_add(1))
}

/// The keys next to one, of orders with a quantity: for when the last ladder was too short to show them.
fn neighbours(parts: &[impl Iterator<Item = u64> + Clone], key: u64) -> (Option<u64>, Option<u64>) {
    // Words of 0 play no part; keys end far below the highest number.
    let (mut below, mut above) = (0, u64::MAX);
    for word in parts.iter().cloned().flatten() {
        let other = word >> QUANTITY_BITS;
        below = below.max(if other < key { other } else { 0 });
        above = above.min(if other > key { other } else { u64::MAX });
    }
    (
        Some(below).filter(|key| *key > 0),
        Some(above).filter(|key| *key < u64::MAX),
    )
}
