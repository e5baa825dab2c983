//! The pool of connections and the two ways to use it: read and write.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::pg::PgConnection;
use diesel::r2d2::{ManageConnection, Pool, PooledConnection};
use diesel::sqlite::SqliteConnection;
use diesel::{QueryResult, RunQueryDsl};

use super::address::{Address, PostgresUrl};
use super::checkpoint::Checkpointer;
use super::{migrate, reading, relocation};

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
    /// See [`super::Looks`].
    #[error("the look-up that this one waited for has failed")]
    GaveUp,
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error("a row in the database cannot be read: {0}")]
    Row(String),
    #[error("这个数据库里的数据只搬了一半，不能使用：请把 pingjia move 原样再运行一次，让它搬完")]
    HalfMoved,
    #[error(
        "这个数据库的数据已经搬到别处，不能再用：请把 --database-url（或 --data）指向新数据库；\
         如果要放弃新数据库、回到这里，请运行 pingjia move --reopen"
    )]
    MovedAway,
    /// The server would answer before a commit is on the disk.
    #[error(
        "数据库没有开启同步提交（synchronous_commit = {0}），投票不安全，不能使用：请把它改为 on（或 remote_apply），再启动服务"
    )]
    NotDurable(String),
    #[error("这个数据库被更新版本的程序用过，本程序不认识它的表：请换用那个版本（或更新的版本）的 pingjia")]
    TooNew,
    /// A database whose server stores text in another encoding cannot hold Chinese.
    #[error(
        "数据库的编码是 {0}，存不了中文：请新建一个编码为 UTF8 的数据库（CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0）"
    )]
    Encoding(String),
    /// A standby, or a server set to read only.
    #[error(
        "这个数据库只能读、不能写（可能是只读副本，或设置了 default_transaction_read_only）：请连接主库；\
         有几台服务器时，在地址里写全各台，并加上 target_session_attrs=read-write"
    )]
    ReadOnly,
}

impl DatabaseError {
    /// Whether somebody else holds what was asked for, longer than this connection waits. A server that speaks another
    /// language than English is not understood.
    #[must_use]
    pub(super) fn is_waiting(&self) -> bool {
        let words = ["lock timeout", "database is locked", "database table is locked"];
        matches!(self, DatabaseError::Query(error) if words.iter().any(|words| error.to_string().contains(words)))
    }

    /// Whether the same may succeed in a moment: the connection was lost, the server restarts or fails over, a lock or
    /// a statement took too long, two transactions were in each other's way. A row that is wrong stays wrong.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        use diesel::result::{DatabaseErrorKind as Kind, Error};
        match self {
            DatabaseError::Connect(_)
            | DatabaseError::Pool(_)
            | DatabaseError::GaveUp
            | DatabaseError::ReadOnly
            | DatabaseError::Query(Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. }) => true,
            DatabaseError::Query(Error::DatabaseError(kind, _)) => !matches!(
                kind,
                Kind::UniqueViolation
                    | Kind::ForeignKeyViolation
                    | Kind::NotNullViolation
                    | Kind::CheckViolation
                    | Kind::RestrictViolation
                    | Kind::ExclusionViolation
            ),
            _ => false,
        }
    }
}

/// Makes an SQLite file for its owner alone, unless it is there: left to the library it would be as readable as the folder.
pub(super) fn private_file(file: &Path) -> std::io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(file).map(drop)
}

/// Makes and checks connections for the pool.
#[derive(Debug, Clone)]
struct Manager(Address);

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

/// The database of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    address: Arc<Address>,
    pool: Pool<Manager>,
    own_file: Option<OwnFile>,
}

/// What an SQLite file needs beside its connections.
#[derive(Clone)]
struct OwnFile {
    turns: Arc<Turns>,
    checkpointer: Arc<Checkpointer>,
}

impl Database {
    /// Opens the SQLite file at `path`, creating it if need be, and brings its tables up to date.
    ///
    /// # Errors
    /// See [`Database::open`].
    pub fn sqlite(path: &Path) -> Result<Self, DatabaseError> {
        Self::open(&Address::Sqlite(path.to_owned()))
    }

    /// Connects to the PostgreSQL server at `url` and brings its tables up to date; safe when several
    /// processes start at once.
    ///
    /// # Errors
    /// See [`Database::open`].
    pub fn postgres(url: &str) -> Result<Self, DatabaseError> {
        Self::open(&Address::Postgres(PostgresUrl::from(url)))
    }

