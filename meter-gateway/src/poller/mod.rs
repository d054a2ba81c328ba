//! One read of a device, step by step, and what to do when a step fails.
//!
//! The rules (fact sheet §1.6, §4.3): one request at a time; a connection that timed out, broke or
//! gave an answer to another question is dropped, and what is read on the next one is read twice; an
//! exception is the device's own word and leaves the connection usable. Nothing here waits: the edge
//! carries out [`Next`] and reports an [`Answer`].
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

mod confirm;
mod error;
mod message;
mod poll;
mod retry;
mod settling;

pub use confirm::confirmed;
pub use error::DeviceError;
pub use message::{Message, read_message};
pub(crate) use poll::wrong_device;
pub use poll::{Answer, Known, Next, Poll};
pub use retry::{rest_ms, retry_after_ms};
pub use settling::{counter, settles, settles_under};
