//! Where things are: the workspace, the build folder, the cache for tools.
//!
//! Nothing is written outside the build folder, the cache folder and `settlement/contracts/node_modules`.

use anyhow::{Context, Result};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folders that a chore works in.
pub(crate) struct Place {
    /// The workspace root.
    pub(crate) root: PathBuf,
    /// Cargo's build folder: `CARGO_TARGET_DIR`, or `target/` in the workspace.
    pub(crate) target: PathBuf,
    /// Kept between runs: cargo tools and the Python environment.
    pub(crate) cache: PathBuf,
}

impl Place {
    /// Finds the workspace from this crate's own manifest.
    pub(crate) fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .context("xtask has no parent folder")?
            .to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        let cache = match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
            (Some(folder), _) if !folder.is_empty() => PathBuf::from(folder).join("commonwatt"),
            (_, Some(home)) => PathBuf::from(home).join(".cache").join("commonwatt"),
            _ => target.join("cache"),
        };
        Ok(Self {
            root,
            target,
            cache,
        })
    }

    /// The folder with the Solidity sources.
    pub(crate) fn contracts(&self) -> PathBuf {
        self.root.join("settlement").join("contracts")
    }

    /// The folder that `cargo install --root` gets.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// The Python environment of the tests.
    pub(crate) fn venv(&self) -> PathBuf {
        self.cache.join("venv")
    }

    /// The interpreter inside the Python environment.
    pub(crate) fn python(&self) -> PathBuf {
        self.venv().join("bin").join("python")
    }

    /// A program built by `cargo build` (`profile` is `debug` or `release`).
    pub(crate) fn program(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(name)
    }

    /// Where the browser test leaves its pictures.
    pub(crate) fn screens(&self) -> PathBuf {
        self.target.join("e2e-screens")
    }

    /// The search path for every command: cargo tools, Foundry's programs, the caller's path, the system folders
    /// (Debian keeps brokers in `/usr/sbin`, which is not on everybody's path).
    pub(crate) fn search_path(&self) -> OsString {
        let mut folders = vec![self.tools().join("bin")];
        for tool in ["forge", "cast", "anvil"] {
            folders.extend(foundry_folder(&self.contracts(), tool));
        }
        if let Some(path) = env::var_os("PATH") {
            folders.extend(env::split_paths(&path));
        }
        folders.push(PathBuf::from("/usr/sbin"));
        folders.push(PathBuf::from("/sbin"));
        env::join_paths(folders).unwrap_or_default()
    }

    /// Finds a program on [`Place::search_path`].
    pub(crate) fn which(&self, program: &str) -> Option<PathBuf> {
        let path = self.search_path();
        env::split_paths(&path)
            .map(|folder| folder.join(program))
            .find(|file| file.is_file())
    }
}

/// The folder of a Foundry program inside its platform package, for instance `@foundry-rs/forge-linux-amd64/bin`.
fn foundry_folder(contracts: &Path, tool: &str) -> Option<PathBuf> {
    let packages = contracts.join("node_modules").join("@foundry-rs");
    let mut found: Vec<PathBuf> = std::fs::read_dir(packages)
        .ok()?
        .filter_map(|entry| entry.ok().map(|entry| entry.path().join("bin")))
        .filter(|folder| {
            folder.join(tool).is_file() && folder.to_string_lossy().contains(&format!("{tool}-"))
        })
        .collect();
    found.sort();
    found.pop()
}
