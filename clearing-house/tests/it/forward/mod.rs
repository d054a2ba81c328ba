//! Forward zones: orders before the gate, and what becomes of them after delivery.

mod funds;
mod orders;
mod properties;
mod settlement;

use std::collections::BTreeMap;

use clearing_house::forward::{
    AllocationRule, Delivery, ForwardBook, ForwardClearing, ForwardOrderId, ForwardRules,
    ForwardTerms, ImbalanceRule, SpanLimit, clear_forward_interval,
};
use clearing_house::{IntervalEnergy, Tariff, ZoneRules};
use energy_core::{HomeId, IntervalStart, NanoAmount, Side};

use crate::zone::{self, price, quarter, wh};

/// The gate closes half an hour before the interval: two quarters.
const GATE_S: u32 = 1_800;

/// More than anything here costs.
const RICH: NanoAmount = NanoAmount::new(1_000_000_000_000);

fn rules() -> ForwardRules {
    ForwardRules {
        market: zone::rules(),
        gate_closure_s: GATE_S,
        allocation: AllocationRule::ProRata,
        imbalance: ImbalanceRule::Utility,
    }
}

fn with_tariff(retail: i64, feed_in: i64) -> ForwardRules {
    let tariff = Tariff::flat(price(retail), price(feed_in));
    let market = ZoneRules {
        tariff,
        ..zone::rules()
    };
    ForwardRules { market, ..rules() }
}

fn id(home: u32, number: u64) -> ForwardOrderId {
    let home = HomeId::new(home);
    ForwardOrderId { home, number }
}

/// From the n-th quarter on, so much in each, at one limit.
fn terms(first: i64, quantities: &[u64], limit: i64) -> ForwardTerms {
    ForwardTerms {
        start: quarter(first),
        quantities: quantities.iter().copied().map(wh).collect(),
        limit: SpanLimit::One(price(limit)),
    }
}

/// The moment at which the gate of the n-th quarter closes.
fn gate(n: i64) -> i64 {
    quarter(n).seconds() - i64::from(GATE_S)
}

/// A delivery of a home without battery or generation meter.
fn delivered(home: u32, energy: Option<(u64, u64)>) -> Delivery {
    Delivery {
        home: HomeId::new(home),
        energy: energy.map(|(import, export)| IntervalEnergy {
            import: wh(import),
            export: wh(export),
            substituted: false,
        }),
        generated_so_far: None,
        has_generation_meter: false,
        has_battery: false,
        closing: None,
    }
}

/// Every home of the book with as much money.
fn all_have(book: &ForwardBook, free: NanoAmount) -> BTreeMap<HomeId, NanoAmount> {
    book.orders().map(|order| (order.id.home, free)).collect()
}

/// Clears an interval at its gate, everybody being rich.
fn cleared(rules: &ForwardRules, book: &ForwardBook, at: IntervalStart) -> ForwardClearing {
    let now_s = rules.gate_of(at);
    clear_forward_interval(rules, at, now_s, book, &all_have(book, RICH)).expect("cleared")
}

/// A book of the n-th quarter: home, side, Wh, limit; each order a second after the one before.
fn book_of(rules: &ForwardRules, n: i64, orders: &[(u32, Side, u64, i64)]) -> ForwardBook {
    let mut book = ForwardBook::default();
    let before_s = gate(n) - 10_000;
    for ((number, (home, side, quantity, limit)), now_s) in (0..).zip(orders).zip(before_s..) {
        let terms = terms(n, &[*quantity], *limit);
        book.submit(rules, now_s, id(*home, number), *side, &terms, RICH)
            .expect("taken");
    }
    book
}
