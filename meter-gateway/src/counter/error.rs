//! What no counter does.

use energy_core::WattHours;

use crate::profile::Quantity;

/// A counter did what no counter does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CounterError {
    /// It fell.
    #[error(
        "expected `{}` to be at least {before}, got {now}; if the meter was reset, declare it with `reset_declared`",
        .quantity.name()
    )]
    Fell {
        /// Which counter.
        quantity: Quantity,
        /// The last signed value.
        before: WattHours,
        /// The value that came.
        now: WattHours,
    },
    /// It fell by less than its register can show.
    #[error("expected `{}` to be at least {before}, got {now}, which is within two steps of its register", .quantity.name())]
    Dipped {
        /// Which counter.
        quantity: Quantity,
        /// The last signed value.
        before: WattHours,
        /// The value that came.
        now: WattHours,
    },
    /// It shows zero, as devices do that have just started.
    #[error("expected `{}` to be at least {before}, got 0 Wh as from a device that has just started", .quantity.name())]
    BootZero {
        /// Which counter.
        quantity: Quantity,
        /// The last signed value.
        before: WattHours,
    },
    /// It rose faster than it can.
    #[error("expected `{}` to rise by at most {most} since the last reading, it rose from {before} to {now}", .quantity.name())]
    TooFast {
        /// Which counter.
        quantity: Quantity,
        /// What the device's highest power allows.
        most: WattHours,
        /// The last signed value.
        before: WattHours,
        /// The value that came.
        now: WattHours,
    },
    /// It was there before and is gone.
    #[error("expected `{}`, which the last reading had, got none", .quantity.name())]
    Gone {
        /// Which counter.
        quantity: Quantity,
    },
    /// It is another device.
    #[error(
        "expected the meter with serial number `{before}`, got `{now}`; if it was exchanged, declare it with `exchanged_for = \"{now}\"`"
    )]
    Exchanged {
        /// The serial number of the last signed reading.
        before: String,
        /// The one that came.
        now: String,
    },
}
