//! What the tests of database and ballot box stand on: installations on either database, rounds in them, and the
//! program itself as a process.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod application;
pub mod days;
pub mod installation;
pub mod postgres;
pub mod round;
pub mod service;
pub mod tables;
pub mod tls;
