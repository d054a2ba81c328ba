//! Numbers as a household reads them: decimals of whole units, exact, made from integers.

use energy_core::{MicroPricePerKwh, NanoAmount, WattHours};

/// A price as a decimal of whole currency per kWh, at least two places, exact.
#[must_use]
pub fn decimal(price: MicroPricePerKwh) -> String {
    fixed(price.get() < 0, price.get().unsigned_abs(), 6, 2)
}

/// An amount as a decimal of whole currency, at least two places, exact.
pub(super) fn money(amount: NanoAmount) -> String {
    fixed(amount.get() < 0, amount.get().unsigned_abs(), 9, 2)
}

/// An energy in kWh, with its unit, exact.
pub(super) fn kwh(energy: WattHours) -> String {
    format!("{} kWh", fixed(false, energy.get(), 3, 0))
}

/// `units` of 10^−`places`, at least `places_min` of them written.
fn fixed(is_negative: bool, units: u64, places: usize, places_min: usize) -> String {
    let digits = format!("{units:0>width$}", width = places.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
    let (kept, finer) = fraction.split_at(places_min);
    let fraction = format!("{kept}{}", finer.trim_end_matches('0'));
    let sign = if is_negative { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        let price = |micro| decimal(MicroPricePerKwh::new(micro));
        assert_eq!(price(146_200), "0.1462");
        assert_eq!(price(80_000), "0.08");
        assert_eq!(price(300_000), "0.30");
        assert_eq!(price(-1_234_567), "-1.234567");
        assert_eq!(price(i64::MIN), "-9223372036854.775808");
        assert_eq!(money(NanoAmount::new(175_440_001)), "0.175440001");
        assert_eq!(money(NanoAmount::new(-5)), "-0.000000005");
        assert_eq!(kwh(WattHours::new(1_200)), "1.2 kWh");
        assert_eq!(kwh(WattHours::new(5)), "0.005 kWh");
        assert_eq!(kwh(WattHours::new(30_000)), "30 kWh");
        assert_eq!(kwh(WattHours::ZERO), "0 kWh");
    }
}
