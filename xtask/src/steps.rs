//! The steps of `cargo xtask test`, in order: the quick ones first, so that a slip shows early.
//!
//! Everything is built once, for the whole workspace, in the dev profile: the unit tests, the programs that the
//! end-to-end tests start and the documentation examples share one set of compiled dependencies. Overflow checks and
//! debug assertions are on in all of them.

use crate::contracts;
use crate::install::Need;
use crate::place::Place;
use crate::shell::{Line, line};
use crate::suite::Step;
use anyhow::{Result, bail};

/// The folder of the dev profile below the build folder.
pub(crate) const PROFILE: &str = "debug";

/// Every step of `cargo xtask test`.
pub(crate) fn test_steps() -> Vec<Step> {
    let mut steps = code_steps();
    steps.extend(outside_steps());
    steps.extend(end_to_end_steps());
    steps
}

fn code_steps() -> Vec<Step> {
    vec![
        Step {
            name: "fmt",
            about: "the code is formatted",
            needs: &[],
            remedy: "run `cargo fmt --all`",
            work: |place| line(place, "cargo").args("fmt --all --check").run(),
        },
        Step {
            name: "clippy",
            about: "no warning from the compiler or clippy",
            needs: &[],
            remedy: "mend what the messages above name",
            work: |place| {
                line(place, "cargo")
                    .args("clippy --workspace --all-targets -- -D warnings")
                    .run()
            },
        },
        Step {
            name: "docs",
            about: "the documentation builds without a warning",
            needs: &[],
            remedy: "mend the links and comments named above",
            work: |place| {
                line(place, "cargo")
                    .env("RUSTDOCFLAGS", "-D warnings")
                    .args("doc --workspace --no-deps --quiet")
                    .run()
            },
        },
        Step {
            name: "unit",
            about: "unit, property and integration tests",
            needs: &[Need::Nextest],
            remedy: "run the named test alone: `cargo nextest run --workspace NAME`",
            work: |place| nextest(place, "not (binary(arrows) or binary(house_rules))"),
        },
        Step {
            name: "doctest",
            about: "the examples in the documentation run",
            needs: &[],
            remedy: "mend the example named above",
            work: |place| {
                line(place, "cargo")
                    .args("test --workspace --doc --quiet")
                    .run()
            },
        },
        Step {
            name: "arrows",
            about: "no dependency that ARCHITECTURE.md does not allow; the house rules hold",
            needs: &[Need::Nextest],
            remedy: "remove the dependency, or change tests/arrows.rs and ARCHITECTURE.md together and say why",
            work: |place| nextest(place, "binary(arrows) or binary(house_rules)"),
        },
    ]
}

fn outside_steps() -> Vec<Step> {
    vec![
        Step {
            name: "contracts",
            about: "the contracts compile, pass their tests, and equal the committed ABI and bytecode",
            needs: &[Need::Contracts],
            remedy: "for a difference in ABI or bytecode run `cargo xtask contracts` and commit the result",
            work: contracts::test,
        },
        Step {
            name: "golden",
            about: "the golden reading batch verified by an independent Python reader",
            needs: &[Need::Python],
            remedy: "the wire format changed: see energy-core and tests/python/golden_reading_batch.py",
            work: |place| {
                line(place, place.python())
                    .args("-B tests/python/golden_reading_batch.py")
                    .run()
            },
        },
        Step {
            name: "golden-profiles",
            about: "the golden vectors of every device profile worked out again by an independent Python reader",
            needs: &[Need::Python],
            remedy: "the named vector of the profile and its points do not agree: see docs/profiles.md",
            work: |place| {
                line(place, place.python())
                    .args("-B tests/python/golden_profiles.py")
                    .run()
            },
        },
        Step {
            name: "deny",
            about: "licences, bans, sources and advisories of every dependency",
            needs: &[Need::Deny],
            remedy: "replace the dependency, or add an exception with its reason to deny.toml",
            work: deny,
        },
        Step {
            name: "compose",
            about: "docker-compose.yml is valid",
            needs: &[Need::Python],
            remedy: "mend docker-compose.yml at the place named above",
            work: compose,
        },
    ]
}

