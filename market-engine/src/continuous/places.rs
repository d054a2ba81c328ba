//! The order of a block's places in one word: which order is the oldest, which places are free.
//!
//! Nibbles 0 to 4 are a permutation of the places 0 to 4: first the places of the waiting orders,
//! oldest first, then the free ones, the one freed last first. Nibble 5 is how many wait, nibble 6 how
//! many places there are (one less for every place that is used up), nibble 7 the side. An order so
//! leaves the middle of its queue by shifts and masks, without a search, a gap or a branch.

use energy_core::Side;

/// Orders in a block.
pub(super) const PLACES: u32 = 5;

const WAITING: u32 = 4 * PLACES;
const ROOM: u32 = WAITING + 4;
const SIDE: u32 = ROOM + 4;
/// One in each of the nibbles that name places.
const ONES: u32 = 0x1_1111;

/// The word. Which place an order has never changes; which order stands where in the queue does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places(u32);

impl Places {
    /// Five free places.
    pub(super) const fn new(side: Side) -> Self {
        let word = Self(0x0504_3210);
        word.of(side)
    }

    /// The same places for orders of another side.
    pub(super) const fn of(self, side: Side) -> Self {
        let bit = match side {
            Side::Bid => 0,
            Side::Ask => 1 << SIDE,
        };
        Self(self.0 & !(1 << SIDE) | bit)
    }

    pub(super) const fn side(self) -> Side {
        if self.nibble(SIDE) == 0 {
            Side::Bid
        } else {
            Side::Ask
        }
    }

    /// How many orders wait, 0 to 5.
    pub(super) const fn waiting(self) -> u32 {
        self.nibble(WAITING)
    }

    /// Whether a place is free.
    pub(super) const fn has_room(self) -> bool {
        self.waiting() < self.nibble(ROOM)
    }

    /// Whether no place will ever be free again.
    pub(super) const fn is_used_up(self) -> bool {
        self.nibble(ROOM) == 0
    }

    /// The place of the oldest order, if one waits.
    pub(super) fn first(self) -> Option<u32> {
        (self.waiting() > 0).then(|| self.nibble(0))
    }

    /// The place of the order behind this one.
    pub(super) fn behind(self, place: u32) -> Option<u32> {
        let next = self.rank(place).saturating_add(1);
        (next < self.waiting()).then(|| self.nibble(shift(next)))
    }

    /// Puts an order behind all others and says where it is. Asks for a place to be free.
    pub(super) fn take(&mut self) -> u32 {
        let place = self.nibble(shift(self.waiting()));
        self.0 = self.0.wrapping_add(1 << WAITING);
        place
    }

    /// Frees the place of a waiting order.
    pub(super) fn give(&mut self, place: u32) {
        let left = self.waiting().saturating_sub(1);
        let (front, upto) = (below(self.rank(place)), below(left));
        let back = !below(left.saturating_add(1));
        let moved = self.0.wrapping_shr(4) & upto & !front;
        let freed = place.wrapping_shl(shift(left));
        self.0 = (self.0 & front | moved | freed | self.0 & back).wrapping_sub(1 << WAITING);
    }

    /// Withdraws for good the place that was freed last.
    pub(super) fn withdraw(&mut self) {
        let free = shift(self.waiting());
        let last = shift(self.nibble(ROOM).saturating_sub(1));
        let turned = self.nibble(free) ^ self.nibble(last);
        self.0 ^= turned.wrapping_shl(free);
        self.0 ^= turned.wrapping_shl(last);
        self.0 = self.0.wrapping_sub(1 << ROOM);
    }

    /// Which nibble names a place. (The lowest zero nibble of the difference is found exactly: Warren,
    /// Hacker's Delight, 2nd edition, section 6-1.)
    fn rank(self, place: u32) -> u32 {
        let other = self.0 ^ place.wrapping_mul(ONES);
        let zeros = other.wrapping_sub(ONES) & !other & ONES.wrapping_shl(3);
        zeros.trailing_zeros() / 4
    }

    const fn nibble(self, from: u32) -> u32 {
        self.0.wrapping_shr(from) & 15
    }
}

/// Where a nibble begins.
const fn shift(nibble: u32) -> u32 {
    nibble.wrapping_mul(4)
}

/// All bits in front of a nibble.
const fn below(nibble: u32) -> u32 {
    1_u32.wrapping_shl(shift(nibble)).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(places: Places) -> Vec<u32> {
        std::iter::successors(places.first(), |place| places.behind(*place)).collect()
    }

    /// Against a list, through every fill and any order of leaving.
    #[test]
    fn orders_leave_from_anywhere_and_the_rest_keeps_its_order() {
        let (mut places, mut list, mut seed) = (Places::new(Side::Ask), Vec::new(), 1_u64);
        for step in 0..100_000_u32 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (seed >> 33) as usize;
            let is_filling = step / 20 % 2 == 0;
            if places.has_room() && (list.is_empty() || number.is_multiple_of(4) != is_filling) {
                let place = places.take();
                assert!(place < PLACES && !list.contains(&place));
                list.push(place);
            } else {
                let place = list.remove(number / 4 % list.len());
                places.give(place);
            }
            assert_eq!(queue(places), list);
            assert_eq!(places.has_room(), list.len() < PLACES as usize);
            assert_eq!(places.side(), Side::Ask);
        }
    }

    #[test]
    fn a_withdrawn_place_is_not_given_out_again() {
        for waiting in 0..PLACES {
            let mut places = Places::new(Side::Bid);
            let taken: Vec<u32> = (0..=waiting).map(|_| places.take()).collect();
            let gone = taken[taken.len() / 2];
            places.give(gone);
            places.withdraw();
            while places.has_room() {
                places.take();
            }
            let mut all = queue(places);
            all.sort_unstable();
            let others: Vec<u32> = (0..PLACES).filter(|place| *place != gone).collect();
            assert_eq!(all, others);
        }
    }

    #[test]
    fn a_block_is_used_up_after_its_last_place() {
        let mut places = Places::new(Side::Bid);
        for _ in 0..PLACES {
            assert!(!places.is_used_up());
            let place = places.take();
            places.give(place);
            places.withdraw();
        }
        assert!(places.is_used_up() && !places.has_room());
    }
}
