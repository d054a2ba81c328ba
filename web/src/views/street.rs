//! The street now.

use askama::Template;
use energy_core::{HomeId, Side, WattHours, Watts, split};

use super::Chrome;
use super::chrome::{Progress, zone_title};
use crate::charts::{FlowPicture, HouseMood, HousePicture, StreetPicture, price_band, street};
use crate::facts::{HomeFacts, HomeIntervalFacts, IntervalFacts, LiveFacts, ZoneFacts};
use crate::format::{count, ct_per_kwh, euro, kwh, kwh_exact, percent, power, span};
use crate::state::NodeStatus;

/// Everything the page is made from.
#[derive(Debug, Clone)]
pub struct StreetFacts {
    /// The zone.
    pub zone: ZoneFacts,
    /// Its homes.
    pub homes: Vec<HomeFacts>,
    /// Live values.
    pub live: Vec<LiveFacts>,
    /// The newest cleared interval.
    pub newest: Option<IntervalFacts>,
    /// Every home in it.
    pub newest_homes: Vec<HomeIntervalFacts>,
    /// Today's intervals.
    pub today: Vec<IntervalFacts>,
    /// Whether single homes may be shown.
    pub in_full: bool,
}

/// One big number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What it is.
    pub label: String,
    /// The number.
    pub value: String,
    /// Its unit.
    pub unit: String,
    /// One line below.
    pub note: String,
    /// The class of its colour.
    pub tone: &'static str,
}

/// A home in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeLine {
    /// Which one.
    pub home: HomeId,
    /// Its name.
    pub name: String,
    /// What it has.
    pub equipment: &'static str,
    /// What it is doing.
    pub mood: &'static str,
    /// The class of its colour.
    pub tone: &'static str,
    /// Power now, with its direction.
    pub power: String,
    /// State of charge.
    pub battery: String,
    /// kWh sold to neighbours in the last interval.
    pub sold: String,
    /// kWh bought from neighbours.
    pub bought: String,
    /// kWh from the utility, less what it took.
    pub utility: String,
}

/// A pair in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLine {
    /// Who sold.
    pub seller: String,
    /// Who bought.
    pub buyer: String,
    /// How much, kWh.
    pub energy: String,
}

/// The part that is renewed while the page is open.
#[derive(Debug, Template)]
#[template(path = "parts/street_now.html")]
pub struct StreetNow {
    /// One sentence.
    pub headline: String,
    /// `14:15–14:30`, the interval that is running.
    pub running: String,
    /// Seconds of it that have passed.
    pub passed_s: i64,
    /// Seconds in an interval.
    pub length_s: i64,
    /// `6 min 12 s`.
    pub left: String,
    /// `14:00–14:15`, the newest cleared one.
    pub cleared: Option<String>,
    /// The big numbers.
    pub figures: Vec<Figure>,
    /// The price on its band, an SVG.
    pub band: String,
    /// The local price without its unit.
    pub price: Option<String>,
    /// The note below it.
    pub price_note: String,
    /// The picture, wide.
    pub picture_wide: Option<String>,
    /// The picture, narrow.
    pub picture_narrow: Option<String>,
    /// The homes.
    pub homes: Vec<HomeLine>,
    /// The pairs.
    pub flows: Vec<FlowLine>,
    /// How much of the history is made.
    pub progress: Option<Progress>,
    /// What the operator should know.
    pub notices: Vec<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "street.html")]
pub struct StreetPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// `Elm Street`
    pub street: String,
    /// Whether single homes are shown because this is a demo on this machine.
    pub shown_in_full_for_demo: bool,
    /// Whether single homes are shown.
    pub in_full: bool,
    /// The part that is renewed.
    pub now: StreetNow,
}

/// The name of the street.
#[must_use]
pub fn title(facts: &StreetFacts) -> String {
    zone_title(&facts.zone)
}

/// The part that is renewed.
#[must_use]
pub fn now(facts: &StreetFacts, status: &NodeStatus) -> StreetNow {
    let length = facts.zone.interval;
    let running = length.containing(status.grid_ms.div_euclid(1_000));
    let passed_s = status.grid_ms.div_euclid(1_000) - running.seconds();
    let length_s = i64::from(length.seconds());
    let houses = houses(facts);
    let flows = if facts.in_full {
        pairs(&facts.newest_homes)
    } else {
        Vec::new()
    };
    let picture = |columns, class| {
        let picture = StreetPicture {
            houses: &houses,
            flows: &flows,
            columns,
            class,
        };
        facts.in_full.then(|| street(&picture))
    };
    let price = facts.newest.and_then(|i| i.price);
    StreetNow {
        headline: headline(facts),
        running: span(running, length),
        passed_s,
        length_s,
        left: left(length_s - passed_s),
        cleared: facts.newest.map(|i| span(i.start, length)),
        figures: figures(facts),
        band: price_band(
            &facts.zone,
            facts.newest.map_or(running, |i| i.start),
            price,
        ),
        price: price.map(ct_per_kwh),
        price_note: price_note(facts),
        picture_wide: picture(facts.homes.len().div_ceil(2).clamp(1, 12), "street wide"),
        picture_narrow: picture(4, "street narrow"),
        homes: if facts.in_full {
            home_lines(facts, &houses)
        } else {
            Vec::new()
        },
        flows: flow_lines(facts, &flows),
        progress: Progress::of(status),
        notices: status.notices.clone(),
    }
}

