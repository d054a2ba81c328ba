//! The k-double auction: the call auction at one price, which is the default of every zone.
//!
//! Source: Satterthwaite, Williams 1989, *Bilateral trade with the sealed bid k-double auction*; the
//! rule for books is that of [`call_auction`].
//!
//! `p = lo + floor(k·(hi − lo))`, `[lo, hi]` the valid prices of the book; a buyer pays `fill × p`, a
//! seller receives `fill × p`.
//!
//! | property | holds |
//! |---|---|
//! | efficient | yes, and certified: primal = dual |
//! | truthful | no: the marginal orders move the price. The gain from misreporting falls with 1/m for m traders a side, the welfare lost by it with 1/m² (Rustichini, Satterthwaite, Williams 1994) |
//! | budget balanced | strongly: one price |
//! | individually rational | yes: `p` is between the limits of all that trade |

use energy_core::{IntervalStart, Order};

use super::draft::amount;
use super::{Budget, Facts, Mechanism, Outcome, Terms};
use crate::book::sorted;
use crate::{BookError, call_auction};

pub(super) const FACTS: Facts = Facts {
    title: "k-double auction",
    source: "Satterthwaite, Williams 1989: Bilateral trade with the sealed bid k-double auction",
    efficient: true,
    truthful: false,
    budget_balanced: Budget::Strong,
    individually_rational: true,
    limits: "an order at the margin can move the price; the more orders, the less there is to gain",
};

pub(super) fn clear(
    interval: IntervalStart,
    orders: &[Order],
    terms: &Terms,
) -> Result<Outcome, BookError> {
    let clearing = call_auction(interval, orders, terms.k_ppm)?;
    let amounts = sorted(orders)
        .iter()
        .zip(&clearing.fills)
        .map(|(order, fill)| {
            let value = clearing.price.map(|price| fill.quantity.value_wide(price));
            amount(order.side, value.unwrap_or(0))
        })
        .collect();
    Ok(Outcome {
        mechanism: Mechanism::KDoubleAuction,
        clearing,
        amounts,
        surplus: 0,
    })
}
