//! How much of each class goes to each kind of bid, at prices at which everything that gains fits.
//!
//! A network so small that its size does not depend on the book: the kinds of bids (those that gain
//! and those that are indifferent, by the set of classes they are indifferent among), the classes, and
//! for each a part that must be served, a part that may be, and of that the part that it would have if
//! everybody tied shared alike. Among the flows that serve all that must be and are largest, the one
//! is found that keeps most to the alike parts: a longest path at a time, the order of the arcs
//! deciding between equals.

use super::class_book::{CLASSES, classes};
use super::class_price::SETS;

/// A side's part of the network: what must be served, and what may be, of which so much if all share
/// alike.
pub(super) struct Part<const N: usize> {
    pub(super) must: [u64; N],
    pub(super) may: [u64; N],
    pub(super) alike: [u64; N],
}

/// The flow: `want[set][class]` and `willing[set][class]`.
pub(super) struct Flow {
    pub(super) want: [[u64; CLASSES]; SETS],
    pub(super) willing: [[u64; CLASSES]; SETS],
}

/// What a unit through an arc counts. A change of the flow touches at most two arcs at either end, so
/// what must be served comes before everything else.
const MUST: i64 = 1_000;
const ALIKE: i64 = 10;
const MORE: i64 = 9;

const WANT: usize = 1;
const WILLING: usize = WANT + SETS;
const CLASS: usize = WILLING + SETS;
const SINK: usize = CLASS + CLASSES;
const NODES: usize = SINK + 1;

/// An arc; its reverse is the next one, or the one before.
struct Arc {
    from: usize,
    to: usize,
    room: u64,
    counts: i64,
}

struct Network {
    arcs: Vec<Arc>,
}

/// The flow through the network of these parts.
pub(super) fn flow(bids: &Part<SETS>, asks: &Part<CLASSES>) -> Flow {
    let mut network = Network { arcs: Vec::new() };
    for set in 1..SETS {
        network.add(0, WANT.saturating_add(set), bids.must[set], MUST);
        let willing = WILLING.saturating_add(set);
        network.add_may(0, willing, bids.may[set], bids.alike[set]);
    }
    for class in 0..CLASSES {
        let node = CLASS.saturating_add(class);
        network.add(node, SINK, asks.must[class], MUST);
        network.add_may(node, SINK, asks.may[class], asks.alike[class]);
    }
    let mut inner = Vec::new();
    for set in 1..SETS {
        for class in classes(set) {
            for (first, quantity) in [(WANT, bids.must[set]), (WILLING, bids.may[set])] {
                let node = first.saturating_add(set);
                let arc = network.add(node, CLASS.saturating_add(class), quantity, 0);
                inner.push((first, set, class, arc));
            }
        }
    }
    network.fill();
    let mut flow = Flow {
        want: [[0; CLASSES]; SETS],
        willing: [[0; CLASSES]; SETS],
    };
    for (first, set, class, arc) in inner {
        let of_kind = if first == WANT {
            &mut flow.want
        } else {
            &mut flow.willing
        };
        // What has gone forward is the room to go back.
        of_kind[set][class] = network.arcs[reverse(arc)].room;
    }
    flow
}

fn reverse(arc: usize) -> usize {
    arc ^ 1
}

impl Network {
    fn add(&mut self, from: usize, to: usize, room: u64, counts: i64) -> usize {
        let arc = self.arcs.len();
        self.arcs.push(Arc {
            from,
            to,
            room,
            counts,
        });
        self.arcs.push(Arc {
            from: to,
            to: from,
            room: 0,
            counts: counts.saturating_neg(),
        });
        arc
    }

    fn add_may(&mut self, from: usize, to: usize, may: u64, alike: u64) {
        self.add(from, to, alike, ALIKE);
        self.add(from, to, may.saturating_sub(alike), MORE);
    }

    /// Sends as much as fits, along the path that counts most each time, of these the shortest.
    fn fill(&mut self) {
        while let Some(path) = self.path() {
            let room = path.iter().map(|arc| self.arcs[*arc].room).min();
            for arc in path {
                let sent = room.unwrap_or(0);
                self.arcs[arc].room = self.arcs[arc].room.saturating_sub(sent);
                let back = &mut self.arcs[reverse(arc)];
                back.room = back.room.saturating_add(sent);
            }
        }
    }

    /// The path from the source to the sink that counts most, found in rounds (Bellman–Ford): a path
    /// of n arcs is known after n of them, and a longer one replaces it only if it counts more.
    fn path(&self) -> Option<Vec<usize>> {
        let mut best: [Option<i64>; NODES] = [None; NODES];
        let mut into: [Option<usize>; NODES] = [None; NODES];
        best[0] = Some(0);
        for _ in 0..NODES {
            let before = best;
            for (at, arc) in self.arcs.iter().enumerate().filter(|(_, arc)| arc.room > 0) {
                let Some(so_far) = before[arc.from] else {
                    continue;
                };
                let counts = so_far.saturating_add(arc.counts);
                if best[arc.to].is_none_or(|known| counts > known) {
                    (best[arc.to], into[arc.to]) = (Some(counts), Some(at));
                }
            }
            if best == before {
                break;
            }
        }
        let (mut path, mut node) = (Vec::new(), SINK);
        best[SINK]?;
        while node != 0 {
            let arc = into[node]?;
            path.push(arc);
            node = self.arcs[arc].from;
        }
        Some(path)
    }
}
