//! Exact numbers between a register and an integer.
//!
//! A register or a number token is `mantissa × 2^two × 10^ten`, which holds every integer, every f32
//! and every decimal without loss. It is scaled by a rational and rounded once, to the nearest unit,
//! ties to even (DESIGN §4). No float arithmetic anywhere.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

/// A positive rational scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    numerator: u32,
    denominator: u32,
}

/// A number left the range in which it can be exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Too large for a signed 64-bit unit.
    #[error("expected a value within 64 bits after scaling, got a larger one")]
    Range,
    /// Infinity.
    #[error("expected a finite number, got infinity")]
    Infinite,
    /// A text that is not a JSON number of at most 30 digits.
    #[error("expected a decimal number of at most 30 digits")]
    Decimal,
}

impl Ratio {
    /// One.
    pub const ONE: Self = Self {
        numerator: 1,
        denominator: 1,
    };

    /// `numerator / denominator`; none unless both are positive and at most 10⁹.
    #[must_use]
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        let fits = |n| (1..=1_000_000_000).contains(&n);
        (fits(numerator) && fits(denominator)).then_some(Self {
            numerator,
            denominator,
        })
    }

    /// The ratio of a text such as `1/100` or `10`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        Self::new(
            numerator.trim().parse().ok()?,
            denominator.trim().parse().ok()?,
        )
    }

    /// The product, none when it leaves the range of a ratio.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        Self::new(
            self.numerator.checked_mul(other.numerator)?,
            self.denominator.checked_mul(other.denominator)?,
        )
    }
}

/// `mantissa × 2^two × 10^ten`, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    mantissa: i128,
    two: i32,
    ten: i32,
}

impl Exact {
    /// An integer.
    #[must_use]
    pub const fn int(value: i128) -> Self {
        Self {
            mantissa: value,
            two: 0,
            ten: 0,
        }
    }

    /// An IEEE 754 single by its bits; none for NaN.
    ///
    /// # Errors
    /// [`NumberError::Infinite`].
    pub fn f32_bits(bits: u32) -> Result<Option<Self>, NumberError> {
        let exponent = (bits >> 23) & 0xff;
        let fraction = bits & 0x007f_ffff;
        let (mantissa, exponent) = match (exponent, fraction) {
            (0xff, 0) => return Err(NumberError::Infinite),
            (0xff, _) => return Ok(None),
            (0, fraction) => (fraction, 1),
            (exponent, fraction) => (fraction | 0x0080_0000, exponent),
        };
        let sign = if bits >> 31 == 1 { -1 } else { 1 };
        let two = i32::try_from(exponent).unwrap_or(0).saturating_sub(150);
        Ok(Some(Self {
            mantissa: i128::from(mantissa).saturating_mul(sign),
            two,
            ten: 0,
        }))
    }

