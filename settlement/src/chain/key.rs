//! A key that signs transactions. It never leaves this type as text.

use energy_core::{Address, keccak};
use ethers::{
    signers::{LocalWallet, Signer},
    types::transaction::eip2718::TypedTransaction,
};

/// Bytes that are no key of the secp256k1 curve: zero, or not below its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a secp256k1 key between 1 and the curve's order")]
pub struct KeyError;

/// An account's key.
#[derive(Clone)]
pub struct ChainKey {
    wallet: LocalWallet,
}

impl ChainKey {
    /// The key with these bytes.
    ///
    /// # Errors
    /// [`KeyError`], for 2^128 in 2^256 byte strings.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        LocalWallet::from_bytes(bytes)
            .map(|wallet| Self { wallet })
            .map_err(|_| KeyError)
    }

    /// A key made from a secret and a name, the same every time: for demos and tests, where the
    /// secret is the seed.
    #[must_use]
    pub fn derived(secret: &[u8], name: &str) -> Self {
        let mut bytes = keccak(&[b"commonwatt/chain-key/1", secret, &[0], name.as_bytes()]);
        loop {
            match Self::from_bytes(bytes.as_bytes()) {
                Ok(key) => return key,
                Err(KeyError) => bytes = keccak(&[bytes.as_bytes()]),
            }
        }
    }

    /// The account's address.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::new(self.wallet.address().0)
    }

    /// The signed bytes of a transaction. Signatures are deterministic (RFC 6979).
    pub(crate) fn sign(&self, tx: &TypedTransaction) -> Result<Vec<u8>, KeyError> {
        let chain_id = tx.chain_id().map_or(0, |id| id.as_u64());
        let wallet = self.wallet.clone().with_chain_id(chain_id);
        let signature = wallet.sign_transaction_sync(tx).map_err(|_| KeyError)?;
        Ok(tx.rlp_signed(&signature).to_vec())
    }
}

impl std::fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChainKey({})", self.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_key_has_its_known_address_and_stays_secret() {
        let bytes: [u8; 32] =
            hex::decode("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
                .expect("hex")
                .try_into()
                .expect("32 bytes");
        let key = ChainKey::from_bytes(&bytes).expect("a key");
        assert_eq!(
            key.address().to_string(),
            "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"
        );
        assert!(!format!("{key:?}").contains("ac0974"));
        assert_eq!(ChainKey::from_bytes(&[0; 32]).map(|_| ()), Err(KeyError));
        assert_ne!(
            ChainKey::derived(b"1", "a").address(),
            ChainKey::derived(b"1", "b").address()
        );
    }
}
