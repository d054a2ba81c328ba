//! A run on one page of a terminal.

use std::time::Duration;

use crate::{
    local_price::local_prices,
    metrics::{Prices, Summary, share},
    numbers::{amount, grouped, kwh, percent, price},
    results::Results,
    scenario::Scenario,
};

const WIDTH: usize = 78;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What the page says besides the results.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The seed of the run.
    pub seed: u64,
    /// How many threads.
    pub threads: usize,
    /// How long homes, market and settlement took.
    pub runtime: Duration,
    /// Where the files are, one line each.
    pub files: Vec<String>,
    /// The hash of the files.
    pub hash: String,
}

/// The page. With `bold`, headings are set in bold by terminal codes.
#[must_use]
pub fn page(
    scenario: &Scenario,
    results: &Results,
    summary: &Summary,
    facts: &Facts,
    bold: bool,
) -> String {
    let mut page = Page {
        text: String::new(),
        bold,
    };
    title(&mut page, scenario, facts);
    energy(&mut page, summary);
    market(&mut page, scenario, results, summary);
    typical_day(&mut page, results);
    money(&mut page, scenario, summary);
    proof(&mut page, summary);
    run(&mut page, results, facts);
    page.text
}

struct Page {
    text: String,
    bold: bool,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, text: &str) {
        let rule = "─".repeat(WIDTH.saturating_sub(text.chars().count() + 1));
        let line = if self.bold {
            format!("\x1b[1m{text}\x1b[0m \x1b[2m{rule}\x1b[0m")
        } else {
            format!("{text} {rule}")
        };
        self.text.push('\n');
        self.line(&line);
    }

    fn row(&mut self, label: &str, value: &str) {
        self.line(&format!("  {label:<32}{value}"));
    }
}

fn title(page: &mut Page, scenario: &Scenario, facts: &Facts) {
    let days = if scenario.days == 1 { "day" } else { "days" };
    let length = scenario.rules.interval.seconds() / 60;
    let text = format!(
        "{}: {} homes, {} {days}, {} intervals of {length} minutes, seed {}",
        scenario.name,
        scenario.homes,
        scenario.days,
        scenario.intervals(),
        facts.seed
    );
    page.line(&if page.bold {
        format!("\x1b[1m{text}\x1b[0m")
    } else {
        text
    });
}

fn energy(page: &mut Page, summary: &Summary) {
    page.heading("Energy");
    page.row("used by the homes", &kwh(summary.load_wh));
    page.row("generated on their roofs", &kwh(summary.pv_wh));
    page.row(
        "from the grid / into the grid",
        &format!("{} / {}", kwh(summary.import_wh), kwh(summary.export_wh)),
    );
    page.row("traded between neighbours", &kwh(summary.traded_wh));
    let shares = [summary.import_wh, summary.export_wh]
        .map(|whole| percent(share(summary.traded_wh, whole)));
    page.row("local share of both", &shares.join(" / "));
    let [alone, market] = [
        summary.self_sufficiency_alone,
        summary.self_sufficiency_market,
    ]
    .map(percent);
    let sufficiency = format!("{alone} without market, {market} with it");
    page.row("self-sufficiency", &sufficiency);
}

fn market(page: &mut Page, scenario: &Scenario, results: &Results, summary: &Summary) {
    page.heading("Market");
    let Some(Prices {
        intervals,
        inside_band,
        min,
        mean,
        max,
    }) = summary.prices
    else {
        page.row(
            "intervals with trade",
            &format!("none of {}", results.intervals.len()),
        );
        return;
    };
    let currency = &scenario.currency;
    page.row(
        "intervals with trade",
        &format!("{intervals} of {}", results.intervals.len()),
    );
    let prices = [min, mean, max].map(price).join(" / ");
    page.row(
        "price, lowest / mean / highest",
        &format!("{prices} {currency} a kWh"),
    );
    let tariff = scenario.rules.tariff.range();
    let inside = percent(share(inside_band as u64, intervals as u64));
    let band = format!(
        "{inside} of these, {} to {}{}",
        price(tariff.lowest.feed_in.get()),
        price(tariff.highest.retail.get()),
        if tariff.lowest == tariff.highest {
            ""
        } else {
            " at the widest"
        }
    );
    page.row("strictly inside the tariff band", &band);
    page.row("energy tokens minted", &kwh(summary.minted_wh));
    page.row(
        "homes that ran out of money",
        &format!("{} of {}", summary.homes_cut, results.homes.len()),
    );
}

