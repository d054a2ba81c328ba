//! The project's own chores: `cargo xtask test|soak|gas|bench|contracts`.
//!
//! Depends on no crate of the workspace, so that it builds in seconds and still runs when the product does not compile.
//! Every chore is a list of ordinary commands that can also be typed by hand; they are printed before they run.

mod bench;
mod contracts;
mod install;
mod place;
mod report;
mod shell;
mod soak;
mod steps;
mod suite;

use clap::{Parser, Subcommand};
use place::Place;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of the project")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what the tests need, then run all of them
    Test {
        /// Run only this step, or all whose name begins so (`e2e`); may be given more than once
        #[arg(long, value_name = "STEP")]
        only: Vec<String>,
        /// Name the steps and run nothing
        #[arg(long)]
        list: bool,
    },
    /// The long sizes of the same tests, with one table at the end
    Soak {
        /// Run only this part, or all whose name begins so; may be given more than once
        #[arg(long, value_name = "PART")]
        only: Vec<String>,
        /// Name the parts and run nothing
        #[arg(long)]
        list: bool,
    },
    /// What each call of the contracts costs in gas
    Gas,
    /// Times of the release build
    Bench {
        /// What to time
        #[arg(value_enum, default_value = "programs")]
        part: bench::Part,
    },
    /// Compile the contracts and write their ABI and bytecode for the Rust side
    Contracts {
        /// Only compare with what is committed
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Place::find().and_then(|place| match arguments.chore {
        Chore::Test { only, list } => suite::run(&place, "test", &steps::test_steps(), &only, list),
        Chore::Soak { only, list } => suite::run(&place, "soak", &soak::soak_steps(), &only, list),
        Chore::Gas => contracts::gas(&place),
        Chore::Bench { part } => bench::run(&place, part),
        Chore::Contracts { check } => contracts::export(&place, check),
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
