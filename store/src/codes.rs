//! The codes of `clearing-house`'s enums in BIGINT columns: the one place where they are given.
//!
//! An account with a leaf in the home tree has its leaf index as its code (operator 0, utility 1,
//! home n at n + 1), the others are negative.

use clearing_house::{Account, Asset, LineKind};
use energy_core::HomeId;

use crate::columns::{Big, Kept, coded};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const MINT: i64 = -1;
const ZONE: i64 = -2;
/// The code of the first home.
pub(crate) const HOMES_FROM: i64 = 2;

impl Kept<i64> for Account {
    fn keep(&self) -> Result<i64, Failure> {
        match self {
            Self::Mint => Ok(MINT),
            Self::Zone => Ok(ZONE),
            leaf => leaf
                .leaf_index()
                .map(i64::from)
                .ok_or_else(|| format!("the {self} has no account").into()),
        }
    }

    fn restore(raw: i64) -> Result<Self, Failure> {
        match raw {
            MINT => Ok(Self::Mint),
            ZONE => Ok(Self::Zone),
            0 => Ok(Self::Operator),
            1 => Ok(Self::Utility),
            _ => u32::try_from(raw - 1)
                .map(|home| Self::Home(HomeId::new(home)))
                .map_err(|_| format!("expected an account in the database, got code {raw}").into()),
        }
    }
}

impl From<Big<Account>> for Account {
    fn from(column: Big<Account>) -> Self {
        column.0
    }
}

coded!(Asset, "an asset": Cash = 0, Bill = 1, Energy = 2, Token = 3, Carry = 4);

coded!(LineKind, "a kind of journal line":
    LocalTrade = 0, BuyerFee = 1, SellerFee = 2, UtilitySupply = 3, UtilityPurchase = 4,
    Minted = 5, TokensPassedOn = 6, TokensCredited = 7, Carry = 8, Correction = 9,
    Imbalance = 10, PartnerTrade = 11, Gift = 12, Surplus = 13);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_comes_back_from_its_code() {
        let home = |n| Account::Home(HomeId::new(n));
        for account in [
            Account::Operator,
            Account::Utility,
            Account::Mint,
            Account::Zone,
            home(1),
            home(24),
        ] {
            let code = account.keep().expect("has one");
            assert_eq!(Account::restore(code).expect("known"), account);
        }
        assert!(home(0).keep().is_err());
        assert!(Account::restore(-3).is_err());
        assert_eq!(home(1).keep().expect("has one"), HOMES_FROM);
    }
}
