//! One interval of one home: where every cent of it comes from.

use askama::Template;
use energy_core::{HomeId, NanoAmount, Side};

use super::Chrome;
use crate::charts::{MeritPicture, merit_order};
use crate::facts::{BookFacts, HomeFacts, HomeIntervalFacts, ZoneFacts};
use crate::format::{cents, ct_per_kwh, day, euro_exact, kwh_exact, span, start};

/// One step of the sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is.
    pub what: String,
    /// How it is computed.
    pub how: String,
    /// The amount in cents, + = for the home.
    pub amount: String,
    /// The amount to the last unit.
    pub exact: String,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "interval.html")]
pub struct IntervalPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Which home.
    pub home: HomeId,
    /// Its name.
    pub name: String,
    /// `Monday, 15 June 2026`
    pub day: String,
    /// `14:15–14:30`
    pub span: String,
    /// How far it has come.
    pub state: &'static str,
    /// One sentence: what happened.
    pub story: String,
    /// Why these limits.
    pub reason: String,
    /// Why the order was cut.
    pub cut: Option<String>,
    /// Whether a boundary was interpolated.
    pub substituted: bool,
    /// The registers and the order: label and text.
    pub facts: Vec<(&'static str, String)>,
    /// The sum.
    pub steps: Vec<Step>,
    /// What it came to, and what it would have been without neighbours, and the difference.
    pub total: Step,
    /// Without the market.
    pub without: Step,
    /// The difference.
    pub saved: Step,
    /// The merit order, an SVG.
    pub merit: Option<String>,
    /// The address of the proof bundle.
    pub bundle: String,
    /// The file name of the proof bundle.
    pub bundle_file: String,
    /// Whether the bundle is there already.
    pub bundle_ready: bool,
    /// The settlement batch.
    pub batch: Option<u64>,
}

/// The page of a home's interval. `book` only where the home may see it.
#[must_use]
pub fn page(
    chrome: Chrome,
    zone: &ZoneFacts,
    home: &HomeFacts,
    line: &HomeIntervalFacts,
    book: Option<&BookFacts>,
) -> IntervalPage {
    let merit = book.map(|book| {
        merit_order(&MeritPicture {
            zone,
            book,
            own: Some(home.home),
        })
    });
    let negated = |amount: NanoAmount| NanoAmount::new(amount.get().saturating_neg());
    IntervalPage {
        chrome,
        home: home.home,
        name: home.name.clone(),
        day: day(line.start.millis()),
        span: span(line.start, zone.interval),
        state: line.state.word(),
        story: story(line, book),
        reason: line.reason.clone(),
        cut: line.cut.clone(),
        substituted: line.substituted,
        facts: facts(line, book),
        steps: steps(zone, line, book),
        total: step("In this interval", String::new(), negated(line.cost())),
        without: step(
            "With the utility alone",
            without(zone, line),
            negated(line.without_market),
        ),
        saved: step("Better off by", String::new(), line.saved()),
        merit,
        bundle: format!("/api/v1/homes/{}/bundles/{}", home.home, start(line.start)),
        bundle_file: bundle_file(home.home, line.start),
        bundle_ready: line.state == crate::facts::IntervalState::Final,
        batch: line.batch,
    }
}

/// The name under which a bundle is saved.
#[must_use]
pub fn bundle_file(home: HomeId, interval: energy_core::IntervalStart) -> String {
    let when = start(interval).replace([':', '-'], "");
    format!("commonwatt-home-{home}-{when}.cbor")
}

fn step(what: &str, how: String, amount: NanoAmount) -> Step {
    let plus = if amount.get() > 0 { "+" } else { "" };
    Step {
        what: what.to_owned(),
        how,
        amount: format!("{plus}{}", cents(amount)),
        exact: euro_exact(amount),
    }
}

fn story(line: &HomeIntervalFacts, book: Option<&BookFacts>) -> String {
    let (Some(import), Some(export)) = (line.import, line.export) else {
        return "There was no data from the meter by the cutoff, so the home was not in this market; \
                its energy is the utility's."
            .to_owned();
    };
    let energy = match (import.get(), export.get()) {
        (0, 0) => "The home needed nobody.".to_owned(),
        (_, 0) => format!("The home took {} kWh from the grid.", kwh_exact(import)),
        (0, _) => format!("The home fed {} kWh into the grid.", kwh_exact(export)),
        _ => format!(
            "The home took {} and fed in {} kWh.",
            kwh_exact(import),
            kwh_exact(export)
        ),
    };
    let Some(order) = line.order else {
        return energy;
    };
    let (verb, partner) = match order.side {
        Side::Ask => ("sold", "to neighbours"),
        Side::Bid => ("bought", "from neighbours"),
    };
    let at = book
        .and_then(|b| b.price)
        .map(|p| format!(" at {} ct/kWh", ct_per_kwh(p)))
        .unwrap_or_default();
    let market = if order.fill.get() == 0 {
        "Its order was not met: the other side of the market was full, or its limit was out of reach.".to_owned()
    } else if order.fill == order.quantity {
        format!("It {verb} all of it {partner}{at}.")
    } else {
        format!(
            "It {verb} {} kWh of it {partner}{at}; the rest was the utility's.",
            kwh_exact(order.fill)
        )
    };
    format!("{energy} {market}")
}

