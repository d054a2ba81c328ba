//! Rules of the house that a program can check: no unfinished marks, every file says what it is for, files are named
//! after an idea, and each heavy outside crate is named in its own folder only.

use std::fs;
use std::path::{Path, PathBuf};

/// File names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];

/// Folders that hold what a program made or fetched.
const NOT_OURS: &[&str] = &[".git", "cache", "node_modules", "out", "target"];

/// An outside crate as it is written in Rust → the only places below which it may be named, tests of that place included.
const HOMES: &[(&str, &[&str])] = &[
    ("diesel", &["store/"]),
    (
        "ethers",
        &["settlement/src/chain", "settlement/tests/chain"],
    ),
    ("polars", &["simulations/"]),
    ("revm", &["settlement/src/chain", "settlement/tests/chain"]),
    ("rumqttd", &["src/", "meter-gateway/tests/"]),
    (
        "tokio_modbus",
        &[
            "meter-gateway/src/modbus",
            "meter-gateway/tests/",
            "simulations/src/devices",
        ],
    ),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the project with one of these endings, as (path from the root with forward slashes, text).
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root(), endings, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder of the project can be read") {
        let path = entry.expect("an entry of a folder can be read").path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                collect(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let shown = path
                .strip_prefix(root())
                .expect("below the root")
                .to_string_lossy()
                .replace('\\', "/");
            found.push((shown, text));
        }
    }
}

/// Fails with one line for each finding.
fn expect_none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

#[test]
fn nothing_is_marked_as_unfinished() {
    // Put together here, so that this file does not find itself.
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["todo", "!("].concat(),
        ["unimplemented", "!("].concat(),
    ];
    let mut findings = Vec::new();
    for (path, text) in files(&[
        ".rs", ".sol", ".py", ".toml", ".md", ".html", ".js", ".cjs", ".css", ".sql", ".yml", ".sh",
    ]) {
        // Files taken over unchanged from others keep their own remarks.
        if path.contains("/vendor/") || path.contains("/assets/") && path.contains(".min.") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                findings.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    expect_none("finish it, or leave it out", &findings);
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    let findings: Vec<String> = files(&[".rs"])
        .into_iter()
        .filter(|(_, text)| {
            !text.starts_with("//! ") && !text.starts_with("#![") && !text.starts_with("//!\n")
        })
        .map(|(path, _)| path)
        .collect();
    expect_none(
        "the first line of a Rust file is `//!` and says what the file is for",
        &findings,
    );
}

#[test]
fn files_are_named_after_an_idea() {
    let findings: Vec<String> = files(&[".rs", ".py", ".sol", ".js", ".cjs"])
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| {
            let stem = path
                .rsplit('/')
                .next()
                .and_then(|name| name.split('.').next())
                .unwrap_or_default();
            EMPTY_NAMES.contains(&stem.to_lowercase().as_str())
        })
        .collect();
    expect_none("name a file after the one idea in it", &findings);
}

#[test]
fn heavy_crates_are_named_in_their_own_folder_only() {
    let mut findings = Vec::new();
    for (path, text) in files(&[".rs"]) {
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            for (name, homes) in HOMES {
                let is_named =
                    line.contains(&format!("{name}::")) || line.contains(&format!("use {name};"));
                if is_named
                    && !is_part_of_longer_word(line, name)
                    && !homes.iter().any(|home| path.starts_with(home))
                {
                    findings.push(format!(
                        "{path}:{}: {name} belongs in {}",
                        number + 1,
                        homes.join(" or ")
                    ));
                }
            }
        }
    }
    expect_none(
        "an outside crate that may be replaced one day is named in one folder",
        &findings,
    );
}

/// `settlement::chain::ethers_http::x` is not a use of `ethers`.
fn is_part_of_longer_word(line: &str, name: &str) -> bool {
    let before = line
        .find(&format!("{name}::"))
        .and_then(|at| line[..at].chars().last());
    before.is_some_and(|sign| sign.is_alphanumeric() || sign == '_' || sign == ':')
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut findings = Vec::new();
    for (path, text) in files(&[".md"]) {
        let document = root().join(&path);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', ' ']).next())
        {
            let target = link.split('#').next().unwrap_or_default();
            let is_outside =
                target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            if !is_outside && !document.with_file_name(target).exists() {
                findings.push(format!("{path}: {link}"));
            }
        }
    }
    expect_none("a link that leads nowhere", &findings);
}

#[test]
fn text_files_use_plain_line_ends_and_no_tabs_in_rust() {
    let findings: Vec<String> = files(&[".rs", ".toml", ".md", ".sql", ".sol"])
        .into_iter()
        .filter(|(path, text)| {
            text.contains('\r') || (path.ends_with(".rs") && text.contains("\n\t"))
        })
        .map(|(path, _)| path)
        .collect();
    expect_none("Unix line ends, and spaces in Rust", &findings);
}
