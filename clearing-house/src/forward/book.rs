//! The order book of a forward zone: taking, changing and taking back orders before the gate.
//!
//! - A new order is taken whole or not at all: every interval in which it wants something must be open.
//! - A change touches only intervals whose gate is still open; the rest of the order stands as it was.
//! - What came twice counts once: the same order or change again gives the same answer.
//! - A home is on one side in an interval, so it never trades with itself.

use std::collections::{BTreeMap, BTreeSet};

use energy_core::{HomeId, IntervalStart, NanoAmount, Side, WattHours};
use serde::{Deserialize, Serialize};

use super::clear::ForwardClearing;
use super::order::{ForwardOrder, ForwardOrderId, ForwardTerms, ForwardVersion, Leg, SpanLimit};
use super::refusal::{ORDERS_PER_HOME_MAX, Refusal, SPAN_MAX, VERSIONS_MAX};
use super::reserve::{fund, left, reserved};
use super::rules::ForwardRules;
use crate::rules::{ENERGY_WH_MAX, PRICE_MICRO_MAX};

/// All orders of a forward zone, by home and number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForwardBook {
    orders: BTreeMap<ForwardOrderId, ForwardOrder>,
}

type Legs = BTreeMap<IntervalStart, Leg>;

/// An order, a change or a cancellation that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Which order.
    pub id: ForwardOrderId,
    /// The version that it made.
    pub version: u32,
    /// Intervals of the order, before or after, that stand as they were, because their gate had closed.
    pub stood: Vec<IntervalStart>,
    /// Intervals in which not all that is wanted could be paid for.
    pub cut: Vec<IntervalStart>,
}

impl FromIterator<ForwardOrder> for ForwardBook {
    /// A book as it was kept.
    fn from_iter<I: IntoIterator<Item = ForwardOrder>>(orders: I) -> Self {
        let orders = orders.into_iter().map(|order| (order.id, order)).collect();
        Self { orders }
    }
}

impl ForwardBook {
    /// All orders, by home and number.
    pub fn orders(&self) -> impl Iterator<Item = &ForwardOrder> {
        self.orders.values()
    }

    /// One order.
    #[must_use]
    pub fn order(&self, id: ForwardOrderId) -> Option<&ForwardOrder> {
        self.orders.get(&id)
    }

    /// The orders of a home, by number.
    pub fn of_home(&self, home: HomeId) -> impl Iterator<Item = &ForwardOrder> {
        let id = |number| ForwardOrderId { home, number };
        self.orders
            .range(id(u64::MIN)..=id(u64::MAX))
            .map(|(_, order)| order)
    }

    /// Takes a new order. `free_funds` is what the home can spend, with nothing reserved yet
    /// ([`crate::funds::free_funds`]).
    ///
    /// # Errors
    /// [`Refusal`]; the book stays as it was.
    pub fn submit(
        &mut self,
        rules: &ForwardRules,
        now_s: i64,
        id: ForwardOrderId,
        side: Side,
        terms: &ForwardTerms,
        free_funds: NanoAmount,
    ) -> Result<Taken, Refusal> {
        if let Some(known) = self.orders.get(&id) {
            let first = known.versions.first();
            return match first.filter(|v| known.side == side && v.terms.as_ref() == Some(terms)) {
                Some(version) => Ok(taken(rules, id, version)),
                None => Err(Refusal::Taken { id }),
            };
        }
        if self.of_home(id.home).count() >= ORDERS_PER_HOME_MAX {
            return Err(Refusal::Orders);
        }
        let legs = wanted(rules, terms, now_s)?;
        if legs.is_empty() {
            return Err(Refusal::Nothing);
        }
        if let Some(interval) = legs.keys().find(|at| !rules.is_open(**at, now_s)) {
            return Err(gate_closed(rules, *interval, now_s));
        }
        let next = Next {
            id,
            side,
            number: 1,
            terms: Some(terms.clone()),
            stood: BTreeMap::new(),
            open: legs,
        };
        self.put(rules, now_s, next, free_funds)
    }

