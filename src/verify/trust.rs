//! The trust file: what a household knows from enrolment, and the roots it saw accepted.

use std::collections::BTreeSet;
use std::path::Path;

use energy_core::{Address, Hash, HomeId, MeterId};
use serde::{Deserialize, Serialize};

/// A trust file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Not readable.
    #[error("reading the trust file {path}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Not a trust file.
    #[error("the trust file {path} is not one: {source}")]
    Form {
        /// Which file.
        path: String,
        /// Where and why.
        source: serde_json::Error,
    },
}

/// A public key as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyText(Hash);

impl KeyText {
    /// The text of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Hash::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 32] {
        *self.0.as_bytes()
    }
}

/// What a household need not take anybody's word for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The settlement contract.
    pub contract: Address,
    /// The home.
    pub home: HomeId,
    /// Its account on the chain.
    pub account: Address,
    /// The meter at its connection point.
    pub connection_meter: MeterId,
    /// The meter at its generator, where there is one.
    pub generation_meter: Option<MeterId>,
    /// The key of the home's gateway.
    pub gateway_key: KeyText,
    /// The key with which the node signs receipts: for the gateway, a bundle needs none.
    pub node_key: KeyText,
    /// Roots that the contract accepted, added by `commonwatt chain roots`.
    #[serde(default)]
    pub roots: BTreeSet<Hash>,
}

impl Trust {
    /// The trust file at `path`.
    ///
    /// # Errors
    /// [`TrustError`] when it cannot be read or is something else.
    pub fn load(path: &Path) -> Result<Self, TrustError> {
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| TrustError::Io {
            path: name(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|source| TrustError::Form {
            path: name(),
            source,
        })
    }

    /// Writes it, replacing the file as a whole.
    ///
    /// # Errors
    /// [`TrustError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), TrustError> {
        let io = |source| TrustError::Io {
            path: path.display().to_string(),
            source,
        };
        let text = serde_json::to_string_pretty(self).map_err(|e| io(e.into()))?;
        let draft = path.with_extension("new");
        std::fs::write(&draft, text + "\n").map_err(io)?;
        std::fs::rename(&draft, path).map_err(io)
    }
}
