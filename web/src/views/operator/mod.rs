//! The operator's page: whether meters, ledger and chain agree, and how the zone is doing.

mod figures;
mod market;
mod meters;
mod settlement;
mod zero;

use askama::Template;

pub use market::IntervalLine;
pub use meters::MeterLine;
pub use settlement::BatchLine;
pub use zero::ZeroTile;

use self::figures::figures;
use self::market::{book_lines, interval_line};
use self::meters::{meter_line, meters_note};
use self::settlement::{batch_line, chain_lines};
use self::zero::zero;
use super::Chrome;
use super::chrome::Progress;
use crate::charts::{MeritPicture, ZoneSlot, merit_order, zone_day};
use crate::facts::{
    AuditFacts, BatchFacts, BookFacts, HomeFacts, IntervalFacts, MeterFacts, StoreFacts, ZoneFacts,
};
use crate::format::{count, day_clock};
use crate::state::{ChainStatus, NodeStatus};

/// Everything the page is made from.
#[derive(Debug, Clone)]
pub struct OperatorFacts {
    /// The zone.
    pub zone: ZoneFacts,
    /// Its homes.
    pub homes: Vec<HomeFacts>,
    /// Its meters.
    pub meters: Vec<MeterFacts>,
    /// The intervals of the last day, oldest first.
    pub intervals: Vec<IntervalFacts>,
    /// The chosen book.
    pub book: Option<BookFacts>,
    /// The newest settlement batches, newest first.
    pub batches: Vec<BatchFacts>,
    /// Where the newest final batch ends.
    pub at_final: Option<AuditFacts>,
    /// The newest cleared interval.
    pub newest: Option<AuditFacts>,
    /// The database.
    pub store: StoreFacts,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "operator.html")]
pub struct OperatorPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The name of the street.
    pub street: String,
    /// The part that is renewed.
    pub now: OperatorNow,
}

/// The part that is renewed while the page is open.
#[derive(Debug, Template)]
#[template(path = "parts/operator_now.html")]
pub struct OperatorNow {
    /// The tile that must say zero.
    pub zero: ZeroTile,
    /// Label, value, note.
    pub figures: Vec<figures::Figure>,
    /// Volume and price, an SVG.
    pub chart: String,
    /// The intervals, newest first.
    pub intervals: Vec<IntervalLine>,
    /// The merit order, an SVG.
    pub merit: Option<String>,
    /// Which interval it is of.
    pub merit_when: String,
    /// The book as a table: side, price, quantity.
    pub book: Vec<(&'static str, String, String)>,
    /// The meters, those in trouble first.
    pub meters: Vec<MeterLine>,
    /// One line about the meters.
    pub meters_note: String,
    /// The batches, newest first.
    pub batches: Vec<BatchLine>,
    /// The chain: label and value.
    pub chain: Vec<(&'static str, String)>,
    /// What is wrong with the chain.
    pub chain_error: Option<String>,
    /// The database: label and value.
    pub database: Vec<(&'static str, String)>,
    /// How much of the history is made.
    pub progress: Option<Progress>,
    /// What the operator should know.
    pub notices: Vec<String>,
    /// The address that renews this part.
    pub renew: String,
}

/// The part that is renewed. `chosen` is the start of the chosen interval, as in the address.
#[must_use]
pub fn now(
    facts: &OperatorFacts,
    status: &NodeStatus,
    chain: &ChainStatus,
    chosen: Option<&str>,
) -> OperatorNow {
    let interval_ms = i64::from(facts.zone.interval.seconds()) * 1_000;
    let slot = |i: &IntervalFacts| ZoneSlot {
        start_ms: i.start.millis(),
        traded: i.traded,
        from_utility: i.from_utility,
        to_utility: i.to_utility,
        price: i.price,
    };
    let slots: Vec<_> = facts.intervals.iter().map(slot).collect();
    let book = facts.book.as_ref();
    let mut meters: Vec<_> = facts
        .meters
        .iter()
        .map(|m| meter_line(facts, m, status.grid_ms, interval_ms))
        .collect();
    meters.sort_by_key(|m| (m.tone == "fresh" && m.trouble == "–", m.tone == "late"));
    OperatorNow {
        zero: zero(facts),
        figures: figures(facts),
        chart: zone_day(interval_ms, &slots),
        intervals: facts
            .intervals
            .iter()
            .rev()
            .map(|i| interval_line(facts, i))
            .collect(),
        merit: book.map(|book| {
            merit_order(&MeritPicture {
                zone: &facts.zone,
                book,
                own: None,
            })
        }),
        merit_when: book
            .map(|b| day_clock(b.start.millis()))
            .unwrap_or_default(),
        book: book.map(book_lines).unwrap_or_default(),
        meters_note: meters_note(&meters),
        meters,
        batches: facts.batches.iter().map(batch_line).collect(),
        chain: chain_lines(chain),
        chain_error: chain.error.clone(),
        database: database(&facts.store),
        progress: Progress::of(status),
        notices: status.notices.clone(),
        renew: chosen.map_or_else(
            || "/operator?part=now".to_owned(),
            |chosen| format!("/operator?interval={chosen}&part=now"),
        ),
    }
}

fn database(store: &StoreFacts) -> Vec<(&'static str, String)> {
    vec![
        ("Engine", store.engine.clone()),
        ("Epoch", store.epoch.to_string()),
        ("Readings", count(store.readings)),
        ("Reading batches", count(store.reading_batches)),
    ]
}
