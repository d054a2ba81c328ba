//! The street: houses along a road, and ribbons from those who sold to those who bought.
//!
//! A call auction has no pairs; every seller sells to the pool and every buyer buys from it. The
//! ribbons share each seller's fill over the buyers in proportion to theirs, and the page says so.

use energy_core::{HomeId, WattHours, Watts};

use super::svg::{Svg, escaped};
use crate::format::{kwh_exact, power};

/// What a house is doing, which is its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HouseMood {
    /// It sold to neighbours.
    Selling,
    /// It bought from neighbours.
    Buying,
    /// It needs nobody.
    SelfSufficient,
    /// It deals with the utility alone.
    UtilityOnly,
    /// Nothing is known about it.
    Silent,
}

impl HouseMood {
    /// The class of its colour.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Selling => "selling",
            Self::Buying => "buying",
            Self::SelfSufficient => "self",
            Self::UtilityOnly => "utility",
            Self::Silent => "silent",
        }
    }

    /// The words for it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Selling => "selling to neighbours",
            Self::Buying => "buying from neighbours",
            Self::SelfSufficient => "self-sufficient",
            Self::UtilityOnly => "utility only",
            Self::Silent => "no data",
        }
    }
}

/// One house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HousePicture {
    /// Which home.
    pub home: HomeId,
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub mood: HouseMood,
    /// Power at the connection point now.
    pub power: Option<Watts>,
    /// Whether there is PV on the roof.
    pub has_pv: bool,
    /// The battery's state of charge; the inner value is absent when not known.
    pub battery: Option<Option<u16>>,
}

/// Energy from one home to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowPicture {
    /// Who sold.
    pub seller: HomeId,
    /// Who bought.
    pub buyer: HomeId,
    /// How much.
    pub energy: WattHours,
}

/// What to show.
#[derive(Debug, Clone, Copy)]
pub struct StreetPicture<'a> {
    /// The houses by id.
    pub houses: &'a [HousePicture],
    /// The ribbons.
    pub flows: &'a [FlowPicture],
    /// How many houses stand side by side.
    pub columns: usize,
    /// The class of the picture.
    pub class: &'static str,
}

/// The most ribbons that are drawn; the largest are. The table has all.
const RIBBONS_MAX: usize = 72;
/// The width and the height that one house takes.
const PLOT: f64 = 100.0;
const HOUSE: f64 = 118.0;
const ROAD: f64 = 168.0;

#[derive(Clone, Copy)]
struct Place {
    x: f64,
    y: f64,
    above_road: bool,
}

impl Place {
    fn of(index: usize, columns: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few houses")]
        let (row, column) = ((index / columns) as f64, (index % columns) as f64);
        let (street, side) = ((row / 2.0).floor(), row % 2.0);
        let y = street * (2.0 * HOUSE + ROAD + 26.0) + side * (HOUSE + ROAD);
        Self {
            x: column * PLOT + 10.0,
            y,
            above_road: side < 0.5,
        }
    }

    /// Where the house meets the road.
    fn door(self) -> (f64, f64) {
        (
            self.x + PLOT / 2.0,
            if self.above_road {
                self.y + HOUSE - 6.0
            } else {
                self.y + 8.0
            },
        )
    }
}

/// The picture.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
pub fn street(picture: &StreetPicture<'_>) -> String {
    let columns = picture.columns.max(1);
    let rows = picture.houses.len().div_ceil(columns).max(1);
    let streets = rows.div_ceil(2) as f64;
    let width = columns as f64 * PLOT + 20.0;
    let height = streets * (2.0 * HOUSE + ROAD + 26.0) - 26.0;
    let selling = picture
        .houses
        .iter()
        .filter(|h| h.mood == HouseMood::Selling)
        .count();
    let buying = picture
        .houses
        .iter()
        .filter(|h| h.mood == HouseMood::Buying)
        .count();
    let description =
        format!("{selling} homes sold to {buying} homes. The tables below have every figure.");
    let mut svg = Svg::new(picture.class, width, height, "The street", &description);
    for road in 0..rows.div_ceil(2) {
        let top = road as f64 * (2.0 * HOUSE + ROAD + 26.0) + HOUSE;
        svg.put(format_args!(
            r#"<rect class="road" x="0" y="{:.0}" width="{width:.0}" height="{:.0}" rx="14"/>"#,
            top + 6.0,
            ROAD - 12.0
        ));
        svg.line(
            "road-line",
            18.0,
            top + ROAD / 2.0,
            width - 18.0,
            top + ROAD / 2.0,
        );
    }
    let place = |home: HomeId| {
        picture
            .houses
            .iter()
            .position(|h| h.home == home)
            .map(|index| Place::of(index, columns))
    };
    ribbons(&mut svg, picture.flows, &place);
    for (index, house) in picture.houses.iter().enumerate() {
        draw_house(&mut svg, house, Place::of(index, columns));
    }
    svg.finish()
}

