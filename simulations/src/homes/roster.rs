//! Who lives on the street, and what hangs on their walls.
//!
//! How many homes there are of each kind comes from a [`Mix`]; which door gets which kind, and every
//! size, comes from the seed.

use clearing_house::{Mode, PricePreference};
use energy_core::{HomeId, MicroPricePerKwh};

use super::{
    battery::Battery,
    load::{Car, Habits},
    mix::Mix,
    noise::{Noise, Purpose, STREET},
};

/// What a home has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HomeKind {
    /// Buys only.
    Consumer,
    /// Buys only, heats with electricity.
    HeatPump,
    /// Buys only, charges a car at home.
    Car,
    /// Photovoltaics.
    Solar,
    /// Photovoltaics and a car.
    SolarCar,
    /// Photovoltaics and a battery.
    SolarBattery,
    /// Photovoltaics, a battery and a heat pump.
    SolarBatteryHeatPump,
}

impl HomeKind {
    /// In plain words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Consumer => "no solar",
            Self::HeatPump => "heat pump",
            Self::Car => "electric car",
            Self::Solar => "solar",
            Self::SolarCar => "solar and electric car",
            Self::SolarBattery => "solar and battery",
            Self::SolarBatteryHeatPump => "solar, battery and heat pump",
        }
    }

    const fn has_pv(self) -> bool {
        matches!(
            self,
            Self::Solar | Self::SolarCar | Self::SolarBattery | Self::SolarBatteryHeatPump
        )
    }

    const fn has_battery(self) -> bool {
        matches!(self, Self::SolarBattery | Self::SolarBatteryHeatPump)
    }

    const fn has_heat_pump(self) -> bool {
        matches!(self, Self::HeatPump | Self::SolarBatteryHeatPump)
    }

    const fn has_car(self) -> bool {
        matches!(self, Self::Car | Self::SolarCar)
    }
}

/// What the meter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceRole {
    /// At the connection point: it settles.
    Connection,
    /// At the inverter: it says what was generated.
    Generation,
}

/// What the meter speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceKind {
    /// Eastron SDM630: input registers, f32, kWh, Modbus TCP.
    Sdm630,
    /// SunSpec models in holding registers, Modbus TCP.
    SunSpec,
    /// JSON over MQTT.
    JsonMqtt,
}

impl DeviceKind {
    /// The name of the device profile that reads it.
    #[must_use]
    pub const fn profile(self) -> &'static str {
        match self {
            Self::Sdm630 => "eastron-sdm630",
            Self::SunSpec => "sunspec",
            Self::JsonMqtt => "json-meter",
        }
    }
}

/// One meter of a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name on the street, from which topics and serial numbers are made: `elm-street-7-grid`.
    pub name: String,
    /// What it is for.
    pub role: DeviceRole,
    /// What it speaks.
    pub kind: DeviceKind,
}

/// One home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its id, from 1.
    pub id: HomeId,
    /// "Elm Street 7".
    pub name: String,
    /// What it has.
    pub kind: HomeKind,
    /// Peak power of the roof in W, 0 without photovoltaics.
    pub pv_peak_w: u32,
    /// Where the roof looks, in degrees from south, west positive.
    pub roof_azimuth_degrees: i32,
    /// Its battery.
    pub battery: Option<Battery>,
    /// Its meters; the first one is at the connection point.
    pub devices: Vec<Device>,
    /// What it wants until it says otherwise.
    pub preference: PricePreference,
    /// What it pays in at the start, in 10⁻⁶ currency (a unit of the stablecoin).
    pub deposit_units: u64,
    /// It paid in so little that its money is used up within the first days.
    pub runs_dry: bool,
}

impl Home {
    /// Whether it has photovoltaics.
    #[must_use]
    pub const fn has_pv(&self) -> bool {
        self.pv_peak_w > 0
    }

    /// Whether it has a battery.
    #[must_use]
    pub const fn has_battery(&self) -> bool {
        self.battery.is_some()
    }

    /// Its meter at the connection point.
    ///
    /// # Panics
    /// Never: every home is made with one.
    #[must_use]
    pub fn connection_meter(&self) -> &Device {
        self.devices
            .first()
            .expect("every home has a meter at its connection point")
    }

    /// Its generation meter.
    #[must_use]
    pub fn generation_meter(&self) -> Option<&Device> {
        self.devices
            .iter()
            .find(|d| d.role == DeviceRole::Generation)
    }
}

/// What the home that runs dry pays in: 1.20 in currency.
const TINY_DEPOSIT_UNITS: u64 = 1_200_000;

/// The homes of a street and the habits behind their doors.
pub(super) fn roster(noise: &Noise, mix: &Mix) -> (Vec<Home>, Vec<Habits>) {
    let kinds = shuffled(noise, mix.kinds());
    let consumer = kinds.iter().position(|kind| *kind == HomeKind::Consumer);
    let dry = consumer.filter(|_| mix.has_dry_home());
    kinds
        .iter()
        .enumerate()
        .map(|(index, kind)| {
            let draw = Draw {
                noise,
                home: u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1),
            };
            (
                home(&draw, mix, *kind, dry == Some(index)),
                habits(&draw, *kind, dry == Some(index)),
            )
        })
        .unzip()
}

/// Fisher and Yates.
fn shuffled(noise: &Noise, kinds: &[HomeKind]) -> Vec<HomeKind> {
    let mut kinds = kinds.to_vec();
    for last in (1..kinds.len()).rev() {
        let pick = noise.bits(STREET, Purpose::Roster, i64::try_from(last).unwrap_or(0));
        kinds.swap(last, usize::try_from(pick % (last as u64 + 1)).unwrap_or(0));
    }
    kinds
}

