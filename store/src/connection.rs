//! Opening, migrating, and the two ways in: one writer behind a mutex, a pool of readers.
//!
//! Invariant: every write is one transaction on the one writing connection, so writes are serial and
//! a crash leaves either all of a transaction or nothing. Readers see the last commit and never
//! wait for the writer (WAL). One process at a time has the file: a lock beside it says so and is
//! gone with the process, however that ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{Result, StoreError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");
/// The product version that is written into the data.
const PRODUCT: &str = env!("CARGO_PKG_VERSION");
const READERS_MAX: u32 = 8;
const READER_WAIT: Duration = Duration::from_secs(10);
const BUSY: &str = "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON;";

diesel::table! {
    /// SQLite's own list of tables.
    sqlite_master (name) {
        name -> Text,
        #[sql_name = "type"]
        kind -> Text,
    }
}

/// What a commit has survived when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process and a power cut: every commit waits for the disk.
    Fsync,
    /// The end of the process. A power cut may lose the last commits (never break the file): for
    /// history that can be made again.
    Relaxed,
}

/// Everything that is kept. Cheap to clone: clones share the connections.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    writer: Mutex<Writer>,
    readers: Pool<ConnectionManager<SqliteConnection>>,
    _lock: File,
}

struct Writer {
    connection: SqliteConnection,
    durability: Durability,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.0.path.display())
    }
}

impl Store {
    /// Opens the database at `path`, makes it if there is none, brings it up to date, and gives it
    /// an epoch if it has none. Starts with [`Durability::Fsync`].
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has it open, [`StoreError::NotOurs`] for another
    /// database, [`StoreError::OtherVersion`] for data of a version that this one does not know,
    /// [`StoreError::Open`] and [`StoreError::Migration`].
    pub fn open(path: &Path) -> Result<Self> {
        let lock = lock(path)?;
        let mut connection = connect(path)?;
        let started =
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;";
        check_ours(path, &mut connection)?;
        connection.batch_execute(started)?;
        migrate(path, &mut connection)?;
        let readers = readers(path)?;
        let writer = Mutex::new(Writer {
            connection,
            durability: Durability::Fsync,
        });
        let store = Self(Arc::new(Inner {
            path: path.to_owned(),
            writer,
            readers,
            _lock: lock,
        }));
        store.note_start(PRODUCT)?;
        Ok(store)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Chooses what a commit survives from now on. Going to [`Durability::Fsync`] first brings
    /// everything written so far to the disk.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn set_durability(&self, durability: Durability) -> Result<()> {
        self.with_writer(|writer| {
            let order = match durability {
                Durability::Fsync => "PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(PASSIVE);",
                Durability::Relaxed => "PRAGMA synchronous = NORMAL;",
            };
            writer.connection.batch_execute(order)?;
            writer.durability = durability;
            Ok(())
        })
    }

    /// Runs `work` as one writing transaction.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T>,
    ) -> Result<T> {
        self.with_writer(|writer| writer.connection.immediate_transaction(work))
    }

    /// Runs `work` on one snapshot of everything committed.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T>,
    ) -> Result<T> {
        let mut pooled = self.0.readers.get()?;
        let connection: &mut SqliteConnection = &mut pooled;
        connection.transaction(work)
    }

    fn with_writer<T>(&self, work: impl FnOnce(&mut Writer) -> Result<T>) -> Result<T> {
        let mut writer = match self.0.writer.lock() {
            Ok(writer) => writer,
            Err(poisoned) => {
                // A panic may have left a transaction open: a fresh connection drops it.
                let mut writer = poisoned.into_inner();
                writer.connection = connect(&self.0.path)?;
                if writer.durability == Durability::Relaxed {
                    writer
                        .connection
                        .batch_execute("PRAGMA synchronous = NORMAL;")?;
                }
                self.0.writer.clear_poison();
                writer
            }
        };
        work(&mut writer)
    }
}

fn lock(path: &Path) -> Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let cannot = |source| StoreError::Open {
        path: path.to_owned(),
        source: Box::new(source),
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(name)
        .map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(cannot(source)),
    }
}

fn connect(path: &Path) -> Result<SqliteConnection> {
    let cannot = |source| StoreError::Open {
        path: path.to_owned(),
        source,
    };
    let text = path
        .to_str()
        .ok_or_else(|| cannot("the path is not valid UTF-8".into()))?;
    let mut connection = SqliteConnection::establish(text).map_err(|e| cannot(Box::new(e)))?;
    connection
        .batch_execute(BUSY)
        .map_err(|e| cannot(Box::new(e)))?;
    Ok(connection)
}

