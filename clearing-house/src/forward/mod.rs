//! Forward zones: homes trade a quantity before it is delivered, and answer for it afterwards.
//!
//! | step | when | what |
//! |---|---|---|
//! | order | before the gate | [`ForwardBook::submit`], [`amend`](ForwardBook::amend), [`cancel`](ForwardBook::cancel): energy over a span of intervals in one order, cut to what can be paid, which is reserved |
//! | clearing | gate closure | [`clear_forward_interval`]: one book of the interval, call auction, checker |
//! | delivery | the interval | energy flows, meters count |
//! | settlement | all energy known, or the cutoff | [`settle_forward_interval`]: allocation, imbalance, the rest with the utility, tokens, journal |
//!
//! Rules (DESIGN §6): a home performs `d = min(traded, metered)`; the allocated total is
//! `min(Σ d of sellers, Σ d of buyers)`, the longer side reduced ([`allocation`]); traded − allocated is
//! imbalance, priced to the side that fell short ([`imbalance`]). Only what was allocated is paid in
//! cash and carries energy tokens; imbalance and the rest go over the utility's bill.
//!
//! Invariants, each a property test: all flows of an interval sum to zero (buyers, sellers, utility,
//! operator); Σ metered = Σ allocated + the rest with the utility; who performed never pays more or gets
//! less than with the utility alone; a home whose data comes late changes nobody else's entry.
//!
//! Known limits: forward zones clear by the call auction, because shares of a trade are exact only at
//! one price; a home is on one side in an interval. Imbalance is owed in the utility's bill and not
//! covered by reserved funds.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use clearing_house::forward::{
//!     AllocationRule, Delivery, ForwardBook, ForwardOrderId, ForwardRules, ForwardTerms, ImbalanceRule,
//!     SpanLimit, clear_forward_interval, settle_forward_interval,
//! };
//! use clearing_house::{Fees, IntervalEnergy, Ledger, Mechanism, Tariff, ZoneRules};
//! use energy_core::{HomeId, IntervalLength, MicroPricePerKwh, NanoAmount, Side, WattHours, ZoneId};
//!
//! let price = MicroPricePerKwh::new;
//! let rules = ForwardRules {
//!     market: ZoneRules {
//!         zone: ZoneId::new("elm-street")?,
//!         interval: IntervalLength::QUARTER_HOUR,
//!         tariff: Tariff::flat(price(300_000), price(80_000)),
//!         fees: Fees { buyer: price(5_000), seller: price(5_000) },
//!         mechanism: Mechanism::default(),
//!         k_ppm: 500_000,
//!         cutoff_s: 3_600,
//!         credit_limit: NanoAmount::ZERO,
//!         order_secret: [7; 32],
//!     },
//!     gate_closure_s: 1_800,
//!     allocation: AllocationRule::ProRata,
//!     imbalance: ImbalanceRule::Utility,
//! };
//!
//! // At nine, home 1 sells 500 Wh in each of two quarters of an hour, home 2 buys as much.
//! let noon = IntervalLength::QUARTER_HOUR.start_at(1_781_524_800)?;
//! let nine = noon.seconds() - 3 * 3_600;
//! let order = |home| ForwardOrderId { home: HomeId::new(home), number: 1 };
//! let terms = |limit| ForwardTerms {
//!     start: noon,
//!     quantities: vec![WattHours::new(500); 2],
//!     limit: SpanLimit::One(price(limit)),
//! };
//! let funds = NanoAmount::new(10_000_000_000);
//! let mut book = ForwardBook::default();
//! book.submit(&rules, nine, order(1), Side::Ask, &terms(100_000), NanoAmount::ZERO)?;
//! book.submit(&rules, nine, order(2), Side::Bid, &terms(250_000), funds)?;
//!
//! // Half an hour before noon the first gate closes; the second quarter could still be changed.
//! let now = rules.gate_of(noon);
//! let funds = BTreeMap::from([(HomeId::new(2), funds)]);
//! let cleared = clear_forward_interval(&rules, noon, now, &book, &funds)?;
//! assert_eq!(cleared.clearing.price, Some(price(175_000)));
//! book.keep_for_trades(&cleared);
//!
//! // A cloud: only 300 Wh came.
//! let delivery = |n, import, export| Delivery {
//!     home: HomeId::new(n),
//!     energy: Some(IntervalEnergy { import: WattHours::new(import), export: WattHours::new(export), substituted: false }),
//!     generated_so_far: None,
//!     has_generation_meter: false,
//!     has_battery: false,
//!     closing: None,
//! };
//! let deliveries = [delivery(1, 0, 300), delivery(2, 500, 0)];
//! let outcome = settle_forward_interval(&rules, &Ledger::default(), &cleared, &deliveries)?;
//! book.release(noon);
//!
//! // The buyer pays what the whole trade would have cost, 500 Wh at 0.175 + 0.005: the seller makes up
//! // for the 200 Wh that the utility had to supply at 0.30.
//! let [seller, buyer] = &outcome.homes[..] else { panic!("two homes") };
//! assert_eq!(buyer.residual_import, WattHours::new(200));
//! assert_eq!(buyer.cost()?, NanoAmount::new(500 * 180_000));
//! assert_eq!(seller.imbalance, NanoAmount::new(-200 * (295_000 - 175_000)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod allocation;
mod audit;
mod book;
mod clear;
mod error;
mod explain;
mod generation;
mod homes;
pub mod imbalance;
mod lines;
mod order;
mod refusal;
mod reserve;
mod result;
mod rules;
mod settle;

pub use allocation::AllocationRule;
pub use audit::check_forward_interval;
pub use book::{ForwardBook, Taken};
pub use clear::{ClearedOrder, ForwardClearing, clear_forward_interval};
pub use error::ForwardError;
pub use explain::forward_reasons;
pub use imbalance::ImbalanceRule;
pub use order::{ForwardOrder, ForwardOrderId, ForwardTerms, ForwardVersion, Leg, SpanLimit};
pub use refusal::{ORDERS_PER_HOME_MAX, Refusal, SPAN_MAX, VERSIONS_MAX};
pub use result::{Delivery, ForwardHome, ForwardOutcome, ForwardRow};
pub use rules::{ForwardRules, ForwardRulesError, GATE_CLOSURE_S_MAX};
pub use settle::settle_forward_interval;
