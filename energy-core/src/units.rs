//! Energy, price, money and power as integers of one fixed unit each.
//!
//! | allowed | gives |
//! |---|---|
//! | `WattHours.value(MicroPricePerKwh)` | `NanoAmount`, exact: Wh × 10⁻⁶/kWh = 10⁻⁹ |
//! | `WattHours` ± `WattHours` (checked) | `WattHours` |
//! | `WattHours.minus(WattHours)` | `NetWattHours` |
//! | `NanoAmount` ± `NanoAmount` (checked) | `NanoAmount` |
//! | `MicroPricePerKwh` ± `MicroPricePerKwh` (checked) | `MicroPricePerKwh` |
//!
//! Everything else, above all energy plus money, does not compile. Overflow is an error, never a
//! wrap. Nothing here is ever rounded.

use serde::{Deserialize, Serialize};

/// A sum or product left the range of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("overflow: a {unit} value left its 64-bit range")]
pub struct Overflow {
    /// The unit whose range was left.
    pub unit: &'static str,
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident($inner:ty), $unit:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[derive(minicbor::Encode, minicbor::Decode)]
        #[serde(transparent)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] $inner);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0);

            /// The quantity of this many units.
            #[must_use]
            pub const fn new(units: $inner) -> Self {
                Self(units)
            }

            /// The number of units.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }

            /// The sum.
            ///
            /// # Errors
            /// [`Overflow`] when it does not fit.
            pub fn plus(self, other: Self) -> Result<Self, Overflow> {
                self.0.checked_add(other.0).map(Self).ok_or(Overflow { unit: $unit })
            }

            /// The sum of all.
            ///
            /// # Errors
            /// [`Overflow`] when it does not fit.
            pub fn sum(all: impl IntoIterator<Item = Self>) -> Result<Self, Overflow> {
                all.into_iter().try_fold(Self(0), Self::plus)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!("{} ", $unit), self.0)
            }
        }
    };
}

quantity!(
    /// Energy in Wh, never negative. On the chain as off it.
    WattHours(u64),
    "Wh"
);
quantity!(
    /// A difference of energies in Wh.
    NetWattHours(i64),
    "Wh"
);
quantity!(
    /// A price in 10⁻⁶ currency per kWh. May be negative.
    MicroPricePerKwh(i64),
    "µ/kWh"
);
quantity!(
    /// Money in 10⁻⁹ currency.
    NanoAmount(i64),
    "n"
);
quantity!(
    /// Power in W, positive when taken from the grid.
    Watts(i32),
    "W"
);

impl WattHours {
    /// What this energy is worth at a price, exactly.
    ///
    /// # Errors
    /// [`Overflow`] when the amount does not fit 64 bits.
    pub fn value(self, price: MicroPricePerKwh) -> Result<NanoAmount, Overflow> {
        i64::try_from(self.value_wide(price))
            .map(NanoAmount)
            .map_err(|_| Overflow { unit: "n" })
    }

    /// The same in 128 bits, which always fits.
    #[must_use]
    pub fn value_wide(self, price: MicroPricePerKwh) -> i128 {
        // |u64| × |i64| < 2^127, so the product cannot leave i128.
        i128::from(self.0).wrapping_mul(i128::from(price.0))
    }

    /// This energy less another.
    ///
    /// # Errors
    /// [`Overflow`] when the other is the larger.
    pub fn less(self, other: Self) -> Result<Self, Overflow> {
        self.0
            .checked_sub(other.0)
            .map(Self)
            .ok_or(Overflow { unit: "Wh" })
    }

    /// The signed difference `self − other`.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn minus(self, other: Self) -> Result<NetWattHours, Overflow> {
        let difference = i128::from(self.0).wrapping_sub(i128::from(other.0));
        i64::try_from(difference)
            .map(NetWattHours)
            .map_err(|_| Overflow { unit: "Wh" })
    }

    /// This energy less another, nothing when the other is the larger.
    #[must_use]
    pub const fn saturating_less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl NanoAmount {
    /// This amount less another.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn less(self, other: Self) -> Result<Self, Overflow> {
        self.0
            .checked_sub(other.0)
            .map(Self)
            .ok_or(Overflow { unit: "n" })
    }

    /// The amount with the other sign.
    ///
    /// # Errors
    /// [`Overflow`] for the one value that has no counterpart.
    pub fn negated(self) -> Result<Self, Overflow> {
        self.0.checked_neg().map(Self).ok_or(Overflow { unit: "n" })
    }
}

impl MicroPricePerKwh {
    /// This price less another.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn less(self, other: Self) -> Result<Self, Overflow> {
        self.0
            .checked_sub(other.0)
            .map(Self)
            .ok_or(Overflow { unit: "µ/kWh" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_exact() {
        let value = WattHours::new(1)
            .value(MicroPricePerKwh::new(-7))
            .expect("small");
        assert_eq!(value.get(), -7);
    }

    #[test]
    fn overflow_is_an_error() {
        assert!(
            WattHours::new(u64::MAX)
                .value(MicroPricePerKwh::new(i64::MAX))
                .is_err()
        );
        assert!(WattHours::new(u64::MAX).plus(WattHours::new(1)).is_err());
        assert!(WattHours::new(1).less(WattHours::new(2)).is_err());
        assert_eq!(
            WattHours::new(u64::MAX).value_wide(MicroPricePerKwh::new(i64::MIN)),
            -(i128::from(u64::MAX) << 63)
        );
    }
}
