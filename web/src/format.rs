//! Numbers and times as people read them.
//!
//! Everything is computed in integers and rounded once, half away from zero, for display only: no
//! text made here ever goes back into an amount. Times are UTC and the pages say so.

use chrono::{DateTime, Timelike as _, Utc};
use energy_core::{IntervalLength, IntervalStart, MicroPricePerKwh, NanoAmount, WattHours, Watts};

/// `value / 10^scale` with `decimals` places, rounded half away from zero, thousands separated.
fn decimal(value: i128, scale: u32, decimals: u32) -> String {
    let negative = value < 0;
    let unit = 10_u128.pow(scale.saturating_sub(decimals));
    let rounded = (value.unsigned_abs() + unit / 2) / unit;
    let base = 10_u128.pow(decimals);
    let (whole, part) = (rounded / base, rounded % base);
    let sign = if negative && rounded > 0 {
        "\u{2212}"
    } else {
        ""
    };
    let whole = grouped(whole);
    match decimals {
        0 => format!("{sign}{whole}"),
        n => format!("{sign}{whole}.{part:0width$}", width = n as usize),
    }
}

fn grouped(whole: u128) -> String {
    let digits = whole.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A count with thousands separated: `12 345`.
#[must_use]
pub(crate) fn count(n: u64) -> String {
    grouped(u128::from(n))
}

/// Energy in kWh without its unit, to 10 Wh: `12.35`.
#[must_use]
pub(crate) fn kwh(energy: WattHours) -> String {
    decimal(i128::from(energy.get()), 3, 2)
}

/// Energy in kWh without its unit, to the Wh: `0.482`.
#[must_use]
pub(crate) fn kwh_exact(energy: WattHours) -> String {
    decimal(i128::from(energy.get()), 3, 3)
}

/// A price in ct/kWh without its unit, to a hundredth: `19.15`.
#[must_use]
pub(crate) fn ct_per_kwh(price: MicroPricePerKwh) -> String {
    decimal(i128::from(price.get()), 4, 2)
}

/// A price in ct/kWh for an input field: plain ASCII, no more decimals than it has.
#[must_use]
pub(crate) fn ct_input(price: MicroPricePerKwh) -> String {
    let sign = if price.get() < 0 { "-" } else { "" };
    let micro = price.get().unsigned_abs();
    let text = format!("{sign}{}.{:04}", micro / 10_000, micro % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Money in whole cents of the currency: `1.23 €`.
#[must_use]
pub(crate) fn euro(amount: NanoAmount) -> String {
    format!("{}\u{a0}€", decimal(i128::from(amount.get()), 9, 2))
}

/// Money with its sign always shown, for differences: `+1.23 €`.
#[must_use]
pub(crate) fn euro_signed(amount: NanoAmount) -> String {
    let plus = if amount.get() > 0 { "+" } else { "" };
    format!("{plus}{}", euro(amount))
}

/// Money in cents to a hundredth of one: `12.34 ct`.
#[must_use]
pub(crate) fn cents(amount: NanoAmount) -> String {
    format!("{}\u{a0}ct", decimal(i128::from(amount.get()), 7, 2))
}

/// Money to the last unit: `1.234567890 €`.
#[must_use]
pub(crate) fn euro_exact(amount: NanoAmount) -> String {
    format!("{}\u{a0}€", decimal(i128::from(amount.get()), 9, 9))
}

/// Power without its sign: `340 W` or `2.1 kW`.
#[must_use]
pub(crate) fn power(watts: Watts) -> String {
    let magnitude = i128::from(watts.get()).abs();
    if magnitude < 1_000 {
        format!("{}\u{a0}W", decimal(magnitude, 0, 0))
    } else {
        format!("{}\u{a0}kW", decimal(magnitude, 3, 1))
    }
}

/// A share of a whole in per cent: `62 %`, or a dash when there is no whole.
#[must_use]
pub(crate) fn percent(part: u64, whole: u64) -> String {
    match (u128::from(part) * 100 + u128::from(whole) / 2).checked_div(u128::from(whole)) {
        Some(share) => format!("{share}\u{a0}%"),
        None => "–".to_owned(),
    }
}

/// An instant of milliseconds UTC.
#[must_use]
pub(crate) fn instant(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// `14:15`.
#[must_use]
pub(crate) fn clock(ms: i64) -> String {
    let at = instant(ms);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// `14:15–14:30`.
#[must_use]
pub(crate) fn span(start: IntervalStart, length: IntervalLength) -> String {
    format!(
        "{}–{}",
        clock(start.millis()),
        clock(start.next(length).millis())
    )
}

/// `Monday, 15 June 2026`.
#[must_use]
pub(crate) fn day(ms: i64) -> String {
    instant(ms).format("%A, %-d %B %Y").to_string()
}

/// `15 Jun 14:15`.
#[must_use]
pub(crate) fn day_clock(ms: i64) -> String {
    instant(ms).format("%-d %b %H:%M").to_string()
}

/// RFC 3339 in UTC with `Z`: `2026-06-15T14:15:00Z`.
#[must_use]
pub(crate) fn rfc3339(ms: i64) -> String {
    instant(ms).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// The RFC 3339 text of an interval's start, as used in addresses.
#[must_use]
pub(crate) fn start(interval: IntervalStart) -> String {
    rfc3339(interval.millis())
}

/// The midnight (UTC, milliseconds) at or before an instant.
#[must_use]
pub(crate) fn midnight(ms: i64) -> i64 {
    ms - ms.rem_euclid(86_400_000)
}

/// How long ago in words: `just now`, `12 min ago`, `3 h ago`, `2 days ago`.
#[must_use]
pub(crate) fn ago(then_ms: i64, now_ms: i64) -> String {
    let seconds = now_ms.saturating_sub(then_ms).max(0) / 1_000;
    match seconds {
        0..=59 => "just now".to_owned(),
        60..=5_399 => format!("{} min ago", (seconds + 30) / 60),
        5_400..=172_799 => format!("{} h ago", (seconds + 1_800) / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// The start and the end of a long hexadecimal text: `0x12ab…89ef`.
#[must_use]
pub(crate) fn short_hex(text: &str) -> String {
    match (
        text.get(..6),
        text.len().checked_sub(4).and_then(|at| text.get(at..)),
    ) {
        (Some(head), Some(tail)) if text.len() > 12 => format!("{head}…{tail}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_once_half_away_from_zero() {
        assert_eq!(euro(NanoAmount::new(1_235_000_000)), "1.24\u{a0}€");
        assert_eq!(euro(NanoAmount::new(-1_235_000_000)), "\u{2212}1.24\u{a0}€");
        assert_eq!(euro(NanoAmount::new(-4_999_999)), "0.00\u{a0}€");
        assert_eq!(cents(NanoAmount::new(123_450_000)), "12.35\u{a0}ct");
        assert_eq!(euro_signed(NanoAmount::new(10_000_000)), "+0.01\u{a0}€");
        assert_eq!(
            euro_exact(NanoAmount::new(-1)),
            "\u{2212}0.000000001\u{a0}€"
        );
    }

    #[test]
    fn units_read_as_written_on_a_bill() {
        assert_eq!(kwh(WattHours::new(12_345)), "12.35");
        assert_eq!(kwh_exact(WattHours::new(482)), "0.482");
        assert_eq!(ct_per_kwh(MicroPricePerKwh::new(191_500)), "19.15");
        assert_eq!(ct_input(MicroPricePerKwh::new(191_500)), "19.15");
        assert_eq!(ct_input(MicroPricePerKwh::new(80_000)), "8");
        assert_eq!(power(Watts::new(-2_140)), "2.1\u{a0}kW");
        assert_eq!(power(Watts::new(-340)), "340\u{a0}W");
        assert_eq!(percent(1, 3), "33\u{a0}%");
        assert_eq!(percent(0, 0), "–");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(rfc3339(1_781_514_000_000), "2026-06-15T09:00:00Z");
        assert_eq!(day(1_781_514_000_000), "Monday, 15 June 2026");
        assert_eq!(midnight(1_781_514_000_000), 1_781_481_600_000);
        assert_eq!(ago(0, 12 * 60_000), "12 min ago");
    }
}
