//! A forward order: energy over a span of intervals in one order, and every version of it.

use std::collections::BTreeMap;

use energy_core::{
    HomeId, IntervalLength, IntervalStart, MicroPricePerKwh, NanoAmount, Side, WattHours,
};
use serde::{Deserialize, Serialize};

/// A forward order's name: whose it is, and a number that the home has not used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ForwardOrderId {
    /// Whose.
    pub home: HomeId,
    /// Chosen by the home or for it.
    pub number: u64,
}

impl std::fmt::Display for ForwardOrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of home {}", self.number, self.home)
    }
}

/// All-in limits over a span: a buyer pays at most this, a seller gets at least this, fees included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SpanLimit {
    /// The same in every interval.
    One(MicroPricePerKwh),
    /// One for each interval of the span.
    Each(Vec<MicroPricePerKwh>),
}

/// What a home says: so much in each of these intervals, at these limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardTerms {
    /// The first interval.
    pub start: IntervalStart,
    /// How much in each interval from there on; nothing in an interval is 0.
    pub quantities: Vec<WattHours>,
    /// At which limits.
    pub limit: SpanLimit,
}

impl ForwardTerms {
    /// Interval, quantity and limit for each interval of the span, those without a quantity included.
    /// Where there are fewer limits than quantities, it ends with them.
    pub fn legs(
        &self,
        length: IntervalLength,
    ) -> impl Iterator<Item = (IntervalStart, WattHours, MicroPricePerKwh)> {
        let intervals = std::iter::successors(Some(self.start), move |at| Some(at.next(length)));
        let limit = |n: usize| match &self.limit {
            SpanLimit::One(limit) => Some(*limit),
            SpanLimit::Each(limits) => limits.get(n).copied(),
        };
        intervals
            .zip(self.quantities.iter().enumerate())
            .map_while(move |(interval, (n, quantity))| Some((interval, *quantity, limit(n)?)))
    }
}

/// What stands of an order in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// What the home wants, more than nothing.
    pub wanted: WattHours,
    /// How much of it the home could pay for when it said so.
    pub quantity: WattHours,
    /// Its all-in limit.
    pub limit: MicroPricePerKwh,
    /// Since when it has stood with this limit and at least this much wanted, in seconds UTC: its place
    /// where order time counts.
    pub since_s: i64,
}

/// An order as it stood from one change to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardVersion {
    /// 1 for the first.
    pub number: u32,
    /// When it came, in seconds UTC of grid time.
    pub received_s: i64,
    /// What the home said; none when it took the order back.
    pub terms: Option<ForwardTerms>,
    /// What stood afterwards: the terms where the gate was open, the version before where it was not.
    pub legs: BTreeMap<IntervalStart, Leg>,
}

/// A forward order with all its versions. What once stood is never overwritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardOrder {
    /// Its name.
    pub id: ForwardOrderId,
    /// Buys or sells, over the whole span and in every version.
    pub side: Side,
    /// The versions, oldest first, at least one.
    pub versions: Vec<ForwardVersion>,
    /// Money that is kept for it, by interval: until the clearing what its limit allows, then what it
    /// traded for, after settlement nothing. Only what is more than nothing is listed.
    pub reserved: BTreeMap<IntervalStart, NanoAmount>,
}

impl ForwardOrder {
    /// What stands in an interval.
    #[must_use]
    pub fn leg(&self, interval: IntervalStart) -> Option<&Leg> {
        self.versions.last()?.legs.get(&interval)
    }

    /// The number of the newest version.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.versions.last().map_or(0, |version| version.number)
    }

    /// The last interval in which any version wanted something.
    pub(super) fn last_interval(&self) -> Option<IntervalStart> {
        let versions = self.versions.iter();
        let last = versions.filter_map(|version| version.legs.keys().next_back());
        last.max().copied()
    }

    /// Everything that stands, by interval.
    pub(super) fn legs(&self) -> impl Iterator<Item = (IntervalStart, &Leg)> {
        let newest = self.versions.last();
        newest
            .into_iter()
            .flat_map(|version| version.legs.iter().map(|(at, leg)| (*at, leg)))
    }
}
