//! All mechanisms side by side on one book: what trades, at what price, and who gains.
//!
//! An order's *gain* is `fill × limit − paid` for a buyer and `received − fill × limit` for a seller, in
//! 10⁻⁹ currency: it takes the limit for what the energy is worth to its owner. Welfare = buyers' gain +
//! sellers' gain + the zone's surplus, exactly.
//!
//! The Gini coefficient says how unevenly the gains fall to the homes: with the gains `g₁ ≤ … ≤ g_n` of
//! the n homes that have an order with a quantity, who gain nothing included,
//! `G = (2·Σ i·gᵢ − (n + 1)·Σ gᵢ) / (n·Σ gᵢ)`, 0 where all gain the same, towards 1 where one gains all,
//! and 0 where nobody gains. In parts per million, rounded down.

use std::collections::BTreeMap;

use energy_core::{HomeId, IntervalStart, MicroPricePerKwh, Order, Side};

use crate::BookError;
use crate::book::sorted;
use crate::mechanism::{Mechanism, Outcome, Terms, clear};

const MILLION: u128 = 1_000_000;

/// One mechanism's result on the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which mechanism.
    pub mechanism: Mechanism,
    /// What is bought, and sold, Wh.
    pub quantity: u128,
    /// The price at which everybody trades; none without trade or with several.
    pub price: Option<MicroPricePerKwh>,
    /// What buyers pay a kWh on average over what they buy, rounded down; none without trade.
    pub price_buyers: Option<MicroPricePerKwh>,
    /// What sellers receive, likewise.
    pub price_sellers: Option<MicroPricePerKwh>,
    /// Σ fill × bid − Σ fill × ask, 10⁻⁹ currency.
    pub welfare: i128,
    /// The welfare as a share of the greatest possible, parts per million, rounded down; a million
    /// where nothing can be gained.
    pub share_ppm: u32,
    /// What the buyers gain together, 10⁻⁹ currency.
    pub gain_buyers: i128,
    /// What the sellers gain together, 10⁻⁹ currency.
    pub gain_sellers: i128,
    /// What the zone keeps, 10⁻⁹ currency: 0 where money is balanced strongly.
    pub surplus: i128,
    /// How unevenly the gains fall to the homes, parts per million.
    pub gini_ppm: u32,
    /// How many orders are filled at least in part.
    pub orders_filled: usize,
}

/// Clears a book under every mechanism, in the order of [`Mechanism::ALL`].
///
/// # Errors
/// [`BookError`] when `orders` are no book, or a number of theirs leaves 128 bits.
pub fn compare(
    interval: IntervalStart,
    orders: &[Order],
    terms: &Terms,
) -> Result<Vec<Row>, BookError> {
    let book = sorted(orders);
    Mechanism::ALL
        .into_iter()
        .map(|mechanism| {
            let outcome = clear(mechanism, interval, orders, terms)?;
            row(&book, &outcome).ok_or(BookError::WelfareOverflow)
        })
        .collect()
}

/// The figures of one outcome; the book is by id, as the fills are.
fn row(book: &[&Order], outcome: &Outcome) -> Option<Row> {
    let certificate = &outcome.clearing.certificate;
    let (mut paid, mut received) = (0_i128, 0_i128);
    let (mut gain_buyers, mut gain_sellers) = (0_i128, 0_i128);
    let mut homes: BTreeMap<HomeId, i128> = BTreeMap::new();
    let fills = outcome.clearing.fills.iter().zip(&outcome.amounts);
    for (order, (fill, amount)) in book.iter().zip(fills) {
        let worth = fill.quantity.value_wide(order.price);
        let (money, side_gain, gain) = match order.side {
            Side::Bid => (&mut paid, &mut gain_buyers, worth.checked_add(*amount)?),
            Side::Ask => (&mut received, &mut gain_sellers, amount.checked_sub(worth)?),
        };
        *money = money.checked_add(*amount)?;
        *side_gain = side_gain.checked_add(gain)?;
        if order.quantity.get() > 0 {
            let home = homes.entry(order.home).or_default();
            *home = home.checked_add(gain)?;
        }
    }
    Some(Row {
        mechanism: outcome.mechanism,
        quantity: certificate.quantity,
        price: outcome.clearing.price,
        price_buyers: mean(paid.checked_neg()?, certificate.quantity),
        price_sellers: mean(received, certificate.quantity),
        welfare: certificate.primal,
        // The dual value of a certificate is the optimum of its book.
        share_ppm: share_ppm(certificate.primal, certificate.dual),
        gain_buyers,
        gain_sellers,
        surplus: outcome.surplus,
        gini_ppm: gini_ppm(homes.into_values().collect())?,
        orders_filled: filled(outcome),
    })
}

