//! Connections to SQLite and PostgreSQL, one schema, and the rows that both `store` and `ballot_box` write:
//! the phase of a round, where it stands for the unions above, and the journal.
//!
//! Architecture Invariant: every write is one transaction that says at its beginning that it will write
//! ([`Database::write`]); nothing here knows what a slip or a ballot is, and of a sheet
//! only what the unions above see at a glance.

mod address;
mod checkpoint;
mod connection;
mod gathering;
pub mod installation;
pub mod journal;
mod looks;
mod migrate;
pub mod phase;
mod relocation;
pub mod schema;
pub mod session;
pub mod standing;
pub mod transfer;

pub use address::{Address, PostgresUrl};
pub use connection::{AnyConnection, Database, DatabaseError, Kind};
pub use looks::{Looks, look_aside};
