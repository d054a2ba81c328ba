//! The journal of what this node sends to the chain.
//!
//! Invariants: a purpose is signed once, and a nonce used once for a sender. The signed bytes are
//! kept before anybody sees them, so after any crash the same bytes are sent again: the chain takes
//! them once, however often they come.

use diesel::dsl::max;
use diesel::prelude::*;
use energy_core::{Address, Hash};
use serde::{Deserialize, Serialize};

use crate::columns::{Big, Blob, MaybeBig, coded};
use crate::schema::transactions;
use crate::{Result, Store, StoreError};

/// How far a transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransactionState {
    /// Signed and kept; nobody may have seen it.
    Signed,
    /// Handed to the chain.
    Sent,
    /// In a block that is not final. Falls back to sent when the block goes.
    Mined,
    /// In a final block, and it did what it should.
    Final,
    /// In a final block, and it failed.
    Failed,
}

coded!(TransactionState, "the state of a transaction": Signed = 0, Sent = 1, Mined = 2, Final = 3, Failed = 4);

/// What signing gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTransaction {
    /// The bytes to send.
    pub raw: Vec<u8>,
    /// Their keccak.
    pub hash: Hash,
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = transactions)]
pub struct TransactionRow {
    /// Who signed it.
    #[diesel(deserialize_as = Blob<Address>)]
    pub sender: Address,
    /// Its nonce.
    #[diesel(deserialize_as = Big<u64>)]
    pub nonce: u64,
    /// What it is for, as `propose/7`.
    pub purpose: String,
    /// The bytes to send.
    pub raw: Vec<u8>,
    /// Their keccak.
    #[diesel(deserialize_as = Blob<Hash>)]
    pub hash: Hash,
    /// How far it has come.
    #[diesel(deserialize_as = Big<TransactionState>)]
    pub state: TransactionState,
    /// The block that it is in.
    #[diesel(deserialize_as = MaybeBig<u64>)]
    pub block: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
}

impl Store {
    /// The transaction for a purpose: the kept one if it was signed before, else `sign` is called
    /// with the sender's next nonce and what it gives is kept. When this returns, the bytes may be
    /// sent.
    ///
    /// The nonce is the one after the sender's last, or `nonce_first` (the chain's count) if nothing
    /// is kept for the sender.
    ///
    /// # Errors
    /// The error of `sign`, or the store's own as `E`.
    pub fn sign_once<E: From<StoreError>>(
        &self,
        sender: &Address,
        purpose: &str,
        nonce_first: u64,
        sign: impl FnOnce(u64) -> std::result::Result<SignedTransaction, E>,
    ) -> std::result::Result<TransactionRow, E> {
        let mut refused = None;
        let row = self.write(|c| {
            if let Some(kept) = of_purpose(c, purpose)? {
                return Ok(Some(kept));
            }
            let nonce = next_nonce(c, sender, nonce_first)?;
            match sign(nonce) {
                Ok(signed) => keep(c, sender, nonce, purpose, signed).map(Some),
                Err(error) => {
                    refused = Some(error);
                    Ok(None)
                }
            }
        })?;
        match (row, refused) {
            (Some(row), _) => Ok(row),
            (None, Some(error)) => Err(error),
            (None, None) => Err(StoreError::Unknown {
                what: "transaction",
                key: purpose.to_owned(),
            }
            .into()),
        }
    }

    /// The transaction for a purpose, none if it was never signed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn transaction(&self, purpose: &str) -> Result<Option<TransactionRow>> {
        self.read(|c| of_purpose(c, purpose))
    }

    /// The transaction with this hash.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn transaction_by_hash(&self, hash: &Hash) -> Result<Option<TransactionRow>> {
        self.read(|c| {
            let found = transactions::table.filter(transactions::hash.eq(Blob(*hash)));
            Ok(found
                .select(TransactionRow::as_select())
                .first(c)
                .optional()?)
        })
    }

    /// The transactions in one state, by sender and nonce: the order to send them in.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn transactions_in(&self, state: TransactionState) -> Result<Vec<TransactionRow>> {
        self.read(|c| {
            Ok(transactions::table
                .filter(transactions::state.eq(Big(state)))
                .order((transactions::sender, transactions::nonce))
                .select(TransactionRow::as_select())
                .load(c)?)
        })
    }

    /// The nonce that the sender's next transaction gets, as in [`Store::sign_once`].
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn next_nonce(&self, sender: &Address, nonce_first: u64) -> Result<u64> {
        self.read(|c| next_nonce(c, sender, nonce_first))
    }

    /// Notes how far a transaction has come. The same once more is fine; what is final stays so.
    ///
    /// # Errors
    /// [`StoreError::Step`] for another state after a final one, [`StoreError::Unknown`].
    pub fn set_transaction(
        &self,
        hash: &Hash,
        state: TransactionState,
        block: Option<u64>,
        error: Option<&str>,
    ) -> Result<()> {
        self.write(|c| {
            let of_hash = transactions::table.filter(transactions::hash.eq(Blob(*hash)));
            let kept: Option<Big<TransactionState>> =
                of_hash.select(transactions::state).first(c).optional()?;
            let kept = kept
                .ok_or_else(|| StoreError::Unknown {
                    what: "transaction",
                    key: hash.to_string(),
                })?
                .0;
            let ended = matches!(kept, TransactionState::Final | TransactionState::Failed);
            if ended && kept != state {
                return Err(StoreError::Step {
                    what: "transaction",
                    key: hash.to_string(),
                    kept: format!("{kept:?}"),
                    asked: format!("{state:?}"),
                });
            }
            diesel::update(of_hash)
                .set((
                    transactions::state.eq(Big(state)),
                    transactions::block.eq(MaybeBig(block)),
                    transactions::error.eq(error),
                ))
                .execute(c)?;
            Ok(())
        })
    }
}

fn of_purpose(c: &mut SqliteConnection, purpose: &str) -> Result<Option<TransactionRow>> {
    let found = transactions::table.filter(transactions::purpose.eq(purpose));
    Ok(found
        .select(TransactionRow::as_select())
        .first(c)
        .optional()?)
}

fn next_nonce(c: &mut SqliteConnection, sender: &Address, nonce_first: u64) -> Result<u64> {
    let last: Option<Big<u64>> = transactions::table
        .filter(transactions::sender.eq(Blob(*sender)))
        .select(max(transactions::nonce))
        .first(c)?;
    Ok(last.map_or(nonce_first, |last| last.0.saturating_add(1)))
}

fn keep(
    c: &mut SqliteConnection,
    sender: &Address,
    nonce: u64,
    purpose: &str,
    signed: SignedTransaction,
) -> Result<TransactionRow> {
    let SignedTransaction { raw, hash } = signed;
    let (state, block, error) = (TransactionState::Signed, None, None);
    let row = TransactionRow {
        sender: *sender,
        nonce,
        purpose: purpose.to_owned(),
        raw,
        hash,
        state,
        block,
        error,
    };
    diesel::insert_into(transactions::table)
        .values((
            transactions::sender.eq(Blob(row.sender)),
            transactions::nonce.eq(Big(nonce)),
            transactions::purpose.eq(purpose),
            transactions::raw.eq(&row.raw),
            transactions::hash.eq(Blob(hash)),
            transactions::state.eq(Big(state)),
        ))
        .execute(c)?;
    Ok(row)
}
