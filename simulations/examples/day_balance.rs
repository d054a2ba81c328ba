//! Prints what a seeded street generates, uses, offers and needs, hour by hour.
//!
//! `cargo run -p simulations --no-default-features --example day_balance -- [SEED] [HOMES] [DAY]`,
//! with DAY counted from 2026-01-01. Averages over seven days.

use simulations::homes::{HomeState, Street};

const HOUR_MS: i64 = 3_600_000;

fn main() {
    let number = |n: usize, default: i64| {
        std::env::args()
            .nth(n)
            .and_then(|a| a.parse().ok())
            .unwrap_or(default)
    };
    let (seed, homes, day) = (number(1, 42), number(2, 24), number(3, 165));
    let start_s = Street::START_S + day * 86_400;
    let street = Street::starting(
        seed.cast_unsigned(),
        u32::try_from(homes).unwrap_or(0),
        start_s - 86_400,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    for home in street.homes() {
        println!(
            "{:>14}  {:<30} {:>5} Wp  {:?}",
            home.name,
            home.kind.label(),
            home.pv_peak_w,
            home.preference
        );
    }
    println!(
        "hour UTC      load      pv  battery  surplus     need  surplus/need     (kWh, mean of 7 days)"
    );
    for hour in 0..24 {
        let mut sums = [0_i64; 5];
        for quarter in (0..7).flat_map(|d| (0..4).map(move |q| d * 24 * HOUR_MS + q * HOUR_MS / 4))
        {
            let from = start_s * 1_000 + hour * HOUR_MS + quarter;
            for (a, b) in street
                .states(from)
                .into_iter()
                .zip(street.states(from + HOUR_MS / 4))
            {
                let moved = |of: fn(&HomeState) -> u64| (of(&b) - of(&a)).cast_signed();
                let net = moved(|s| s.export_wh) - moved(|s| s.import_wh);
                sums[0] += moved(|s| s.load_wh);
                sums[1] += moved(|s| s.pv_wh.unwrap_or(0));
                sums[2] +=
                    moved(|s| s.charge_wh.unwrap_or(0)) - moved(|s| s.discharge_wh.unwrap_or(0));
                sums[3] += net.max(0);
                sums[4] += (-net).max(0);
            }
        }
        let kwh = |i: usize| sums[i] as f64 / 7_000.0;
        let ratio = if sums[4] > 0 {
            sums[3] as f64 / sums[4] as f64
        } else {
            f64::NAN
        };
        println!(
            "{hour:>8} {:>9.2} {:>7.2} {:>8.2} {:>8.2} {:>8.2} {ratio:>13.2}",
            kwh(0),
            kwh(1),
            kwh(2),
            kwh(3),
            kwh(4)
        );
    }
}
