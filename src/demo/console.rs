//! What the demo prints: where to look, how far the history is, and a line per interval.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use chrono::DateTime;
use energy_core::{HomeId, IntervalStart};

/// One log-in of the demo.
#[derive(Debug, Clone)]
pub(super) struct Login {
    /// Whose view it opens.
    pub(super) role: &'static str,
    /// The name to type.
    pub(super) name: String,
    /// The password to type.
    pub(super) password: String,
    /// Whose home, for the household.
    pub(super) home: Option<HomeId>,
}

/// What happened in one interval, as numbers for one line.
#[derive(Debug, Clone, Copy)]
pub(super) struct IntervalLine {
    /// Which interval.
    pub(super) start: IntervalStart,
    /// Homes with a fill.
    pub(super) trading_homes: usize,
    /// Energy sold between neighbours.
    pub(super) traded_wh: u64,
    /// Energy needed by all homes.
    pub(super) needed_wh: u64,
    /// The clearing price in 10⁻⁶ per kWh.
    pub(super) price_micro: Option<i64>,
    /// The newest final settlement batch.
    pub(super) final_batch: Option<u64>,
    /// The pending one.
    pub(super) pending_batch: Option<u64>,
}

/// The addresses that the banner shows.
#[derive(Debug)]
pub(super) struct Banner<'a> {
    /// Pages.
    pub(super) pages: String,
    /// JSON-RPC of the chain.
    pub(super) rpc: String,
    /// The settlement contract.
    pub(super) settlement: String,
    /// Where everything is kept.
    pub(super) data_dir: &'a Path,
    /// Whether the folder was made for this run.
    pub(super) temporary: bool,
    /// How many homes.
    pub(super) homes: usize,
    /// Grid seconds per wall second.
    pub(super) speed: u32,
    /// How to get in.
    pub(super) logins: &'a [Login],
}

/// Prints where to look.
pub(super) fn banner(b: &Banner<'_>) {
    let kept = if b.temporary {
        " (temporary; name one with --data-dir to keep it)"
    } else {
        ""
    };
    println!();
    println!(
        "  Commonwatt  {} homes on Elm Street, grid time at {} times real time",
        b.homes, b.speed
    );
    println!();
    println!("  The street   {}", b.pages);
    println!("  The chain    {}   settlement {}", b.rpc, b.settlement);
    println!("  Kept in      {}{kept}", b.data_dir.display());
    println!();
    for login in b.logins {
        println!(
            "  Log in as    {:<11} {:<10} password {}",
            login.role, login.name, login.password
        );
    }
    println!();
}

/// Shows how much of the history is made: a bar on a terminal, a line every quarter elsewhere.
pub(super) fn history(done: usize, total: usize) {
    const WIDTH: usize = 32;
    if total == 0 {
        return;
    }
    if std::io::stdout().is_terminal() {
        let filled = WIDTH * done / total;
        print!(
            "\r  History      [{}{}] {done}/{total} intervals ",
            "█".repeat(filled),
            "·".repeat(WIDTH - filled)
        );
        if done == total {
            println!();
        }
        // A bar that cannot be shown is no reason to stop.
        std::io::stdout().flush().ok();
    } else if done == total || done.is_multiple_of(total.div_ceil(4)) {
        println!("  History      {done}/{total} intervals");
    }
}

/// Prints the line of an interval.
pub(super) fn interval(line: &IntervalLine) {
    println!("{}", describe(line));
}

fn describe(line: &IntervalLine) -> String {
    let time = DateTime::from_timestamp(line.start.seconds(), 0).map_or_else(
        || line.start.seconds().to_string(),
        |t| t.format("%Y-%m-%d %H:%M UTC").to_string(),
    );
    let traded = format!(
        "{:>8} kWh between {:>2} homes",
        thousandths(line.traded_wh),
        line.trading_homes
    );
    let price = match line.price_micro {
        Some(micro) => format!(
            "{:>6}.{:02} ct/kWh",
            micro / 10_000,
            (micro % 10_000).unsigned_abs() / 100
        ),
        None if line.traded_wh > 0 => "  several prices".to_owned(),
        None => "        no trade".to_owned(),
    };
    let share = match line.needed_wh {
        0 => "local   –".to_owned(),
        needed => format!("local {:>3} %", line.traded_wh.saturating_mul(100) / needed),
    };
    let chain = match (line.final_batch, line.pending_batch) {
        (Some(done), Some(pending)) => format!("batch {done} final, {pending} pending"),
        (Some(done), None) => format!("batch {done} final"),
        (None, Some(pending)) => format!("batch {pending} pending"),
        (None, None) => "no batch yet".to_owned(),
    };
    format!("  {time}  {traded}  {price}  {share}  {chain}")
}

fn thousandths(wh: u64) -> String {
    format!("{}.{:03}", wh / 1_000, wh % 1_000)
}

#[cfg(test)]
mod tests {
    use energy_core::IntervalLength;

    use super::*;

    #[test]
    fn an_interval_is_one_readable_line() {
        let start = IntervalLength::QUARTER_HOUR
            .start_at(1_781_514_000)
            .expect("aligned");
        let line = IntervalLine {
            start,
            trading_homes: 18,
            traded_wh: 4_213,
            needed_wh: 6_500,
            price_micro: Some(201_250),
            final_batch: Some(11),
            pending_batch: Some(12),
        };
        let text = describe(&line);
        assert_eq!(
            text,
            "  2026-06-15 09:00 UTC     4.213 kWh between 18 homes      20.12 ct/kWh  local  64 %  batch 11 final, 12 pending"
        );
        let unpriced = |traded_wh| {
            describe(&IntervalLine {
                price_micro: None,
                traded_wh,
                ..line
            })
        };
        assert!(unpriced(0).contains("no trade"));
        assert!(unpriced(5).contains("several prices"));
    }
}
