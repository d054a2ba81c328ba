//! A device profile: where a device keeps which quantity, as data.
//!
//! A profile is one TOML file (`profiles/*.toml`, data dictionary in `docs/profiles.md`). It is loaded
//! by [`Profile::from_toml`], which refuses unknown keys, units and types, a profile without golden
//! vectors, one with a point that no golden vector shows, and one whose golden vectors do not come out.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

mod error;
mod identity;
mod manners;
mod place;
mod point;
mod provenance;
mod quantity;

use energy_core::keccak;

pub use error::ProfileError;
pub use identity::{Expectation, IdentityCheck, IdentityKind, IdentityPlace};
pub use manners::{
    ModbusManners, MqttManners, Payload, SerialLine, TimeFormat, TimeSource, Topic, Transport,
};
pub use place::{Function, Kind, Place, Selector, Term, Token, WordOrder};
pub use point::{Point, Sign};
pub use provenance::{Provenance, ProvenanceStatus};
pub use quantity::Quantity;

/// A device profile whose golden vectors come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) notes: Vec<String>,
    pub(crate) provenance: Provenance,
    pub(crate) transport: Transport,
    pub(crate) identity: Vec<IdentityCheck>,
    pub(crate) points: Vec<Point>,
    pub(crate) power_max_w: u32,
    pub(crate) settlement_refused: Option<String>,
    pub(crate) hash8: [u8; 8],
}

impl Profile {
    /// Its name, as in a gateway's configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for, in words.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What somebody who connects such a device should know, a sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Where its facts come from.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// How values reach the gateway.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// How a device is recognised, and what pins it.
    #[must_use]
    pub fn identity(&self) -> &[IdentityCheck] {
        &self.identity
    }

    /// Its points in the order of the file. Of several for one quantity the first that the device
    /// has counts.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Of the points for a quantity, the first that is there, with its place among all points.
    pub(crate) fn chosen(
        &self,
        quantity: Quantity,
        mut is_there: impl FnMut(&Point) -> bool,
    ) -> Option<(usize, &Point)> {
        let mut all = self.points.iter().enumerate();
        all.find(|(_, point)| point.quantity == quantity && is_there(point))
    }

    /// The most power in W that such a device can measure: a counter that runs faster is in error.
    #[must_use]
    pub fn power_max_w(&self) -> u32 {
        self.power_max_w
    }

    /// Why nothing is settled on such a device, if so.
    #[must_use]
    pub fn settlement_refused(&self) -> Option<&str> {
        self.settlement_refused.as_deref()
    }

    /// The first eight bytes of the keccak of its file: what a reading carries.
    #[must_use]
    pub fn hash8(&self) -> [u8; 8] {
        self.hash8
    }

    /// How to talk to it over Modbus, none for another transport.
    #[must_use]
    pub fn modbus(&self) -> Option<&ModbusManners> {
        match &self.transport {
            Transport::Modbus(manners) | Transport::SunSpec { manners, .. } => Some(manners),
            Transport::Mqtt(_) => None,
        }
    }

    /// Where the SunSpec marker may be; empty for what is not SunSpec.
    #[must_use]
    pub fn sunspec_bases(&self) -> &[u16] {
        match &self.transport {
            Transport::SunSpec { bases, .. } => bases,
            Transport::Modbus(_) | Transport::Mqtt(_) => &[],
        }
    }

    /// How it speaks MQTT, none for another transport.
    #[must_use]
    pub fn mqtt(&self) -> Option<&MqttManners> {
        match &self.transport {
            Transport::Mqtt(manners) => Some(manners),
            Transport::Modbus(_) | Transport::SunSpec { .. } => None,
        }
    }
}

/// The hash of a profile's file.
pub(crate) fn hash8(text: &str) -> [u8; 8] {
    let hash = keccak(&[text.as_bytes()]);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    first
}