#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
fn ribbons(svg: &mut Svg, flows: &[FlowPicture], place: &dyn Fn(HomeId) -> Option<Place>) {
    let mut drawn: Vec<&FlowPicture> = flows.iter().collect();
    drawn.sort_by_key(|f| (std::cmp::Reverse(f.energy), f.seller, f.buyer));
    drawn.truncate(RIBBONS_MAX);
    let most = drawn.first().map_or(1.0, |f| f.energy.get().max(1) as f64);
    svg.put(format_args!(r#"<g class="flows">"#));
    // The thin ones go on top, or the wide ones would hide them.
    for flow in drawn {
        let (Some(from), Some(to)) = (place(flow.seller), place(flow.buyer)) else {
            continue;
        };
        let share = flow.energy.get() as f64 / most;
        let path = ribbon(from, to);
        let told = format!(
            "{} kWh from home {} to home {}",
            kwh_exact(flow.energy),
            flow.seller,
            flow.buyer
        );
        svg.put(format_args!(
            r#"<path class="flow" data-from="{}" data-to="{}" d="{path}" stroke-width="{:.1}"><title>{}</title></path>"#,
            flow.seller,
            flow.buyer,
            1.0 + 7.0 * share.sqrt() * share.sqrt().sqrt(),
            escaped(&told)
        ));
        if share > 0.25 {
            svg.put(format_args!(r#"<path class="flow-run" d="{path}"/>"#));
        }
    }
    svg.put(format_args!("</g>"));
}

/// A curve that leaves the seller's door straight into the road and enters the buyer's straight.
fn ribbon(from: Place, to: Place) -> String {
    let ((x1, y1), (x2, y2)) = (from.door(), to.door());
    let across = (y2 - y1).abs();
    let same_side = from.above_road == to.above_road && across < 1.0;
    // Neighbours on one side share a shallow bow, distant ones a deeper one, always inside the road.
    let reach = if same_side {
        (26.0 + (x2 - x1).abs() * 0.12).min(ROAD * 0.86)
    } else {
        (across * 0.55).max(60.0)
    };
    let into = |place: Place, y: f64| {
        if place.above_road {
            y + reach
        } else {
            y - reach
        }
    };
    format!(
        "M{x1:.1} {y1:.1}C{x1:.1} {:.1} {x2:.1} {:.1} {x2:.1} {y2:.1}",
        into(from, y1),
        into(to, y2)
    )
}

fn draw_house(svg: &mut Svg, house: &HousePicture, place: Place) {
    let Place { x, y, above_road } = place;
    let value = house.power.map_or_else(|| "no data".to_owned(), power);
    let sign = house
        .power
        .map_or("", |p| if p.get() < 0 { "gives " } else { "takes " });
    let told = format!("{}: {}, {sign}{value} now", house.name, house.mood.words());
    svg.put(format_args!(
        r#"<a class="house-link" href="/homes/{home}"><g class="house {mood}" data-home="{home}" transform="translate({x:.0} {top:.0})"><title>{}</title>"#,
        escaped(&told),
        home = house.home,
        mood = house.mood.class(),
        top = if above_road { y + 24.0 } else { y + 4.0 },
    ));
    svg.put(format_args!(
        r#"<rect class="plot" x="2" y="-22" width="96" height="116" rx="12"/>"#
    ));
    svg.put(format_args!(
        r#"<path class="wall" d="M22 40V82a4 4 0 0 0 4 4H74a4 4 0 0 0 4-4V40L50 16Z"/><path class="roof" d="M14 44 50 13 86 44"/>"#
    ));
    if house.has_pv {
        svg.put(format_args!(
            r#"<g transform="translate(52.5 10.5) rotate(40.7)"><rect class="pv" x="3" y="-4" width="37" height="7" rx="1.5"/><path class="pv-cell" d="M12-4v7M21.5-4v7M31-4v7"/></g>"#
        ));
    }
    svg.put(format_args!(
        r#"<rect class="window" x="30" y="46" width="13" height="13" rx="2"/><rect class="door" x="55" y="62" width="13" height="24" rx="2"/>"#
    ));
    svg.text("number", 61.5, 56.0, "middle", &house.home.to_string());
    if let Some(soc) = house.battery {
        let fill = f64::from(soc.unwrap_or(0)) / 1_000.0 * 22.0;
        svg.put(format_args!(
            r#"<g class="battery"><rect class="battery-cap" x="85.5" y="54.5" width="5" height="3" rx="1"/><rect class="battery-case" x="82" y="57" width="12" height="28" rx="3"/><rect class="battery-fill" x="85" y="{:.1}" width="6" height="{fill:.1}" rx="1"/></g>"#,
            82.0 - fill
        ));
    }
    let arrow = house.power.map_or("", |p| match p.get() {
        -50..=50 => "",
        w if w < 0 => "↑ ",
        _ => "↓ ",
    });
    let at = if above_road { -8.0 } else { 104.0 };
    svg.text("power", 50.0, at, "middle", &format!("{arrow}{value}"));
    svg.put(format_args!("</g></a>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(n: u32, name: &str) -> HousePicture {
        let mood = if n.is_multiple_of(2) {
            HouseMood::Selling
        } else {
            HouseMood::Buying
        };
        let (home, power) = (HomeId::new(n), Some(Watts::new(-1_200)));
        HousePicture {
            home,
            name: name.to_owned(),
            mood,
            power,
            has_pv: true,
            battery: Some(None),
        }
    }

    #[test]
    fn every_house_is_drawn_once_and_names_are_escaped() {
        let houses: Vec<_> = (1..=24).map(|n| house(n, "<Ada & Bo>")).collect();
        let flows = [FlowPicture {
            seller: HomeId::new(2),
            buyer: HomeId::new(5),
            energy: WattHours::new(120),
        }];
        let svg = street(&StreetPicture {
            houses: &houses,
            flows: &flows,
            columns: 12,
            class: "street",
        });
        assert_eq!(svg.matches(r#"class="house "#).count(), 24);
        assert_eq!(svg.matches(r#"class="flow""#).count(), 1);
        assert!(svg.contains("&lt;Ada &amp; Bo&gt;") && !svg.contains("<Ada"));
        assert!(!svg.contains("NaN") && !svg.contains("style="));
    }

    #[test]
    fn a_street_without_homes_is_still_a_picture() {
        let svg = street(&StreetPicture {
            houses: &[],
            flows: &[],
            columns: 4,
            class: "street",
        });
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && !svg.contains("NaN"));
    }
}
