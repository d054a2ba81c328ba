//! The merit order of one interval: who would pay how much for which kWh, who would sell, and where
//! they met. With a home's own order marked, it is the answer to "why this price?".

use energy_core::{HomeId, MicroPricePerKwh, Order, Side};

use super::scale::{Scale, label, round_steps};
use super::svg::{Svg, escaped};
use crate::facts::{BookFacts, ZoneFacts};
use crate::format::{ct_per_kwh, kwh, kwh_exact};

/// What to show.
#[derive(Debug, Clone, Copy)]
pub struct MeritPicture<'a> {
    /// The zone's tariff.
    pub zone: &'a ZoneFacts,
    /// The book.
    pub book: &'a BookFacts,
    /// The home whose order is marked.
    pub own: Option<HomeId>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 12.0;

/// The two step curves with the clearing point.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
pub fn merit_order(picture: &MeritPicture<'_>) -> String {
    let MeritPicture { zone, book, own } = *picture;
    let kilo = |wh: u64| wh as f64 / 1_000.0;
    let ct = |p: MicroPricePerKwh| p.get() as f64 / 10_000.0;
    let bids = side(&book.orders, Side::Bid);
    let asks = side(&book.orders, Side::Ask);
    let total = |orders: &[Order]| orders.iter().map(|o| kilo(o.quantity.get())).sum::<f64>();
    let widest = total(&bids).max(total(&asks)).max(0.1);
    let highest = book
        .orders
        .iter()
        .map(|o| ct(o.price))
        .fold(ct(zone.tariff.at(book.start).retail), f64::max);
    let (steps_x, steps_y) = (round_steps(widest, 5), round_steps(highest * 1.02, 4));
    // The curve ends a little after its last step; the axis need not go on to the next round value.
    let x = Scale::new((0.0, widest * 1.04), (LEFT, WIDTH - RIGHT));
    let y = Scale::new(
        (0.0, steps_y.last().copied().unwrap_or(40.0)),
        (HEIGHT - 40.0, 22.0),
    );
    let description = book.price.map_or_else(
        || "Bids and asks did not meet: no local trade in this interval.".to_owned(),
        |p| {
            format!(
                "Bids and asks meet at {} kWh for {} ct/kWh.",
                kwh(book.traded),
                ct_per_kwh(p)
            )
        },
    );
    let mut svg = Svg::new(
        "chart chart-merit",
        WIDTH,
        HEIGHT,
        "Merit order",
        &description,
    );
    for step in &steps_y {
        svg.line("grid-line", LEFT, y.at(*step), WIDTH - RIGHT, y.at(*step));
        svg.text("axis", LEFT - 6.0, y.at(*step) + 4.0, "end", &label(*step));
    }
    for step in steps_x.iter().filter(|s| **s <= widest * 1.04) {
        svg.text("axis", x.at(*step), HEIGHT - 22.0, "middle", &label(*step));
    }
    svg.text("axis unit", LEFT, 12.0, "start", "ct/kWh");
    svg.text(
        "axis unit",
        WIDTH - RIGHT,
        HEIGHT - 6.0,
        "end",
        "kWh offered, best first",
    );
    if let (Some(lo), Some(hi)) = (book.price_lo, book.price_hi) {
        let (top, bottom) = (y.at(ct(hi)), y.at(ct(lo)));
        svg.put(format_args!(
            r#"<rect class="valid-prices" x="{LEFT}" y="{top:.1}" width="{:.1}" height="{:.1}"><title>every price from {} to {} ct/kWh would be valid</title></rect>"#,
            WIDTH - LEFT - RIGHT,
            (bottom - top).max(1.0),
            ct_per_kwh(lo),
            ct_per_kwh(hi)
        ));
    }
    for (class, word, orders) in [("bid", "would pay", &bids), ("ask", "would sell at", &asks)] {
        let mut path = String::new();
        let mut hits = String::new();
        let mut done = 0.0;
        for order in orders {
            let next = done + kilo(order.quantity.get());
            let at = y.at(ct(order.price));
            let pen = if path.is_empty() { 'M' } else { 'L' };
            path.push_str(&format!("{pen}{:.1} {at:.1}H{:.1}", x.at(done), x.at(next)));
            let mine = own == Some(order.home);
            let told = format!(
                "{}{} kWh, {word} {} ct/kWh before fees",
                if mine { "your order: " } else { "" },
                kwh_exact(order.quantity),
                ct_per_kwh(order.price)
            );
            hits.push_str(&format!(
                r#"<line class="step {class}{}" x1="{:.1}" y1="{at:.1}" x2="{:.1}" y2="{at:.1}"><title>{}</title></line>"#,
                if mine { " mine" } else { "" },
                x.at(done),
                x.at(next),
                escaped(&told)
            ));
            done = next;
        }
        svg.put(format_args!(
            r#"<path class="curve {class}" d="{path}"/>{hits}"#
        ));
    }
    if let Some(price) = book.price {
        let (cx, cy) = (x.at(kilo(book.traded.get())), y.at(ct(price)));
        svg.line("clearing", LEFT, cy, cx, cy);
        svg.line("clearing", cx, cy, cx, y.at(0.0));
        svg.put(format_args!(
            r#"<circle class="clearing-dot" cx="{cx:.1}" cy="{cy:.1}" r="7"/>"#
        ));
        let anchor = if cx > WIDTH * 0.68 { "end" } else { "start" };
        let at = if anchor == "end" {
            cx - 14.0
        } else {
            cx + 14.0
        };
        let text = format!("{} ct/kWh · {} kWh", ct_per_kwh(price), kwh(book.traded));
        svg.text("clearing-text", at, cy - 14.0, anchor, &text);
    }
    svg.finish()
}

/// One side of the book, best price first, equal prices by id.
fn side(orders: &[Order], side: Side) -> Vec<Order> {
    let mut orders: Vec<Order> = orders
        .iter()
        .filter(|o| o.side == side && o.quantity.get() > 0)
        .copied()
        .collect();
    orders.sort_by_key(|o| {
        (
            if side == Side::Bid {
                -o.price.get()
            } else {
                o.price.get()
            },
            o.id,
        )
    });
    orders
}
