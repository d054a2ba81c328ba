//! The book: submit, cancel, replace, and what can be seen of it.

use std::iter;

use energy_core::{MicroPricePerKwh, Side, WattHours};

use super::ladder::{Ladder, key};
use super::queue::{Queues, Spot};
use super::{
    ContinuousError, Event, NewOrder, Placement, Quote, Resting, SelfTrade, Ticket, Trade,
};

/// One side: its prices and the sum of its quantities.
#[derive(Debug, Clone, Default)]
struct Half {
    ladder: Ladder,
    /// Σ of what waits, Wh. As this fits, every part of it does.
    quantity: u64,
}

/// An order book in which orders trade the moment they meet. The module says by which rules.
#[derive(Debug, Clone)]
pub struct ContinuousBook {
    rule: SelfTrade,
    queues: Queues,
    bids: Half,
    asks: Half,
    resting: u32,
}

/// How far an incoming order has come.
struct Taking {
    order: NewOrder,
    /// What is still to trade, Wh.
    left: u64,
    /// An order of the same home was passed over.
    is_blocked: bool,
}

impl ContinuousBook {
    /// A book without orders.
    #[must_use]
    pub fn new(rule: SelfTrade) -> Self {
        Self::with_capacity(rule, 0)
    }

    /// A book without orders, with room for so many at once before it has to grow.
    #[must_use]
    pub fn with_capacity(rule: SelfTrade, orders: usize) -> Self {
        Self {
            rule,
            queues: Queues::with_capacity(orders),
            bids: Half::default(),
            asks: Half::default(),
            resting: 0,
        }
    }

    /// Trades an order with what waits on the other side and keeps the rest.
    ///
    /// What happens to waiting orders is appended to `events`, in the order in which it happens.
    ///
    /// # Errors
    /// [`ContinuousError`] when the quantity is zero, when it and what waits on its side together leave
    /// 64 bits, or when the book is full. The book and `events` are then as before.
    pub fn submit(
        &mut self,
        order: NewOrder,
        events: &mut Vec<Event>,
    ) -> Result<Placement, ContinuousError> {
        self.admit(&order, 0)?;
        Ok(self.place(order, events))
    }

    /// Takes a waiting order out and says what was left of it.
    ///
    /// # Errors
    /// [`ContinuousError::NotResting`] when it is filled or cancelled already.
    pub fn cancel(&mut self, ticket: Ticket) -> Result<WattHours, ContinuousError> {
        let at = self.spot(ticket)?;
        Ok(WattHours::new(self.remove(ticket.side, at)))
    }

    /// Gives a waiting order another quantity or price; the quantity is what shall be left of it.
    ///
    /// The same or a smaller quantity at the same price keeps ticket and place. Anything else is
    /// cancelling it and submitting it again in one step: it may trade, and what rests has a new ticket
    /// and stands last in its queue.
    ///
    /// # Errors
    /// As for [`submit`](Self::submit) and [`cancel`](Self::cancel). The order then waits as before.
    pub fn replace(
        &mut self,
        ticket: Ticket,
        quantity: WattHours,
        price: MicroPricePerKwh,
        events: &mut Vec<Event>,
    ) -> Result<Placement, ContinuousError> {
        let at = self.spot(ticket)?;
        let now = self.waiting(ticket.side, at);
        let order = NewOrder {
            home: now.home,
            side: now.side,
            quantity,
            price,
        };
        self.admit(&order, now.quantity.get())?;
        if price == now.price && quantity <= now.quantity {
            let less = now.quantity.saturating_less(quantity).get();
            self.reduce(ticket.side, at, less);
            return Ok(Placement {
                traded: WattHours::ZERO,
                rested: quantity,
                dropped: WattHours::ZERO,
                resting: Some(ticket),
            });
        }
        self.remove(ticket.side, at);
        Ok(self.place(order, events))
    }

    /// The order behind a ticket, if it still waits.
    #[must_use]
    pub fn resting(&self, ticket: Ticket) -> Option<Resting> {
        let at = self.queues.find(ticket)?;
        Some(self.waiting(ticket.side, at))
    }

