//! A clearing by origin in the form that every mechanism's result has.

use std::collections::BTreeMap;

use energy_core::{
    Certificate, CertificateKind, Clearing, Fill, IntervalStart, MicroPricePerKwh, Order, OrderId,
    Side, WattHours,
};

use super::origin::{Origin, OriginClearing, OriginError, OriginOrder};
use crate::book::BookError;
use crate::call_auction;
use crate::mechanism::{Mechanism, Outcome};

/// The mechanism that an [`outcome`] names.
pub const BY_ORIGIN_CHECKED_AS: Mechanism = Mechanism::PayAsBid;

/// The book without origins, each bid at the most that it pays for any origin, and the clearing as an
/// outcome of it: what each order was filled with, and what its owner received.
///
/// The certificate is one of feasibility over that book, which [`feasible`](crate::checker::feasible)
/// accepts, so that a clearing by origin can be checked by who may not know what other homes wish for.
/// The proof of the optimum is [`check_by_origin`](super::check_by_origin), over the book with origins.
/// The outcome names [`BY_ORIGIN_CHECKED_AS`], as a mechanism in which not everybody has the same price
/// and nothing is left over. Its price is that of all classes, if they have the same.
///
/// # Errors
/// [`OriginError`] when the orders are no book.
pub fn outcome(
    interval: IntervalStart,
    orders: &[OriginOrder],
    clearing: &OriginClearing,
) -> Result<(Vec<Order>, Outcome), OriginError> {
    let overflow = BookError::WelfareOverflow;
    let mut book = orders
        .iter()
        .map(|wish| {
            Ok(Order {
                price: wish.worth(Origin::new(true, true))?,
                ..wish.order
            })
        })
        .collect::<Result<Vec<Order>, OriginError>>()?;
    book.sort_unstable_by_key(|order| order.id);
    let plain = call_auction(interval, &book, 0)?;
    let got = received(clearing, &book).ok_or(overflow)?;
    let of_order = |order: &Order| got.get(&order.id).copied().unwrap_or_default();
    let welfare = book.iter().try_fold(0_i128, |sum, order| {
        let value = of_order(order).0.value_wide(order.price);
        match order.side {
            Side::Bid => sum.checked_add(value),
            Side::Ask => sum.checked_sub(value),
        }
    });
    let price = one_price(clearing);
    let outcome = Outcome {
        mechanism: BY_ORIGIN_CHECKED_AS,
        amounts: book.iter().map(|order| of_order(order).1).collect(),
        surplus: 0,
        clearing: Clearing {
            price,
            price_lo: plain.price_lo,
            price_hi: plain.price_hi,
            fills: book
                .iter()
                .map(|order| Fill {
                    order: order.id,
                    quantity: of_order(order).0,
                })
                .collect(),
            certificate: Certificate {
                kind: CertificateKind::Feasible,
                quantity: clearing.certificate.quantity,
                price,
                primal: welfare.ok_or(overflow)?,
                // The greatest welfare is the dual value at any valid price.
                dual: plain.certificate.primal,
                book_hash: plain.certificate.book_hash,
            },
        },
    };
    Ok((book, outcome))
}

/// What each order was filled with, and received for it; none when a sum leaves 128 bits.
fn received(
    clearing: &OriginClearing,
    book: &[Order],
) -> Option<BTreeMap<OrderId, (WattHours, i128)>> {
    let mut got: BTreeMap<OrderId, (WattHours, i128)> = BTreeMap::new();
    for fill in &clearing.fills {
        let order = book.binary_search_by_key(&fill.order, |order| order.id);
        let side = book.get(order.ok()?)?.side;
        let value = fill.quantity.value_wide(clearing.price(fill.origin)?);
        let (wh, amount) = got.entry(fill.order).or_default();
        *wh = wh.plus(fill.quantity).ok()?;
        *amount = match side {
            Side::Bid => amount.checked_sub(value)?,
            Side::Ask => amount.checked_add(value)?,
        };
    }
    Some(got)
}

/// The price of all classes that are traded, if they have the same.
fn one_price(clearing: &OriginClearing) -> Option<MicroPricePerKwh> {
    let traded = |class: &&super::ClassPrice| class.quantity > WattHours::ZERO;
    let mut prices = clearing
        .prices
        .iter()
        .filter(traded)
        .map(|class| class.price);
    let first = prices.next()?;
    prices.all(|price| price == first).then_some(first)
}
