//! A zone and homes to try things on.

use clearing_house::{
    Fees, HomeInput, IntervalEnergy, Mechanism, PricePreference, Tariff, Wishes, ZoneRules,
};
use energy_core::{
    HomeId, IntervalLength, IntervalStart, MeterId, MicroPricePerKwh, NanoAmount, WattHours, ZoneId,
};

pub(crate) fn price(micro: i64) -> MicroPricePerKwh {
    MicroPricePerKwh::new(micro)
}

pub(crate) fn wh(units: u64) -> WattHours {
    WattHours::new(units)
}

pub(crate) fn rules() -> ZoneRules {
    ZoneRules {
        zone: ZoneId::new("elm-street").expect("a name"),
        interval: IntervalLength::QUARTER_HOUR,
        tariff: Tariff::flat(price(300_000), price(80_000)),
        fees: Fees {
            buyer: price(5_000),
            seller: price(5_000),
        },
        mechanism: Mechanism::default(),
        k_ppm: 500_000,
        cutoff_s: 60,
        credit_limit: NanoAmount::ZERO,
        order_secret: [7; 32],
    }
}

/// The n-th quarter of an hour of 15 June 2026, UTC.
pub(crate) fn quarter(n: i64) -> IntervalStart {
    IntervalLength::QUARTER_HOUR
        .start_at(1_781_481_600 + n * 900)
        .expect("aligned")
}

pub(crate) fn home(n: u32, import: u64, export: u64) -> HomeInput {
    HomeInput {
        home: HomeId::new(n),
        meter: MeterId::derived("meter", &n.to_be_bytes()),
        preference: PricePreference::default(),
        wishes: Wishes::default(),
        energy: Some(IntervalEnergy {
            import: wh(import),
            export: wh(export),
            substituted: false,
        }),
        generated_so_far: None,
        has_generation_meter: false,
        has_battery: false,
        soc_permille: None,
        escrow: NanoAmount::new(100_000_000_000),
        closing: None,
    }
}

/// With prices of its own.
pub(crate) fn priced(home: HomeInput, sell_above: i64, buy_below: i64) -> HomeInput {
    let preference =
        PricePreference::limits(price(sell_above), price(buy_below)).expect("in range");
    HomeInput { preference, ..home }
}
