//! How much a home can promise before delivery, in a forward zone.
//!
//! For each interval of a forecast, in order:
//! 1. The battery comes first, as it will anyway: it takes what there is too much and gives what there
//!    is too little, within its room, its content and its power. What it holds is carried on.
//! 2. Of the rest the home promises a share, because whoever falls short pays for the imbalance: 80 %
//!    when set to cheap, 90 % balanced, all of it green.
//!
//! Losses of the battery are left out: they are small beside the error of a forecast. Integers only,
//! every division rounds down, so a promise is never above what is expected.

use energy_core::{IntervalLength, NetWattHours, Side, WattHours};

use super::{Mode, wording::kwh};

const SECONDS_PER_HOUR: u64 = 3_600;

/// A home battery as its gateway knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Usable capacity, Wh.
    pub capacity: WattHours,
    /// State of charge when the first interval begins, 0 to 1000.
    pub soc_permille: u16,
    /// The most it takes or gives, W.
    pub power_w_max: u32,
}

/// What a home can promise for one interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Sells or buys.
    pub side: Side,
    /// How much, Wh. Zero is no order.
    pub quantity: WattHours,
    /// The state of charge expected at the interval's end, 0 to 1000, for
    /// [`Signals`](super::Signals); absent without a battery.
    pub soc_permille: Option<u16>,
    /// Why, in one sentence for the household.
    pub reason: String,
}

/// An offer for each interval of a forecast, in its order.
///
/// `forecast` is what the home is expected to have to spare (+) or to need (−) in each interval before
/// its battery does anything, Wh. Price limits come from [`limits`](super::limits()).
#[must_use]
pub fn offers(
    mode: Mode,
    length: IntervalLength,
    forecast: &[NetWattHours],
    storage: Option<Storage>,
) -> Vec<Offer> {
    let mut battery = storage.map(|storage| Battery::new(&storage, length));
    forecast
        .iter()
        .map(|net| offer(mode, *net, battery.as_mut()))
        .collect()
}

fn offer(mode: Mode, net: NetWattHours, mut battery: Option<&mut Battery>) -> Offer {
    let expected = net.get().unsigned_abs();
    let (side, by_battery) = match &mut battery {
        Some(battery) if net.get() > 0 => (Side::Ask, battery.take(expected)),
        Some(battery) => (Side::Bid, battery.give(expected)),
        None if net.get() > 0 => (Side::Ask, 0),
        None => (Side::Bid, 0),
    };
    let rest = expected.saturating_sub(by_battery);
    let quantity = WattHours::new(share(rest, share_percent(mode)));
    Offer {
        side,
        quantity,
        soc_permille: battery.map(|battery| battery.soc_permille()),
        reason: reason(mode, side, expected, by_battery, quantity),
    }
}

/// What a home promises of what it expects.
const fn share_percent(mode: Mode) -> u64 {
    match mode {
        Mode::Cheap => 80,
        Mode::Balanced => 90,
        Mode::Green => 100,
    }
}

fn share(whole: u64, percent: u64) -> u64 {
    let part = u128::from(whole)
        .saturating_mul(percent.into())
        .div_euclid(100);
    u64::try_from(part).unwrap_or(whole)
}

fn reason(mode: Mode, side: Side, expected: u64, by_battery: u64, quantity: WattHours) -> String {
    let (verb, what, way) = match side {
        Side::Bid => ("buy", "a need", "from"),
        Side::Ask => ("sell", "a surplus", "into"),
    };
    if expected == 0 {
        return "Offers nothing, because neither need nor surplus is expected.".to_owned();
    }
    let battery = if by_battery > 0 {
        format!(
            ", {} of it {way} the battery,",
            kwh(WattHours::new(by_battery))
        )
    } else {
        String::new()
    };
    format!(
        "Offers to {verb} {}, because {what} of {} is expected{battery} and {mode} promises {} % of {}.",
        kwh(quantity),
        kwh(WattHours::new(expected)),
        share_percent(mode),
        if by_battery > 0 { "the rest" } else { "it" },
    )
}

/// A battery on its way through the forecast, Wh.
struct Battery {
    capacity: u64,
    stored: u64,
    /// The most that one interval moves.
    step_max: u64,
}

impl Battery {
    fn new(storage: &Storage, length: IntervalLength) -> Self {
        let capacity = storage.capacity.get();
        let charge = u128::from(storage.soc_permille.min(1_000));
        let stored = u128::from(capacity)
            .saturating_mul(charge)
            .div_euclid(1_000);
        Self {
            capacity,
            stored: u64::try_from(stored).unwrap_or(capacity),
            step_max: u64::from(storage.power_w_max)
                .saturating_mul(length.seconds().into())
                .div_euclid(SECONDS_PER_HOUR),
        }
    }

