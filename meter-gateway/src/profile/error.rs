//! Why a profile is refused: file, key, what was expected and what came.

/// A profile was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML, an unknown key, a missing key, or a value of another type.
    #[error("profile {file}: {message}")]
    Syntax {
        /// Which file.
        file: String,
        /// Where, what was expected and what came.
        message: String,
    },
    /// A value that no profile can have.
    #[error("profile {file}, `{key}`: expected {expected}, got `{got}`")]
    Value {
        /// Which file.
        file: String,
        /// Which key.
        key: String,
        /// What would have been right.
        expected: String,
        /// What came.
        got: String,
    },
    /// There is nothing that shows that the profile is right.
    #[error(
        "profile {file}: expected at least one [[golden]] vector (raw values and what they mean), got none"
    )]
    NoGolden {
        /// Which file.
        file: String,
    },
    /// No golden vector gives this value, so nothing shows that it is right.
    #[error(
        "profile {file}, `{key}`: expected a [[golden]] vector in which {what} has a value, got none"
    )]
    NotReached {
        /// Which file.
        file: String,
        /// Which key.
        key: String,
        /// Which value.
        what: String,
    },
    /// A golden vector comes out differently.
    #[error("profile {file}, golden vector `{vector}`, `{key}`: expected {expected}, got {got}")]
    Golden {
        /// Which file.
        file: String,
        /// Which vector.
        vector: String,
        /// Which value.
        key: String,
        /// What the file says.
        expected: String,
        /// What comes out.
        got: String,
    },
    /// There is no profile of this name.
    #[error("expected the name of a profile ({known}), got `{got}`")]
    Unknown {
        /// The names that exist.
        known: String,
        /// The name that came.
        got: String,
    },
}