    /// The best price of a side: the highest bid, the lowest ask.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Quote> {
        self.half(side).ladder.best().map(|level| self.quote(level))
    }

    /// The prices of a side, best first.
    pub fn depth(&self, side: Side) -> impl Iterator<Item = Quote> + '_ {
        let ladder = &self.half(side).ladder;
        iter::successors(ladder.best(), move |level| {
            ladder.after(key(side, self.queues.level(*level).price))
        })
        .map(|level| self.quote(level))
    }

    /// What waits on a side, Wh.
    #[must_use]
    pub fn quantity(&self, side: Side) -> WattHours {
        WattHours::new(self.half(side).quantity)
    }

    /// How many orders wait.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.resting
    }

    /// Whether no order waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resting == 0
    }

    fn spot(&self, ticket: Ticket) -> Result<Spot, ContinuousError> {
        self.queues
            .find(ticket)
            .ok_or(ContinuousError::NotResting { ticket })
    }

    fn waiting(&self, side: Side, at: Spot) -> Resting {
        let slot = self.queues.slot(at);
        Resting {
            home: slot.home,
            side,
            quantity: WattHours::new(slot.quantity),
            price: MicroPricePerKwh::new(self.queues.level_of(at).price),
        }
    }

    /// Everything that can be wrong with an order, before anything is changed; `freed` Wh of its side go
    /// away with it.
    fn admit(&self, order: &NewOrder, freed: u64) -> Result<(), ContinuousError> {
        if order.quantity == WattHours::ZERO {
            return Err(ContinuousError::ZeroQuantity);
        }
        let others = self.half(order.side).quantity.saturating_sub(freed);
        if others.checked_add(order.quantity.get()).is_none() {
            return Err(ContinuousError::QuantityOverflow { side: order.side });
        }
        if self.queues.is_full() {
            return Err(ContinuousError::Full);
        }
        Ok(())
    }

    fn place(&mut self, order: NewOrder, events: &mut Vec<Event>) -> Placement {
        let mut taking = Taking {
            order,
            left: order.quantity.get(),
            is_blocked: false,
        };
        self.cross(&mut taking, events);
        let left = WattHours::new(taking.left);
        let (rested, dropped) = if taking.is_blocked {
            (WattHours::ZERO, left)
        } else {
            (left, WattHours::ZERO)
        };
        Placement {
            traded: order.quantity.saturating_less(left),
            rested,
            dropped,
            resting: (rested > WattHours::ZERO).then(|| self.rest(&order, rested)),
        }
    }

    /// Goes through the prices of the other side that the order reaches, best first.
    fn cross(&mut self, taking: &mut Taking, events: &mut Vec<Event>) {
        let against = other(taking.order.side);
        let reach = key(against, taking.order.price.get());
        let mut next = self.half(against).ladder.best();
        while let Some(level) = next {
            let here = key(against, self.queues.level(level).price);
            if here > reach || taking.left == 0 {
                return;
            }
            self.cross_level(level, taking, events);
            let ladder = &self.half(against).ladder;
            // Where own orders were passed over, their levels still stand in front.
            next = if taking.is_blocked {
                ladder.after(here)
            } else {
                ladder.best()
            };
        }
    }

    /// Goes through the queue of a price, oldest first.
    fn cross_level(&mut self, level: u32, taking: &mut Taking, events: &mut Vec<Event>) {
        let price = MicroPricePerKwh::new(self.queues.level(level).price);
        let against = other(taking.order.side);
        let mut next = self.queues.first(level);
        while let Some(at) = next.filter(|_| taking.left > 0) {
            let slot = *self.queues.slot(at);
            let is_own = self.rule != SelfTrade::Allow && slot.home == taking.order.home;
            next = self.queues.behind(at);
            match (is_own, self.rule) {
                (true, SelfTrade::CancelResting) => {
                    events.push(Event::Cancelled {
                        resting: self.queues.ticket(at),
                        quantity: WattHours::new(slot.quantity),
                    });
                    self.remove(against, at);
                }
                (true, _) => taking.is_blocked = true,
                (false, _) => {
                    let traded = taking.left.min(slot.quantity);
                    taking.left = taking.left.saturating_sub(traded);
                    events.push(Event::Trade(Trade {
                        resting: self.queues.ticket(at),
                        home: slot.home,
                        price,
                        quantity: WattHours::new(traded),
                        left: WattHours::new(slot.quantity.saturating_sub(traded)),
                    }));
                    if traded == slot.quantity {
                        self.remove(against, at);
                    } else {
                        self.reduce(against, at, traded);
                    }
                }
            }
        }
    }

    fn rest(&mut self, order: &NewOrder, quantity: WattHours) -> Ticket {
        let (side, price) = (order.side, order.price.get());
        let half = match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        };
        // `admit` has shown that the sum fits.
        half.quantity = half.quantity.saturating_add(quantity.get());
        let queues = &mut self.queues;
        let level = half
            .ladder
            .find_or_insert(key(side, price), || queues.open_level(side, price));
        self.resting = self.resting.saturating_add(1);
        self.queues.push(level, order.home, quantity)
    }

    fn reduce(&mut self, side: Side, at: Spot, less: u64) {
        let half = self.half_mut(side);
        half.quantity = half.quantity.saturating_sub(less);
        self.queues.reduce(at, less);
    }

    /// Takes an order out, and its price if it was the last one there. Gives what was left of it, Wh.
    fn remove(&mut self, side: Side, at: Spot) -> u64 {
        let gone = self.queues.remove(at);
        self.resting = self.resting.saturating_sub(1);
        let half = self.half_mut(side);
        half.quantity = half.quantity.saturating_sub(gone.quantity);
        if gone.is_last {
            half.ladder.remove(key(side, gone.price));
            self.queues.close_level(gone.level);
        }
        gone.quantity
    }

    fn quote(&self, level: u32) -> Quote {
        let level = self.queues.level(level);
        Quote {
            price: MicroPricePerKwh::new(level.price),
            quantity: WattHours::new(level.quantity),
            orders: level.orders,
        }
    }

    fn half(&self, side: Side) -> &Half {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Bid => Side::Ask,
        Side::Ask => Side::Bid,
    }
}
