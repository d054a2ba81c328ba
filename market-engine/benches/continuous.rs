//! How many operations a second the continuous book carries out, for books of 10³ to 10⁶ waiting orders.
//!
//! `cargo bench -p market-engine --bench continuous`
//!
//! The stream is made beforehand on a book of its own, because it needs to know which orders wait; the
//! timed loop replays it on an equal book and does nothing else. Each figure is the best of some runs,
//! on one thread.
//!
//! Beside it stands what the memory alone costs on this machine: *bare* reads and writes one line for
//! each operation, the one of its ticket or a random one, in a table as large as the book and nothing
//! else (the accesses may overlap); *in turn* does the same while each access waits for the one before.
//! A book that does one access an operation, without any overlap, cannot be faster than *in turn*.
//!
//! Without `--bench` (as `cargo test --benches` calls it) only a small stream is run.
#![expect(
    clippy::disallowed_types,
    reason = "a bench measures time; the crate itself has no clock"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use energy_core::{HomeId, MicroPricePerKwh, Side, WattHours};
use market_engine::continuous::{ContinuousBook, Event, NewOrder, SelfTrade, Ticket};

const LOWEST: i64 = 80_000;
const MIDDLE: i64 = 190_000;
const HIGHEST: i64 = 300_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has("--list") {
        return;
    }
    let (sizes, operations, runs): (&[u32], u32, u32) = if has("--bench") {
        (&[1_000, 10_000, 30_000, 100_000, 1_000_000], 1_000_000, 5)
    } else {
        (&[1_000], 10_000, 1)
    };
    println!("continuous book, one thread, best of {runs}; {operations} operations:");
    println!(
        "  20 % marketable, 10 % replace by less at the same price, 10 % replace at another price,"
    );
    println!("  60 % new and resting or cancel, whichever brings the book back to its size;");
    println!(
        "  prices of resting orders uniform in {LOWEST}..{HIGHEST}, quantities in 1..=1000 Wh\n"
    );
    println!(
        "   waiting   operations/s    ns/operation     trades   waiting after   bare ns   in turn ns"
    );
    let rates: Vec<f64> = sizes
        .iter()
        .map(|resting| measure(*resting, operations, runs))
        .collect();
    if let [first, .., last] = rates[..] {
        println!(
            "\nsmallest to largest book: {:.2} times the rate",
            first / last
        );
    }
}

fn measure(resting: u32, operations: u32, runs: u32) -> f64 {
    let stream = Recorder::new(resting).record(operations);
    let (mut best, mut trades, mut after) = (Duration::MAX, 0, 0);
    for _ in 0..runs {
        let (mut book, _) = filled(resting);
        let started = Instant::now();
        trades = replay(&mut book, &stream);
        best = best.min(started.elapsed());
        after = book.len();
    }
    let lines = lines_of(resting, &stream);
    let each = |all: Duration| all.as_secs_f64() * 1e9 / f64::from(operations);
    let bare = each(touched::<false>(&lines, runs));
    let in_turn = each(touched::<true>(&lines, runs));
    let rate = f64::from(operations) / best.as_secs_f64();
    let nanoseconds = 1e9 / rate;
    println!(
        "{resting:>10} {rate:>14.0} {nanoseconds:>15.1} {trades:>10} {after:>15} {bare:>9.1} {in_turn:>12.1}"
    );
    rate
}

/// The orders in one block of the book, and the bytes of it.
const PLACES: u32 = 5;
const BLOCK: usize = 128;

/// Which block each operation would touch: the one of its ticket, or any.
fn lines_of(resting: u32, stream: &[Operation]) -> Vec<u32> {
    let (_, tickets) = filled(resting);
    let blocks = tickets.iter().map(|ticket| ticket.slot() / PLACES).max();
    let blocks = u64::from(blocks.unwrap_or(0)) + 1;
    let mut random = Stream(13);
    stream
        .iter()
        .map(|operation| match operation {
            Operation::Cancel(ticket) | Operation::Replace(ticket, ..) => ticket.slot() / PLACES,
            Operation::Submit(_) => random.below(blocks) as u32,
        })
        .collect()
}

/// How long it takes to add one to a number in each of these blocks. `IN_TURN`: each address depends
/// on what the access before has read (which is below 2^32, so that its upper half adds 0).
fn touched<const IN_TURN: bool>(lines: &[u32], runs: u32) -> Duration {
    let blocks = lines.iter().max().map_or(0, |most| *most as usize + 1);
    let mut table = vec![[1_u64; BLOCK / 8]; blocks];
    let mut best = Duration::MAX;
    for _ in 0..runs {
        let mut before = 0_u64;
        let started = Instant::now();
        for line in lines {
            let depends = if IN_TURN { before >> 32 } else { 0 };
            let counter = &mut table[*line as usize + depends as usize][0];
            *counter += 1;
            before = *counter;
        }
        best = best.min(started.elapsed());
        black_box(&table);
    }
    best
}

#[derive(Clone, Copy)]
enum Operation {
    Submit(NewOrder),
    Cancel(Ticket),
    Replace(Ticket, WattHours, MicroPricePerKwh),
}

/// The timed loop. Gives the number of trades.
fn replay(book: &mut ContinuousBook, stream: &[Operation]) -> usize {
    let mut events = Vec::with_capacity(1_024);
    let mut trades = 0_usize;
    for operation in stream {
        events.clear();
        apply(book, *operation, &mut events);
        trades += black_box(&events).len();
    }
    trades
}

