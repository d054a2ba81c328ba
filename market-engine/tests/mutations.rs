//! The checker refuses every clearing but the right one: each kind of change, at every place of a book
//! where it can be made, alone and with a certificate and prices that a forger made to fit it.

use energy_core::{
    CertificateKind, Clearing, Fill, Hash, HomeId, IntervalLength, IntervalStart, MicroPricePerKwh,
    Order, OrderId, Side, WattHours,
};
use market_engine::{call_auction, checker};
use proptest::prelude::*;

fn interval() -> IntervalStart {
    IntervalLength::QUARTER_HOUR
        .start_at(1_781_514_000)
        .expect("aligned")
}

fn order(n: u8, is_bid: bool, wh: u64, price: i64) -> Order {
    Order {
        id: OrderId::derived("order", &[n]),
        home: HomeId::new(n.into()),
        side: if is_bid { Side::Bid } else { Side::Ask },
        quantity: WattHours::new(wh),
        price: MicroPricePerKwh::new(price),
    }
}

/// Few prices and quantities, so that margins are often tied and some quantities are zero.
fn books() -> impl Strategy<Value = Vec<Order>> {
    prop::collection::vec((any::<bool>(), 0_u64..6, -2_i64..4), 1..9).prop_map(|rows| {
        (0_u8..)
            .zip(rows)
            .map(|(n, (is_bid, wh, price))| order(n, is_bid, wh, price))
            .collect()
    })
}

/// A change: what it is called, and the book and clearing after it.
struct Change(&'static str, Vec<Order>, Clearing);

/// All changes of one book.
struct Changes<'a> {
    /// By id, as the fills are.
    book: &'a [Order],
    k_ppm: u32,
    good: &'a Clearing,
    all: Vec<Change>,
}

