//! What members see: the front page, the ballot, the thank-you, and a friendly page for everything that can go wrong.
//!
//! Architecture Invariant: no answer, comment, slip code, nonce or receipt is logged, stored, or put into an address
//! other than the slip's own link; every page about a slip says `no-store`.

mod assets;
pub mod ballot;
pub mod front;
mod page;
pub mod receipts;
pub mod rounds;
mod style;
mod words;
