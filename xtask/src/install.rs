//! Gets what the tests need, by package name: Debian packages, npm packages of the contracts, Python packages, cargo tools.
//!
//! Looks first and installs only what is missing, so that a second run costs nothing. What cannot be had is one clear
//! line; the steps that need it then fail and say so. As somebody other than root, `sudo` installs Debian packages.

use crate::place::Place;
use crate::shell::line;
use anyhow::{Context, Result, bail};
use std::fs;

/// The Python packages of the end-to-end tests, with their versions.
const REQUIREMENTS: &str = "tests/e2e/requirements.txt";

/// Something that a step needs and that may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Mosquitto, the MQTT broker.
    Mosquitto,
    /// Debian's Chromium, with a font.
    Chromium,
    /// Node.js and npm, and the packages of `settlement/contracts`.
    Contracts,
    /// The Python environment.
    Python,
    /// `cargo nextest`.
    Nextest,
    /// `cargo deny`.
    Deny,
}

/// Gets one thing.
///
/// # Errors
/// One sentence that says what is missing and how it could be had.
pub(crate) fn provide(place: &Place, need: Need) -> Result<()> {
    match need {
        Need::Mosquitto => debian(place, "mosquitto", "mosquitto"),
        Need::Chromium => {
            debian(place, "chromium", "chromium")?;
            debian_font(place)
        }
        Need::Contracts => {
            debian(place, "node", "nodejs")?;
            debian(place, "npm", "npm")?;
            npm(place)
        }
        Need::Python => python(place),
        Need::Nextest => cargo_tool(place, "cargo-nextest", "--locked"),
        Need::Deny => cargo_tool(
            place,
            "cargo-deny",
            "--locked --debug --no-default-features",
        ),
    }
}

fn debian(place: &Place, program: &str, package: &str) -> Result<()> {
    if place.which(program).is_some() {
        return Ok(());
    }
    apt_install(place, package)?;
    if place.which(program).is_none() {
        bail!(
            "Debian package `{package}` is installed, but the program `{program}` is not on the path"
        );
    }
    Ok(())
}

/// Without any font Chromium draws boxes.
fn debian_font(place: &Place) -> Result<()> {
    let (has_list, fonts) = line(place, "fc-list").quiet();
    if has_list && !fonts.trim().is_empty() {
        return Ok(());
    }
    apt_install(place, "fonts-dejavu-core")
}

fn apt_install(place: &Place, package: &str) -> Result<()> {
    if place.which("apt-get").is_none() {
        bail!(
            "`{package}` is missing and this is not a Debian machine: install it with the system's own package manager"
        );
    }
    let (_, user) = line(place, "id").arg("-u").quiet();
    let root = user.trim() == "0";
    if !root && place.which("sudo").is_none() {
        bail!("`{package}` is missing: run `apt-get install {package}` as root, or install sudo");
    }
    let apt = || {
        let start = if root {
            line(place, "env")
        } else {
            line(place, "sudo").args("-n env")
        };
        start.args("DEBIAN_FRONTEND=noninteractive apt-get -q")
    };
    let install = || {
        apt()
            .args("install -y --no-install-recommends")
            .arg(package)
    };
    // The list of packages may be old or absent: refresh it once, when the first try finds nothing.
    if install().run().is_err() {
        apt().arg("update").run().with_context(|| {
            format!("Debian package `{package}` is missing and the package list cannot be read")
        })?;
        install()
            .run()
            .with_context(|| format!("Debian package `{package}` cannot be installed"))?;
    }
    Ok(())
}

/// The npm packages of the contracts, exactly as their lock file says. Their install scripts are not needed.
fn npm(place: &Place) -> Result<()> {
    let contracts = place.contracts();
    let lock = contracts.join("package-lock.json");
    let installed = contracts.join("node_modules").join(".package-lock.json");
    let is_current = match (fs::metadata(&lock), fs::metadata(&installed)) {
        (Ok(lock), Ok(installed)) => installed.modified()? >= lock.modified()?,
        _ => false,
    };
    if !is_current {
        line(place, "npm")
            .within(&contracts)
            .args("ci --ignore-scripts --no-audit --no-fund --loglevel=error")
            .run()
            .context("the npm packages of settlement/contracts cannot be installed")?;
    }
    for tool in ["forge", "anvil", "cast"] {
        if place.which(tool).is_none() {
            bail!(
                "`{tool}` is missing: the npm package @foundry-rs/{tool} has no program for this machine"
            );
        }
    }
    Ok(())
}

/// A Python environment with exactly the packages of [`REQUIREMENTS`], made again when that file changes.
fn python(place: &Place) -> Result<()> {
    let wanted = fs::read_to_string(place.root.join(REQUIREMENTS))
        .with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    let marker = place.venv().join("requirements.installed");
    if fs::read_to_string(&marker).is_ok_and(|have| have == wanted) && place.python().is_file() {
        return Ok(());
    }
    debian(place, "python3", "python3")?;
    let (has_venv, _) = line(place, "python3")
        .args("-c")
        .arg("import venv, ensurepip")
        .quiet();
    if !has_venv {
        apt_install(place, "python3-venv")?;
    }
    fs::create_dir_all(&place.cache)
        .with_context(|| format!("cannot create {}", place.cache.display()))?;
    line(place, "python3")
        .args("-m venv --clear")
        .arg(place.venv())
        .run()
        .context("cannot make a Python environment")?;
    line(place, place.python())
        .args("-m pip install --quiet --disable-pip-version-check --requirement")
        .arg(REQUIREMENTS)
        .run()
        .context("the Python packages of the end-to-end tests cannot be installed")?;
    fs::write(&marker, wanted)?;
    Ok(())
}

/// A cargo subcommand, compiled once into the cache folder.
fn cargo_tool(place: &Place, name: &str, options: &str) -> Result<()> {
    if place.which(name).is_some() {
        return Ok(());
    }
    println!("{name} is not here yet: it is compiled once, which takes a few minutes");
    // Its own build folder, so that the project's is not mixed with it; not needed afterwards.
    let build = place.cache.join("tools-build");
    let installed = line(place, "cargo")
        .arg("install")
        .args(options)
        .arg("--quiet")
        .arg("--root")
        .arg(place.tools())
        .arg("--target-dir")
        .arg(&build)
        .arg(name)
        .run();
    fs::remove_dir_all(&build).ok();
    installed.with_context(|| format!("`{name}` cannot be installed"))
}
