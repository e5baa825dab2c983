//! Rounds over real HTTP with plain forms, as a browser without scripts holds them; and everything that must be
//! refused on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;
#[path = "../tools/mod.rs"]
mod tools;

mod access;
mod disputed;
mod figures;
mod forms;
mod headers;
mod help;
mod packets;
mod people;
mod proxy;
mod published;
mod refusals;
mod round;
mod service;
mod sessions;
mod setup;
mod tiers;
