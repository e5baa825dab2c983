//! One suite for both databases: what the ballot box and the store promise, held against SQLite and PostgreSQL alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

/// Runs each of these functions as one test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $test() { super::$test(&crate::support::installation::Installation::new(pingjia::database::Kind::Sqlite)); })+
        }
        mod on_postgres {
            $(#[test] fn $test() { super::$test(&crate::support::installation::Installation::new(pingjia::database::Kind::Postgres)); })+
        }
    };
}

mod casting;
mod closing;
mod live;
mod packets;
mod paper;
mod publishing;
mod races;
mod rectification;
mod restored;
mod rollup;
mod store;
mod titles;
mod traces;
mod tree;
mod vault;
