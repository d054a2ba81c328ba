//! Waiting orders in blocks of 128 bytes, side by side with the others of their price.
//!
//! A block holds up to 5 orders of one price, so that an operation touches one or two lines of the
//! cache and not an order, its price and both its neighbours in four places of the memory. A price with
//! more orders has further blocks, chained in the order of arrival. Orders never move: place and block
//! are the ticket. Invariants, for each level: `quantity` and `orders` are the sum and the number of
//! the orders in the blocks from `head` to `tail`, none of which is without an order; a level without
//! orders does not stay. The block that opened the level keeps its totals, also while no order of the
//! level is in it; it is then the next one to be chained behind the others.

use energy_core::{HomeId, Side, WattHours};

use super::Ticket;
use super::places::{PLACES, Places};

/// No block: the end of a chain.
const NONE: u32 = u32::MAX;

/// Blocks at most, so that every place has a number below 2^32.
const LIMIT: usize = 1 << 28;

/// One waiting order, or a free place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// What is left of it, Wh.
    pub(super) quantity: u64,
    pub(super) home: HomeId,
    /// How often the place was taken and freed.
    turn: u32,
}

/// Where an order is: a block, and a place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) block: u32,
    pub(super) place: u32,
}

/// All waiting orders of one side at one price.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) price: i64,
    /// Σ of the orders, Wh. The book sees to it that the sum of a side fits.
    pub(super) quantity: u64,
    pub(super) orders: u32,
    /// By what it is called: the block that opened it.
    name: u32,
}

/// Up to 5 orders of a price.
#[derive(Debug, Clone)]
#[repr(C, align(128))]
struct Block {
    /// The level of the orders here; its price and totals only in the block that opened it.
    level: Level,
    places: Places,
    /// First and last block of the level's chain; only in the block that opened it.
    head: u32,
    tail: u32,
    /// The next block of the chain; for a free block, the next free one.
    behind: u32,
    ahead: u32,
    slots: [Slot; PLACES as usize],
}

/// What is left of a level when an order has gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gone {
    /// What was left of the order, Wh.
    pub(super) quantity: u64,
    pub(super) level: u32,
    pub(super) price: i64,
    /// It was the last one.
    pub(super) is_last: bool,
}

/// The blocks.
#[derive(Debug, Clone)]
pub(super) struct Queues {
    blocks: Vec<Block>,
    free: u32,
}

impl Queues {
    /// Room for so many orders, where three of them share a block.
    pub(super) fn with_capacity(orders: usize) -> Self {
        Self {
            blocks: Vec::with_capacity(orders / 3),
            free: NONE,
        }
    }

    /// Whether there might be no place for another order.
    pub(super) fn is_full(&self) -> bool {
        self.free == NONE && self.blocks.len() >= LIMIT
    }

    /// Where the order of a ticket waits, if it does.
    pub(super) fn find(&self, ticket: Ticket) -> Option<Spot> {
        let block = self.blocks.get(ticket.block as usize)?;
        let place = u32::from(ticket.place);
        let slot = block.slots.get(place as usize)?;
        // The side can only differ if the ticket is of another book.
        (slot.turn == ticket.turn && block.places.side() == ticket.side).then_some(Spot {
            block: ticket.block,
            place,
        })
    }

    pub(super) fn slot(&self, at: Spot) -> &Slot {
        &self.block(at.block).slots[at.place as usize]
    }

    /// A level by the block that opened it.
    pub(super) fn level(&self, level: u32) -> &Level {
        &self.block(level).level
    }

    /// The level of a waiting order.
    pub(super) fn level_of(&self, at: Spot) -> &Level {
        self.level(self.level(at.block).name)
    }

    /// The order of a level that has waited longest.
    pub(super) fn first(&self, level: u32) -> Option<Spot> {
        self.first_in(self.block(level).head)
    }

    /// The order that stands behind this one in its queue.
    pub(super) fn behind(&self, at: Spot) -> Option<Spot> {
        let block = self.block(at.block);
        match block.places.behind(at.place) {
            Some(place) => Some(Spot { place, ..at }),
            None => self.first_in(block.behind),
        }
    }

