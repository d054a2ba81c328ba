//! The lines as one table for a terminal.

use super::{INSIDE_SHARE_MIN, Line, POINTS_MIN, SIDE_SHARE_MIN};
use crate::{
    homes::Home,
    numbers::{amount, grouped, price},
    recording::Recording,
    scenario::Scenario,
};

/// What stands above how many columns.
const GROUPS: [(&str, usize); 9] = [
    ("", 1),
    ("homes", 1),
    ("self-sufficiency, %", 3),
    ("traded", 1),
    ("mean", 1),
    ("worst home", 1),
    ("share of the gain, %", 4),
    ("inside", 1),
    ("Gini of", 1),
];

/// The columns and their widths.
const COLUMNS: [(&str, usize); 14] = [
    ("mechanism", 19),
    ("want", 8),
    ("alone", 6),
    ("trade", 6),
    ("gain", 6),
    ("kWh", 7),
    ("price", 6),
    ("saves", 10),
    ("buyers", 7),
    ("sellers", 7),
    ("fees", 5),
    ("zone", 5),
    ("band, %", 7),
    ("savings", 7),
];

/// The first columns are names, which stand to the left.
const NAMES: usize = 2;

/// The table, with what it is about above and what the columns mean below.
#[must_use]
pub fn table(scenario: &Scenario, seed: u64, recording: &Recording, lines: &[Line]) -> String {
    let rule = "─".repeat(COLUMNS.iter().map(|(_, width)| width + 1).sum::<usize>() - 1);
    let names = row(COLUMNS.map(|(name, _)| name.to_owned()));
    let mut text = title(scenario, seed, recording, lines);
    text.push_str(&format!("\n{}\n{names}\n", groups()));
    for same in lines.chunk_by(|a, b| a.mechanism == b.mechanism) {
        text.push_str(&format!("{rule}\n"));
        for (index, line) in same.iter().enumerate() {
            let cells = row(cells(line, index == 0));
            text.push_str(&format!("{cells}  {}\n", verdict(line)));
        }
    }
    text.push_str(&format!("{rule}\n{}", notes(scenario)));
    text
}

fn title(scenario: &Scenario, seed: u64, recording: &Recording, lines: &[Line]) -> String {
    let count = |has: fn(&Home) -> bool| recording.homes().filter(|home| has(home)).count();
    let peak_w: u32 = recording.homes().map(|home| home.pv_peak_w).sum();
    let load_wh = lines.first().map_or(0, |line| line.load_wh);
    format!(
        "{}: {} homes, {} days, {} intervals of {} minutes, seed {seed}\n\
         {} with a solar roof, {}.{} kW in all, {} of them with a battery; demand {} kWh\n",
        scenario.name,
        recording.homes().count(),
        scenario.days,
        grouped(scenario.intervals().into()),
        scenario.rules.interval.seconds() / 60,
        count(Home::has_pv),
        peak_w / 1_000,
        peak_w % 1_000 / 100,
        count(Home::has_battery),
        grouped((load_wh + 500) / 1_000),
    )
}

/// Each group's name above its columns.
fn groups() -> String {
    let mut columns = COLUMNS.iter().map(|(_, width)| width);
    let named = GROUPS.iter().enumerate().map(|(index, (name, count))| {
        let width = columns.by_ref().take(*count).sum::<usize>() + count - 1;
        aligned(name, width, index < NAMES)
    });
    named.collect::<Vec<_>>().join(" ").trim_end().to_owned()
}

fn row(cells: [String; COLUMNS.len()]) -> String {
    let cells = cells.iter().zip(COLUMNS).enumerate();
    let aligned = cells.map(|(index, (cell, (_, width)))| aligned(cell, width, index < NAMES));
    aligned.collect::<Vec<_>>().join(" ")
}

fn aligned(text: &str, width: usize, is_name: bool) -> String {
    if is_name {
        format!("{text:<width$}")
    } else {
        format!("{text:>width$}")
    }
}

fn cells(line: &Line, names_mechanism: bool) -> [String; COLUMNS.len()] {
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let of_gain = |part| percent(line.share_of_gain(part));
    let mechanism = match names_mechanism {
        true => line.mechanism.to_string(),
        false => String::new(),
    };
    [
        mechanism,
        line.preferences.to_string(),
        percent(line.alone()),
        percent(line.with_trade()),
        format!("+{:.1}", line.points()),
        grouped((line.traded_wh + 500) / 1_000),
        line.price_mean_micro.map_or("–".to_owned(), price),
        amount(line.saving_min_nano),
        of_gain(line.gain.buyers_nano),
        of_gain(line.gain.sellers_nano),
        of_gain(line.gain.operator_nano),
        of_gain(line.gain.zone_nano),
        percent(line.inside()),
        format!("{:.2}", line.saving_gini),
    ]
}

fn verdict(line: &Line) -> String {
    match line.misses().as_slice() {
        [] => "✓".to_owned(),
        missed => format!("✗ {}", missed.join(", ")),
    }
}

fn notes(scenario: &Scenario) -> String {
    let currency = &scenario.currency;
    let percent = |share: f64| share * 100.0;
    format!(
        "\
Self-sufficiency alone: demand met by each home's own roof and battery ÷ demand; with trade: the same and
what neighbours sold each other. Mean price: what buyers paid a kWh before fees, {currency}. Worst home saves:
the least that a home saved over the run against the utility alone, {currency}. The gain is the gap between the
utility's two prices for every kWh traded; fees go to the grid operator, what a mechanism leaves over to the
zone. Inside band: of the daylight intervals with trade, those in which sellers received more than the
feed-in price and buyers paid less than the retail price, fees considered. Gini: 0 if all save the same.
✓ local trade gains {POINTS_MIN:.0} points, nobody pays more than with the utility alone in any interval, buyers and
sellers each get {:.0} % of the gain, {:.0} % of the intervals lie inside the band; ✗ names what is missed.
",
        percent(SIDE_SHARE_MIN),
        percent(INSIDE_SHARE_MIN),
    )
}
