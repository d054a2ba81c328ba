//! The same month under every mechanism and every mode of the automatic agent, as one table.
//!
//! `cargo run --release -p simulations --no-default-features --example month_table -- [SCENARIO]`,
//! where SCENARIO is the name of a bundled scenario or a TOML file. It takes some seconds; progress
//! goes to stderr.

use std::{
    io::{IsTerminal as _, stderr},
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use market_engine::mechanism::Mechanism;
use rayon::prelude::*;
use simulations::{
    comparison::{Line, line, table},
    recording::Recording,
    runner::Preferences,
    scenario::{BUNDLED, Scenario},
};

const DEFAULT: &str = "community-37-month";

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or(DEFAULT.to_owned());
    match run(&name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("month_table: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let scenario = load(name)?;
    eprintln!("recording {} homes", scenario.homes);
    let recording = Recording::of(&scenario, scenario.seed, 0)?;
    let ways: Vec<(Mechanism, Preferences)> = Mechanism::ALL
        .into_iter()
        .flat_map(|mechanism| Preferences::ALL.map(|preferences| (mechanism, preferences)))
        .collect();
    let done = AtomicUsize::new(0);
    let lines = ways
        .par_iter()
        .map(|(mechanism, preferences)| {
            let line = line(&scenario.rules, &recording, *mechanism, *preferences);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, ways.len());
            line
        })
        .collect::<Result<Vec<Line>, _>>()?;
    eprintln!(
        "settled {} months in {:.1} s",
        lines.len(),
        started.elapsed().as_secs_f64()
    );
    print!("{}", table(&scenario, scenario.seed, &recording, &lines));
    Ok(())
}

fn load(name: &str) -> Result<Scenario, Box<dyn std::error::Error>> {
    let text = match BUNDLED.iter().find(|(bundled, _)| *bundled == name) {
        Some((_, text)) => (*text).to_owned(),
        None => std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?,
    };
    Ok(Scenario::parse(&text)?)
}

/// One line that is written over on a terminal; silence where nobody watches.
fn progress(done: usize, all: usize) {
    if stderr().is_terminal() {
        eprint!(
            "\r{done} of {all} months{}",
            if done == all { "\n" } else { "" }
        );
    }
}
