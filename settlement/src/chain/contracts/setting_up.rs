//! Setting up: connecting the contracts, registering meters, paying in.

use energy_core::Address;
use ethers::types::U256;

use super::{
    Contracts,
    calls::prepared,
    registration::{MeterRegistration, registration},
};
use crate::chain::{ChainError, Outcome, Sender, TxJournal, chain::ethers_address};

/// Registrations in one transaction: some 130,000 gas each, so that they stay far below the
/// 16.7 million of one transaction (EIP-7825).
const REGISTRATIONS_MAX: usize = 50;

impl Contracts {
    /// Connects registry and settlement, appoints the operator as proposer, posts its bond, and
    /// lets the settlement take the operator's stablecoins (for [`Self::deposit_for`]).
    pub(in crate::chain) async fn appoint(
        &self,
        bond_wei: u128,
        journal: &dyn TxJournal,
    ) -> Result<(), ChainError> {
        let operator = ethers_address(&self.chain.operator().address());
        let settlement = ethers_address(&self.addresses.settlement);
        self.operate(
            "deploy/connect",
            self.registry.connect(settlement),
            0,
            journal,
        )
        .await?;
        self.operate(
            "deploy/proposer",
            self.settlement.appoint_proposer(operator),
            0,
            journal,
        )
        .await?;
        if bond_wei > 0 {
            self.operate(
                "deploy/bond",
                self.settlement.post_bond(),
                bond_wei,
                journal,
            )
            .await?;
        }
        self.operate(
            "deploy/approve",
            self.stablecoin.approve(settlement, U256::MAX),
            0,
            journal,
        )
        .await?;
        Ok(())
    }

    /// Registers meters, fifty in a transaction.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn register_meters(
        &self,
        purpose: &str,
        meters: &[MeterRegistration],
        journal: &dyn TxJournal,
    ) -> Result<(), ChainError> {
        for (number, part) in meters.chunks(REGISTRATIONS_MAX).enumerate() {
            let registrations = part.iter().map(registration).collect();
            let call = self.registry.register_many(registrations);
            self.operate(&format!("{purpose}/{number}"), call, 0, journal)
                .await?;
        }
        Ok(())
    }

    /// Gives test coins to accounts, `units` of 10⁻⁶ currency each. Only with the test stablecoin.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn mint_test_coins(
        &self,
        purpose: &str,
        accounts: &[Address],
        units: u64,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        let accounts = accounts.iter().map(ethers_address).collect();
        self.operate(
            purpose,
            self.stablecoin.mint_many(accounts, units.into()),
            0,
            journal,
        )
        .await
    }

    /// The operator pays `units` of its stablecoins into an account.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn deposit_for(
        &self,
        purpose: &str,
        account: Address,
        units: u64,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        self.operate(
            purpose,
            self.settlement.deposit_for(ethers_address(&account), units),
            0,
            journal,
        )
        .await
    }

    /// A home pays `units` of its own stablecoins into its account, with its own key.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn deposit(
        &self,
        purpose: &str,
        home: &Sender,
        units: u64,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        let allow = self
            .stablecoin
            .approve(ethers_address(&self.addresses.settlement), units.into());
        let allow = prepared(&allow, 0)?;
        self.chain
            .send(home, &format!("{purpose}/allow"), &allow, journal)
            .await?;
        self.chain
            .send(
                home,
                purpose,
                &prepared(&self.settlement.deposit(units), 0)?,
                journal,
            )
            .await
    }
}