    /// Changes an order from `version`, the newest that the home knows, to other terms.
    ///
    /// # Errors
    /// [`Refusal`]; the order stays as it was.
    pub fn amend(
        &mut self,
        rules: &ForwardRules,
        now_s: i64,
        id: ForwardOrderId,
        version: u32,
        terms: &ForwardTerms,
        free_funds: NanoAmount,
    ) -> Result<Taken, Refusal> {
        self.change(rules, now_s, id, version, Some(terms), free_funds)
    }

    /// Takes an order back, as far as gates are open. `version` is the newest that the home knows.
    ///
    /// # Errors
    /// [`Refusal`]; the order stays as it was.
    pub fn cancel(
        &mut self,
        rules: &ForwardRules,
        now_s: i64,
        id: ForwardOrderId,
        version: u32,
    ) -> Result<Taken, Refusal> {
        self.change(rules, now_s, id, version, None, NanoAmount::ZERO)
    }

    /// Keeps for the orders of a cleared interval what they traded for, no more.
    pub fn keep_for_trades(&mut self, cleared: &ForwardClearing) {
        self.release(cleared.interval);
        for row in &cleared.rows {
            if let Some(order) = self.orders.get_mut(&row.id)
                && row.owed > NanoAmount::ZERO
            {
                order.reserved.insert(cleared.interval, row.owed);
            }
        }
    }

    /// Releases what was reserved for an interval, once it is settled.
    pub fn release(&mut self, interval: IntervalStart) {
        for order in self.orders.values_mut() {
            order.reserved.remove(&interval);
        }
    }

    /// Takes out the orders of which no version reaches to an interval, for the archive. A request for
    /// one of them that comes again later is refused, because its gate has closed by then.
    pub fn take_before(&mut self, interval: IntervalStart) -> Vec<ForwardOrder> {
        let ended: Vec<ForwardOrderId> = self
            .orders
            .values()
            .filter(|order| order.last_interval().is_none_or(|last| last < interval))
            .map(|order| order.id)
            .collect();
        let ended = ended.iter();
        ended.filter_map(|id| self.orders.remove(id)).collect()
    }

    fn change(
        &mut self,
        rules: &ForwardRules,
        now_s: i64,
        id: ForwardOrderId,
        from: u32,
        terms: Option<&ForwardTerms>,
        free_funds: NanoAmount,
    ) -> Result<Taken, Refusal> {
        let order = self.orders.get(&id).ok_or(Refusal::Unknown { id })?;
        let made = usize::try_from(from).ok();
        let made = made.and_then(|next| order.versions.get(next));
        if let Some(same) = made.filter(|version| version.terms.as_ref() == terms) {
            return Ok(taken(rules, id, same));
        }
        if from != order.version() {
            return Err(Refusal::Version {
                expected: order.version(),
                got: from,
            });
        }
        if order.version() >= VERSIONS_MAX {
            return Err(Refusal::Versions);
        }
        let mut open = match terms {
            Some(terms) => wanted(rules, terms, now_s)?,
            None => BTreeMap::new(),
        };
        let touched = open.keys().copied().chain(order.legs().map(|(at, _)| at));
        let latest = touched.max().ok_or(Refusal::Nothing)?;
        if !rules.is_open(latest, now_s) {
            return Err(gate_closed(rules, latest, now_s));
        }
        open.retain(|at, _| rules.is_open(*at, now_s));
        let mut stood = BTreeMap::new();
        for (at, leg) in order.legs() {
            if !rules.is_open(at, now_s) {
                stood.insert(at, *leg);
            } else if let Some(new) = open.get_mut(&at)
                && new.limit == leg.limit
                && new.wanted <= leg.wanted
            {
                // Less of the same keeps its place; more of it, or another limit, begins anew.
                new.since_s = leg.since_s;
            }
        }
        let next = Next {
            id,
            side: order.side,
            number: from.saturating_add(1),
            terms: terms.cloned(),
            stood,
            open,
        };
        self.put(rules, now_s, next, free_funds)
    }

