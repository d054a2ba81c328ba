//! Gate closure: the orders of an interval become one book, and the book is cleared.
//!
//! The mechanism is the call auction: what was traded and not delivered can only be settled without
//! rounding where everybody trades at one price.

use std::collections::BTreeMap;

use energy_core::{
    Clearing, HomeId, IntervalStart, MicroPricePerKwh, NanoAmount, Order, OrderId, Side, WattHours,
    keccak,
};
use market_engine::{call_auction, checker};
use serde::{Deserialize, Serialize};

use super::ForwardError;
use super::book::ForwardBook;
use super::order::{ForwardOrder, ForwardOrderId};
use super::reserve::{exposure, left, reserved};
use super::rules::ForwardRules;
use crate::funds::{self, CutReason};
use crate::rules::ZoneRules;

/// An order of a cleared interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearedOrder {
    /// The forward order that it is of.
    pub id: ForwardOrderId,
    /// Its name in the book, quantity and price.
    pub order: Order,
    /// The home's all-in limit, inside the tariff.
    pub limit: MicroPricePerKwh,
    /// Its place where order time counts, in seconds UTC.
    pub since_s: i64,
    /// Why it is smaller than what the home wants.
    pub cut: Option<CutReason>,
    /// How much of it was traded.
    pub traded: WattHours,
    /// What its home owes for the trade if all of it is delivered, fee included; nothing for a seller
    /// who receives money.
    pub owed: NanoAmount,
}

/// A forward interval after gate closure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardClearing {
    /// Which interval.
    pub interval: IntervalStart,
    /// Every order of the book, by its name there.
    pub rows: Vec<ClearedOrder>,
    /// The clearing, accepted by the checker.
    pub clearing: Clearing,
}

impl ForwardClearing {
    /// The book, by order id.
    #[must_use]
    pub fn orders(&self) -> Vec<Order> {
        self.rows.iter().map(|row| row.order).collect()
    }
}

/// Clears an interval whose gate has closed. Intervals are cleared in their order, each once, and the
/// book is told ([`ForwardBook::keep_for_trades`]), so that each sees what the ones before have kept.
///
/// `free_funds` is what each home can spend now, with nothing reserved ([`funds::free_funds`]): money
/// may have gone since an order was taken, and the order is cut once more. A home that is not listed
/// has nothing.
///
/// # Errors
/// [`ForwardError`], above all [`ForwardError::GateOpen`].
pub fn clear_forward_interval(
    rules: &ForwardRules,
    interval: IntervalStart,
    now_s: i64,
    book: &ForwardBook,
    free_funds: &BTreeMap<HomeId, NanoAmount>,
) -> Result<ForwardClearing, ForwardError> {
    rules.check()?;
    rules.market.interval.start_at(interval.seconds())?;
    if rules.is_open(interval, now_s) {
        let closes_s = rules.gate_of(interval);
        return Err(ForwardError::GateOpen { closes_s, now_s });
    }
    let mut rows = expanded(rules, interval, book, free_funds)?;
    rows.sort_unstable_by_key(|row| row.order.id);
    let orders: Vec<Order> = rows.iter().map(|row| row.order).collect();
    let k_ppm = rules.market.k_ppm;
    let clearing = call_auction(interval, &orders, k_ppm)?;
    checker::check(interval, &orders, &clearing, k_ppm)?;
    let fills = clearing
        .fills
        .iter()
        .map(|fill| (fill.order, fill.quantity));
    let fills: BTreeMap<OrderId, WattHours> = fills.collect();
    for row in &mut rows {
        let fill = fills.get(&row.order.id);
        row.traded = fill.copied().unwrap_or(WattHours::ZERO);
        row.owed = owed(&rules.market, row.order.side, row.traded, clearing.price)?;
    }
    Ok(ForwardClearing {
        interval,
        rows,
        clearing,
    })
}

/// The orders of an interval, each cut to what its home can pay for.
fn expanded(
    rules: &ForwardRules,
    interval: IntervalStart,
    book: &ForwardBook,
    free_funds: &BTreeMap<HomeId, NanoAmount>,
) -> Result<Vec<ClearedOrder>, ForwardError> {
    let mut rows = Vec::new();
    let mut free: BTreeMap<HomeId, NanoAmount> = BTreeMap::new();
    for forward in book.orders() {
        let home = forward.id.home;
        let free = free.entry(home).or_insert_with(|| {
            let free = free_funds.get(&home).copied().unwrap_or(NanoAmount::ZERO);
            left(free, reserved(book.of_home(home), |_, at| at < interval))
        });
        let Some(row) = row(&rules.market, interval, forward, *free)? else {
            continue;
        };
        let cost = exposure(row.order.side, row.order.quantity, row.limit);
        *free = left(*free, cost.get().into());
        rows.push(row);
    }
    Ok(rows)
}

fn row(
    rules: &ZoneRules,
    interval: IntervalStart,
    forward: &ForwardOrder,
    free: NanoAmount,
) -> Result<Option<ClearedOrder>, ForwardError> {
    let Some(leg) = forward.leg(interval) else {
        return Ok(None);
    };
    let side = forward.side;
    let limit = rules.all_in_limit(interval, side, leg.limit);
    let (quantity, _) = funds::cut(side, leg.quantity, limit, free);
    Ok(Some(ClearedOrder {
        id: forward.id,
        order: Order {
            id: order_id(rules, interval, forward.id),
            home: forward.id.home,
            side,
            quantity,
            price: rules.book_price(side, limit)?,
        },
        limit,
        since_s: leg.since_s,
        cut: (quantity < leg.wanted).then_some(CutReason::Funds),
        traded: WattHours::ZERO,
        owed: NanoAmount::ZERO,
    }))
}

/// The name of a forward order in an interval: the first 16 bytes of `keccak(secret ‖ zone hash ‖
/// interval i64 ‖ "forward" ‖ home u32 ‖ number u64)`. The same for every version of the order, another
/// one in every interval.
fn order_id(rules: &ZoneRules, interval: IntervalStart, id: ForwardOrderId) -> OrderId {
    let hash = keccak(&[
        &rules.order_secret,
        rules.zone.hash().as_bytes(),
        &interval.seconds().to_be_bytes(),
        b"forward",
        &id.home.get().to_be_bytes(),
        &id.number.to_be_bytes(),
    ]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    OrderId::new(bytes)
}

/// What a home owes for a trade, fee included, if anything.
fn owed(
    rules: &ZoneRules,
    side: Side,
    traded: WattHours,
    price: Option<MicroPricePerKwh>,
) -> Result<NanoAmount, ForwardError> {
    let Some(price) = price else {
        return Ok(NanoAmount::ZERO);
    };
    let all_in = match side {
        Side::Bid => price.plus(rules.fees.buyer)?,
        Side::Ask => price.less(rules.fees.seller)?,
    };
    Ok(exposure(side, traded, all_in))
}
