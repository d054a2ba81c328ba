//! Why there is no reading of a device: each error names what was expected and what came.

use crate::counter::CounterError;
use crate::decode::ValueError;
use crate::dsmr::TelegramError;
use crate::json_path::NotJson;
use crate::plan::ReadRequest;
use crate::profile::Quantity;
use crate::settlement::Refusal;

/// Why there is no reading of a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No connection.
    #[error("expected a connection to {endpoint}, got: {reason}")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// What the system said.
        reason: String,
    },
    /// No answer in time; the connection was dropped.
    #[error("expected {request} within {timeout_ms} ms, got no answer")]
    Timeout {
        /// What was asked.
        request: ReadRequest,
        /// How long it could have taken.
        timeout_ms: u32,
    },
    /// The connection broke, or gave an answer to another question; it was dropped.
    #[error("expected {request}, got: {reason}")]
    Broken {
        /// What was asked.
        request: ReadRequest,
        /// What came instead.
        reason: String,
    },
    /// The device refused.
    #[error("expected {request}, the device answered with exception {code} ({})", exception_name(*code))]
    Exception {
        /// What was asked.
        request: ReadRequest,
        /// The Modbus exception code.
        code: u8,
    },
    /// No SunSpec device.
    #[error("expected the SunSpec marker at one of {bases:?}, found it nowhere")]
    NoMarker {
        /// Where it was looked for.
        bases: Vec<u16>,
    },
    /// None of the models with settlement registers.
    #[error("expected a SunSpec device with one of the models {wanted:?}, found {found:?}")]
    NoModel {
        /// What would have settled.
        wanted: Vec<u16>,
        /// What is there.
        found: Vec<u16>,
    },
    /// The models are no longer where they were.
    #[error("expected the header of SunSpec model {model} at {address}, got another one")]
    MapMoved {
        /// Which model.
        model: u16,
        /// Where it was.
        address: u16,
    },
    /// Another device than the profile's, or one that is set up in another way.
    #[error("expected a device whose {what} is {expected}, got {got}")]
    WrongDevice {
        /// What was asked.
        what: String,
        /// What the profile expects.
        expected: String,
        /// What the device says.
        got: String,
    },
    /// A message that cannot be read.
    #[error(transparent)]
    Message(#[from] NotJson),
    /// A telegram that cannot be read.
    #[error(transparent)]
    Telegram(#[from] TelegramError),
    /// It can be read, and nothing may be settled on it.
    #[error(transparent)]
    NotForSettlement(#[from] Refusal),
    /// A message without a usable time.
    #[error("expected the device's time at `{path}`, got {got}")]
    MessageTime {
        /// Where.
        path: String,
        /// What stood there.
        got: String,
    },
    /// No message for too long.
    #[error("expected a message on `{topic}` {wanted}, got {got}")]
    Silent {
        /// Where.
        topic: String,
        /// Of when.
        wanted: String,
        /// The last one.
        got: String,
    },
    /// A settlement register that the device should have is not there.
    #[error("expected the register `{}`, the device says that it has none", .quantity.name())]
    RegisterAbsent {
        /// Which one.
        quantity: Quantity,
    },
    /// A settlement register cannot be what it says.
    #[error("`{}`: {source}", .quantity.name())]
    Value {
        /// Which one.
        quantity: Quantity,
        /// Why.
        source: ValueError,
    },
    /// A counter behaves as no counter does.
    #[error(transparent)]
    Counter(#[from] CounterError),
    /// Two reads in a row on a fresh connection do not agree.
    #[error("expected `{}` to stay or rise between two reads, got {first} and then {second}", .quantity.name())]
    NotConfirmed {
        /// Which register.
        quantity: Quantity,
        /// The first value.
        first: i64,
        /// The second one.
        second: i64,
    },
    /// The clock went on before the device had answered.
    #[error("expected an answer while the clock stood at {boundary_ms} ms, it came later")]
    TooLate {
        /// The boundary that was to be read.
        boundary_ms: i64,
    },
    /// Raw evidence of this device does not fit into a reading.
    #[error("expected settlement registers that fit into a reading: {reason}")]
    Evidence {
        /// Why they do not.
        reason: String,
    },
}

/// Names of the Modbus application protocol, V1.1b3, §7.
fn exception_name(code: u8) -> &'static str {
    match code {
        1 => "illegal function",
        2 => "illegal data address",
        3 => "illegal data value",
        4 => "device failure",
        5 => "acknowledge",
        6 => "device busy",
        8 => "memory parity error",
        10 => "gateway path unavailable",
        11 => "device behind the gateway does not answer",
        _ => "unknown",
    }
}
