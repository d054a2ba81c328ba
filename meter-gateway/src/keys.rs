//! The gateway's private key: a file of 64 hexadecimal digits that only its owner can read.
//!
//! A missing file is made with a new key. A file that others can read is refused, because a key that
//! may have been copied vouches for nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use energy_core::SigningKey;

/// Read and write for the owner alone.
const MODE: u32 = 0o600;

/// There is no usable key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("key file {}: {source}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read it.
    #[error("key file {}: expected mode 0600, got {mode:04o}; others may have read it", .path.display())]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Not a key.
    #[error("key file {}: expected 64 hexadecimal digits, got {got} characters that are not", .path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// How many characters came.
        got: usize,
    },
    /// No random numbers.
    #[error("expected random numbers from the system for a new key: {0}")]
    Random(String),
}

/// The key in a file; a new one if the file does not exist.
///
/// # Errors
/// [`KeyError`].
pub fn load_or_create(path: &Path) -> Result<SigningKey, KeyError> {
    match load(path) {
        Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            create(path)
        }
        other => other,
    }
}

fn load(path: &Path) -> Result<SigningKey, KeyError> {
    let failed = |source| KeyError::File {
        path: path.to_owned(),
        source,
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| KeyError::Form {
        path: path.to_owned(),
        got: text.trim().chars().count(),
    })?;
    Ok(SigningKey::from_seed(&seed))
}

/// Fills a buffer with random bytes from the system.
///
/// # Errors
/// [`KeyError::Random`].
pub fn random(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|e| KeyError::Random(e.to_string()))
}

fn create(path: &Path) -> Result<SigningKey, KeyError> {
    let failed = |source| KeyError::File {
        path: path.to_owned(),
        source,
    };
    let mut seed = [0; 32];
    random(&mut seed)?;
    let key = SigningKey::from_seed(&seed);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    // Written aside and renamed, so that a crash never leaves half a key.
    let aside = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(MODE)
        .open(&aside)
        .map_err(failed)?;
    writeln!(file, "{}", hex::encode(seed))
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    fs::rename(&aside, path).map_err(failed)?;
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys/gateway.key");
        let made = load_or_create(&path).expect("made");
        assert_eq!(load_or_create(&path).expect("found").seed(), made.seed());
        assert_eq!(
            fs::metadata(&path).expect("there").permissions().mode() & 0o777,
            MODE
        );
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gateway.key");
        load_or_create(&path).expect("made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        let error = load_or_create(&path).expect_err("readable").to_string();
        assert!(error.contains("expected mode 0600, got 0644"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        fs::write(&path, "not a key").expect("written");
        assert!(matches!(
            load_or_create(&path),
            Err(KeyError::Form { got: 9, .. })
        ));
    }
}