fn end_to_end_steps() -> Vec<Step> {
    vec![
        Step {
            name: "build",
            about: "the programs that the end-to-end tests start",
            needs: &[],
            remedy: "mend what the compiler names",
            work: |place| line(place, "cargo").args("build --workspace --bins").run(),
        },
        Step {
            name: "e2e-readiness",
            about: "three intervals become final in time, the audit is zero, independent clients read the same balances",
            needs: &[Need::Python, Need::Contracts],
            remedy: "read the street's log in the printed folder",
            work: |place| script(place, "readiness.py").run(),
        },
        Step {
            name: "e2e-market",
            about: "over a day prices lie inside the band and no home is worse off than with the utility alone",
            needs: &[Need::Python],
            remedy: "look at the named interval on the operator's page",
            work: |place| script(place, "market_day.py").run(),
        },
        Step {
            name: "e2e-peers",
            about: "Mosquitto and anvil give the same statements and balances as the embedded broker and chain",
            needs: &[Need::Python, Need::Contracts, Need::Mosquitto],
            remedy: "compare the two snapshots in the printed folder",
            work: |place| script(place, "peers.py").run(),
        },
        Step {
            name: "e2e-kills",
            about: "ten times kill -9 in one day change nothing",
            needs: &[Need::Python],
            remedy: "repeat with the printed seed: `tests/e2e/kills.py --kill-seed N`",
            work: |place| script(place, "kills.py").run(),
        },
        Step {
            name: "e2e-verify",
            about: "a bundle verifies offline, and no flipped bit or forged key passes",
            needs: &[Need::Python],
            remedy: "the printed byte and bit repeat it: `commonwatt verify FILE`",
            work: |place| script(place, "bundle.py").run(),
        },
        Step {
            name: "e2e-enrolment",
            about: "an independent gateway is invited, enrols, and has its batches receipted over HTTP",
            needs: &[Need::Python],
            remedy: "read the street's log in the printed folder",
            work: |place| script(place, "enrolment.py").run(),
        },
        Step {
            name: "e2e-pages",
            about: "three pages in a real browser at two widths, light and dark",
            needs: &[Need::Python, Need::Chromium],
            remedy: "look at the screenshots in the printed folder",
            work: |place| script(place, "pages.py").run(),
        },
        Step {
            name: "e2e-faults",
            about: "bad input is refused in plain words and stops nothing else",
            needs: &[Need::Python, Need::Mosquitto],
            remedy: "start the named case by hand with the printed command",
            work: |place| script(place, "faults.py").run(),
        },
        Step {
            name: "e2e-modbus",
            about: "every Modbus profile's golden vectors through a pymodbus server, and each device found again",
            needs: &[Need::Python],
            remedy: "repeat with one profile: `tests/e2e/modbus_peers.py --only NAME`",
            work: |place| script(place, "modbus_peers.py").run(),
        },
        Step {
            name: "gridsim",
            about: "the simulator gives the same bytes on one thread and on two",
            needs: &[Need::Python],
            remedy: "compare the two folders named above",
            work: |place| script(place, "gridsim.py").run(),
        },
    ]
}

/// Runs the tests that a nextest filter names. Always for the whole workspace: another choice of packages would choose
/// other features and compile the dependencies again.
pub(crate) fn nextest(place: &Place, filter: &str) -> Result<()> {
    line(place, "cargo")
        .args("nextest run --workspace --no-fail-fast --status-level slow --final-status-level fail -E")
        .arg(filter)
        .run()
}

/// One of the scripts in `tests/e2e`, told where the programs are.
pub(crate) fn script(place: &Place, name: &str) -> Line {
    line(place, place.python())
        .args("-B -u")
        .arg(format!("tests/e2e/{name}"))
        .env("COMMONWATT", place.program(PROFILE, "commonwatt"))
        .env("GRIDSIM", place.program(PROFILE, "gridsim"))
        .env("E2E_SCREENS", place.screens())
}

/// Advisories need a database from the network; the rest does not.
fn deny(place: &Place) -> Result<()> {
    line(place, "cargo")
        .args("deny --workspace check licenses bans sources")
        .run()?;
    let (passed, text) = line(place, "cargo")
        .args("deny --workspace check advisories")
        .quiet();
    let is_unreachable = !passed && text.contains("failed to fetch advisory database");
    if passed {
        println!("advisories: none that applies");
    } else if is_unreachable {
        println!("advisories: not checked, their database cannot be reached from here");
    } else {
        bail!("advisories:\n{text}");
    }
    Ok(())
}

/// Against the published schema; with Docker's own parser too where it is installed (it needs no running engine).
fn compose(place: &Place) -> Result<()> {
    line(place, place.python())
        .args("-m check_jsonschema --builtin-schema vendor.compose-spec docker-compose.yml")
        .run()?;
    let (has_plugin, _) = line(place, "docker").args("compose version").quiet();
    if has_plugin {
        line(place, "docker")
            .args("compose --file docker-compose.yml config --quiet")
            .run()?;
    } else {
        println!("docker compose is not installed here: checked against the schema alone");
    }
    Ok(())
}
