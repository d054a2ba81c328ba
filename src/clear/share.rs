//! The share parameter k as people write it: a decimal from 0 to 1, kept in parts per million.

use market_engine::K_PPM_MAX;

use super::fault::{Fault, quoted};

const PLACES: usize = 6;

/// Reads `0.5` as 500 000 parts per million, exactly.
///
/// # Errors
/// [`Fault::Share`] for anything but digits with at most one point and six places, from 0 to 1.
pub fn parse_share(text: &str) -> Result<u32, Fault> {
    let refused = || Fault::Share { got: quoted(text) };
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let is_decimal = |digits: &str| {
        (1..=PLACES).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    };
    if !is_decimal(whole) || !is_decimal(places) {
        return Err(refused());
    }
    let number = |digits: &str| digits.parse::<u32>().map_err(|_| refused());
    // At most six digits each, so that neither number nor product leaves 64 bits.
    let ppm = u64::from(number(whole)?) * u64::from(K_PPM_MAX)
        + u64::from(number(&format!("{places:0<PLACES$}"))?);
    u32::try_from(ppm)
        .ok()
        .filter(|ppm| *ppm <= K_PPM_MAX)
        .ok_or_else(refused)
}

/// Writes 500 000 parts per million as `0.5`.
#[must_use]
pub fn share_text(ppm: u32) -> String {
    let text = format!("{}.{:06}", ppm / K_PPM_MAX, ppm % K_PPM_MAX);
    let text = text.trim_end_matches('0');
    text.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_exactly() {
        for (text, ppm) in [
            ("0", 0),
            ("1", 1_000_000),
            ("1.000000", 1_000_000),
            ("0.5", 500_000),
            ("0.500000", 500_000),
            ("0.000001", 1),
            ("0.3", 300_000),
            ("00.25", 250_000),
        ] {
            assert_eq!(parse_share(text), Ok(ppm), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            ".",
            ".5",
            "0.",
            "-0",
            "+1",
            "1e-1",
            "0.0000001",
            "1.000001",
            "2",
            "NaN",
            "0,5",
            " 0.5",
            "0.5 ",
            "½",
            "0.٥",
            "9999999",
        ] {
            assert_eq!(
                parse_share(text).map_err(|fault| fault.code()),
                Err("bad-k"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_share_is_written_as_it_would_be_read() {
        for ppm in [0, 1, 10, 250_000, 500_000, 999_999, 1_000_000] {
            assert_eq!(parse_share(&share_text(ppm)), Ok(ppm));
        }
        assert_eq!(share_text(500_000), "0.5");
        assert_eq!(share_text(0), "0");
    }
}
