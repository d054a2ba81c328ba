//! What keeps a gateway from running, found when it is opened.

use crate::config::ConfigError;
use crate::keys::KeyError;
use crate::outbox::OutboxError;
use crate::profile::ProfileError;

/// The gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Its configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It has no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its outbox cannot be used.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A profile is wrong.
    #[error("device `{device}`: {source}")]
    Profile {
        /// Which device.
        device: String,
        /// What is wrong.
        source: Box<ProfileError>,
    },
    /// A profile file cannot be read.
    #[error("device `{device}`: profile file {path}: {source}")]
    ProfileFile {
        /// Which device.
        device: String,
        /// Which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A device's profile and endpoint do not fit.
    #[error(
        "device `{device}`: expected an endpoint for profile `{profile}` ({expected}), got {got}"
    )]
    Endpoint {
        /// Which device.
        device: String,
        /// Its profile.
        profile: String,
        /// What the profile needs.
        expected: &'static str,
        /// What the configuration has.
        got: &'static str,
    },
}
