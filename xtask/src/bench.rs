//! `cargo xtask bench`: a few times of the release build that a person notices.

use crate::install::{Need, provide};
use crate::place::Place;
use crate::shell::line;
use anyhow::Result;

/// Builds the release programs and prints: time to the first page, to the whole history, of one `verify`, of one
/// simulated week.
pub(crate) fn run(place: &Place) -> Result<bool> {
    provide(place, Need::Python)?;
    line(place, "cargo").args("build --release").run()?;
    line(place, "cargo")
        .args("build --release --package simulations --bin gridsim")
        .run()?;
    line(place, place.python())
        .args("-B -u tests/e2e/figures.py")
        .env("COMMONWATT", place.program("release", "commonwatt"))
        .env("GRIDSIM", place.program("release", "gridsim"))
        .run()?;
    Ok(true)
}
