//! The ballot box: the only code that spends slips and seals or opens ballots.
//!
//! A ballot is sealed before it is stored, under a key that lies in the vault and never in the database; the
//! key dies when the box is opened. See `docs/ballot-box.md` for the whole of it.
//!
//! Architecture Invariant: no plaintext answer, slip code, form nonce, seed or receipt is ever stored while a
//! round is open, nor logged at any time; nothing stored beside a slip or a sealed ballot tells a time, an
//! order or an address.

mod api;
mod cast;
mod chores;
mod close;
mod identity;
mod issue;
mod live;
#[doc(hidden)]
pub mod measure;
mod packet;
mod paper;
mod postgres;
mod queue;
mod rows;
mod seal;
mod shared;
mod sqlite;
mod statement;
mod tombstone;
mod vault;
mod void;

pub use api::*;
