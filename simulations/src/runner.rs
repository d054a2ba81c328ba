//! A scenario on a virtual clock, through the crates that run in production.
//!
//! Homes → registers at each boundary → `clearing_house::metering` → `clearing_house::settle_interval`.
//! Registers of different homes are computed in parallel; clearing follows the clock. The result does
//! not depend on the number of threads, because every home's part is a function of its own and rows
//! are put together in a fixed order.

use clearing_house::{
    BoundaryReading, HomeInput, IntervalOutcome, Ledger, PricePreference, SettleError, metering,
};
use energy_core::{
    Hash, IntervalStart, MeterId, NanoAmount, Overflow, Quality, Side, TimeError, WattHours,
};
use rayon::prelude::*;

use crate::{
    conservation::Differences,
    homes::{Home, HomeState, Street, StreetError},
    results::{FillRow, HomeIntervalRow, HomeRow, IntervalRow, Results},
    scenario::Scenario,
};

/// A day before the start, so that batteries are not all alike when it begins.
const WARM_UP_S: i64 = 86_400;

/// A run could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The street cannot be built.
    #[error("street: {0}")]
    Street(#[from] StreetError),
    /// The threads cannot be had.
    #[error("expected {threads} threads: {source}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: rayon::ThreadPoolBuildError,
    },
    /// The start does not lie on the raster of intervals.
    #[error("start: {0}")]
    Start(#[from] TimeError),
    /// An interval could not be settled.
    #[error("interval {start_s}: {source}")]
    Settle {
        /// Its start.
        start_s: i64,
        /// Why.
        source: Box<SettleError>,
    },
    /// A sum left its range.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// A home with everything that its meters say at the boundaries of the run.
struct Metered<'a> {
    home: &'a Home,
    meter: MeterId,
    states: Vec<HomeState>,
    readings: Vec<BoundaryReading>,
}

/// Runs a scenario with a seed on this many threads (0: as many as there are cores).
///
/// # Errors
/// [`RunError`].
pub fn run(scenario: &Scenario, seed: u64, threads: usize) -> Result<Results, RunError> {
    let street = Street::starting(seed, scenario.homes, scenario.start_s - WARM_UP_S)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|source| RunError::Threads { threads, source })?;
    let homes: Vec<Metered<'_>> = pool.install(|| {
        street
            .homes()
            .par_iter()
            .map(|home| metered(scenario, &street, home))
            .collect()
    });
    settle(scenario, &homes)
}

fn metered<'a>(scenario: &Scenario, street: &Street, home: &'a Home) -> Metered<'a> {
    let step_ms = i64::from(scenario.rules.interval.seconds()) * 1_000;
    let boundary = |index: u32| scenario.start_s * 1_000 + i64::from(index) * step_ms;
    let states: Vec<_> = (0..=scenario.intervals())
        .filter_map(|index| street.state(home.id, boundary(index)))
        .collect();
    let meter = &home.connection_meter().name;
    Metered {
        home,
        meter: MeterId::derived("gridsim/meter", meter.as_bytes()),
        readings: states
            .iter()
            .zip(1..)
            .map(|(state, sequence)| reading(home, state, sequence))
            .collect(),
        states,
    }
}

/// What the home's gateway would read. Nothing is signed here, so the hash is empty.
fn reading(home: &Home, state: &HomeState, sequence: u64) -> BoundaryReading {
    BoundaryReading {
        time_ms: state.at_ms.unsigned_abs(),
        import: WattHours::new(state.import_wh),
        export: WattHours::new(state.export_wh),
        generation: home.generation_meter().and(state.pv_wh).map(WattHours::new),
        soc_permille: state.soc_permille,
        quality: Quality::default(),
        sequence,
        hash: Hash::default(),
    }
}

