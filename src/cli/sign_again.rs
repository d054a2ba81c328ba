//! `commonwatt sign-again`: the forger of the test suite. It signs a bundle's readings with a key of
//! its own, which everything inside the bundle agrees with and only enrolment can tell.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::verify::Bundle;

/// Sign a bundle's batches with another key, to test that a trust file catches it.
#[derive(Debug, clap::Args)]
pub(super) struct SignAgainArguments {
    /// The bundle to forge.
    bundle: PathBuf,
    /// Where to write the forgery.
    out: PathBuf,
}

pub(super) fn run(arguments: &SignAgainArguments) -> anyhow::Result<()> {
    let bytes = std::fs::read(&arguments.bundle)
        .with_context(|| format!("reading {}", arguments.bundle.display()))?;
    let forged = Bundle::from_bytes(&bytes)?
        .signed_again(&energy_core::SigningKey::from_seed(&[0x5a; 32]))?;
    std::fs::write(&arguments.out, forged.to_bytes())
        .with_context(|| format!("writing {}", arguments.out.display()))
}
