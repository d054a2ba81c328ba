//! Faults on demand: what real devices do on a bad day.

use std::sync::{Arc, Mutex, PoisonError};

/// How a device fails, from an instant of grid time (ms UTC) on. An MQTT meter only falls silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It answers every request with exception 4, server device failure.
    Exception {
        /// From when.
        from_ms: i64,
    },
    /// It takes requests and never answers.
    Silent {
        /// From when.
        from_ms: i64,
    },
}

impl Fault {
    const fn start_ms(self) -> i64 {
        match self {
            Self::Exception { from_ms } | Self::Silent { from_ms } => from_ms,
        }
    }
}

/// A device's switch. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct FaultSwitch(Arc<Mutex<Option<Fault>>>);

impl FaultSwitch {
    /// From now on the device has this fault, or none.
    pub fn set(&self, fault: Option<Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The fault that is in force at an instant of grid time.
    #[must_use]
    pub fn at(&self, now_ms: i64) -> Option<Fault> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .filter(|fault| now_ms >= fault.start_ms())
    }
}
