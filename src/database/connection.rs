//! The pool of connections and the two ways to use it: read and write.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::r2d2::{ManageConnection, Pool, PooledConnection};
use diesel::sqlite::SqliteConnection;
use diesel::{Connection as _, QueryResult, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Advisory lock under which one process at a time migrates a PostgreSQL database.
const MIGRATION_LOCK: i64 = 0x7069_6e67_6a69_6101;

/// A connection to either database. SQLite stands last, because its variant accepts any path.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A fault of the database, as opposed to a refusal by the rules of the house.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("cannot connect to the database: {0}")]
    Connect(String),
    #[error("cannot migrate the database: {0}")]
    Migrate(String),
    #[error("no database connection became free: {0}")]
    Pool(String),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error("a row in the database cannot be read: {0}")]
    Row(String),
}

/// Where the database is.
#[derive(Debug, Clone)]
enum Place {
    Sqlite(PathBuf),
    Postgres(String),
}

/// Makes and checks connections for the pool.
#[derive(Debug, Clone)]
struct Manager(Place);

impl ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = DatabaseError;

    fn connect(&self) -> Result<AnyConnection, DatabaseError> {
        self.0.connect()
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), DatabaseError> {
        diesel::sql_query("SELECT 1").execute(connection)?;
        Ok(())
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        match connection {
            AnyConnection::Postgres(inner) => {
                <AnsiTransactionManager as TransactionManager<PgConnection>>::is_broken_transaction_manager(inner)
            }
            AnyConnection::Sqlite(inner) => {
                <AnsiTransactionManager as TransactionManager<SqliteConnection>>::is_broken_transaction_manager(inner)
            }
        }
    }
}

impl Place {
    fn connect(&self) -> Result<AnyConnection, DatabaseError> {
        let failed = |error: &dyn std::fmt::Display| DatabaseError::Connect(error.to_string());
        match self {
            Place::Sqlite(file) => {
                let path = file.to_str().ok_or_else(|| failed(&"the path is not UTF-8"))?;
                let mut inner = SqliteConnection::establish(path).map_err(|error| failed(&error))?;
                // secure_delete: what is deleted is overwritten. FULL: a commit is on the disk before it returns.
                inner
                    .batch_execute(
                        "PRAGMA busy_timeout = 15000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                         PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
                    )
                    .map_err(|error| failed(&error))?;
                Ok(AnyConnection::Sqlite(inner))
            }
            Place::Postgres(url) => {
                let mut inner = PgConnection::establish(url).map_err(|error| failed(&error))?;
                inner
                    .batch_execute(
                        "SET statement_timeout = '60s'; SET lock_timeout = '15s'; \
                         SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning;",
                    )
                    .map_err(|error| failed(&error))?;
                Ok(AnyConnection::Postgres(inner))
            }
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Place::Sqlite(_) => Kind::Sqlite,
            Place::Postgres(_) => Kind::Postgres,
        }
    }
}

/// The database of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    place: Arc<Place>,
    pool: Pool<Manager>,
    turns: Option<Arc<Turns>>,
}

impl Database {
    /// Opens the SQLite file at `path`, creating it if need be, and brings its tables up to date.
    ///
    /// # Errors
    /// `Connect` or `Migrate`, with the cause.
    pub fn sqlite(path: &Path) -> Result<Self, DatabaseError> {
        Self::at(Place::Sqlite(path.to_owned()))
    }

    /// Connects to the PostgreSQL server at `url` and brings its tables up to date; safe when several
    /// processes start at once.
    ///
    /// # Errors
    /// `Connect` or `Migrate`, with the cause.
    pub fn postgres(url: &str) -> Result<Self, DatabaseError> {
        Self::at(Place::Postgres(url.to_owned()))
    }

    fn at(place: Place) -> Result<Self, DatabaseError> {
        migrate(&mut place.connect()?)?;
        let pool = Pool::builder()
            .max_size(8)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_secs(15))
            .test_on_check_out(matches!(place, Place::Postgres(_)))
            .build(Manager(place.clone()))
            .map_err(|error| DatabaseError::Pool(error.to_string()))?;
        let turns = matches!(place, Place::Sqlite(_)).then(Arc::default);
        Ok(Database { place: Arc::new(place), pool, turns })
    }

    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.place.kind()
    }

    /// A connection of one's own, outside the pool, for a thread that keeps it.
    ///
    /// # Errors
    /// `Connect`, with the cause.
    pub fn connect(&self) -> Result<AnyConnection, DatabaseError> {
        self.place.connect()
    }

    /// Runs `work` on a connection, outside a transaction.
    ///
    /// # Errors
    /// Those of `work`, and `Pool` when no connection becomes free.
    pub fn read<T, E: From<DatabaseError>>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&mut *self.pooled()?)
    }

    /// Runs `work` in one transaction that takes the write lock at its beginning (`BEGIN IMMEDIATE` on
    /// SQLite; READ COMMITTED on PostgreSQL). Commits when `work` succeeds; rolls back when it fails or panics.
    ///
    /// # Errors
    /// Those of `work`, of beginning and of committing.
    pub fn write<T, E: From<DatabaseError>>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_on(&mut *self.pooled()?, work)
    }

    /// One write transaction on a connection of one's own; see [`Database::write`].
    ///
    /// # Errors
    /// Those of `work`, of beginning and of committing.
    pub fn write_on<T, E: From<DatabaseError>>(
        &self,
        connection: &mut AnyConnection,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let _turn = self.turns.as_ref().map(|turns| turns.take());
        transaction(connection, work)
    }

    fn pooled(&self) -> Result<PooledConnection<Manager>, DatabaseError> {
        self.pool.get().map_err(|error| DatabaseError::Pool(error.to_string()))
    }
}