fn settle(scenario: &Scenario, homes: &[Metered<'_>]) -> Result<Results, RunError> {
    let rules = &scenario.rules;
    let mut interval = rules.interval.start_at(scenario.start_s)?;
    let (mut ledger, mut results, mut residual) = (Ledger::default(), Results::default(), (0, 0));
    let mut differences = Differences::default();
    for index in 0..scenario.intervals() as usize {
        let inputs: Vec<_> = homes
            .iter()
            .map(|home| input(scenario, home, interval, index))
            .collect();
        let outcome = clearing_house::settle_interval(rules, interval, &ledger, &inputs).map_err(
            |source| RunError::Settle {
                start_s: interval.seconds(),
                source: Box::new(source),
            },
        )?;
        differences.interval(&outcome);
        for home in &outcome.homes {
            residual.0 += home.residual_import.get();
            residual.1 += home.residual_export.get();
            differences.worse_off += u32::from(home.cost()? > home.without_market);
        }
        record(&mut results, &outcome);
        ledger = outcome.ledger;
        interval = interval.next(rules.interval);
    }
    let moved: Vec<_> = homes.iter().map(moved).collect();
    differences.run(&moved, &results.home_intervals, residual, &ledger)?;
    results.homes = home_rows(homes, &results.home_intervals);
    results.differences = differences;
    Ok(results)
}

fn input(
    scenario: &Scenario,
    home: &Metered<'_>,
    interval: IntervalStart,
    index: usize,
) -> HomeInput {
    let length = scenario.rules.interval;
    let window = home.readings.get(index..index + 2).unwrap_or_default();
    let metered =
        metering::meter_interval(interval, length, window, Some(metering::GAP_INTERVALS_MAX));
    let enrolled = home
        .readings
        .first()
        .and_then(|first| first.generation)
        .unwrap_or(WattHours::ZERO);
    HomeInput {
        home: home.home.id,
        meter: home.meter,
        preference: home.home.preference,
        energy: metered.map(|m| m.energy),
        generated_so_far: metered
            .and_then(|m| m.generation)
            .map(|now| now.saturating_less(enrolled)),
        has_generation_meter: home.home.generation_meter().is_some(),
        has_battery: home.home.has_battery(),
        soc_permille: metered.and_then(|m| m.soc_permille),
        escrow: NanoAmount::new(home.home.deposit_units.saturating_mul(1_000).cast_signed()),
        closing: metered.map(|m| m.closing),
    }
}

fn record(results: &mut Results, outcome: &IntervalOutcome) {
    let start_s = outcome.interval.seconds();
    let (mut need_wh, mut surplus_wh) = (0, 0);
    for home in &outcome.homes {
        let (import_wh, export_wh) = home
            .energy
            .map_or((0, 0), |e| (e.import.get(), e.export.get()));
        need_wh += import_wh.saturating_sub(export_wh);
        surplus_wh += export_wh.saturating_sub(import_wh);
        let filled = |side| {
            home.order
                .filter(|o| o.side == side)
                .map_or(0, |o| o.fill.get())
        };
        results.home_intervals.push(HomeIntervalRow {
            start_s,
            home: home.home.get(),
            import_wh,
            export_wh,
            bought_wh: filled(Side::Bid),
            sold_wh: filled(Side::Ask),
            cash_nano: home.cash.get(),
            fee_nano: home.fee.get(),
            utility_bill_nano: home.utility_bill.get(),
            without_market_nano: home.without_market.get(),
            verified_wh: home.verified.get(),
            credited_wh: home.credited.get(),
            was_cut: home.cut.is_some(),
        });
        results.fills.extend(home.order.map(|order| FillRow {
            start_s,
            home: home.home.get(),
            side: order.side,
            quantity_wh: order.quantity.get(),
            limit_micro: order.limit.get(),
            price_micro: order.price.get(),
            fill_wh: order.fill.get(),
            amount_nano: order.amount.get(),
            fee_nano: order.fee.get(),
        }));
    }
    let orders = |side| {
        u32::try_from(outcome.orders.iter().filter(|o| o.side == side).count()).unwrap_or(u32::MAX)
    };
    results.intervals.push(IntervalRow {
        start_s,
        need_wh,
        surplus_wh,
        traded_wh: outcome
            .rows
            .iter()
            .filter(|row| row.side == Side::Bid)
            .map(|row| row.fill.get())
            .sum(),
        price_micro: outcome.clearing.price.map(|p| p.get()),
        price_lo_micro: outcome.clearing.price_lo.map(|p| p.get()),
        price_hi_micro: outcome.clearing.price_hi.map(|p| p.get()),
        bids: orders(Side::Bid),
        asks: orders(Side::Ask),
        fees_nano: outcome.homes.iter().map(|h| h.fee.get()).sum(),
        minted_wh: outcome.homes.iter().map(|h| h.minted.get()).sum(),
    });
}

/// What the import and export registers moved from the first boundary to the last.
fn moved(home: &Metered<'_>) -> (u64, u64) {
    let between = |of: fn(&HomeState) -> u64| span(home, of);
    (between(|s| s.import_wh), between(|s| s.export_wh))
}

fn span(home: &Metered<'_>, of: fn(&HomeState) -> u64) -> u64 {
    match (home.states.first(), home.states.last()) {
        (Some(first), Some(last)) => of(last) - of(first),
        _ => 0,
    }
}

fn home_rows(homes: &[Metered<'_>], rows: &[HomeIntervalRow]) -> Vec<HomeRow> {
    // Every interval has a row for every home, by home, so a home's rows come once in each round.
    let own = |index: usize| {
        rows.iter()
            .skip(index)
            .step_by(homes.len())
            .collect::<Vec<_>>()
    };
    homes
        .iter()
        .enumerate()
        .map(|(index, home)| home_row(home, &own(index)))
        .collect()
}

fn home_row(metered: &Metered<'_>, rows: &[&HomeIntervalRow]) -> HomeRow {
    let home = metered.home;
    assert!(
        rows.iter().all(|row| row.home == home.id.get()),
        "rows are by interval, then home"
    );
    let wh = |of: fn(&HomeIntervalRow) -> u64| rows.iter().map(|row| of(row)).sum();
    let nano = |of: fn(&HomeIntervalRow) -> i64| rows.iter().map(|row| of(row)).sum::<i64>();
    let cost_nano = nano(|row| row.utility_bill_nano - row.cash_nano);
    let without_market_nano = nano(|row| row.without_market_nano);
    HomeRow {
        home: home.id.get(),
        name: home.name.clone(),
        kind: home.kind.label().to_owned(),
        pv_peak_w: home.pv_peak_w,
        battery_wh: home.battery.map_or(0, |b| b.capacity_wh),
        preference: words(&home.preference),
        deposit_units: home.deposit_units,
        load_wh: span(metered, |s| s.load_wh),
        pv_wh: span(metered, |s| s.pv_wh.unwrap_or(0)),
        import_wh: wh(|r| r.import_wh),
        export_wh: wh(|r| r.export_wh),
        bought_wh: wh(|r| r.bought_wh),
        sold_wh: wh(|r| r.sold_wh),
        cost_nano,
        without_market_nano,
        saving_nano: without_market_nano - cost_nano,
        cut_intervals: u32::try_from(rows.iter().filter(|row| row.was_cut).count())
            .unwrap_or(u32::MAX),
    }
}

fn words(preference: &PricePreference) -> String {
    match preference {
        PricePreference::Auto(mode) => mode.to_string(),
        PricePreference::Limits {
            sell_above,
            buy_below,
            ..
        } => {
            let decimal = clearing_house::decimal;
            format!(
                "sell above {}, buy below {}",
                decimal(sell_above.get()),
                decimal(buy_below.get())
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::BUNDLED;

    fn short() -> Scenario {
        let mut scenario = Scenario::parse(BUNDLED[0].1).expect("bundled");
        scenario.days = 1;
        scenario
    }

    #[test]
    fn threads_make_no_difference() {
        let one = run(&short(), 7, 1).expect("runs");
        assert_eq!(one, run(&short(), 7, 2).expect("runs"));
        assert_eq!(one, run(&short(), 7, 8).expect("runs"));
        assert_ne!(one, run(&short(), 8, 2).expect("runs"));
    }

    #[test]
    fn everything_adds_up_and_nobody_is_worse_off() {
        let results = run(&short(), 7, 2).expect("runs");
        assert_eq!(results.differences, Differences::default());
        assert_eq!(results.home_intervals.len(), 25 * 96);
        assert!(results.homes.iter().all(|home| home.saving_nano >= 0));
        let balanced = |h: &HomeRow| h.pv_wh + h.import_wh >= h.export_wh;
        assert!(
            results.homes.iter().all(balanced),
            "no home feeds in more than it has"
        );
    }

    #[test]
    fn the_home_that_paid_in_too_little_runs_dry_within_three_days_and_no_other_does() {
        let mut scenario = short();
        scenario.days = 3;
        let street = Street::new(7, scenario.homes).expect("in bounds");
        let dry: Vec<u32> = street
            .homes()
            .iter()
            .filter(|h| h.runs_dry)
            .map(|h| h.id.get())
            .collect();
        let results = run(&scenario, 7, 2).expect("runs");
        let cut: Vec<u32> = results
            .homes
            .iter()
            .filter(|h| h.cut_intervals > 0)
            .map(|h| h.home)
            .collect();
        assert_eq!(cut, dry);
    }

    #[test]
    fn most_prices_lie_inside_the_band_and_move() {
        let results = run(&short(), 7, 2).expect("runs");
        let prices: Vec<i64> = results
            .intervals
            .iter()
            .filter_map(|i| i.price_micro)
            .collect();
        assert!(prices.len() >= 30, "{} intervals traded", prices.len());
        let inside = prices
            .iter()
            .filter(|p| (85_001..295_000).contains(*p))
            .count();
        assert!(
            inside * 2 >= prices.len(),
            "{inside} of {} inside the band",
            prices.len()
        );
        assert!(prices.iter().max() > prices.iter().min());
    }
}
