//! The sender's journal in the store: signed bytes are kept before anybody sees them.

use async_trait::async_trait;
use energy_core::Address;
use settlement::chain::{JournalError, SignedTx, TxJournal};
use store::{SignedTransaction, Store, StoreError, TransactionRow, TransactionState};

/// A [`TxJournal`] that survives the process.
#[derive(Clone)]
pub struct StoredJournal(pub Store);

impl StoredJournal {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let store = self.0.clone();
        let joined = tokio::task::spawn_blocking(move || work(store)).await;
        joined.map_err(failed)?.map_err(failed)
    }
}

#[async_trait]
impl TxJournal for StoredJournal {
    async fn load(&self, purpose: &str) -> Result<Option<SignedTx>, JournalError> {
        let purpose = purpose.to_owned();
        self.blocking(move |store| Ok(store.transaction(&purpose)?.map(signed)))
            .await
    }

    async fn store(&self, purpose: &str, tx: &SignedTx) -> Result<(), JournalError> {
        let (purpose, tx, store) = (purpose.to_owned(), tx.clone(), self.0.clone());
        let joined = tokio::task::spawn_blocking(move || {
            let kept = store.sign_once(&tx.from, &purpose, tx.nonce, |nonce| {
                // The sender has chosen its nonce; the store must agree that it is the next.
                anyhow::ensure!(
                    nonce == tx.nonce,
                    "expected nonce {nonce} of 0x{}, got {}",
                    tx.from,
                    tx.nonce
                );
                Ok(SignedTransaction {
                    raw: tx.raw.clone(),
                    hash: tx.hash,
                })
            })?;
            anyhow::ensure!(
                kept.hash == tx.hash,
                "`{purpose}` is kept with another transaction, {}",
                kept.hash
            );
            Ok(())
        });
        joined.await.map_err(failed)?.map_err(failed)
    }

    async fn stored_since(
        &self,
        from: &Address,
        nonce: u64,
    ) -> Result<Vec<SignedTx>, JournalError> {
        let from = *from;
        self.blocking(move |store| {
            let mut rows = Vec::new();
            for state in [
                TransactionState::Signed,
                TransactionState::Sent,
                TransactionState::Mined,
            ] {
                rows.extend(store.transactions_in(state)?);
            }
            let mut since: Vec<SignedTx> = rows
                .into_iter()
                .filter(|row| row.sender == from && row.nonce >= nonce)
                .map(signed)
                .collect();
            since.sort_unstable_by_key(|tx| tx.nonce);
            Ok(since)
        })
        .await
    }
}

fn signed(row: TransactionRow) -> SignedTx {
    SignedTx {
        from: row.sender,
        nonce: row.nonce,
        hash: row.hash,
        raw: row.raw,
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> JournalError {
    JournalError::from(error.into())
}
