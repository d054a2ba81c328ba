//! One home's day: what it took and gave in every interval, and from whom, to whom.

use energy_core::WattHours;

use super::scale::{Scale, label, round_steps};
use super::svg::{Svg, escaped};
use crate::format::{clock, kwh_exact};

/// One interval of the picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EnergySlot {
    /// Its start, milliseconds UTC.
    pub start_ms: i64,
    /// Bought from neighbours.
    pub bought: WattHours,
    /// Had from the utility.
    pub from_utility: WattHours,
    /// Sold to neighbours.
    pub sold: WattHours,
    /// Given to the utility.
    pub to_utility: WattHours,
    /// Whether a boundary was interpolated.
    pub substituted: bool,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 8.0;

/// Bars from midnight to midnight: above the line what the home gave, below what it took. An
/// interval without data stays empty.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
pub fn day_energy(day_ms: i64, interval_ms: i64, slots: &[EnergySlot]) -> String {
    let kwh = |e: WattHours| e.get() as f64 / 1_000.0;
    let most = |f: fn(&EnergySlot) -> (WattHours, WattHours)| {
        slots
            .iter()
            .map(|s| kwh(f(s).0) + kwh(f(s).1))
            .fold(0.0, f64::max)
    };
    let (up, down) = (
        most(|s| (s.sold, s.to_utility)),
        most(|s| (s.bought, s.from_utility)),
    );
    let step = round_steps(up.max(down).max(0.1), 3)
        .get(1)
        .copied()
        .unwrap_or(1.0);
    let (up, down) = (
        (up / step).ceil().max(1.0) * step,
        (down / step).ceil().max(1.0) * step,
    );
    let y = Scale::new((up, -down), (22.0, HEIGHT - 30.0));
    let x = Scale::new((0.0, 86_400_000.0), (LEFT, WIDTH - RIGHT));
    let description = "Bars for every interval of the day: given above the line, taken below. The table has the figures.";
    let mut svg = Svg::new(
        "chart chart-day",
        WIDTH,
        HEIGHT,
        "Energy today by interval",
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
    svg.text("axis unit", LEFT, 12.0, "start", "kWh");
    hours(&mut svg, &x);
    let wide = (x.at(interval_ms as f64) - x.at(0.0) - 1.2).max(1.0);
    for slot in slots {
        let left = x.at((slot.start_ms - day_ms) as f64) + 0.6;
        let dashed = if slot.substituted { " substituted" } else { "" };
        svg.put(format_args!(
            r#"<g class="slot{dashed}"><title>{}</title>"#,
            escaped(&told(slot))
        ));
        let mut top = 0.0;
        for (class, energy) in [("bar-local", slot.sold), ("bar-grid", slot.to_utility)] {
            let next = top + kwh(energy);
            svg.bar(class, left, y.at(next), wide, y.at(top) - y.at(next));
            top = next;
        }
        let mut bottom = 0.0;
        for (class, energy) in [("bar-bought", slot.bought), ("bar-use", slot.from_utility)] {
            let next = bottom - kwh(energy);
            svg.bar(class, left, y.at(bottom), wide, y.at(next) - y.at(bottom));
            bottom = next;
        }
        svg.put(format_args!("</g>"));
    }
    svg.finish()
}

fn told(slot: &EnergySlot) -> String {
    let part =
        |word: &str, e: WattHours| (e.get() > 0).then(|| format!("{word} {} kWh", kwh_exact(e)));
    let parts = [
        part("sold to neighbours", slot.sold),
        part("given to the utility", slot.to_utility),
        part("bought from neighbours", slot.bought),
        part("had from the utility", slot.from_utility),
        slot.substituted
            .then(|| "one boundary reading was interpolated".to_owned()),
    ];
    format!(
        "{}: {}",
        clock(slot.start_ms),
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    )
}

/// Every fourth hour under the axis.
pub(super) fn hours(svg: &mut Svg, x: &Scale) {
    for hour in (0..=24_u32).step_by(4) {
        let place = x.at(f64::from(hour) * 3_600_000.0);
        let anchor = match hour {
            0 => "start",
            24 => "end",
            _ => "middle",
        };
        svg.text(
            "axis",
            place,
            HEIGHT - 10.0,
            anchor,
            &format!("{hour:02}:00"),
        );
    }
}
