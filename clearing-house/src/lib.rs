//! The rules around the market: what counts as a reading, what a home used and fed in, who can pay,
//! who owes whom, which tokens exist, and whether it all adds up.
//!
//! Pure functions over integers: no clock, no randomness, no I/O, no map whose order could differ.
//! [`settle_interval`] is the whole interval as one function from the ledger before and what each home
//! measured to the ledger after; the node calls it with stored readings, the simulator on a virtual
//! clock.
//!
//! Invariants, checked at run time in every build: the lines of a journal entry sum to zero for each
//! asset; every clearing passes the checker; verified = minted − carry.
//!
//! ```
//! use clearing_house::{
//!     Fees, HomeInput, IntervalEnergy, Ledger, PricePreference, Tariff, ZoneRules, settle_interval,
//! };
//! use energy_core::{HomeId, IntervalLength, MeterId, MicroPricePerKwh, NanoAmount, WattHours, ZoneId};
//!
//! let price = MicroPricePerKwh::new;
//! let rules = ZoneRules {
//!     zone: ZoneId::new("elm-street")?,
//!     interval: IntervalLength::QUARTER_HOUR,
//!     tariff: Tariff { retail: price(300_000), feed_in: price(80_000) },
//!     fees: Fees { buyer: price(5_000), seller: price(5_000) },
//!     k_ppm: 500_000,
//!     cutoff_s: 3_600,
//!     credit_limit: NanoAmount::ZERO,
//!     order_secret: [7; 32],
//! };
//! // Home 1 fed in 500 Wh, home 2 used 400 Wh and has 10 in escrow.
//! let home = |n: u32, import, export| HomeInput {
//!     home: HomeId::new(n),
//!     meter: MeterId::derived("meter", &n.to_be_bytes()),
//!     preference: PricePreference::default(),
//!     energy: Some(IntervalEnergy { import: WattHours::new(import), export: WattHours::new(export), substituted: false }),
//!     generated_so_far: None,
//!     has_generation_meter: false,
//!     has_battery: false,
//!     soc_permille: None,
//!     escrow: NanoAmount::new(10_000_000_000),
//!     closing: None,
//! };
//! let interval = IntervalLength::QUARTER_HOUR.start_at(1_781_514_000)?;
//! let outcome = settle_interval(&rules, interval, &Ledger::default(), &[home(1, 0, 500), home(2, 400, 0)])?;
//!
//! let seller = &outcome.homes[0];
//! let order = seller.order.expect("it had something to sell");
//! assert_eq!(order.fill, WattHours::new(400));
//! assert_eq!(seller.residual_export, WattHours::new(100));
//! // Both are better off than with the utility alone.
//! assert!(outcome.homes.iter().all(|h| h.cost().expect("small") < h.without_market));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

pub mod accept;
mod account;
pub mod audit;
pub mod corrections;
pub mod funds;
mod home;
mod journal;
pub mod metering;
mod offers;
mod order_row;
mod posting;
mod preference;
mod rules;
mod settle;
pub mod state;
pub mod statement;
pub mod tokens;
mod verified;

pub use account::{Account, HomeAccount, Ledger};
pub use funds::CutReason;
pub use home::{Closing, Excluded, HomeInput, HomeResult};
pub use journal::{Asset, JournalEntry, JournalError, JournalLine, LineKind};
pub use market_engine::agent::{Limits, Mode};
pub use metering::{BoundaryReading, IntervalEnergy};
pub use order_row::{OrderRow, order_rows_tree};
pub use preference::{PreferenceError, PricePreference, decimal, parse_price};
pub use rules::{ENERGY_WH_MAX, Fees, PRICE_MICRO_MAX, RulesError, Tariff, ZoneRules};
pub use settle::{IntervalOutcome, SettleError, settle_interval};
pub use verified::verified_series;
