//! The input registers of an Eastron SDM630: f32, high word first, energy in kWh.
//!
//! Source: Eastron SDM630Modbus protocol, input registers 30001 to 30382; the addresses agree with
//! volkszaehler/mbmd `meters/rs485/sdm.go`. Points that the virtual meter does not measure read 0,
//! as an unused phase of the real one does.

use crate::homes::HomeState;

/// Registers from address 0.
pub(super) const LENGTH: usize = 0x0180;

/// All input registers at an instant.
pub(super) fn image(state: &HomeState) -> Vec<u16> {
    let mut words = vec![0; LENGTH];
    let mut put = |address: usize, value: f32| {
        let bits = value.to_bits();
        words[address] = (bits >> 16) as u16;
        words[address + 1] = bits as u16;
    };
    let power = state.power_w as f32;
    for phase in 0..3 {
        let volts = state.voltage_mv[phase] as f32 / 1_000.0;
        put(2 * phase, volts);
        put(0x0006 + 2 * phase, power.abs() / 3.0 / volts);
        put(0x000C + 2 * phase, power / 3.0);
        put(0x0012 + 2 * phase, power.abs() / 3.0);
        put(0x001E + 2 * phase, 1.0);
        put(0x015A + 2 * phase, kwh(state.import_wh / 3));
        put(0x0160 + 2 * phase, kwh(state.export_wh / 3));
    }
    put(
        0x002A,
        state.voltage_mv.iter().map(|mv| *mv as f32).sum::<f32>() / 3_000.0,
    );
    put(0x0034, power);
    put(0x0038, power.abs());
    put(0x003E, 1.0);
    put(0x0046, state.frequency_mhz as f32 / 1_000.0);
    put(0x0048, kwh(state.import_wh));
    put(0x004A, kwh(state.export_wh));
    put(0x0156, kwh(state.import_wh + state.export_wh));
    words
}

/// The nearest f32. Below 8,388 kWh its step is under 1 Wh, so rounding gives the Wh back.
fn kwh(wh: u64) -> f32 {
    (wh as f64 / 1_000.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wh_below_eight_thousand_kwh_survives_the_f32() {
        for wh in (0..8_388_000_u64).step_by(37) {
            assert_eq!((f64::from(kwh(wh)) * 1_000.0).round() as u64, wh);
        }
    }
}