fn left(seconds: i64) -> String {
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

fn traders(facts: &StreetFacts, side: Side) -> usize {
    facts
        .newest_homes
        .iter()
        .filter(|h| h.filled(side).get() > 0)
        .count()
}

fn headline(facts: &StreetFacts) -> String {
    let Some(newest) = facts.newest else {
        return "The first interval has not been cleared yet.".to_owned();
    };
    let when = span(newest.start, facts.zone.interval);
    if newest.traded.get() == 0 {
        return format!(
            "Nobody had solar power to spare from {when}; everyone was supplied by the utility."
        );
    }
    let at = newest.price.map_or_else(
        || "at several prices".to_owned(),
        |price| format!("at {} ct/kWh", ct_per_kwh(price)),
    );
    let (sellers, buyers) = (traders(facts, Side::Ask), traders(facts, Side::Bid));
    let homes = |n: usize| {
        if n == 1 {
            "1 home".to_owned()
        } else {
            format!("{n} homes")
        }
    };
    format!(
        "From {when}, {} sold {} kWh to {} {at}.",
        homes(sellers),
        kwh(newest.traded),
        homes(buyers)
    )
}

fn price_note(facts: &StreetFacts) -> String {
    let Some((newest, price)) = facts.newest.and_then(|i| Some((i, i.price?))) else {
        let traded = facts.newest.is_some_and(|i| i.traded.get() > 0);
        let note = if traded {
            "the trades of the last interval had several prices"
        } else {
            "no local trade in the last interval"
        };
        return note.to_owned();
    };
    let tariff = facts.zone.tariff.at(newest.start);
    let buyer = tariff.retail.get() - facts.zone.buyer_fee.get() - price.get();
    let seller = price.get() - facts.zone.seller_fee.get() - tariff.feed_in.get();
    let ct = |micro: i64| ct_per_kwh(energy_core::MicroPricePerKwh::new(micro));
    format!(
        "after fees, a buyer saves {} and a seller gains {} ct on every kWh",
        ct(buyer),
        ct(seller)
    )
}

fn figures(facts: &StreetFacts) -> Vec<Figure> {
    let sum =
        |f: fn(&IntervalFacts) -> u64| facts.today.iter().map(f).fold(0_u64, u64::saturating_add);
    let (traded, supplied) = (sum(|i| i.traded.get()), sum(|i| i.from_utility.get()));
    let saved = facts
        .today
        .iter()
        .map(|i| i.saved.get())
        .fold(0_i64, i64::saturating_add);
    let known: Vec<i64> = facts
        .live
        .iter()
        .filter_map(|l| l.power)
        .map(|w| i64::from(w.get()))
        .collect();
    let net = known.iter().sum::<i64>();
    let watts = Watts::new(i32::try_from(net).unwrap_or(i32::MAX));
    let (value, unit) = split_unit(&power(watts));
    let direction = match net {
        n if n < 0 => "flow out to the grid",
        _ => "flow in from the grid",
    };
    let last = facts
        .newest
        .map_or((0, 0), |i| (i.traded.get(), i.from_utility.get()));
    vec![
        Figure {
            label: "Traded today".to_owned(),
            value: kwh(WattHours::new(traded)),
            unit: "kWh".to_owned(),
            note: format!(
                "from home to home, in {} intervals",
                count(facts.today.len() as u64)
            ),
            tone: "local",
        },
        Figure {
            label: "Met locally".to_owned(),
            value: percent(last.0, last.0.saturating_add(last.1)),
            unit: String::new(),
            note: format!(
                "of what was bought in the last interval; {} today",
                percent(traded, traded.saturating_add(supplied))
            ),
            tone: "pv",
        },
        Figure {
            label: "The street now".to_owned(),
            value: if known.is_empty() {
                "–".to_owned()
            } else {
                value
            },
            unit: if known.is_empty() {
                String::new()
            } else {
                unit
            },
            note: format!("{direction}, over {} meters", known.len()),
            tone: "grid",
        },
        Figure {
            label: "Saved today".to_owned(),
            value: euro(energy_core::NanoAmount::new(saved)),
            unit: String::new(),
            note: "by all homes, against the utility alone".to_owned(),
            tone: "use",
        },
    ]
}

fn split_unit(text: &str) -> (String, String) {
    text.split_once('\u{a0}').map_or_else(
        || (text.to_owned(), String::new()),
        |(v, u)| (v.to_owned(), u.to_owned()),
    )
}

fn houses(facts: &StreetFacts) -> Vec<HousePicture> {
    let picture = |home: &HomeFacts| {
        let live = facts.live.iter().find(|l| l.home == home.home);
        HousePicture {
            home: home.home,
            name: home.name.clone(),
            mood: mood(facts.newest_homes.iter().find(|h| h.home == home.home)),
            power: live.and_then(|l| l.power),
            has_pv: home.has_pv,
            battery: home.has_battery.then(|| live.and_then(|l| l.soc_permille)),
        }
    };
    facts.homes.iter().map(picture).collect()
}

/// What a home did in the interval, which is the colour of its house.
fn mood(interval: Option<&HomeIntervalFacts>) -> HouseMood {
    let Some((interval, (import, export))) =
        interval.and_then(|i| Some((i, i.import.zip(i.export)?)))
    else {
        return HouseMood::Silent;
    };
    if interval.filled(Side::Ask).get() > 0 {
        HouseMood::Selling
    } else if interval.filled(Side::Bid).get() > 0 {
        HouseMood::Buying
    } else if import.get().max(export.get()) <= 15 {
        HouseMood::SelfSufficient
    } else {
        HouseMood::UtilityOnly
    }
}

/// Every seller's fill shared over the buyers in proportion to theirs. The parts sum to the fills.
#[must_use]
pub fn pairs(homes: &[HomeIntervalFacts]) -> Vec<FlowPicture> {
    let filled = |side| {
        homes
            .iter()
            .filter(move |h| h.filled(side).get() > 0)
            .map(move |h| (h.home, h.filled(side)))
    };
    let buyers: Vec<_> = filled(Side::Bid).collect();
    let ties: Vec<_> = buyers
        .iter()
        .map(|(home, _)| energy_core::keccak(&[&home.get().to_be_bytes()]))
        .collect();
    // What each buyer still lacks, so that the columns sum too and not only the rows.
    let mut lacking: Vec<u64> = buyers.iter().map(|(_, energy)| energy.get()).collect();
    let mut pairs = Vec::new();
    for (seller, energy) in filled(Side::Ask) {
        let parts = split(energy.get(), &lacking, &ties);
        for ((part, (buyer, _)), lacks) in parts.into_iter().zip(&buyers).zip(&mut lacking) {
            let part = part.min(*lacks);
            *lacks -= part;
            if part > 0 {
                pairs.push(FlowPicture {
                    seller,
                    buyer: *buyer,
                    energy: WattHours::new(part),
                });
            }
        }
    }
    pairs
}

fn equipment(home: &HomeFacts) -> &'static str {
    match (home.has_pv, home.has_battery) {
        (true, true) => "solar and battery",
        (true, false) => "solar",
        (false, true) => "battery",
        (false, false) => "–",
    }
}