    /// The ticket of the order at a spot.
    pub(super) fn ticket(&self, at: Spot) -> Ticket {
        let block = self.block(at.block);
        Ticket {
            block: at.block,
            turn: block.slots[at.place as usize].turn,
            // A place is below 5.
            place: (at.place & 7) as u8,
            side: block.places.side(),
        }
    }

    /// A level without orders yet.
    pub(super) fn open_level(&mut self, side: Side, price: i64) -> u32 {
        let at = self.take_block(side);
        let block = self.block_mut(at);
        block.level = Level {
            price,
            quantity: 0,
            orders: 0,
            name: at,
        };
        (block.head, block.tail) = (NONE, NONE);
        at
    }

    /// Gives back a level whose last order has gone.
    pub(super) fn close_level(&mut self, level: u32) {
        self.free_block(level);
    }

    /// Puts an order at the back of a level.
    pub(super) fn push(&mut self, level: u32, home: HomeId, quantity: WattHours) -> Ticket {
        let tail = self.block(level).tail;
        let at = match self.blocks.get(tail as usize) {
            Some(block) if block.places.has_room() => tail,
            _ => self.chain(level),
        };
        let total = &mut self.block_mut(level).level;
        total.quantity = total.quantity.saturating_add(quantity.get());
        total.orders = total.orders.saturating_add(1);
        let block = self.block_mut(at);
        let place = block.places.take();
        let slot = &mut block.slots[place as usize];
        slot.quantity = quantity.get();
        slot.home = home;
        slot.turn = slot.turn.saturating_add(1);
        self.ticket(Spot { block: at, place })
    }

    /// Makes an order smaller by `less`, which is below its quantity. It keeps its place.
    pub(super) fn reduce(&mut self, at: Spot, less: u64) {
        let block = self.block_mut(at.block);
        let slot = &mut block.slots[at.place as usize];
        slot.quantity = slot.quantity.saturating_sub(less);
        let level = block.level.name;
        let total = &mut self.block_mut(level).level;
        total.quantity = total.quantity.saturating_sub(less);
    }

    /// Takes an order out of its queue and frees its place.
    pub(super) fn remove(&mut self, at: Spot) -> Gone {
        let block = self.block_mut(at.block);
        let slot = &mut block.slots[at.place as usize];
        let (quantity, level) = (slot.quantity, block.level.name);
        block.places.give(at.place);
        match slot.turn.checked_add(1) {
            Some(turn) => slot.turn = turn,
            // After 2^31 orders a place is left empty for good, so that no ticket ever comes twice.
            None => {
                slot.turn = 0;
                block.places.withdraw();
            }
        }
        let is_drained = block.places.waiting() == 0;
        let total = &mut self.block_mut(level).level;
        total.quantity = total.quantity.saturating_sub(quantity);
        total.orders = total.orders.saturating_sub(1);
        let (price, is_last) = (total.price, total.orders == 0);
        if is_drained {
            self.unchain(at.block, level);
        }
        Gone {
            quantity,
            level,
            price,
            is_last,
        }
    }

    fn first_in(&self, block: u32) -> Option<Spot> {
        let place = self.blocks.get(block as usize)?.places.first()?;
        Some(Spot { block, place })
    }

    /// Puts a block without orders at the end of a level: its own, if that one is not in use.
    fn chain(&mut self, level: u32) -> u32 {
        let own = self.block(level);
        let (ahead, places) = (own.tail, own.places);
        let at = if places.waiting() == 0 && places.has_room() {
            level
        } else {
            self.take_block(places.side())
        };
        let block = self.block_mut(at);
        block.level.name = level;
        (block.ahead, block.behind) = (ahead, NONE);
        if ahead == NONE {
            self.block_mut(level).head = at;
        } else {
            self.block_mut(ahead).behind = at;
        }
        self.block_mut(level).tail = at;
        at
    }