fn filled(outcome: &Outcome) -> usize {
    let fills = outcome.clearing.fills.iter();
    fills.filter(|fill| fill.quantity.get() > 0).count()
}

/// Money per energy is a price, because nano-currency is Wh × µ/kWh.
fn mean(money: i128, quantity: u128) -> Option<MicroPricePerKwh> {
    let price = money.checked_div_euclid(i128::try_from(quantity).ok()?)?;
    i64::try_from(price).ok().map(MicroPricePerKwh::new)
}

/// `part / whole` for 0 ≤ part ≤ whole.
fn share_ppm(part: i128, whole: i128) -> u32 {
    let (part, whole) = (part.unsigned_abs(), whole.unsigned_abs());
    if whole == 0 {
        return 1_000_000;
    }
    // Beyond 100 bits both lose their last ones, far below a millionth of a millionth.
    let shift = 128_u32
        .saturating_sub(whole.leading_zeros())
        .saturating_sub(100);
    let (part, whole) = (cut(part, shift), cut(whole, shift));
    let share = part.saturating_mul(MILLION).checked_div(whole);
    share.and_then(|ppm| u32::try_from(ppm).ok()).unwrap_or(0)
}

fn cut(number: u128, bits: u32) -> u128 {
    number.checked_shr(bits).unwrap_or(0)
}

/// The formula of the module's doc. Gains that sum to more than 64 bits are cut to the first 64 of
/// their sum, so that the products fit.
fn gini_ppm(gains: Vec<i128>) -> Option<u32> {
    // Nobody loses by any mechanism, so a gain is not negative.
    let mut gains: Vec<u128> = gains
        .into_iter()
        .map(|gain| gain.max(0).unsigned_abs())
        .collect();
    let sum = gains
        .iter()
        .try_fold(0_u128, |sum, gain| sum.checked_add(*gain))?;
    let shift = 64_u32.saturating_sub(sum.leading_zeros());
    for gain in &mut gains {
        *gain = cut(*gain, shift);
    }
    gains.sort_unstable();
    let count = u128::try_from(gains.len()).ok()?;
    let (mut sum, mut ranked) = (0_u128, 0_u128);
    for (rank, gain) in (1_u128..).zip(&gains) {
        sum = sum.checked_add(*gain)?;
        ranked = ranked.checked_add(rank.checked_mul(*gain)?)?;
    }
    let even = count.checked_add(1)?.checked_mul(sum)?;
    let uneven = ranked.checked_mul(2)?.checked_sub(even)?;
    let whole = count.checked_mul(sum)?;
    let ppm = uneven.checked_mul(MILLION)?.checked_div(whole);
    u32::try_from(ppm.unwrap_or(0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_gains_all_of_four_is_three_quarters() {
        assert_eq!(gini_ppm(vec![0, 0, 0, 8]), Some(750_000));
        assert_eq!(gini_ppm(vec![5, 5, 5]), Some(0));
        assert_eq!(gini_ppm(vec![1, 3]), Some(250_000));
        assert_eq!(gini_ppm(vec![0, 0]), Some(0));
        assert_eq!(gini_ppm(vec![]), Some(0));
        let huge = 1 << 120;
        assert_eq!(gini_ppm(vec![huge, 0, 0, 0]), Some(750_000));
    }

    #[test]
    fn a_share_is_rounded_down() {
        assert_eq!(share_ppm(2, 3), 666_666);
        assert_eq!(share_ppm(0, 0), 1_000_000);
        assert_eq!(share_ppm(i128::MAX, i128::MAX), 1_000_000);
        assert_eq!(share_ppm(i128::MAX / 2, i128::MAX), 499_999);
    }
}
