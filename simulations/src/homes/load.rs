//! What a home uses: standby, fridge, people, appliances, heat pump, car.
//!
//! Every part is a function of the moment and of numbers drawn for (home, local day); nothing is
//! carried from step to step.

use super::{
    clock::{Moment, STEPS_PER_HOUR, is_weekend},
    noise::{Noise, Purpose},
    sky::{Sky, turn_cos},
};

/// How the people of a home live.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    pub(super) home: u32,
    /// Always on, in W.
    pub(super) standby_w: f64,
    /// What people add when they are up, in W at the height of the evening.
    pub(super) activity_w: f64,
    /// Earlier (−) or later (+) than the neighbours, in hours.
    pub(super) shift_h: f64,
    /// Somebody is at home around noon.
    pub(super) at_home: bool,
    /// Electric power of the heat pump for each °C below 16 °C, in W.
    pub(super) heat_w_per_degree: Option<f64>,
    pub(super) car: Option<Car>,
}

/// When and how the car is charged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Car {
    /// The earliest hour at which it is plugged in.
    pub(super) from_h: f64,
    pub(super) power_w: f64,
    /// Charging days out of a hundred.
    pub(super) days_percent: u64,
}

/// The mean load of a step in W.
pub(super) fn load_w(habits: &Habits, noise: &Noise, sky: &Sky, moment: &Moment) -> f64 {
    let (day, hour) = moment.local();
    let people = people_w(habits, noise, moment, day, hour);
    let total = habits.standby_w
        + fridge_w(habits, moment)
        + people
        + appliances_w(habits, noise, day, hour)
        + heating_w(habits, sky, moment, hour)
        + car_w(habits, noise, day, hour);
    let flutter = 0.9 + 0.2 * noise.unit(habits.home, Purpose::Flutter, moment.step);
    total * flutter
}

/// 1 in the middle, 0 from `width` hours away.
fn bump(hour: f64, middle: f64, width: f64) -> f64 {
    let x = (hour - middle) / width;
    let inside = (1.0 - x * x).max(0.0);
    inside * inside
}

fn fridge_w(habits: &Habits, moment: &Moment) -> f64 {
    let cycle = (moment.step as f64 + f64::from(habits.home) * 3.0) / 9.0;
    if cycle - cycle.floor() < 0.4 {
        85.0
    } else {
        0.0
    }
}

fn people_w(habits: &Habits, noise: &Noise, moment: &Moment, day: i64, hour: f64) -> f64 {
    let weekend = is_weekend(day);
    let hour = hour - habits.shift_h;
    let morning = if weekend {
        0.55 * bump(hour, 9.3, 2.8)
    } else {
        0.7 * bump(hour, 7.0, 1.8)
    };
    let daytime = if weekend || habits.at_home {
        0.95 * bump(hour, 13.0, 6.0)
    } else {
        0.3 * bump(hour, 13.0, 6.0)
    };
    let evening = 1.0 * bump(hour, 19.6, 4.2);
    let dark = 1.0 + 0.25 * turn_cos(moment.year_fraction());
    let mood =
        0.55 + 0.9 * noise.smooth(habits.home, Purpose::Activity, (moment.step as f64) / 4.0);
    habits.activity_w * (morning + daytime + evening) * dark * mood
}

fn appliances_w(habits: &Habits, noise: &Noise, day: i64, hour: f64) -> f64 {
    let draw = |purpose| noise.unit(habits.home, purpose, day);
    let happens = |purpose, percent: u64| {
        noise.bits(habits.home, purpose, day.wrapping_neg()) % 100 < percent
    };
    let mut sum = 0.0;
    if happens(Purpose::Washing, 48) {
        let earliest = if habits.at_home || is_weekend(day) {
            8.5
        } else {
            14.5
        };
        let since = hour - earliest - 7.0 * draw(Purpose::Washing);
        // Heats for 25 minutes, then turns for an hour.
        sum += if (0.0..0.42).contains(&since) {
            1_900.0
        } else if (0.42..1.4).contains(&since) {
            250.0
        } else {
            0.0
        };
    }
    if happens(Purpose::Cooking, 85) {
        let since = hour - 17.3 - 2.2 * draw(Purpose::Cooking) - habits.shift_h;
        sum += if (0.0..0.6).contains(&since) {
            1_700.0
        } else {
            0.0
        };
    }
    if happens(
        Purpose::Lunch,
        if habits.at_home || is_weekend(day) {
            60
        } else {
            20
        },
    ) {
        let since = hour - 11.2 - 2.4 * draw(Purpose::Lunch);
        sum += if (0.0..0.5).contains(&since) {
            1_500.0
        } else {
            0.0
        };
    }
    sum
}

fn heating_w(habits: &Habits, sky: &Sky, moment: &Moment, hour: f64) -> f64 {
    let Some(per_degree) = habits.heat_w_per_degree else {
        return 0.0;
    };
    let heating = ((16.0 - sky.temperature(moment)) * per_degree).clamp(0.0, 3_200.0);
    // Warm water before dawn and in the early afternoon, when the sun is likely.
    let since_noon = hour - 13.4 - 2.0 * habits.shift_h;
    let since_night = hour - 4.6 - habits.shift_h;
    let water = if (0.0..1.1).contains(&since_noon) || (0.0..0.6).contains(&since_night) {
        1_400.0
    } else {
        0.0
    };
    heating + water
}

fn car_w(habits: &Habits, noise: &Noise, day: i64, hour: f64) -> f64 {
    let Some(car) = habits.car else { return 0.0 };
    let bits = noise.bits(habits.home, Purpose::Charging, day);
    if bits % 100 >= car.days_percent {
        return 0.0;
    }
    let since =
        hour - car.from_h - 2.6 * noise.unit(habits.home, Purpose::Charging, day.wrapping_neg());
    let hours = 1.4 + 2.4 * ((bits >> 32) % 1_000) as f64 / 1_000.0;
    // The first and the last step are ramps.
    let ramp = (since.min(hours - since) * STEPS_PER_HOUR).clamp(0.0, 1.0);
    car.power_w * ramp
}