    /// A JSON number token.
    ///
    /// # Errors
    /// [`NumberError::Decimal`] for anything else, or more than 30 digits.
    pub fn decimal(token: &str) -> Result<Self, NumberError> {
        let (number, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
        let exponent: i32 = exponent.parse().map_err(|_| NumberError::Decimal)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = whole.trim_start_matches('-');
        let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let length = digits.len().saturating_add(fraction.len());
        if digits.is_empty()
            || !all_digits(digits)
            || !all_digits(fraction)
            || length > 30
            || exponent.unsigned_abs() > 30
        {
            return Err(NumberError::Decimal);
        }
        let mantissa: i128 = format!("{whole}{fraction}")
            .parse()
            .map_err(|_| NumberError::Decimal)?;
        let places = i32::try_from(fraction.len()).map_err(|_| NumberError::Decimal)?;
        Ok(Self {
            mantissa,
            two: 0,
            ten: exponent.saturating_sub(places),
        })
    }

    /// This number times 10 to the power of `ten`.
    #[must_use]
    pub const fn shifted(self, ten: i32) -> Self {
        Self {
            ten: self.ten.saturating_add(ten),
            ..self
        }
    }

    /// This number with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self {
            mantissa: self.mantissa.saturating_neg(),
            ..self
        }
    }

    /// This number without its sign.
    #[must_use]
    pub const fn absolute(self) -> Self {
        Self {
            mantissa: self.mantissa.saturating_abs(),
            ..self
        }
    }

    /// The sum, exactly.
    ///
    /// # Errors
    /// [`NumberError::Range`] when the two are too far apart to be held in one number.
    pub fn plus(self, other: Self) -> Result<Self, NumberError> {
        match (self.mantissa, other.mantissa) {
            (0, _) => return Ok(other),
            (_, 0) => return Ok(self),
            _ => {}
        }
        let two = self.two.min(other.two);
        let ten = self.ten.min(other.ten);
        let widened = |number: Self| {
            let by_two = 2_i128.checked_pow(number.two.abs_diff(two))?;
            let by_ten = 10_i128.checked_pow(number.ten.abs_diff(ten))?;
            number.mantissa.checked_mul(by_two)?.checked_mul(by_ten)
        };
        let mantissa = widened(self)
            .zip(widened(other))
            .and_then(|(a, b)| a.checked_add(b))
            .ok_or(NumberError::Range)?;
        Ok(Self { mantissa, two, ten })
    }

    /// Whether it is exactly this integer.
    #[must_use]
    pub fn is(self, value: i64) -> bool {
        let rest = Self::int(value.into()).negated();
        self.plus(rest).is_ok_and(|sum| sum.mantissa == 0)
    }

    /// The nearest integer after scaling, ties to even.
    ///
    /// # Errors
    /// [`NumberError::Range`] when it does not fit 64 bits.
    pub fn rounded(self, scale: Ratio) -> Result<i64, NumberError> {
        let Some((n, d)) = self.fraction(scale)? else {
            return Ok(0);
        };
        let quotient = n.checked_div_euclid(d).ok_or(NumberError::Range)?;
        let rest = n.checked_rem_euclid(d).ok_or(NumberError::Range)?;
        let to_next = d.saturating_sub(rest);
        let odd = quotient & 1 == 1;
        let up = rest > to_next || (rest == to_next && odd);
        i64::try_from(quotient.saturating_add(i128::from(up))).map_err(|_| NumberError::Range)
    }

    /// The step from this number to the next one that its register or token can show, after scaling,
    /// rounded up to a whole unit.
    ///
    /// # Errors
    /// [`NumberError::Range`] when it does not fit 64 bits.
    pub fn step(self, scale: Ratio) -> Result<u64, NumberError> {
        let Some((n, d)) = (Self {
            mantissa: 1,
            ..self
        })
        .fraction(scale)?
        else {
            return Ok(1);
        };
        let below = n
            .saturating_sub(1)
            .checked_div_euclid(d)
            .ok_or(NumberError::Range)?;
        u64::try_from(below.saturating_add(1)).map_err(|_| NumberError::Range)
    }

    /// Numerator and positive denominator after scaling; none when the value is too small to matter.
    fn fraction(self, scale: Ratio) -> Result<Option<(i128, i128)>, NumberError> {
        let mut n = self
            .mantissa
            .checked_mul(i128::from(scale.numerator))
            .ok_or(NumberError::Range)?;
        let mut d = i128::from(scale.denominator);
        if n == 0 {
            return Ok(None);
        }
        // The mantissa of an f32 times a ratio is below 2^54: less than half a unit from 2^-56 on.
        if self.two < -80 {
            return Ok(None);
        }
        let two = self.two.unsigned_abs();
        let power = if two < 127 {
            1_i128.checked_shl(two)
        } else {
            None
        }
        .ok_or(NumberError::Range)?;
        let ten = 10_i128.checked_pow(self.ten.unsigned_abs());
        if self.two >= 0 {
            n = n.checked_mul(power).ok_or(NumberError::Range)?;
        } else {
            d = d.checked_mul(power).ok_or(NumberError::Range)?;
        }
        if self.ten >= 0 {
            n = ten
                .and_then(|ten| n.checked_mul(ten))
                .ok_or(NumberError::Range)?;
        } else {
            d = ten
                .and_then(|ten| d.checked_mul(ten))
                .ok_or(NumberError::Range)?;
        }
        Ok(Some((n, d)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KILO: Ratio = Ratio {
        numerator: 1_000,
        denominator: 1,
    };

    fn single(value: f32) -> Exact {
        Exact::f32_bits(value.to_bits())
            .expect("finite")
            .expect("a number")
    }

    #[test]
    fn a_single_is_widened_exactly_and_ties_go_to_even() {
        assert_eq!(single(1_234.5).rounded(KILO), Ok(1_234_500));
        assert_eq!(single(0.5).rounded(Ratio::ONE), Ok(0));
        assert_eq!(single(1.5).rounded(Ratio::ONE), Ok(2));
        assert_eq!(single(2.5).rounded(Ratio::ONE), Ok(2));
        assert_eq!(single(-2.5).rounded(Ratio::ONE), Ok(-2));
        assert_eq!(single(-3.5).rounded(Ratio::ONE), Ok(-4));
        // 0.1 is not 0.1 in binary: 100.00000149… Wh.
        assert_eq!(single(0.1).rounded(KILO), Ok(100));
        assert_eq!(single(f32::MIN_POSITIVE).rounded(KILO), Ok(0));
        assert_eq!(single(f32::MAX).rounded(KILO), Err(NumberError::Range));
        assert_eq!(Exact::f32_bits(f32::NAN.to_bits()), Ok(None));
        assert_eq!(
            Exact::f32_bits(f32::INFINITY.to_bits()),
            Err(NumberError::Infinite)
        );
    }

    #[test]
    fn the_step_of_a_single_grows_with_its_value() {
        // Kilowatt-hours in 24 bits: 1 Wh up to 16 MWh and 2 Wh from there (fact sheet, SDM120).
        assert_eq!(single(100.0).step(KILO), Ok(1));
        assert_eq!(single(16_383.0).step(KILO), Ok(1));
        assert_eq!(single(16_385.0).step(KILO), Ok(2));
        assert_eq!(single(100_000.0).step(KILO), Ok(8));
        assert_eq!(Exact::int(7).shifted(2).step(Ratio::ONE), Ok(100));
    }

    #[test]
    fn a_decimal_keeps_every_digit() {
        let check = |token: &str, expected| {
            assert_eq!(
                Exact::decimal(token).and_then(|n| n.rounded(KILO)),
                expected,
                "{token}"
            );
        };
        check("12.3456", Ok(12_346));
        check("-0.0005", Ok(0));
        check("-0.0015", Ok(-2));
        check("1.5e3", Ok(1_500_000));
        check("9223372036854775", Ok(9_223_372_036_854_775_000));
        check("9223372036854776", Err(NumberError::Range));
        check("1.", Ok(1_000));
        check("", Err(NumberError::Decimal));
        check("true", Err(NumberError::Decimal));
        check("--1", Err(NumberError::Decimal));
        check("\"1\"", Err(NumberError::Decimal));
    }

    #[test]
    fn a_ratio_is_positive_and_bounded() {
        assert_eq!(Ratio::parse("1/100"), Ratio::new(1, 100));
        assert_eq!(Ratio::parse("10"), Ratio::new(10, 1));
        assert_eq!(Ratio::parse("0"), None);
        assert_eq!(Ratio::parse("1/0"), None);
        assert_eq!(Ratio::parse("-1"), None);
    }

    #[test]
    fn sums_are_exact_and_rounded_once() {
        let sum = |a: &str, b: &str| {
            let (a, b) = (Exact::decimal(a), Exact::decimal(b));
            a.and_then(|a| a.plus(b.expect("a number")))
        };
        // Each part alone would round to 0.
        let both = sum("0.0004", "0.0004").expect("near each other");
        assert_eq!(both.rounded(KILO), Ok(1));
        assert_eq!(sum("1e30", "1e-30"), Err(NumberError::Range));
        let of_singles = single(0.5).plus(single(1e6)).expect("near each other");
        assert_eq!(of_singles.rounded(KILO), Ok(1_000_000_500));
        assert_eq!(single(0.0).plus(single(7.0)), Ok(single(7.0)));
    }

    #[test]
    fn a_number_is_an_integer_or_it_is_not() {
        let is = |token: &str, value| Exact::decimal(token).expect("a number").is(value);
        assert!(is("-8388608", -8_388_608) && is("7.0", 7) && is("70e-1", 7) && is("0.00", 0));
        assert!(!is("7.01", 7) && !is("7", -7) && !is("1e30", 1));
    }

    proptest! {
        #[test]
        fn a_sum_of_integers_is_the_integer_sum(a in -(1_i64 << 61)..1_i64 << 61, b in -(1_i64 << 61)..1_i64 << 61) {
            let sum = Exact::int(a.into()).plus(Exact::int(b.into())).expect("integers");
            prop_assert_eq!(sum.rounded(Ratio::ONE), Ok(a + b));
        }

        #[test]
        fn integers_come_out_as_they_went_in(value: i64) {
            prop_assert_eq!(Exact::int(value.into()).rounded(Ratio::ONE), Ok(value));
        }

        #[test]
        fn a_single_agrees_with_the_same_value_in_double_precision(whole in 0_u32..16_000_000, kilo: bool) {
            // Every integer below 2^24 is a single; a double holds it times 1000 exactly.
            #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
            let bits = (whole as f32).to_bits();
            let scale = if kilo { KILO } else { Ratio::ONE };
            let expected = i64::from(whole).saturating_mul(if kilo { 1_000 } else { 1 });
            prop_assert_eq!(Exact::f32_bits(bits).expect("finite").expect("number").rounded(scale), Ok(expected));
        }
    }
}