impl Changes<'_> {
    fn of(book: &[Order], good: &Clearing, k_ppm: u32) -> Vec<Change> {
        let mut changes = Changes {
            book,
            k_ppm,
            good,
            all: Vec::new(),
        };
        changes.prices();
        changes.certificate();
        changes.fills();
        changes.list_of_fills();
        changes.orders();
        changes.all
    }

    fn clearing(&mut self, name: &'static str, change: impl Fn(&mut Clearing)) {
        let mut clearing = self.good.clone();
        change(&mut clearing);
        self.all.push(Change(name, self.book.to_vec(), clearing));
    }

    /// Changed fills: with everything else as it was, and with more and more of it made to fit.
    fn filled(&mut self, name: &'static str, change: impl Fn(&mut [Fill])) {
        let (book, k_ppm) = (self.book, self.k_ppm);
        self.clearing(name, |clearing| change(&mut clearing.fills));
        for prices_too in [false, true] {
            for claim in 0..3 {
                self.clearing(name, |clearing| {
                    change(&mut clearing.fills);
                    if prices_too {
                        restate_prices(book, clearing, k_ppm);
                    }
                    restate_sums(book, clearing);
                    let certificate = &mut clearing.certificate;
                    match claim {
                        0 => {}
                        1 => certificate.primal = certificate.dual,
                        _ => certificate.dual = certificate.primal,
                    }
                });
            }
        }
    }

    fn prices(&mut self) {
        let prices = |price: Option<MicroPricePerKwh>| {
            let moved = [-1_000, -1, 1, 1_000].map(|by| {
                let from = price.map_or(0, |price| price.get());
                Some(MicroPricePerKwh::new(from + by))
            });
            moved
                .into_iter()
                .chain([None, Some(MicroPricePerKwh::ZERO)])
        };
        for price in prices(self.good.price) {
            let book = self.book;
            self.clearing("price", |clearing| clearing.price = price);
            self.clearing("certified price", |clearing| {
                clearing.certificate.price = price
            });
            self.clearing("both prices, and a certificate for them", |clearing| {
                clearing.price = price;
                restate_sums(book, clearing);
            });
        }
        for price in prices(self.good.price_lo) {
            self.clearing("lowest price", |clearing| clearing.price_lo = price);
        }
        for price in prices(self.good.price_hi) {
            self.clearing("highest price", |clearing| clearing.price_hi = price);
        }
    }

    fn certificate(&mut self) {
        self.clearing("kind", |clearing| {
            clearing.certificate.kind = CertificateKind::Feasible;
        });
        for by in [-1_i128, 1, i128::from(u64::MAX)] {
            self.clearing("certified quantity", |clearing| {
                let quantity = &mut clearing.certificate.quantity;
                *quantity = quantity.wrapping_add_signed(by);
            });
            self.clearing("primal", |clearing| clearing.certificate.primal += by);
            self.clearing("dual", |clearing| clearing.certificate.dual += by);
            self.clearing("primal and dual", |clearing| {
                clearing.certificate.primal += by;
                clearing.certificate.dual += by;
            });
        }
        for bit in 0..256 {
            self.clearing("book hash", |clearing| {
                let mut bytes = *clearing.certificate.book_hash.as_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                clearing.certificate.book_hash = Hash::new(bytes);
            });
        }
    }

    fn fills(&mut self) {
        let quantities: Vec<u64> = self.book.iter().map(|order| order.quantity.get()).collect();
        for (at, whole) in quantities.iter().enumerate() {
            for fill in [0, 1, whole / 2, *whole, whole + 1, u64::MAX] {
                self.filled("a fill", |fills| fills[at].quantity = WattHours::new(fill));
            }
            for by in [-1, 1] {
                self.filled("a fill by one", |fills| moved(&mut fills[at], by));
            }
            for other in 0..quantities.len() {
                self.filled("a Wh from one order to another", |fills| {
                    moved(&mut fills[at], -1);
                    moved(&mut fills[other], 1);
                });
                self.filled("two fills exchanged", |fills| {
                    let (a, b) = (fills[at].quantity, fills[other].quantity);
                    (fills[at].quantity, fills[other].quantity) = (b, a);
                });
                for by in [-1, 1] {
                    self.filled("a Wh more or less on two orders", |fills| {
                        moved(&mut fills[at], by);
                        moved(&mut fills[other], by);
                    });
                }
            }
        }
        self.filled("no fill at all", |fills| {
            for fill in fills {
                fill.quantity = WattHours::ZERO;
            }
        });
    }

    fn list_of_fills(&mut self) {
        let stranger = Fill {
            order: OrderId::derived("stranger", &[]),
            quantity: WattHours::ZERO,
        };
        self.clearing("a fill too many", |clearing| clearing.fills.push(stranger));
        for at in 0..self.book.len() {
            self.clearing("a fill missing", |clearing| _ = clearing.fills.remove(at));
            self.clearing("a fill twice", |clearing| {
                clearing.fills.insert(at, clearing.fills[at]);
            });
            self.clearing("a fill renamed", |clearing| {
                clearing.fills[at].order = stranger.order;
            });
            for other in 0..at {
                self.clearing("two fills swapped", |clearing| {
                    clearing.fills.swap(at, other)
                });
            }
        }
    }

    /// Another book than the one that was cleared; the owner alone may change.
    fn orders(&mut self) {
        let mut other_book = |name, clearing: &Clearing, change: &dyn Fn(&mut Vec<Order>)| {
            let mut book = self.book.to_vec();
            change(&mut book);
            self.all.push(Change(name, book, clearing.clone()));
        };
        let newcomer = order(200, true, 0, 0);
        other_book("an order more", self.good, &|book| book.push(newcomer));
        let mut with_fill = self.good.clone();
        let place = with_fill
            .fills
            .partition_point(|fill| fill.order < newcomer.id);
        let fill = Fill {
            order: newcomer.id,
            quantity: WattHours::ZERO,
        };
        with_fill.fills.insert(place, fill);
        other_book("an order and its fill more", &with_fill, &|book| {
            book.push(newcomer)
        });
        for at in 0..self.book.len() {
            let mut without = self.good.clone();
            without.fills.remove(at);
            let mut twice = self.good.clone();
            twice.fills.insert(at, twice.fills[at]);
            other_book("an order missing", self.good, &|book| _ = book.remove(at));
            other_book("an order and its fill missing", &without, &|book| {
                _ = book.remove(at)
            });
            other_book("an order twice", self.good, &|book| book.push(book[at]));
            other_book("an order and its fill twice", &twice, &|book| {
                book.push(book[at])
            });
            other_book("a side", self.good, &|book| {
                book[at].side = match book[at].side {
                    Side::Bid => Side::Ask,
                    Side::Ask => Side::Bid,
                };
            });
            other_book("a name", self.good, &|book| book[at].id = newcomer.id);
            for by in [-1, 1] {
                other_book("a limit", self.good, &|book| {
                    book[at].price = MicroPricePerKwh::new(book[at].price.get() + by);
                });
                other_book("a quantity", self.good, &|book| {
                    let wh = book[at].quantity.get().saturating_add_signed(by);
                    book[at].quantity = WattHours::new(wh);
                });
            }
            for other in 0..at {
                other_book("two orders that swap names", self.good, &|book| {
                    (book[at].id, book[other].id) = (book[other].id, book[at].id);
                });
            }
        }
    }
}