/// Mean need, surplus and price for each hour of the day, as bars.
fn typical_day(page: &mut Page, results: &Results) {
    let mut hours = vec![(0_u64, 0_u64, 0_i128, 0_i128); 24];
    for row in &results.intervals {
        let hour = &mut hours[hour_of(row.start_s)];
        hour.0 += row.need_wh;
        hour.1 += row.surplus_wh;
    }
    for price in local_prices(&results.fills) {
        let hour = &mut hours[hour_of(price.start_s)];
        hour.2 += price.paid_nano;
        hour.3 += price.traded_wh;
    }
    let most = hours.iter().map(|h| h.0.max(h.1)).max().unwrap_or(0) as f64;
    let prices: Vec<f64> = hours
        .iter()
        .map(|h| {
            if h.3 > 0 {
                h.2 as f64 / h.3 as f64
            } else {
                f64::NAN
            }
        })
        .collect();
    let seen = || prices.iter().copied().filter(|p| !p.is_nan());
    let (low, high) = (
        seen().fold(f64::INFINITY, f64::min),
        seen().fold(0.0, f64::max),
    );
    page.heading("A typical day, hour by hour (UTC)");
    let hours_named: String = (0..24)
        .step_by(3)
        .map(|hour| format!("{hour:<6}"))
        .collect();
    page.line(&format!("                {hours_named}"));
    let bars = |of: &dyn Fn(usize) -> f64| (0..24).map(|hour| bar(of(hour))).collect::<String>();
    page.line(&format!(
        "  need          {}",
        bars(&|h| hours[h].0 as f64 / most)
    ));
    page.line(&format!(
        "  surplus       {}",
        bars(&|h| hours[h].1 as f64 / most)
    ));
    if low.is_finite() {
        let span = if high > low { high - low } else { 1.0 };
        page.line(&format!(
            "  price         {}",
            bars(&|h| (prices[h] - low) / span)
        ));
        let (low, high) = (price(low as i64), price(high as i64));
        page.line(&format!(
            "                price from {low} (▁) to {high} (█), blank without trade"
        ));
    }
}

fn hour_of(start_s: i64) -> usize {
    usize::try_from(start_s.rem_euclid(86_400) / 3_600).unwrap_or(0)
}

/// Two columns for a value from 0 to 1; blank for none.
fn bar(value: f64) -> String {
    if value.is_nan() {
        return "  ".to_owned();
    }
    let level = (value * (BARS.len() - 1) as f64).round() as usize;
    let bar = BARS[level.min(BARS.len() - 1)];
    format!("{bar}{bar}")
}

fn money(page: &mut Page, scenario: &Scenario, summary: &Summary) {
    page.heading("Money");
    let (savings, currency) = (summary.savings, &scenario.currency);
    let homes = format!(
        "{} / {} / {} {currency}",
        amount(savings.min),
        amount(savings.median),
        amount(savings.max)
    );
    page.row("saved per home, min/median/max", &homes);
    page.row(
        "saved by the street",
        &format!("{} {currency}", amount(savings.sum)),
    );
    page.row(
        "fees of the grid operator",
        &format!("{} {currency}", amount(summary.fees_nano)),
    );
}

fn proof(page: &mut Page, summary: &Summary) {
    page.heading("Checks");
    let differences = summary.differences;
    let verdict = |good: bool| if good { "✓" } else { "✗" };
    let mut check = |label: &str, good: bool, value: &str| {
        page.row(label, &format!("{} {value}", verdict(good)))
    };
    check(
        "energy difference",
        differences.energy_wh == 0,
        &format!("{} Wh", differences.energy_wh),
    );
    check(
        "money difference",
        differences.money_nano == 0,
        &format!("{} × 10⁻⁹", differences.money_nano),
    );
    let worse = match (summary.homes_worse_off, differences.worse_off) {
        (0, 0) => "no home, in no interval".to_owned(),
        (homes, intervals) => format!("{homes} homes over the run, {intervals} home-intervals"),
    };
    check(
        "worse off than without market",
        differences.worse_off == 0,
        &worse,
    );
}

fn run(page: &mut Page, results: &Results, facts: &Facts) {
    page.heading("Run");
    let rate = results.home_intervals.len() as f64 / facts.runtime.as_secs_f64().max(1e-9);
    let threads = if facts.threads == 1 {
        "1 thread".to_owned()
    } else {
        format!("{} threads", facts.threads)
    };
    page.row(
        "time",
        &format!("{:.3} s on {threads}", facts.runtime.as_secs_f64()),
    );
    page.row(
        "speed",
        &format!("{} household-intervals a second", grouped(rate as u64)),
    );
    for (index, file) in facts.files.iter().enumerate() {
        page.row(if index == 0 { "files" } else { "" }, file);
    }
    page.line(&format!("  hash of the files {}", facts.hash));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{metrics::summary, runner, scenario::BUNDLED};

    #[test]
    fn the_page_fits_a_terminal_and_says_what_was_checked() {
        let mut scenario = Scenario::parse(BUNDLED[0].1).expect("bundled");
        scenario.days = 1;
        let results = runner::run(&scenario, 3, 2).expect("runs");
        let facts = Facts {
            seed: 3,
            threads: 2,
            runtime: Duration::from_millis(20),
            files: vec!["results/intervals.parquet".to_owned()],
            hash: "ab".repeat(32),
        };
        let page = page(
            &scenario,
            &results,
            &summary(&scenario, &results),
            &facts,
            false,
        );
        assert!(page.lines().count() <= 45, "one page:\n{page}");
        assert!(
            page.lines().all(|line| line.chars().count() <= 84),
            "{page}"
        );
        assert!(
            page.contains("✓ 0 Wh")
                && page.contains("no home, in no interval")
                && !page.contains('✗'),
            "{page}"
        );
    }
}
