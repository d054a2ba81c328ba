//! Arguments only; each subcommand is a few lines that call a part.

#[cfg(feature = "node")]
mod chain;
mod clear;
#[cfg(feature = "node")]
mod enrol;
#[cfg(feature = "gateway")]
mod gateway;
mod profile;
mod sign_again;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Peer-to-peer energy trading from the meter register to the token balance.
///
/// Without a subcommand it starts the demo: a whole street in one process.
#[derive(Debug, Parser)]
#[command(name = "commonwatt", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[cfg(feature = "demo")]
    #[command(flatten)]
    demo: crate::demo::DemoArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a street of homes that trade and settle, and watch it in a browser.
    #[cfg(feature = "demo")]
    Demo(crate::demo::DemoArguments),
    /// A household's gateway alone: read, sign, send; and what an installer needs.
    #[cfg(feature = "gateway")]
    #[command(subcommand)]
    Gateway(gateway::GatewayCommand),
    /// Invite a household's gateway into the zone.
    #[cfg(feature = "node")]
    #[command(subcommand)]
    Enrol(enrol::EnrolCommand),
    /// Check a home's proof bundle offline, from the raw register to the root on the chain.
    Verify(verify::VerifyArguments),
    /// Clear a book of orders from a file, compare mechanisms on it, or check a result.
    Clear(clear::ClearArguments),
    /// Check a device profile, and run its golden vectors.
    Profile(profile::ProfileArguments),
    #[command(hide = true)]
    SignAgain(sign_again::SignAgainArguments),
    /// Look at the settlement contract: addresses, ABI, accepted roots.
    #[cfg(feature = "node")]
    #[command(subcommand)]
    Chain(chain::ChainCommand),
}

/// Prints to standard output; a reader that has gone, as `head` does, ends the program quietly.
fn say(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Log lines go to standard error; `RUST_LOG` says which.
#[cfg(any(feature = "gateway", feature = "demo"))]
pub(crate) fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "warn,rumqttd=off".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .init();
}

/// Runs the program and says how it ended.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        #[cfg(feature = "demo")]
        None => crate::demo::run(arguments.demo).map(|()| ExitCode::SUCCESS),
        #[cfg(not(feature = "demo"))]
        None => Err(anyhow::anyhow!(
            "this build has no demo: name a subcommand, see --help"
        )),
        #[cfg(feature = "demo")]
        Some(Command::Demo(demo)) => crate::demo::run(demo).map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "gateway")]
        Some(Command::Gateway(command)) => gateway::run(command),
        #[cfg(feature = "node")]
        Some(Command::Enrol(command)) => enrol::run(command).map(|()| ExitCode::SUCCESS),
        Some(Command::Verify(verify)) => verify::run(&verify),
        Some(Command::Clear(clear)) => Ok(clear::run(&clear)),
        Some(Command::Profile(profile)) => profile::run(&profile).map(|()| ExitCode::SUCCESS),
        Some(Command::SignAgain(forgery)) => sign_again::run(&forgery).map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "node")]
        Some(Command::Chain(command)) => chain::run(command).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
