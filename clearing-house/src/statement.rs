//! What a household reads: a span in numbers, and an interval in plain sentences.
//!
//! Invariant: `cost = bought locally + fees + bought from the utility − sold locally − sold to the
//! utility + corrections`, to the last unit, and equals the sum over the intervals.

use energy_core::{HomeId, IntervalStart, NanoAmount, NetWattHours, Overflow, Side, WattHours};
use market_engine::preference::BilateralKind;
use serde::{Deserialize, Serialize};

use crate::corrections::HomeCorrection;
use crate::funds::CutReason;
use crate::home::{DirectTrade, Excluded, HomeResult};
use crate::order_row::OrderRow;
use crate::preference::decimal;

/// Energy and what it was worth, fees not included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// How much.
    pub energy: WattHours,
    /// For how much.
    pub amount: NanoAmount,
}

/// What came late or was corrected, with the utility.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrected {
    /// Added to the import.
    pub import: NetWattHours,
    /// Added to the export.
    pub export: NetWattHours,
    /// To pay for it (+) or to get (−).
    pub bill: NanoAmount,
}

/// A home's span, summed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Whose.
    pub home: HomeId,
    /// From this interval on.
    pub from: IntervalStart,
    /// Up to this one, which is not in it.
    pub to: IntervalStart,
    /// Intervals in which the home had part.
    pub intervals: u32,
    /// Intervals in which its energy was not known in time.
    pub excluded: u32,
    /// Intervals with an estimated boundary reading.
    pub substituted: u32,
    /// Bought from other homes, and got from them as gifts.
    pub bought_local: Leg,
    /// Sold to other homes, and given to them.
    pub sold_local: Leg,
    /// Bought from the utility.
    pub bought_utility: Leg,
    /// Sold to the utility.
    pub sold_utility: Leg,
    /// The grid operator's fees.
    pub fees: NanoAmount,
    /// Late and corrected data.
    pub corrections: Corrected,
    /// Fed into the grid, corrections included.
    pub exported: WattHours,
    /// Of it, verified as local generation, corrections included.
    pub verified: NetWattHours,
    /// Tokens minted on it.
    pub minted: WattHours,
    /// Tokens credited to the home as a buyer.
    pub credited: WattHours,
    /// What the span cost (+) or earned (−), everything included.
    pub cost: NanoAmount,
    /// What the same energy would have cost with the utility alone.
    pub without_market: NanoAmount,
    /// The difference: what the market saved the home. Negative only by what it gave away.
    pub saved: NanoAmount,
}

