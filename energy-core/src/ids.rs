//! Who is who. An id says nothing about a person: names and addresses of homes live in the store.

use serde::{Deserialize, Serialize};

use crate::Hash;

/// A text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not hexadecimal, or of another length.
    #[error("expected {expected} hexadecimal bytes, got `{got}`")]
    Hex {
        /// The number of bytes.
        expected: usize,
        /// The text that came.
        got: String,
    },
    /// Not a zone name.
    #[error("expected a zone name of 1 to 32 characters from a–z, 0–9 and `-`, got `{got}`")]
    Zone {
        /// The text that came.
        got: String,
    },
}

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $len]);

        impl $name {
            /// The id of these bytes.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// An id derived from a name: the first bytes of `keccak(domain ‖ 0x00 ‖ name)`.
            #[must_use]
            pub fn derived(domain: &str, name: &[u8]) -> Self {
                let hash = crate::keccak(&[domain.as_bytes(), &[0], name]);
                let mut bytes = [0; $len];
                bytes.copy_from_slice(&hash.as_bytes()[..$len]);
                Self(bytes)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes)
                    .map_err(|_| IdError::Hex { expected: $len, got: text.to_owned() })?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

bytes_id!(
    /// A meter. Salted, so that it tells nothing about where the meter hangs.
    MeterId,
    16
);
bytes_id!(
    /// A gateway. Stays the same when its key is rotated.
    GatewayId,
    16
);
bytes_id!(
    /// An order, named by the node: a keyed hash of zone secret, interval, meter and a number, so
    /// that it changes with every interval.
    OrderId,
    16
);
bytes_id!(
    /// An account on the chain. `Display` adds no checksum.
    Address,
    20
);

/// A home: a participant of a zone, and the index of its leaf in the home tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HomeId(u32);

impl HomeId {
    /// The home with this leaf index.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// Its leaf index.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl std::fmt::Display for HomeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A zone: one market area behind one feeder. 1 to 32 characters from a–z, 0–9 and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ZoneId(String);

impl ZoneId {
    /// The zone of this name.
    ///
    /// # Errors
    /// [`IdError::Zone`] when the text is empty, too long, or has other characters.
    pub fn new(name: impl Into<String>) -> Result<Self, IdError> {
        let name = name.into();
        let fits = (1..=32).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(name))
        } else {
            Err(IdError::Zone { got: name })
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its name on the chain: the keccak of the text.
    #[must_use]
    pub fn hash(&self) -> Hash {
        crate::keccak(&[self.0.as_bytes()])
    }
}

impl std::fmt::Display for ZoneId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ZoneId {
    type Error = IdError;

    fn try_from(name: String) -> Result<Self, IdError> {
        Self::new(name)
    }
}

impl From<ZoneId> for String {
    fn from(zone: ZoneId) -> Self {
        zone.0
    }
}