fn moved(fill: &mut Fill, by: i64) {
    fill.quantity = WattHours::new(fill.quantity.get().saturating_add_signed(by));
}

/// The right sums for the fills and the price, whatever those are.
fn restate_sums(book: &[Order], clearing: &mut Clearing) {
    let certificate = &mut clearing.certificate;
    (certificate.quantity, certificate.primal, certificate.dual) = (0, 0, 0);
    certificate.price = clearing.price;
    for (order, fill) in book.iter().zip(&clearing.fills) {
        let sign = if order.side == Side::Bid { 1 } else { -1 };
        let limit = i128::from(order.price.get());
        certificate.primal += sign * i128::from(fill.quantity.get()) * limit;
        if order.side == Side::Bid {
            certificate.quantity += u128::from(fill.quantity.get());
        }
        if let Some(price) = clearing.price {
            let gain = sign * (limit - i128::from(price.get()));
            certificate.dual += gain.max(0) * i128::from(order.quantity.get());
        }
    }
}

/// The prices that the rule would give for the fills, whatever those are.
fn restate_prices(book: &[Order], clearing: &mut Clearing, k_ppm: u32) {
    let (mut at_least, mut at_most) = (Vec::new(), Vec::new());
    for (order, fill) in book.iter().zip(&clearing.fills) {
        let (accepts, rejects) = (fill.quantity.get() > 0, fill.quantity < order.quantity);
        let is_bid = order.side == Side::Bid;
        if if is_bid { rejects } else { accepts } {
            at_least.push(order.price);
        }
        if if is_bid { accepts } else { rejects } {
            at_most.push(order.price);
        }
    }
    clearing.price_lo = at_least.into_iter().max();
    clearing.price_hi = at_most.into_iter().min();
    let trades = clearing.fills.iter().any(|fill| fill.quantity.get() > 0);
    let both = clearing.price_lo.zip(clearing.price_hi).filter(|_| trades);
    clearing.price = both.map(|(lo, hi)| {
        let width = (hi.get() - lo.get()) * i64::from(k_ppm);
        MicroPricePerKwh::new(lo.get() + width.div_euclid(1_000_000))
    });
}

/// Whether a change changed anything that a clearing depends on.
fn is_the_same(book: &[Order], good: &Clearing, change: &Change) -> bool {
    let sorted = |book: &[Order]| {
        let mut rows: Vec<Order> = book.iter().map(|order| order.without_owner()).collect();
        rows.sort_by_key(|order| order.id);
        rows
    };
    sorted(book) == sorted(&change.1) && *good == change.2
}

proptest! {
    #[test]
    fn every_change_at_every_place_is_refused(book in books(), k_ppm in prop::sample::select(vec![0, 500_000, 1_000_000])) {
        let mut book = book;
        book.sort_by_key(|order| order.id);
        let good = call_auction(interval(), &book, k_ppm).expect("a book");
        prop_assert_eq!(checker::check(interval(), &book, &good, k_ppm), Ok(()));
        let changes = Changes::of(&book, &good, k_ppm);
        for change in changes.iter().filter(|change| !is_the_same(&book, &good, change)) {
            let Change(name, book, clearing) = change;
            let verdict = checker::check(interval(), book, clearing, k_ppm);
            prop_assert!(verdict.is_err(), "{} was accepted: {:?}", name, clearing);
        }
    }
}

#[test]
fn a_single_book_is_changed_in_more_than_a_thousand_ways() {
    let mut book = [
        (true, 5, 3),
        (true, 3, 1),
        (true, 3, 1),
        (false, 4, 0),
        (false, 3, 2),
    ]
    .iter()
    .zip(0_u8..)
    .map(|((is_bid, wh, price), n)| order(n, *is_bid, *wh, *price))
    .collect::<Vec<_>>();
    book.sort_by_key(|order| order.id);
    let good = call_auction(interval(), &book, 500_000).expect("a book");
    let changes = Changes::of(&book, &good, 500_000);
    let real = changes
        .iter()
        .filter(|change| !is_the_same(&book, &good, change));
    assert!(real.count() > 1_000);
    // Every kind is among them.
    let mut names: Vec<&str> = changes.iter().map(|change| change.0).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 33);
}
