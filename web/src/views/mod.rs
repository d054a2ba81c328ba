//! What each page shows, as plain structs that a template takes.
//!
//! A view is made from facts by a function without I/O. Templates hold no arithmetic.

mod chrome;
pub(crate) mod error;
pub mod home;
pub mod interval;
pub mod login;
pub mod operator;
pub mod research;
pub mod street;

pub(crate) use chrome::zone_title;
pub use chrome::{Chrome, Tab};
