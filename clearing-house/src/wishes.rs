//! What a home wishes for beyond a price: partners, gifts, and where its energy comes from.
//!
//! Standing settings like the price preference; none of them ever makes the home pay more than its
//! limit says, or more than the utility charges:
//! - *adders*: "up to 2 cents more for green energy". Above the limit, at most the retail price. Green
//!   is a surplus that is verified, to the last Wh, as the seller's own generation; everything sold in
//!   a zone is local. Adders count in zones that clear by the call auction.
//! - *partners*: homes to trade with before the auction, if both name each other.
//! - *gifts*: homes to give a part of the surplus to. The giver pays the seller's fee and does without
//!   the utility's feed-in price, so a giver alone can be worse off than without the market: by as much
//!   as it gives away. The receiver pays the buyer's fee.

use std::collections::BTreeSet;

use energy_core::{HomeId, MicroPricePerKwh};
use market_engine::preference::{Adders, Gift, Partner};
use serde::{Deserialize, Serialize};

use crate::rules::PRICE_MICRO_MAX;

/// The most homes that one home can name as partners, and as receivers of gifts.
pub const NAMED_HOMES_MAX: usize = 32;

/// All of an order, in parts per million.
const WHOLE_PPM: u32 = 1_000_000;

/// Wishes that cannot be. The messages are for the household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WishesError {
    /// An adder below zero or beyond all reason.
    #[error(
        "expected to pay between 0 and {PRICE_MICRO_MAX} µ/kWh more for {what} energy, got {got}"
    )]
    Adder {
        /// Green or local.
        what: &'static str,
        /// What came, µ/kWh.
        got: i64,
    },
    /// More than everything.
    #[error("expected a share of 0 to {WHOLE_PPM} parts per million for home {home}, got {got}")]
    Share {
        /// For which home.
        home: HomeId,
        /// What came.
        got: u32,
    },
    /// One home in two entries of a list.
    #[error("expected each home once, got home {home} twice")]
    HomeTwice {
        /// Which.
        home: HomeId,
    },
    /// A list that is too long.
    #[error("expected at most {NAMED_HOMES_MAX} homes, got {got}")]
    TooMany {
        /// How many came.
        got: usize,
    },
}

/// What a home wishes for. The default is nothing.
///
/// In JSON `{"green":20000,"local":0,"partners":[{"home":7,"priority":1,"share_ppm":500000}],
/// "gifts":[]}`, each optional, adders in µ/kWh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Wishes {
    adders: Adders,
    partners: Vec<Partner>,
    gifts: Vec<Gift>,
}

impl Wishes {
    /// These wishes: how much more, in µ/kWh, the home pays for green and for local energy, with whom
    /// it rather trades, and to whom it gives.
    ///
    /// # Errors
    /// [`WishesError`] names the first that cannot be.
    pub fn new(
        green: MicroPricePerKwh,
        local: MicroPricePerKwh,
        partners: Vec<Partner>,
        gifts: Vec<Gift>,
    ) -> Result<Self, WishesError> {
        for (what, adder) in [("green", green), ("local", local)] {
            if !(0..=PRICE_MICRO_MAX).contains(&adder.get()) {
                let got = adder.get();
                return Err(WishesError::Adder { what, got });
            }
        }
        check(&partners)?;
        check(&gifts)?;
        Ok(Self {
            adders: Adders {
                green,
                local,
                most: None,
            },
            partners,
            gifts,
        })
    }

    /// What the home pays more, before any bound.
    #[must_use]
    pub fn adders(&self) -> Adders {
        self.adders
    }

    /// With whom it rather trades.
    #[must_use]
    pub fn partners(&self) -> &[Partner] {
        &self.partners
    }

    /// To whom it gives.
    #[must_use]
    pub fn gifts(&self) -> &[Gift] {
        &self.gifts
    }
}

fn check(entries: &[Partner]) -> Result<(), WishesError> {
    if entries.len() > NAMED_HOMES_MAX {
        return Err(WishesError::TooMany { got: entries.len() });
    }
    let mut homes = BTreeSet::new();
    for entry in entries {
        let (home, got) = (entry.home, entry.share_ppm);
        if got > WHOLE_PPM {
            return Err(WishesError::Share { home, got });
        }
        if !homes.insert(home) {
            return Err(WishesError::HomeTwice { home });
        }
    }
    Ok(())
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wire {
    green: MicroPricePerKwh,
    local: MicroPricePerKwh,
    partners: Vec<Partner>,
    gifts: Vec<Gift>,
}

impl TryFrom<Wire> for Wishes {
    type Error = WishesError;

    fn try_from(wire: Wire) -> Result<Self, WishesError> {
        Self::new(wire.green, wire.local, wire.partners, wire.gifts)
    }
}

impl From<Wishes> for Wire {
    fn from(wishes: Wishes) -> Self {
        Self {
            green: wishes.adders.green,
            local: wishes.adders.local,
            partners: wishes.partners,
            gifts: wishes.gifts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_checked_where_they_are_made() {
        let json = r#"{"green":20000,"partners":[{"home":7,"priority":1,"share_ppm":500000}]}"#;
        let wishes: Wishes = serde_json::from_str(json).expect("wishes");
        assert_eq!(wishes.adders().green.get(), 20_000);
        assert_eq!(wishes.partners().len(), 1);
        let again = serde_json::to_string(&wishes).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Wishes>(&again).expect("wishes"),
            wishes
        );
        for (wrong, why) in [
            (r#"{"green":-1}"#, "0 and 1000000000 µ/kWh more for green"),
            (
                r#"{"gifts":[{"home":7,"priority":1,"share_ppm":1000001}]}"#,
                "got 1000001",
            ),
            (
                r#"{"gifts":[{"home":7,"priority":1,"share_ppm":1},{"home":7,"priority":2,"share_ppm":1}]}"#,
                "got home 7 twice",
            ),
            (r#"{"greed":1}"#, "unknown field"),
        ] {
            let error = serde_json::from_str::<Wishes>(wrong)
                .expect_err(wrong)
                .to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
