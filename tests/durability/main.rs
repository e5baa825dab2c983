//! The kill suite: whoever was thanked is counted, once, whatever happens to the program or to the disk.
//!
//! Everything runs on the binary, as an operator has it. A short version of each test runs by default; the long one by
//!
//! ```text
//! PINGJIA_KILLS=300 cargo test --test durability kills -- --ignored
//! ```
//!
//! (300 is also the number without the variable). The full disk and the read-only moments need root, for small file
//! systems of their own, and are run by `tests/run` where it is root:
//!
//! ```text
//! cargo test --test durability full -- --ignored
//! ```
//!
//! By default a limit on the size of files takes the place of the full disk.
//!
//! SIGKILL takes the process away and leaves the machine: what was written stays even if it was not synced. That
//! each answer follows the sync is held by `synced.rs`, which watches the system calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod closing;
mod full;
mod kills;
mod ledger;
mod lost;
mod pages;
mod restored;
mod synced;
