//! Numbers as the report and the month table write them: rounded, with units, commas between thousands.

use std::fmt::Write as _;

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// 1234567 Wh as `1,234.6 kWh`.
pub(crate) fn kwh(wh: u64) -> String {
    let tenths = (wh + 50) / 100;
    format!("{}.{} kWh", grouped(tenths / 10), tenths % 10)
}

/// Micro-currency per kWh as `0.190`.
pub(crate) fn price(micro: i64) -> String {
    decimal(i128::from(micro), 1_000_000, 3)
}

/// Nano-currency as `12.34`.
pub(crate) fn amount(nano: i64) -> String {
    decimal(i128::from(nano), 1_000_000_000, 2)
}

/// `value / unit` with `digits` decimals, rounded half away from zero.
fn decimal(value: i128, unit: u128, digits: u32) -> String {
    let scale = 10_u128.pow(digits);
    let scaled = (value.unsigned_abs() * scale + unit / 2) / unit;
    let sign = if value < 0 && scaled > 0 { "−" } else { "" };
    let width = digits as usize;
    format!(
        "{sign}{}.{:0width$}",
        grouped(u64::try_from(scaled / scale).unwrap_or(u64::MAX)),
        scaled % scale
    )
}

/// With a comma between thousands.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        let _ = text.write_char(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(kwh(1_234_567), "1,234.6 kWh");
        assert_eq!(price(190_400), "0.190");
        assert_eq!(amount(-12_345_000_000), "−12.35");
        assert_eq!(amount(-1), "0.00");
    }
}
