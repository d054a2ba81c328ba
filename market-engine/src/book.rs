//! A book: orders with distinct ids, whose sums fit their units.
//!
//! The canonical form of a book is its rows in the order of their ids, each
//! `id (16) ‖ side (0 bid, 1 ask) ‖ quantity u64 ‖ price i64`, big-endian; its hash is
//! `BLAKE3("commonwatt/book/2" ‖ number of rows u64 ‖ rows)`. The owner is not part of a row, so that
//! a book can be shown, and its hash be checked, without saying whose the orders are.
//!
//! BLAKE3 and not keccak, the hash of everything else: no contract ever opens a book row by row, and
//! keccak over 33 bytes an order takes several times as long as the whole clearing
//! (`cargo xtask bench market` prints both).

use energy_core::{Certificate, Hash, Order, OrderId, Side, keccak, to_canonical};

use crate::by_id::{all_distinct, by_id, is_in_order};
use crate::canonical::Canonical;

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
    /// A fill × price, or a price and its fee, leaves 64 bits.
    #[error(
        "expected every amount of money within 64 bits of 10^-9 currency, got more; prices, fees or quantities are absurdly large"
    )]
    AmountOverflow,
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
    if is_in_order(orders) {
        return orders.iter().collect();
    }
    let mut rows = Vec::new();
    by_id(orders, &mut rows, &mut Vec::new());
    rows.into_iter().map(|row| &orders[row as usize]).collect()
}

/// The hash of rows already sorted by id.
pub(crate) fn hash_sorted(rows: &[&Order]) -> Hash {
    let mut buffer = Vec::new();
    let mut canonical = Canonical::new(&mut buffer, rows.len());
    canonical.write(rows.iter().copied());
    canonical.hash()
}

/// The orders by id, if they are a book.
pub(crate) fn checked(orders: &[Order]) -> Result<Vec<&Order>, BookError> {
    countable(orders)?;
    let rows = sorted(orders);
    all_distinct(&mut None, rows.iter().copied())?;
    for side in [Side::Bid, Side::Ask] {
        total(orders, side)?;
    }
    Ok(rows)
}

/// Whether a row can be named by 32 bits.
pub(crate) fn countable(orders: &[Order]) -> Result<(), BookError> {
    match u32::try_from(orders.len()) {
        Ok(_) => Ok(()),
        Err(_) => Err(BookError::TooMany { got: orders.len() }),
    }
}

/// Σ quantities of one side, in Wh.
pub(crate) fn total(orders: &[Order], side: Side) -> Result<u64, BookError> {
    orders
        .iter()
        .filter(|order| order.side == side)
        .try_fold(0_u64, |sum, order| sum.checked_add(order.quantity.get()))
        .ok_or(BookError::QuantityOverflow { side })
}
