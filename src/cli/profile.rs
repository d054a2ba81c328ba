//! `commonwatt profile`: is this device profile one that a gateway would take?

use std::path::PathBuf;

use anyhow::Context as _;
use meter_gateway::Profile;

/// Check a device profile, and run its golden vectors.
#[derive(Debug, clap::Args)]
pub(super) struct ProfileArguments {
    /// The profile's TOML file.
    file: PathBuf,
}

pub(super) fn run(arguments: &ProfileArguments) -> anyhow::Result<()> {
    let name = arguments.file.display().to_string();
    let text =
        std::fs::read_to_string(&arguments.file).with_context(|| format!("reading {name}"))?;
    let profile = Profile::from_toml(&name, &text)?;
    println!(
        "{name}: {} ({}), {} points, hash {}",
        profile.title(),
        profile.name(),
        profile.points().len(),
        hex::encode(profile.hash8())
    );
    Ok(())
}
