//! Arbitrary bytes, and books and results with something broken in them: always an answer or a typed fault.

use commonwatt::clear::{BadInput, Book, CODES, Format, Stated, recheck};
use market_engine::mechanism::Mechanism;
use proptest::prelude::*;
use serde_json::Value;

use crate::books::{HALF, book, cases, csv, json, result, rows};

/// Pieces that a parser trips over, if it does.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "null",
    "true",
    "NaN",
    "-",
    "-0",
    "1e999",
    "1.5",
    "0x",
    "9223372036854775807",
    "9223372036854775808",
    "170141183460469231731687303715884105728",
    "\u{0}",
    "\u{feff}",
    "\"id\":",
    "\"orders\":[",
    "\"qty_wh\":",
    "\"side\":\"bid\"",
    "\n",
    "\r\n",
    "\"\"",
    ";",
    "\u{fffd}",
    "½",
];

/// One piece of damage; places are taken modulo the length.
#[derive(Debug, Clone)]
enum Damage {
    Flip { at: usize, bit: u8 },
    Cut { at: usize, bytes: usize },
    End { at: usize },
    Insert { at: usize, token: &'static str },
    Repeat { at: usize, bytes: usize },
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<usize>;
    prop_oneof![
        (at(), 0_u8..8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        (at(), 1_usize..20).prop_map(|(at, bytes)| Damage::Cut { at, bytes }),
        at().prop_map(|at| Damage::End { at }),
        (at(), prop::sample::select(TOKENS)).prop_map(|(at, token)| Damage::Insert { at, token }),
        (at(), 1_usize..40).prop_map(|(at, bytes)| Damage::Repeat { at, bytes }),
    ]
}

fn damaged(text: &str, all: &[Damage]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for one in all {
        let length = bytes.len().max(1);
        match *one {
            Damage::Flip { at, bit } => {
                if let Some(byte) = bytes.get_mut(at % length) {
                    *byte ^= 1 << bit;
                }
            }
            Damage::Cut { at, bytes: cut } => {
                let from = (at % length).min(bytes.len());
                bytes.drain(from..(from + cut).min(bytes.len()));
            }
            Damage::End { at } => bytes.truncate(at % length),
            Damage::Insert { at, token } => {
                let at = (at % length).min(bytes.len());
                bytes.splice(at..at, token.bytes());
            }
            Damage::Repeat { at, bytes: again } => {
                let from = (at % length).min(bytes.len());
                let piece = bytes[from..(from + again).min(bytes.len())].to_vec();
                bytes.splice(from..from, piece);
            }
        }
    }
    bytes
}

/// A fault has a known code and says so in one line.
fn assert_typed(bad: &BadInput) {
    let code = bad.fault.code();
    assert!(CODES.iter().any(|(known, _)| *known == code), "{code}");
    let line = bad.line();
    assert!(!line.contains('\n') && line.len() < 1_000, "{line}");
    let value: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(value["code"], code);
}

/// A book that was read can be cleared by every mechanism, and what comes out is accepted; or the fault is typed.
fn assert_clears(bytes: &[u8], format: Format) {
    let book = match Book::parse(bytes, format) {
        Ok(book) => book,
        Err(bad) => return assert_typed(&bad),
    };
    for mechanism in Mechanism::ALL {
        match result(&book, mechanism, HALF) {
            Ok(text) => {
                let stated = Stated::parse(text.as_bytes()).expect("a result");
                assert_eq!(recheck(&stated, &book, Some(HALF)), Ok(()), "{mechanism}");
            }
            Err(bad) => assert_typed(&bad),
        }
    }
}

/// A second reader of JSON agrees about every order.
fn assert_same_orders(bytes: &[u8]) {
    let value: Result<Value, _> = serde_json::from_slice(bytes);
    match (Book::parse(bytes, Format::Json), value) {
        (Ok(book), Ok(value)) => {
            let orders = value["orders"].as_array().expect("orders");
            assert_eq!(book.orders().len(), orders.len());
            for (index, (order, value)) in book.orders().iter().zip(orders).enumerate() {
                assert_eq!(Some(book.id(index)), value["id"].as_str());
                assert_eq!(
                    Some(order.quantity.get()),
                    value["qty_wh"].as_u64().or(Some(0))
                );
                assert_eq!(
                    Some(order.price.get()),
                    value["price_micro_per_kwh"].as_i64().or(Some(0))
                );
            }
        }
        (Err(bad), Ok(_)) => assert_ne!(bad.fault.code(), "syntax", "{bad}"),
        _ => {}
    }
}

/// Whether all that is stated here stands there too; what can be left out may be left out.
fn is_part_of(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part.iter().all(|(name, value)| {
            whole
                .get(name)
                .is_some_and(|other| is_part_of(value, other))
        }),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(a, b)| is_part_of(a, b))
        }
        // The integer -0, which this reader takes for a float.
        (Value::Number(part), Value::Number(whole)) => {
            part == whole || part.as_f64() == Some(0.0) && whole.as_u64() == Some(0)
        }
        _ => part == whole,
    }
}

mod properties {
    use super::*;

    proptest! {
        #![proptest_config(cases(2_000))]

        #[test]
        fn arbitrary_bytes_are_a_book_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for format in [Format::Json, Format::Csv] {
                assert_clears(&bytes, format);
            }
            if let Err(bad) = Stated::parse(&bytes) {
                assert_typed(&bad);
            }
        }

        #[test]
        fn arbitrary_tokens_are_a_book_or_a_fault(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..40)) {
            let text = tokens.concat();
            for start in ["", "{", "{\"orders\":[", "{\"orders\":[{\"id\":"] {
                let text = format!("{start}{text}");
                assert_clears(text.as_bytes(), Format::Json);
                assert_clears(text.as_bytes(), Format::Csv);
            }
        }

        #[test]
        fn a_damaged_book_is_a_book_or_a_fault(rows in rows(), all in prop::collection::vec(damage(), 0..4)) {
            let bytes = damaged(&json(&rows), &all);
            assert_clears(&bytes, Format::Json);
            assert_same_orders(&bytes);
            assert_clears(&damaged(&csv(&rows), &all), Format::Csv);
        }

        #[test]
        fn a_damaged_result_is_refused_or_says_the_same(
            rows in rows(),
            mechanism in prop::sample::select(&Mechanism::ALL[..]),
            all in prop::collection::vec(damage(), 1..3),
        ) {
            let text = json(&rows);
            let book = book(&text);
            if let Ok(written) = result(&book, mechanism, HALF) {
                let bytes = damaged(&written, &all);
                match Stated::parse(&bytes) {
                    Ok(stated) if recheck(&stated, &book, Some(HALF)).is_ok() => {
                        let whole: Value = serde_json::from_str(&written).expect("JSON");
                        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
                        let part: Value = serde_json::from_slice(bytes).expect("JSON");
                        prop_assert!(is_part_of(&part, &whole), "{part}");
                    }
                    Ok(_) => {}
                    Err(bad) => assert_typed(&bad),
                }
            }
        }
    }
}
