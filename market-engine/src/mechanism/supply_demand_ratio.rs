//! Supply–demand ratio: a price that falls from the ceiling to the floor as supply rises to demand.
//!
//! Source: Liu, Yu, Wang, Li, Ma, Lei 2017, *Energy-sharing model with price-based demand response for
//! microgrids of peer-to-peer prosumers*.
//!
//! With S Wh to spare and D Wh of need, ceiling R and floor F:
//! `p = R·F / ((R − F)·S/D + F)` where S < D, `p = F` where S ≥ D, rounded down. It is the price of what
//! is sold inside; the papers' buying price is its average with the utility's for the rest, which here
//! goes to the utility by itself, and each home's bill is the same. The longer side shares in
//! proportion to quantity. The hyperbola needs positive prices; where F ≤ 0 < D − S the straight line
//! between its ends stands in: `p = F + (R − F)·(D − S)/D`.
//!
//! D and S are those of the orders that accept `p`; how they are found: [`super::sharing`].
//!
//! | property | holds |
//! |---|---|
//! | efficient | no: a shortage is shared by all, also by those to whom it matters little |
//! | truthful | no: an order's quantity is part of the price, and staying out by its limit moves it |
//! | budget balanced | strongly: one price |
//! | individually rational | yes: who does not accept the price does not trade |

use super::book::Book;
use super::sharing::{Band, at_balance};
use super::{Budget, Facts, Mechanism, Outcome, Terms};
use crate::BookError;

pub(super) const FACTS: Facts = Facts {
    title: "supply-demand ratio",
    source: "Liu, Yu, Wang, Li, Ma, Lei 2017: Energy-sharing model with price-based demand response for microgrids of peer-to-peer prosumers",
    efficient: false,
    truthful: false,
    budget_balanced: Budget::Strong,
    individually_rational: true,
    limits: "in surplus the price is as low as the sellers' limits let it be; with a floor of zero or less a straight line stands in for the hyperbola",
};

pub(super) fn clear(book: &Book<'_>, terms: &Terms) -> Result<Outcome, BookError> {
    at_balance(Mechanism::SupplyDemandRatio, book, terms, price)
}

/// The rule, written as what it lies above the floor: `F·(R − F)·(D − S) / ((R − F)·S + F·D)`.
fn price(band: Band, wanted: u64, offered: u64) -> Option<u64> {
    let missing = wanted.saturating_sub(offered);
    let floor = u128::try_from(band.floor).unwrap_or(0);
    if floor == 0 {
        return band.along(missing, wanted.into());
    }
    let width = u128::from(band.width);
    let divisor = width
        .checked_mul(offered.into())?
        .checked_add(floor.checked_mul(wanted.into())?)?;
    let product = floor.checked_mul(width)?.checked_mul(missing.into())?;
    // Without demand and supply nothing is missing.
    u64::try_from(product.checked_div(divisor).unwrap_or(0)).ok()
}
