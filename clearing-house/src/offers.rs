//! From what homes measured to the book: surplus and need, limits, what they can pay, orders.
//!
//! Limits are all-in and decide only who trades locally: a bid enters at `min(limit, retail) − buyer
//! fee`, an ask at `max(limit, feed-in) + seller fee`. A limit is never moved towards trading, and what
//! a home pays more for some origins never takes it above retail, so nobody is ever worse off than with
//! the utility alone, except by what it gives away.

use energy_core::{IntervalStart, MicroPricePerKwh, NanoAmount, Order, Side, WattHours};
use market_engine::agent::{Band, Limits, Signals};
use market_engine::mechanism::Mechanism;
use market_engine::preference::{Adders, Gift, Origin, OriginOrder, Wish};

use crate::account::Ledger;
use crate::funds::{self, CutReason};
use crate::home::{Excluded, HomeInput};
use crate::metering::IntervalEnergy;
use crate::rules::{ENERGY_WH_MAX, ZoneRules};
use crate::settle::SettleError;
use crate::tokens::{self, TokenAccount};

/// All of an order, in parts per million.
const WHOLE_PPM: i128 = 1_000_000;

/// A home that takes part in an interval.
pub(crate) struct Offer<'a> {
    pub(crate) input: &'a HomeInput,
    pub(crate) part: Result<Part, Excluded>,
}

/// What it takes part with.
pub(crate) struct Part {
    pub(crate) energy: IntervalEnergy,
    pub(crate) limits: Limits,
    /// None when there is nothing to trade or to pay with.
    pub(crate) order: Option<Offered>,
    pub(crate) cut: Option<CutReason>,
    /// What of the export is verified as the home's own generation.
    pub(crate) verified: WattHours,
}

/// A home's order.
pub(crate) struct Offered {
    /// The order, its price net of fees and without adders, its origin, and the adders, net of fees.
    pub(crate) order: OriginOrder,
    /// The most that it pays all-in whatever the origin; the least that it gets.
    pub(crate) limit: MicroPricePerKwh,
    /// The same net of fees.
    pub(crate) price: MicroPricePerKwh,
    /// Whom it would rather trade with.
    pub(crate) wish: Wish,
}

/// The offers of all homes, in their order.
pub(crate) fn offers<'a>(
    rules: &ZoneRules,
    interval: IntervalStart,
    ledger: &Ledger,
    homes: &[&'a HomeInput],
) -> Result<Vec<Offer<'a>>, SettleError> {
    let scarcity_permille = scarcity_permille(homes);
    homes
        .iter()
        .map(|input| {
            let part = match energy_of(input) {
                Ok(energy) => Ok(part(
                    rules,
                    interval,
                    ledger,
                    input,
                    energy,
                    scarcity_permille,
                )?),
                Err(excluded) => Err(excluded),
            };
            Ok(Offer { input, part })
        })
        .collect()
}

/// Need ÷ (need + surplus) of the zone in parts per thousand, rounded down; 500 when there is neither.
fn scarcity_permille(homes: &[&HomeInput]) -> u16 {
    let (mut need, mut surplus) = (0_u128, 0_u128);
    for energy in homes.iter().filter_map(|input| energy_of(input).ok()) {
        need = need.saturating_add(energy.import.saturating_less(energy.export).get().into());
        surplus = surplus.saturating_add(energy.export.saturating_less(energy.import).get().into());
    }
    let share = need
        .saturating_mul(1_000)
        .checked_div(need.saturating_add(surplus));
    share
        .and_then(|share| u16::try_from(share).ok())
        .unwrap_or(500)
}

fn energy_of(input: &HomeInput) -> Result<IntervalEnergy, Excluded> {
    match input.energy {
        None => Err(Excluded::NoReadings),
        Some(energy) if energy.import.max(energy.export).get() > ENERGY_WH_MAX => {
            Err(Excluded::ImplausibleEnergy)
        }
        Some(energy) => Ok(energy),
    }
}

