//! `gridsim run SCENARIO`: a community from one file, through the code that runs in production.

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use simulations::{
    conservation::Differences,
    frames, metrics, report, runner,
    scenario::{BUNDLED, Scenario},
};

#[derive(Parser)]
#[command(
    name = "gridsim",
    version,
    about = "Runs an energy community on a virtual clock"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario, write Parquet files, print a summary
    Run {
        /// The name of a scenario that comes with gridsim, such as street-25-week, or a TOML file
        scenario: String,
        /// Where the files go [default: gridsim-results/SCENARIO-SEED]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// From which homes, weather and habits grow [default: the scenario's]
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
        /// How many threads; 0 for one for each core. The result is the same for any number
        #[arg(long, value_name = "N", default_value_t = 0)]
        threads: usize,
    },
}

fn main() -> ExitCode {
    let Command::Run {
        scenario,
        out,
        seed,
        threads,
    } = Arguments::parse().command;
    match run(&scenario, out, seed, threads) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!(
                "gridsim: energy or money does not add up, or a home is worse off; see the checks above"
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("gridsim: {}", said_once(&error));
            ExitCode::from(2)
        }
    }
}

/// Runs, writes, prints; whether all checks hold.
fn run(
    name: &str,
    out: Option<PathBuf>,
    seed: Option<u64>,
    threads: usize,
) -> anyhow::Result<bool> {
    let scenario = load(name)?;
    let seed = seed.unwrap_or(scenario.seed);
    let started = Instant::now();
    let results = runner::run(&scenario, seed, threads)?;
    let runtime = started.elapsed();
    let folder = out
        .unwrap_or_else(|| Path::new("gridsim-results").join(format!("{}-{seed}", scenario.name)));
    let written = frames::write(&folder, &scenario, seed, &results)?;
    let threads = if threads == 0 {
        std::thread::available_parallelism().map_or(1, usize::from)
    } else {
        threads
    };
    let facts = report::Facts {
        seed,
        threads,
        runtime,
        files: written
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect(),
        hash: written.hash.to_string(),
    };
    let summary = metrics::summary(&scenario, &results);
    let mut stdout = std::io::stdout();
    let bold = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let page = report::page(&scenario, &results, &summary, &facts, bold);
    // A reader such as `head` may close early; the files are written all the same.
    let _ = stdout.write_all(page.as_bytes());
    Ok(summary.differences == Differences::default())
}

/// An error with its causes, each said once: most of ours name their cause already.
fn said_once(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |said, cause| {
        let cause = cause.to_string();
        match said.is_empty() {
            true => cause.trim_end().to_owned(),
            false if said.contains(cause.trim_end()) => said,
            false => format!("{said}: {}", cause.trim_end()),
        }
    })
}

/// A bundled scenario by name, or one from a file.
fn load(name: &str) -> anyhow::Result<Scenario> {
    if let Some((_, text)) = BUNDLED.iter().find(|(known, _)| *known == name) {
        return Ok(Scenario::parse(text)?);
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "toml") {
        let known: Vec<&str> = BUNDLED.iter().map(|(known, _)| *known).collect();
        bail!(
            "expected a scenario ({}) or a path that ends in .toml, got `{name}`",
            known.join(", ")
        );
    }
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the scenario `{name}`"))?;
    Scenario::parse(&text).with_context(|| format!("in `{name}`"))
}
