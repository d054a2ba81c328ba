//! The prices of an automatic home before an interval is cleared, with the reason.

use energy_core::MicroPricePerKwh;
use serde::{Deserialize, Serialize};

use super::{Band, Mode, PERMILLE, Signals, decimal};

/// The prices of a home for one interval, fees included: a seller receives at least `sell_above`, a
/// buyer pays at most `buy_below`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Sells when it receives at least this.
    pub sell_above: MicroPricePerKwh,
    /// Buys when it pays at most this.
    pub buy_below: MicroPricePerKwh,
    /// Why, in one sentence for the household.
    pub reason: String,
}

/// The limits of an automatic home.
///
/// Where the fees eat the whole band (W ≤ 0) the limits are the tariff itself: the market has nothing
/// to give, and nobody trades.
#[must_use]
pub fn limits(mode: Mode, band: &Band, signals: &Signals) -> Limits {
    let wide = |price: MicroPricePerKwh| i128::from(price.get());
    let floor = wide(band.feed_in).saturating_add(wide(band.seller_fee));
    let width = wide(band.retail)
        .saturating_sub(wide(band.buyer_fee))
        .saturating_sub(floor);
    if width <= 0 {
        let reason = "The fees are as large as the gap between the utility's prices, so trading locally gains nothing.";
        return Limits {
            sell_above: band.feed_in,
            buy_below: band.retail,
            reason: reason.to_owned(),
        };
    }
    let (ask_at, bid_at) = positions(mode, signals);
    let quarter = width.div_euclid(4);
    let along = |position: i128| quarter.saturating_mul(position).div_euclid(PERMILLE);
    let ask = floor.saturating_add(quarter).saturating_add(along(ask_at));
    // Up from the middle, which is at or above the highest ask.
    let bid = floor
        .saturating_add(width.div_euclid(2))
        .saturating_add(along(bid_at));
    let sell_above = narrow(ask.saturating_sub(wide(band.seller_fee)));
    let buy_below = narrow(bid.saturating_add(wide(band.buyer_fee)));
    let reason = reason(mode, signals, sell_above, buy_below);
    Limits {
        sell_above,
        buy_below,
        reason,
    }
}

/// Where in its quarter the ask and the bid stand, 0 to 1000.
fn positions(mode: Mode, signals: &Signals) -> (i128, i128) {
    let scarcity = i128::from(signals.scarcity_permille.min(1_000))
        .saturating_mul(6)
        .div_euclid(10);
    let charge = i128::from(signals.soc_permille.unwrap_or(500).min(1_000));
    let battery = PERMILLE.saturating_sub(charge).div_euclid(10);
    let (ask_mode, bid_mode) = match mode {
        Mode::Cheap => (300, 0),
        Mode::Balanced => (150, 150),
        Mode::Green => (0, 300),
    };
    let common = scarcity.saturating_add(battery);
    (
        common.saturating_add(ask_mode),
        common.saturating_add(bid_mode),
    )
}

fn narrow(price: i128) -> MicroPricePerKwh {
    // Between two 64-bit tariffs a price fits 64 bits; the clamp only spares a panic on absurd fees.
    MicroPricePerKwh::new(i64::try_from(price.clamp(i64::MIN.into(), i64::MAX.into())).unwrap_or(0))
}

fn reason(
    mode: Mode,
    signals: &Signals,
    sell_above: MicroPricePerKwh,
    buy_below: MicroPricePerKwh,
) -> String {
    let street = match signals.scarcity_permille {
        0..=200 => "the street has far more than it needs",
        201..=450 => "the street has more than it needs",
        451..=550 => "surplus and need on the street are about even",
        551..=800 => "the street needs more than it has to spare",
        _ => "the street has hardly anything to spare",
    };
    let battery = match signals.soc_permille {
        Some(charge) => format!(
            " and the battery is {} % full",
            charge.min(1_000).div_euclid(10)
        ),
        None => String::new(),
    };
    format!(
        "Set to {mode}: sells from {} and buys up to {} a kWh, because {street}{battery}.",
        decimal(sell_above),
        decimal(buy_below)
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn band(retail: i64, feed_in: i64, fee: i64) -> Band {
        let price = MicroPricePerKwh::new;
        Band {
            retail: price(retail),
            feed_in: price(feed_in),
            buyer_fee: price(fee),
            seller_fee: price(fee),
        }
    }

    fn at(mode: Mode, scarcity_permille: u16, soc_permille: Option<u16>) -> (i64, i64) {
        let limits = limits(
            mode,
            &band(300_000, 80_000, 5_000),
            &Signals {
                scarcity_permille,
                soc_permille,
            },
        );
        (limits.sell_above.get(), limits.buy_below.get())
    }

    #[test]
    fn mode_scarcity_and_battery_move_the_prices() {
        // Net band 85 000 to 295 000; quarters of 52 500.
        assert_eq!(
            at(Mode::Balanced, 500, None),
            (132_500 + 26_250, 195_000 + 26_250)
        );
        assert_eq!(at(Mode::Green, 0, Some(1_000)), (132_500, 195_000 + 15_750));
        assert_eq!(
            at(Mode::Cheap, 1_000, Some(0)),
            (132_500 + 52_500, 195_000 + 36_750)
        );
        assert!(at(Mode::Balanced, 900, None) > at(Mode::Balanced, 100, None));
        assert!(at(Mode::Balanced, 500, Some(100)) > at(Mode::Balanced, 500, Some(900)));
    }

    #[test]
    fn the_reason_is_one_sentence() {
        let signals = Signals {
            scarcity_permille: 100,
            soc_permille: Some(805),
        };
        let limits = limits(Mode::Green, &band(300_000, 80_000, 5_000), &signals);
        assert_eq!(
            limits.reason,
            "Set to green: sells from 0.136647 and buys up to 0.214897 a kWh, because the street has far more than it needs and the battery is 80 % full."
        );
    }

    #[test]
    fn fees_that_eat_the_band_leave_the_tariff() {
        let limits = limits(
            Mode::Green,
            &band(100, 90, 5),
            &Signals {
                scarcity_permille: 0,
                soc_permille: None,
            },
        );
        assert_eq!((limits.sell_above.get(), limits.buy_below.get()), (90, 100));
    }

    proptest! {
        #[test]
        fn automatic_limits_stay_in_their_quarters(
            feed_in in -50_000_i64..200_000, gap in 0_i64..500_000, fee in 0_i64..20_000,
            scarcity in 0_u16..=1_000, soc in prop::option::of(0_u16..=1_000),
            mode in prop::sample::select(vec![Mode::Cheap, Mode::Balanced, Mode::Green]),
        ) {
            let band = band(feed_in + gap, feed_in, fee);
            let got = limits(mode, &band, &Signals { scarcity_permille: scarcity, soc_permille: soc });
            let width = gap - 2 * fee;
            prop_assume!(width > 0);
            let (ask, bid) = (got.sell_above.get() + fee - feed_in - fee, got.buy_below.get() - fee - feed_in - fee);
            prop_assert!(width / 4 <= ask && ask <= width / 2);
            prop_assert!(width / 2 <= bid && 4 * bid <= 3 * width);
        }
    }
}
