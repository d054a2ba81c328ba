//! The Solidity side: compile, test, export, gas. The compiler and the test runner come from npm, by name and version.

use crate::install::{Need, provide};
use crate::place::Place;
use crate::shell::{Line, line};
use anyhow::Result;

fn forge(place: &Place) -> Line {
    line(place, "forge").within(&place.contracts())
}

/// Compiles and tests the contracts, then compares the committed ABI and bytecode with the fresh ones.
pub(crate) fn test(place: &Place) -> Result<()> {
    forge(place).arg("build").run()?;
    forge(place).arg("test").run()?;
    compare(place)
}

/// Compares the committed ABI and bytecode with a fresh compile.
fn compare(place: &Place) -> Result<()> {
    line(place, "node")
        .within(&place.contracts())
        .args("export.cjs --check")
        .run()
}

/// `cargo xtask contracts [--check]`.
pub(crate) fn export(place: &Place, check: bool) -> Result<bool> {
    provide(place, Need::Contracts)?;
    forge(place).arg("build").run()?;
    if check {
        compare(place)?;
    } else {
        line(place, "node")
            .within(&place.contracts())
            .arg("export.cjs")
            .run()?;
    }
    Ok(true)
}

/// `cargo xtask gas`: Foundry's own table, one row for each call.
pub(crate) fn gas(place: &Place) -> Result<bool> {
    provide(place, Need::Contracts)?;
    forge(place).args("test --gas-report").run()?;
    Ok(true)
}

/// The long fuzz and invariant runs.
pub(crate) fn soak(place: &Place) -> Result<()> {
    forge(place)
        .env("FOUNDRY_FUZZ_RUNS", "20000")
        .env("FOUNDRY_INVARIANT_RUNS", "256")
        .env("FOUNDRY_INVARIANT_DEPTH", "500")
        .arg("test")
        .run()
}
