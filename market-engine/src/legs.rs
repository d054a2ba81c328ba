//! The money legs of a clearing: what each order's owner receives, all-in, and what the zone's operator
//! gets. They sum to zero exactly.
//!
//! A buyer pays the price and the buyer's fee, a seller receives the price less the seller's fee. A
//! household's limit is all-in, so the fee is taken off a bid and put on an ask before they enter the
//! book ([`Fees::in_book`]): then a price that respects the book's limits respects the household's too,
//! and no fee pushes anybody past a limit.
//!
//! Wh × µ/kWh = 10⁻⁹ currency, so nothing is rounded. Source: ARCHITECTURE.md, "limits are all-in".

use energy_core::{MicroPricePerKwh, NanoAmount, Overflow, Side, WattHours};
use serde::{Deserialize, Serialize};

/// What the grid operator gets for a kWh traded locally.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// From the buyer, on top of the price, µ/kWh.
    pub buyer: MicroPricePerKwh,
    /// From the seller, off the price, µ/kWh.
    pub seller: MicroPricePerKwh,
}

impl Fees {
    /// The price at which an all-in limit enters the book.
    ///
    /// # Errors
    /// [`Overflow`] when limit and fee together leave 64 bits.
    pub fn in_book(
        self,
        side: Side,
        limit: MicroPricePerKwh,
    ) -> Result<MicroPricePerKwh, Overflow> {
        match side {
            Side::Bid => limit.less(self.buyer),
            Side::Ask => limit.plus(self.seller),
        }
    }

    /// What the owner of an order receives for its fill at a price, all-in: a buyer's is negative unless
    /// the price is.
    ///
    /// # Errors
    /// [`Overflow`] when it leaves 64 bits.
    pub fn leg(
        self,
        side: Side,
        fill: WattHours,
        price: MicroPricePerKwh,
    ) -> Result<NanoAmount, Overflow> {
        Rates::at(price, self)
            .and_then(|rates| rates.amount(side, fill.get()))
            .ok_or(Overflow { unit: "n" })
    }

    /// What the operator receives for a traded quantity, in 10⁻⁹ currency: Σ legs + this = 0.
    #[must_use]
    pub fn operator(self, traded: WattHours) -> i128 {
        // Always exact where the legs fit: then the quantity is below 2^63, and each product 2^126.
        traded
            .value_wide(self.buyer)
            .saturating_add(traded.value_wide(self.seller))
    }
}

/// What a Wh brings its owner, by side, in 10⁻⁹ currency.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rates {
    /// At 0 what an ask brings, at 1 what a bid brings.
    pub(crate) by_side: [i64; 2],
}

impl Rates {
    /// None when price and fee together leave 64 bits.
    pub(crate) fn at(price: MicroPricePerKwh, fees: Fees) -> Option<Self> {
        let ask = price.get().checked_sub(fees.seller.get())?;
        let bid = price.get().checked_add(fees.buyer.get())?.checked_neg()?;
        Some(Self {
            by_side: [ask, bid],
        })
    }

    fn amount(self, side: Side, fill: u64) -> Option<NanoAmount> {
        let rate = self.by_side[usize::from(side == Side::Bid)];
        let amount = i64::try_from(fill).ok()?.checked_mul(rate)?;
        Some(NanoAmount::new(amount))
    }

    /// The amount of a fill; right once [`Rates::fit`] has shown that it fits. Side 1 is a bid, 0 an ask.
    #[inline]
    pub(crate) fn of(self, side: usize, fill: u64) -> NanoAmount {
        NanoAmount::new((fill as i64).wrapping_mul(self.by_side[side]))
    }

    /// Whether no fill up to this one makes an amount that leaves 64 bits.
    pub(crate) fn fit(self, largest: u64) -> bool {
        [Side::Bid, Side::Ask]
            .iter()
            .all(|side| largest == 0 || self.amount(*side, largest).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(micro: i64) -> MicroPricePerKwh {
        MicroPricePerKwh::new(micro)
    }

    #[test]
    fn at_its_limit_a_household_pays_its_limit_and_not_more() {
        let fees = Fees {
            buyer: price(5_000),
            seller: price(3_000),
        };
        let bid = fees.in_book(Side::Bid, price(250_000)).expect("fits");
        let ask = fees.in_book(Side::Ask, price(80_000)).expect("fits");
        assert_eq!((bid, ask), (price(245_000), price(83_000)));
        let wh = WattHours::new(2_000);
        assert_eq!(
            fees.leg(Side::Bid, wh, bid).expect("fits").get(),
            -500_000_000
        );
        assert_eq!(
            fees.leg(Side::Ask, wh, ask).expect("fits").get(),
            160_000_000
        );
    }

    #[test]
    fn legs_and_the_operators_part_sum_to_zero_at_a_negative_price_too() {
        let fees = Fees {
            buyer: price(7),
            seller: price(11),
        };
        let wh = WattHours::new(1_003);
        let legs = [Side::Bid, Side::Ask]
            .map(|side| i128::from(fees.leg(side, wh, price(-40_001)).expect("fits").get()));
        assert_eq!(legs[0] + legs[1] + fees.operator(wh), 0);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let fees = Fees::default();
        assert!(
            fees.leg(Side::Ask, WattHours::new(u64::MAX), price(1))
                .is_err()
        );
        assert!(
            fees.leg(Side::Ask, WattHours::new(1 << 62), price(2))
                .is_err()
        );
        assert!(
            fees.leg(Side::Bid, WattHours::new(1), price(i64::MIN))
                .is_err()
        );
    }
}
