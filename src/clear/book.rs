//! A book as it comes from a file: orders with the names that their owner gave them, and the terms of the zone.

use std::borrow::Cow;

use energy_core::{
    IntervalLength, IntervalStart, MicroPricePerKwh, Order, OrderId, Side, WattHours,
};
use market_engine::BookError;
use market_engine::mechanism::{self, Mechanism, Outcome, Terms};

use super::cell::Cell;
use super::csv;
use super::fault::{BadInput, Fault, quoted};
use super::json::{self, Fields, Shape, Unnamed};
use super::order_rows::{ORDER_FIELDS, ORDER_FIELDS_NEEDED, OrderRows};
use super::source::{Format, place_of, text};

const SHAPE: Shape<3, 5> = Shape {
    top: Fields {
        what: "the book",
        names: ["interval", "retail_micro_per_kwh", "feed_in_micro_per_kwh"],
        unnamed: Unnamed::Ignored,
    },
    list: "orders",
    row: Fields {
        what: "an order",
        names: ORDER_FIELDS,
        unnamed: Unnamed::Ignored,
    },
};

/// Orders with distinct ids, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book<'a> {
    ids: Vec<Cow<'a, str>>,
    orders: Vec<Order>,
    /// Positions of the orders by [`OrderId`].
    by_id: Vec<u32>,
    interval: IntervalStart,
    retail: Option<i64>,
    feed_in: Option<i64>,
}

impl<'a> Book<'a> {
    /// Reads a book.
    ///
    /// # Errors
    /// The first [`BadInput`] in the order of the file; two orders of one name are found last.
    pub fn parse(bytes: &'a [u8], format: Format) -> Result<Self, BadInput> {
        let text = text(bytes)?;
        let mut rows = OrderRows::default();
        let [interval, retail, feed_in] = match format {
            Format::Json => json::document(text, &SHAPE, |row| rows.take(row, Cell::Json))?,
            Format::Csv => {
                csv::table(text, &ORDER_FIELDS, ORDER_FIELDS_NEEDED, |row| {
                    rows.take(row, Cell::Csv)
                })?;
                [None; 3]
            }
        };
        let [interval_name, retail_name, feed_in_name] = SHAPE.top.names;
        let integer = |value: Option<&str>, field| match value.map(Cell::Json) {
            None => Ok(None),
            Some(cell) if cell.is_absent() => Ok(None),
            Some(cell) => cell
                .integer(field, i64::MIN)
                .map(Some)
                .map_err(|fault| BadInput {
                    place: place_of(text, cell.raw()),
                    ..fault.into()
                }),
        };
        let interval = interval_at(integer(interval, interval_name)?.unwrap_or(0));
        let retail_price = integer(retail, retail_name)?;
        let feed_in_price = integer(feed_in, feed_in_name)?;
        if let Some((retail, feed_in)) = retail_price.zip(feed_in_price)
            && feed_in > retail
        {
            return Err(Fault::Terms { retail, feed_in }.into());
        }
        Self::of(rows, interval, retail_price, feed_in_price)
    }

    /// The book of these rows, if no two have one name.
    fn of(
        rows: OrderRows<'a>,
        interval: IntervalStart,
        retail: Option<i64>,
        feed_in: Option<i64>,
    ) -> Result<Self, BadInput> {
        let got = rows.orders.len();
        let count = u32::try_from(got).map_err(|_| Fault::Book(BookError::TooMany { got }))?;
        let mut by_id: Vec<u32> = (0..count).collect();
        by_id.sort_unstable_by_key(|at| (rows.orders[*at as usize].id, *at));
        let id = |at: u32| rows.orders[at as usize].id;
        let again = by_id.windows(2).filter(|pair| id(pair[0]) == id(pair[1]));
        if let Some(pair) = again.min_by_key(|pair| pair[1]) {
            let (first, index) = (pair[0] as usize, pair[1] as usize);
            let fault = Fault::DuplicateId {
                id: quoted(&rows.ids[index]),
                first,
            };
            return Err(BadInput {
                index: Some(index),
                ..fault.into()
            });
        }
        Ok(Self {
            ids: rows.ids,
            orders: rows.orders,
            by_id,
            interval,
            retail,
            feed_in,
        })
    }

