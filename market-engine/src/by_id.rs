//! The rows of a book in the order of their ids, for any order in which they came.
//!
//! Sorts one word a row, `window of the id (32) ‖ row (32)`, where the window begins at the highest bit
//! in which ids differ at all: a common beginning costs nothing. Two passes of a radix sort order large
//! books by the window's upper bits, a comparison of words does the rest, and whole ids are only
//! compared where the windows are equal. 16 bytes a row while it works, 4 after.

use energy_core::{Order, OrderId};

use crate::book::BookError;

/// Digit of the radix sort.
const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;
/// What two digits leave of a window's 32 bits.
const REST_BITS: u32 = 64 - 2 * DIGIT_BITS;

/// From here two passes over all rows are quicker than a comparison sort.
const RADIX_FROM: usize = 4_096;

/// Whether ids rise from row to row, which also says that they are distinct.
pub(crate) fn is_in_order(orders: &[Order]) -> bool {
    orders.is_sorted_by(|a, b| number(a) < number(b))
}

/// The id as a number: the same order, quicker to compare.
#[inline]
pub(crate) fn number(order: &Order) -> u128 {
    u128::from_be_bytes(*order.id.as_bytes())
}

/// Fills `rows` with the rows by id; rows of one id come in the order of what else they say. What is in
/// `words` is lost: it is memory to work in.
pub(crate) fn by_id(orders: &[Order], rows: &mut Vec<u32>, words: &mut Vec<u64>) {
    let shared = orders
        .first()
        .map_or(0, |first| shared_bits(orders, number(first)));
    let window = |order: &Order| (number(order).unbounded_shl(shared) >> 96) as u64;
    words.resize(orders.len(), 0);
    for ((word, order), row) in words.iter_mut().zip(orders).zip(0_u64..) {
        *word = (window(order) << 32) | row;
    }
    sort(words);
    rows.clear();
    rows.extend(words.iter().map(|word| *word as u32));
    let mut sorted = rows.as_mut_slice();
    for run in words.chunk_by(|a, b| a >> 32 == b >> 32) {
        let (same, rest) = sorted.split_at_mut(run.len());
        sorted = rest;
        if same.len() > 1 {
            same.sort_unstable_by_key(|row| {
                let order = &orders[*row as usize];
                (order.id, order.side, order.quantity, order.price)
            });
        }
    }
}

/// How many leading bits all ids share.
fn shared_bits(orders: &[Order], first: u128) -> u32 {
    let differing = orders
        .iter()
        .fold(0, |bits, order| bits | (number(order) ^ first));
    differing.leading_zeros()
}

/// Two passes from the lower digit to the upper one leave runs of equal upper bits, which are short
/// unless ids are very uneven.
fn sort(words: &mut [u64]) {
    if words.len() < RADIX_FROM {
        words.sort_unstable();
        return;
    }
    let mut other = vec![0; words.len()];
    pass(words, &mut other, REST_BITS);
    pass(&other, words, REST_BITS + DIGIT_BITS);
    for run in words.chunk_by_mut(|a, b| a >> REST_BITS == b >> REST_BITS) {
        run.sort_unstable();
    }
}

/// Moves the words to their places by one digit; equal digits keep their order.
fn pass(from: &[u64], to: &mut [u64], shift: u32) {
    let digit = |word: u64| word.wrapping_shr(shift) as usize % DIGITS;
    let mut places = [0_usize; DIGITS];
    for word in from {
        let count = &mut places[digit(*word)];
        *count = count.wrapping_add(1);
    }
    let mut next = 0_usize;
    for place in &mut places {
        // At most the number of words: no sum here can leave its type.
        let begin = next;
        next = next.wrapping_add(*place);
        *place = begin;
    }
    for word in from {
        let place = &mut places[digit(*word)];
        to[*place] = *word;
        *place = place.wrapping_add(1);
    }
}

/// Whether rows in the order of their ids have no id twice; `before` is the id before the first, and
/// becomes the last.
pub(crate) fn all_distinct<'a>(
    before: &mut Option<OrderId>,
    rows: impl IntoIterator<Item = &'a Order>,
) -> Result<(), BookError> {
    for order in rows {
        if before.replace(order.id) == Some(order.id) {
            return Err(BookError::DuplicateId { id: order.id });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use energy_core::{HomeId, MicroPricePerKwh, Side, WattHours};
    use proptest::prelude::*;

    use super::*;

    fn order(id: u128) -> Order {
        Order {
            id: OrderId::new(id.to_be_bytes()),
            home: HomeId::new(0),
            side: Side::Bid,
            quantity: WattHours::new((id % 7) as u64),
            price: MicroPricePerKwh::new(0),
        }
    }

    fn check(ids: impl Iterator<Item = u128>) {
        let orders: Vec<Order> = ids.map(order).collect();
        let (mut rows, mut expected) = (Vec::new(), orders.clone());
        by_id(&orders, &mut rows, &mut vec![5; 9]);
        expected.sort_by_key(|order| order.id);
        let got: Vec<Order> = rows.iter().map(|row| orders[*row as usize]).collect();
        assert_eq!(got, expected);
        rows.sort_unstable();
        assert!(rows.iter().copied().eq(0..orders.len() as u32));
    }

    #[test]
    fn few_and_many_even_and_uneven_ids_are_sorted() {
        let scattered = |n: u128| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        for count in [0, 1, 2, 100, 5_000] {
            check((0..count).map(scattered));
            check((0..count).rev());
            check((0..count).map(|n| scattered(n) >> 100));
            check((0..count).map(|n| (n % 3) << 120 | scattered(n) >> 20));
            check((0..count).map(|n| if n % 9 == 0 { u128::MAX - n } else { n }));
            check((0..count).map(|n| n / 2 * 2));
        }
    }

    proptest! {
        #[test]
        fn any_ids_are_sorted(ids in prop::collection::vec(any::<u128>(), 0..50), shift in 0_u32..128) {
            check(ids.into_iter().map(|id| id >> shift));
        }
    }

    #[test]
    fn the_first_id_that_comes_twice_is_named() {
        let rows = [order(1), order(2), order(2), order(3), order(3)];
        let twice = Err(BookError::DuplicateId { id: order(2).id });
        assert_eq!(all_distinct(&mut None, &rows), twice);
        assert_eq!(all_distinct(&mut None, &rows[..2]), Ok(()));
        assert_eq!(all_distinct(&mut Some(order(2).id), &rows[2..]), twice);
    }
}
