//! `commonwatt clear` from the bytes of a file to the bytes of a result: reference answers, every kind of bad input,
//! arbitrary and damaged files, results with something moved, and the command itself.
//!
//! `COMMONWATT_SOAK=1` makes the property tests a hundred times longer and adds a file of 100 MB.

mod bad_input;
mod books;
mod command;
mod damaged;
mod moved;
mod reference;
