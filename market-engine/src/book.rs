//! A book: orders with distinct ids, whose sums fit their units.
//!
//! The canonical form of a book is its rows in the order of their ids, each
//! `id (16) ‖ side (0 bid, 1 ask) ‖ quantity u64 ‖ price i64`, big-endian; its hash is
//! `keccak("commonwatt/book/1" ‖ number of rows u64 ‖ rows)`. The owner is not part of a row, so that
//! a book can be shown, and its hash be checked, without saying whose the orders are.

use energy_core::{Certificate, Hash, Order, OrderId, Side, keccak, to_canonical};

const DOMAIN: &[u8] = b"commonwatt/book/1";
const ROW_BYTES: usize = 33;

/// A list of orders is not a book, or cannot be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Two orders with one name.
    #[error("expected distinct order ids, got {id} twice; name each order once")]
    DuplicateId {
        /// The name.
        id: OrderId,
    },
    /// The quantities of one side do not fit.
    #[error(
        "expected the {side:?} quantities to sum to less than 2^64 Wh, got more; split the book"
    )]
    QuantityOverflow {
        /// Which side.
        side: Side,
    },
    /// Quantity × price leaves 128 bits.
    #[error(
        "expected a welfare within 128 bits, got more; prices or quantities are absurdly large"
    )]
    WelfareOverflow,
    /// The share parameter is above one.
    #[error("expected k of 0 to 1000000 parts per million, got {got}")]
    ShareParameter {
        /// What came.
        got: u32,
    },
    /// More orders than an index can name.
    #[error("expected at most 2^32 − 1 orders, got {got}")]
    TooMany {
        /// How many came.
        got: usize,
    },
}

/// The hash of a book, the same for any order of its rows.
#[must_use]
pub fn book_hash(orders: &[Order]) -> Hash {
    hash_sorted(&sorted(orders))
}

/// The hash of a certificate: keccak over its canonical CBOR.
#[must_use]
pub fn certificate_hash(certificate: &Certificate) -> Hash {
    keccak(&[&to_canonical(certificate)])
}

/// The orders by id.
pub(crate) fn sorted(orders: &[Order]) -> Vec<&Order> {
    let mut rows: Vec<&Order> = orders.iter().collect();
    rows.sort_unstable_by_key(|order| (order.id, order.side, order.quantity, order.price));
    rows
}

/// The hash of rows already sorted by id.
pub(crate) fn hash_sorted(rows: &[&Order]) -> Hash {
    let mut bytes = Vec::with_capacity(rows.len().saturating_mul(ROW_BYTES));
    for order in rows {
        bytes.extend_from_slice(order.id.as_bytes());
        bytes.push(u8::from(order.side == Side::Ask));
        bytes.extend_from_slice(&order.quantity.get().to_be_bytes());
        bytes.extend_from_slice(&order.price.get().to_be_bytes());
    }
    let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    keccak(&[DOMAIN, &count.to_be_bytes(), &bytes])
}

/// The orders by id, if they are a book.
pub(crate) fn checked(orders: &[Order]) -> Result<Vec<&Order>, BookError> {
    if u32::try_from(orders.len()).is_err() {
        return Err(BookError::TooMany { got: orders.len() });
    }
    let rows = sorted(orders);
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(BookError::DuplicateId { id: pair[0].id });
    }
    for side in [Side::Bid, Side::Ask] {
        rows.iter()
            .filter(|order| order.side == side)
            .try_fold(0_u64, |sum, order| sum.checked_add(order.quantity.get()))
            .ok_or(BookError::QuantityOverflow { side })?;
    }
    Ok(rows)
}
