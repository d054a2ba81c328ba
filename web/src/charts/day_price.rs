//! One day's local prices, with the tariff band and a home's own limits.

use clearing_house::TariffPrices;
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
const DAY_MS: i64 = 86_400_000;

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
        .fold(ct(zone.tariff.range().highest.retail), f64::max);
    let steps = round_steps(highest * 1.05, 4);
    let y = Scale::new(
        (0.0, steps.last().copied().unwrap_or(40.0)),
        (HEIGHT - 30.0, 22.0),
    );
    let x = Scale::new((0.0, DAY_MS as f64), (LEFT, WIDTH - RIGHT));
    let description =
        "The local price of every interval between what the utility pays and what it charges.";
    let mut svg = Svg::new(
        "chart chart-price",
        WIDTH,
        HEIGHT,
        "Local price today",
        description,
    );
    let spans = tariff_spans(zone, day_ms);
    for span in &spans {
        let (left, right) = (x.at(span.from_ms as f64), x.at(span.to_ms as f64));
        let (top, bottom) = (y.at(ct(span.prices.retail)), y.at(ct(span.prices.feed_in)));
        svg.put(format_args!(
            r#"<rect class="price-band" x="{left:.1}" y="{top:.1}" width="{:.1}" height="{:.1}"/>"#,
            right - left,
            bottom - top
        ));
    }
    for step in &steps {
        svg.line("grid-line", LEFT, y.at(*step), WIDTH - RIGHT, y.at(*step));
        svg.text("axis", LEFT - 6.0, y.at(*step) + 4.0, "end", &label(*step));
    }
    svg.text("axis unit", LEFT, 12.0, "start", "ct/kWh");
    hours(&mut svg, &x);
    for span in &spans {
        let (left, right) = (x.at(span.from_ms as f64), x.at(span.to_ms as f64));
        for price in [span.prices.retail, span.prices.feed_in] {
            svg.line("tariff", left, y.at(ct(price)), right, y.at(ct(price)));
        }
    }
    tariff_notes(&mut svg, &y, &spans);
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

/// A part of the day in which the tariff stays the same, milliseconds from midnight.
struct TariffSpan {
    from_ms: i64,
    to_ms: i64,
    prices: TariffPrices,
}

/// The day's tariff, from midnight to midnight.
fn tariff_spans(zone: &ZoneFacts, day_ms: i64) -> Vec<TariffSpan> {
    let length_ms = i64::from(zone.interval.seconds()) * 1_000;
    let mut spans: Vec<TariffSpan> = Vec::new();
    for n in 0..DAY_MS / length_ms {
        let from_ms = n * length_ms;
        let start = zone
            .interval
            .containing((day_ms + from_ms).div_euclid(1_000));
        let prices = zone.tariff.at(start);
        match spans.last_mut().filter(|span| span.prices == prices) {
            Some(span) => span.to_ms += length_ms,
            None => spans.push(TariffSpan {
                from_ms,
                to_ms: from_ms + length_ms,
                prices,
            }),
        }
    }
    spans
}

/// What the utility charges and pays in words, at the day's end, with the prices of the whole day.
#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
fn tariff_notes(svg: &mut Svg, y: &Scale, spans: &[TariffSpan]) {
    let Some(last) = spans.last() else { return };
    let retail = |span: &TariffSpan| span.prices.retail;
    let feed_in = |span: &TariffSpan| span.prices.feed_in;
    for (text, below, of) in [
        ("utility charges", false, retail as fn(&TariffSpan) -> _),
        ("utility pays", true, feed_in),
    ] {
        let prices = || spans.iter().map(of);
        let told = match (prices().min(), prices().max()) {
            (Some(low), Some(high)) if low < high => {
                format!("{text} {} to {}", ct_per_kwh(low), ct_per_kwh(high))
            }
            _ => format!("{text} {}", ct_per_kwh(of(last))),
        };
        let at = y.at(of(last).get() as f64 / 10_000.0) + if below { 14.0 } else { -6.0 };
        svg.text("note", WIDTH - RIGHT - 4.0, at, "end", &told);
    }
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

#[cfg(test)]
mod tests {
    use clearing_house::Tariff;
    use clearing_house::tariff::{Days, TariffWindow, TimeOfUse};
    use energy_core::{IntervalLength, NanoAmount, ZoneId};

    use super::*;

    fn drawn(tariff: Tariff) -> String {
        let price = MicroPricePerKwh::new;
        let zone = ZoneFacts {
            zone: ZoneId::new("elm-street").expect("a name"),
            interval: IntervalLength::QUARTER_HOUR,
            tariff,
            buyer_fee: price(0),
            seller_fee: price(0),
            credit_limit: NanoAmount::ZERO,
        };
        day_price(&zone, 1_781_481_600_000, &[], None)
    }

    #[test]
    fn the_band_follows_the_tariff_over_the_day() {
        let prices = |retail, feed_in| TariffPrices {
            retail: MicroPricePerKwh::new(retail),
            feed_in: MicroPricePerKwh::new(feed_in),
        };
        let bands = |svg: &str| svg.matches(r#"class="price-band""#).count();
        let flat = drawn(Tariff::Flat(prices(300_000, 80_000)));
        assert_eq!(bands(&flat), 1);
        assert!(flat.contains("utility charges 30.00<"));

        let day = TariffWindow {
            days: Days::All,
            from_minute: 360,
            to_minute: 1_320,
            prices: prices(350_000, 80_000),
        };
        let tariff = TimeOfUse::new(0, vec![day], Some(prices(250_000, 80_000)));
        let svg = drawn(Tariff::TimeOfUse(tariff.expect("a tariff")));
        assert_eq!(bands(&svg), 3);
        let charged = svg.split("utility charges ").nth(1).expect("a note");
        assert!(
            charged.starts_with("25") && charged.contains(" to 35"),
            "{charged}"
        );
    }
}
