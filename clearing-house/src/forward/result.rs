//! What a forward interval takes from each home after delivery, and what it makes of it.

use energy_core::{
    HomeId, IntervalStart, MicroPricePerKwh, NanoAmount, OrderId, Overflow, Side, WattHours,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::imbalance::{ImbalancePrices, Shortage};
use super::order::ForwardOrderId;
use crate::account::{HomeAccount, Ledger};
use crate::corrections::Settled;
use crate::home::{Closing, Excluded};
use crate::journal::JournalEntry;
use crate::metering::IntervalEnergy;
use crate::rules::ENERGY_WH_MAX;

/// One home in one forward interval, after delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Which home.
    pub home: HomeId,
    /// What it took and fed in; none when that is not known by the cutoff.
    pub energy: Option<IntervalEnergy>,
    /// Wh generated since its enrolment, at the interval's end; the newest known value if that one is
    /// missing, none when nothing is known.
    pub generated_so_far: Option<WattHours>,
    /// Whether a generation meter is installed.
    pub has_generation_meter: bool,
    /// Whether a battery is installed.
    pub has_battery: bool,
    /// The last reading behind `energy`.
    pub closing: Option<Closing>,
}

impl Delivery {
    /// The energy that counts, or why there is none.
    ///
    /// # Errors
    /// [`Excluded`].
    pub fn usable(&self) -> Result<IntervalEnergy, Excluded> {
        match self.energy {
            None => Err(Excluded::NoReadings),
            Some(energy) if energy.import.max(energy.export).get() > ENERGY_WH_MAX => {
                Err(Excluded::ImplausibleEnergy)
            }
            Some(energy) => Ok(energy),
        }
    }
}

/// One order in one interval, settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct ForwardRow {
    /// Its name in the book.
    #[n(0)]
    pub order: OrderId,
    /// Buys or sells.
    #[n(1)]
    pub side: Side,
    /// How much was in the book.
    #[n(2)]
    pub quantity: WattHours,
    /// The home's all-in limit inside the tariff.
    #[n(3)]
    pub limit: MicroPricePerKwh,
    /// The price at which it entered the book.
    #[n(4)]
    pub price: MicroPricePerKwh,
    /// How much of it was traded.
    #[n(5)]
    pub traded: WattHours,
    /// How much of that was delivered or used.
    #[n(6)]
    pub performed: WattHours,
    /// How much of that went from home to home.
    #[n(7)]
    pub allocated: WattHours,
    /// Money received (+) or paid (−) for what was allocated, fee included.
    #[n(8)]
    pub amount: NanoAmount,
    /// The grid operator's fee inside that amount, not negative.
    #[n(9)]
    pub fee: NanoAmount,
    /// Received (+) or paid (−) for the imbalance, in the utility's bill.
    #[n(10)]
    pub imbalance: NanoAmount,
    /// Energy tokens credited to the buyer.
    #[n(11)]
    pub credited: WattHours,
}

/// One home in one forward interval, settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardHome {
    /// Which home.
    pub home: HomeId,
    /// Which interval.
    pub interval: IntervalStart,
    /// What it took and fed in; none when that was not known by the cutoff.
    pub energy: Option<IntervalEnergy>,
    /// Why it counts as having performed nothing.
    pub excluded: Option<Excluded>,
    /// The reading that closes the interval.
    pub closing: Option<Closing>,
    /// Its orders, by their forward order, and what became of them.
    pub orders: Vec<(ForwardOrderId, ForwardRow)>,
    /// The interval's clearing price, none without trade.
    pub clearing_price: Option<MicroPricePerKwh>,
    /// Supplied by the utility.
    pub residual_import: WattHours,
    /// Taken by the utility.
    pub residual_export: WattHours,
    /// What it pays the utility (+) or gets from it (−) for that at the tariff.
    pub utility_bill: NanoAmount,
    /// What it gets (+) or pays (−) for the imbalance, in the utility's bill.
    pub imbalance: NanoAmount,
    /// What it gets from the market (+) or pays into it (−), fees included.
    pub cash: NanoAmount,
    /// The grid operator's fee inside `cash`.
    pub fee: NanoAmount,
    /// What the same energy would have cost (+) or earned (−) with the utility alone.
    pub without_market: NanoAmount,
    /// Export verified as local generation.
    pub verified: WattHours,
    /// Tokens minted on it.
    pub minted: WattHours,
    /// Tokens credited to this home as a buyer.
    pub credited: WattHours,
    /// Its account after the interval.
    pub account: HomeAccount,
}

impl ForwardHome {
    /// What the interval cost the home (+) or earned it (−), everything together.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn cost(&self) -> Result<NanoAmount, Overflow> {
        self.utility_bill.less(self.imbalance)?.less(self.cash)
    }

    /// A sum over its orders on one side.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn sum(
        &self,
        side: Side,
        of: impl Fn(&ForwardRow) -> WattHours,
    ) -> Result<WattHours, Overflow> {
        let rows = self.orders.iter().map(|(_, row)| row);
        WattHours::sum(rows.filter(|row| row.side == side).map(of))
    }

    /// Traded and not performed.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn short(&self) -> Result<WattHours, Overflow> {
        let rows = self.orders.iter().map(|(_, row)| row);
        WattHours::sum(rows.map(|row| row.traded.saturating_less(row.performed)))
    }

    /// What stands for the home, for [`crate::corrections::due`]: what comes later is a difference to
    /// this, with the utility.
    #[must_use]
    pub fn settled(&self) -> Settled {
        let energy = self.energy;
        Settled {
            interval: self.interval,
            version: 1,
            import: energy.map_or(WattHours::ZERO, |energy| energy.import),
            export: energy.map_or(WattHours::ZERO, |energy| energy.export),
        }
    }
}

/// A settled forward interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardOutcome {
    /// Which interval.
    pub interval: IntervalStart,
    /// What became of the book, by order id.
    pub rows: Vec<ForwardRow>,
    /// Every home that was given or has an order, by home.
    pub homes: Vec<ForwardHome>,
    /// What the homes measured, together.
    pub shortage: Shortage,
    /// What falling short cost; none without trade.
    pub imbalance: Option<ImbalancePrices>,
    /// The bookings.
    pub entry: JournalEntry,
    /// The ledger after them.
    pub ledger: Ledger,
}
