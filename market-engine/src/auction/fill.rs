//! The pass that turns the words of a book into its fills, and into money where that is wanted.
//!
//! Without branches: sides and prices come in no order that a processor could foresee. An order fills
//! whole when it is a bid above the margin or an ask below it, so when "above" equals "is a bid". The
//! margin's own orders are noted and get nothing here; [`super::margin`] shares among them.

use energy_core::{NanoAmount, Side};

use super::crossing::Crossing;
use super::select::{QUANTITY, QUANTITY_BITS};
use super::sums::Sums;
use super::words::Words;
use crate::legs::Rates;

/// Words that are looked at twice while they are near.
const BLOCK: usize = 512;

/// Replaces each word by its fill in Wh, and notes the margin's rows in `members`. With rates, `amounts`
/// gets what each row's owner receives.
pub(super) fn fill(
    book: Words,
    crossing: &Crossing,
    words: &mut [u64],
    members: &mut Vec<u32>,
    money: Option<(Rates, &mut Vec<NanoAmount>)>,
) -> Sums {
    let threshold = Threshold::new(&book, crossing);
    match money {
        None => pass(book, threshold, words, members, |_, _| {}),
        Some((rates, amounts)) => {
            amounts.resize(words.len(), NanoAmount::ZERO);
            let mut amounts = amounts.iter_mut();
            pass(book, threshold, words, members, |fill, side| {
                if let Some(amount) = amounts.next() {
                    *amount = rates.of(side, fill);
                }
            })
        }
    }
}

/// Calls `pay` for each row with its fill and its side, 1 for a bid.
#[inline(always)]
fn pass(
    book: Words,
    threshold: Threshold,
    words: &mut [u64],
    members: &mut Vec<u32>,
    mut pay: impl FnMut(u64, usize),
) -> Sums {
    let low = book.low >> 1;
    let (mut bought, mut filled, mut bought_value, mut value) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut first_row = 0_u32;
    for block in words.chunks_mut(BLOCK) {
        threshold.note_members(block, first_row, members);
        first_row = first_row.wrapping_add(block.len() as u32);
        // The sums of a side do not wrap round: Σ bids × (highest − lowest price) is below 2^64, and no
        // more is sold than bid for. That of both sides may; the difference is right all the same.
        for word in block {
            let (fill, bid) = (threshold.fill(*word), bid(*word));
            let worth = fill.wrapping_mul((*word >> 33).wrapping_sub(low));
            bought = bought.wrapping_add(fill & bid);
            filled = filled.wrapping_add(fill);
            bought_value = bought_value.wrapping_add(worth & bid);
            value = value.wrapping_add(worth);
            pay(fill, (bid & 1) as usize);
            *word = fill;
        }
    }
    let side = |quantity: u64, above: u64| {
        let lowest = i128::from(book.price(book.low)).wrapping_mul(quantity.into());
        (quantity, lowest.wrapping_add(above.into()))
    };
    let (bought, bought_value, sold, sold_value) = (
        bought,
        bought_value,
        filled.wrapping_sub(bought),
        value.wrapping_sub(bought_value),
    );
    let ((bought, bought_value), (sold, sold_value)) =
        (side(bought, bought_value), side(sold, sold_value));
    Sums {
        bought,
        sold,
        bought_value,
        sold_value,
    }
}

/// All bits where a word is a bid, none where it is an ask.
#[inline]
fn bid(word: u64) -> u64 {
    ((word >> QUANTITY_BITS) & 1).wrapping_neg()
}

/// Parts the words that are above the margin from those below.
#[derive(Clone, Copy)]
struct Threshold {
    /// Words greater than this are above. Marginal bids are below and marginal asks above, so that they
    /// fill with nothing.
    last_below: u64,
    /// The margin's key; without a margin one that no word has, because then there are no bids.
    key: u32,
}

impl Threshold {
    fn new(book: &Words, crossing: &Crossing) -> Self {
        let Some(margin) = crossing.margin else {
            return Self {
                last_below: 0,
                key: u32::MAX,
            };
        };
        let key = book.key(margin.price, margin.side);
        let first = key << QUANTITY_BITS;
        let last_below = match margin.side {
            Side::Bid => first | QUANTITY,
            Side::Ask => first.wrapping_sub(1),
        };
        Self {
            last_below,
            key: key as u32,
        }
    }

    #[inline]
    fn fill(self, word: u64) -> u64 {
        let above = u64::from(word > self.last_below).wrapping_neg();
        word & QUANTITY & !(above ^ bid(word))
    }

    /// Margins are rare: counted first, looked for where there are any.
    fn note_members(self, block: &[u64], first_row: u32, members: &mut Vec<u32>) {
        let is_member = |word: &u64| (*word >> QUANTITY_BITS) as u32 == self.key;
        let count = block
            .iter()
            .fold(0_u32, |sum, word| sum.wrapping_add(is_member(word).into()));
        if count > 0 {
            let rows = block.iter().zip(first_row..);
            members.extend(rows.filter(|(word, _)| is_member(word)).map(|(_, row)| row));
        }
    }
}
