//! What keeps the outbox from doing what it should.

use std::io;
use std::path::{Path, PathBuf};

use energy_core::Hash;

/// The outbox cannot do what it should.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The disk does not take or give it.
    #[error("outbox {}: {source}", .path.display())]
    Disk {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another gateway has it open.
    #[error("outbox {}: expected to be its only user, another process has it open", .path.display())]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// The receipt is about a batch of this number with another content.
    #[error(
        "the receipt through batch {sequence} names {got}, the batch kept here is {kept}: two gateways may be using one key"
    )]
    OtherBatch {
        /// The batch.
        sequence: u64,
        /// The hash of the batch kept here.
        kept: Hash,
        /// The receipt's.
        got: Hash,
    },
}

pub(super) fn disk(path: &Path) -> impl FnOnce(io::Error) -> OutboxError + use<> {
    let path = path.to_owned();
    move |source| OutboxError::Disk { path, source }
}

pub(super) fn damaged(path: &Path, error: &energy_core::CborError) -> OutboxError {
    let source = io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a record with a right checksum is not one: {error}"),
    );
    disk(path)(source)
}
