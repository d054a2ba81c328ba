//! Written times as milliseconds since 1970 UTC: RFC 3339, and the form of P1 telegrams.
//!
//! A time without its distance from UTC (Tasmota's `Time`) is not one: it is refused.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

use chrono::{DateTime, FixedOffset, NaiveDateTime};

/// The time of a text such as `2026-06-15T12:00:00.250+02:00` or `…Z`, none for anything else.
#[must_use]
pub fn rfc3339_ms(text: &str) -> Option<i64> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_millis())
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
    let is_whole = written.bytes().all(|b| b.is_ascii_digit());
    // The century is written out, because two digits alone can mean the last one.
    let time = NaiveDateTime::parse_from_str(&format!("20{written}"), "%Y%m%d%H%M%S").ok()?;
    let time = time
        .and_local_timezone(FixedOffset::east_opt(offset_s)?)
        .single()?;
    is_whole.then(|| time.timestamp_millis())
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
