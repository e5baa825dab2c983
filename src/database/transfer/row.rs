//! Rows on their way: read as a stream, summed up in a digest, inserted in batches.

use diesel::RunQueryDsl as _;
use diesel::backend::Backend;
use diesel::connection::DefaultLoadingMode;
use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::row::{Field as _, NamedRow};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteType};
use sha2::{Digest as _, Sha256};

use super::table::{Kind, Table};
use crate::database::connection::{AnyConnection, DatabaseError};
use crate::domain::digest::Digest;

/// Values bound by one statement; SQLite takes 32,766, PostgreSQL twice as many.
const VALUES: usize = 16_000;
/// A batch with more bytes than this is inserted before it is full.
const BYTES: usize = 4 << 20;

/// Type numbers of PostgreSQL.
const INT8: u32 = 20;
const TEXT: u32 = 25;
const BYTEA: u32 = 17;

/// A value, the same whichever database it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// A row, its values in the order of the table's columns.
pub(super) struct Row(pub(super) Vec<Value>);

impl diesel::QueryableByName<Pg> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let value = |place: usize| {
            let field = diesel::row::Row::get(row, place).ok_or("a column is missing")?;
            let Some(value) = field.value() else { return Ok(Value::Null) };
            match value.get_oid().get() {
                INT8 => FromSql::<BigInt, Pg>::from_sql(value).map(Value::Integer),
                TEXT => FromSql::<Text, Pg>::from_sql(value).map(Value::Text),
                BYTEA => FromSql::<Binary, Pg>::from_sql(value).map(Value::Blob),
                other => Err(format!("type {other} of a column").into()),
            }
        };
        (0..row.field_count()).map(value).collect::<deserialize::Result<_>>().map(Row)
    }
}

impl diesel::QueryableByName<Sqlite> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        let value = |place: usize| {
            let field = diesel::row::Row::get(row, place).ok_or("a column is missing")?;
            let Some(value) = field.value() else { return Ok(Value::Null) };
            match value.value_type() {
                Some(SqliteType::Integer | SqliteType::SmallInt | SqliteType::Long) => {
                    FromSql::<BigInt, Sqlite>::from_sql(value).map(Value::Integer)
                }
                Some(SqliteType::Text) => FromSql::<Text, Sqlite>::from_sql(value).map(Value::Text),
                Some(SqliteType::Binary) => FromSql::<Binary, Sqlite>::from_sql(value).map(Value::Blob),
                other => Err(format!("type {other:?} of a column").into()),
            }
        };
        (0..row.field_count()).map(value).collect::<deserialize::Result<_>>().map(Row)
    }
}

/// Hands the rows of a query to `work`, one at a time: of a million rows, one is in memory.
pub(super) fn each<E: From<DatabaseError>>(
    connection: &mut AnyConnection,
    query: &str,
    mut work: impl FnMut(Row) -> Result<(), E>,
) -> Result<(), E> {
    let query = diesel::sql_query(query);
    match connection {
        AnyConnection::Sqlite(inner) => {
            for row in query.load_iter::<Row, DefaultLoadingMode>(inner).map_err(DatabaseError::from)? {
                work(row.map_err(DatabaseError::from)?)?;
            }
        }
        AnyConnection::Postgres(inner) => {
            for row in query.load_iter::<Row, PgRowByRowLoadingMode>(inner).map_err(DatabaseError::from)? {
                work(row.map_err(DatabaseError::from)?)?;
            }
        }
    }
    Ok(())
}

/// Number and digest of a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    pub rows: u64,
    /// SHA-256 over all rows in the order of the key, each value with its type and length.
    pub digest: Digest,
}

/// Sums rows up, as they pass.
pub(super) struct Summing {
    rows: u64,
    hash: Sha256,
}

impl Summing {
    pub(super) fn new(table: &Table) -> Self {
        let mut hash = Sha256::new();
        for column in &table.columns {
            put(&mut hash, b'c', column.name.as_bytes());
        }
        Summing { rows: 0, hash }
    }