    /// What it takes of a surplus.
    fn take(&mut self, surplus: u64) -> u64 {
        let room = self.capacity.saturating_sub(self.stored);
        let taken = surplus.min(room).min(self.step_max);
        self.stored = self.stored.saturating_add(taken);
        taken
    }

    /// What it gives to a need.
    fn give(&mut self, need: u64) -> u64 {
        let given = need.min(self.stored).min(self.step_max);
        self.stored = self.stored.saturating_sub(given);
        given
    }

    fn soc_permille(&self) -> u16 {
        let share = u128::from(self.stored)
            .saturating_mul(1_000)
            .checked_div(self.capacity.into());
        share
            .and_then(|share| u16::try_from(share).ok())
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STORAGE: Storage = Storage {
        capacity: WattHours::new(2_000),
        soc_permille: 750,
        power_w_max: 1_600,
    };

    fn walk(mode: Mode, forecast: &[i64], storage: Option<Storage>) -> Vec<Offer> {
        let forecast: Vec<_> = forecast.iter().copied().map(NetWattHours::new).collect();
        offers(mode, IntervalLength::QUARTER_HOUR, &forecast, storage)
    }

    #[test]
    fn the_battery_fills_before_anything_is_sold_and_empties_before_anything_is_bought() {
        // Room for 500 Wh, 400 Wh an interval at most.
        let got: Vec<_> = walk(Mode::Balanced, &[600, 600, -700], Some(STORAGE))
            .into_iter()
            .map(|o| (o.side, o.quantity.get(), o.soc_permille))
            .collect();
        assert_eq!(
            got,
            [
                (Side::Ask, 180, Some(950)),
                (Side::Ask, 450, Some(1_000)),
                (Side::Bid, 270, Some(800)),
            ]
        );
    }

    #[test]
    fn without_a_battery_the_mode_alone_decides() {
        let quantity = |mode| walk(mode, &[-333], None)[0].quantity.get();
        assert_eq!(
            [Mode::Cheap, Mode::Balanced, Mode::Green].map(quantity),
            [266, 299, 333]
        );
    }

    #[test]
    fn the_reason_is_one_sentence() {
        let sell = &walk(Mode::Balanced, &[600], Some(STORAGE))[0];
        assert_eq!(
            sell.reason,
            "Offers to sell 0.18 kWh, because a surplus of 0.6 kWh is expected, 0.4 kWh of it into the battery, and balanced promises 90 % of the rest."
        );
        let buy = &walk(Mode::Green, &[-250], None)[0];
        assert_eq!(
            buy.reason,
            "Offers to buy 0.25 kWh, because a need of 0.25 kWh is expected and green promises 100 % of it."
        );
        let none = &walk(Mode::Green, &[0], None)[0];
        assert_eq!(
            none.reason,
            "Offers nothing, because neither need nor surplus is expected."
        );
        assert_eq!(none.quantity, WattHours::ZERO);
    }

    proptest! {
        #[test]
        fn a_promise_is_never_above_what_is_expected_and_the_battery_keeps_within_itself(
            forecast in prop::collection::vec(-5_000_i64..5_000, 0..40),
            capacity in 0_u64..20_000, soc_permille in 0_u16..=1_000, power_w_max in 0_u32..10_000,
        ) {
            let storage = Storage { capacity: WattHours::new(capacity), soc_permille, power_w_max };
            let green = walk(Mode::Green, &forecast, Some(storage));
            let cheap = walk(Mode::Cheap, &forecast, Some(storage));
            prop_assert_eq!(green.len(), forecast.len());
            let mut stored = i128::from(capacity) * i128::from(soc_permille) / 1_000;
            for ((net, all), part) in forecast.iter().zip(&green).zip(&cheap) {
                prop_assert!(all.quantity.get() <= net.unsigned_abs());
                prop_assert_eq!(part.quantity.get(), all.quantity.get() * 80 / 100);
                prop_assert!(*net == 0 || (all.side == Side::Ask) == (*net > 0));
                // Green promises all that the battery leaves, so the rest is in the battery.
                let moved = net.unsigned_abs() - all.quantity.get();
                prop_assert!(moved <= u64::from(power_w_max) / 4);
                stored += i128::from(moved) * i128::from(net.signum());
                prop_assert!((0..=i128::from(capacity)).contains(&stored));
            }
        }

        #[test]
        fn any_numbers_give_an_answer(net: i64, capacity: u64, soc_permille: u16, power_w_max: u32) {
            let storage = Storage { capacity: WattHours::new(capacity), soc_permille, power_w_max };
            for mode in Mode::ALL {
                let got = walk(mode, &[net, net], Some(storage));
                prop_assert!(got.iter().all(|o| o.quantity.get() <= net.unsigned_abs()));
                prop_assert!(got.iter().all(|o| o.soc_permille <= Some(1_000)));
            }
        }
    }
}
