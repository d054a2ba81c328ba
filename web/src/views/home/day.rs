//! What the charts of the day take from the home's facts.

use energy_core::Side;

use super::HomePageFacts;
use crate::charts::{EnergySlot, PriceLimits};
use crate::facts::{HomeIntervalFacts, PriceRule};

pub(super) fn slot(line: &HomeIntervalFacts) -> Option<EnergySlot> {
    line.import.and(line.export)?;
    Some(EnergySlot {
        start_ms: line.start.millis(),
        bought: line.filled(Side::Bid),
        from_utility: line.from_utility,
        sold: line.filled(Side::Ask),
        to_utility: line.to_utility,
        substituted: line.substituted,
    })
}

/// The home's own numbers; for the automatic agent the limits it last chose, where both are known.
pub(super) fn limits(facts: &HomePageFacts) -> Option<PriceLimits> {
    match facts.home.rule {
        PriceRule::Own {
            sell_above,
            buy_below,
        } => Some(PriceLimits {
            sell_above,
            buy_below,
        }),
        _ => None,
    }
}
