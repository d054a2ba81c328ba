//! Book and list side by side: every operation goes to both, and what must hold is checked after each.

use std::collections::BTreeMap;

use energy_core::{HomeId, MicroPricePerKwh, Side, WattHours};
use market_engine::continuous::{
    ContinuousBook, ContinuousError, Event, NewOrder, Placement, Quote, SelfTrade, Ticket,
};

use crate::list::{Happened, List, Waiting};

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Submit {
        home: u32,
        side: Side,
        wh: u64,
        price: i64,
    },
    Cancel {
        which: usize,
    },
    Replace {
        which: usize,
        wh: u64,
        price: Option<i64>,
    },
}

/// What is known of an order from the outside.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    order: NewOrder,
    pub(crate) traded: u64,
    money: i128,
    is_cancelled: bool,
}

/// Book and list side by side, and accounts that are kept from the book's events alone.
pub(crate) struct Pair {
    book: ContinuousBook,
    list: List,
    /// One for each order that ever rested or traded; a replaced order that lost its place is a new one.
    pub(crate) accounts: Vec<Account>,
    /// All tickets ever given out, with the names of their orders.
    tickets: Vec<(Ticket, usize)>,
    names: BTreeMap<Ticket, usize>,
}

impl Pair {
    pub(crate) fn new(rule: SelfTrade) -> Self {
        Self {
            book: ContinuousBook::new(rule),
            list: List {
                rule,
                waiting: Vec::new(),
            },
            accounts: Vec::new(),
            tickets: Vec::new(),
            names: BTreeMap::new(),
        }
    }

    pub(crate) fn apply(&mut self, operation: &Operation) {
        match *operation {
            Operation::Submit {
                home,
                side,
                wh,
                price,
            } => {
                self.submit(new_order(home, side, wh, price));
            }
            Operation::Cancel { which } => self.cancel(which),
            Operation::Replace { which, wh, price } => self.replace(which, wh, price),
        }
        self.check();
    }

    fn submit(&mut self, order: NewOrder) {
        let mut events = Vec::new();
        let placement = self.book.submit(order, &mut events);
        if order.quantity == WattHours::ZERO {
            assert_eq!(placement, Err(ContinuousError::ZeroQuantity));
            return assert!(events.is_empty());
        }
        self.compare(order, placement.expect("small quantities"), &events);
    }

    /// The same order goes to the list; everything that happened must be the same.
    fn compare(&mut self, order: NewOrder, placement: Placement, events: &[Event]) {
        let name = self.accounts.len();
        self.accounts.push(Account {
            order,
            traded: 0,
            money: 0,
            is_cancelled: false,
        });
        let (happened, became) = self.list.submit(Waiting {
            name,
            home: order.home.get(),
            side: order.side,
            price: order.price.get(),
            left: order.quantity.get(),
        });
        let seen: Vec<Happened> = events.iter().map(|event| self.seen(name, *event)).collect();
        assert_eq!(seen, happened);
        let got = (
            placement.traded.get(),
            placement.rested.get(),
            placement.dropped.get(),
        );
        assert_eq!(got, became);
        assert_eq!(got.0 + got.1 + got.2, order.quantity.get());
        assert_eq!(placement.resting.is_some(), got.1 > 0);
        if let Some(ticket) = placement.resting {
            assert!(
                self.names.insert(ticket, name).is_none(),
                "a ticket comes once"
            );
            self.tickets.push((ticket, name));
        }
    }

    /// Books an event on the accounts of both orders.
    fn seen(&mut self, incoming: usize, event: Event) -> Happened {
        match event {
            Event::Cancelled { resting, quantity } => {
                let resting = self.names[&resting];
                self.accounts[resting].is_cancelled = true;
                Happened::Cancelled {
                    resting,
                    wh: quantity.get(),
                }
            }
            Event::Trade(trade) => {
                let resting = self.names[&trade.resting];
                assert_eq!(trade.home, self.accounts[resting].order.home);
                assert!(
                    !self.accounts[resting].is_cancelled,
                    "a cancelled order traded"
                );
                for name in [resting, incoming] {
                    let account = &mut self.accounts[name];
                    account.traded += trade.quantity.get();
                    account.money += if account.order.side == Side::Bid {
                        -trade.amount()
                    } else {
                        trade.amount()
                    };
                }
                Happened::Trade {
                    resting,
                    price: trade.price.get(),
                    wh: trade.quantity.get(),
                    left: trade.left.get(),
                }
            }
        }
    }

