//! The one word that a household has to say.

use serde::{Deserialize, Serialize};

/// What a household wants, in one word.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The lowest bill: bids low and asks high.
    Cheap,
    /// In the middle.
    #[default]
    Balanced,
    /// As much local energy as possible: bids high and asks low.
    Green,
}

impl Mode {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Cheap, Self::Balanced, Self::Green];
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cheap => "cheap",
            Self::Balanced => "balanced",
            Self::Green => "green",
        })
    }
}

impl std::str::FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        match text {
            "cheap" => Ok(Self::Cheap),
            "balanced" => Ok(Self::Balanced),
            "green" => Ok(Self::Green),
            _ => Err(UnknownMode {
                got: text.to_owned(),
            }),
        }
    }
}

/// Not one of the three words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `cheap`, `balanced` or `green`, got `{got}`")]
pub struct UnknownMode {
    /// What came.
    pub got: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert_eq!(
            "Green".parse::<Mode>().expect_err("a capital").to_string(),
            "expected `cheap`, `balanced` or `green`, got `Green`"
        );
    }
}
