//! The canonical bytes of a book, hashed while they are written.
//!
//! Rows go into a buffer of 128 KiB that BLAKE3 takes in whole: it works on many of its 1 KiB
//! chunks at a time, and is several times slower when it gets fewer.

use energy_core::{Hash, Order, Side};

const DOMAIN: &[u8] = b"commonwatt/book/2";

/// Bytes of a row: id, side, quantity, price.
pub(crate) const ROW_BYTES: usize = 33;

/// Rows that are written between two looks at the buffer.
pub(crate) const BLOCK: usize = 256;

/// What BLAKE3 gets at a time: a power of two of its chunks, so that it need not work on single ones.
const PORTION: usize = 128 * 1_024;

/// Room for one portion, and for the block of rows that completes it.
const ROOM: usize = PORTION + BLOCK * ROW_BYTES;

/// The hash of a book in the making.
pub(crate) struct Canonical<'a> {
    hasher: blake3::Hasher,
    buffer: &'a mut Vec<u8>,
    written: usize,
}

impl<'a> Canonical<'a> {
    /// Begins the hash of a book of `rows` rows. The buffer is memory to work in; it is as small as the
    /// book allows.
    pub(crate) fn new(buffer: &'a mut Vec<u8>, rows: usize) -> Self {
        let count = u64::try_from(rows).unwrap_or(u64::MAX);
        let begin = [DOMAIN, &count.to_be_bytes()].concat();
        let all = rows.saturating_mul(ROW_BYTES).saturating_add(begin.len());
        buffer.resize(all.min(ROOM), 0);
        buffer[..begin.len()].copy_from_slice(&begin);
        Self {
            hasher: blake3::Hasher::new(),
            buffer,
            written: begin.len(),
        }
    }

    /// The places of the next `count` rows, to be filled with [`write_row`]; at most [`BLOCK`].
    pub(crate) fn places(&mut self, count: usize) -> &mut [[u8; ROW_BYTES]] {
        debug_assert!(count <= BLOCK);
        if self.written >= PORTION {
            self.hasher.update(&self.buffer[..PORTION]);
            self.buffer.copy_within(PORTION..self.written, 0);
            self.written = self.written.saturating_sub(PORTION);
        }
        let begin = self.written;
        self.written = begin.saturating_add(count.saturating_mul(ROW_BYTES));
        self.buffer[begin..self.written].as_chunks_mut().0
    }

    /// Writes rows, which come in the order of their ids.
    pub(crate) fn write<'o>(&mut self, orders: impl ExactSizeIterator<Item = &'o Order>) {
        let mut orders = orders;
        while orders.len() > 0 {
            let block = orders.len().min(BLOCK);
            for (place, order) in self.places(block).iter_mut().zip(&mut orders) {
                write_row(place, order);
            }
        }
    }

    /// The hash, once all rows are written.
    pub(crate) fn hash(mut self) -> Hash {
        self.hasher.update(&self.buffer[..self.written]);
        Hash::new(*self.hasher.finalize().as_bytes())
    }
}

/// One row of the canonical form.
#[inline]
pub(crate) fn write_row(place: &mut [u8; ROW_BYTES], order: &Order) {
    place[..16].copy_from_slice(order.id.as_bytes());
    place[16] = u8::from(order.side == Side::Ask);
    place[17..25].copy_from_slice(&order.quantity.get().to_be_bytes());
    place[25..].copy_from_slice(&order.price.get().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use energy_core::{HomeId, MicroPricePerKwh, OrderId, WattHours};

    use super::*;

    fn book(rows: u64) -> Vec<Order> {
        (0..rows)
            .map(|n| Order {
                id: OrderId::new(u128::from(n).to_be_bytes()),
                home: HomeId::new(9),
                side: if n % 3 == 0 { Side::Ask } else { Side::Bid },
                quantity: WattHours::new(n * 1_000_003),
                price: MicroPricePerKwh::new(-5 + n as i64),
            })
            .collect()
    }

    fn hash(orders: &[Order]) -> Hash {
        let mut buffer = vec![7; 3];
        let mut canonical = Canonical::new(&mut buffer, orders.len());
        canonical.write(orders.iter());
        canonical.hash()
    }

    #[test]
    fn a_book_of_any_size_is_hashed_as_one_text() {
        // Around what fills a block, and what fills the buffer.
        for rows in [0, 1, 255, 256, 257, 3_970, 3_971, 3_972, 8_200, 30_000] {
            let orders = book(rows);
            let mut text = [DOMAIN, &rows.to_be_bytes()].concat();
            for order in &orders {
                text.extend_from_slice(order.id.as_bytes());
                text.push(u8::from(order.side == Side::Ask));
                text.extend_from_slice(&order.quantity.get().to_be_bytes());
                text.extend_from_slice(&order.price.get().to_be_bytes());
            }
            let whole = Hash::new(*blake3::hash(&text).as_bytes());
            assert_eq!(hash(&orders), whole, "{rows} rows");
        }
    }

    /// For who writes another implementation: the rows are
    /// `00…00 01 0000000000000000 fffffffffffffffb` and `00…01 00 00000000000f4243 fffffffffffffffc`.
    #[test]
    fn the_hash_of_a_book_of_two_is_the_known_value() {
        // BLAKE3's own Python package gives the same.
        assert_eq!(
            hash(&book(2)).to_string(),
            "0x0835ac9fd58724eff22e1293594c1437ddc9a8c9f100d1c4a8394e2446774138"
        );
    }
}
