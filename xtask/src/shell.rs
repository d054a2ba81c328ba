//! Runs commands: prints each one before it runs, with the search path of the project and a clean environment.

use crate::place::Place;
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// One command, to be run with [`Line::run`] or [`Line::quiet`].
pub(crate) struct Line {
    command: Command,
    shown: String,
}

/// Starts a command line in the workspace root.
pub(crate) fn line(place: &Place, program: impl AsRef<OsStr>) -> Line {
    let program = program.as_ref();
    // Resolved here, because the search path of the child is not the one that the parent looks in.
    let resolved = program
        .to_str()
        .and_then(|name| place.which(name))
        .map_or_else(|| program.to_owned(), Into::into);
    let mut command = Command::new(resolved);
    command
        .current_dir(&place.root)
        .env("PATH", place.search_path())
        .stdin(Stdio::null());
    // What `cargo run` tells xtask about itself would make other crates' build scripts run again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_MANIFEST_")
            || text == "CARGO_BIN_NAME"
        {
            command.env_remove(&name);
        }
    }
    let shown = Path::new(program)
        .file_name()
        .unwrap_or(program)
        .to_string_lossy()
        .into_owned();
    Line { command, shown }
}

impl Line {
    /// Adds arguments, given as one string split at spaces.
    pub(crate) fn args(mut self, arguments: &str) -> Self {
        for argument in arguments.split_whitespace() {
            self = self.arg(argument);
        }
        self
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        let text = argument.as_ref().to_string_lossy();
        if text.contains(' ') {
            self.shown.push_str(&format!("'{text}'"));
        } else {
            self.shown.push_str(&text);
        }
        self.command.arg(argument);
        self
    }

    /// Sets an environment variable and shows it.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.shown = format!("{name}={} {}", value.as_ref().to_string_lossy(), self.shown);
        self.command.env(name, value);
        self
    }

    /// Changes the working folder.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it with its output on the terminal.
    ///
    /// # Errors
    /// The command cannot be started, or ends with another code than 0.
    pub(crate) fn run(mut self) -> Result<()> {
        println!("$ {}", self.shown);
        let status = self
            .command
            .status()
            .with_context(|| format!("cannot start `{}`", self.shown))?;
        if !status.success() {
            bail!("`{}` ended with {status}", self.shown);
        }
        Ok(())
    }

    /// Runs it without showing anything; says whether it ended with 0, and gives what it wrote (output, then errors).
    pub(crate) fn quiet(mut self) -> (bool, String) {
        match self.command.output() {
            Ok(output) => {
                let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
                text.push_str(&String::from_utf8_lossy(&output.stderr));
                (output.status.success(), text)
            }
            Err(error) => (false, format!("cannot start `{}`: {error}", self.shown)),
        }
    }
}
