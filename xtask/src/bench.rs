//! `cargo xtask bench`: a few times of the release build that a person notices, and the speed of the market engine.

use crate::install::{Need, provide};
use crate::place::Place;
use crate::shell::line;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::fs;

/// What numpy is compared in. It is only needed here, so that the tests do not fetch it.
const NUMPY: &str = "numpy==2.4.6";

/// The sizes of books that numpy clears.
const SIZES: &str = "1000 10000 100000 1000000 10000000";

/// What to time.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Part {
    /// The programs: first page, history, verify, gridsim
    Programs,
    /// Orders a second of everything that clears a book, beside numpy; the continuous book
    Market,
}

/// Runs one part.
pub(crate) fn run(place: &Place, part: Part) -> Result<bool> {
    match part {
        Part::Programs => programs(place)?,
        Part::Market => market(place)?,
    }
    Ok(true)
}

/// Builds the release programs and prints: time to the first page, to the whole history, of one `verify`, of one
/// simulated week.
fn programs(place: &Place) -> Result<()> {
    provide(place, Need::Python)?;
    line(place, "cargo").args("build --release").run()?;
    line(place, "cargo")
        .args("build --release --package simulations --bin gridsim")
        .run()?;
    line(place, place.python())
        .args("-B -u tests/e2e/figures.py")
        .env("COMMONWATT", place.program("release", "commonwatt"))
        .env("GRIDSIM", place.program("release", "gridsim"))
        .run()
}

/// Builds first, so that nothing else runs while something is timed.
fn market(place: &Place) -> Result<()> {
    let bench = |options: &str| {
        let package = "bench --package market-engine --bench";
        line(place, "cargo").args(package).args(options)
    };
    bench("market --bench continuous --no-run").run()?;
    let figures = place.target.join("numpy-figures.txt");
    match numpy(place) {
        Ok(text) => {
            fs::write(&figures, text)?;
            bench("market -- --numpy").arg(&figures).run()?;
        }
        Err(error) => {
            println!("numpy cannot be had, so the table is without it: {error:#}");
            bench("market").run()?;
        }
    }
    bench("continuous").run()
}

/// What numpy takes for such books, as text: `size=seconds` a line.
fn numpy(place: &Place) -> Result<String> {
    provide(place, Need::Python)?;
    let (has_numpy, _) = line(place, place.python())
        .args("-c")
        .arg("import numpy")
        .quiet();
    if !has_numpy {
        line(place, place.python())
            .args("-m pip install --quiet --disable-pip-version-check")
            .arg(NUMPY)
            .run()
            .context("the Python package cannot be installed")?;
    }
    let script = "market-engine/benches/numpy_baseline.py";
    let (passed, text) = line(place, place.python())
        .args("-B")
        .arg(script)
        .args(SIZES)
        .quiet();
    if !passed {
        bail!("{script} failed:\n{text}");
    }
    Ok(text)
}
