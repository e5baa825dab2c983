//! What operators do with the program, as processes of its own: configure it, start several at once, move an
//! installation between the two databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod backup;
mod demo;
mod moved;
mod moving;
mod place;
mod settings;
mod setup;
mod starting;
#[path = "../support/mod.rs"]
mod support;
