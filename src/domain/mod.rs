//! What Pingjia decides: rules, papers, ballots, tallies, verdicts, sheets.
//!
//! Architecture Invariant: nothing in here reads a clock, draws a random number, opens a file, talks to a
//! database or the web, or imports from another house of this crate. Time, randomness and keys come in as
//! arguments. `tests/layering.rs` holds this.

pub mod account;
pub mod ballot;
pub mod canonical;
pub mod count;
pub mod digest;
pub mod ids;
pub mod jwk;
pub mod jws;
pub mod merkle;
pub mod openings;
pub mod paper;
pub mod poll;
pub mod rules;
pub mod slip;
pub mod tally;
pub mod union;
pub mod verdict;
