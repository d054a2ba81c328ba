//! What the pages and the API show, as plain values.
//!
//! These are the outer twins of the store's rows: a view takes facts and gives a picture, so every
//! view can be tested without a database. Nothing is computed here.

use clearing_house::Tariff;
use energy_core::{
    Address, Hash, HomeId, IntervalLength, IntervalStart, MeterId, MicroPricePerKwh,
};
use energy_core::{NanoAmount, Order, Side, WattHours, Watts, ZoneId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The market area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneFacts {
    /// Its id.
    pub zone: ZoneId,
    /// The length of its intervals.
    pub interval: IntervalLength,
    /// What the utility charges and pays per kWh, over time.
    pub tariff: Tariff,
    /// What a buyer pays the grid operator per kWh bought locally.
    pub buyer_fee: MicroPricePerKwh,
    /// What a seller pays the grid operator per kWh sold locally.
    pub seller_fee: MicroPricePerKwh,
    /// What the zone guarantees to each home beyond its own funds.
    pub credit_limit: NanoAmount,
}

/// A home's standing price preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceRule {
    /// The automatic agent, buying as low as it can.
    Cheap,
    /// The automatic agent, in the middle.
    Balanced,
    /// The automatic agent, trading locally as often as it can.
    Green,
    /// The home's own numbers, all-in (fees included).
    Own {
        /// Sell locally above this.
        sell_above: MicroPricePerKwh,
        /// Buy locally below this.
        buy_below: MicroPricePerKwh,
    },
}

/// One home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeFacts {
    /// Which one.
    pub home: HomeId,
    /// What its people call it.
    pub name: String,
    /// Its account on the chain.
    pub address: Option<Address>,
    /// Whether it has a generation meter.
    pub has_pv: bool,
    /// Whether it has a battery.
    pub has_battery: bool,
    /// Its price preference.
    pub rule: PriceRule,
    /// Rises by one with every change of the preference: the optimistic lock.
    pub rule_version: i64,
}

/// The newest live values of one home. Absent values are absent, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveFacts {
    /// Which home.
    pub home: HomeId,
    /// When they were read, milliseconds UTC of grid time.
    pub time_ms: i64,
    /// Power at the connection point, + when taken from the grid.
    pub power: Option<Watts>,
    /// PV power, never negative.
    pub pv: Option<Watts>,
    /// State of charge, 0 to 1000 ‰.
    pub soc_permille: Option<u16>,
}

/// How far an interval has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IntervalState {
    /// It is running.
    Open,
    /// It has ended, readings are coming in.
    Delivered,
    /// Every home's energy is known or given up.
    Metered,
    /// The market has been cleared and booked.
    Cleared,
    /// It is in a settlement batch on the chain.
    Settled,
    /// That batch is final.
    Final,
}

impl IntervalState {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Delivered => "delivered",
            Self::Metered => "metered",
            Self::Cleared => "cleared",
            Self::Settled => "settled",
            Self::Final => "final",
        }
    }
}

/// One interval of the whole zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntervalFacts {
    /// Its start.
    pub start: IntervalStart,
    /// How far it has come.
    pub state: IntervalState,
    /// The clearing price, none without trade or where not everybody traded at one.
    pub price: Option<MicroPricePerKwh>,
    /// The lowest valid price.
    pub price_lo: Option<MicroPricePerKwh>,
    /// The highest valid price.
    pub price_hi: Option<MicroPricePerKwh>,
    /// Energy traded between homes.
    pub traded: WattHours,
    /// Energy the homes had from the utility.
    pub from_utility: WattHours,
    /// Energy the utility took from the homes.
    pub to_utility: WattHours,
    /// What all homes together paid less than with the utility alone.
    pub saved: NanoAmount,
    /// How many homes took part.
    pub homes: u32,
    /// The settlement batch that holds it.
    pub batch: Option<u64>,
}

/// One home in one interval: a statement line with everything that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeIntervalFacts {
    /// Which home.
    pub home: HomeId,
    /// Which interval.
    pub start: IntervalStart,
    /// How far the interval has come.
    pub state: IntervalState,
    /// Register difference, taken from the grid; none when the home had no data.
    pub import: Option<WattHours>,
    /// Register difference, fed into the grid; none when the home had no data.
    pub export: Option<WattHours>,
    /// Whether a boundary reading was interpolated.
    pub substituted: bool,
    /// Its order, none when it had nothing to trade.
    pub order: Option<OrderFacts>,
    /// Energy had from the utility.
    pub from_utility: WattHours,
    /// Energy the utility took.
    pub to_utility: WattHours,
    /// What the home pays the utility for its rest (negative: is paid).
    pub bill: NanoAmount,
    /// What the same energy would have cost with the utility alone (negative: would have been paid).
    pub without_market: NanoAmount,
    /// Energy tokens minted for verified export.
    pub minted: WattHours,
    /// Energy tokens credited for local purchases.
    pub credited: WattHours,
    /// One sentence: why these limits.
    pub reason: String,
    /// One sentence: why the order was cut, if it was.
    pub cut: Option<String>,
    /// The settlement batch that holds it.
    pub batch: Option<u64>,
}

