//! What a superior union does: watches its area, approves electorates, gives opinions on sheets, follows
//! rectifications, puts down titles, creates the unions and accounts below it, draws spot checks.

pub mod accounts;
pub mod approvals;
pub mod area;
mod due;
pub mod exports;
mod figures;
pub mod import;
pub mod opening;
pub mod oversight;
pub mod rectification;
pub mod spot_check;
pub mod title;
pub mod titles;
pub mod unions;
mod words;
mod worksheet;