    fn cancel(&mut self, which: usize) {
        let Some((ticket, name)) = self.tickets.get(which % self.tickets.len().max(1)).copied()
        else {
            return;
        };
        let expected = match self.list.at(name) {
            Some(at) => Ok(WattHours::new(self.list.waiting.remove(at).left)),
            None => Err(ContinuousError::NotResting { ticket }),
        };
        assert_eq!(self.book.cancel(ticket), expected);
        self.accounts[name].is_cancelled |= expected.is_ok();
    }

    fn replace(&mut self, which: usize, wh: u64, price: Option<i64>) {
        let Some((ticket, name)) = self.tickets.get(which % self.tickets.len().max(1)).copied()
        else {
            return;
        };
        let price = price.unwrap_or(self.accounts[name].order.price.get());
        let mut events = Vec::new();
        let placement = self.book.replace(
            ticket,
            WattHours::new(wh),
            MicroPricePerKwh::new(price),
            &mut events,
        );
        let Some(at) = self.list.at(name) else {
            return assert_eq!(placement, Err(ContinuousError::NotResting { ticket }));
        };
        if wh == 0 {
            return assert_eq!(placement, Err(ContinuousError::ZeroQuantity));
        }
        let placement = placement.expect("small quantities");
        let waiting = &mut self.list.waiting[at];
        if price == waiting.price && wh <= waiting.left {
            let less = waiting.left - wh;
            waiting.left = wh;
            let account = &mut self.accounts[name];
            account.order.quantity = WattHours::new(account.order.quantity.get() - less);
            assert_eq!(placement.resting, Some(ticket), "keeps ticket and place");
            assert_eq!(placement.rested.get(), wh);
            return assert!(events.is_empty());
        }
        let gone = self.list.waiting.remove(at);
        self.accounts[name].is_cancelled = true;
        self.compare(
            new_order(gone.home, gone.side, wh, price),
            placement,
            &events,
        );
    }

    /// What must hold after every operation.
    fn check(&self) {
        for side in [Side::Bid, Side::Ask] {
            let depth: Vec<Quote> = self.book.depth(side).collect();
            assert_eq!(depth, self.list.depth(side));
            assert_eq!(self.book.best(side), depth.first().copied());
            let total: u64 = depth.iter().map(|quote| quote.quantity.get()).sum();
            assert_eq!(self.book.quantity(side).get(), total);
        }
        assert_eq!(self.book.len() as usize, self.list.waiting.len());
        assert_eq!(self.book.is_empty(), self.list.waiting.is_empty());
        if let (Some(bid), Some(ask)) = (self.book.best(Side::Bid), self.book.best(Side::Ask)) {
            assert!(bid.price < ask.price, "crossed");
        }
        for (ticket, name) in &self.tickets {
            let left = self.list.at(*name).map(|at| self.list.waiting[at].left);
            let resting = self.book.resting(*ticket);
            assert_eq!(resting.map(|r| r.quantity.get()), left);
            if let Some(resting) = resting {
                let order = self.accounts[*name].order;
                assert_eq!(
                    (resting.home, resting.side, resting.price),
                    (order.home, order.side, order.price)
                );
            }
        }
        self.check_accounts();
    }

    fn check_accounts(&self) {
        let side_sum = |side: Side| -> u64 {
            self.accounts
                .iter()
                .filter(|a| a.order.side == side)
                .map(|a| a.traded)
                .sum()
        };
        assert_eq!(side_sum(Side::Bid), side_sum(Side::Ask), "bought = sold");
        assert_eq!(self.accounts.iter().map(|a| a.money).sum::<i128>(), 0);
        for account in &self.accounts {
            assert!(
                account.traded <= account.order.quantity.get(),
                "filled beyond its quantity"
            );
            let limit = i128::from(account.traded) * i128::from(account.order.price.get());
            let least = if account.order.side == Side::Bid {
                -limit
            } else {
                limit
            };
            assert!(account.money >= least, "filled beyond its limit");
        }
    }
}

pub(crate) fn new_order(home: u32, side: Side, wh: u64, price: i64) -> NewOrder {
    NewOrder {
        home: HomeId::new(home),
        side,
        quantity: WattHours::new(wh),
        price: MicroPricePerKwh::new(price),
    }
}