fn part(
    rules: &ZoneRules,
    interval: IntervalStart,
    ledger: &Ledger,
    input: &HomeInput,
    energy: IntervalEnergy,
    scarcity_permille: u16,
) -> Result<Part, SettleError> {
    let signals = Signals {
        scarcity_permille,
        soc_permille: input.soc_permille,
    };
    let band = rules.band(interval);
    let limits = input.preference.for_interval(&band, &signals);
    let (side, net, limit) = if energy.export > energy.import {
        let net = energy.export.saturating_less(energy.import);
        (Side::Ask, net, limits.sell_above)
    } else {
        let net = energy.import.saturating_less(energy.export);
        (Side::Bid, net, limits.buy_below)
    };
    let account = ledger.home(input.home);
    let verified = tokens::verifiable(
        TokenAccount::from(&account).verified,
        energy.export,
        input.generated_so_far,
        input.has_generation_meter,
        input.has_battery,
    );
    let order = Order {
        id: rules.order_id(interval, &input.meter, 0),
        home: input.home,
        side,
        quantity: net,
        price: rules.all_in_limit(interval, side, limit),
    };
    let all_in = OriginOrder {
        order,
        origin: Origin::new(verified >= net, true),
        adders: adders(rules, input, side, band.retail),
    };
    let limit = all_in.worth(Origin::new(true, true))?;
    let free_funds = funds::free_funds(input.escrow, account.cash, rules.credit_limit);
    let (quantity, cut) = funds::cut(side, net, limit, free_funds);
    let order = match quantity {
        WattHours::ZERO => None,
        _ => Some(Offered {
            order: in_book(rules, all_in, quantity)?,
            limit,
            price: rules.book_price(side, limit)?,
            wish: Wish {
                partners: input.wishes.partners().to_vec(),
                gifts: gifts(&band, input, side, quantity, limit, free_funds),
            },
        }),
    };
    Ok(Part {
        energy,
        limits,
        order,
        cut,
        verified,
    })
}

/// What the home pays more, at most up to the retail price.
fn adders(rules: &ZoneRules, input: &HomeInput, side: Side, retail: MicroPricePerKwh) -> Adders {
    if side == Side::Ask || rules.mechanism != Mechanism::KDoubleAuction {
        return Adders::default();
    }
    Adders {
        most: Some(retail),
        ..input.wishes.adders()
    }
}

/// An order with all-in prices as it enters the book: net of fees.
fn in_book(
    rules: &ZoneRules,
    all_in: OriginOrder,
    quantity: WattHours,
) -> Result<OriginOrder, SettleError> {
    let mut order = all_in;
    order.order.quantity = quantity;
    order.order.price = rules.book_price(all_in.order.side, all_in.order.price)?;
    let most = all_in.adders.most;
    order.adders.most = most
        .map(|most| rules.book_price(Side::Bid, most))
        .transpose()?;
    Ok(order)
}

/// The gifts of a home, cut to what it can pay in fees for them besides what the rest can cost it.
fn gifts(
    band: &Band,
    input: &HomeInput,
    side: Side,
    quantity: WattHours,
    limit: MicroPricePerKwh,
    free_funds: NanoAmount,
) -> Vec<Gift> {
    if side == Side::Bid {
        return Vec::new();
    }
    let fee = band.seller_fee.get();
    let wh = i128::from(quantity.get());
    let rest = wh.saturating_mul(limit.get().min(0).saturating_neg().into());
    let funds = i128::from(free_funds.get()).saturating_sub(rest).max(0);
    let mut left = match funds.checked_div(fee.into()) {
        Some(covered) if fee > 0 => covered.min(wh),
        _ => wh,
    };
    let mut gifts = input.wishes.gifts().to_vec();
    gifts.sort_by_key(|gift| (gift.priority, gift.home));
    for gift in &mut gifts {
        let covered = left.saturating_mul(WHOLE_PPM).checked_div(wh).unwrap_or(0);
        let share = i128::from(gift.share_ppm).min(covered);
        gift.share_ppm = u32::try_from(share).unwrap_or(0);
        let given = wh.saturating_mul(share).div_euclid(WHOLE_PPM);
        left = left.saturating_sub(given);
    }
    gifts
}
