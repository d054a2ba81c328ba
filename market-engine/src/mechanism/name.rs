//! The names of the mechanisms, as zone rules, command line and reports write them.

use std::fmt;
use std::str::FromStr;

use super::Mechanism;

/// A text names no mechanism.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected k-double-auction, pay-as-bid, continuous, mcafee, sbba, muda, mid-market-rate, \
     bill-sharing or supply-demand-ratio, got `{got}`"
)]
pub struct UnknownMechanism {
    /// The text that came.
    pub got: String,
}

impl Mechanism {
    /// All nine, the default first.
    pub const ALL: [Self; 9] = [
        Self::KDoubleAuction,
        Self::PayAsBid,
        Self::Continuous,
        Self::McAfee,
        Self::Sbba,
        Self::Muda,
        Self::MidMarketRate,
        Self::BillSharing,
        Self::SupplyDemandRatio,
    ];

    /// Its name, in lower case with hyphens: what [`FromStr`] reads and serde writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KDoubleAuction => "k-double-auction",
            Self::PayAsBid => "pay-as-bid",
            Self::Continuous => "continuous",
            Self::McAfee => "mcafee",
            Self::Sbba => "sbba",
            Self::Muda => "muda",
            Self::MidMarketRate => "mid-market-rate",
            Self::BillSharing => "bill-sharing",
            Self::SupplyDemandRatio => "supply-demand-ratio",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mechanism {
    type Err = UnknownMechanism;

    fn from_str(text: &str) -> Result<Self, UnknownMechanism> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| UnknownMechanism {
            got: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_is_that_of_serde() {
        for mechanism in Mechanism::ALL {
            assert_eq!(mechanism.to_string().parse(), Ok(mechanism));
            let json = serde_json::to_string(&mechanism).expect("a name");
            assert_eq!(json, format!("\"{mechanism}\""));
        }
        assert!("McAfee".parse::<Mechanism>().is_err());
    }
}
