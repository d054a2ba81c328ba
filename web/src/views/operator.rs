//! The operator's page: whether meters, ledger and chain agree, and how the zone is doing.

use askama::Template;
use energy_core::{NanoAmount, WattHours};

use super::Chrome;
use super::chrome::Progress;
use crate::charts::{MeritPicture, ZoneSlot, merit_order, zone_day};
use crate::facts::{
    AuditFacts, BatchFacts, BookFacts, HomeFacts, IntervalFacts, MeterFacts, StoreFacts, ZoneFacts,
};
use crate::format::{
    ago, count, ct_per_kwh, day_clock, euro, euro_exact, kwh, kwh_exact, percent, rfc3339,
    short_hex, span, start,
};
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

/// The tile that must say zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZeroTile {
    /// `0 Wh`
    pub energy: String,
    /// `0 €`
    pub cash: String,
    /// Whether both are zero.
    pub agrees: bool,
    /// Meters, ledger, chain: label and kWh.
    pub parts: Vec<(&'static str, String)>,
    /// What it refers to.
    pub when: String,
    /// What is not final yet.
    pub pending: String,
}

/// An interval in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalLine {
    /// Its merit order.
    pub href: String,
    /// When.
    pub when: String,
    /// ct/kWh
    pub price: String,
    /// The valid prices, ct/kWh.
    pub valid: String,
    /// kWh between homes.
    pub traded: String,
    /// kWh from the utility.
    pub from_utility: String,
    /// kWh to the utility.
    pub to_utility: String,
    /// Share met locally.
    pub share: String,
    /// How far it has come.
    pub state: &'static str,
}

/// A meter in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterLine {
    /// Whose.
    pub home: String,
    /// What it does.
    pub role: String,
    /// Its id, shortened.
    pub meter: String,
    /// When it was last heard.
    pub seen: String,
    /// `fresh`, `late` or `silent`.
    pub tone: &'static str,
    /// Boundary readings of the last day.
    pub boundaries: String,
    /// Boundaries missed.
    pub gaps: String,
    /// Readings refused, with the newest reason.
    pub refused: String,
    /// What is wrong.
    pub trouble: String,
}

