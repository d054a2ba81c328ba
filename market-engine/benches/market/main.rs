//! Orders a second of everything that clears a book, on one thread.
//!
//! `cargo xtask bench market` runs it beside numpy; alone: `cargo bench -p market-engine --bench market`
//! (`-- --to 1000000` stops at a million orders). Each figure is the best of some runs. Without `--bench`
//! (as `cargo test --benches` calls it) everything runs once on a small book.
#![expect(
    clippy::disallowed_types,
    reason = "a bench measures time; the crate itself has no clock"
)]

mod baseline;
mod book;
mod memory;
mod numpy;
mod table;

use std::hint::black_box;

use energy_core::MicroPricePerKwh;
use market_engine::mechanism::{self, Mechanism, Terms};
use market_engine::{CallAuction, Fees, book_hash, call_auction, checker, price_volume};

use book::{Book, interval};
use numpy::Numpy;
use table::Table;

const K_PPM: u32 = 500_000;
const FEES: Fees = Fees {
    buyer: MicroPricePerKwh::new(5_000),
    seller: MicroPricePerKwh::new(5_000),
};
const TERMS: Terms = Terms {
    k_ppm: K_PPM,
    ceiling: MicroPricePerKwh::new(300_000),
    floor: MicroPricePerKwh::new(80_000),
};

const SIZES: [usize; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// Larger books of the other mechanisms are nobody's.
const MECHANISMS_TO: usize = 1_000_000;

const COLUMNS: &str = "columns: fills, money legs, certificate";
/// How numpy sorts, and the row for it.
const NUMPY: [(&str, &str); 2] = [
    ("stable", "numpy: stable argsort, cumsum, search"),
    ("quicksort", "numpy: argsort, cumsum, search"),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)
    };
    if has("--list") {
        return;
    }
    if let Some(size) = value("--memory") {
        memory::clear_once(size.parse().expect("a number of orders"));
        return;
    }
    let largest = match value("--to") {
        Some(size) => size.parse().expect("a number of orders"),
        None if has("--bench") => SIZES[4],
        None => SIZES[0],
    };
    let sizes = SIZES.into_iter().filter(|size| *size <= largest);
    let numpy = value("--numpy").map(|file| Numpy::from_file(file));
    let mut table = Table::new(sizes.collect(), has("--bench"));
    for size in table.sizes() {
        let book = Book::new(size);
        auctions(&mut table, &book);
        others(&mut table, &book, numpy.as_ref());
        if size <= MECHANISMS_TO {
            mechanisms(&mut table, &book);
        }
    }
    table.print();
    conclude(&table, numpy.as_ref(), largest);
}

fn auctions(table: &mut Table, book: &Book) {
    table.group("call auction, certified");
    let (mut auction, size) = (CallAuction::default(), book.size());
    let mut columns = |orders| {
        let cleared = auction.clear(interval(), orders, K_PPM, Some(FEES));
        black_box((cleared.expect("a book"), auction.amounts().last()));
    };
    table.time(COLUMNS, size, || columns(&book.orders));
    let shuffled = book.shuffled();
    table.time("the same, rows in no order", size, || columns(&shuffled));
    drop(shuffled);
    let clear = || call_auction(interval(), &book.orders, K_PPM).expect("a book");
    table.time("call_auction: fills by id, certificate", size, || {
        black_box(clear());
    });
    let clearing = clear();
    table.time("checker::check of that", size, || {
        checker::check(interval(), &book.orders, &clearing, K_PPM).expect("accepted");
    });
    table.time("price_volume: no fills, no certificate", size, || {
        black_box(price_volume(&book.bids, &book.asks, K_PPM).expect("quotes"));
    });
}

fn others(table: &mut Table, book: &Book, numpy: Option<&Numpy>) {
    let size = book.size();
    let quantity = price_volume(&book.bids, &book.asks, K_PPM).map(|cleared| cleared.quantity);
    assert_eq!(Ok(baseline::clear(&book.bids, &book.asks).0), quantity);
    table.group("to compare with");
    table.time("sort_unstable and prefix sums", size, || {
        black_box(baseline::clear(&book.bids, &book.asks));
    });
    for (kind, row) in NUMPY {
        if let Some(seconds) = numpy.and_then(|numpy| numpy.seconds(kind, size)) {
            table.note(row, size, seconds);
        }
    }
    table.time("the book's hash: BLAKE3", size, || {
        black_box(book_hash(&book.orders));
    });
    table.time("the book's hash, if it were keccak", size, || {
        black_box(baseline::keccak_of(&book.orders));
    });
}

fn mechanisms(table: &mut Table, book: &Book) {
    table.group("mechanism::clear");
    for one in Mechanism::ALL {
        table.time(one.name(), book.size(), || {
            let outcome = mechanism::clear(one, interval(), &book.orders, &TERMS);
            black_box(outcome.expect("a book"));
        });
    }
}

fn conclude(table: &Table, numpy: Option<&Numpy>, largest: usize) {
    match numpy {
        Some(numpy) => println!(
            "\nthe call auction by columns and numpy {}",
            numpy.version()
        ),
        None => println!("\nnumpy: not in this run (`cargo xtask bench market` brings it)"),
    }
    for size in table.sizes() {
        let [stable, any] = NUMPY.map(|(_, row)| table.ratio(COLUMNS, row, size));
        if let Some((stable, any)) = stable.zip(any) {
            println!(
                "  {:>10} orders: {stable:4.1} times as fast as with a stable sort, {any:4.1} as with any",
                table::grouped(size)
            );
        }
    }
    if largest >= SIZES[4] {
        memory::report(SIZES[4]);
    }
}
