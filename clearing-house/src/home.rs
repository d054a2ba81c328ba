//! What an interval takes from each home, and what it makes of it.

use energy_core::{
    Hash, HomeId, IntervalStart, MeterId, MicroPricePerKwh, NanoAmount, Overflow, Side, WattHours,
};
use market_engine::agent::Limits;
use market_engine::preference::BilateralKind;
use serde::{Deserialize, Serialize};

use crate::account::HomeAccount;
use crate::funds::CutReason;
use crate::metering::IntervalEnergy;
use crate::order_row::OrderRow;
use crate::preference::PricePreference;
use crate::wishes::Wishes;

/// The last reading that a home's settled energy rests on: what its evidence leaf names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// Sequence of the connection-point meter's reading.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

/// One home in one interval, before it is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeInput {
    /// Which home.
    pub home: HomeId,
    /// Its connection-point meter.
    pub meter: MeterId,
    /// Its standing price preference.
    pub preference: PricePreference,
    /// What else it wishes for.
    pub wishes: Wishes,
    /// What it took and fed in; none when that is not known by the cutoff.
    pub energy: Option<IntervalEnergy>,
    /// Wh generated since its enrolment, at the interval's end; the newest known value if that one is
    /// missing, none when nothing is known.
    pub generated_so_far: Option<WattHours>,
    /// Whether a generation meter is installed.
    pub has_generation_meter: bool,
    /// Whether a battery is installed.
    pub has_battery: bool,
    /// State of charge at the interval's end, 0 to 1000.
    pub soc_permille: Option<u16>,
    /// Deposits less withdrawals at chain finality, less open withdrawal requests. Cash from the
    /// ledger and the zone's credit limit are added inside.
    pub escrow: NanoAmount,
    /// The last reading behind `energy`.
    pub closing: Option<Closing>,
}

/// Why a home had no part in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excluded {
    /// Its energy was not known by the cutoff. It follows as a correction when it comes.
    NoReadings,
    /// More than a home can move in an interval: the meter must be looked at.
    ImplausibleEnergy,
}

/// A trade of a home with another one that it named, or that named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectTrade {
    /// With whom.
    pub with: HomeId,
    /// A gift, or a trade of partners.
    pub kind: BilateralKind,
    /// How much.
    pub quantity: WattHours,
    /// The price between the two, before fees; 0 for a gift.
    pub price: MicroPricePerKwh,
}

/// One home in one interval, settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeResult {
    /// Which home.
    pub home: HomeId,
    /// Which interval.
    pub interval: IntervalStart,
    /// What it took and fed in; none when it had no part.
    pub energy: Option<IntervalEnergy>,
    /// Why it had no part.
    pub excluded: Option<Excluded>,
    /// The reading that closes the interval.
    pub closing: Option<Closing>,
    /// The prices that stood for it, with the reason; none when it had no part.
    pub limits: Option<Limits>,
    /// Its order and what became of it; none without surplus or need, or when it was cut to nothing.
    pub order: Option<OrderRow>,
    /// What of it was traded with named homes, in the order in which it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub direct: Vec<DirectTrade>,
    /// Why the order is smaller than the surplus or need.
    pub cut: Option<CutReason>,
    /// The zone's clearing price, none without trade or where not everybody traded at one.
    pub clearing_price: Option<MicroPricePerKwh>,
    /// Supplied by the utility.
    pub residual_import: WattHours,
    /// Taken by the utility.
    pub residual_export: WattHours,
    /// What the utility charges for `residual_import`.
    pub utility_charge: NanoAmount,
    /// What it pays the utility (+) or gets from it (−) at the tariff, outside the chain.
    pub utility_bill: NanoAmount,
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

impl HomeResult {
    /// The result of a home that had no part.
    pub(crate) fn left_out(
        account: HomeAccount,
        interval: IntervalStart,
        why: Excluded,
        clearing_price: Option<MicroPricePerKwh>,
    ) -> Self {
        let (wh, nothing) = (WattHours::ZERO, NanoAmount::ZERO);
        Self {
            home: account.home,
            interval,
            energy: None,
            excluded: Some(why),
            closing: None,
            limits: None,
            order: None,
            direct: Vec::new(),
            cut: None,
            clearing_price,
            residual_import: wh,
            residual_export: wh,
            utility_charge: nothing,
            utility_bill: nothing,
            cash: nothing,
            fee: nothing,
            without_market: nothing,
            verified: wh,
            minted: wh,
            credited: wh,
            account,
        }
    }

    /// What the utility pays for `residual_export`.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn utility_payment(&self) -> Result<NanoAmount, Overflow> {
        self.utility_charge.less(self.utility_bill)
    }

    /// How much of its order was traded, nothing without one.
    #[must_use]
    pub fn traded(&self, side: Side) -> WattHours {
        self.order
            .filter(|row| row.side == side)
            .map_or(WattHours::ZERO, |row| row.fill)
    }

    /// What the interval cost the home (+) or earned it (−), market, fees and utility together.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn cost(&self) -> Result<NanoAmount, Overflow> {
        self.utility_bill.less(self.cash)
    }
}
