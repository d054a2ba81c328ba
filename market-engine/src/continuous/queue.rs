//! Waiting orders in a slab, chained into one first-in-first-out queue for each price.
//!
//! Indexes instead of pointers: an order is taken out of the middle of its queue without a search, and
//! a freed slot is the next one to be used. Invariants, for each level: `quantity` and `orders` are the
//! sum and the number of the chain from `head` to `tail`; a level without orders does not stay.

use energy_core::{HomeId, Side, WattHours};

use super::Ticket;

/// No slot, no level: the end of a chain.
pub(super) const NONE: u32 = u32::MAX;

/// One waiting order, or a free slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// What is left of it, Wh.
    pub(super) quantity: u64,
    pub(super) home: HomeId,
    /// Its level, an index into [`Queues`].
    pub(super) level: u32,
    /// The order behind it in the queue; for a free slot, the next free one.
    pub(super) behind: u32,
    ahead: u32,
    turn: u32,
}

/// All waiting orders of one side at one price.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) price: i64,
    /// Σ of the orders, Wh. The book sees to it that the sum of a side fits.
    pub(super) quantity: u64,
    pub(super) orders: u32,
    /// The order that has waited longest; for a free level, the next free one.
    pub(super) head: u32,
    tail: u32,
    pub(super) side: Side,
}

/// The slots and the levels.
#[derive(Debug, Clone)]
pub(super) struct Queues {
    slots: Vec<Slot>,
    free_slot: u32,
    levels: Vec<Level>,
    free_level: u32,
}

impl Queues {
    pub(super) fn with_capacity(orders: usize) -> Self {
        Self {
            slots: Vec::with_capacity(orders),
            free_slot: NONE,
            levels: Vec::new(),
            free_level: NONE,
        }
    }

    /// Whether there is no slot for another order.
    pub(super) fn is_full(&self) -> bool {
        self.free_slot == NONE && index_after(self.slots.len()) == NONE
    }

    /// The slot behind a ticket, if its order still waits.
    pub(super) fn find(&self, ticket: Ticket) -> Option<&Slot> {
        self.slots
            .get(ticket.slot as usize)
            .filter(|slot| slot.turn == ticket.turn)
    }

    pub(super) fn slot(&self, at: u32) -> &Slot {
        &self.slots[at as usize]
    }

    pub(super) fn level(&self, at: u32) -> &Level {
        &self.levels[at as usize]
    }

    /// The ticket of the order in a slot.
    pub(super) fn ticket(&self, at: u32) -> Ticket {
        Ticket {
            slot: at,
            turn: self.slots[at as usize].turn,
        }
    }

    /// A level without orders yet.
    pub(super) fn open_level(&mut self, side: Side, price: i64) -> u32 {
        let level = Level {
            price,
            quantity: 0,
            orders: 0,
            head: NONE,
            tail: NONE,
            side,
        };
        if let Some(free) = self.levels.get_mut(self.free_level as usize) {
            let at = self.free_level;
            self.free_level = free.head;
            *free = level;
            return at;
        }
        // There are never more levels than orders, and `is_full` bounds those.
        let at = index_after(self.levels.len());
        self.levels.push(level);
        at
    }

    /// Gives back a level whose last order has gone.
    pub(super) fn close_level(&mut self, at: u32) {
        self.levels[at as usize].head = self.free_level;
        self.free_level = at;
    }

    /// Puts an order at the back of a level. Asks for a slot to be free.
    pub(super) fn push(&mut self, level: u32, home: HomeId, quantity: WattHours) -> Ticket {
        let at = self.take_slot();
        let place = &mut self.levels[level as usize];
        let ahead = std::mem::replace(&mut place.tail, at);
        place.quantity = place.quantity.saturating_add(quantity.get());
        place.orders = place.orders.saturating_add(1);
        if ahead == NONE {
            place.head = at;
        } else {
            self.slots[ahead as usize].behind = at;
        }
        let slot = &mut self.slots[at as usize];
        slot.quantity = quantity.get();
        slot.home = home;
        slot.level = level;
        slot.ahead = ahead;
        slot.behind = NONE;
        self.ticket(at)
    }

    /// Makes an order smaller by `less`, which is below its quantity. It keeps its place.
    pub(super) fn reduce(&mut self, at: u32, less: u64) {
        let slot = &mut self.slots[at as usize];
        slot.quantity = slot.quantity.saturating_sub(less);
        let level = &mut self.levels[slot.level as usize];
        level.quantity = level.quantity.saturating_sub(less);
    }

