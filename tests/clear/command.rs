//! The command as it is typed: files, standard streams, exit codes.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use commonwatt::clear::CODES;
use market_engine::mechanism::Mechanism;
use serde_json::Value;

const BOOK: &str = r#"{"orders":[
    {"id":"b0","side":"bid","qty_wh":1000,"price_micro_per_kwh":250000},
    {"id":"a0","side":"ask","qty_wh":1000,"price_micro_per_kwh":100000}],"interval":0}"#;

const CSV: &str = "id,side,qty_wh,price_micro_per_kwh\nb0,bid,1000,250000\na0,ask,1000,100000\n";

fn run(folder: &Path, arguments: &str, input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_commonwatt"))
        .arg("clear")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It may have ended before it read anything.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("the program ends")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("book.json", BOOK), ("book.csv", CSV)] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

#[track_caller]
fn assert_bad_input(output: &Output, expected: &str) {
    assert_eq!(code(output), 2);
    assert_eq!(out(output), "");
    let said = std::str::from_utf8(&output.stderr).expect("text");
    assert_eq!(said.lines().count(), 1, "{said}");
    let line: Value = serde_json::from_str(said).expect("JSON");
    assert_eq!(line["code"], expected, "{said}");
}

#[test]
fn a_book_is_cleared_to_json() {
    let folder = folder();
    let output = run(folder.path(), "book.json", b"");
    assert_eq!((code(&output), output.stderr.len()), (0, 0));
    let result: Value = serde_json::from_str(out(&output)).expect("JSON");
    assert_eq!(result["qty_wh"], "1000");
    assert_eq!(result["price_micro_per_kwh"], 175_000);
    assert_eq!(result["welfare"], "150000000");
    assert_eq!(result["fills"][0]["id"], "b0");
    assert_eq!(result["fills"][0]["wh"], 1_000);

    // The same book from elsewhere, and as CSV.
    for (arguments, input) in [
        ("-", BOOK),
        ("-", CSV),
        ("book.csv", ""),
        ("--json book.csv", ""),
    ] {
        let other = run(folder.path(), arguments, input.as_bytes());
        assert_eq!(out(&other), out(&output), "{arguments}");
    }
    let low = run(folder.path(), "book.json --k 0.1", b"");
    let low: Value = serde_json::from_str(out(&low)).expect("JSON");
    assert_eq!(low["price_micro_per_kwh"], 115_000);
    for mechanism in Mechanism::ALL {
        let output = run(
            folder.path(),
            &format!("book.json --mechanism {mechanism}"),
            b"",
        );
        let result: Value = serde_json::from_str(out(&output)).expect("JSON");
        assert_eq!(result["mechanism"], mechanism.name());
    }
}

#[test]
fn a_result_is_written_whole_or_not_at_all() {
    let folder = folder();
    let to_screen = run(folder.path(), "book.json", b"");
    let to_file = run(folder.path(), "book.json --out result.json", b"");
    assert_eq!((code(&to_file), out(&to_file)), (0, ""));
    let written = fs::read_to_string(folder.path().join("result.json")).expect("a file");
    assert_eq!(written, out(&to_screen));

    // What is there stays when the book is bad, and nothing is left lying about.
    let bad = run(folder.path(), "- --out result.json", b"{");
    assert_bad_input(&bad, "syntax");
    assert_bad_input(
        &run(folder.path(), "book.json --out none/r.json", b""),
        "unwritable",
    );
    assert_bad_input(&run(folder.path(), "book.json --out .", b""), "unwritable");
    let kept = fs::read_to_string(folder.path().join("result.json")).expect("a file");
    assert_eq!(kept, written);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 3);
}

#[test]
fn a_result_is_checked() {
    let folder = folder();
    let place = folder.path();
    assert_eq!(code(&run(place, "book.json --out result.json", b"")), 0);
    let accepted = run(place, "--check result.json book.csv", b"");
    assert_eq!(code(&accepted), 0);
    assert!(out(&accepted).starts_with("accepted: k-double-auction, 1000 Wh"));
    let json = run(place, "--check result.json book.json --json", b"");
    assert_eq!(out(&json), "{\"accepted\":true,\"reason\":null}\n");

    let right = fs::read_to_string(place.join("result.json")).expect("a file");
    fs::write(place.join("moved.json"), right.replace("175000", "175001")).expect("a file");
    let refused = run(place, "--check moved.json book.json", b"");
    assert_eq!(code(&refused), 1);
    assert!(out(&refused).starts_with("refused: "), "{}", out(&refused));
    assert_eq!(out(&refused).lines().count(), 1);
    assert_eq!(
        code(&run(place, "--check result.json book.json --k 0.4", b"")),
        1
    );

    assert_bad_input(
        &run(place, "--check none.json book.json", b""),
        "unreadable",
    );
    assert_bad_input(
        &run(place, "--check book.json book.json", b""),
        "unknown-field",
    );
    assert_bad_input(&run(place, "--check result.json -", b"{"), "syntax");
    assert_bad_input(
        &run(place, "--check result.json book.json --k 2", b""),
        "bad-k",
    );
}