#[derive(Debug)]
struct ReadOnly;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for ReadOnly {
    fn on_acquire(
        &self,
        connection: &mut SqliteConnection,
    ) -> std::result::Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute(BUSY)
            .and_then(|()| connection.batch_execute("PRAGMA query_only = ON;"))
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

fn readers(path: &Path) -> Result<Pool<ConnectionManager<SqliteConnection>>> {
    Ok(Pool::builder()
        .max_size(READERS_MAX)
        .min_idle(Some(1))
        .connection_timeout(READER_WAIT)
        .test_on_check_out(false)
        .connection_customizer(Box::new(ReadOnly))
        .build(ConnectionManager::new(path.to_string_lossy()))?)
}

/// Refuses a file that has tables and none of them ours, and one that is no database at all.
fn check_ours(path: &Path, connection: &mut SqliteConnection) -> Result<()> {
    let tables: Vec<String> = sqlite_master::table
        .filter(sqlite_master::kind.eq("table"))
        .select(sqlite_master::name)
        .load(connection)
        .map_err(|e| StoreError::Open {
            path: path.to_owned(),
            source: Box::new(e),
        })?;
    let ours = tables.is_empty()
        || tables
            .iter()
            .any(|name| name == "__diesel_schema_migrations");
    if ours {
        Ok(())
    } else {
        Err(StoreError::NotOurs {
            path: path.to_owned(),
        })
    }
}

fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<()> {
    let failed = |source| StoreError::Migration {
        path: path.to_owned(),
        source,
    };
    let known: Vec<String> = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)
        .map_err(failed)?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied: Vec<String> = connection
        .applied_migrations()
        .map_err(failed)?
        .iter()
        .map(ToString::to_string)
        .collect();
    if let Some(found) = applied
        .iter()
        .filter(|version| !known.contains(version))
        .max()
    {
        return Err(StoreError::OtherVersion {
            path: path.to_owned(),
            found_product: crate::meta::product_version(connection)
                .unwrap_or_else(|| "of an unknown version".into()),
            found: found.clone(),
            product: PRODUCT,
            expected: known.iter().max().cloned().unwrap_or_default(),
        });
    }
    connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(failed)?;
    Ok(())
}

/// A database with all tables and nothing in them.
#[cfg(test)]
pub(crate) fn migrated_in_memory() -> SqliteConnection {
    let mut connection = SqliteConnection::establish(":memory:").expect("in memory");
    connection.run_pending_migrations(MIGRATIONS).expect("up");
    connection
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_go_up_down_and_up_again() {
        let mut connection = SqliteConnection::establish(":memory:").expect("in memory");
        for _ in 0..2 {
            let up = connection
                .run_pending_migrations(MIGRATIONS)
                .expect("up")
                .len();
            let down = connection
                .revert_all_migrations(MIGRATIONS)
                .expect("down")
                .len();
            assert_eq!(up, down);
            let left: i64 = sqlite_master::table
                .filter(sqlite_master::name.not_like("sqlite_%"))
                .filter(sqlite_master::name.not_like("__diesel%"))
                .count()
                .get_result(&mut connection)
                .expect("list");
            assert_eq!(left, 0);
        }
        connection
            .run_pending_migrations(MIGRATIONS)
            .expect("up again");
    }

    #[test]
    fn data_of_a_later_version_is_refused_with_both_versions() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("commonwatt.db");
        drop(Store::open(&path).expect("new"));
        let mut connection = connect(&path).expect("open");
        connection
            .batch_execute(
                "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000');
                 UPDATE meta SET value = '9.9.9' WHERE name = 'product_version';",
            )
            .expect("pretend");
        drop(connection);
        let message = Store::open(&path).expect_err("refused").to_string();
        for part in ["9.9.9", "20990101000000", PRODUCT, "20261120000006"] {
            assert!(message.contains(part), "{part} in: {message}");
        }
    }

    #[test]
    fn a_strange_file_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("other.db");
        connect(&path)
            .expect("open")
            .batch_execute("CREATE TABLE recipes (name TEXT)")
            .expect("made");
        assert!(matches!(
            Store::open(&path),
            Err(StoreError::NotOurs { .. })
        ));
        let text = folder.path().join("text.db");
        std::fs::write(
            &text,
            "not a database, and long enough to be read as a header of one. ".repeat(9),
        )
        .expect("written");
        assert!(matches!(Store::open(&text), Err(StoreError::Open { .. })));
    }

    #[test]
    fn a_panic_in_a_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(&folder.path().join("commonwatt.db")).expect("new");
        let other = store.clone();
        let panicked = std::thread::spawn(move || {
            other.write(|c| -> Result<()> {
                c.batch_execute("INSERT INTO meta (name, value) VALUES ('half', 'done')")?;
                panic!("in the middle");
            })
        });
        assert!(panicked.join().is_err());
        assert_eq!(store.agreed("half").expect("readable"), None);
        store.agree("half", "done").expect("writable again");
    }
}
