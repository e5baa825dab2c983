//! Connections to SQLite and PostgreSQL, one schema, and the two rows that both `store` and `ballot_box` write:
//! the phase of a round and the journal.
//!
//! Architecture Invariant: every write is one transaction that says at its beginning that it will write
//! ([`Database::write`]); nothing here knows what a slip, a ballot or a sheet is.

mod connection;
pub mod journal;
pub mod phase;
pub mod schema;

pub use connection::{AnyConnection, Database, DatabaseError, Kind};
