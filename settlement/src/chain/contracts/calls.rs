//! Calls of the contracts: encoded here, sent by the chain's sender.

use energy_core::Address;
use ethers::{abi::Detokenize, contract::builders::ContractCall};

use super::{Client, Contracts};
use crate::chain::{ChainError, Outcome, PreparedCall, TxJournal};

impl Contracts {
    /// Sends a call as the operator, once for `purpose`, with `wei` along.
    pub(super) async fn operate<D: Detokenize>(
        &self,
        purpose: &str,
        call: ContractCall<Client, D>,
        wei: u128,
        journal: &dyn TxJournal,
    ) -> Result<Outcome, ChainError> {
        self.chain
            .send(
                self.chain.operator(),
                purpose,
                &prepared(&call, wei)?,
                journal,
            )
            .await
    }
}

/// The encoded call. `ethers` builds it and does not send it.
pub(super) fn prepared<D: Detokenize>(
    call: &ContractCall<Client, D>,
    wei: u128,
) -> Result<PreparedCall, ChainError> {
    let missing = |what| ChainError::View {
        what,
        reason: "the binding gave none".to_owned(),
    };
    let data = call
        .calldata()
        .ok_or_else(|| missing("the data of a call"))?;
    let to = call
        .tx
        .to()
        .and_then(|to| to.as_address())
        .ok_or_else(|| missing("the address of a call"))?;
    Ok(PreparedCall {
        to: Some(Address::new(to.0)),
        data: data.to_vec(),
        value: wei,
    })
}