    /// Puts the next version of an order into the book, cut to what can be paid.
    fn put(
        &mut self,
        rules: &ForwardRules,
        now_s: i64,
        mut next: Next,
        free_funds: NanoAmount,
    ) -> Result<Taken, Refusal> {
        let id = next.id;
        self.check_side(&next)?;
        let stands = |at: IntervalStart| !rules.is_open(at, now_s);
        let kept = reserved(self.of_home(id.home), |order, at| order != id || stands(at));
        let free = left(free_funds, kept);
        let reserved = fund(&rules.market, next.side, &mut next.open, free);
        let mut open = next.open.values();
        if !next.open.is_empty() && open.all(|leg| leg.quantity == WattHours::ZERO) {
            return Err(Refusal::Funds);
        }
        let version = ForwardVersion {
            number: next.number,
            received_s: now_s,
            terms: next.terms,
            legs: next.stood.into_iter().chain(next.open).collect(),
        };
        let answer = taken(rules, id, &version);
        let order = self.orders.entry(id).or_insert_with(|| ForwardOrder {
            id,
            side: next.side,
            versions: Vec::new(),
            reserved: BTreeMap::new(),
        });
        order.reserved.retain(|at, _| stands(*at));
        order.reserved.extend(reserved);
        order.versions.push(version);
        Ok(answer)
    }

    /// Whether the home is on no other side in any interval that is open to the order.
    fn check_side(&self, next: &Next) -> Result<(), Refusal> {
        let others = self.of_home(next.id.home);
        let mut others = others.filter(|other| other.side != next.side);
        let clash = others.find_map(|other| {
            let (interval, _) = other.legs().find(|(at, _)| next.open.contains_key(at))?;
            Some((interval, other.id))
        });
        match clash {
            Some((interval, other)) => Err(Refusal::OtherSide { interval, other }),
            None => Ok(()),
        }
    }
}

/// The next version of an order.
struct Next {
    id: ForwardOrderId,
    side: Side,
    number: u32,
    terms: Option<ForwardTerms>,
    /// What stands, because its gate has closed.
    stood: Legs,
    /// What is open, and still to be paid for.
    open: Legs,
}

/// What the terms want, where they want anything. Nothing of it is paid for yet.
fn wanted(rules: &ForwardRules, terms: &ForwardTerms, now_s: i64) -> Result<Legs, Refusal> {
    let length = rules.market.interval;
    length.start_at(terms.start.seconds())?;
    let expected = terms.quantities.len();
    if !(1..=SPAN_MAX).contains(&expected) {
        return Err(Refusal::Span { got: expected });
    }
    if let SpanLimit::Each(limits) = &terms.limit
        && limits.len() != expected
    {
        let got = limits.len();
        return Err(Refusal::Limits { expected, got });
    }
    let mut legs = BTreeMap::new();
    for (interval, wanted, limit) in terms.legs(length) {
        if wanted.get() > ENERGY_WH_MAX {
            let got_wh = wanted.get();
            return Err(Refusal::Quantity { interval, got_wh });
        }
        if limit.get().unsigned_abs() > PRICE_MICRO_MAX.unsigned_abs() {
            let got = limit.get();
            return Err(Refusal::Price { interval, got });
        }
        if wanted > WattHours::ZERO {
            let leg = Leg {
                wanted,
                quantity: WattHours::ZERO,
                limit,
                since_s: now_s,
            };
            legs.insert(interval, leg);
        }
    }
    Ok(legs)
}

fn gate_closed(rules: &ForwardRules, interval: IntervalStart, now_s: i64) -> Refusal {
    Refusal::GateClosed {
        interval,
        closed_s: rules.gate_of(interval),
        now_s,
    }
}

/// What a version did, told from the version itself, so that a repeated request gets the same answer.
fn taken(rules: &ForwardRules, id: ForwardOrderId, version: &ForwardVersion) -> Taken {
    let said = version.terms.iter();
    let said = said
        .flat_map(|terms| terms.legs(rules.market.interval))
        .filter(|(_, wanted, _)| *wanted > WattHours::ZERO)
        .map(|(at, ..)| at);
    let named: BTreeSet<IntervalStart> = version.legs.keys().copied().chain(said).collect();
    let is_closed = |at: &IntervalStart| !rules.is_open(*at, version.received_s);
    let is_cut = |leg: &Leg| leg.quantity < leg.wanted;
    let cut = version.legs.iter().filter(|(_, leg)| is_cut(leg));
    Taken {
        id,
        version: version.number,
        stood: named.into_iter().filter(is_closed).collect(),
        cut: cut.map(|(at, _)| *at).collect(),
    }
}
