//! One day's local prices, with the tariff band and a home's own limits.

use energy_core::MicroPricePerKwh;

use super::day_energy::hours;
use super::scale::{Scale, label, round_steps};
use super::svg::{Svg, escaped};
use crate::facts::ZoneFacts;
use crate::format::{clock, ct_per_kwh};

/// The home's limits in force, all-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceLimits {
    /// Sells above this.
    pub sell_above: MicroPricePerKwh,
    /// Buys below this.
    pub buy_below: MicroPricePerKwh,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 8.0;

/// A step line of the clearing price from midnight to midnight; an interval without trade is a gap.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
pub fn day_price(
    zone: &ZoneFacts,
    day_ms: i64,
    prices: &[(i64, Option<MicroPricePerKwh>)],
    limits: Option<PriceLimits>,
) -> String {
    let ct = |p: MicroPricePerKwh| p.get() as f64 / 10_000.0;
    let highest = prices
        .iter()
        .filter_map(|(_, p)| *p)
        .map(ct)
        .fold(ct(zone.retail), f64::max);
    let steps = round_steps(highest * 1.05, 4);
    let y = Scale::new(
        (0.0, steps.last().copied().unwrap_or(40.0)),
        (HEIGHT - 30.0, 22.0),
    );
    let x = Scale::new((0.0, 86_400_000.0), (LEFT, WIDTH - RIGHT));
    let description =
        "The local price of every interval between what the utility pays and what it charges.";
    let mut svg = Svg::new(
        "chart chart-price",
        WIDTH,
        HEIGHT,
        "Local price today",
        description,
    );
    let (top, bottom) = (y.at(ct(zone.retail)), y.at(ct(zone.feed_in)));
    svg.put(format_args!(
        r#"<rect class="price-band" x="{LEFT}" y="{top:.1}" width="{:.1}" height="{:.1}"/>"#,
        WIDTH - LEFT - RIGHT,
        bottom - top
    ));
    for step in &steps {
        svg.line("grid-line", LEFT, y.at(*step), WIDTH - RIGHT, y.at(*step));
        svg.text("axis", LEFT - 6.0, y.at(*step) + 4.0, "end", &label(*step));
    }
    svg.text("axis unit", LEFT, 12.0, "start", "ct/kWh");
    hours(&mut svg, &x);
    for (price, text, below) in [
        (zone.retail, "utility charges", false),
        (zone.feed_in, "utility pays", true),
    ] {
        svg.line(
            "tariff",
            LEFT,
            y.at(ct(price)),
            WIDTH - RIGHT,
            y.at(ct(price)),
        );
        let at = y.at(ct(price)) + if below { 14.0 } else { -6.0 };
        svg.text(
            "note",
            WIDTH - RIGHT - 4.0,
            at,
            "end",
            &format!("{text} {}", ct_per_kwh(price)),
        );
    }
    if let Some(limits) = limits {
        let close = (y.at(ct(limits.buy_below)) - y.at(ct(limits.sell_above))).abs() < 16.0;
        let sell_is_lower = limits.sell_above <= limits.buy_below;
        let below = |lower: bool| if close && lower { 14.0 } else { -5.0 };
        for (class, price, text, lower) in [
            ("limit-sell", limits.sell_above, "sell above", sell_is_lower),
            ("limit-buy", limits.buy_below, "buy below", !sell_is_lower),
        ] {
            svg.line(class, LEFT, y.at(ct(price)), WIDTH - RIGHT, y.at(ct(price)));
            let note = format!("{text} {}", ct_per_kwh(price));
            svg.text(
                &format!("note {class}-text"),
                LEFT + 6.0,
                y.at(ct(price)) + below(lower),
                "start",
                &note,
            );
        }
    }
    steps_of(&mut svg, &x, &y, day_ms, prices);
    svg.finish()
}

#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
fn steps_of(
    svg: &mut Svg,
    x: &Scale,
    y: &Scale,
    day_ms: i64,
    prices: &[(i64, Option<MicroPricePerKwh>)],
) {
    let length = prices
        .windows(2)
        .map(|w| w[1].0 - w[0].0)
        .min()
        .unwrap_or(900_000);
    let mut path = String::new();
    let mut last: Option<(i64, f64)> = None;
    for (start, price) in prices {
        let Some(price) = price else {
            last = None;
            continue;
        };
        let (from, to) = (
            x.at((start - day_ms) as f64),
            x.at((start + length - day_ms) as f64),
        );
        let at = y.at(price.get() as f64 / 10_000.0);
        let joined = last.is_some_and(|(end, _)| end == *start);
        let pen = if joined { 'L' } else { 'M' };
        path.push_str(&format!("{pen}{from:.1} {at:.1}H{to:.1}"));
        last = Some((start + length, at));
    }
    svg.put(format_args!(r#"<path class="price-line" d="{path}"/>"#));
    for (start, price) in prices {
        let Some(price) = price else { continue };
        let (from, to) = (
            x.at((start - day_ms) as f64),
            x.at((start + length - day_ms) as f64),
        );
        let told = format!("{}: {} ct/kWh", clock(*start), ct_per_kwh(*price));
        svg.put(format_args!(
            r#"<rect class="hit" x="{from:.1}" y="22" width="{:.1}" height="{:.1}"><title>{}</title></rect>"#,
            to - from,
            HEIGHT - 52.0,
            escaped(&told)
        ));
    }
}
