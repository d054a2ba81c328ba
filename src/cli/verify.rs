//! `commonwatt verify`: arguments, files and lines around [`crate::verify`].

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use energy_core::{Address, Hash};

use crate::verify::{Bundle, Outcome, Report, Trust, verify};

/// Exit code for files, or a chain, that cannot be read.
const UNREADABLE: u8 = 2;

/// Check a home's proof bundle offline, from the raw register to the root on the chain.
///
/// Exit code: 0 verified; 1 wrong, and the step that is; 2 a file or the chain cannot be read; 3 everything holds
/// together, but the root is not among the trusted ones.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArguments {
    /// The bundle, as downloaded from the home's page.
    bundle: PathBuf,
    /// The trust file from enrolment: chain, contract, keys, and roots added by `chain roots`.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Ask this chain's JSON-RPC whether the root was accepted.
    #[arg(long, value_name = "URL", requires = "contract")]
    rpc: Option<String>,
    /// The settlement contract to ask.
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    contract: Option<Address>,
    /// Print the report and what the bundle says as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &VerifyArguments) -> anyhow::Result<ExitCode> {
    let unreadable = |message: String| {
        eprintln!("error: {message}");
        Ok(ExitCode::from(UNREADABLE))
    };
    let bytes = match std::fs::read(&arguments.bundle) {
        Ok(bytes) => bytes,
        Err(error) => {
            return unreadable(format!("reading {}: {error}", arguments.bundle.display()));
        }
    };
    let bundle = match Bundle::from_bytes(&bytes) {
        Ok(bundle) => bundle,
        Err(error) => {
            return unreadable(format!("decoding {}: {error}", arguments.bundle.display()));
        }
    };
    let trust = match arguments.trust.as_deref().map(Trust::load).transpose() {
        Ok(trust) => trust,
        Err(error) => return unreadable(error.to_string()),
    };
    let roots = match accepted_roots(arguments) {
        Ok(roots) => roots,
        Err(error) => return unreadable(format!("{error:#}")),
    };
    let report = verify(&bundle, trust.as_ref(), &roots);
    if arguments.json {
        super::say(&serde_json::to_string_pretty(&serde_json::json!({
            "report": report,
            "bundle": bundle,
        }))?);
    } else {
        print(&report);
    }
    Ok(ExitCode::from(report.outcome.exit_code()))
}

#[cfg(feature = "node")]
fn accepted_roots(arguments: &VerifyArguments) -> anyhow::Result<BTreeSet<Hash>> {
    match (&arguments.rpc, arguments.contract) {
        (Some(rpc), Some(contract)) => super::chain::accepted_roots(rpc, contract),
        _ => Ok(BTreeSet::new()),
    }
}

#[cfg(not(feature = "node"))]
fn accepted_roots(arguments: &VerifyArguments) -> anyhow::Result<BTreeSet<Hash>> {
    match arguments.rpc {
        Some(_) => {
            anyhow::bail!("this build cannot ask a chain: use --trust, or a build with the node")
        }
        None => Ok(BTreeSet::new()),
    }
}

fn print(report: &Report) {
    let colour = std::io::stdout().is_terminal();
    let paint = |code: &str, text: &str| {
        if colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    };
    for step in &report.steps {
        let mark = if step.holds {
            paint("32", "✓")
        } else {
            paint("31", "✗")
        };
        println!("{mark} {:<20} {}", step.step.title(), step.text);
    }
    println!();
    match report.outcome {
        Outcome::Verified => println!(
            "{}",
            paint("32", "Verified, from the register to the chain.")
        ),
        Outcome::Wrong(step) => println!(
            "{}",
            paint("31", &format!("Wrong: {} does not hold.", step.title()))
        ),
        Outcome::UntrustedRoot => println!(
            "{}",
            paint(
                "33",
                "Everything holds together. Whether the chain accepted its root is not known here: bring --trust FILE, or --rpc URL --contract ADDRESS."
            )
        ),
    }
}