    /// Takes a block without orders out of the chain of its level.
    fn unchain(&mut self, at: u32, level: u32) {
        let Block { ahead, behind, .. } = *self.block(at);
        if ahead == NONE {
            self.block_mut(level).head = behind;
        } else {
            self.block_mut(ahead).behind = behind;
        }
        if behind == NONE {
            self.block_mut(level).tail = ahead;
        } else {
            self.block_mut(behind).ahead = ahead;
        }
        if at != level {
            self.free_block(at);
        }
    }

    fn take_block(&mut self, side: Side) -> u32 {
        if let Some(block) = self.blocks.get_mut(self.free as usize) {
            let at = self.free;
            self.free = block.behind;
            block.places = block.places.of(side);
            return at;
        }
        // `is_full` bounds the number of blocks.
        let at = u32::try_from(self.blocks.len()).unwrap_or(NONE);
        self.blocks.push(Block::new(side));
        at
    }

    fn free_block(&mut self, at: u32) {
        let free = self.free;
        let block = self.block_mut(at);
        if !block.places.is_used_up() {
            block.behind = free;
            self.free = at;
        }
    }

    fn block(&self, at: u32) -> &Block {
        &self.blocks[at as usize]
    }

    fn block_mut(&mut self, at: u32) -> &mut Block {
        &mut self.blocks[at as usize]
    }
}