impl Statement {
    /// The statement of a home for `[from, to)`. What belongs to other homes or spans is left out.
    ///
    /// # Errors
    /// [`Overflow`] when a sum leaves its range.
    pub fn of<'a>(
        home: HomeId,
        from: IntervalStart,
        to: IntervalStart,
        results: impl IntoIterator<Item = &'a HomeResult>,
        corrections: impl IntoIterator<Item = &'a HomeCorrection>,
    ) -> Result<Self, Overflow> {
        let mut statement = Self::empty(home, from, to);
        let inside = |interval: IntervalStart| from <= interval && interval < to;
        for result in results
            .into_iter()
            .filter(|r| r.home == home && inside(r.interval))
        {
            statement.add(result)?;
        }
        for correction in corrections
            .into_iter()
            .filter(|c| c.home == home && inside(c.interval))
        {
            statement.correct(correction)?;
        }
        statement.saved = statement.without_market.less(statement.cost)?;
        Ok(statement)
    }

    fn empty(home: HomeId, from: IntervalStart, to: IntervalStart) -> Self {
        Self {
            home,
            from,
            to,
            intervals: 0,
            excluded: 0,
            substituted: 0,
            bought_local: Leg::default(),
            sold_local: Leg::default(),
            bought_utility: Leg::default(),
            sold_utility: Leg::default(),
            fees: NanoAmount::ZERO,
            corrections: Corrected::default(),
            exported: WattHours::ZERO,
            verified: NetWattHours::ZERO,
            minted: WattHours::ZERO,
            credited: WattHours::ZERO,
            cost: NanoAmount::ZERO,
            without_market: NanoAmount::ZERO,
            saved: NanoAmount::ZERO,
        }
    }

    fn add(&mut self, result: &HomeResult) -> Result<(), Overflow> {
        let Some(energy) = result.energy else {
            self.excluded = self.excluded.saturating_add(1);
            return Ok(());
        };
        self.intervals = self.intervals.saturating_add(1);
        self.substituted = self
            .substituted
            .saturating_add(u32::from(energy.substituted));
        if let Some(row) = result.order {
            // The amount has the fee in it: a buyer's − (value + fee), a seller's value − fee.
            let value = row.amount.plus(row.fee)?;
            match row.side {
                Side::Bid => self
                    .bought_local
                    .add(row.fill, NanoAmount::ZERO.less(value)?)?,
                Side::Ask => self.sold_local.add(row.fill, value)?,
            }
            self.fees = self.fees.plus(row.fee)?;
        }
        self.bought_utility
            .add(result.residual_import, result.utility_charge)?;
        self.sold_utility
            .add(result.residual_export, result.utility_payment()?)?;
        self.exported = self.exported.plus(energy.export)?;
        self.verified = self
            .verified
            .plus(result.verified.minus(WattHours::ZERO)?)?;
        self.minted = self.minted.plus(result.minted)?;
        self.credited = self.credited.plus(result.credited)?;
        self.cost = self.cost.plus(result.cost()?)?;
        self.without_market = self.without_market.plus(result.without_market)?;
        Ok(())
    }

    fn correct(&mut self, correction: &HomeCorrection) -> Result<(), Overflow> {
        let sum = &mut self.corrections;
        sum.import = sum.import.plus(correction.import)?;
        sum.export = sum.export.plus(correction.export)?;
        sum.bill = sum.bill.plus(correction.bill)?;
        let exported = self
            .exported
            .get()
            .checked_add_signed(correction.export.get());
        self.exported = exported
            .map(WattHours::new)
            .ok_or(Overflow { unit: "Wh" })?;
        self.verified = self.verified.plus(correction.verified)?;
        self.minted = self.minted.plus(correction.minted)?;
        // The utility would have charged the same without the market.
        self.cost = self.cost.plus(correction.bill)?;
        self.without_market = self.without_market.plus(correction.bill)?;
        Ok(())
    }
}

impl Leg {
    fn add(&mut self, energy: WattHours, amount: NanoAmount) -> Result<(), Overflow> {
        self.energy = self.energy.plus(energy)?;
        self.amount = self.amount.plus(amount)?;
        Ok(())
    }
}

/// What happened to a home in an interval and why, in plain sentences.
#[must_use]
pub fn reasons(result: &HomeResult) -> Vec<String> {
    let Some(energy) = result.energy else {
        return vec![
            match result.excluded {
                Some(Excluded::ImplausibleEnergy) => {
                    "The meter reported more energy than a home can use or feed in, so the interval was left out until the meter has been looked at."
                }
                _ => {
                    "No meter reading had arrived in time, so the home had no part in this interval. Its energy follows as a correction at the utility's price."
                }
            }
            .to_owned(),
        ];
    };
    let mut sentences = Vec::new();
    sentences.extend(result.limits.as_ref().map(|limits| limits.reason.clone()));
    sentences.extend(preferred(result));
    sentences.extend(result.direct.iter().map(|trade| named(result, trade)));
    sentences.extend(trade(result));
    if !result.direct.is_empty() {
        sentences.push(format!(
            "Paid a fee of {} to the grid operator for all that was traded locally.",
            money(result.fee)
        ));
    }
    if result.cut == Some(CutReason::Funds) {
        sentences.push(
            "The money available did not cover the whole need at the home's price, so only part of it was offered to the street."
                .to_owned(),
        );
    }
    if result.residual_import > WattHours::ZERO {
        sentences.push(format!(
            "The utility supplied {} at its retail price.",
            kwh(result.residual_import)
        ));
    }
    if result.residual_export > WattHours::ZERO {
        sentences.push(format!(
            "The utility took {} at its feed-in price.",
            kwh(result.residual_export)
        ));
    }
    let overlap = energy.import.min(energy.export);
    if overlap > WattHours::ZERO {
        sentences.push(format!(
            "{} of each was both taken and fed in within the interval; the utility settles that part.",
            kwh(overlap)
        ));
    }
    if result.verified < energy.export {
        sentences.push(format!(
            "Of {} fed in, {} counts as the home's own generation and carries energy tokens.",
            kwh(energy.export),
            kwh(result.verified)
        ));
    }
    if energy.substituted {
        sentences.push("A meter reading at the edge of the interval was missing and was estimated from its neighbours.".to_owned());
    }
    sentences
}

