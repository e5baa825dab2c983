//! Connections to SQLite and PostgreSQL, one schema, and the rows that both `store` and `ballot_box` write:
//! the phase of a round, where it stands for the unions above, what its sheet asks for and means for titles, and the journal.
//!
//! Architecture Invariant: every write is one transaction that says at its beginning that it will write
//! ([`Database::write`]); nothing here spends a slip, or opens or counts a ballot: their rows are tables like
//! others, but that [`transfer`] names those of sealed ballots, because they have to be empty before a move. Of a
//! sheet nothing is known here but what the unions above see at a glance, and whether its signatures hold.

mod address;
mod checkpoint;
mod connection;
mod gathering;
pub mod installation;
pub mod journal;
mod looks;
mod migrate;
pub mod phase;
mod reading;
pub mod rectification;
mod relocation;
pub mod schema;
pub mod session;
pub mod standing;
pub mod title;
pub mod transfer;

pub use address::{Address, PostgresUrl};
pub use connection::{AnyConnection, Database, DatabaseError, Kind};
pub use looks::{Looks, look_aside};
