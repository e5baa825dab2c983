//! The journal: who did what in the administration of rounds, written in the transaction that does it.
//!
//! Architecture Invariant: casting, typing a code and looking up a receipt leave no row here.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::schema::journal;
use super::{AnyConnection, DatabaseError};
use crate::domain::ids::{AccountId, PollId, UnionId};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    pub at: OffsetDateTime,
    /// Nobody for what the service does by itself.
    pub account: Option<AccountId>,
    pub union: Option<UnionId>,
    pub poll: Option<PollId>,
    /// Stable code of the action: `poll.open`, `account.create` …
    pub action: &'a str,
    /// For people; never a code, nonce, receipt, answer or comment.
    pub detail: &'a str,
}

/// Writes one line.
///
/// # Errors
/// Database faults.
pub fn write(connection: &mut AnyConnection, entry: &Entry<'_>) -> Result<(), DatabaseError> {
    record(connection, entry).map(|_| ())
}

/// The same for a line that is looked up later: its id.
///
/// # Errors
/// Database faults.
pub fn record(connection: &mut AnyConnection, entry: &Entry<'_>) -> Result<i64, DatabaseError> {
    let id = diesel::insert_into(journal::table)
        .values((
            journal::at.eq(entry.at.unix_timestamp()),
            journal::account_id.eq(entry.account.map(|id| id.0)),
            journal::union_id.eq(entry.union.map(|id| id.0)),
            journal::poll_id.eq(entry.poll.map(|id| id.0)),
            journal::action.eq(entry.action),
            journal::detail.eq(entry.detail),
        ))
        .returning(journal::id)
        .get_result(connection)?;
    Ok(id)
}
