//! What a forward zone has agreed on beside prices and fees: when gates close, how deliveries are
//! allocated, what an imbalance costs.

use energy_core::IntervalStart;
use market_engine::mechanism::Mechanism;
use serde::{Deserialize, Serialize};

use super::allocation::AllocationRule;
use super::imbalance::ImbalanceRule;
use crate::rules::{RulesError, ZoneRules};
use crate::series::SeriesError;

/// The earliest that a gate can close before its interval: a week, in seconds.
pub const GATE_CLOSURE_S_MAX: u32 = 604_800;

/// Rules of a forward zone are not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForwardRulesError {
    /// The part that it shares with other zones.
    #[error(transparent)]
    Market(#[from] RulesError),
    /// The gate closes too long before.
    #[error(
        "expected a gate closure of up to {GATE_CLOSURE_S_MAX} s before the interval, got {got}"
    )]
    GateClosure {
        /// What came, in seconds.
        got: u32,
    },
    /// A mechanism without one price for everybody.
    #[error(
        "expected the mechanism {} in a forward zone, got {got}",
        Mechanism::KDoubleAuction
    )]
    Mechanism {
        /// What came.
        got: Mechanism,
    },
    /// The imbalance prices are not a series of the zone.
    #[error("imbalance prices: {0}")]
    Imbalance(#[from] SeriesError),
}

/// The rules of a forward zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardRules {
    /// Tariff, fees, share parameter, cutoff and the rest that every zone has.
    pub market: ZoneRules,
    /// How many seconds before an interval starts its book is closed, 0 to [`GATE_CLOSURE_S_MAX`].
    pub gate_closure_s: u32,
    /// Who is served when less was delivered or used than traded.
    pub allocation: AllocationRule,
    /// What falling short costs.
    pub imbalance: ImbalanceRule,
}

impl ForwardRules {
    /// Whether the rules can be used.
    ///
    /// # Errors
    /// [`ForwardRulesError`] names the first setting that cannot.
    pub fn check(&self) -> Result<(), ForwardRulesError> {
        self.market.check()?;
        if self.market.mechanism != Mechanism::KDoubleAuction {
            return Err(ForwardRulesError::Mechanism {
                got: self.market.mechanism,
            });
        }
        if self.gate_closure_s > GATE_CLOSURE_S_MAX {
            return Err(ForwardRulesError::GateClosure {
                got: self.gate_closure_s,
            });
        }
        Ok(self.imbalance.check(self.market.interval)?)
    }

    /// When the gate of an interval closes, in seconds UTC of grid time: from then on its orders stand.
    #[must_use]
    pub fn gate_of(&self, interval: IntervalStart) -> i64 {
        interval
            .seconds()
            .saturating_sub(i64::from(self.gate_closure_s))
    }

    /// Whether orders for an interval can still be given, changed and taken back.
    #[must_use]
    pub fn is_open(&self, interval: IntervalStart, now_s: i64) -> bool {
        now_s < self.gate_of(interval)
    }
}
