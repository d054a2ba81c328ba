//! A right result with one thing moved is refused: every number, every null, every fill.

use commonwatt::clear::{Book, Refusal, Stated, recheck};
use market_engine::mechanism::Mechanism;
use serde_json::{Value, json};

use crate::books::{HALF, book, result};
use crate::reference::reference_cases;

/// Reads, checks, and expects anything but acceptance.
fn assert_refused(moved: &Value, book: &Book<'_>, what: &str) {
    let text = moved.to_string();
    if let Ok(stated) = Stated::parse(text.as_bytes()) {
        assert!(
            recheck(&stated, book, Some(HALF)).is_err(),
            "{what}: {text}"
        );
    }
}

/// Every value below this one that is a number, a wide number or a null, as the way to it.
fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                numbers(value, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(rows) => {
            for (index, value) in rows.iter().enumerate() {
                numbers(value, &format!("{path}/{index}"), found);
            }
        }
        Value::Number(_) | Value::Null => found.push(path.to_owned()),
        Value::String(text) if text.parse::<f64>().is_ok() && !path.ends_with("/id") => {
            found.push(path.to_owned());
        }
        _ => {}
    }
}

/// Other values of the same kind.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!(0), json!(1), json!(-1), json!(i64::MAX)],
        Value::Number(number) => {
            let number = i128::from(number.as_i64().expect("an integer"));
            let moved = [number - 1, number + 1, -number - 1, number * 2 + 1, 1 << 70];
            let mut others: Vec<Value> = moved
                .iter()
                .map(|other| serde_json::from_str(&other.to_string()).expect("a number"))
                .collect();
            others.push(Value::Null);
            others
        }
        Value::String(text) if text.contains('.') => vec![json!("0.3"), json!("0"), json!("1")],
        Value::String(text) => {
            let number: i128 = text.parse().expect("an integer");
            [number - 1, number + 1, -number - 1, number + (1 << 64)]
                .iter()
                .map(|other| json!(other.to_string()))
                .collect()
        }
        _ => vec![],
    }
}

#[test]
fn every_moved_number_is_refused() {
    let mut moves = 0;
    for (text, case) in reference_cases() {
        if case["orders"].as_array().expect("orders").len() > 12 {
            continue;
        }
        let book = book(&text);
        for mechanism in Mechanism::ALL {
            let written = result(&book, mechanism, HALF).expect("a result");
            let whole: Value = serde_json::from_str(&written).expect("JSON");
            let mut paths = Vec::new();
            numbers(&whole, "", &mut paths);
            for path in paths {
                for other in others(whole.pointer(&path).expect("a value")) {
                    let mut moved = whole.clone();
                    *moved.pointer_mut(&path).expect("a value") = other;
                    assert_refused(&moved, &book, &format!("{} {mechanism} {path}", case["id"]));
                    moves += 1;
                }
            }
        }
    }
    assert!(moves > 5_000, "only {moves} moves");
}

#[test]
fn every_moved_fill_is_refused() {
    for (text, case) in reference_cases() {
        let book = book(&text);
        let written = result(&book, Mechanism::KDoubleAuction, HALF).expect("a result");
        let whole: Value = serde_json::from_str(&written).expect("JSON");
        let fills = whole["fills"].as_array().expect("fills");
        for index in 0..fills.len().min(40) {
            let mut missing = whole.clone();
            missing["fills"]
                .as_array_mut()
                .expect("fills")
                .remove(index);
            assert_refused(&missing, &book, "a missing fill");

            let mut twice = whole.clone();
            let again = fills[index].clone();
            twice["fills"].as_array_mut().expect("fills").push(again);
            assert_refused(&twice, &book, "a fill twice");

            let mut foreign = whole.clone();
            foreign["fills"][index]["id"] = json!("nobody");
            assert_refused(&foreign, &book, "a fill of nobody");

            let other = (index + 1) % fills.len();
            if fills[index]["wh"] != fills[other]["wh"] {
                let mut swapped = whole.clone();
                swapped["fills"][index]["id"] = fills[other]["id"].clone();
                swapped["fills"][other]["id"] = fills[index]["id"].clone();
                assert_refused(&swapped, &book, &format!("swapped fills of {}", case["id"]));
            }
        }
    }
}

#[test]
fn a_result_goes_with_its_own_book_only() {
    let cases = reference_cases();
    for (text, case) in &cases {
        let mine = book(text);
        let written = result(&mine, Mechanism::KDoubleAuction, HALF).expect("a result");
        let stated = Stated::parse(written.as_bytes()).expect("a result");
        for (other, _) in &cases {
            let accepted = recheck(&stated, &book(other), None).is_ok();
            assert_eq!(accepted, other == text, "{}", case["id"]);
        }
        let hidden = text.replacen("\"qty_wh\":1000,", "\"qty_wh\":1001,", 1);
        if hidden != *text {
            assert!(recheck(&stated, &book(&hidden), None).is_err());
        }
    }
}

#[test]
fn the_agreed_share_must_be_the_stated_one() {
    let (text, _) = &reference_cases()[2];
    let book = book(text);
    let written = result(&book, Mechanism::KDoubleAuction, 250_000).expect("a result");
    let stated = Stated::parse(written.as_bytes()).expect("a result");
    assert_eq!(recheck(&stated, &book, None), Ok(()));
    assert_eq!(recheck(&stated, &book, Some(250_000)), Ok(()));
    assert!(matches!(
        recheck(&stated, &book, Some(HALF)),
        Err(Refusal::Stated { field: "k", .. })
    ));
}

#[test]
fn a_refusal_names_the_order_as_the_book_does() {
    let (text, _) = &reference_cases()[2];
    let book = book(text);
    let written = result(&book, Mechanism::KDoubleAuction, HALF).expect("a result");
    let moved = written.replacen("\"wh\": 1000", "\"wh\": 1001", 1);
    let stated = Stated::parse(moved.as_bytes()).expect("a result");
    let refusal = recheck(&stated, &book, None)
        .expect_err("moved")
        .to_string();
    assert!(
        refusal.contains("beyond its quantity (in the book: `b0`)"),
        "{refusal}"
    );
}
