//! The zone's intervals: volumes as bars, the price as a line over them.

use energy_core::{MicroPricePerKwh, WattHours};

use super::scale::{Scale, label, round_steps};
use super::svg::{Svg, escaped};
use crate::format::{clock, ct_per_kwh, day_clock, kwh};

/// One interval of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneSlot {
    /// Its start, milliseconds UTC.
    pub start_ms: i64,
    /// Traded between homes.
    pub traded: WattHours,
    /// Had from the utility.
    pub from_utility: WattHours,
    /// Given to the utility.
    pub to_utility: WattHours,
    /// The clearing price.
    pub price: Option<MicroPricePerKwh>,
}

const WIDTH: f64 = 1_200.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 44.0;

/// Bars: local trade, then the utility's supply on it; below the line what the utility took.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
pub fn zone_day(interval_ms: i64, slots: &[ZoneSlot]) -> String {
    let kilo = |e: WattHours| e.get() as f64 / 1_000.0;
    let up = slots
        .iter()
        .map(|s| kilo(s.traded) + kilo(s.from_utility))
        .fold(0.1, f64::max);
    let down = slots.iter().map(|s| kilo(s.to_utility)).fold(0.0, f64::max);
    let step = round_steps(up.max(down), 3).get(1).copied().unwrap_or(1.0);
    let (up, down) = ((up / step).ceil() * step, (down / step).ceil() * step);
    let y = Scale::new((up, -down), (24.0, HEIGHT - 28.0));
    let highest = slots
        .iter()
        .filter_map(|s| s.price)
        .map(|p| p.get() as f64 / 10_000.0)
        .fold(20.0, f64::max);
    let price_steps = round_steps(highest * 1.1, 3);
    let price = Scale::new(
        (0.0, price_steps.last().copied().unwrap_or(30.0)),
        (y.at(0.0), 24.0),
    );
    let (first, last) = match (slots.first(), slots.last()) {
        (Some(first), Some(last)) => (first.start_ms, last.start_ms + interval_ms),
        _ => (0, 86_400_000),
    };
    let x = Scale::new((0.0, (last - first) as f64), (LEFT, WIDTH - RIGHT));
    let description = "For every interval: energy traded between homes and with the utility, and the local price.";
    let mut svg = Svg::new(
        "chart chart-zone",
        WIDTH,
        HEIGHT,
        "Volume and price by interval",
        description,
    );
    let mut level = -down;
    while level <= up + step * 0.01 {
        let class = if level.abs() < step * 0.01 {
            "zero"
        } else {
            "grid-line"
        };
        svg.line(class, LEFT, y.at(level), WIDTH - RIGHT, y.at(level));
        svg.text(
            "axis",
            LEFT - 6.0,
            y.at(level) + 4.0,
            "end",
            &label(level.abs()),
        );
        level += step;
    }
    for step in &price_steps {
        svg.text(
            "axis axis-price",
            WIDTH - RIGHT + 6.0,
            price.at(*step) + 4.0,
            "start",
            &label(*step),
        );
    }
    svg.text("axis unit", LEFT, 12.0, "start", "kWh");
    svg.text("axis axis-price unit", WIDTH - RIGHT, 12.0, "end", "ct/kWh");
    let wide = (x.at(interval_ms as f64) - x.at(0.0) - 1.4).max(0.8);
    let mut path = String::new();
    let mut end_of_last = None;
    for slot in slots {
        let left = x.at((slot.start_ms - first) as f64);
        svg.put(format_args!(
            r#"<g class="slot"><title>{}</title>"#,
            escaped(&told(slot))
        ));
        let (traded, both) = (
            kilo(slot.traded),
            kilo(slot.traded) + kilo(slot.from_utility),
        );
        svg.bar(
            "bar-local",
            left + 0.7,
            y.at(traded),
            wide,
            y.at(0.0) - y.at(traded),
        );
        svg.bar(
            "bar-grid",
            left + 0.7,
            y.at(both),
            wide,
            y.at(traded) - y.at(both),
        );
        svg.bar(
            "bar-taken",
            left + 0.7,
            y.at(0.0),
            wide,
            y.at(-kilo(slot.to_utility)) - y.at(0.0),
        );
        svg.put(format_args!("</g>"));
        if let Some(p) = slot.price {
            let at = price.at(p.get() as f64 / 10_000.0);
            let pen = if end_of_last == Some(slot.start_ms) {
                'L'
            } else {
                'M'
            };
            path.push_str(&format!("{pen}{left:.1} {at:.1}H{:.1}", left + wide + 1.4));
            end_of_last = Some(slot.start_ms + interval_ms);
        }
    }
    svg.put(format_args!(
        r#"<path class="price-halo" d="{path}"/><path class="price-line strong" d="{path}"/>"#
    ));
    times(&mut svg, &x, first, last);
    svg.finish()
}

#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
fn times(svg: &mut Svg, x: &Scale, first: i64, last: i64) {
    let hours = (last - first) / 3_600_000;
    let every = match hours {
        0..=8 => 3_600_000,
        9..=30 => 14_400_000,
        _ => 43_200_000,
    };
    let mut at = first - first.rem_euclid(every)
        + if first.rem_euclid(every) == 0 {
            0
        } else {
            every
        };
    while at <= last {
        let text = if every > 14_400_000 {
            day_clock(at)
        } else {
            clock(at)
        };
        let place = x.at((at - first) as f64);
        let anchor = if place > WIDTH - RIGHT - 20.0 {
            "end"
        } else {
            "middle"
        };
        svg.text("axis", place, HEIGHT - 8.0, anchor, &text);
        at += every;
    }
}

fn told(slot: &ZoneSlot) -> String {
    let price = slot.price.map_or_else(
        || "no local trade".to_owned(),
        |p| format!("{} ct/kWh", ct_per_kwh(p)),
    );
    format!(
        "{}: {price}; {} kWh between homes, {} kWh from the utility, {} kWh to it",
        clock(slot.start_ms),
        kwh(slot.traded),
        kwh(slot.from_utility),
        kwh(slot.to_utility)
    )
}
