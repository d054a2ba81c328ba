//! The reference cases through the files' own path: parse, clear, write, read back, check.

use commonwatt::clear::{Book, Format, Stated, recheck};
use market_engine::mechanism::Mechanism;
use proptest::prelude::*;
use serde_json::Value;

use crate::books::{HALF, book, cases, csv, json, result, rows};

const CASES: &str = include_str!("../../market-engine/tests/golden/market_cases.json");

/// Every reference case with its own text, as a book: fields that say nothing to us and all.
pub(crate) fn reference_cases() -> Vec<(String, Value)> {
    let cases: Value = serde_json::from_str(CASES).expect("JSON");
    let cases = cases["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 18);
    cases
        .iter()
        .map(|case| (case.to_string(), case.clone()))
        .collect()
}

#[test]
fn every_reference_case_is_answered() {
    for (text, case) in reference_cases() {
        let name = &case["id"];
        let book = book(&text);
        let written = result(&book, Mechanism::KDoubleAuction, HALF).expect("a clearing");
        let got: Value = serde_json::from_str(&written).expect("JSON");
        let expect = &case["expect"];
        assert_eq!(got["qty_wh"], expect["qty_max_wh"], "{name}");
        assert_eq!(got["welfare"], expect["welfare"], "{name}");
        assert_eq!(got["price_lo"], expect["price_lo"], "{name}");
        assert_eq!(got["price_hi"], expect["price_hi"], "{name}");
        let price = match &got["qty_wh"] {
            nothing if nothing == "0" => &Value::Null,
            _ => &expect["price_mid_floor"],
        };
        assert_eq!(&got["price_micro_per_kwh"], price, "{name}");
        assert_eq!(got["certificate"]["kind"], "optimal", "{name}");
        assert_eq!(got["certificate"]["qty_wh"], got["qty_wh"], "{name}");
        assert_eq!(got["certificate"]["price"], *price, "{name}");
        assert_eq!(got["certificate"]["primal"], got["welfare"], "{name}");
        assert_eq!(got["certificate"]["dual"], got["welfare"], "{name}");

        let orders = case["orders"].as_array().expect("orders");
        let fills = got["fills"].as_array().expect("fills");
        assert_eq!(fills.len(), orders.len(), "{name}");
        for (order, fill) in orders.iter().zip(fills) {
            assert_eq!(fill["id"], order["id"], "{name}");
            let least = order["fill_min_wh"].as_u64().unwrap_or(0);
            let most = order["fill_max_wh"].as_u64().or(order["qty_wh"].as_u64());
            let wh = fill["wh"].as_u64().expect("Wh");
            assert!((least..=most.expect("Wh")).contains(&wh), "{name}: {fill}");
        }
    }
}

#[test]
fn every_result_of_every_mechanism_is_accepted() {
    for (text, case) in reference_cases() {
        let book = book(&text);
        for mechanism in Mechanism::ALL {
            for k_ppm in [0, HALF, 333_333, 1_000_000] {
                let written = result(&book, mechanism, k_ppm).expect("a clearing");
                let stated = Stated::parse(written.as_bytes()).expect("a result");
                let verdict = recheck(&stated, &book, Some(k_ppm));
                assert_eq!(verdict, Ok(()), "{} {mechanism}", case["id"]);
                assert_eq!(recheck(&stated, &book, None), Ok(()));
            }
        }
    }
}

#[test]
fn a_result_may_leave_out_what_follows_from_the_rest() {
    for (text, _) in reference_cases() {
        let book = book(&text);
        let written = result(&book, Mechanism::KDoubleAuction, HALF).expect("a clearing");
        let mut short: Value = serde_json::from_str(&written).expect("JSON");
        let fields = short.as_object_mut().expect("an object");
        for field in [
            "k",
            "interval",
            "retail_micro_per_kwh",
            "feed_in_micro_per_kwh",
            "surplus",
        ] {
            fields.remove(field).expect(field);
        }
        for fill in fields["fills"].as_array_mut().expect("fills") {
            fill.as_object_mut().expect("a fill").remove("amount");
        }
        let short = short.to_string();
        let stated = Stated::parse(short.as_bytes()).expect("a result");
        assert_eq!(recheck(&stated, &book, None), Ok(()));
    }
}

mod properties {
    use super::*;

    proptest! {
        #![proptest_config(cases(400))]

        #[test]
        fn a_book_is_the_same_as_json_and_as_csv(rows in rows()) {
            // CSV says nothing about the interval.
            let json = json(&rows).replace("\"interval\":900", "\"interval\":0");
            let csv = csv(&rows);
            let from_csv = Book::parse(csv.as_bytes(), Format::Csv).expect("a book");
            prop_assert_eq!(book(&json), from_csv);
        }

        #[test]
        fn the_order_of_a_book_changes_no_certificate(rows in rows(), shuffle in any::<prop::sample::Selector>()) {
            let mut others = Vec::new();
            let mut left = rows.clone();
            while !left.is_empty() {
                let at = shuffle.select(0..left.len());
                others.push(left.swap_remove(at));
            }
            let (one, other) = (json(&rows), json(&others));
            let (one, other) = (book(&one), book(&other));
            for mechanism in Mechanism::ALL {
                let (Ok(first), Ok(second)) = (result(&one, mechanism, HALF), result(&other, mechanism, HALF)) else {
                    prop_assert!(result(&one, mechanism, HALF).is_err());
                    prop_assert!(result(&other, mechanism, HALF).is_err());
                    continue;
                };
                let lines = |text: &str| {
                    let mut lines: Vec<String> =
                        text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
                    lines.sort();
                    lines
                };
                // The same lines, certificate, price and fills, but for the order of the fills.
                prop_assert_eq!(lines(&first), lines(&second));
                let stated = Stated::parse(first.as_bytes()).expect("a result");
                prop_assert_eq!(recheck(&stated, &other, None), Ok(()));
            }
        }
    }
}
