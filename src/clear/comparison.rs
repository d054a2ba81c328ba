//! All mechanisms side by side on one book, as a table for people and as JSON.
//!
//! The table shows money and energy in the units of a bill, cut off where a column ends; the JSON has every figure to the
//! last unit.

use std::io::{self, Write};

use energy_core::{Hash, IntervalStart, MicroPricePerKwh, Side};
use market_engine::book_hash;
use market_engine::compare::{Row, compare};
use market_engine::mechanism::{Budget, Mechanism, Terms};
use serde::Serialize;

use super::book::Book;
use super::fault::BadInput;
use super::result::per_kwh;
use super::share::share_text;

const HEADER: [&str; 10] = [
    "mechanism",
    "kWh",
    "buyers pay",
    "sellers get",
    "welfare",
    "of best",
    "buyers",
    "sellers",
    "zone",
    "Gini",
];

const LEGEND: &str = "\
buyers pay, sellers get: currency per kWh, on average     of best: welfare's share of the optimum
buyers, sellers, zone:   how the welfare is split         zone: what the budget has left over
Gini: how unevenly it falls to the homes, from 0 (all the same) to 1 (one has it all)";

/// One book under every mechanism.
#[derive(Debug, Clone)]
pub struct Comparison<'a> {
    book: &'a Book<'a>,
    terms: Terms,
    rows: Vec<Row>,
}

impl<'a> Comparison<'a> {
    /// Clears the book under every mechanism.
    ///
    /// # Errors
    /// [`BadInput`] where the engine refuses the book.
    pub fn of(book: &'a Book<'a>, k_ppm: u32) -> Result<Self, BadInput> {
        let terms = book.terms(k_ppm);
        let rows =
            compare(book.interval(), book.orders(), &terms).map_err(|error| book.refusal(error))?;
        Ok(Self { book, terms, rows })
    }

    /// Writes the table.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let of_side = |side| {
            let orders = self.book.orders().iter().filter(|order| order.side == side);
            let wh: u128 = orders.clone().map(|o| u128::from(o.quantity.get())).sum();
            (orders.count(), kwh(wh))
        };
        let ((bids, wanted), (asks, offered)) = (of_side(Side::Bid), of_side(Side::Ask));
        writeln!(
            out,
            "{bids} bids for {wanted} kWh, {asks} asks for {offered} kWh"
        )?;
        writeln!(
            out,
            "k {}, tariff band {} to {} per kWh\n",
            share_text(self.terms.k_ppm),
            per_kwh(self.terms.floor),
            per_kwh(self.terms.ceiling),
        )?;
        let places = money_places(&self.rows);
        let lines: Vec<[String; 10]> = std::iter::once(HEADER.map(str::to_owned))
            .chain(self.rows.iter().map(|row| cells(row, places)))
            .collect();
        let widths: [usize; 10] = std::array::from_fn(|column| {
            let width = |line: &[String; 10]| line[column].chars().count();
            lines.iter().map(width).max().unwrap_or(0)
        });
        for line in &lines {
            let [name, figures @ ..] = line;
            write!(out, "{name:<width$}", width = widths[0])?;
            for (figure, width) in figures.iter().zip(&widths[1..]) {
                write!(out, "  {figure:>width$}")?;
            }
            writeln!(out)?;
        }
        writeln!(out, "\n{LEGEND}")
    }

    /// Writes the figures as JSON.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let mechanisms: Vec<Figures> = self.rows.iter().map(Figures::of).collect();
        let all = Document {
            k: share_text(self.terms.k_ppm),
            interval: self.book.interval(),
            retail_micro_per_kwh: self.terms.ceiling,
            feed_in_micro_per_kwh: self.terms.floor,
            book_hash: book_hash(self.book.orders()),
            mechanisms: &mechanisms,
        };
        serde_json::to_writer_pretty(&mut *out, &all)?;
        writeln!(out)
    }
}

/// The comparison as JSON; wide numbers are decimal strings.
#[derive(Serialize)]
struct Document<'a> {
    k: String,
    interval: IntervalStart,
    retail_micro_per_kwh: MicroPricePerKwh,
    feed_in_micro_per_kwh: MicroPricePerKwh,
    book_hash: Hash,
    mechanisms: &'a [Figures],
}

/// Every figure of a mechanism to the last unit, with what it promises.
#[derive(Serialize)]
struct Figures {
    mechanism: Mechanism,
    qty_wh: String,
    orders_filled: usize,
    price_micro_per_kwh: Option<MicroPricePerKwh>,
    price_buyers_micro_per_kwh: Option<MicroPricePerKwh>,
    price_sellers_micro_per_kwh: Option<MicroPricePerKwh>,
    welfare: String,
    welfare_share_ppm: u32,
    gain_buyers: String,
    gain_sellers: String,
    surplus: String,
    gini_ppm: u32,
    efficient: bool,
    truthful: bool,
    budget_balanced: &'static str,
    individually_rational: bool,
}

