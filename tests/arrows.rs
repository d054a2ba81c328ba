//! The arrows between the crates, as a test: which of our crates each one may use, and where the heavy outside crates
//! may be named. The same table stands in `ARCHITECTURE.md`; a new arrow is a decision that changes both.
//!
//! Looks at declared normal dependencies of every feature (`cargo metadata --no-deps`), and at what is really built for
//! the pure crates and for the product (`cargo tree`), so that nothing restricted comes in through a third crate.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Outside crates that wait, fail, or weigh: each has a home and is named nowhere else.
const RESTRICTED: &[&str] = &[
    "actix-web",
    "diesel",
    "ethers",
    "polars",
    "polars-io",
    "rayon",
    "revm",
    "rumqttc",
    "rumqttd",
    "tokio",
    "tokio-modbus",
];

/// Programs that speak HTTP as a client, under any of their names.
const HTTP_CLIENTS: &[&str] = &[
    "attohttpc",
    "awc",
    "hyper",
    "hyper-util",
    "isahc",
    "reqwest",
    "surf",
    "ureq",
];

/// What one crate may depend on.
struct Rule {
    package: &'static str,
    ours: &'static [&'static str],
    restricted: &'static [&'static str],
    http_client: bool,
}

const RULES: &[Rule] = &[
    Rule {
        package: "energy-core",
        ours: &[],
        restricted: &[],
        http_client: false,
    },
    Rule {
        package: "market-engine",
        ours: &["energy-core"],
        restricted: &["rayon"],
        http_client: false,
    },
    Rule {
        package: "clearing-house",
        ours: &["energy-core", "market-engine"],
        restricted: &[],
        http_client: false,
    },
    Rule {
        package: "meter-gateway",
        ours: &["energy-core"],
        restricted: &["tokio", "tokio-modbus", "rumqttc"],
        http_client: true,
    },
    Rule {
        package: "settlement",
        ours: &["energy-core"],
        restricted: &["ethers", "revm", "tokio"],
        http_client: true,
    },
    Rule {
        package: "store",
        ours: &["energy-core", "clearing-house"],
        restricted: &["diesel"],
        http_client: false,
    },
    Rule {
        package: "web",
        ours: &[
            "energy-core",
            "market-engine",
            "clearing-house",
            "settlement",
            "store",
        ],
        restricted: &["actix-web", "tokio"],
        http_client: false,
    },
    Rule {
        package: "simulations",
        ours: &[
            "energy-core",
            "market-engine",
            "clearing-house",
            "settlement",
            "meter-gateway",
        ],
        restricted: &[
            "polars",
            "polars-io",
            "rayon",
            "rumqttc",
            "tokio",
            "tokio-modbus",
        ],
        http_client: false,
    },
    Rule {
        package: "commonwatt",
        ours: &[
            "energy-core",
            "market-engine",
            "clearing-house",
            "meter-gateway",
            "settlement",
            "store",
            "web",
            "simulations",
        ],
        restricted: &["actix-web", "rumqttd", "tokio"],
        http_client: false,
    },
    Rule {
        package: "xtask",
        ours: &[],
        restricted: &[],
        http_client: false,
    },
];

/// Runs cargo in the workspace and gives what it prints.
fn cargo(arguments: &[&str]) -> String {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs, because it runs this test");
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// Name of each workspace package → its declared normal dependencies, whatever feature turns them on.
fn declared() -> BTreeMap<String, BTreeSet<String>> {
    let text = cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ]);
    let metadata: Value = serde_json::from_str(&text).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages
        .iter()
        .map(|package| (text_of(&package["name"]), normal_dependencies(package)))
        .collect()
}

fn normal_dependencies(package: &Value) -> BTreeSet<String> {
    let dependencies = package["dependencies"]
        .as_array()
        .expect("a list of dependencies");
    // `kind` is null for a normal dependency, else "dev" or "build".
    dependencies
        .iter()
        .filter(|one| one["kind"].is_null())
        .map(|one| text_of(&one["name"]))
        .collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Everything that is compiled into a package with the given options.
fn built(package: &str, options: &[&str]) -> BTreeSet<String> {
    let mut arguments = vec![
        "tree",
        "--offline",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--package",
        package,
    ];
    arguments.extend(options);
    cargo(&arguments)
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_crate_has_a_rule() {
    let have: BTreeSet<String> = declared().into_keys().collect();
    let ruled: BTreeSet<String> = RULES.iter().map(|rule| rule.package.to_owned()).collect();
    assert_eq!(
        have, ruled,
        "the crates of the workspace and the table of arrows differ: add or remove a row in RULES and in ARCHITECTURE.md"
    );
}

#[test]
fn no_crate_depends_on_what_its_rule_does_not_name() {
    let declared = declared();
    let ours: BTreeSet<&str> = RULES.iter().map(|rule| rule.package).collect();
    let mut wrong = Vec::new();
    for rule in RULES {
        for name in declared.get(rule.package).into_iter().flatten() {
            let name = name.as_str();
            let is_http_client = HTTP_CLIENTS.contains(&name);
            let is_refused = (ours.contains(name) && !rule.ours.contains(&name))
                || (RESTRICTED.contains(&name) && !rule.restricted.contains(&name))
                || (is_http_client && !rule.http_client);
            if is_refused {
                wrong.push(format!("{} must not depend on {name}", rule.package));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that must not exist:\n  {}\nARCHITECTURE.md, \"Arrows\", has the table and the reasons",
        wrong.join("\n  ")
    );
}

#[test]
fn pure_crates_build_nothing_that_waits() {
    let pure = [
        ("energy-core", &[][..], &[][..]),
        ("market-engine", &[], &["rayon"]),
        ("clearing-house", &[], &["rayon"]),
        ("meter-gateway", &["--no-default-features"], &[]),
        ("settlement", &["--no-default-features"], &[]),
    ];
    for (package, options, allowed) in pure {
        let found: Vec<String> = built(package, options)
            .into_iter()
            .filter(|name| {
                RESTRICTED.contains(&name.as_str()) || HTTP_CLIENTS.contains(&name.as_str())
            })
            .filter(|name| !allowed.contains(&name.as_str()))
            .collect();
        assert!(
            found.is_empty(),
            "{package} {options:?} must be pure, but builds {found:?}; `cargo tree -p {package} -i NAME` shows the way in"
        );
    }
}

#[test]
fn the_product_does_not_build_polars() {
    let found: Vec<String> = built("commonwatt", &[])
        .into_iter()
        .filter(|name| name.starts_with("polars"))
        .collect();
    assert!(
        found.is_empty(),
        "`cargo run` at the root must not build {found:?}: take `simulations` without its feature `frames`"
    );
}

#[test]
fn a_gateway_alone_builds_no_node() {
    let tree = built(
        "commonwatt",
        &["--no-default-features", "--features", "gateway"],
    );
    for name in [
        "diesel",
        "actix-web",
        "ethers",
        "revm",
        "rumqttd",
        "simulations",
    ] {
        assert!(
            !tree.contains(name),
            "the gateway-only program must not build {name}: put it behind the feature `node` or `demo`"
        );
    }
    assert!(
        tree.contains("tokio-modbus"),
        "a gateway without Modbus reads no meter"
    );
}
