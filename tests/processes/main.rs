//! Several service processes on one PostgreSQL, one vault and one folder of keys: votes through all of them while
//! one is killed and the server is restarted or lost to its standby; closing by one; faults of the database that a cast must
//! survive.
//!
//! A short version of each test runs by default; the long ones by
//!
//! ```text
//! PINGJIA_STORM=20000 cargo test --test processes -- --ignored
//! ```
//!
//! (the number of members; 20000 is also the number without the variable).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod crowd;
mod faults;
mod people;
mod phone;
mod refused;
mod standby;
mod storm;