/// Numbers for one home's sizes, each named by a slot.
struct Draw<'a> {
    noise: &'a Noise,
    home: u32,
}

impl Draw<'_> {
    fn between(&self, slot: i64, low: u64, high: u64) -> u64 {
        self.noise
            .between(self.home, Purpose::Habit, slot, low, high)
    }

    fn size(&self, slot: i64, low: u32, high: u32) -> u32 {
        u32::try_from(self.between(slot, u64::from(low), u64::from(high))).unwrap_or(low)
    }

    fn chance(&self, slot: i64, percent: u64) -> bool {
        self.between(slot, 0, 99) < percent
    }
}

/// The peak power of its roof in hundreds of W, from and to; none without photovoltaics.
fn solar_peak_100w(mix: &Mix, kind: HomeKind) -> Option<(u32, u32)> {
    let by_pattern = match kind {
        HomeKind::Solar => (20, 30),
        HomeKind::SolarCar | HomeKind::SolarBattery => (26, 38),
        HomeKind::SolarBatteryHeatPump => (34, 46),
        HomeKind::Consumer | HomeKind::HeatPump | HomeKind::Car => return None,
    };
    Some(mix.solar_peak_100w().unwrap_or(by_pattern))
}

fn home(draw: &Draw<'_>, mix: &Mix, kind: HomeKind, runs_dry: bool) -> Home {
    let pv_peak_w =
        solar_peak_100w(mix, kind).map_or(0, |(low, high)| draw.size(0, low, high) * 100);
    Home {
        id: HomeId::new(draw.home),
        name: format!("Elm Street {}", draw.home),
        kind,
        pv_peak_w,
        roof_azimuth_degrees: if kind.has_pv() {
            i32::try_from(draw.between(1, 0, 120)).unwrap_or(0) - 60
        } else {
            0
        },
        battery: kind.has_battery().then(|| Battery {
            capacity_wh: draw.size(2, 10, 18) * 500,
            power_w_max: draw.size(3, 20, 30) * 100,
            one_way_efficiency_permille: 960,
        }),
        devices: devices(draw, kind),
        preference: preference(draw),
        deposit_units: if runs_dry {
            TINY_DEPOSIT_UNITS
        } else {
            deposit(draw, kind)
        },
        runs_dry,
    }
}

fn devices(draw: &Draw<'_>, kind: HomeKind) -> Vec<Device> {
    let named = |what, role, kind| Device {
        name: format!("elm-street-{}-{what}", draw.home),
        role,
        kind,
    };
    // Turns, not chance, so that even a small street has one of each.
    let connection = match draw.home % 4 {
        1 | 3 => DeviceKind::Sdm630,
        2 => DeviceKind::SunSpec,
        _ => DeviceKind::JsonMqtt,
    };
    let mut devices = vec![named("grid", DeviceRole::Connection, connection)];
    // Behind a battery only what an inverter counted is verified; without one a meter is a choice.
    if kind.has_battery() || (kind.has_pv() && draw.chance(4, 60)) {
        devices.push(named("solar", DeviceRole::Generation, DeviceKind::SunSpec));
    }
    devices
}

fn preference(draw: &Draw<'_>) -> PricePreference {
    let cents = |slot, low, high| {
        MicroPricePerKwh::new(draw.between(slot, low, high).cast_signed() * 10_000)
    };
    let auto = PricePreference::Auto;
    match draw.between(5, 0, 9) {
        0 | 1 => auto(Mode::Cheap),
        2 | 3 => auto(Mode::Green),
        4 => PricePreference::limits(cents(6, 12, 16), cents(7, 21, 26)).unwrap_or_default(),
        _ => auto(Mode::Balanced),
    }
}

fn deposit(draw: &Draw<'_>, kind: HomeKind) -> u64 {
    let tens = match kind {
        HomeKind::Car | HomeKind::HeatPump => draw.between(8, 20, 30),
        HomeKind::Consumer => draw.between(8, 10, 20),
        _ => draw.between(8, 4, 8),
    };
    tens * 10_000_000
}

fn habits(draw: &Draw<'_>, kind: HomeKind, runs_dry: bool) -> Habits {
    let hundredths = |slot, low, high| draw.size(slot, low, high);
    let at_home = draw.chance(12, 45);
    Habits {
        home: draw.home,
        standby_w: f64::from(hundredths(9, 55, 150)),
        // The home with the tiny deposit is a large household: it buys enough to use it up.
        activity_w: f64::from(hundredths(10, 220, 520)) + if runs_dry { 250.0 } else { 0.0 },
        shift_h: f64::from(hundredths(11, 0, 150)) / 100.0 - 0.75,
        at_home: at_home || runs_dry,
        heat_w_per_degree: kind
            .has_heat_pump()
            .then(|| f64::from(hundredths(13, 70, 110))),
        car: kind.has_car().then(|| car(draw)),
    }
}

fn car(draw: &Draw<'_>) -> Car {
    // Half of the cars stand at home around noon and take the sun, the others come back at night.
    let at_noon = draw.chance(14, 60);
    let from_h = if at_noon { 9.5 } else { 17.2 };
    Car {
        from_h,
        power_w: f64::from(draw.size(15, 20, 30)) * 100.0,
        days_percent: draw.between(16, 55, 85),
    }
}
