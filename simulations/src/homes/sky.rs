//! Sun, clouds and temperature over the street, at 50° north and 8° east.
//!
//! Good to a few minutes and a few percent, which is enough for a street that looks right. Sine and
//! cosine are the street's own (a polynomial), because the platform's differ in the last bit.

use super::{
    clock::Moment,
    noise::{Noise, Purpose, STREET},
};

const TAU: f64 = std::f64::consts::TAU;
/// sin and cos of 50° north.
const LATITUDE: (f64, f64) = (0.766_044_443_118_978, 0.642_787_609_686_539_4);
const LONGITUDE_HOURS: f64 = 8.0 / 15.0;
/// sin of the obliquity, 23.44°.
const OBLIQUITY_SIN: f64 = 0.397_788;
/// sin and cos of a roof's tilt, 32°.
const TILT: (f64, f64) = (0.529_919_264_233_204_9, 0.848_048_096_156_426);

/// Sine of a whole turn's fraction: `turn(0.25) = 1`.
pub(super) fn turn(fraction: f64) -> f64 {
    let x = fraction - fraction.floor();
    // Fold to a quarter turn, where the Taylor polynomial to x¹³ is exact to 1e-9.
    let (sign, x) = if x < 0.5 { (1.0, x) } else { (-1.0, x - 0.5) };
    let angle = (if x <= 0.25 { x } else { 0.5 - x }) * TAU;
    let square = angle * angle;
    let terms = [
        1.0 / 6_227_020_800.0,
        -1.0 / 39_916_800.0,
        1.0 / 362_880.0,
        -1.0 / 5_040.0,
        1.0 / 120.0,
        -1.0 / 6.0,
        1.0,
    ];
    sign * angle * terms.iter().fold(0.0, |sum, term| sum * square + term)
}

/// Cosine of a whole turn's fraction.
pub(super) fn turn_cos(fraction: f64) -> f64 {
    turn(fraction + 0.25)
}

/// Where the sun stands: unit vector to the west, the south and up.
#[derive(Debug, Clone, Copy)]
struct Sun {
    west: f64,
    south: f64,
    up: f64,
}

fn sun(moment: &Moment) -> Sun {
    let declination_sin = OBLIQUITY_SIN * turn(moment.year_fraction() - 80.0 / 365.25);
    let declination_cos = (1.0 - declination_sin * declination_sin).sqrt();
    let hour_angle = (moment.hour_utc + LONGITUDE_HOURS - 12.0) / 24.0;
    let (h_sin, h_cos) = (turn(hour_angle), turn_cos(hour_angle));
    let (lat_sin, lat_cos) = LATITUDE;
    Sun {
        west: declination_cos * h_sin,
        south: lat_sin * declination_cos * h_cos - lat_cos * declination_sin,
        up: lat_sin * declination_sin + lat_cos * declination_cos * h_cos,
    }
}

/// The sky over the street.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sky {
    noise: Noise,
}

impl Sky {
    pub(super) const fn new(noise: Noise) -> Self {
        Self { noise }
    }

    /// What a roof gives, as a fraction of its peak power. `azimuth` is the fraction of a turn from
    /// south towards west.
    pub(super) fn roof(&self, moment: &Moment, azimuth: f64, home: u32) -> f64 {
        let sun = sun(moment);
        if sun.up <= 0.0 {
            return 0.0;
        }
        let (tilt_sin, tilt_cos) = TILT;
        let facing = tilt_sin * (turn(azimuth) * sun.west + turn_cos(azimuth) * sun.south)
            + tilt_cos * sun.up;
        let clear = self.clearness(moment, home);
        let direct = 0.92 * clear * facing.max(0.0) * sun.up / (sun.up + 0.11);
        let diffuse = sun.up * (0.10 + 0.16 * (1.0 - clear));
        (0.93 * (direct + diffuse)).clamp(0.0, 1.0)
    }

    /// How much of the direct sun comes through, 0 to 1: the day's weather, passing clouds, and a
    /// little of the home's own.
    fn clearness(&self, moment: &Moment, home: u32) -> f64 {
        let day = self
            .noise
            .smooth(STREET, Purpose::CloudDay, (moment.step as f64) / 300.0);
        let winter = 0.5 + 0.5 * turn_cos(moment.year_fraction() - 0.04);
        let day = (0.26 + 1.15 * day - 0.40 * winter).clamp(0.0, 1.0);
        let passing = self
            .noise
            .smooth(STREET, Purpose::Clouds, (moment.step as f64) / 5.0)
            - 0.5;
        let broken = 1.0 - (2.0 * day - 1.0).abs();
        let own = self
            .noise
            .smooth(home, Purpose::HomeCloud, (moment.step as f64) / 2.0)
            - 0.5;
        (day + 0.7 * broken * passing + 0.06 * own).clamp(0.0, 1.0)
    }

    /// Outdoor temperature in °C.
    pub(super) fn temperature(&self, moment: &Moment) -> f64 {
        let season = -9.0 * turn_cos(moment.year_fraction() - 0.055);
        let daytime = -3.5 * turn_cos((moment.hour_utc - 3.0) / 24.0);
        let weather = 9.0
            * (self
                .noise
                .smooth(STREET, Purpose::Temperature, (moment.step as f64) / 700.0)
                - 0.5);
        10.5 + season + daytime + weather
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polynomial_is_the_sine() {
        for i in 0..1_000 {
            let x = f64::from(i) / 250.0 - 2.0;
            assert!((turn(x) - (x * TAU).sin()).abs() < 1e-7, "{x}");
        }
    }

    #[test]
    fn the_sun_is_high_in_june_and_low_in_december() {
        let new_year = 20_454;
        let noon = |day| {
            (0..288)
                .map(|s| sun(&Moment::of(day, s)).up)
                .fold(-1.0, f64::max)
        };
        assert!(
            (0.88..0.91).contains(&noon(new_year + 171)),
            "sin(63.4°) at the solstice"
        );
        assert!(
            (0.26..0.30).contains(&noon(new_year + 355)),
            "sin(16.6°) at the solstice"
        );
        assert!(sun(&Moment::of(new_year, 0)).up < 0.0);
    }
}
