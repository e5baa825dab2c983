//! http
pub mod member;
