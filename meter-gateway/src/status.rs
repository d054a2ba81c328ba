//! What a gateway says about itself while it runs.

use energy_core::MeterId;

/// One device, as of its last round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStatus {
    /// What people call it.
    pub name: String,
    /// The meter whose readings it gives.
    pub meter: MeterId,
    /// Time of its last signed reading in ms since 1970 UTC, none before the first.
    pub last_read_ms: Option<i64>,
    /// Why its last round gave no reading, none when it did.
    pub error: Option<String>,
}

/// A gateway at this moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayStatus {
    /// The last boundary (ms since 1970 UTC) whose readings are in the outbox; a device without one
    /// has failed there for good and names its error.
    pub boundary_done_ms: Option<i64>,
    /// The last boundary up to which every batch has the node's receipt.
    pub receipted_through_boundary_ms: Option<i64>,
    /// The last batch with the node's receipt, 0 before the first.
    pub receipted_through: u64,
    /// Batches in the outbox that have no receipt yet.
    pub outbox_depth: u64,
    /// Whether the broker is connected and receipts are subscribed to.
    pub uplink_up: bool,
    /// Why batches cannot be kept or sent, none when they can.
    pub error: Option<String>,
    /// Readings that the node kept but refused, since the start.
    pub refused: u64,
    /// The devices in the order of the configuration.
    pub devices: Vec<DeviceStatus>,
}
