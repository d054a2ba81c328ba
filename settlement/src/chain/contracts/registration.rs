//! A meter for the registry: what is registered of it and how the contract takes it.

use energy_core::{Address, MeterId, ZoneId};

use crate::chain::{abi, chain::ethers_address};

/// What a meter measures. Only a connection-point meter settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeterRole {
    /// Where the home meets the grid.
    Connection,
    /// A generator's own.
    Generation,
    /// A battery's own.
    Storage,
}

/// A meter for the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterRegistration {
    /// Its salted id.
    pub meter: MeterId,
    /// The home's account.
    pub owner: Address,
    /// The zone.
    pub zone: ZoneId,
    /// What it measures.
    pub role: MeterRole,
    /// What the connection can export, in W.
    pub capacity_w: u32,
    /// The ed25519 key of the gateway that signs for it.
    pub gateway_key: [u8; 32],
    /// Start of the first interval for which the key signs, in UTC seconds.
    pub valid_from: u64,
}

pub(super) fn registration(meter: &MeterRegistration) -> abi::Registration {
    abi::Registration {
        meter: *meter.meter.as_bytes(),
        owner: ethers_address(&meter.owner),
        zone_hash: *meter.zone.hash().as_bytes(),
        role: match meter.role {
            MeterRole::Connection => 0,
            MeterRole::Generation => 1,
            MeterRole::Storage => 2,
        },
        capacity_w: meter.capacity_w,
        key: abi::GatewayKey {
            x: meter.gateway_key,
            y: [0; 32],
            key_type: 0,
            valid_from: meter.valid_from,
        },
    }
}
