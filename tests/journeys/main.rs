//! The journeys of people through the product, in a real browser against a real service: Debian's Chromium through
//! chromedriver. Without them these tests fail; `tests/run` installs both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::zombie_processes,
    reason = "a failure is a failed test; the programs end with the test process"
)]

#[path = "../support/days.rs"]
mod days;

mod gallery;
mod hands;
mod harness;
mod help_pictures;
mod inspect;
mod member;
mod network;
mod pages;
mod refusals;
mod round;
mod slips;
mod superior;
mod watching;
mod weather;
