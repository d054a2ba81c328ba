//! From the offers of an interval to who traded what with whom, and for how much.
//!
//! Gifts and partners first, then the zone's mechanism over the book that is left. In a zone of the
//! call auction where some home pays more for green or local energy, that book is cleared by origin:
//! one price for each class instead of one for all. Nothing leaves here that its checker has not
//! accepted.

use std::collections::BTreeMap;

use energy_core::{Clearing, IntervalStart, NanoAmount, Order, OrderId, Overflow, WattHours};
use market_engine::checker;
use market_engine::mechanism::{self, Mechanism, Outcome};
use market_engine::preference::{
    self, Bilateral, BilateralKind, OriginOrder, Wish, bilateral, check_by_origin, clear_by_origin,
};

use crate::offers::{Offer, Offered};
use crate::order_row::Direct;
use crate::rules::ZoneRules;
use crate::settle::SettleError;

/// What became of the offers.
pub(crate) struct Market {
    /// The book that the clearing is of: what named homes left, by order id.
    pub(crate) book: Vec<Order>,
    /// The clearing, accepted by the checker.
    pub(crate) clearing: Clearing,
    /// Trades of named homes.
    pub(crate) direct: Vec<Bilateral>,
    /// What each order traded, direct trades included.
    pub(crate) traded: BTreeMap<OrderId, Traded>,
    /// What buyers paid beyond what sellers got.
    pub(crate) surplus: NanoAmount,
}

/// What an order traded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traded {
    /// How much.
    pub(crate) fill: WattHours,
    /// Received (+) or paid (−), before fees.
    pub(crate) value: NanoAmount,
    /// With named homes.
    pub(crate) direct: Option<Direct>,
}

/// Makes the trades of an interval.
///
/// # Errors
/// [`SettleError`] when the orders are not a book, or a checker refuses the clearing.
pub(crate) fn trade(
    rules: &ZoneRules,
    interval: IntervalStart,
    offers: &[Offer<'_>],
) -> Result<Market, SettleError> {
    let offered: BTreeMap<OrderId, &Offered> = offers
        .iter()
        .filter_map(|offer| offer.part.as_ref().ok()?.order.as_ref())
        .map(|offered| (offered.order.order.id, offered))
        .collect();
    let (direct, rest) = named_homes(interval, &offered)?;

    // The same orders with what is left of their quantities.
    let rest = rest.into_iter().filter_map(|order| {
        let offered = offered.get(&order.id)?;
        Some((order, *offered))
    });
    let (orders, book): (Vec<OriginOrder>, Vec<Order>) = rest
        .map(|(order, offered)| {
            let price = offered.price;
            let origin_order = OriginOrder {
                order,
                ..offered.order
            };
            (origin_order, Order { price, ..order })
        })
        .unzip();
    let outcome = if orders.iter().any(OriginOrder::prefers) {
        by_origin(rules, interval, &orders)?
    } else {
        by_mechanism(rules, interval, &book)?
    };

    let mut traded: BTreeMap<OrderId, Traded> = BTreeMap::new();
    for (fill, amount) in outcome.clearing.fills.iter().zip(&outcome.amounts) {
        let of_order = traded.entry(fill.order).or_default();
        (of_order.fill, of_order.value) = (fill.quantity, nano(*amount)?);
    }
    for trade in &direct {
        add_direct(&mut traded, trade)?;
    }
    Ok(Market {
        book,
        direct,
        traded,
        surplus: nano(outcome.surplus)?,
        clearing: outcome.clearing,
    })
}

/// Gifts and partners, and the orders with what is left of their quantities.
fn named_homes(
    interval: IntervalStart,
    offered: &BTreeMap<OrderId, &Offered>,
) -> Result<(Vec<Bilateral>, Vec<Order>), SettleError> {
    let orders: Vec<Order> = offered
        .values()
        .map(|offered| offered.order.order)
        .collect();
    let wishes: BTreeMap<OrderId, Wish> = offered
        .iter()
        .filter(|(_, offered)| offered.wish != Wish::default())
        .map(|(id, offered)| (*id, offered.wish.clone()))
        .collect();
    if wishes.is_empty() {
        return Ok((Vec::new(), orders));
    }
    let matched = bilateral(interval, &orders, &wishes)?;
    Ok((matched.trades, matched.rest))
}

fn by_mechanism(
    rules: &ZoneRules,
    interval: IntervalStart,
    book: &[Order],
) -> Result<Outcome, SettleError> {
    let outcome = mechanism::clear(rules.mechanism, interval, book, &rules.terms(interval)?)?;
    if rules.mechanism == Mechanism::KDoubleAuction {
        checker::check(interval, book, &outcome.clearing, rules.k_ppm)?;
    }
    checker::feasible(book, &outcome)?;
    Ok(outcome)
}

fn by_origin(
    rules: &ZoneRules,
    interval: IntervalStart,
    orders: &[OriginOrder],
) -> Result<Outcome, SettleError> {
    let clearing = clear_by_origin(interval, orders, rules.k_ppm)?;
    check_by_origin(orders, &clearing, rules.k_ppm)?;
    let (book, outcome) = preference::outcome(interval, orders, &clearing)?;
    checker::feasible(&book, &outcome)?;
    Ok(outcome)
}

/// Adds a direct trade to what its two orders traded.
fn add_direct(traded: &mut BTreeMap<OrderId, Traded>, trade: &Bilateral) -> Result<(), Overflow> {
    let value = trade.quantity.value(trade.price)?;
    for (order, value) in [(trade.seller, value), (trade.buyer, value.negated()?)] {
        let of_order = traded.entry(order).or_default();
        let direct = of_order.direct.get_or_insert_default();
        let sum = match trade.kind {
            BilateralKind::Partner => &mut direct.partners,
            BilateralKind::Gift => &mut direct.gifts,
        };
        *sum = sum.plus(trade.quantity)?;
        direct.value = direct.value.plus(value)?;
        of_order.fill = of_order.fill.plus(trade.quantity)?;
        of_order.value = of_order.value.plus(value)?;
    }
    Ok(())
}

fn nano(amount: i128) -> Result<NanoAmount, Overflow> {
    let amount = i64::try_from(amount).map_err(|_| Overflow { unit: "n" })?;
    Ok(NanoAmount::new(amount))
}