fn facts(line: &HomeIntervalFacts, book: Option<&BookFacts>) -> Vec<(&'static str, String)> {
    let kwh = |e| format!("{} kWh", kwh_exact(e));
    let price = |p| format!("{} ct/kWh", ct_per_kwh(p));
    let known = |e: Option<_>| e.map_or_else(|| "no data".to_owned(), kwh);
    let mut facts = vec![
        ("Taken from the grid", known(line.import)),
        ("Fed into the grid", known(line.export)),
    ];
    if let Some(order) = line.order {
        let (side, limit) = match order.side {
            Side::Ask => ("Offered", "Limit: sell above"),
            Side::Bid => ("Wanted", "Limit: buy below"),
        };
        facts.push((side, kwh(order.quantity)));
        facts.push((limit, format!("{}, fees included", price(order.limit))));
        facts.push((
            "Price in the book",
            format!("{}, before fees", price(order.price)),
        ));
        facts.push(("Filled", kwh(order.fill)));
    }
    if let Some(book) = book {
        facts.push((
            "Clearing price",
            match book.price {
                Some(one) => price(one),
                None if book.traded.get() > 0 => "several prices".to_owned(),
                None => "no local trade".to_owned(),
            },
        ));
        if let (Some(lo), Some(hi)) = (book.price_lo, book.price_hi) {
            facts.push((
                "Valid prices",
                format!("{} to {}", ct_per_kwh(lo), price(hi)),
            ));
        }
    }
    facts.push(("Tokens minted", kwh(line.minted)));
    facts.push(("Tokens credited", kwh(line.credited)));
    facts
}

fn steps(zone: &ZoneFacts, line: &HomeIntervalFacts, book: Option<&BookFacts>) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(order) = line.order.filter(|o| o.fill.get() > 0) {
        let trade = match order.side {
            Side::Ask => order.amount.get().saturating_add(order.fee.get()),
            Side::Bid => order.amount.get().saturating_add(order.fee.get()),
        };
        let (what, fee) = match order.side {
            Side::Ask => ("Sold to neighbours", zone.seller_fee),
            Side::Bid => ("Bought from neighbours", zone.buyer_fee),
        };
        let times = |p| format!("{} kWh × {} ct", kwh_exact(order.fill), ct_per_kwh(p));
        let how = book.and_then(|b| b.price).map(times).unwrap_or_default();
        steps.push(step(what, how, NanoAmount::new(trade)));
        steps.push(step(
            "Grid operator's fee",
            times(fee),
            NanoAmount::new(order.fee.get().saturating_neg()),
        ));
    }
    let tariff = zone.tariff.at(line.start);
    let rest = |energy: energy_core::WattHours, price| {
        format!("{} kWh × {} ct", kwh_exact(energy), ct_per_kwh(price))
    };
    if line.from_utility.get() > 0 {
        let amount = line
            .from_utility
            .value(tariff.retail)
            .unwrap_or_default()
            .get()
            .saturating_neg();
        steps.push(step(
            "Supplied by the utility",
            rest(line.from_utility, tariff.retail),
            NanoAmount::new(amount),
        ));
    }
    if line.to_utility.get() > 0 {
        let amount = line.to_utility.value(tariff.feed_in).unwrap_or_default();
        steps.push(step(
            "Taken by the utility",
            rest(line.to_utility, tariff.feed_in),
            amount,
        ));
    }
    steps
}

fn without(zone: &ZoneFacts, line: &HomeIntervalFacts) -> String {
    let tariff = zone.tariff.at(line.start);
    let part = |energy: Option<energy_core::WattHours>, price| {
        let energy = energy.filter(|e| e.get() > 0)?;
        Some(format!(
            "{} kWh × {} ct",
            kwh_exact(energy),
            ct_per_kwh(price)
        ))
    };
    let parts = [
        part(line.import, tariff.retail),
        part(line.export, tariff.feed_in),
    ];
    parts
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" and ")
}
