//! Written times as milliseconds since 1970 UTC: RFC 3339, and the form of P1 telegrams.
//!
//! A time without its distance from UTC (Tasmota's `Time`) is not one: it is refused.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

/// Days before each month of a common year.
const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// The time of a text such as `2026-06-15T12:00:00.250+02:00` or `…Z`, none for anything else.
#[must_use]
pub fn rfc3339_ms(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (clock, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(digits) => digits.split_at_checked(digits.find(|c: char| !c.is_ascii_digit())?)?,
        None => ("0", rest),
    };
    let mut parts = date.splitn(3, '-');
    let day = [
        digits(parts.next()?, 4)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    ];
    let mut parts = clock.splitn(3, ':');
    let time = [
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    ];
    let millis = digits(format!("{fraction:0<3}").get(..3)?, 3)?;
    at(day, time, offset_s(zone)?)?.checked_add(millis)
}

/// The time of a text such as `260615120000S` in a P1 telegram: summer time (`S`, UTC+2) or winter
/// time (`W`, UTC+1) of Central Europe, where such meters are.
#[must_use]
pub fn telegram_ms(text: &str) -> Option<i64> {
    let (written, season) = text.split_at_checked(12)?;
    let offset_s = match season {
        "S" => 7_200,
        "W" => 3_600,
        _ => return None,
    };
    let pair = |i: usize| digits(written.get(i..i.checked_add(2)?)?, 2);
    let year = pair(0)?.checked_add(2_000)?;
    at(
        [year, pair(2)?, pair(4)?],
        [pair(6)?, pair(8)?, pair(10)?],
        offset_s,
    )
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let all = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

/// Seconds east of Greenwich of `Z`, `+02:00`, `-05:30`.
fn offset_s(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours
        .checked_mul(60)?
        .checked_add(minutes)?
        .checked_mul(60)?;
    match sign {
        "+" => Some(seconds),
        "-" => seconds.checked_neg(),
        _ => None,
    }
}

/// Milliseconds since 1970 UTC of a day and a time of day that is `offset_s` ahead of UTC.
fn at(
    [year, month, day]: [i64; 3],
    [hour, minute, second]: [i64; 3],
    offset_s: i64,
) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let before = *DAYS_BEFORE.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let next = usize::try_from(month).ok().and_then(|m| DAYS_BEFORE.get(m));
    let length = next.map_or(Some(31), |next| next.checked_sub(before))?;
    let length = length.checked_add(i64::from(leap && month == 2))?;
    // 60 is a leap second, which POSIX time counts as the one that follows.
    let is_time = hour <= 23 && minute <= 59 && second <= 60;
    if year < 1_970 || !(1..=length).contains(&day) || !is_time {
        return None;
    }
    let past = year.checked_sub(1)?;
    let leaps = |y: i64| -> Option<i64> {
        y.checked_div(4)?
            .checked_sub(y.checked_div(100)?)?
            .checked_add(y.checked_div(400)?)
    };
    let days = year
        .checked_sub(1_970)?
        .checked_mul(365)?
        .checked_add(leaps(past)?)?
        .checked_sub(leaps(1_969)?)?
        .checked_add(before)?
        .checked_add(i64::from(leap && month > 2))?
        .checked_add(day.checked_sub(1)?)?;
    let of_day = hour
        .checked_mul(3_600)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)?;
    days.checked_mul(86_400)?
        .checked_add(of_day)?
        .checked_sub(offset_s)?
        .checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_times_become_milliseconds() {
        // From `date -u -d … +%s`.
        assert_eq!(rfc3339_ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(
            rfc3339_ms("2026-06-15T11:00:00+02:00"),
            Some(1_781_514_000_000)
        );
        assert_eq!(
            rfc3339_ms("2026-06-15T09:00:00.25Z"),
            Some(1_781_514_000_250)
        );
        assert_eq!(
            rfc3339_ms("2026-06-15T03:30:00.1234567-05:30"),
            Some(1_781_514_000_123)
        );
        assert_eq!(rfc3339_ms("2024-02-29T23:59:59Z"), Some(1_709_251_199_000));
        assert_eq!(rfc3339_ms("2100-03-01T00:00:00Z"), Some(4_107_542_400_000));
        assert_eq!(telegram_ms("260615110000S"), Some(1_781_514_000_000));
        assert_eq!(telegram_ms("101209113020W"), Some(1_291_890_620_000));
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            "2026-06-15T11:00:00",
            "2026-06-15",
            "2026-06-31T11:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-06-15T24:00:00Z",
            "2026-06-15T11:00:00+0200",
            "2026-06-15T11:00:00+24:00",
            "2026-06-15T11:00:00.Z1",
            "é026-06-15T11:00:00Z",
        ] {
            assert_eq!(rfc3339_ms(text), None, "{text}");
        }
        for text in [
            "",
            "260615110000",
            "260615110000X",
            "26061511000S",
            "261315110000S",
        ] {
            assert_eq!(telegram_ms(text), None, "{text}");
        }
    }
}
