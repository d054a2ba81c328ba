//! `commonwatt clear`: a book of orders from a file, cleared, and the result as JSON.
//!
//! A file is read whole, at most [`INPUT_BYTES_MAX`]; its orders become [`Book`] one by one, without a tree of values
//! in between. Whatever the bytes are, the answer is a book or a [`BadInput`], never a panic. The rules of the market
//! are in `market-engine`; here is only how a book is written down, how a result is, and that a result can be read back
//! and checked ([`recheck()`]) without the engine that made it.
//!
//! - An order's id inside is its `id` itself when that is 32 lower-case hexadecimal digits, as a live zone's are;
//!   otherwise `OrderId::derived("book", id)`. So a live book cleared again has the hash that its certificate names.
//! - Numbers are integers as they are written: a value never passes through a float.

mod book;
mod cell;
mod comparison;
mod csv;
mod fault;
mod json;
mod order_rows;
mod recheck;
mod result;
mod share;
mod source;
mod stated;

pub use book::{Book, clear};
pub use comparison::Comparison;
pub use fault::{BadInput, CODES, Fault, INPUT_BYTES_MAX};
pub use recheck::{Refusal, recheck};
pub use result::ClearingResult;
pub use share::{parse_share, share_text};
pub use source::{Format, load};
pub use stated::{Stated, parse_mechanism};