    /// The orders, in the order of the file.
    #[must_use]
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The name of the order at a position.
    #[must_use]
    pub fn id(&self, index: usize) -> &str {
        self.ids.get(index).map_or("", |id| id)
    }

    /// The interval, which seeds the last ties.
    #[must_use]
    pub fn interval(&self) -> IntervalStart {
        self.interval
    }

    /// The positions of the orders, in the order of their [`OrderId`]s: that of the fills of a clearing.
    pub fn by_id(&self) -> impl Iterator<Item = usize> + '_ {
        self.by_id.iter().map(|at| *at as usize)
    }

    /// The position of an order.
    #[must_use]
    pub fn position(&self, id: OrderId) -> Option<usize> {
        self.by_id
            .binary_search_by_key(&id, |at| self.orders[*at as usize].id)
            .ok()
            .map(|at| self.by_id[at] as usize)
    }

    /// The terms of the zone. A price that the file does not give is taken from the book: the best bid is the ceiling,
    /// the best ask the floor; what would stand upside down meets at the price that was given, or spans the gap.
    #[must_use]
    pub fn terms(&self, k_ppm: u32) -> Terms {
        let prices = |side| {
            self.orders
                .iter()
                .filter(move |order| order.side == side && order.quantity > WattHours::ZERO)
                .map(|order| order.price.get())
        };
        let bests = [prices(Side::Bid).max(), prices(Side::Ask).min()];
        let best = || bests.iter().flatten().copied();
        let (highest, lowest) = (best().max().unwrap_or(0), best().min().unwrap_or(0));
        let (ceiling, floor) = match (self.retail, self.feed_in) {
            (Some(retail), Some(feed_in)) => (retail, feed_in),
            (Some(retail), None) => (retail, lowest.min(retail)),
            (None, Some(feed_in)) => (highest.max(feed_in), feed_in),
            (None, None) => (highest, lowest),
        };
        Terms {
            k_ppm,
            ceiling: MicroPricePerKwh::new(ceiling),
            floor: MicroPricePerKwh::new(floor),
        }
    }

    /// The fault of the engine, with the order that it is about.
    #[must_use]
    pub fn refusal(&self, error: BookError) -> BadInput {
        let index = match error {
            BookError::DuplicateId { id } => self.position(id),
            BookError::QuantityOverflow { side } => self.overflow(side),
            _ => None,
        };
        BadInput {
            index,
            ..Fault::Book(error).into()
        }
    }

    /// Where the sum of a side's quantities leaves 64 bits.
    fn overflow(&self, side: Side) -> Option<usize> {
        let mut sum = 0_u64;
        self.orders.iter().position(|order| {
            let added = (order.side == side).then(|| sum.checked_add(order.quantity.get()));
            match added {
                Some(Some(more)) => sum = more,
                Some(None) => return true,
                None => {}
            }
            false
        })
    }
}

/// Clears a book by a mechanism.
///
/// # Errors
/// [`BadInput`] where the engine refuses the book.
pub fn clear(book: &Book<'_>, mechanism: Mechanism, k_ppm: u32) -> Result<Outcome, BadInput> {
    mechanism::clear(mechanism, book.interval, &book.orders, &book.terms(k_ppm))
        .map_err(|error| book.refusal(error))
}

/// The interval that starts at a second, by any length that a zone can have; where none does, the quarter of an hour
/// that holds it.
fn interval_at(second: i64) -> IntervalStart {
    (60..=3_600)
        .rev()
        .filter_map(|length| IntervalLength::new(length).ok())
        .find_map(|length| length.start_at(second).ok())
        .unwrap_or_else(|| IntervalLength::QUARTER_HOUR.containing(second))
}

