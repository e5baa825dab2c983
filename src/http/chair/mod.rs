//! What a union's own people see before the box is open: their rounds, people, the draft and its slips.
//! From the opening on, see [`super::round`].

pub mod dashboard;
pub mod draft;
pub mod officers;
pub mod packets;
pub mod people;
pub mod poster;
pub mod setup;
pub mod slips;
