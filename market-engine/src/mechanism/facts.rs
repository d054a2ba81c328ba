//! What each mechanism promises, for display beside its results.
//!
//! The properties are those of *this* implementation for divisible orders of one limit each. They stand
//! in the mechanism's own file, with the rule and its source, and each is a property test in
//! `tests/mechanisms.rs`.

use super::{
    Mechanism, bill_sharing, continuous, k_double_auction, mcafee, mid_market_rate, muda,
    pay_as_bid, sbba, supply_demand_ratio,
};

/// Whether money is left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// The sellers receive exactly what the buyers pay.
    Strong,
    /// The buyers may pay more than the sellers receive; the zone keeps the difference.
    Weak,
}

/// A mechanism in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Its name in words.
    pub title: &'static str,
    /// Authors, year and title of where the rule comes from.
    pub source: &'static str,
    /// Whether the fills have the greatest welfare that the limits allow.
    pub efficient: bool,
    /// Whether no order ever gains by stating another limit than its true one.
    pub truthful: bool,
    /// What becomes of the buyers' money.
    pub budget_balanced: Budget,
    /// Whether no order ever loses by taking part.
    pub individually_rational: bool,
    /// What to know before choosing it.
    pub limits: &'static str,
}

impl Mechanism {
    /// What it promises.
    #[must_use]
    pub const fn facts(self) -> Facts {
        match self {
            Self::KDoubleAuction => k_double_auction::FACTS,
            Self::PayAsBid => pay_as_bid::FACTS,
            Self::Continuous => continuous::FACTS,
            Self::McAfee => mcafee::FACTS,
            Self::Sbba => sbba::FACTS,
            Self::Muda => muda::FACTS,
            Self::MidMarketRate => mid_market_rate::FACTS,
            Self::BillSharing => bill_sharing::FACTS,
            Self::SupplyDemandRatio => supply_demand_ratio::FACTS,
        }
    }
}
