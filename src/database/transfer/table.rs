//! The tables of an installation, read off the database itself: what a later migration adds is moved without
//! anybody thinking of it.

use std::collections::{BTreeMap, BTreeSet};

use diesel::RunQueryDsl as _;
use diesel::sql_types::{BigInt, Bool, Text};

use super::MoveError;
use crate::database::connection::{AnyConnection, DatabaseError};

/// Tables that stay behind: what the database knows of its own migrations, and whether it may be served.
pub(super) const STAY_BEHIND: [&str; 2] = ["__diesel_schema_migrations", "relocation"];

/// What both databases keep in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    /// 0 or 1 on SQLite, a type of its own on PostgreSQL.
    Boolean,
    Text,
    Blob,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Place in the primary key, counted from 1; 0 for a column outside it.
    key: i64,
}

/// A table, with its columns in the order of their names.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Tables that its rows point to.
    points_to: BTreeSet<String>,
}

#[derive(diesel::QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    key: i64,
}

#[derive(diesel::QueryableByName)]
struct PointerRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    points_to: String,
}

#[derive(diesel::QueryableByName)]
struct IsThere {
    #[diesel(sql_type = Bool)]
    is_there: bool,
}

const SQLITE_COLUMNS: &str = "SELECT t.name AS table_name, c.name AS name, lower(c.type) AS kind, c.pk AS key \
     FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
const SQLITE_POINTERS: &str = "SELECT t.name AS table_name, f.\"table\" AS points_to \
     FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'";
/// A table that is laid out in partitions counts as the one that it is.
const POSTGRES_COLUMNS: &str = "SELECT t.relname::text AS table_name, c.attname::text AS name, \
     format_type(c.atttypid, NULL) AS kind, COALESCE(array_position(i.indkey::int2[], c.attnum), -1)::bigint + 1 AS key \
     FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped \
     LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary \
     WHERE t.relkind IN ('r', 'p') AND NOT t.relispartition AND t.relnamespace = current_schema()::regnamespace";
const POSTGRES_POINTERS: &str = "SELECT t.relname::text AS table_name, o.relname::text AS points_to \
     FROM pg_constraint f JOIN pg_class t ON t.oid = f.conrelid JOIN pg_class o ON o.oid = f.confrelid \
     WHERE f.contype = 'f' AND t.relnamespace = current_schema()::regnamespace";

/// Runs the query in the words of the database at hand.
macro_rules! load {
    ($connection:expr, $sqlite:expr, $postgres:expr) => {
        match $connection {
            AnyConnection::Sqlite(inner) => diesel::sql_query($sqlite).load(inner),
            AnyConnection::Postgres(inner) => diesel::sql_query($postgres).load(inner),
        }
        .map_err(DatabaseError::from)
    };
}

/// Names of all tables, those that stay behind among them.
pub(super) fn names(connection: &mut AnyConnection) -> Result<BTreeSet<String>, MoveError> {
    let rows: Vec<ColumnRow> = load!(connection, SQLITE_COLUMNS, POSTGRES_COLUMNS)?;
    Ok(rows.into_iter().map(|row| row.table_name).collect())
}

