//! `commonwatt`: one binary, its roles as subcommands. Without a subcommand it is the demo.

use std::process::ExitCode;

fn main() -> ExitCode {
    commonwatt::cli::run()
}
