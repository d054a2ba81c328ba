//! One home: its day in power, energy and money, its price preference, its meters.

mod activity;
mod balance;
mod day;
mod figures;
mod meters;
mod preference;
mod statement;

use askama::Template;
use energy_core::HomeId;

pub use meters::Freshness;
pub use preference::{RuleForm, form, own_rule, typed_price};
pub use statement::StatementLine;

use self::activity::{doing, live};
use self::balance::balance;
use self::day::{limits, slot};
use self::figures::figures;
use self::meters::freshness;
use self::statement::{statement_line, sums};
use super::Chrome;
use super::street::Figure;
use crate::charts::{day_energy, day_price};
use crate::facts::{
    BalanceFacts, HomeFacts, HomeIntervalFacts, IntervalFacts, LiveFacts, MeterFacts, ZoneFacts,
};
use crate::format::{day, midnight, rfc3339, span, start};
use crate::state::NodeStatus;

/// Everything the page is made from.
#[derive(Debug, Clone)]
pub struct HomePageFacts {
    /// The zone.
    pub zone: ZoneFacts,
    /// The home.
    pub home: HomeFacts,
    /// Its live values.
    pub live: Option<LiveFacts>,
    /// Its meters.
    pub meters: Vec<MeterFacts>,
    /// Its intervals of the shown day.
    pub lines: Vec<HomeIntervalFacts>,
    /// The zone's intervals of the shown day.
    pub intervals: Vec<IntervalFacts>,
    /// Its balance.
    pub balance: Option<BalanceFacts>,
    /// The midnight at which the shown day begins, milliseconds UTC.
    pub day_ms: i64,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Which home.
    pub home: HomeId,
    /// Its name.
    pub name: String,
    /// What it has.
    pub equipment: String,
    /// The part that is renewed.
    pub now: HomeNow,
    /// The price preference.
    pub form: RuleForm,
    /// Whether the preference has just been changed.
    pub saved: bool,
}

/// The part that is renewed while the page is open.
#[derive(Debug, Template)]
#[template(path = "parts/home_now.html")]
pub struct HomeNow {
    /// Which home.
    pub home: HomeId,
    /// One sentence: what it is doing.
    pub doing: String,
    /// Power now, state of charge and so on.
    pub live: Vec<(&'static str, String)>,
    /// The three big numbers.
    pub figures: Vec<Figure>,
    /// `Monday, 15 June 2026`
    pub day: String,
    /// Whether the shown day is today.
    pub is_today: bool,
    /// The address of the day before.
    pub day_before: String,
    /// The address of the day after, if it is not in the future.
    pub day_after: Option<String>,
    /// The day's energy, an SVG.
    pub energy: String,
    /// The day's prices, an SVG.
    pub prices: String,
    /// The statement, newest first.
    pub statement: Vec<StatementLine>,
    /// The statement's sums.
    pub sums: Vec<(&'static str, String)>,
    /// Why the last order was cut, if it was.
    pub out_of_funds: Option<String>,
    /// Balance, to the last unit.
    pub balance: Vec<(&'static str, String)>,
    /// Its meters.
    pub meters: Vec<Freshness>,
    /// The command that checks a bundle.
    pub verify_command: String,
    /// The newest final interval: its span, its bundle and the bundle's file name.
    pub bundle: Option<(String, String, String)>,
    /// The address that renews this part.
    pub renew: String,
}

/// The part that is renewed.
#[must_use]
pub fn now(facts: &HomePageFacts, status: &NodeStatus) -> HomeNow {
    let today = midnight(status.grid_ms) == facts.day_ms;
    let day_href = |ms: i64| format!("/homes/{}?day={}", facts.home.home, &rfc3339(ms)[..10]);
    let slots: Vec<_> = facts.lines.iter().filter_map(slot).collect();
    let prices: Vec<_> = facts
        .intervals
        .iter()
        .map(|i| (i.start.millis(), i.price))
        .collect();
    let interval_ms = i64::from(facts.zone.interval.seconds()) * 1_000;
    let newest_final = facts
        .lines
        .iter()
        .rev()
        .find(|l| l.state == crate::facts::IntervalState::Final);
    let bundle = newest_final.map(|l| {
        let address = format!("/api/v1/homes/{}/bundles/{}", l.home, start(l.start));
        (
            span(l.start, facts.zone.interval),
            address,
            super::interval::bundle_file(l.home, l.start),
        )
    });
    let file = bundle
        .as_ref()
        .map_or("BUNDLE.cbor", |(_, _, file)| file.as_str());
    HomeNow {
        home: facts.home.home,
        doing: doing(facts),
        live: live(facts),
        figures: figures(facts, today),
        day: day(facts.day_ms),
        is_today: today,
        day_before: day_href(facts.day_ms - 86_400_000),
        day_after: (!today).then(|| day_href(facts.day_ms + 86_400_000)),
        energy: day_energy(facts.day_ms, interval_ms, &slots),
        prices: day_price(&facts.zone, facts.day_ms, &prices, limits(facts)),
        statement: facts
            .lines
            .iter()
            .rev()
            .map(|l| statement_line(facts, l))
            .collect(),
        sums: sums(&facts.lines),
        out_of_funds: facts.lines.last().and_then(|l| l.cut.clone()),
        balance: balance(facts.balance.as_ref()),
        meters: facts
            .meters
            .iter()
            .map(|m| freshness(m, status.grid_ms, interval_ms))
            .collect(),
        verify_command: format!("commonwatt verify {file} --trust trust.json"),
        bundle,
        renew: format!("{}&part=now", day_href(facts.day_ms)),
    }
}

/// What a home has, in words.
#[must_use]
pub fn equipment(home: &HomeFacts) -> String {
    match (home.has_pv, home.has_battery) {
        (true, true) => "Solar roof and battery",
        (true, false) => "Solar roof",
        (false, true) => "Battery",
        (false, false) => "Consumer",
    }
    .to_owned()
}
