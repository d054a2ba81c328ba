//! The contracts that were deployed: a name, and where it is.

use diesel::prelude::*;
use energy_core::Address;

use crate::columns::{Big, Blob};
use crate::error::same;
use crate::schema::contracts;
use crate::{Result, Store, Written};

/// A deployed contract.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = contracts)]
pub struct ContractRecord {
    /// Its name in the sources, as `Settlement`.
    pub name: String,
    /// EIP-155 chain id.
    #[diesel(serialize_as = Big<u64>, deserialize_as = Big<u64>)]
    pub chain_id: u64,
    /// Where it is.
    #[diesel(serialize_as = Blob<Address>, deserialize_as = Blob<Address>)]
    pub address: Address,
    /// Who deployed it.
    #[diesel(serialize_as = Blob<Address>, deserialize_as = Blob<Address>)]
    pub deployer: Address,
    /// With which nonce, which fixes the address.
    #[diesel(serialize_as = Big<u64>, deserialize_as = Big<u64>)]
    pub deploy_nonce: u64,
    /// In which block.
    #[diesel(serialize_as = Big<u64>, deserialize_as = Big<u64>)]
    pub block: u64,
}

impl Store {
    /// Keeps where a contract is.
    ///
    /// # Errors
    /// [`crate::StoreError::Conflict`] when it is known elsewhere.
    pub fn put_contract(&self, contract: &ContractRecord) -> Result<Written> {
        self.write(|c| {
            let new = diesel::insert_into(contracts::table)
                .values(contract.clone())
                .on_conflict(contracts::name)
                .do_nothing()
                .execute(c)?;
            if new == 1 {
                return Ok(Written::New);
            }
            same(
                "contract",
                &contract.name,
                &contracts::table.find(&contract.name).first(c)?,
                contract,
            )
        })
    }

    /// The contract of this name.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn contract(&self, name: &str) -> Result<Option<ContractRecord>> {
        self.read(|c| Ok(contracts::table.find(name).first(c).optional()?))
    }

    /// All contracts, by name.
    ///
    /// # Errors
    /// [`crate::StoreError::Database`].
    pub fn contracts(&self) -> Result<Vec<ContractRecord>> {
        self.read(|c| Ok(contracts::table.order(contracts::name).load(c)?))
    }
}
