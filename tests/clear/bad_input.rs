//! Every kind of bad input with the code, the index and the line that it gets.

use commonwatt::clear::{
    BadInput, Book, CODES, Format, Stated, clear, parse_mechanism, parse_share,
};
use market_engine::mechanism::Mechanism;
use serde_json::Value;

use crate::books::{HALF, book, result};

const GOOD: &str = r#"{"id":"good","side":"bid","qty_wh":1,"price_micro_per_kwh":1}"#;

/// A book whose second order is this one, on the second line.
fn second(order: &str) -> String {
    format!("{{\"orders\":[{GOOD},\n{order}]}}")
}

/// The second order with one field written otherwise.
fn with(field: &str, value: &str) -> String {
    let mut order = String::from("{");
    for (name, usual) in [
        ("id", "\"bad\""),
        ("side", "\"ask\""),
        ("qty_wh", "1"),
        ("price_micro_per_kwh", "1"),
    ] {
        let value = if name == field { value } else { usual };
        order += &format!("\"{name}\":{value},");
    }
    second(&format!("{}}}", order.trim_end_matches(',')))
}

/// What the one line says, after it has been shown to be one line of JSON with three fields.
fn said(bad: &BadInput) -> (String, Option<u64>, String) {
    let line = bad.line();
    assert!(!line.contains('\n'), "{line}");
    assert!(line.len() < 1_000, "{line}");
    let value: Value = serde_json::from_str(&line).expect("JSON");
    let fields = value.as_object().expect("an object");
    assert!(fields.keys().eq(["code", "index", "message"]), "{line}");
    let code = value["code"].as_str().expect("a code").to_owned();
    assert!(CODES.iter().any(|(known, _)| *known == code), "{line}");
    let message = value["message"].as_str().expect("a message").to_owned();
    assert!(
        message.starts_with("expected ") && message.contains(", got "),
        "{line}"
    );
    (code, value["index"].as_u64(), message)
}

fn refused(text: &[u8], format: Format) -> (String, Option<u64>, String) {
    let shown = String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned();
    let outcome = Book::parse(text, format)
        .and_then(|book| clear(&book, Mechanism::KDoubleAuction, HALF).map(drop));
    said(&outcome.expect_err(&shown))
}

#[track_caller]
fn check(text: &str, code: &str, index: Option<u64>, within: &str) {
    let (got, at, message) = refused(text.as_bytes(), Format::Json);
    assert_eq!((got.as_str(), at), (code, index), "{message}");
    assert!(message.contains(within), "{message}");
}

#[test]
fn a_number_is_an_integer_in_its_range() {
    for (value, code, within) in [
        (
            "1.5",
            "not-an-integer",
            "got `1.5`; at index 1, line 2, column 35",
        ),
        ("1.0", "not-an-integer", "got `1.0`"),
        ("1e3", "not-an-integer", "got `1e3`"),
        (
            "-1",
            "out-of-range",
            "from 0 to 9223372036854775807, got `-1`",
        ),
        (
            "9223372036854775808",
            "out-of-range",
            "got `9223372036854775808`",
        ),
        (
            "18446744073709551616",
            "out-of-range",
            "got `18446744073709551616`",
        ),
        (
            "\"5\"",
            "wrong-type",
            "`qty_wh` as an integer, got the string `5`",
        ),
        ("null", "wrong-type", "got null"),
        ("true", "wrong-type", "got `true`"),
        ("[1]", "wrong-type", "got an array"),
        ("{}", "wrong-type", "got an object"),
        (
            "NaN",
            "syntax",
            "got `NaN` (expected value); at index 1, line 2, column 35",
        ),
        ("Infinity", "syntax", "got `Infinity`"),
        ("+1", "syntax", "got `+1`"),
        ("01", "syntax", "(invalid number)"),
        (".5", "syntax", "got `.5`"),
        ("", "syntax", "expected valid JSON"),
    ] {
        check(&with("qty_wh", value), code, Some(1), within);
    }
    let digits = "9".repeat(5_000);
    check(&with("qty_wh", &digits), "out-of-range", Some(1), "…");
    for value in ["9223372036854775808", "-9223372036854775809"] {
        check(
            &with("price_micro_per_kwh", value),
            "out-of-range",
            Some(1),
            value,
        );
    }
    check(
        &with("price_micro_per_kwh", "0.5"),
        "not-an-integer",
        Some(1),
        "`price_micro_per_kwh`",
    );
}