impl Block {
    fn new(side: Side) -> Self {
        let slot = Slot {
            quantity: 0,
            home: HomeId::new(0),
            turn: 0,
        };
        Self {
            level: Level {
                price: 0,
                quantity: 0,
                orders: 0,
                name: NONE,
            },
            places: Places::new(side),
            head: NONE,
            tail: NONE,
            behind: NONE,
            ahead: NONE,
            slots: [slot; PLACES as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queues: &mut Queues, level: u32, wh: u64) -> Ticket {
        queues.push(level, HomeId::new(1), WattHours::new(wh))
    }

    fn spot(queues: &Queues, ticket: Ticket) -> Spot {
        queues.find(ticket).expect("it waits")
    }

    fn chain(queues: &Queues, level: u32) -> Vec<u64> {
        std::iter::successors(queues.first(level), |at| queues.behind(*at))
            .map(|at| queues.slot(at).quantity)
            .collect()
    }

    #[test]
    fn a_block_takes_two_lines_and_a_price_with_one_order_the_first_of_them() {
        assert_eq!(std::mem::size_of::<Block>(), 128);
        assert_eq!(std::mem::offset_of!(Block, slots), 48);
        assert_eq!(std::mem::size_of::<Slot>(), 16);
    }

    #[test]
    fn the_ends_and_the_middle_come_out_of_a_queue() {
        let mut queues = Queues::with_capacity(0);
        let level = queues.open_level(Side::Bid, 7);
        let tickets: Vec<Ticket> = (1..=4)
            .map(|wh| push(&mut queues, level, wh * 10))
            .collect();
        let remove = |queues: &mut Queues, which: usize| {
            let at = spot(queues, tickets[which]);
            queues.remove(at);
        };
        remove(&mut queues, 1);
        assert_eq!(chain(&queues, level), [10, 30, 40]);
        remove(&mut queues, 0);
        assert_eq!(chain(&queues, level), [30, 40]);
        remove(&mut queues, 3);
        assert_eq!(chain(&queues, level), [30]);
        let total = queues.level(level);
        assert_eq!((total.quantity, total.orders), (30, 1));
        push(&mut queues, level, 50);
        assert_eq!(chain(&queues, level), [30, 50]);
    }

    /// Against a list: levels of up to some hundred orders that grow, shrink and vanish.
    #[test]
    fn blocks_come_and_go_and_the_queue_keeps_its_order() {
        let (mut queues, mut seed, mut most) = (Queues::with_capacity(0), 1_u64, 0);
        let mut list: Vec<(u64, Ticket)> = Vec::new();
        let mut level = queues.open_level(Side::Bid, 7);
        for step in 0..20_000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (seed >> 33) as usize;
            let is_filling = step / 150 % 2 == 0;
            if list.is_empty() || number.is_multiple_of(5) != is_filling {
                list.push((step, push(&mut queues, level, step)));
            } else {
                // From anywhere, from the front or from the back.
                let which = [number / 15 % list.len(), 0, list.len() - 1][number / 5 % 3];
                let (wh, ticket) = list.remove(which);
                let at = spot(&queues, ticket);
                let gone = queues.remove(at);
                assert_eq!((gone.quantity, gone.is_last), (wh, list.is_empty()));
                assert!(queues.find(ticket).is_none());
                if gone.is_last {
                    queues.close_level(level);
                    level = queues.open_level(Side::Bid, 8);
                }
            }
            let expected: Vec<u64> = list.iter().map(|(wh, _)| *wh).collect();
            assert_eq!(chain(&queues, level), expected);
            assert_eq!(queues.level(level).orders as usize, list.len());
            assert_eq!(queues.level(level).quantity, expected.iter().sum::<u64>());
            most = most.max(list.len());
        }
        assert!(most > 60, "several blocks, got {most} orders");
        assert!(queues.blocks.len() < 80, "blocks are used again");
    }

    #[test]
    fn a_place_is_used_again_under_another_ticket_and_in_the_end_not_at_all() {
        let mut queues = Queues::with_capacity(0);
        let level = queues.open_level(Side::Ask, 7);
        push(&mut queues, level, 9);
        let first = push(&mut queues, level, 1);
        let at = spot(&queues, first);
        queues.remove(at);
        assert!(queues.find(first).is_none());
        let second = push(&mut queues, level, 2);
        assert_eq!(first.slot(), second.slot());
        assert!(queues.find(first).is_none() && queues.find(second).is_some());

        queues.blocks[0].slots[at.place as usize].turn = u32::MAX;
        let last = queues.ticket(at);
        queues.remove(at);
        assert!(queues.find(last).is_none());
        for _ in 0..30 {
            assert_ne!(push(&mut queues, level, 3).slot(), last.slot());
        }
    }

    #[test]
    fn a_block_without_places_left_is_not_used_again() {
        let mut queues = Queues::with_capacity(0);
        let level = queues.open_level(Side::Ask, 7);
        for slot in &mut queues.blocks[0].slots {
            slot.turn = u32::MAX - 1;
        }
        for _ in 0..PLACES {
            let ticket = push(&mut queues, level, 1);
            assert_eq!((ticket.block, ticket.turn), (level, u32::MAX));
            let at = spot(&queues, ticket);
            assert!(queues.remove(at).is_last);
        }
        let elsewhere = push(&mut queues, level, 1);
        assert_ne!(elsewhere.block, level);
        let at = spot(&queues, elsewhere);
        assert!(queues.remove(at).is_last);
        queues.close_level(level);
        for price in 0..3 {
            assert_ne!(queues.open_level(Side::Ask, price), level);
        }
    }

    #[test]
    fn a_level_is_used_again_by_either_side() {
        let mut queues = Queues::with_capacity(0);
        let (a, b) = (
            queues.open_level(Side::Ask, 1),
            queues.open_level(Side::Bid, 2),
        );
        queues.close_level(a);
        queues.close_level(b);
        assert_eq!(queues.open_level(Side::Ask, 3), b);
        assert_eq!(push(&mut queues, b, 1).side, Side::Ask);
        assert_eq!(queues.open_level(Side::Ask, 4), a);
        assert_eq!(queues.open_level(Side::Ask, 5), 2);
    }

    #[test]
    fn a_ticket_of_another_book_and_side_finds_nothing() {
        let mut queues = Queues::with_capacity(0);
        let level = queues.open_level(Side::Ask, 1);
        let ticket = push(&mut queues, level, 1);
        let side = Side::Bid;
        assert!(queues.find(Ticket { side, ..ticket }).is_none());
    }
}
