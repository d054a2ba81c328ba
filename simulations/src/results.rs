//! What a run leaves behind, row by row. Units and order as in `scenarios/README.md`.

use energy_core::Side;

/// One interval of the street.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalRow {
    /// Start, seconds since 1970 UTC.
    pub start_s: i64,
    /// Σ net imports of the homes, Wh.
    pub need_wh: u64,
    /// Σ net exports of the homes, Wh.
    pub surplus_wh: u64,
    /// Traded locally, Wh.
    pub traded_wh: u64,
    /// Clearing price, none without trade.
    pub price_micro: Option<i64>,
    /// The lowest valid price, if bounded.
    pub price_lo_micro: Option<i64>,
    /// The highest valid price, if bounded.
    pub price_hi_micro: Option<i64>,
    /// Orders to buy.
    pub bids: u32,
    /// Orders to sell.
    pub asks: u32,
    /// The grid operator's fees, 10⁻⁹ currency.
    pub fees_nano: i64,
    /// Energy tokens minted, Wh.
    pub minted_wh: u64,
}

/// One home in one interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeIntervalRow {
    /// Start, seconds since 1970 UTC.
    pub start_s: i64,
    /// Which home.
    pub home: u32,
    /// Taken from the grid, Wh.
    pub import_wh: u64,
    /// Fed into the grid, Wh.
    pub export_wh: u64,
    /// Bought locally, Wh.
    pub bought_wh: u64,
    /// Sold locally, Wh.
    pub sold_wh: u64,
    /// From (+) or to (−) the market, fees included, 10⁻⁹ currency.
    pub cash_nano: i64,
    /// The fee inside it.
    pub fee_nano: i64,
    /// To (+) or from (−) the utility.
    pub utility_bill_nano: i64,
    /// What the utility alone would have charged (+) or paid (−).
    pub without_market_nano: i64,
    /// Export verified as local generation, Wh.
    pub verified_wh: u64,
    /// Tokens credited as a buyer, Wh.
    pub credited_wh: u64,
    /// Its order was cut to what it can pay.
    pub was_cut: bool,
}

/// One home over the whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeRow {
    /// Which home.
    pub home: u32,
    /// Its name.
    pub name: String,
    /// What it has, in words.
    pub kind: String,
    /// Peak power of the roof, W.
    pub pv_peak_w: u32,
    /// Capacity of the battery, Wh.
    pub battery_wh: u32,
    /// Its price preference.
    pub preference: String,
    /// What it paid in, 10⁻⁶ currency.
    pub deposit_units: u64,
    /// Used, Wh.
    pub load_wh: u64,
    /// Generated, Wh.
    pub pv_wh: u64,
    /// Taken from the grid, Wh.
    pub import_wh: u64,
    /// Fed into the grid, Wh.
    pub export_wh: u64,
    /// Bought locally, Wh.
    pub bought_wh: u64,
    /// Sold locally, Wh.
    pub sold_wh: u64,
    /// What it paid in the end, 10⁻⁹ currency.
    pub cost_nano: i64,
    /// What it would have paid to the utility alone.
    pub without_market_nano: i64,
    /// The difference.
    pub saving_nano: i64,
    /// Intervals in which its order was cut to what it can pay.
    pub cut_intervals: u32,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillRow {
    /// Start, seconds since 1970 UTC.
    pub start_s: i64,
    /// Whose.
    pub home: u32,
    /// Buys or sells.
    pub side: Side,
    /// How much, Wh.
    pub quantity_wh: u64,
    /// All-in limit, 10⁻⁶ currency per kWh.
    pub limit_micro: i64,
    /// Price in the book, 10⁻⁶ currency per kWh.
    pub price_micro: i64,
    /// Filled, Wh.
    pub fill_wh: u64,
    /// Received (+) or paid (−), 10⁻⁹ currency.
    pub amount_nano: i64,
    /// The fee inside it.
    pub fee_nano: i64,
}

/// All rows of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Results {
    /// By start.
    pub intervals: Vec<IntervalRow>,
    /// By home.
    pub homes: Vec<HomeRow>,
    /// By start, then home.
    pub home_intervals: Vec<HomeIntervalRow>,
    /// By start, then home.
    pub fills: Vec<FillRow>,
    /// What does not add up, summed over all checks of conservation: see [`crate::conservation`].
    pub differences: crate::conservation::Differences,
}
