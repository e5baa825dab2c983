//! Rounds over real HTTP with plain forms, as a browser without scripts holds them; and everything that must be
//! refused on the way.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod refusals;
mod round;
mod service;
