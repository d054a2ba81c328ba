//! Charts as SVG made here, so that they also work on paper, without scripts and for screen readers.
//!
//! Colours are classes that the style sheet fills, in light and dark. Floats are used for places on
//! the picture only; every figure that is printed comes from `format`.

mod band;
mod day_energy;
mod day_price;
mod merit;
mod scale;
mod street;
mod svg;
mod zone_day;

pub use band::price_band;
pub use day_energy::{EnergySlot, day_energy};
pub use day_price::{PriceLimits, day_price};
pub use merit::{MeritPicture, merit_order};
pub use street::{FlowPicture, HouseMood, HousePicture, StreetPicture, street};
pub use zone_day::{ZoneSlot, zone_day};
