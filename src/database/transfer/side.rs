//! One of the two databases of a move: held alone, so that nothing else reads or writes it meanwhile.

use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Bool, Nullable};
use diesel::{QueryableByName, RunQueryDsl as _};

use super::MoveError;
use super::table::{self, Kind, STAY_BEHIND, Table};
use crate::database::address::{Address, POSTGRES_NAME, SQLITE_SETTINGS};
use crate::database::connection::{AnyConnection, DatabaseError, private_file};
use crate::database::migrate::{self, Age};
use crate::database::relocation::{self, Mark};

/// Advisory lock that a move holds on each of its databases. One that is held already is the same database, or
/// another move is at work there.
const LOCK: i64 = 0x7069_6e67_6a69_6102;

/// SQLite: nobody else may have the file open, from the first look at it until this connection ends.
const SQLITE_ALONE: &str = "PRAGMA busy_timeout = 2000; PRAGMA locking_mode = EXCLUSIVE;";
/// PostgreSQL: copying takes its time, waiting for others does not.
const POSTGRES_PATIENCE: &str = "SET application_name = 'pingjia move'; SET lock_timeout = '5s'; \
     SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;";

/// A database with a transaction that nobody else can write beside.
pub(super) struct Side {
    pub(super) connection: AnyConnection,
    pub(super) tables: Vec<Table>,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

impl Side {
    /// Holds a database that must be an installation of this very age.
    pub(super) fn source(address: &Address) -> Result<Self, MoveError> {
        if let Address::Sqlite(file) = address
            && !file.is_file()
        {
            return Err(MoveError::NothingThere(address.clone()));
        }
        let mut connection = alone(address)?;
        if !is_installation(&mut connection)? {
            return Err(MoveError::NothingThere(address.clone()));
        }
        match migrate::age(&mut connection)? {
            Age::Same => Self::begin(connection, address),
            Age::Older => Err(MoveError::OldTables(address.clone())),
            Age::Newer => Err(MoveError::NewTables(address.clone())),
        }
    }

    /// Holds a database to move into, and makes its tables. It holds nothing but an installation, or nothing at all.
    pub(super) fn target(address: &Address) -> Result<Self, MoveError> {
        if let Address::Sqlite(file) = address {
            create_file(file).map_err(|error| MoveError::Folder(file.clone(), error))?;
        }
        let mut connection = alone(address)?;
        if !is_installation(&mut connection)? {
            if !table::names(&mut connection)?.iter().all(|name| STAY_BEHIND.contains(&name.as_str())) {
                return Err(MoveError::SomebodyElses(address.clone()));
            }
        } else if migrate::age(&mut connection)? == Age::Newer {
            return Err(MoveError::NewTables(address.clone()));
        }
        migrate::run(&mut connection)?;
        Self::begin(connection, address)
    }

    /// Begins the transaction. From here on nobody else changes anything, and no service starts.
    fn begin(mut connection: AnyConnection, address: &Address) -> Result<Self, MoveError> {
        let tables = table::all(&mut connection)?;
        let mut side = Side { connection, tables };
        side.begin_again(address)?;
        Ok(side)
    }

    fn begin_again(&mut self, address: &Address) -> Result<(), MoveError> {
        let in_use = |error: diesel::result::Error| match DatabaseError::from(error) {
            error if error.is_waiting() => MoveError::InUse(address.clone()),
            other => MoveError::NotHeld(address.clone(), other),
        };
        match &mut self.connection {
            AnyConnection::Sqlite(inner) => inner.batch_execute("BEGIN EXCLUSIVE").map_err(in_use),
            AnyConnection::Postgres(inner) => {
                let names: Vec<String> = self.tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
                // A service looks at `relocation` when it starts, and waits there until the move is over.
                let locks = format!(
                    "BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE relocation IN ACCESS EXCLUSIVE MODE; \
                     LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
                    names.join(", ")
                );
                inner.batch_execute(&locks).map_err(in_use)?;
                let others = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                     AND application_name = 'pingjia' AND pid <> pg_backend_pid()) AS yes";
                if yes(&mut self.connection, others)? { Err(MoveError::InUse(address.clone())) } else { Ok(()) }
            }
        }
    }

