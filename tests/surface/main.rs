//! The surface that strangers reach: encryption, proxies, headers, forms of other sites, limits, refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod limits;
mod quiet;
mod tls;
