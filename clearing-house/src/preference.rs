//! A household's standing price preference: two prices of its own, or one word.

use energy_core::MicroPricePerKwh;
use market_engine::agent::{self, Band, Limits, Mode, Signals};
use serde::{Deserialize, Serialize};

use crate::rules::PRICE_MICRO_MAX;

/// A text or number is not a price that a household can set. The messages are for the household.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreferenceError {
    /// Not a number.
    #[error("expected a price per kWh such as 0.12 for “{field}”, got `{got}`")]
    NotAPrice {
        /// Which of the two.
        field: &'static str,
        /// What came.
        got: String,
    },
    /// Below zero.
    #[error("expected a price of 0 or more for “{field}”, got {}", decimal(*.got))]
    Negative {
        /// Which of the two.
        field: &'static str,
        /// What came, µ/kWh.
        got: i64,
    },
    /// Beyond all reason.
    #[error("expected a price of at most 1000 per kWh for “{field}”, got {}", decimal(*.got))]
    TooHigh {
        /// Which of the two.
        field: &'static str,
        /// What came, µ/kWh.
        got: i64,
    },
}

/// “Sell above / buy below”, or one word for the automatic agent. Prices are all-in: fees included.
///
/// In JSON `{"auto":"balanced"}` or `{"limits":{"sell_above":120000,"buy_below":250000}}`, prices in
/// µ/kWh; numbers out of range are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "Wire")]
pub enum PricePreference {
    /// The agent sets both prices for every interval.
    Auto(Mode),
    /// The household's own prices. Make it with [`PricePreference::limits`], which checks them.
    #[non_exhaustive]
    Limits {
        /// Sells when it receives at least this, µ/kWh, 0 to 10⁹.
        sell_above: MicroPricePerKwh,
        /// Buys when it pays at most this, µ/kWh, 0 to 10⁹.
        buy_below: MicroPricePerKwh,
    },
}

impl Default for PricePreference {
    fn default() -> Self {
        Self::Auto(Mode::default())
    }
}

impl PricePreference {
    /// The household's own two prices.
    ///
    /// # Errors
    /// [`PreferenceError`] when one is below zero or above 1 000 a kWh.
    pub fn limits(
        sell_above: MicroPricePerKwh,
        buy_below: MicroPricePerKwh,
    ) -> Result<Self, PreferenceError> {
        in_range("sell above", sell_above)?;
        in_range("buy below", buy_below)?;
        Ok(Self::Limits {
            sell_above,
            buy_below,
        })
    }

    /// The same from two texts in whole currency per kWh, as a form sends them.
    ///
    /// # Errors
    /// [`PreferenceError`].
    pub fn parse_limits(sell_above: &str, buy_below: &str) -> Result<Self, PreferenceError> {
        Self::limits(
            parse_price("sell above", sell_above)?,
            parse_price("buy below", buy_below)?,
        )
    }

    /// The prices for one interval, with the reason in one sentence.
    #[must_use]
    pub fn for_interval(&self, band: &Band, signals: &Signals) -> Limits {
        match *self {
            Self::Auto(mode) => agent::limits(mode, band, signals),
            Self::Limits {
                sell_above,
                buy_below,
            } => Limits {
                sell_above,
                buy_below,
                reason: format!(
                    "Your own prices: sells from {} and buys up to {} a kWh.",
                    decimal(sell_above.get()),
                    decimal(buy_below.get())
                ),
            },
        }
    }
}

/// A price from a text in whole currency per kWh, such as `0.12` or `0,12`: at most six decimals.
///
/// # Errors
/// [`PreferenceError::NotAPrice`] for anything else; a sign is read, so that the range check can name it.
pub fn parse_price(field: &'static str, text: &str) -> Result<MicroPricePerKwh, PreferenceError> {
    let not_a_price = || PreferenceError::NotAPrice {
        field,
        got: text.to_owned(),
    };
    let trimmed = text.trim();
    let (digits, is_negative) = match trimmed.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (trimmed, false),
    };
    let (whole, decimals) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let all_digits = whole
        .bytes()
        .chain(decimals.bytes())
        .all(|b| b.is_ascii_digit());
    if !all_digits
        || (whole.is_empty() && decimals.is_empty())
        || decimals.len() > 6
        || whole.len() > 12
    {
        return Err(not_a_price());
    }
    // At most 18 digits, which fit 64 bits.
    let micro: i64 = format!("{whole}{decimals:0<6}")
        .parse()
        .map_err(|_| not_a_price())?;
    Ok(MicroPricePerKwh::new(if is_negative {
        micro.saturating_neg()
    } else {
        micro
    }))
}

/// A price in µ/kWh as a decimal of whole currency, at least two places, exact.
#[must_use]
pub fn decimal(micro: i64) -> String {
    agent::decimal(MicroPricePerKwh::new(micro))
}

fn in_range(field: &'static str, price: MicroPricePerKwh) -> Result<(), PreferenceError> {
    match price.get() {
        got @ ..0 => Err(PreferenceError::Negative { field, got }),
        got if got > PRICE_MICRO_MAX => Err(PreferenceError::TooHigh { field, got }),
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire {
    Auto(Mode),
    Limits {
        sell_above: MicroPricePerKwh,
        buy_below: MicroPricePerKwh,
    },
}

impl TryFrom<Wire> for PricePreference {
    type Error = PreferenceError;

    fn try_from(wire: Wire) -> Result<Self, PreferenceError> {
        match wire {
            Wire::Auto(mode) => Ok(Self::Auto(mode)),
            Wire::Limits {
                sell_above,
                buy_below,
            } => Self::limits(sell_above, buy_below),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sell: &str, buy: &str) -> String {
        PricePreference::parse_limits(sell, buy)
            .expect_err("not a preference")
            .to_string()
    }

    #[test]
    fn messages_say_what_was_expected_and_what_came() {
        assert_eq!(
            refused("-0.05", "0.2"),
            "expected a price of 0 or more for “sell above”, got -0.05"
        );
        assert_eq!(
            refused("0.1", "cheap"),
            "expected a price per kWh such as 0.12 for “buy below”, got `cheap`"
        );
        assert_eq!(
            refused("", "0.2"),
            "expected a price per kWh such as 0.12 for “sell above”, got ``"
        );
        assert_eq!(
            refused("0.1", "1000.01"),
            "expected a price of at most 1000 per kWh for “buy below”, got 1000.01"
        );
        assert!(refused("0.1", "0.1234567").contains("such as"));
        assert!(refused("0.1", "1e3").contains("1e3"));
        assert!(refused("NaN", "1").contains("NaN"));
    }

    #[test]
    fn a_price_is_read_exactly() {
        let want = PricePreference::limits(
            MicroPricePerKwh::new(123_456),
            MicroPricePerKwh::new(7_000_000),
        );
        assert_eq!(PricePreference::parse_limits(" 0,123456", "7"), want);
        assert_eq!(parse_price("x", ".5"), Ok(MicroPricePerKwh::new(500_000)));
        assert_eq!(decimal(-1_234_500), "-1.2345");
        assert_eq!(decimal(80_000), "0.08");
    }
}
