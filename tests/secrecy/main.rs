//! The attack suite: an attacker who holds everything but the vault learns nothing about who said what.
//!
//! A slow round is held, one cast after the other, so that the attacker can tell every commit from the next. The test knows the
//! truth; the attacker's code (`attack.rs`) sees only the [`loot::Loot`]: which slip was spent in which commit, every row that the same
//! commit brought, the published blocks in their stored order, and raw bytes of database, write-ahead log,
//! backups, dumps and logs; on SQLite through the binary, on PostgreSQL through the library. It makes thousands of claims, of four kinds:
//!
//! (a) slip → answers, (b) the order of the opened ballots, (c) slip → receipt, (d) slip → comment.
//!
//! None may be truer than chance allows (`chance.rs`: all of them together flake less than once in a million
//! runs). The same attacker on stores that leak (`leaky.rs`) must be right in at least nine cases of ten.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod asked;
mod attack;
mod chance;
mod leaky;
mod loot;
mod postgres;
mod raw;
mod sources;
mod sqlite;
mod truth;
mod wal;