/// A settlement batch in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    /// Its number.
    pub number: u64,
    /// The end of its newest interval.
    pub to: String,
    /// How far it has come.
    pub state: String,
    /// The class of its colour.
    pub tone: &'static str,
    /// Gas used.
    pub gas: String,
    /// The root, shortened.
    pub root: String,
    /// The root.
    pub root_full: String,
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
    pub figures: Vec<(&'static str, String, String)>,
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
        figures: figures(facts, status),
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

fn zero(facts: &OperatorFacts) -> ZeroTile {
    let kilo = |wh: i64| {
        let sign = if wh < 0 { "\u{2212}" } else { "" };
        format!("{sign}{} kWh", kwh_exact(WattHours::new(wh.unsigned_abs())))
    };
    let unknown = || "–".to_owned();
    let Some(at) = &facts.at_final else {
        return ZeroTile {
            energy: unknown(),
            cash: unknown(),
            agrees: true,
            parts: vec![
                ("Meters", unknown()),
                ("Ledger", unknown()),
                ("Chain", unknown()),
            ],
            when: "no settlement batch is final yet".to_owned(),
            pending: pending(facts),
        };
    };
    let agrees =
        at.energy_difference_wh == 0 && at.cash_difference_nano == 0 && at.chain_wh.is_some();
    ZeroTile {
        energy: format!("{} Wh", at.energy_difference_wh),
        cash: if at.cash_difference_nano == 0 {
            "0 €".to_owned()
        } else {
            euro_exact(NanoAmount::new(at.cash_difference_nano))
        },
        agrees,
        parts: vec![
            ("Meters", kilo(at.metered_wh)),
            ("Ledger", kilo(at.ledger_wh)),
            ("Chain", at.chain_wh.map_or_else(unknown, kilo)),
        ],
        when: {
            let end = at.start.next(facts.zone.interval);
            let number = facts
                .batches
                .iter()
                .find(|b| b.is_final)
                .map_or(String::new(), |b| format!("batch {}, ", b.number));
            format!("{number}final, up to {}", day_clock(end.millis()))
        },
        pending: pending(facts),
    }
}

fn pending(facts: &OperatorFacts) -> String {
    let Some(newest) = &facts.newest else {
        return "nothing has been cleared yet".to_owned();
    };
    let on_chain = facts.at_final.as_ref().map_or(0, |at| at.ledger_wh);
    let energy = newest.ledger_wh.saturating_sub(on_chain);
    let waiting = match &facts.at_final {
        Some(at) => facts
            .intervals
            .iter()
            .filter(|i| i.start > at.start)
            .count(),
        None => facts.intervals.len(),
    };
    let plural = if waiting == 1 {
        "interval"
    } else {
        "intervals"
    };
    match waiting {
        0 => "nothing is pending".to_owned(),
        n => format!(
            "{n} {plural} with {} kWh are not final yet",
            kwh_exact(WattHours::new(energy.unsigned_abs()))
        ),
    }
}

fn figures(facts: &OperatorFacts, status: &NodeStatus) -> Vec<(&'static str, String, String)> {
    let sum = |f: fn(&IntervalFacts) -> u64| {
        facts
            .intervals
            .iter()
            .map(f)
            .fold(0_u64, u64::saturating_add)
    };
    let (traded, from) = (sum(|i| i.traded.get()), sum(|i| i.from_utility.get()));
    let saved = facts
        .intervals
        .iter()
        .map(|i| i.saved.get())
        .fold(0_i64, i64::saturating_add);
    let last = facts.intervals.last();
    let inside = |i: &IntervalFacts| {
        i.price
            .is_some_and(|p| p > facts.zone.feed_in && p < facts.zone.retail)
    };
    let priced = facts.intervals.iter().filter(|i| i.price.is_some()).count();
    let pending = facts.batches.iter().filter(|b| !b.is_final).count();
    let _ = status;
    vec![
        (
            "Last price",
            last.and_then(|i| i.price)
                .map_or_else(|| "–".to_owned(), |p| format!("{} ct", ct_per_kwh(p))),
            format!(
                "{} of {priced} traded intervals inside the tariff band",
                facts.intervals.iter().filter(|i| inside(i)).count()
            ),
        ),
        (
            "Traded, 24 h",
            format!("{} kWh", kwh(WattHours::new(traded))),
            format!(
                "{} of the need met locally",
                percent(traded, traded.saturating_add(from))
            ),
        ),
        (
            "Saved, 24 h",
            euro(NanoAmount::new(saved)),
            "by all homes, against the utility alone".to_owned(),
        ),
        (
            "Settlement",
            facts
                .batches
                .iter()
                .find(|b| b.is_final)
                .map_or_else(|| "–".to_owned(), |b| format!("batch {}", b.number)),
            if pending == 0 {
                "final, nothing pending".to_owned()
            } else {
                format!("final, {pending} pending")
            },
        ),
    ]
}

fn interval_line(facts: &OperatorFacts, i: &IntervalFacts) -> IntervalLine {
    let dash = || "–".to_owned();
    let valid = i
        .price_lo
        .zip(i.price_hi)
        .map(|(lo, hi)| format!("{} to {}", ct_per_kwh(lo), ct_per_kwh(hi)));
    IntervalLine {
        href: format!("/operator?interval={}#merit", start(i.start)),
        when: format!(
            "{} {}",
            &rfc3339(i.start.millis())[5..10],
            span(i.start, facts.zone.interval)
        ),
        price: i.price.map_or_else(dash, ct_per_kwh),
        valid: valid.unwrap_or_else(dash),
        traded: kwh_exact(i.traded),
        from_utility: kwh_exact(i.from_utility),
        to_utility: kwh_exact(i.to_utility),
        share: percent(
            i.traded.get(),
            i.traded.get().saturating_add(i.from_utility.get()),
        ),
        state: i.state.word(),
    }
}

fn book_lines(book: &BookFacts) -> Vec<(&'static str, String, String)> {
    let mut orders = book.orders.clone();
    orders.sort_by_key(|o| {
        let rank = if o.side == energy_core::Side::Bid {
            o.price.get().saturating_neg()
        } else {
            o.price.get()
        };
        (o.side, rank, o.id)
    });
    let word = |side| {
        if side == energy_core::Side::Bid {
            "buys"
        } else {
            "sells"
        }
    };
    orders
        .iter()
        .map(|o| (word(o.side), ct_per_kwh(o.price), kwh_exact(o.quantity)))
        .collect()
}

fn meter_line(
    facts: &OperatorFacts,
    meter: &MeterFacts,
    now_ms: i64,
    interval_ms: i64,
) -> MeterLine {
    let name = facts
        .homes
        .iter()
        .find(|h| h.home == meter.home)
        .map(|h| h.name.clone());
    let tone = match meter.last_seen_ms.map(|at| now_ms.saturating_sub(at)) {
        Some(age) if age <= interval_ms + 60_000 => "fresh",
        Some(age) if age <= 4 * interval_ms => "late",
        _ => "silent",
    };
    let reason = meter
        .refused_reason
        .as_ref()
        .map(|r| format!(" ({r})"))
        .unwrap_or_default();
    let trouble = if meter.frozen {
        Some("frozen after two readings under one number".to_owned())
    } else {
        meter.error.clone()
    };
    MeterLine {
        home: name.unwrap_or_else(|| format!("Home {}", meter.home)),
        role: meter.role.clone(),
        meter: short_hex(&meter.meter.to_string()),
        seen: meter
            .last_seen_ms
            .map_or_else(|| "never".to_owned(), |at| ago(at, now_ms)),
        tone,
        boundaries: count(meter.boundaries),
        gaps: count(meter.gaps),
        refused: format!("{}{reason}", count(meter.refused)),
        trouble: trouble.unwrap_or_else(|| "–".to_owned()),
    }
}

fn meters_note(meters: &[MeterLine]) -> String {
    let fresh = meters.iter().filter(|m| m.tone == "fresh").count();
    let trouble = meters.iter().filter(|m| m.trouble != "–").count();
    let rest = if trouble == 0 {
        String::new()
    } else {
        format!("; {trouble} in trouble")
    };
    format!(
        "{fresh} of {} heard within the last interval{rest}",
        meters.len()
    )
}

fn batch_line(batch: &BatchFacts) -> BatchLine {
    let root_full = batch.root.to_string();
    BatchLine {
        number: batch.number,
        to: day_clock(batch.settled_to.millis()),
        state: batch.state.clone(),
        tone: if batch.is_final { "fresh" } else { "late" },
        gas: batch.gas.map_or_else(|| "–".to_owned(), count),
        root: short_hex(&root_full),
        root_full,
    }
}

fn chain_lines(chain: &ChainStatus) -> Vec<(&'static str, String)> {
    let number = |n: Option<u64>| n.map_or_else(|| "–".to_owned(), count);
    let escrow = NanoAmount::new(
        i64::try_from(chain.escrow_units)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000),
    );
    vec![
        ("Kind", chain.kind.clone()),
        ("Chain id", chain.chain_id.to_string()),
        (
            "JSON-RPC",
            chain.rpc_url.clone().unwrap_or_else(|| "–".to_owned()),
        ),
        ("Newest block", count(chain.block)),
        ("Final batch", number(chain.final_batch)),
        ("Pending batch", number(chain.pending_batch)),
        ("In escrow", euro(escrow)),
        ("Settlement", chain.settlement.clone()),
        ("Energy token", chain.energy_token.clone()),
        ("Stablecoin", chain.stablecoin.clone()),
        ("Meter registry", chain.meter_registry.clone()),
    ]
}

fn database(store: &StoreFacts) -> Vec<(&'static str, String)> {
    vec![
        ("Engine", store.engine.clone()),
        ("Epoch", store.epoch.to_string()),
        ("Readings", count(store.readings)),
        ("Reading batches", count(store.reading_batches)),
    ]
}
