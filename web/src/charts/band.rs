//! The price between what the utility pays and what it charges.

use clearing_house::TariffPrices;
use energy_core::{IntervalStart, MicroPricePerKwh};

use super::scale::Scale;
use super::svg::Svg;
use crate::facts::ZoneFacts;
use crate::format::ct_per_kwh;

/// A horizontal band from feed-in to retail, as they are in an interval, with its clearing price on it.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
pub fn price_band(
    zone: &ZoneFacts,
    interval: IntervalStart,
    price: Option<MicroPricePerKwh>,
) -> String {
    let TariffPrices { retail, feed_in } = zone.tariff.at(interval);
    let ct = |p: MicroPricePerKwh| p.get() as f64;
    let said = price.map_or_else(
        || "no local price".to_owned(),
        |p| format!("{} ct/kWh", ct_per_kwh(p)),
    );
    let description = format!(
        "The utility pays {} and charges {} ct/kWh; the local price is {said}.",
        ct_per_kwh(feed_in),
        ct_per_kwh(retail)
    );
    let (width, height) = (320.0, 64.0);
    let mut svg = Svg::new(
        "band",
        width,
        height,
        "Local price and tariff band",
        &description,
    );
    let place = Scale::new((ct(feed_in), ct(retail)), (6.0, width - 6.0));
    svg.put(format_args!(
        r#"<rect class="band-track" x="6" y="24" width="308" height="10" rx="5"/>"#
    ));
    let (low, high) = (
        ct(feed_in) + ct(zone.seller_fee),
        ct(retail) - ct(zone.buyer_fee),
    );
    let (low, high) = (place.at(low), place.at(high));
    svg.put(format_args!(
        r#"<rect class="band-net" x="{low:.1}" y="24" width="{:.1}" height="10" rx="5"/>"#,
        high - low
    ));
    if let Some(price) = price {
        let x = place.at(ct(price)).clamp(6.0, width - 6.0);
        svg.put(format_args!(
            r#"<circle class="band-dot" cx="{x:.1}" cy="29" r="8"/>"#
        ));
    }
    svg.text(
        "axis",
        0.0,
        56.0,
        "start",
        &format!("{} ct utility pays", ct_per_kwh(feed_in)),
    );
    svg.text(
        "axis",
        width,
        56.0,
        "end",
        &format!("utility charges {} ct", ct_per_kwh(retail)),
    );
    svg.finish()
}
