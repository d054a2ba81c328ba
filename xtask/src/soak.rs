//! `cargo xtask soak`: the long sizes of the same tests. Meant for a night, not for every change.

use crate::contracts;
use crate::install::Need;
use crate::place::Place;
use crate::shell::line;
use crate::steps::script;
use crate::suite::Step;
use anyhow::Result;

/// The parts of the soak.
pub(crate) fn soak_steps() -> Vec<Step> {
    vec![
        Step {
            name: "build",
            about: "the programs that the other parts start",
            needs: &[],
            remedy: "mend what the compiler names",
            work: |place| line(place, "cargo").args("build --workspace --bins").run(),
        },
        Step {
            name: "properties",
            about: "every property test with 20,000 cases",
            needs: &[Need::Nextest],
            remedy: "the failing case is printed and kept beside the test",
            work: properties,
        },
        Step {
            name: "brute-force",
            about: "a million random small books, each against every way to fill it",
            needs: &[Need::Nextest],
            remedy: "the printed number makes the same book again: tests/brute_force.rs",
            work: brute_force,
        },
        Step {
            name: "market",
            about: "the other tests of the market engine at their long sizes",
            needs: &[Need::Nextest],
            remedy: "the failing case is printed",
            work: market,
        },
        Step {
            name: "contracts",
            about: "20,000 fuzz runs a test, 256 x 500 calls an invariant",
            needs: &[Need::Contracts],
            remedy: "the failing call sequence is printed",
            work: contracts::soak,
        },
        Step {
            name: "kills",
            about: "a hundred times kill -9 in three days of 24 homes",
            needs: &[Need::Python],
            remedy: "repeat with the printed seed: `tests/e2e/kills.py --kill-seed N`",
            work: |place| {
                script(place, "kills.py")
                    .args("--kills 100 --days 3 --homes 24")
                    .run()
            },
        },
        Step {
            name: "bits",
            about: "every single bit of a bundle flipped",
            needs: &[Need::Python],
            remedy: "the printed byte and bit repeat it: `commonwatt verify FILE`",
            work: |place| script(place, "bundle.py").arg("--every-bit").run(),
        },
        Step {
            name: "peers",
            about: "a whole day with Mosquitto and anvil against the embedded parts",
            needs: &[Need::Python, Need::Contracts, Need::Mosquitto],
            remedy: "compare the two snapshots in the printed folder",
            work: |place| {
                script(place, "peers.py")
                    .args("--intervals 96 --homes 24")
                    .run()
            },
        },
        Step {
            name: "steady",
            about: "forty intervals in a row are final in time with a zero audit",
            needs: &[Need::Python, Need::Contracts],
            remedy: "read the street's log in the printed folder",
            work: |place| {
                script(place, "readiness.py")
                    .args("--intervals 40 --within 720")
                    .run()
            },
        },
        Step {
            name: "gridsim",
            about: "ten seeds, each the same bytes on one thread and on two",
            needs: &[Need::Python],
            remedy: "compare the two folders named above",
            work: |place| script(place, "gridsim.py").args("--seeds 10").run(),
        },
    ]
}

fn properties(place: &Place) -> Result<()> {
    line(place, "cargo")
        .env("PROPTEST_CASES", "20000")
        .env("COMMONWATT_SOAK", "1")
        .args("nextest run --workspace --no-fail-fast --status-level slow --final-status-level fail -E")
        .arg("test(/propert/) or test(hundred_megabytes) or binary(/propert|mutations|continuous|mechanisms/)")
        .run()
}

fn brute_force(place: &Place) -> Result<()> {
    line(place, "cargo")
        .env("COMMONWATT_BOOKS", "1000000")
        .args("nextest run --workspace --status-level slow --final-status-level fail -E")
        .arg("package(market-engine) and binary(brute_force)")
        .run()
}

fn market(place: &Place) -> Result<()> {
    line(place, "cargo")
        .env("COMMONWATT_SOAK", "1")
        .args("nextest run --workspace --no-fail-fast --status-level slow --final-status-level fail -E")
        .arg("package(market-engine) and not binary(brute_force)")
        .run()
}