/// All tables to move; those that others point to come first.
pub(super) fn all(connection: &mut AnyConnection) -> Result<Vec<Table>, MoveError> {
    let mut tables = BTreeMap::new();
    let rows: Vec<ColumnRow> = load!(connection, SQLITE_COLUMNS, POSTGRES_COLUMNS)?;
    for row in rows.into_iter().filter(|row| !STAY_BEHIND.contains(&row.table_name.as_str())) {
        let kind = match row.kind.as_str() {
            "integer" | "bigint" | "smallint" => Kind::Integer,
            "boolean" => Kind::Boolean,
            "text" => Kind::Text,
            "blob" | "bytea" => Kind::Blob,
            other => return Err(MoveError::UnknownType(format!("{}.{}：{other}", row.table_name, row.name))),
        };
        let table = tables.entry(row.table_name.clone()).or_insert_with(|| Table {
            name: row.table_name,
            columns: Vec::new(),
            points_to: BTreeSet::new(),
        });
        table.columns.push(Column { name: row.name, kind, key: row.key });
    }
    let pointers: Vec<PointerRow> = load!(connection, SQLITE_POINTERS, POSTGRES_POINTERS)?;
    for pointer in pointers.into_iter().filter(|pointer| pointer.points_to != pointer.table_name) {
        if let Some(table) = tables.get_mut(&pointer.table_name) {
            table.points_to.insert(pointer.points_to);
        }
    }
    for table in tables.values_mut() {
        if table.columns.iter().all(|column| column.key == 0) {
            return Err(MoveError::UnknownType(format!("{}: no primary key", table.name)));
        }
        table.columns.sort_by(|one, other| one.name.cmp(&other.name));
    }
    in_order(tables)
}

fn in_order(mut left: BTreeMap<String, Table>) -> Result<Vec<Table>, MoveError> {
    let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let ready = left.values().find(|table| table.points_to.iter().all(|name| !left.contains_key(name)));
        let Some(name) = ready.map(|table| table.name.clone()) else {
            return Err(MoveError::UnknownType("tables that point to each other in a ring".to_owned()));
        };
        ordered.extend(left.remove(&name));
    }
    Ok(ordered)
}

impl Table {
    /// Whether another database has this very table.
    pub(super) fn is_like(&self, other: &Table) -> bool {
        let is_like = |(one, other): (&Column, &Column)| {
            let kinds = (one.kind, other.kind);
            let same =
                kinds.0 == kinds.1 || matches!(kinds, (Kind::Integer, Kind::Boolean) | (Kind::Boolean, Kind::Integer));
            same && one.name == other.name && one.key == other.key
        };
        self.name == other.name
            && self.columns.len() == other.columns.len()
            && self.columns.iter().zip(&other.columns).all(is_like)
    }

    /// Reads all rows, in the order of the key byte by byte, so that nothing of the order of arrival is handed on.
    pub(super) fn select(&self, connection: &AnyConnection) -> String {
        let is_postgres = matches!(connection, AnyConnection::Postgres(_));
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| match column.kind {
                Kind::Integer if is_postgres => format!("\"{}\"::bigint", column.name),
                Kind::Boolean if is_postgres => format!("\"{}\"::int::bigint", column.name),
                _ => format!("\"{}\"", column.name),
            })
            .collect();
        let mut key: Vec<&Column> = self.columns.iter().filter(|column| column.key > 0).collect();
        key.sort_by_key(|column| column.key);
        let order: Vec<String> = key
            .iter()
            .map(|column| match column.kind {
                Kind::Text if is_postgres => format!("\"{}\" COLLATE \"C\"", column.name),
                _ => format!("\"{}\"", column.name),
            })
            .collect();
        format!("SELECT {} FROM \"{}\" ORDER BY {}", columns.join(", "), self.name, order.join(", "))
    }

    /// How many rows there are.
    pub(super) fn count(&self, connection: &mut AnyConnection) -> Result<u64, MoveError> {
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            rows: i64,
        }
        let query = format!("SELECT count(*) AS rows FROM \"{}\"", self.name);
        let counts: Vec<Count> = load!(connection, query, query)?;
        Ok(counts.first().map_or(0, |count| u64::try_from(count.rows).unwrap_or(0)))
    }

    /// Whether there is no row.
    pub(super) fn is_empty(&self, connection: &mut AnyConnection) -> Result<bool, MoveError> {
        let query = format!("SELECT EXISTS (SELECT 1 FROM \"{}\") AS is_there", self.name);
        let found: Vec<IsThere> = load!(connection, query, query)?;
        Ok(!found.iter().any(|found| found.is_there))
    }
}