/// What the home would have paid more for energy of an origin.
fn preferred(result: &HomeResult) -> Option<String> {
    let (row, limits) = (result.order?, result.limits.as_ref()?);
    let pays_more = row.side == Side::Bid && row.limit > limits.buy_below;
    pays_more.then(|| {
        format!(
            "Buys up to {} a kWh if the energy comes from where the home wishes.",
            decimal(row.limit.get())
        )
    })
}

/// A trade with a home that named this one, or was named by it.
fn named(result: &HomeResult, trade: &DirectTrade) -> String {
    let (energy, home) = (kwh(trade.quantity), trade.with);
    let sells = result.order.is_some_and(|row| row.side == Side::Ask);
    match (trade.kind, sells) {
        (BilateralKind::Gift, true) => format!("Gave {energy} to home {home}."),
        (BilateralKind::Gift, false) => format!("Got {energy} from home {home} as a gift."),
        (BilateralKind::Partner, true) => format!(
            "Sold {energy} to home {home}, a partner, at {} a kWh.",
            decimal(trade.price.get())
        ),
        (BilateralKind::Partner, false) => format!(
            "Bought {energy} from home {home}, a partner, at {} a kWh.",
            decimal(trade.price.get())
        ),
    }
}

/// What the rest of the order traded on the street.
fn trade(result: &HomeResult) -> Option<String> {
    let row = result.order?;
    let filled = row.filled_in_auction().ok()?;
    let wanted = row.quantity.saturating_less(row.filled_direct().ok()?);
    if wanted == WattHours::ZERO {
        return None;
    }
    if filled > WattHours::ZERO {
        let done = match row.side {
            Side::Bid => "Bought",
            Side::Ask => "Sold",
        };
        let energy = if filled == wanted {
            kwh(filled)
        } else {
            format!("{} of {}", kwh(filled), kwh(wanted))
        };
        let price = price(result, &row, filled)?;
        let fee = if result.direct.is_empty() {
            format!(
                ", and paid a fee of {} to the grid operator",
                money(row.fee)
            )
        } else {
            String::new()
        };
        return Some(format!("{done} {energy} on the street at {price}{fee}."));
    }
    let side = match row.side {
        Side::Bid => "buy",
        Side::Ask => "sell",
    };
    Some(match result.clearing_price {
        Some(price) => format!(
            "Offered to {side} {}; the street's price of {} a kWh was outside the home's limit.",
            kwh(wanted),
            decimal(price.get())
        ),
        None => format!(
            "Offered to {side} {}; nobody on the street was on the other side at such a price.",
            kwh(wanted)
        ),
    })
}

/// The price of what was traded on the street: the zone's, or the home's own average where not
/// everybody trades at one.
fn price(result: &HomeResult, row: &OrderRow, filled: WattHours) -> Option<String> {
    if let Some(price) = result.clearing_price {
        return Some(format!("{} a kWh", decimal(price.get())));
    }
    let value = row.value_in_auction().ok()?.get().checked_abs()?;
    let wh = i64::try_from(filled.get()).ok()?;
    let average = value.checked_div(wh)?;
    let about = if value.checked_rem(wh) == Some(0) {
        ""
    } else {
        "about "
    };
    Some(format!("{about}{} a kWh", decimal(average)))
}

/// Energy in kWh, exact.
pub(crate) fn kwh(energy: WattHours) -> String {
    let wh = energy.get();
    format!("{}.{:03} kWh", wh.div_euclid(1_000), wh.rem_euclid(1_000))
}

/// Money in whole currency, exact, without needless zeros.
pub(crate) fn money(amount: NanoAmount) -> String {
    let nano = amount.get().unsigned_abs();
    let sign = if amount.get() < 0 { "-" } else { "" };
    let digits = format!("{:09}", nano.rem_euclid(1_000_000_000));
    let (cents, finer) = digits.split_at(2);
    format!(
        "{sign}{}.{cents}{}",
        nano.div_euclid(1_000_000_000),
        finer.trim_end_matches('0')
    )
}