/// Who writes next on SQLite, first come, first served. SQLite itself lets whoever asks at the right moment
/// write: beside a writer that commits without pause, another would ask in vain until its timeout.
#[derive(Default)]
struct Turns {
    /// Next ticket to hand out, and the ticket whose turn it is.
    tickets: Mutex<(u64, u64)>,
    called: Condvar,
}

/// The turn to write; the next one is called when it is dropped.
struct Turn<'a>(&'a Turns);

impl Turns {
    fn take(&self) -> Turn<'_> {
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let own = tickets.0;
        tickets.0 += 1;
        drop(self.called.wait_while(tickets, |(_, turn)| *turn != own).unwrap_or_else(PoisonError::into_inner));
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.tickets.lock().unwrap_or_else(PoisonError::into_inner).1 += 1;
        self.0.called.notify_all();
    }
}

fn transaction<T, E: From<DatabaseError>>(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    begin(connection).map_err(DatabaseError::from)?;
    match catch_unwind(AssertUnwindSafe(|| work(connection))) {
        Ok(Ok(value)) => {
            if let Err(error) = commit(connection) {
                let _ = rollback(connection);
                return Err(DatabaseError::from(error).into());
            }
            Ok(value)
        }
        Ok(Err(error)) => {
            let _ = rollback(connection);
            Err(error)
        }
        Err(panic) => {
            let _ = rollback(connection);
            resume_unwind(panic)
        }
    }
}

fn begin(connection: &mut AnyConnection) -> QueryResult<()> {
    match connection {
        AnyConnection::Sqlite(inner) => AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE"),
        AnyConnection::Postgres(inner) => AnsiTransactionManager::begin_transaction(inner),
    }
}

fn commit(connection: &mut AnyConnection) -> QueryResult<()> {
    match connection {
        AnyConnection::Sqlite(inner) => AnsiTransactionManager::commit_transaction(inner),
        AnyConnection::Postgres(inner) => AnsiTransactionManager::commit_transaction(inner),
    }
}

fn rollback(connection: &mut AnyConnection) -> QueryResult<()> {
    match connection {
        AnyConnection::Sqlite(inner) => AnsiTransactionManager::rollback_transaction(inner),
        AnyConnection::Postgres(inner) => AnsiTransactionManager::rollback_transaction(inner),
    }
}

fn migrate(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| DatabaseError::Migrate(error.to_string());
    match connection {
        AnyConnection::Sqlite(inner) => inner.run_pending_migrations(SQLITE_MIGRATIONS).map(drop).map_err(failed),
        AnyConnection::Postgres(inner) => {
            inner.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))?;
            let outcome = inner.run_pending_migrations(POSTGRES_MIGRATIONS).map(drop).map_err(failed);
            inner.batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"))?;
            outcome
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    #[test]
    fn a_busy_writer_lets_others_have_their_turn() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::sqlite(&folder.path().join("db")).unwrap();
        let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut connection = database.connect().unwrap();
                while !done.load(Ordering::SeqCst) {
                    database
                        .write_on(&mut connection, |_| {
                            written.fetch_add(1, Ordering::SeqCst);
                            Ok::<_, DatabaseError>(())
                        })
                        .unwrap();
                }
            });
            while written.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            let mut connection = database.connect().unwrap();
            let mut waited = 0;
            for _ in 0..50 {
                let before = written.load(Ordering::SeqCst);
                let now =
                    database.write_on(&mut connection, |_| Ok::<_, DatabaseError>(written.load(Ordering::SeqCst)));
                waited = waited.max(now.unwrap() - before);
            }
            done.store(true, Ordering::SeqCst);
            // A thread that is put aside between looking and asking lets a few pass; without turns it is hundreds.
            assert!(waited < 50, "let {waited} others pass");
        });
    }
}
