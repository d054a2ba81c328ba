//! The gateway's guide says what is so: its commands and options, its table of settings and the sentences of its
//! error tables are compared with the program.
#![cfg(feature = "demo")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the program says to `--help` after these words, none where it does not know them.
fn help(words: &[&str]) -> Option<String> {
    let done = Command::new(env!("CARGO_BIN_EXE_commonwatt"))
        .args(words)
        .arg("--help")
        .output()
        .expect("the program runs");
    done.status
        .success()
        .then(|| String::from_utf8_lossy(&done.stdout).into_owned())
}

/// A word without what stands around it in a sentence.
fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-')
}

#[test]
fn every_command_of_guide_and_unit_exists_with_its_options() {
    let texts = [
        file("docs/gateway.md"),
        file("meter-gateway/commonwatt-gateway.service"),
    ];
    let mut checked = 0;
    for line in texts.iter().flat_map(|text| text.lines()) {
        for command in ["gateway", "enrol", "profile", "demo"] {
            for rest in behind(line, &format!("commonwatt {command} ")) {
                // What stands behind a closing backtick or a remark is no longer the command.
                let end = rest.find(['`', '#']).unwrap_or(rest.len());
                let words: Vec<&str> = rest[..end].split_whitespace().collect();
                let mut path = vec![command];
                if matches!(command, "gateway" | "enrol") {
                    path.extend(words.first());
                }
                let known = help(&path).unwrap_or_else(|| panic!("no `{path:?}`: {line}"));
                let options: BTreeSet<&str> = known.split_whitespace().map(bare).collect();
                for option in words.iter().filter(|word| word.starts_with("--")) {
                    assert!(options.contains(bare(option)), "no {option}: {line}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 10, "{checked} commands are too few to be true");
}

/// What stands behind this text, for every place where it stands in the line.
fn behind<'a>(line: &'a str, text: &str) -> Vec<&'a str> {
    line.match_indices(text)
        .map(|(at, found)| &line[at + found.len()..])
        .collect()
}

#[test]
fn the_table_of_settings_has_the_keys_of_the_example_and_no_others() {
    let guide = file("docs/gateway.md");
    let (_, section) = guide.split_once("\n## Settings\n").expect("the section");
    let table = section.split("\n## ").next().unwrap_or_default();
    let explained: BTreeSet<String> = table
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split_once('`'))
        .map(|(key, _)| key.to_owned())
        .collect();
    assert_eq!(
        explained,
        keys(&file("meter-gateway/gateway.example.toml")),
        "left: docs/gateway.md, right: gateway.example.toml"
    );
}

/// The keys of a configuration as `table.key`, those that are commented out too.
fn keys(example: &str) -> BTreeSet<String> {
    let mut within = String::new();
    let mut found = BTreeSet::new();
    for line in example.lines() {
        if let Some(table) = line.strip_prefix('[') {
            within = format!("{}.", table.trim_matches(['[', ']']));
        }
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some((key, _)) = line.split_once(" = ")
            && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            found.insert(format!("{within}{key}"));
        }
    }
    found
}

#[test]
fn every_sentence_of_the_error_tables_is_one_of_the_programs() {
    let sources = sources();
    let guide = file("docs/gateway.md");
    let mut checked = 0;
    for row in guide.lines().filter_map(|row| row.strip_prefix("| `` ")) {
        let (sentence, _) = row.split_once(" ``").expect("closed");
        for part in sentence.split('…').map(str::trim).filter(|p| !p.is_empty()) {
            assert!(sources.contains(part), "`{part}` of: {sentence}");
        }
        checked += 1;
    }
    assert!(checked > 20, "{checked} sentences are too few to be true");
}

/// The text of the gateway, of its command line and of the node's door.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = ["meter-gateway/src", "energy-core/src", "src"]
        .iter()
        .map(|folder| root.join(folder))
        .collect();
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                text.push_str(&fs::read_to_string(&path).expect("a source file"));
            }
        }
    }
    text
}