/// An order and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderFacts {
    /// Buys or sells.
    pub side: Side,
    /// How much was offered.
    pub quantity: WattHours,
    /// The home's all-in limit.
    pub limit: MicroPricePerKwh,
    /// The price in the book.
    pub price: MicroPricePerKwh,
    /// How much was filled.
    pub fill: WattHours,
    /// Money for it, fees included: + received, − paid.
    pub amount: NanoAmount,
    /// The fee in it.
    pub fee: NanoAmount,
}

impl HomeIntervalFacts {
    /// What the home was filled with on one side.
    #[must_use]
    pub fn filled(&self, side: Side) -> WattHours {
        self.order
            .filter(|o| o.side == side)
            .map_or(WattHours::ZERO, |o| o.fill)
    }

    /// What the interval cost the home in all: the utility's bill less what the market paid.
    #[must_use]
    pub fn cost(&self) -> NanoAmount {
        let amount = self.order.map_or(0, |o| o.amount.get());
        NanoAmount::new(self.bill.get().saturating_sub(amount))
    }

    /// What the home paid less than with the utility alone.
    #[must_use]
    pub fn saved(&self) -> NanoAmount {
        NanoAmount::new(self.without_market.get().saturating_sub(self.cost().get()))
    }
}

/// A home's account at one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountFacts {
    /// The settlement batch this is the state of.
    pub batch: Option<u64>,
    /// Energy tokens in Wh: credited less retired, in the account and in the wallet.
    #[schema(example = 12_345)]
    pub energy_wh: i64,
    /// Money in nano-currency: (deposited − withdrawn) × 1000 + cash.
    #[schema(example = 25_000_000_000_i64)]
    pub money_nano: i64,
}

/// A home's balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceFacts {
    /// At the newest settlement batch that is final.
    pub at_final: AccountFacts,
    /// At the newest settlement batch synced to the chain.
    pub at_synced: AccountFacts,
    /// What can be spent on local energy now.
    pub free_funds: NanoAmount,
}

/// The health of one meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterFacts {
    /// Which one.
    pub meter: MeterId,
    /// Whose.
    pub home: HomeId,
    /// What it does: connection point, generation, storage.
    pub role: String,
    /// The newest accepted reading, milliseconds UTC of grid time.
    pub last_seen_ms: Option<i64>,
    /// Boundary readings of the last day.
    pub boundaries: u64,
    /// Boundary readings of the last day that are missing.
    pub gaps: u64,
    /// Readings refused.
    pub refused: u64,
    /// The reason of the newest refusal.
    pub refused_reason: Option<String>,
    /// The device's newest error, if its newest poll failed.
    pub error: Option<String>,
    /// Whether it is frozen after an equivocation.
    pub frozen: bool,
}

/// One settlement batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchFacts {
    /// Its number.
    pub number: u64,
    /// The end of the newest interval in it.
    pub settled_to: IntervalStart,
    /// The header hash on the chain.
    pub root: Hash,
    /// How far it has come: building, proposed, pending, final, …
    pub state: String,
    /// Whether its window has passed without a proof.
    pub is_final: bool,
    /// Gas its proposal used.
    pub gas: Option<u64>,
    /// The transaction.
    pub tx: Option<Hash>,
}

/// Meters, ledger and chain for one interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFacts {
    /// Which zone.
    pub zone: ZoneId,
    /// Which interval.
    pub start: IntervalStart,
    /// How far it has come.
    pub state: IntervalState,
    /// Lifetime verified energy up to the interval's end, from the stored signed readings, in Wh.
    pub metered_wh: i64,
    /// Minted less carry in the journal, in Wh.
    pub ledger_wh: i64,
    /// Minted less carry of the final batch that ends there, in Wh.
    pub chain_wh: Option<i64>,
    /// The largest difference between any two of the three, in Wh.
    pub energy_difference_wh: i64,
    /// Journal cash less chain cash, in nano-currency.
    pub cash_difference_nano: i64,
}

/// The book of one interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookFacts {
    /// Which interval.
    pub start: IntervalStart,
    /// Its orders.
    pub orders: Vec<Order>,
    /// The clearing price.
    pub price: Option<MicroPricePerKwh>,
    /// The lowest valid price.
    pub price_lo: Option<MicroPricePerKwh>,
    /// The highest valid price.
    pub price_hi: Option<MicroPricePerKwh>,
    /// Energy traded.
    pub traded: WattHours,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreFacts {
    /// `SQLite` and its file, or the server.
    pub engine: String,
    /// Which life of the store.
    pub epoch: u64,
    /// Readings kept.
    pub readings: u64,
    /// Reading batches kept.
    pub reading_batches: u64,
}

/// What somebody may do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sees its own home.
    Household(HomeId),
    /// Sees the zone.
    Operator,
    /// Sees anonymous aggregates.
    Researcher,
}

/// Somebody who can log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFacts {
    /// The log-in name.
    pub login: String,
    /// What they may do.
    pub role: Role,
    /// The argon2id hash of the password, as a PHC string.
    pub password_hash: String,
}
