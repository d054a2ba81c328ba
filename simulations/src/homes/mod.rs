//! A street of virtual homes.
//!
//! Invariant: every register is a pure function of (seed, number of homes, grid time). Trajectories
//! advance in steps of five minutes and are memoised; asking in another order, twice, or after a
//! restart gives the same answer. Inside, energy is an integer number of mWh, and in every step
//! `pv + import + discharge = load + charge + export` holds exactly.
//!
//! The models are simple on purpose (clear sky and clouds, habits, a self-consumption battery); they
//! are meant to look and trade like a street, not to forecast one. Floats appear only in the shape
//! of load and sun, and only with operations that IEEE 754 rounds the same everywhere.

mod battery;
mod clock;
mod load;
mod mix;
mod noise;
mod registers;
mod roster;
mod sky;
mod trajectory;

pub use battery::Battery;
pub use mix::{Mix, SOLAR_PEAK_W};
pub use registers::HomeState;
pub use roster::{Device, DeviceKind, DeviceRole, Home, HomeKind};

use energy_core::HomeId;

use noise::Noise;
use trajectory::Trajectory;

/// The fewest homes of a street: one can sell, one can buy.
pub const HOMES_MIN: u32 = 2;
/// The most homes of a street.
pub const HOMES_MAX: u32 = 1_000;
/// The street of the demo.
pub const HOMES_DEFAULT: u32 = 24;

/// A street cannot be built like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreetError {
    /// Too few or too many homes.
    #[error("expected {HOMES_MIN} to {HOMES_MAX} homes, got {got}")]
    Homes {
        /// The number that came.
        got: u32,
    },
    /// Roofs that are too small or too large.
    #[error(
        "expected roofs of {} to {} W, the smallest first, got {low} to {high}",
        SOLAR_PEAK_W.start(),
        SOLAR_PEAK_W.end()
    )]
    SolarPeak {
        /// The smallest that came, W.
        low: u32,
        /// The largest.
        high: u32,
    },
    /// The day on which the meters start is out of range.
    #[error(
        "expected the meters to start between 1970-01-01 and 2100-01-01, got {got_s} s since 1970"
    )]
    Start {
        /// The second that came.
        got_s: i64,
    },
}

/// A seeded street. Cheap to make: trajectories are computed when somebody asks.
#[derive(Debug)]
pub struct Street {
    seed: u64,
    homes: Vec<Home>,
    trajectories: Vec<Trajectory>,
}

impl Street {
    /// The second (UTC) from which meters count unless said otherwise: 2026-01-01.
    pub const START_S: i64 = 1_767_225_600;

    /// The street of this seed with this many homes, ids 1 to `homes`, metered from [`Self::START_S`].
    ///
    /// # Errors
    /// [`StreetError::Homes`] unless there are [`HOMES_MIN`] to [`HOMES_MAX`].
    pub fn new(seed: u64, homes: u32) -> Result<Self, StreetError> {
        Self::starting(seed, homes, Self::START_S)
    }

    /// The same with meters that count from the midnight (UTC) at or before `start_s`. Until then
    /// registers stand at their first values.
    ///
    /// # Errors
    /// [`StreetError`].
    pub fn starting(seed: u64, homes: u32, start_s: i64) -> Result<Self, StreetError> {
        Self::of(seed, &Mix::pattern(homes)?, start_s)
    }

    /// The street of this seed with these homes, metered from the midnight (UTC) at or before
    /// `start_s`.
    ///
    /// # Errors
    /// [`StreetError::Start`].
    pub fn of(seed: u64, mix: &Mix, start_s: i64) -> Result<Self, StreetError> {
        if !(0..=clock::LATEST_START_S).contains(&start_s) {
            return Err(StreetError::Start { got_s: start_s });
        }
        let noise = Noise::new(seed);
        let start_day = start_s.div_euclid(clock::DAY_S);
        let (homes, habits) = roster::roster(&noise, mix);
        let trajectories = homes
            .iter()
            .zip(habits)
            .map(|(home, habits)| Trajectory::new(noise, start_day, home, habits))
            .collect();
        Ok(Self {
            seed,
            homes,
            trajectories,
        })
    }

    /// The seed it grew from.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// All homes, by id from 1.
    #[must_use]
    pub fn homes(&self) -> &[Home] {
        &self.homes
    }

    /// One home.
    #[must_use]
    pub fn home(&self, id: HomeId) -> Option<&Home> {
        self.homes.get(index(id)?)
    }

    /// A home's registers and power at an instant of grid time (ms UTC), none for a home that is not
    /// of this street.
    #[must_use]
    pub fn state(&self, id: HomeId, at_ms: i64) -> Option<HomeState> {
        let index = index(id)?;
        let (home, trajectory) = (self.homes.get(index)?, self.trajectories.get(index)?);
        Some(registers::state(home, trajectory, at_ms))
    }

    /// The states of all homes at an instant, by id.
    #[must_use]
    pub fn states(&self, at_ms: i64) -> Vec<HomeState> {
        self.homes
            .iter()
            .zip(&self.trajectories)
            .map(|(home, t)| registers::state(home, t, at_ms))
            .collect()
    }
}

fn index(id: HomeId) -> Option<usize> {
    usize::try_from(id.get().checked_sub(1)?).ok()
}

#[cfg(test)]
mod tests;