#[test]
fn names_and_sides_are_strings_of_their_own() {
    for (field, value, code, within) in [
        ("id", "\"\"", "empty-id", "an empty one"),
        ("id", "7", "wrong-type", "`id` as a string, got `7`"),
        (
            "id",
            "\"good\"",
            "duplicate-id",
            "got `good` again after order 0",
        ),
        ("id", r#""g\u006fod""#, "duplicate-id", "`good`"),
        ("id", r#""\ud800""#, "syntax", "the escapes of `id`"),
        ("id", "\"\u{0}\"", "syntax", "control character"),
        (
            "side",
            "\"buy\"",
            "unknown-side",
            "`bid` or `ask`, got `buy`",
        ),
        ("side", "\"Bid\"", "unknown-side", "`Bid`"),
        ("side", "0", "wrong-type", "`side` as a string"),
    ] {
        check(&with(field, value), code, Some(1), within);
    }
}

#[test]
fn the_shape_of_a_book_is_kept() {
    for (text, code, within) in [
        ("", "empty", "an empty file"),
        (" \n\t ", "empty", "an empty file"),
        ("[]", "wrong-type", "the book as an object, got an array"),
        ("null", "wrong-type", "got null"),
        ("5", "wrong-type", "got `5`"),
        ("\"book\"", "wrong-type", "the string `book`"),
        ("{}", "missing-field", "`orders`"),
        (
            "{\"orders\":{}}",
            "wrong-type",
            "`orders` as an array, got an object",
        ),
        ("{\"orders\":null}", "wrong-type", "got null"),
        (
            "{\"orders\":[],\"orders\":[]}",
            "repeated-field",
            "`orders` once",
        ),
        (
            "{\"orders\":[],\"interval\":1,\"interval\":1}",
            "repeated-field",
            "`interval`",
        ),
        (
            "{\"orders\":[],\"interval\":\"1\"}",
            "wrong-type",
            "`interval`",
        ),
        (
            "{\"orders\":[],\"interval\":0.5}",
            "not-an-integer",
            "`interval`",
        ),
        (
            "{\"orders\":[]} x",
            "syntax",
            "got `x` (trailing characters); line 1, column 15",
        ),
        ("{\"orders\":[],}", "syntax", "trailing comma"),
        ("{'orders':[]}", "syntax", "key must be a string"),
        ("hello", "syntax", "line 1"),
        (
            "{\"orders\":[],\"retail_micro_per_kwh\":1,\"feed_in_micro_per_kwh\":2}",
            "bad-terms",
            "at most the retail price 1, got 2",
        ),
    ] {
        check(text, code, None, within);
    }
    for (order, code, within) in [
        ("[]", "wrong-type", "an order as an object, got an array"),
        ("5", "wrong-type", "got `5`"),
        ("null", "wrong-type", "got null"),
        ("{}", "missing-field", "`id`, got none; at index 1, line 2"),
        ("{\"id\":\"x\",\"id\":\"x\"}", "repeated-field", "`id` once"),
        (
            "{\"id\":\"x\",\"side\":\"bid\",\"qty_wh\":1}",
            "missing-field",
            "`price_micro_per_kwh`",
        ),
        (
            "{\"id\":\"x\",\"side\":\"bid\",\"qty_wh\":1,\"price_micro_per_kwh\":1,\"owner\":[]}",
            "wrong-type",
            "`owner`",
        ),
    ] {
        check(&second(order), code, Some(1), within);
    }
}

#[test]
fn a_file_that_was_cut_off_is_a_fault_wherever_it_was_cut() {
    let whole = second("{\"id\":\"b\",\"side\":\"ask\",\"qty_wh\":1,\"price_micro_per_kwh\":1}");
    assert!(Book::parse(whole.as_bytes(), Format::Json).is_ok());
    for end in 1..whole.len() {
        let (code, _, message) = refused(&whole.as_bytes()[..end], Format::Json);
        assert_eq!(code, "syntax", "{message}");
        assert!(message.contains("got the end of the file"), "{message}");
    }
}

#[test]
fn deep_nesting_is_a_fault_and_no_overflow_of_the_stack() {
    for depth in [129, 1_000, 500_000] {
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        check(&deep, "wrong-type", None, "the book as an object");
        check(
            &format!("{{\"x\":{deep},\"orders\":[]}}"),
            "nesting",
            None,
            "at most 128",
        );
        check(
            &with("id", &format!("\"a\",\"x\":{deep}")),
            "nesting",
            Some(1),
            "at most 128",
        );
        check(
            &with("qty_wh", &deep),
            "wrong-type",
            Some(1),
            "got an array",
        );
        check(
            &"{\"orders\":".repeat(depth),
            "wrong-type",
            None,
            "`orders` as an array",
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_a_fault() {
    let mut bytes = second(GOOD).into_bytes();
    let at = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("two lines")
        + 3;
    bytes[at] = 0xff;
    let (code, _, message) = refused(&bytes, Format::Json);
    assert_eq!(code, "not-utf8");
    assert!(message.contains("0xff; line 2, column 3"), "{message}");
}

#[test]
fn sums_that_do_not_fit_are_faults() {
    let order = |n: usize, side: &str, wh: &str, price: &str| {
        format!(r#"{{"id":"o{n}","side":"{side}","qty_wh":{wh},"price_micro_per_kwh":{price}}}"#)
    };
    let most = "9223372036854775807";
    let quantities: Vec<String> = (0..4).map(|n| order(n, "bid", most, "1")).collect();
    check(
        &format!("{{\"orders\":[{}]}}", quantities.join(",")),
        "quantity-overflow",
        Some(2),
        "2^64",
    );

    let (low, high) = ("-9223372036854775808", most);
    let welfare = [
        order(0, "bid", most, high),
        order(1, "bid", most, high),
        order(2, "ask", most, low),
        order(3, "ask", most, low),
    ];
    check(
        &format!("{{\"orders\":[{}]}}", welfare.join(",")),
        "welfare-overflow",
        None,
        "128 bits",
    );
}

#[test]
fn no_mechanism_panics_at_the_ends_of_the_numbers() {
    for wh in ["0", "1", "9223372036854775807"] {
        for bid in ["-9223372036854775808", "0", "9223372036854775807"] {
            for ask in ["-9223372036854775808", "0", "9223372036854775807"] {
                let orders: Vec<String> = [("bid", bid), ("bid", bid), ("ask", ask), ("ask", ask)]
                    .into_iter()
                    .zip(0..)
                    .map(|((side, price), n)| {
                        format!(r#"{{"id":"o{n}","side":"{side}","qty_wh":{wh},"price_micro_per_kwh":{price}}}"#)
                    })
                    .collect();
                let text = format!("{{\"orders\":[{}]}}", orders.join(","));
                let book = book(&text);
                for mechanism in Mechanism::ALL {
                    if let Err(bad) = result(&book, mechanism, HALF) {
                        said(&bad);
                    }
                }
            }
        }
    }
}

#[test]
fn csv_faults_name_their_line() {
    let header = "id,side,qty_wh,price_micro_per_kwh\n";
    for (rows, code, index, within) in [
        (
            "a,bid,1,1\nb,ask,1.5,1\n",
            "not-an-integer",
            Some(1),
            "got `1.5`; at index 1, line 3, column 7",
        ),
        ("a,bid,-1,1\n", "out-of-range", Some(0), "line 2"),
        ("a,bid,NaN,1\n", "not-an-integer", Some(0), "`NaN`"),
        ("a,bid,,1\n", "not-an-integer", Some(0), "``"),
        (
            "a,bid,9223372036854775808,1\n",
            "out-of-range",
            Some(0),
            "line 2",
        ),
        ("a,buy,1,1\n", "unknown-side", Some(0), "`buy`"),
        (",bid,1,1\n", "empty-id", Some(0), "line 2"),
        (
            "a,bid,1,1\n\na,bid,1,1\n",
            "duplicate-id",
            Some(1),
            "after order 0",
        ),
        (
            "a,bid,1\n",
            "syntax",
            Some(0),
            "4 fields as in the header, got 3",
        ),
        ("a,bid,1,\"1\n", "syntax", Some(0), "a closing quote"),
        (
            "\"a\"b,bid,1,1\n",
            "syntax",
            Some(0),
            "quotes around a whole field",
        ),
    ] {
        let text = format!("{header}{rows}");
        let (got, at, message) = refused(text.as_bytes(), Format::Csv);
        assert_eq!((got.as_str(), at), (code, index), "{message}");
        assert!(message.contains(within), "{message}");
    }
    for (header, code, within) in [
        ("id,side,qty_wh\n", "missing-field", "`price_micro_per_kwh`"),
        (
            "id,id,side,qty_wh,price_micro_per_kwh\n",
            "repeated-field",
            "`id`",
        ),
        ("hello", "missing-field", "`id`"),
        ("", "empty", "an empty file"),
    ] {
        let (got, at, message) = refused(header.as_bytes(), Format::Csv);
        assert_eq!((got.as_str(), at), (code, None), "{message}");
        assert!(message.contains(within), "{message}");
    }
}

#[test]
fn a_result_is_read_as_strictly() {
    let text = second("{\"id\":\"b\",\"side\":\"ask\",\"qty_wh\":1,\"price_micro_per_kwh\":1}");
    let good = result(&book(&text), Mechanism::KDoubleAuction, HALF).expect("a result");
    for (from, to, code, index) in [
        ("\"wh\": 1", "\"wh\": 1.5", "not-an-integer", Some(0)),
        ("\"wh\": 1", "\"wh\": \"1\"", "wrong-type", Some(0)),
        ("\"wh\": 1, ", "", "missing-field", Some(0)),
        (
            "\"amount\": \"-1\"",
            "\"amount\": -1",
            "wrong-type",
            Some(0),
        ),
        (
            "\"amount\": \"-1\"",
            "\"amount\": \"-1.0\"",
            "not-an-integer",
            Some(0),
        ),
        (
            "\"amount\": \"-1\"",
            "\"paid\": \"-1\"",
            "unknown-field",
            Some(0),
        ),
        ("\"qty_wh\": \"1\"", "\"qty_wh\": 1", "wrong-type", None),
        ("\"k\": \"0.5\"", "\"k\": \"half\"", "bad-k", None),
        (
            "\"k\": \"0.5\"",
            "\"remark\": \"0.5\"",
            "unknown-field",
            None,
        ),
        ("k-double-auction", "auction", "unknown-mechanism", None),
        ("\"optimal\"", "\"best\"", "wrong-type", None),
        ("  \"price_lo\": 1,\n", "", "missing-field", None),
        ("    \"dual\": \"0\",\n", "", "missing-field", None),
        ("\"fills\"", "\"filled\"", "unknown-field", None),
    ] {
        assert!(good.contains(from), "{from} in {good}");
        let moved = good.replacen(from, to, 1);
        let bad = Stated::parse(moved.as_bytes()).expect_err(to);
        let (got, at, message) = said(&bad);
        assert_eq!((got.as_str(), at), (code, index), "{message}");
        assert!(message.contains("in RESULT"), "{message}");
    }
    let bad = Stated::parse(b"").expect_err("empty");
    assert_eq!(said(&bad).0, "empty");
}

#[test]
fn arguments_are_read_as_strictly() {
    let share = parse_share("1.5").expect_err("above one");
    assert_eq!(said(&share.into()).0, "bad-k");
    let mechanism = parse_mechanism("auction").expect_err("no such name");
    let (code, _, message) = said(&mechanism.into());
    assert_eq!(code, "unknown-mechanism");
    assert!(
        Mechanism::ALL
            .iter()
            .all(|one| message.contains(one.name()))
    );
}