/// Gives the ticket of what rests, if it is a new one.
fn apply(
    book: &mut ContinuousBook,
    operation: Operation,
    events: &mut Vec<Event>,
) -> Option<Ticket> {
    const WHY: &str = "the stream was made on an equal book";
    match operation {
        Operation::Submit(order) => book.submit(order, events).expect(WHY).resting,
        Operation::Cancel(ticket) => {
            book.cancel(ticket).expect(WHY);
            None
        }
        Operation::Replace(ticket, quantity, price) => book
            .replace(ticket, quantity, price, events)
            .expect(WHY)
            .resting
            .filter(|resting| *resting != ticket),
    }
}

/// A book of so many waiting orders, and their tickets. The same one every time.
fn filled(resting: u32) -> (ContinuousBook, Vec<Ticket>) {
    let (mut stream, mut events) = (Stream(7), Vec::new());
    let mut book = ContinuousBook::with_capacity(SelfTrade::Skip, resting as usize);
    let tickets = (0..resting)
        .filter_map(|_| {
            let order = stream.resting_order();
            let placement = book.submit(order, &mut events).expect("small quantities");
            placement.resting
        })
        .collect();
    (book, tickets)
}

/// Makes a stream that fits the book, by keeping a list of what waits.
struct Recorder {
    book: ContinuousBook,
    /// The size that the book is held at.
    resting: usize,
    waiting: Vec<Ticket>,
    /// Where the order in a slot stands in `waiting`.
    at: Vec<usize>,
    stream: Stream,
}

impl Recorder {
    fn new(resting: u32) -> Self {
        let (book, waiting) = filled(resting);
        let slots = waiting.iter().map(|ticket| ticket.slot() as usize + 1);
        let mut at = vec![0; slots.max().unwrap_or(0)];
        for (index, ticket) in waiting.iter().enumerate() {
            at[ticket.slot() as usize] = index;
        }
        Self {
            book,
            resting: waiting.len(),
            waiting,
            at,
            stream: Stream(11),
        }
    }

    fn record(mut self, operations: u32) -> Vec<Operation> {
        let mut events = Vec::new();
        (0..operations)
            .map(|_| {
                let operation = self.next_operation();
                events.clear();
                let came = apply(&mut self.book, operation, &mut events);
                self.follow(operation, &events, came);
                operation
            })
            .collect()
    }

    fn next_operation(&mut self) -> Operation {
        let ticket = self.waiting[self.stream.below(self.waiting.len() as u64) as usize];
        let now = self.book.resting(ticket).expect("it waits");
        match self.stream.below(10) {
            0..=1 => Operation::Submit(self.stream.marketable_order()),
            2..=7 if self.waiting.len() < self.resting => {
                Operation::Submit(self.stream.resting_order())
            }
            2..=7 => Operation::Cancel(ticket),
            8 => {
                let quantity = 1 + self.stream.below(now.quantity.get());
                Operation::Replace(ticket, WattHours::new(quantity), now.price)
            }
            _ => {
                let price = self.stream.price_of(now.side);
                Operation::Replace(ticket, now.quantity, price)
            }
        }
    }

    fn follow(&mut self, operation: Operation, events: &[Event], came: Option<Ticket>) {
        match operation {
            Operation::Cancel(ticket) => self.forget(ticket),
            Operation::Replace(ticket, ..) if came.is_some() => self.forget(ticket),
            _ => {}
        }
        for event in events {
            match event {
                Event::Trade(trade) if trade.left == WattHours::ZERO => self.forget(trade.resting),
                Event::Trade(_) => {}
                Event::Cancelled { resting, .. } => self.forget(*resting),
            }
        }
        if let Some(ticket) = came {
            let slot = ticket.slot() as usize;
            if slot >= self.at.len() {
                self.at.resize(slot + 1, 0);
            }
            self.at[slot] = self.waiting.len();
            self.waiting.push(ticket);
        }
    }

    fn forget(&mut self, ticket: Ticket) {
        let at = self.at[ticket.slot() as usize];
        self.waiting.swap_remove(at);
        if let Some(moved) = self.waiting.get(at) {
            self.at[moved.slot() as usize] = at;
        }
    }
}

/// A seeded stream of numbers (SplitMix64, Steele, Lea, Flood 2014).
struct Stream(u64);

impl Stream {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn order(&mut self, side: Side, price: MicroPricePerKwh) -> NewOrder {
        NewOrder {
            home: HomeId::new(self.below(10_000) as u32),
            side,
            quantity: WattHours::new(1 + self.below(1_000)),
            price,
        }
    }

    fn price_of(&mut self, side: Side) -> MicroPricePerKwh {
        let (from, to) = match side {
            Side::Bid => (LOWEST, MIDDLE),
            Side::Ask => (MIDDLE, HIGHEST),
        };
        MicroPricePerKwh::new(from + self.below((to - from) as u64) as i64)
    }

    fn side(&mut self) -> Side {
        if self.below(2) == 0 {
            Side::Bid
        } else {
            Side::Ask
        }
    }

    /// On its own side of the middle, so that it waits.
    fn resting_order(&mut self) -> NewOrder {
        let side = self.side();
        let price = self.price_of(side);
        self.order(side, price)
    }

    /// At a limit that reaches everything.
    fn marketable_order(&mut self) -> NewOrder {
        let side = self.side();
        let limit = if side == Side::Bid { HIGHEST } else { LOWEST };
        self.order(side, MicroPricePerKwh::new(limit))
    }
}
