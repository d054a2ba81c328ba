//! SunSpec images in holding registers from 40000: common model, then a meter or an inverter with
//! its battery.
//!
//! Source: sunspec/models, models 1, 103, 203 and 802; offsets count from the model's ID register. A
//! point that the device does not have holds its type's "not implemented" value, never 0.

use crate::homes::{Device, DeviceRole, Home, HomeState};

/// Where the marker "SunS" stands.
pub(super) const BASE: u16 = 40_000;

const NOT_I16: u16 = 0x8000;
const NOT_U16: u16 = 0xFFFF;
const MANUFACTURER: &str = "Commonwatt";
const VERSION: &str = "1.0";

/// All holding registers from [`BASE`] at an instant.
pub(super) fn image(home: &Home, device: &Device, state: &HomeState) -> Vec<u16> {
    let mut words = vec![0x5375, 0x6e53];
    match device.role {
        DeviceRole::Connection => {
            words.extend(common("Virtual meter", &device.name).0);
            words.extend(meter(state).0);
        }
        DeviceRole::Generation => {
            words.extend(common("Virtual inverter", &device.name).0);
            words.extend(inverter(state).0);
            words.extend(
                battery(home, state)
                    .map(|model| model.0)
                    .unwrap_or_default(),
            );
        }
    }
    words.extend([NOT_U16, 0]);
    words
}

/// One model: ID, length, points.
struct Model(Vec<u16>);

impl Model {
    fn new(id: u16, length: u16, fill: u16) -> Self {
        let mut words = vec![fill; usize::from(length) + 2];
        words[0] = id;
        words[1] = length;
        Self(words)
    }

    fn put(&mut self, offset: usize, value: u16) {
        self.0[offset] = value;
    }

    fn signed(&mut self, offset: usize, value: i64) {
        let fits = i16::try_from(value.clamp(-32_767, 32_767)).unwrap_or(0);
        self.put(offset, fits.cast_unsigned());
    }

    fn unsigned(&mut self, offset: usize, value: u64) {
        self.put(offset, u16::try_from(value.min(65_534)).unwrap_or(65_534));
    }

    /// acc32: counts modulo 2³², and 0 means that nothing is counted.
    fn counter(&mut self, offset: usize, value: u64) {
        self.put(offset, (value >> 16) as u16);
        self.put(offset + 1, value as u16);
    }

    fn text(&mut self, offset: usize, registers: usize, text: &str) {
        let mut bytes = text.bytes().chain(std::iter::repeat(0));
        for register in 0..registers {
            let pair = [bytes.next().unwrap_or(0), bytes.next().unwrap_or(0)];
            self.put(offset + register, u16::from_be_bytes(pair));
        }
    }

    /// Two registers of a 32-bit field that is not implemented, or of one that is empty.
    fn wide(&mut self, offset: usize, value: u16) {
        self.put(offset, value);
        self.put(offset + 1, value);
    }
}

fn common(model_name: &str, serial: &str) -> Model {
    let mut model = Model::new(1, 66, 0);
    model.text(2, 16, MANUFACTURER);
    model.text(18, 16, model_name);
    model.text(42, 8, VERSION);
    model.text(50, 16, serial);
    model.put(66, u16::from(super::MODBUS_UNIT));
    model.put(67, NOT_I16);
    model
}

/// Model 203: three-phase wye meter. W is positive when taken from the grid.
fn meter(state: &HomeState) -> Model {
    let mut model = Model::new(203, 105, NOT_I16);
    let power = i64::from(state.power_w);
    currents(&mut model, 2, power, state);
    model.signed(6, -2);
    model.signed(
        7,
        state
            .voltage_mv
            .iter()
            .map(|mv| i64::from(*mv))
            .sum::<i64>()
            / 300,
    );
    for phase in 0..3 {
        model.signed(8 + phase, i64::from(state.voltage_mv[phase] / 100));
        model.signed(19 + phase, power / 3);
    }
    model.signed(15, -1);
    model.signed(16, i64::from(state.frequency_mhz / 10));
    model.signed(17, -2);
    model.signed(18, power);
    model.signed(22, 0);
    // acc32 fields of quantities that are not counted hold 0; their scale factors stay absent.
    for offset in (38..54).chain(55..71).chain(72..104) {
        model.put(offset, 0);
    }
    model.counter(38, state.export_wh);
    model.counter(46, state.import_wh);
    model.signed(54, 0);
    model.wide(105, 0);
    model
}

/// Model 103: three-phase inverter. What the roof gives.
fn inverter(state: &HomeState) -> Model {
    let mut model = Model::new(103, 50, NOT_I16);
    let power = i64::from(state.pv_w.unwrap_or(0));
    currents(&mut model, 2, power, state);
    model.signed(6, -2);
    for phase in 0..3 {
        model.put(7 + phase, NOT_U16);
        model.unsigned(10 + phase, u64::from(state.voltage_mv[phase] / 100));
    }
    model.signed(13, -1);
    model.signed(14, power);
    model.signed(15, 0);
    model.unsigned(16, u64::from(state.frequency_mhz / 10));
    model.signed(17, -2);
    model.counter(24, state.pv_wh.unwrap_or(0));
    model.signed(26, 0);
    model.put(27, NOT_U16);
    model.put(29, NOT_U16);
    // Operating state: 4 is "following the maximum power point", 2 is "sleeping".
    model.put(38, if power > 0 { 4 } else { 2 });
    model.put(39, NOT_U16);
    for offset in (40..52).step_by(2) {
        model.wide(offset, if offset < 44 { 0 } else { NOT_U16 });
    }
    model
}

/// Model 802: battery. W is positive when discharging, as the model has it.
fn battery(home: &Home, state: &HomeState) -> Option<Model> {
    let (battery, soc) = (home.battery?, state.soc_permille?);
    let mut model = Model::new(802, 62, NOT_U16);
    model.unsigned(3, u64::from(battery.capacity_wh) / 10);
    model.unsigned(4, u64::from(battery.power_w_max));
    model.unsigned(5, u64::from(battery.power_w_max));
    model.unsigned(7, 1_000);
    model.unsigned(8, 0);
    model.unsigned(11, u64::from(soc));
    model.put(17, 0);
    model.put(20, 0);
    // Type 4 is lithium-ion; state 3 is "connected".
    model.put(21, 4);
    model.put(22, 3);
    model.wide(26, 0);
    model.wide(28, 0);
    let power = -i64::from(state.battery_w.unwrap_or(0));
    model.unsigned(34, 512);
    model.signed(44, power * 10 / 51);
    model.signed(47, power);
    for (offset, scale) in [(53, 1), (54, 0), (56, -1), (59, -1), (61, -1), (63, 0)] {
        model.signed(offset, scale);
    }
    for offset in [52, 55, 57, 58, 60, 62] {
        model.put(offset, NOT_I16);
    }
    Some(model)
}

/// Total and phase currents in 10 mA.
fn currents(model: &mut Model, offset: usize, power_w: i64, state: &HomeState) {
    let phases = state
        .voltage_mv
        .map(|mv| power_w.abs() * 100_000 / 3 / i64::from(mv.max(1)));
    model.signed(offset, phases.iter().sum());
    for (phase, current) in phases.into_iter().enumerate() {
        model.signed(offset + 1 + phase, current);
    }
}