fn home_lines(facts: &StreetFacts, houses: &[HousePicture]) -> Vec<HomeLine> {
    let dash = || "–".to_owned();
    let line = |(home, house): (&HomeFacts, &HousePicture)| {
        let interval = facts.newest_homes.iter().find(|h| h.home == home.home);
        let energy =
            |f: &dyn Fn(&HomeIntervalFacts) -> WattHours| interval.map(f).filter(|e| e.get() > 0);
        let direction = |p: Watts| if p.get() < 0 { "gives" } else { "takes" };
        let utility = match (energy(&|h| h.from_utility), energy(&|h| h.to_utility)) {
            (Some(had), Some(gave)) => format!("{} from, {} to", kwh_exact(had), kwh_exact(gave)),
            (Some(had), None) => format!("{} from", kwh_exact(had)),
            (None, Some(gave)) => format!("{} to", kwh_exact(gave)),
            (None, None) => dash(),
        };
        HomeLine {
            home: home.home,
            name: home.name.clone(),
            equipment: equipment(home),
            mood: house.mood.words(),
            tone: house.mood.class(),
            power: house
                .power
                .map_or_else(dash, |p| format!("{} {}", direction(p), power(p))),
            battery: house
                .battery
                .flatten()
                .map_or_else(dash, |soc| percent(u64::from(soc), 1_000)),
            sold: energy(&|h| h.filled(Side::Ask)).map_or_else(dash, kwh_exact),
            bought: energy(&|h| h.filled(Side::Bid)).map_or_else(dash, kwh_exact),
            utility,
        }
    };
    facts.homes.iter().zip(houses).map(line).collect()
}

fn flow_lines(facts: &StreetFacts, flows: &[FlowPicture]) -> Vec<FlowLine> {
    let name = |home: HomeId| {
        let known = facts.homes.iter().find(|h| h.home == home);
        known.map_or_else(|| format!("Home {home}"), |h| h.name.clone())
    };
    let mut flows: Vec<_> = flows.to_vec();
    flows.sort_by_key(|f| (std::cmp::Reverse(f.energy), f.seller, f.buyer));
    let line = |f: &FlowPicture| FlowLine {
        seller: name(f.seller),
        buyer: name(f.buyer),
        energy: kwh_exact(f.energy),
    };
    flows.iter().map(line).collect()
}
