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
//! | question | answered by |
//! |---|---|
//! | does this reading count? | [`accept`] |
//! | what did a home use and feed in? | [`metering::meter_interval`], from readings at the boundaries |
//! | what does the utility charge and pay then? | [`tariff`]: flat, time-of-use or a series |
//! | can the interval be cleared? | [`state::readiness`] |
//! | who trades with whom, and what does everybody pay? | [`settle_interval`] |
//! | the same where homes trade ahead? | [`forward`] |
//! | what can a home spend? | [`funds`] |
//! | what if data comes late? | [`corrections`] |
//! | what does a household read? | [`statement`] |
//! | does it all add up? | [`audit`] |
//!
//! Units: energy in Wh, prices in 10⁻⁶ currency per kWh, money in 10⁻⁹ currency, time in seconds UTC.
//! Wh × price is money exactly, so no amount is ever rounded.
//!
//! ```
//! use clearing_house::{
//!     Fees, HomeInput, IntervalEnergy, Ledger, Mechanism, PricePreference, Tariff, Wishes, ZoneRules,
//!     settle_interval,
//! };
//! use energy_core::{HomeId, IntervalLength, MeterId, MicroPricePerKwh, NanoAmount, WattHours, ZoneId};
//!
//! let price = MicroPricePerKwh::new;
//! let rules = ZoneRules {
//!     zone: ZoneId::new("elm-street")?,
//!     interval: IntervalLength::QUARTER_HOUR,
//!     tariff: Tariff::flat(price(300_000), price(80_000)),
//!     fees: Fees { buyer: price(5_000), seller: price(5_000) },
//!     mechanism: Mechanism::default(),
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
//!     wishes: Wishes::default(),
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
//!
//! // It adds up, everybody can read why, and the next interval starts from the ledger after this one.
//! clearing_house::audit::check_interval(&Ledger::default(), &outcome)?;
//! let told = clearing_house::statement::reasons(seller).join(" ");
//! assert!(told.contains("Sold 0.400 kWh of 0.500 kWh on the street"), "{told}");
//! let next = interval.next(rules.interval);
//! settle_interval(&rules, next, &outcome.ledger, &[home(1, 0, 200), home(2, 300, 0)])?;
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
pub mod forward;
pub mod funds;
mod home;
mod journal;
mod lines;
mod matching;
pub mod metering;
mod offers;
mod order_row;
mod posting;
mod preference;
mod rules;
pub mod series;
mod settle;
pub mod state;
pub mod statement;
pub mod tariff;
pub mod tokens;
mod verified;
pub mod wishes;

pub use account::{Account, HomeAccount, Ledger};
pub use funds::CutReason;
pub use home::{Closing, DirectTrade, Excluded, HomeInput, HomeResult};
pub use journal::{Asset, JournalEntry, JournalError, JournalLine, LineKind};
pub use market_engine::Fees;
pub use market_engine::agent::{Limits, Mode};
pub use market_engine::mechanism::Mechanism;
pub use market_engine::preference::{BilateralKind, Gift, Partner};
pub use metering::{BoundaryReading, IntervalEnergy};
pub use order_row::{Direct, OrderRow, order_rows_tree};
pub use preference::{PreferenceError, PricePreference, decimal, parse_price};
pub use rules::{ENERGY_WH_MAX, PRICE_MICRO_MAX, RulesError, ZoneRules};
pub use settle::{IntervalOutcome, SettleError, settle_interval};
pub use tariff::{Tariff, TariffPrices};
pub use verified::verified_series;
pub use wishes::{NAMED_HOMES_MAX, Wishes, WishesError};