#[cfg(test)]
mod tests {
    use super::super::order_rows::order_id;
    use super::*;

    fn json(text: &str) -> Book<'_> {
        Book::parse(text.as_bytes(), Format::Json).expect("a book")
    }

    #[test]
    fn any_second_names_an_interval() {
        for (second, start) in [
            (0, 0),
            (900, 900),
            (60, 60),
            (72, 72),
            (-900, -900),
            (7, 0),
            (901, 900),
            (-1, -900),
        ] {
            assert_eq!(interval_at(second).seconds(), start, "{second}");
        }
        assert!(interval_at(i64::MIN).seconds() < 0);
        assert!(interval_at(i64::MAX).seconds() > 0);
    }

    #[test]
    fn orders_of_one_owner_have_one_home() {
        let book = json(
            r#"{"orders":[
                {"id":"a","side":"bid","qty_wh":1,"price_micro_per_kwh":1,"owner":"x"},
                {"id":"b","side":"bid","qty_wh":1,"price_micro_per_kwh":1},
                {"id":"c","side":"bid","qty_wh":1,"price_micro_per_kwh":1,"owner":7},
                {"id":"d","side":"ask","qty_wh":1,"price_micro_per_kwh":1,"owner":"x"},
                {"id":"e","side":"ask","qty_wh":1,"price_micro_per_kwh":1,"owner":null}]}"#,
        );
        let homes: Vec<u32> = book.orders().iter().map(|order| order.home.get()).collect();
        assert_eq!(homes, [0, 1, 2, 0, 3]);
    }

    #[test]
    fn terms_come_from_the_file_or_else_from_the_book() {
        let terms = |top: &str, bid: i64, ask: i64| {
            let text = format!(
                r#"{{"orders":[
                    {{"id":"b","side":"bid","qty_wh":1,"price_micro_per_kwh":{bid}}},
                    {{"id":"z","side":"bid","qty_wh":0,"price_micro_per_kwh":999}},
                    {{"id":"a","side":"ask","qty_wh":1,"price_micro_per_kwh":{ask}}}]{top}}}"#
            );
            let terms = json(&text).terms(1);
            (terms.ceiling.get(), terms.floor.get())
        };
        assert_eq!(terms("", 30, 10), (30, 10));
        assert_eq!(terms("", 10, 30), (30, 10));
        let retail = r#","retail_micro_per_kwh":25"#;
        assert_eq!(terms(retail, 30, 10), (25, 10));
        assert_eq!(terms(retail, 40, 30), (25, 25));
        let feed_in = r#","feed_in_micro_per_kwh":35"#;
        assert_eq!(terms(feed_in, 30, 10), (35, 35));
        assert_eq!(
            terms(
                r#","feed_in_micro_per_kwh":5,"retail_micro_per_kwh":50"#,
                30,
                10
            ),
            (50, 5)
        );
        let empty = json(r#"{"orders":[]}"#).terms(1);
        assert_eq!((empty.ceiling.get(), empty.floor.get()), (0, 0));
    }

    #[test]
    fn two_orders_of_one_name_are_found_whatever_the_name_is() {
        let derived = order_id("b0").to_string();
        let row = |id: &str| {
            format!(r#"{{"id":"{id}","side":"bid","qty_wh":1,"price_micro_per_kwh":1}}"#)
        };
        for (ids, first, index) in [(["a", "b0", "b0"], 1, 2), (["b0", "a", &derived], 0, 2)] {
            let text = format!(r#"{{"orders":[{}]}}"#, ids.map(row).join(","));
            let bad = Book::parse(text.as_bytes(), Format::Json).expect_err("a repetition");
            assert_eq!(bad.index, Some(index));
            assert!(matches!(bad.fault, Fault::DuplicateId { first: at, .. } if at == first));
        }
    }
}
