//! Pingjia (评家): the secret-ballot evaluation of trade-union Homes, one program.
//!
//! | house | duty |
//! |---|---|
//! | [`domain`] | decides: rules, ballots, tallies, verdicts, sheets; pure |
//! | [`database`] | connections to SQLite and PostgreSQL, migrations, the schema, the two rows that both houses below write |
//! | [`ballot_box`] | the only code that spends slips and seals or opens ballots |
//! | [`store`] | everything else in the database |
//! | [`render`] | QR codes, charts, slips, PDFs, workbooks |
//! | [`signing`] | the keys that sign statements, on disk |
//! | [`office`] | steps of a round that several houses take part in: opening, certifying, correcting, opinion |
//! | [`verify`] | verification of a sheet from files alone |
//! | [`http`] | pages and routes |
//!
//! Architecture Invariant: `http → {office, ballot_box, store, render, signing, database, domain}`, `office → {ballot_box, store,
//! signing, database, domain}`, `ballot_box, store → {database, domain}`, `verify → {render, domain}`, `render, database, signing →
//! domain`, `domain →` nothing of ours. Around them stand the edges: [`world`] (clock and randomness), [`config`] (what the
//! command line said, for the web; it knows `database` for the address), and [`commands`] above everything.
//! `tests/layering.rs` reads every path and holds this.

pub mod ballot_box;
pub mod commands;
pub mod config;
pub mod database;
pub mod domain;
pub mod http;
pub mod office;
pub mod render;
pub mod signing;
pub mod store;
pub mod verify;
pub mod world;