impl Figures {
    fn of(row: &Row) -> Self {
        let facts = row.mechanism.facts();
        Self {
            mechanism: row.mechanism,
            qty_wh: row.quantity.to_string(),
            orders_filled: row.orders_filled,
            price_micro_per_kwh: row.price,
            price_buyers_micro_per_kwh: row.price_buyers,
            price_sellers_micro_per_kwh: row.price_sellers,
            welfare: row.welfare.to_string(),
            welfare_share_ppm: row.share_ppm,
            gain_buyers: row.gain_buyers.to_string(),
            gain_sellers: row.gain_sellers.to_string(),
            surplus: row.surplus.to_string(),
            gini_ppm: row.gini_ppm,
            efficient: facts.efficient,
            truthful: facts.truthful,
            budget_balanced: match facts.budget_balanced {
                Budget::Strong => "strongly",
                Budget::Weak => "weakly",
            },
            individually_rational: facts.individually_rational,
        }
    }
}

/// One line of the table.
fn cells(row: &Row, places: usize) -> [String; 10] {
    let price = |price: Option<MicroPricePerKwh>| price.map_or("–".to_owned(), per_kwh);
    let split = |part: i128| match row.welfare {
        0 => "–".to_owned(),
        welfare => percent(share_ppm(part, welfare), 0),
    };
    [
        row.mechanism.name().to_owned(),
        kwh(row.quantity),
        price(row.price_buyers),
        price(row.price_sellers),
        money(row.welfare, places),
        percent(row.share_ppm.into(), 2),
        split(row.gain_buyers),
        split(row.gain_sellers),
        split(row.surplus),
        cut(row.gini_ppm.into(), 6, 3),
    ]
}

/// As many places of the currency as show four digits of the largest welfare.
fn money_places(rows: &[Row]) -> usize {
    let largest = rows.iter().map(|row| row.welfare).max().unwrap_or(0);
    let digits = largest.checked_ilog10().map_or(9, |digits| digits as usize);
    12_usize.saturating_sub(digits).clamp(2, 9)
}

/// A part as parts per million of the whole, to the nearest hundredth.
fn share_ppm(part: i128, whole: i128) -> i128 {
    // Numbers of more than 100 bits lose their last ones, which a table does not show.
    let shift = 28_u32.saturating_sub(whole.unsigned_abs().leading_zeros());
    let (part, whole) = (part >> shift, whole >> shift);
    (part * 200 + whole).div_euclid(whole * 2) * 10_000
}

/// Parts per million as a percentage.
fn percent(ppm: i128, places: usize) -> String {
    format!("{}%", cut(ppm, 4, places))
}

fn kwh(wh: u128) -> String {
    format!("{}.{:03}", wh / 1_000, wh % 1_000)
}

fn money(nano: i128, places: usize) -> String {
    cut(nano, 9, places)
}

/// A number of units of 10^−scale, cut off after some places.
fn cut(units: i128, scale: usize, places: usize) -> String {
    let text = super::result::decimal(units, scale);
    let end = text.len() - (scale - places);
    text[..end].trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::source::Format;
    use super::*;

    fn table(text: &str) -> String {
        let book = Book::parse(text.as_bytes(), Format::Csv).expect("a book");
        let comparison = Comparison::of(&book, 500_000).expect("a comparison");
        let mut table = Vec::new();
        comparison.write_table(&mut table).expect("memory");
        String::from_utf8(table).expect("text")
    }

    const HEADER_LINE: &str = "id,side,qty_wh,price_micro_per_kwh\n";

    #[test]
    fn the_table_fits_a_hundred_columns() {
        let rows: String = (0..40)
            .map(|n| {
                let (side, price) =
                    [("bid", 300_000 - n * 5_000), ("ask", 80_000 + n * 4_000)][n % 2];
                format!("h{n},{side},{},{price}\n", 400 + n * 37)
            })
            .collect();
        let table = table(&(HEADER_LINE.to_owned() + &rows));
        for line in table.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        let figures: Vec<&str> = table.lines().skip(3).take(10).collect();
        let ends = |line: &str| line.chars().count();
        assert!(figures.iter().all(|line| ends(line) == ends(figures[0])));
    }

    #[test]
    fn a_book_without_trade_has_no_prices() {
        let table = table(HEADER_LINE);
        let line = table.lines().nth(4).expect("the first mechanism");
        assert_eq!(
            line.split_whitespace().collect::<Vec<_>>(),
            [
                "k-double-auction",
                "0.000",
                "–",
                "–",
                "0.000",
                "100.00%",
                "–",
                "–",
                "–",
                "0.000"
            ]
        );
    }

    #[test]
    fn shares_are_rounded_to_the_nearest_hundredth() {
        assert_eq!(share_ppm(1, 3), 330_000);
        assert_eq!(share_ppm(2, 3), 670_000);
        assert_eq!(share_ppm(i128::MAX, i128::MAX), 1_000_000);
        assert_eq!(cut(-1_999, 3, 1), "-1.9");
    }
}