    /// Takes an order out of its queue and frees its slot.
    pub(super) fn remove(&mut self, at: u32) {
        let Slot {
            quantity,
            level,
            ahead,
            behind,
            ..
        } = self.slots[at as usize];
        let place = &mut self.levels[level as usize];
        place.quantity = place.quantity.saturating_sub(quantity);
        place.orders = place.orders.saturating_sub(1);
        if ahead == NONE {
            place.head = behind;
        }
        if behind == NONE {
            place.tail = ahead;
        }
        if let Some(slot) = self.slots.get_mut(ahead as usize) {
            slot.behind = behind;
        }
        if let Some(slot) = self.slots.get_mut(behind as usize) {
            slot.ahead = ahead;
        }
        self.free(at);
    }

    fn take_slot(&mut self) -> u32 {
        if let Some(slot) = self.slots.get_mut(self.free_slot as usize) {
            let at = self.free_slot;
            self.free_slot = slot.behind;
            slot.turn = slot.turn.saturating_add(1);
            return at;
        }
        let at = index_after(self.slots.len());
        self.slots.push(Slot {
            quantity: 0,
            home: HomeId::new(0),
            level: NONE,
            behind: NONE,
            ahead: NONE,
            turn: 1,
        });
        at
    }

    fn free(&mut self, at: u32) {
        let slot = &mut self.slots[at as usize];
        match slot.turn.checked_add(1) {
            Some(turn) => {
                slot.turn = turn;
                slot.behind = self.free_slot;
                self.free_slot = at;
            }
            // After 2^31 orders a slot is left empty for good, so that no ticket ever comes twice.
            None => slot.turn = 0,
        }
    }
}

/// The index that the next element of a list of this length gets; [`NONE`] when indexes are used up.
fn index_after(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queues: &mut Queues, level: u32, wh: u64) -> Ticket {
        queues.push(level, HomeId::new(1), WattHours::new(wh))
    }

    fn chain(queues: &Queues, level: u32) -> Vec<u64> {
        let mut at = queues.level(level).head;
        let mut found = Vec::new();
        while at != NONE {
            found.push(queues.slot(at).quantity);
            at = queues.slot(at).behind;
        }
        found
    }

    #[test]
    fn an_order_takes_32_bytes() {
        assert_eq!(std::mem::size_of::<Slot>(), 32);
    }

    #[test]
    fn the_ends_and_the_middle_come_out_of_a_queue() {
        let mut queues = Queues::with_capacity(0);
        let level = queues.open_level(Side::Bid, 7);
        let tickets: Vec<Ticket> = (1..=4)
            .map(|wh| push(&mut queues, level, wh * 10))
            .collect();
        queues.remove(tickets[1].slot);
        assert_eq!(chain(&queues, level), [10, 30, 40]);
        queues.remove(tickets[0].slot);
        assert_eq!(chain(&queues, level), [30, 40]);
        queues.remove(tickets[3].slot);
        assert_eq!(chain(&queues, level), [30]);
        assert_eq!(
            (queues.level(level).quantity, queues.level(level).orders),
            (30, 1)
        );
        push(&mut queues, level, 50);
        assert_eq!(chain(&queues, level), [30, 50]);
    }

    #[test]
    fn a_slot_is_used_again_under_another_ticket_and_in_the_end_not_at_all() {
        let mut queues = Queues::with_capacity(0);
        let level = queues.open_level(Side::Ask, 7);
        let first = push(&mut queues, level, 1);
        queues.remove(first.slot);
        assert!(queues.find(first).is_none());
        let second = push(&mut queues, level, 2);
        assert_eq!(first.slot, second.slot);
        assert!(queues.find(first).is_none() && queues.find(second).is_some());

        queues.slots[0].turn = u32::MAX;
        let last = queues.ticket(0);
        queues.remove(0);
        assert!(queues.find(last).is_none());
        assert_eq!(push(&mut queues, level, 3).slot, 1);
    }

    #[test]
    fn a_level_is_used_again() {
        let mut queues = Queues::with_capacity(0);
        let (a, b) = (
            queues.open_level(Side::Ask, 1),
            queues.open_level(Side::Bid, 2),
        );
        queues.close_level(a);
        queues.close_level(b);
        assert_eq!(queues.open_level(Side::Ask, 3), b);
        assert_eq!(queues.open_level(Side::Ask, 4), a);
        assert_eq!(queues.open_level(Side::Ask, 5), 2);
    }
}
