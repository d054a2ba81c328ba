//! A scenario on a virtual clock, through the crates that run in production.
//!
//! Homes → registers at each boundary → `clearing_house::metering` → `clearing_house::settle_interval`.
//! Registers of different homes are computed in parallel; clearing follows the clock. The result does
//! not depend on the number of threads, because every home's part is a function of its own and rows
//! are put together in a fixed order.

use clearing_house::{IntervalOutcome, Ledger, Mode, PricePreference, SettleError, ZoneRules};
use energy_core::{Overflow, Side, TimeError};

use crate::{
    conservation::Differences,
    homes::{Home, StreetError},
    recording::{RecordedHome, Recording},
    results::{FillRow, HomeIntervalRow, HomeRow, IntervalRow, Results},
    scenario::Scenario,
};

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

/// Whose price preferences stand in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preferences {
    /// Each home's own, as the roster drew it: of ten homes about two are cheap, five balanced, two
    /// green, and one has two prices of its own.
    Drawn,
    /// One word for all homes.
    All(Mode),
}

impl Preferences {
    /// Every mode of the agent, and the mixture.
    pub const ALL: [Self; 4] = [
        Self::All(Mode::Cheap),
        Self::All(Mode::Balanced),
        Self::All(Mode::Green),
        Self::Drawn,
    ];

    const fn of(self, home: &Home) -> PricePreference {
        match self {
            Self::Drawn => home.preference,
            Self::All(mode) => PricePreference::Auto(mode),
        }
    }
}

impl std::fmt::Display for Preferences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Drawn => f.write_str("mixed"),
            Self::All(mode) => mode.fmt(f),
        }
    }
}

/// Runs a scenario with a seed on this many threads (0: as many as there are cores).
///
/// # Errors
/// [`RunError`].
pub fn run(scenario: &Scenario, seed: u64, threads: usize) -> Result<Results, RunError> {
    let recording = Recording::of(scenario, seed, threads)?;
    settle(&scenario.rules, &recording, Preferences::Drawn)
}

/// Settles a recorded street under these rules, interval by interval. The length of the intervals is
/// the recording's, so it must be that of the rules.
///
/// # Errors
/// [`RunError`], but for [`RunError::Street`] and [`RunError::Threads`].
pub fn settle(
    rules: &ZoneRules,
    recording: &Recording,
    preferences: Preferences,
) -> Result<Results, RunError> {
    let homes = recording.recorded();
    let (mut ledger, mut results, mut residual) = (Ledger::default(), Results::default(), (0, 0));
    let mut differences = Differences::default();
    for (index, interval) in recording.starts()?.into_iter().enumerate() {
        let input = |home: &RecordedHome| {
            let preference = preferences.of(&home.home);
            home.input(interval, rules.interval, index, preference)
        };
        let inputs: Vec<_> = homes.iter().map(input).collect();
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
    }
    let moved: Vec<_> = homes.iter().map(RecordedHome::moved).collect();
    differences.run(&moved, &results.home_intervals, residual, &ledger)?;
    results.homes = home_rows(homes, preferences, &results.home_intervals);
    results.differences = differences;
    Ok(results)
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

fn home_rows(
    homes: &[RecordedHome],
    preferences: Preferences,
    rows: &[HomeIntervalRow],
) -> Vec<HomeRow> {
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
        .map(|(index, home)| home_row(home, preferences, &own(index)))
        .collect()
}

fn home_row(
    recorded: &RecordedHome,
    preferences: Preferences,
    rows: &[&HomeIntervalRow],
) -> HomeRow {
    let home = &recorded.home;
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
        preference: words(&preferences.of(home)),
        deposit_units: home.deposit_units,
        load_wh: recorded.span(|s| s.load_wh),
        pv_wh: recorded.span(|s| s.pv_wh.unwrap_or(0)),
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
    use market_engine::mechanism::Mechanism;

    use super::*;
    use crate::{homes::Street, scenario::BUNDLED};

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
    fn every_mechanism_keeps_energy_and_money_and_nobody_is_worse_off() {
        let recording = Recording::of(&short(), 7, 2).expect("records");
        for mechanism in Mechanism::ALL {
            let rules = ZoneRules {
                mechanism,
                ..short().rules
            };
            let results = settle(&rules, &recording, Preferences::Drawn).expect("settles");
            assert_eq!(results.differences, Differences::default(), "{mechanism}");
            let traded: u64 = results.intervals.iter().map(|i| i.traded_wh).sum();
            assert!(traded > 0, "{mechanism}");
        }
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