#[test]
fn mechanisms_stand_side_by_side() {
    let folder = folder();
    let table = run(folder.path(), "book.json --compare", b"");
    assert_eq!(code(&table), 0);
    for mechanism in Mechanism::ALL {
        let line = out(&table)
            .lines()
            .find(|line| line.starts_with(mechanism.name()));
        assert!(line.is_some(), "{mechanism}");
    }
    let json = run(folder.path(), "book.json --compare --json", b"");
    let json: Value = serde_json::from_str(out(&json)).expect("JSON");
    let rows = json["mechanisms"].as_array().expect("rows");
    assert!(
        rows.iter()
            .map(|row| &row["mechanism"])
            .eq(Mechanism::ALL.map(Mechanism::name).iter())
    );
    assert_eq!(rows[0]["welfare"], "150000000");
    assert_eq!(rows[0]["welfare_share_ppm"], 1_000_000);
}

#[test]
fn bad_input_ends_with_two_and_one_line() {
    let folder = folder();
    for (arguments, input, expected) in [
        ("-", "", "empty"),
        ("-", "{\"orders\":[{\"id\":\"a\"}]}", "missing-field"),
        ("-", "[1]", "wrong-type"),
        ("-", "hello", "missing-field"),
        ("none.json", "", "unreadable"),
        (".", "", "unreadable"),
        ("book.json --k -1", "", "bad-k"),
        ("book.json --k=1.0000001", "", "bad-k"),
        ("book.json --mechanism auction", "", "unknown-mechanism"),
        (
            "- --compare",
            "{\"orders\":[],\"retail_micro_per_kwh\":0,\"feed_in_micro_per_kwh\":1}",
            "bad-terms",
        ),
    ] {
        assert_bad_input(&run(folder.path(), arguments, input.as_bytes()), expected);
    }
}

#[test]
fn the_help_and_the_guide_name_every_code() {
    let help = run(Path::new("."), "--help", b"");
    let guide = fs::read_to_string("docs/researcher.md").expect("the guide");
    for (code, meaning) in CODES {
        assert!(
            out(&help).contains(code) && out(&help).contains(meaning),
            "{code}"
        );
        assert!(
            guide.contains(&format!("| `{code}` | {meaning} |")),
            "{code}"
        );
    }
    for mechanism in Mechanism::ALL {
        assert!(out(&help).contains(mechanism.name()), "{mechanism}");
        assert!(guide.contains(&format!("`{mechanism}`")), "{mechanism}");
    }
}

#[test]
fn a_hundred_megabytes_are_cleared_or_refused_in_good_time() {
    if std::env::var_os("COMMONWATT_SOAK").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut book = String::from("{\"orders\":[\n");
    let mut orders = 0_u64;
    while book.len() < 100_000_000 {
        let side = ["bid", "ask"][usize::from(orders % 2 == 1)];
        let (wh, price) = (
            orders * 7_919 % 1_000 + 1,
            80_000 + orders * 104_729 % 220_000,
        );
        book += &format!(
            "{{\"id\":\"order-{orders}\",\"side\":\"{side}\",\"qty_wh\":{wh},\"price_micro_per_kwh\":{price}}},\n"
        );
        orders += 1;
    }
    let whole = book.trim_end_matches(",\n").to_owned() + "]}";
    for (name, text) in [("whole.json", &whole), ("cut.json", &book)] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    fs::write(folder.path().join("open.json"), "[".repeat(100_000_000)).expect("a file");
    fs::write(folder.path().join("noise.json"), vec![0x80; 100_000_000]).expect("a file");
    let begin = std::time::Instant::now();
    assert_eq!(
        code(&run(folder.path(), "whole.json --out result.json", b"")),
        0
    );
    assert_eq!(
        code(&run(folder.path(), "--check result.json whole.json", b"")),
        0
    );
    assert_bad_input(&run(folder.path(), "cut.json", b""), "syntax");
    assert_bad_input(&run(folder.path(), "open.json", b""), "wrong-type");
    assert_bad_input(&run(folder.path(), "noise.json", b""), "not-utf8");
    // A build without optimisation takes some ten times what a release does.
    assert!(begin.elapsed().as_secs() < 300, "{:?}", begin.elapsed());
}
