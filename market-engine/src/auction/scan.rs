//! The first pass over a book: are the ids in order and distinct, what is its hash, does it fit words.
//!
//! The rows are read once; when they come by id, as a zone's books do, that one pass does all three.

use energy_core::{Hash, Order};

use super::words::{Packer, Words};
use crate::book::BookError;
use crate::by_id::{all_distinct, by_id, number};
use crate::canonical::{BLOCK, Canonical, write_row};

/// Memory that a scan fills.
#[derive(Debug, Clone, Default)]
pub(super) struct Scan {
    /// One word a row, in the order of the rows.
    pub(super) words: Vec<u64>,
    /// The rows by id; empty when they came so.
    pub(super) by_id: Vec<u32>,
    canonical: Vec<u8>,
}

impl Scan {
    /// The book's hash, and how to read its words if it fits them.
    pub(super) fn read(&mut self, orders: &[Order]) -> Result<(Hash, Option<Words>), BookError> {
        self.by_id.clear();
        if let Some(read) = self.in_order(orders) {
            return Ok(read);
        }
        by_id(orders, &mut self.by_id, &mut self.words);
        let mut canonical = Canonical::new(&mut self.canonical, orders.len());
        let (mut near, mut before) = (Vec::new(), None);
        for rows in self.by_id.chunks(BLOCK) {
            // Far apart in memory: fetched first and looked at afterwards, so that they come together.
            near.clear();
            near.extend(rows.iter().map(|row| orders[*row as usize]));
            all_distinct(&mut before, &near)?;
            canonical.write(near.iter());
        }
        let mut packer = Packer::new(orders);
        self.words.resize(orders.len(), 0);
        for (word, order) in self.words.iter_mut().zip(orders) {
            *word = packer.word(order);
        }
        Ok((canonical.hash(), packer.words()))
    }

    /// None when the ids do not rise from row to row.
    fn in_order(&mut self, orders: &[Order]) -> Option<(Hash, Option<Words>)> {
        let mut canonical = Canonical::new(&mut self.canonical, orders.len());
        let mut packer = Packer::new(orders);
        self.words.resize(orders.len(), 0);
        // An id of zero never counts as in order; it takes the longer way to the same result.
        let (mut before, mut rises) = (0, true);
        for (block, words) in orders.chunks(BLOCK).zip(self.words.chunks_mut(BLOCK)) {
            let places = canonical.places(block.len());
            for ((order, place), word) in block.iter().zip(places).zip(words) {
                let id = number(order);
                rises &= before < id;
                before = id;
                write_row(place, order);
                *word = packer.word(order);
            }
            if !rises {
                return None;
            }
        }
        Some((canonical.hash(), packer.words()))
    }
}