    /// Makes the changes last.
    pub(super) fn commit(&mut self) -> Result<(), MoveError> {
        Ok(execute(&mut self.connection, "COMMIT")?)
    }

    /// Sets the mark so that it lasts even if the process dies the next moment, and goes on in a new transaction.
    pub(super) fn mark_first(&mut self, mark: Mark, address: &Address) -> Result<(), MoveError> {
        self.mark(Some(mark))?;
        self.commit()?;
        self.begin_again(address)
    }

    pub(super) fn mark(&mut self, mark: Option<Mark>) -> Result<(), MoveError> {
        Ok(relocation::put(&mut self.connection, mark)?)
    }

    pub(super) fn marked(&mut self) -> Result<Option<Mark>, MoveError> {
        Ok(relocation::read(&mut self.connection)?)
    }

    /// Whether no table has a row.
    pub(super) fn is_empty(&mut self) -> Result<bool, MoveError> {
        for table in &self.tables {
            if !table.is_empty(&mut self.connection)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// New rows on PostgreSQL get numbers above those that were copied. (SQLite counts on from the highest itself.)
    pub(super) fn set_sequences(&mut self) -> Result<(), MoveError> {
        #[derive(QueryableByName)]
        struct Set {
            #[diesel(sql_type = Nullable<BigInt>)]
            _last: Option<i64>,
        }
        let AnyConnection::Postgres(inner) = &mut self.connection else { return Ok(()) };
        for table in &self.tables {
            for column in table.columns.iter().filter(|column| column.kind == Kind::Integer) {
                let (table, column) = (&table.name, &column.name);
                diesel::sql_query(format!(
                    "SELECT setval(pg_get_serial_sequence('\"{table}\"', '{column}'), \
                     COALESCE(max(\"{column}\"), 0) + 1, false) AS _last FROM \"{table}\" \
                     HAVING pg_get_serial_sequence('\"{table}\"', '{column}') IS NOT NULL"
                ))
                .load::<Set>(inner)
                .map_err(DatabaseError::from)?;
            }
        }
        Ok(())
    }
}

/// A connection that has the database to itself.
fn alone(address: &Address) -> Result<AnyConnection, MoveError> {
    let sqlite = [SQLITE_ALONE, &SQLITE_SETTINGS.replace("PRAGMA busy_timeout = 15000;", "")].concat();
    let postgres = [POSTGRES_NAME, POSTGRES_PATIENCE].concat();
    let mut connection = address.connect_with(&sqlite, &postgres).map_err(|error| match error {
        DatabaseError::Connect(why) if why.contains("locked") => MoveError::InUse(address.clone()),
        other => other.into(),
    })?;
    if let AnyConnection::Postgres(inner) = &mut connection {
        let lock = format!("SELECT pg_advisory_lock({LOCK})");
        inner.batch_execute(&lock).map_err(DatabaseError::from).map_err(|error| match error {
            error if error.is_waiting() => MoveError::SameOrMoving(address.clone()),
            other => MoveError::NotHeld(address.clone(), other),
        })?;
    }
    Ok(connection)
}

fn yes(connection: &mut AnyConnection, query: &str) -> Result<bool, DatabaseError> {
    let query = diesel::sql_query(query);
    let answers: Vec<Answer> = match connection {
        AnyConnection::Sqlite(inner) => query.load(inner)?,
        AnyConnection::Postgres(inner) => query.load(inner)?,
    };
    Ok(answers.iter().any(|answer| answer.yes))
}

fn execute(connection: &mut AnyConnection, sql: &str) -> Result<(), DatabaseError> {
    match connection {
        AnyConnection::Sqlite(inner) => inner.batch_execute(sql)?,
        AnyConnection::Postgres(inner) => inner.batch_execute(sql)?,
    }
    Ok(())
}

fn is_installation(connection: &mut AnyConnection) -> Result<bool, MoveError> {
    Ok(table::names(connection)?.contains("trade_union"))
}

/// Makes the file for its owner alone, unless it is there.
fn create_file(file: &Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    private_file(file)
}
