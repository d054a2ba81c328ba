//! One value of a device: what it means, where it stands, and how it becomes the quantity's unit.

use energy_core::WattHours;

use crate::number::Ratio;

use super::{Kind, Place, Quantity};

/// What is done with the sign that the device gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sign {
    /// Nothing.
    #[default]
    AsIs,
    /// The device counts with the other sign.
    Negated,
    /// The device's sign means nothing: a counter that some firmware shows below zero.
    Absolute,
}

/// One value of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// What it means.
    pub quantity: Quantity,
    /// Where it is.
    pub place: Place,
    /// From the device's unit to the quantity's.
    pub scale: Ratio,
    /// What is done with its sign.
    pub sign: Sign,
    /// Whether a device without it is complete.
    pub optional: bool,
    /// Whether zero means that the device does not provide it.
    pub zero_is_absent: bool,
    /// Register contents (bit patterns after word order) or numbers of a message that mean "not
    /// available", besides those of the layout.
    pub sentinels: Vec<i64>,
    /// One more than the largest value of the counter, after which it goes on from zero.
    pub wrap: Option<WattHours>,
    /// The step of the counter where layout and scale do not tell.
    pub resolution: Option<WattHours>,
    /// The most power in W that this counter can count, where it is less than the device's.
    pub rate_max_w: Option<u32>,
    /// Why nobody can be sure of it. Such a value is shown and never signed.
    pub uncertain: Option<String>,
    /// Points of one group are read in one request.
    pub group: Option<String>,
}

impl Point {
    /// Whether energy is settled or verified by it.
    #[must_use]
    pub const fn settles(&self) -> bool {
        self.quantity.settles() && self.uncertain.is_none()
    }

    /// Whether its step grows with its value.
    #[must_use]
    pub fn is_float(&self) -> bool {
        self.place.kind() == Some(Kind::F32)
    }
}
