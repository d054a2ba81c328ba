//! The fills of a book at optimal prices: who gains is filled whole, who is indifferent shares.

use energy_core::{Hash, split};

use super::class_book::{CLASSES, ClassBook, Fills, Prices};
use super::class_flow::{self, Flow, Part};
use super::class_price::{Kinds, SETS, Stance, stance};

/// An order that neither gains nor loses by being filled.
struct Tied {
    /// Its place on its side of the book.
    place: usize,
    /// The set of classes of a bid, the class of an ask.
    kind: usize,
    quantity: u64,
    tie: Hash,
}

/// The fills at optimal prices, of the largest quantity, the same for any order of the book's rows.
pub(super) fn fill(book: &ClassBook, prices: &Prices) -> Fills {
    let kinds = Kinds::new(book, prices, 0);
    let quantity = kinds.quantity(book.offered);
    let stance_of = |worth| stance(worth, prices, book.offered, 0);
    let stances: Vec<Stance> = book.bids.iter().map(|bid| stance_of(&bid.worth)).collect();
    let bids = tied_bids(book, &stances);
    let asks = tied_asks(book, prices);

    // What everybody tied would have if all shared alike.
    let bids_alike = share(&bids, quantity.saturating_sub(total(&kinds.want)));
    let asks_alike = share(&asks, quantity.saturating_sub(total(&kinds.must)));
    let flow = class_flow::flow(
        &Part {
            must: kinds.want,
            may: kinds.willing,
            alike: sums(&bids, &bids_alike),
        },
        &Part {
            must: kinds.must,
            may: kinds.may,
            alike: sums(&asks, &asks_alike),
        },
    );
    Fills {
        asks: fill_asks(book, prices, &kinds, &flow, &asks, &asks_alike),
        bids: fill_bids(book, &stances, flow, &bids, &bids_alike),
    }
}

fn tied_bids(book: &ClassBook, stances: &[Stance]) -> Vec<Tied> {
    let bids = book.bids.iter().zip(stances).enumerate();
    bids.filter_map(|(place, (bid, stance))| match stance {
        Stance::Willing(set) => Some(Tied {
            place,
            kind: *set,
            quantity: bid.quantity(),
            tie: bid.tie,
        }),
        Stance::Want(_) | Stance::Out => None,
    })
    .collect()
}

fn tied_asks(book: &ClassBook, prices: &Prices) -> Vec<Tied> {
    let asks = book.asks.iter().enumerate();
    asks.filter(|(_, ask)| ask.limit() == prices[ask.class])
        .map(|(place, ask)| Tied {
            place,
            kind: ask.class,
            quantity: ask.quantity(),
            tie: ask.tie,
        })
        .collect()
}

fn share<'a>(tied: impl IntoIterator<Item = &'a Tied>, whole: u64) -> Vec<u64> {
    let (weights, ties): (Vec<u64>, Vec<Hash>) = tied
        .into_iter()
        .map(|tied| (tied.quantity, tied.tie))
        .unzip();
    split(whole, &weights, &ties)
}

/// What the parts of each kind add up to.
fn sums<const N: usize>(tied: &[Tied], parts: &[u64]) -> [u64; N] {
    let mut sums = [0_u64; N];
    for (tied, part) in tied.iter().zip(parts) {
        sums[tied.kind] = sums[tied.kind].saturating_add(*part);
    }
    sums
}

/// Puts what each kind is served into `fills`: the alike parts where they add up to it, otherwise in
/// proportion within the kind.
fn place(tied: &[Tied], alike: &[u64], served: &[u64], fills: &mut [u64]) {
    for (kind, served) in served.iter().enumerate() {
        let of_kind = || tied.iter().zip(alike).filter(|(tied, _)| tied.kind == kind);
        let parts: Vec<u64> = of_kind().map(|(_, part)| *part).collect();
        let parts = if total(&parts) == *served {
            parts
        } else {
            share(of_kind().map(|(tied, _)| tied), *served)
        };
        for ((tied, _), part) in of_kind().zip(parts) {
            fills[tied.place] = part;
        }
    }
}

fn fill_asks(
    book: &ClassBook,
    prices: &Prices,
    kinds: &Kinds,
    flow: &Flow,
    tied: &[Tied],
    alike: &[u64],
) -> Vec<u64> {
    let is_full = |ask: &super::class_book::Ask| ask.limit() < prices[ask.class];
    let full = |ask| if is_full(ask) { ask.quantity() } else { 0 };
    let mut fills: Vec<u64> = book.asks.iter().map(full).collect();
    let mut served = [0_u64; CLASSES];
    for part in flow.want.iter().chain(&flow.willing) {
        for (served, wh) in served.iter_mut().zip(part) {
            *served = served.saturating_add(*wh);
        }
    }
    for (served, must) in served.iter_mut().zip(kinds.must) {
        *served = served.saturating_sub(must);
    }
    place(tied, alike, &served, &mut fills);
    fills
}

/// How much each bid gets follows from its kind; the classes that the kind gets are dealt out in the
/// order of the hashes.
fn fill_bids(
    book: &ClassBook,
    stances: &[Stance],
    flow: Flow,
    tied: &[Tied],
    alike: &[u64],
) -> Vec<[u64; CLASSES]> {
    let mut whole: Vec<u64> = book.bids.iter().map(|bid| bid.quantity()).collect();
    let served: [u64; SETS] = flow.willing.map(|of_class| total(&of_class));
    place(tied, alike, &served, &mut whole);

    let (mut want, mut willing) = (flow.want, flow.willing);
    let mut fills = vec![[0; CLASSES]; book.bids.len()];
    let mut by_hash: Vec<usize> = (0..book.bids.len()).collect();
    by_hash.sort_unstable_by_key(|at| (book.bids[*at].tie, *at));
    for at in by_hash {
        let left = match stances[at] {
            Stance::Want(set) => &mut want[set],
            Stance::Willing(set) => &mut willing[set],
            Stance::Out => continue,
        };
        for (left, fill) in left.iter_mut().zip(&mut fills[at]) {
            *fill = whole[at].min(*left);
            *left = left.saturating_sub(*fill);
            whole[at] = whole[at].saturating_sub(*fill);
        }
    }
    fills
}

fn total(parts: &[u64]) -> u64 {
    // At most what one side of the book offers, which fits.
    parts
        .iter()
        .fold(0_u64, |sum, part| sum.saturating_add(*part))
}