    /// Opens the database at this address and brings its tables up to date.
    ///
    /// # Errors
    /// `Connect` or `Migrate`, with the cause; `TooNew`, `HalfMoved` or `MovedAway` for one that may not be served.
    pub fn open(address: &Address) -> Result<Self, DatabaseError> {
        if let Address::Sqlite(file) = address {
            private_file(file).map_err(|error| DatabaseError::Connect(format!("{}: {error}", file.display())))?;
        }
        // Kept until the pool has a connection: `pingjia move` must see this process without a gap.
        let mut first = address.connect_patiently()?;
        migrate::run(&mut first)?;
        relocation::may_be_served(&mut first)?;
        reading::read_sheets_anew(&mut first)?;
        let pool = Pool::builder()
            .max_size(8)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_secs(15))
            .test_on_check_out(address.kind() == Kind::Postgres)
            .build(Manager(address.clone()))
            .map_err(|error| DatabaseError::Pool(error.to_string()))?;
        let own_file = match first {
            AnyConnection::Postgres(_) => None,
            AnyConnection::Sqlite(connection) => {
                let turns = Arc::<Turns>::default();
                let checkpointer = Arc::new(Checkpointer::start(connection, turns.clone())?);
                Some(OwnFile { turns, checkpointer })
            }
        };
        Ok(Database { address: Arc::new(address.clone()), pool, own_file })
    }

    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.address.kind()
    }

    /// A connection of one's own, outside the pool, for a thread that keeps it.
    ///
    /// # Errors
    /// `Connect`, with the cause.
    pub fn connect(&self) -> Result<AnyConnection, DatabaseError> {
        self.address.connect()
    }

    /// The same for a thread that commits all the time: on SQLite its part of the write-ahead log leaves in long
    /// stretches ([`super::gathering`]). After a failure it has to be closed.
    ///
    /// # Errors
    /// `Connect`, with the cause.
    pub fn connect_to_cast(&self) -> Result<AnyConnection, DatabaseError> {
        self.address.connect_gathering()
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
        let Some(file) = &self.own_file else { return transaction(connection, work) };
        let done = {
            let _turn = file.turns.take();
            transaction(connection, work)
        };
        file.checkpointer.ring();
        done
    }

    fn pooled(&self) -> Result<PooledConnection<Manager>, DatabaseError> {
        self.pool.get().map_err(|error| DatabaseError::Pool(error.to_string()))
    }
}

/// Who writes next on SQLite, first come, first served. SQLite itself lets whoever asks at the right moment
/// write: beside a writer that commits without pause, another would ask in vain until its timeout.
#[derive(Default)]
pub(super) struct Turns {
    /// Next ticket to hand out, and the ticket whose turn it is.
    tickets: Mutex<(u64, u64)>,
    called: Condvar,
}

/// The turn to write; the next one is called when it is dropped.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn take(&self) -> Turn<'_> {
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

/// See [`Database::write`].
pub(super) fn transaction<T, E: From<DatabaseError>>(
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn turns_come_in_the_order_of_asking() {
        let (turns, came) = (Turns::default(), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            let held = turns.take();
            for n in 0..8 {
                let (turns, came) = (&turns, &came);
                scope.spawn(move || {
                    let _turn = turns.take();
                    came.lock().unwrap().push(n);
                });
                // It has its ticket before the next one asks.
                while turns.tickets.lock().unwrap().0 < n + 2 {
                    std::thread::yield_now();
                }
            }
            drop(held);
        });
        assert_eq!(*came.lock().unwrap(), (0..8).collect::<Vec<u64>>());
    }

    #[test]
    fn whoever_writes_waits_for_a_turn() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::sqlite(&folder.path().join("db")).unwrap();
        let turns = &database.own_file.as_ref().unwrap().turns;
        let written = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let held = turns.take();
            let asked = turns.tickets.lock().unwrap().0;
            scope.spawn(|| {
                let done = database.write(|_| {
                    written.store(true, Ordering::SeqCst);
                    Ok::<_, DatabaseError>(())
                });
                done.unwrap();
            });
            while turns.tickets.lock().unwrap().0 == asked && !written.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            assert!(!written.load(Ordering::SeqCst), "a turn is taken");
            drop(held);
        });
        assert!(written.load(Ordering::SeqCst));
    }
}
