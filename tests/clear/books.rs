//! Books as text, for the other tests.

use commonwatt::clear::{BadInput, Book, ClearingResult, Format, clear};
use market_engine::mechanism::Mechanism;
use proptest::prelude::*;

/// Half, in parts per million.
pub(crate) const HALF: u32 = 500_000;

/// How many cases a property gets; never fewer than the environment asks for.
pub(crate) fn cases(by_day: u32) -> ProptestConfig {
    let is_soak = std::env::var_os("COMMONWATT_SOAK").is_some();
    let cases = if is_soak { by_day * 100 } else { by_day };
    ProptestConfig {
        cases: cases.max(ProptestConfig::default().cases),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// An order as it is written.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) side: &'static str,
    pub(crate) wh: u64,
    pub(crate) price: i64,
}

/// Few prices and small quantities, so that ties and exact touches are common; now and then a huge number.
pub(crate) fn rows() -> impl Strategy<Value = Vec<Row>> {
    let wh = prop_oneof![12 => 0_u64..9, 3 => 0_u64..5_000, 1 => Just(i64::MAX.unsigned_abs())];
    let price = prop_oneof![12 => -3_i64..6, 3 => -20_000_i64..300_000, 1 => any::<i64>()];
    let order = (any::<bool>(), wh, price);
    prop::collection::vec(order, 0..12).prop_map(|orders| {
        let row = |(n, (is_bid, wh, price))| Row {
            id: format!("h{n}"),
            side: if is_bid { "bid" } else { "ask" },
            wh,
            price,
        };
        (0..).zip(orders).map(row).collect()
    })
}

/// The rows as JSON.
pub(crate) fn json(rows: &[Row]) -> String {
    let order = |row: &Row| {
        format!(
            r#"{{"id":"{}","side":"{}","qty_wh":{},"price_micro_per_kwh":{}}}"#,
            row.id, row.side, row.wh, row.price
        )
    };
    let orders: Vec<String> = rows.iter().map(order).collect();
    format!(
        r#"{{"orders":[{}],"interval":900,"note":["µ",{{"a":null}}]}}"#,
        orders.join(",")
    )
}

/// The rows as CSV.
pub(crate) fn csv(rows: &[Row]) -> String {
    let order = |row: &Row| format!("{},{},\"{}\",{}\n", row.wh, row.side, row.id, row.price);
    let orders: String = rows.iter().map(order).collect();
    format!("qty_wh,side,id,price_micro_per_kwh\n{orders}")
}

/// The result of a book under a mechanism, as text.
pub(crate) fn result(
    book: &Book<'_>,
    mechanism: Mechanism,
    k_ppm: u32,
) -> Result<String, BadInput> {
    let outcome = clear(book, mechanism, k_ppm)?;
    let mut text = Vec::new();
    ClearingResult {
        book,
        terms: &book.terms(k_ppm),
        outcome: &outcome,
    }
    .write_to(&mut text)
    .expect("memory takes everything");
    Ok(String::from_utf8(text).expect("a result is text"))
}

/// The book of a text.
pub(crate) fn book(text: &str) -> Book<'_> {
    Book::parse(text.as_bytes(), Format::Json).expect("a book")
}