    pub(super) fn add(&mut self, row: &Row) {
        self.rows += 1;
        for value in &row.0 {
            match value {
                Value::Null => put(&mut self.hash, b'n', &[]),
                Value::Integer(number) => put(&mut self.hash, b'i', &number.to_be_bytes()),
                Value::Text(text) => put(&mut self.hash, b't', text.as_bytes()),
                Value::Blob(bytes) => put(&mut self.hash, b'b', bytes),
            }
        }
    }

    pub(super) fn finish(self) -> Sum {
        Sum { rows: self.rows, digest: Digest(self.hash.finalize().into()) }
    }
}

fn put(hash: &mut Sha256, tag: u8, bytes: &[u8]) {
    hash.update([tag]);
    hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(bytes);
}

/// Rows that wait to be inserted together.
pub(super) struct Batch<'a> {
    table: &'a Table,
    rows: Vec<Row>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        Batch { table, rows: Vec::new(), bytes: 0 }
    }

    pub(super) fn push(&mut self, row: Row) {
        let bytes = |value: &Value| match value {
            Value::Null => 0,
            Value::Integer(_) => 8,
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
        };
        self.bytes += row.0.iter().map(bytes).sum::<usize>();
        self.rows.push(row);
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes > BYTES || (self.rows.len() + 1) * self.table.columns.len() > VALUES
    }

    /// Inserts what waits, in its order.
    pub(super) fn insert(&mut self, connection: &mut AnyConnection) -> Result<(), DatabaseError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let count = rows.len();
        let inserted = match connection {
            AnyConnection::Sqlite(inner) => {
                let query = diesel::sql_query(self.statement(count, |_, _| "?".to_owned()));
                self.bind(query.into_boxed::<Sqlite>(), rows).execute(inner)?
            }
            AnyConnection::Postgres(inner) => {
                let query = diesel::sql_query(self.statement(count, |place, kind| match kind {
                    Kind::Boolean => format!("${place} <> 0"),
                    _ => format!("${place}"),
                }));
                self.bind(query.into_boxed::<Pg>(), rows).execute(inner)?
            }
        };
        if inserted == count { Ok(()) } else { Err(DatabaseError::Row(format!("{inserted} of {count} rows inserted"))) }
    }

    fn statement(&self, rows: usize, value: impl Fn(usize, Kind) -> String) -> String {
        let columns = &self.table.columns;
        let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let row = |number: usize| {
            let values: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(place, column)| value(number * columns.len() + place + 1, column.kind))
                .collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!("INSERT INTO \"{}\" ({}) VALUES {}", self.table.name, names.join(", "), rows.join(", "))
    }

    fn bind<DB>(&self, query: Boxed<DB>, rows: Vec<Row>) -> Boxed<DB>
    where
        DB: Backend + HasSqlType<BigInt> + HasSqlType<Text> + HasSqlType<Binary>,
        Option<i64>: ToSql<Nullable<BigInt>, DB>,
        Option<String>: ToSql<Nullable<Text>, DB>,
        Option<Vec<u8>>: ToSql<Nullable<Binary>, DB>,
    {
        let kinds = self.table.columns.iter().map(|column| column.kind).cycle();
        rows.into_iter().flat_map(|row| row.0).zip(kinds).fold(query, |query, (value, kind)| match (value, kind) {
            (Value::Integer(number), _) => query.bind::<Nullable<BigInt>, _>(Some(number)),
            (Value::Text(text), _) => query.bind::<Nullable<Text>, _>(Some(text)),
            (Value::Blob(bytes), _) => query.bind::<Nullable<Binary>, _>(Some(bytes)),
            (Value::Null, Kind::Integer | Kind::Boolean) => query.bind::<Nullable<BigInt>, _>(None::<i64>),
            (Value::Null, Kind::Text) => query.bind::<Nullable<Text>, _>(None::<String>),
            (Value::Null, Kind::Blob) => query.bind::<Nullable<Binary>, _>(None::<Vec<u8>>),
        })
    }
}

type Boxed<DB> = BoxedSqlQuery<'static, DB, SqlQuery>;
