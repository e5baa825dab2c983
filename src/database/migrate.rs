//! Bringing the tables up to date, one process at a time.

use diesel::backend::Backend;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationSource as _, MigrationVersion};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use self::__diesel_schema_migrations as t;
use super::connection::{AnyConnection, DatabaseError};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Advisory lock under which one process at a time migrates a PostgreSQL database.
const LOCK: i64 = 0x7069_6e67_6a69_6101;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn failed(error: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::Migrate(error.to_string())
}

/// Brings the tables up to date. Of several processes one does it and the others wait for it. Where there is nothing to
/// do, nothing but reading is asked of the database: a role that may not make tables will do.
///
/// # Errors
/// `Migrate`, with the cause; `TooNew` where a newer program was at work.
pub(super) fn run(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    match age(connection)? {
        Age::Same => return Ok(()),
        Age::Newer => return Err(DatabaseError::TooNew),
        Age::Older => {}
    }
    match connection {
        AnyConnection::Sqlite(inner) => {
            if inner.has_pending_migration(SQLITE).map_err(failed)? {
                inner.exclusive_transaction(|inner| {
                    inner.run_pending_migrations(SQLITE).map(drop).map_err(Pending::Failed)
                })?;
            }
            Ok(())
        }
        AnyConnection::Postgres(inner) => {
            inner.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})"))?;
            let outcome = inner.run_pending_migrations(POSTGRES).map(drop).map_err(failed);
            inner.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})"))?;
            outcome
        }
    }
}

/// How the tables stand to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// They lack a migration that this program has.
    Older,
    Same,
    /// They have one that this program does not know.
    Newer,
}

/// Compares the migrations that a database went through with those of this program.
///
/// # Errors
/// `Migrate`, with the cause.
pub(super) fn age(connection: &mut AnyConnection) -> Result<Age, DatabaseError> {
    let (applied, known) = match connection {
        AnyConnection::Sqlite(inner) => {
            (inner.applied_migrations().map_err(failed)?, versions::<Sqlite>(&SQLITE.migrations().map_err(failed)?))
        }
        AnyConnection::Postgres(inner) => (applied(inner)?, versions::<Pg>(&POSTGRES.migrations().map_err(failed)?)),
    };
    if applied.iter().any(|version| !known.contains(version)) {
        return Ok(Age::Newer);
    }
    Ok(if known.iter().all(|version| applied.contains(version)) { Age::Same } else { Age::Older })
}

/// What diesel's own look does, which first makes the table of migrations and needs the right to.
fn applied(connection: &mut PgConnection) -> Result<Vec<MigrationVersion<'static>>, DatabaseError> {
    let table = sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL");
    if !diesel::select(table).get_result::<bool>(connection)? {
        return Ok(Vec::new());
    }
    Ok(t::table.select(t::version).load(connection)?)
}

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

fn versions<DB: Backend>(migrations: &[Box<dyn Migration<DB>>]) -> Vec<MigrationVersion<'static>> {
    migrations.iter().map(|migration| migration.name().version().as_owned()).collect()
}

/// An error within a transaction: diesel wants its own among them.
enum Pending {
    Failed(Failure),
    Query(diesel::result::Error),
}

impl From<diesel::result::Error> for Pending {
    fn from(error: diesel::result::Error) -> Self {
        Pending::Query(error)
    }
}

impl From<Pending> for DatabaseError {
    fn from(error: Pending) -> Self {
        match error {
            Pending::Failed(error) => failed(error),
            Pending::Query(error) => failed(error),
        }
    }
}
