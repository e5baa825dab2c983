//! Reading the journal.

use diesel::prelude::*;
use time::OffsetDateTime;

use crate::database::schema::{account, journal as t};
use crate::database::{AnyConnection, DatabaseError};
use crate::domain::ids::{AccountId, PollId, UnionId};

/// One line of the journal, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub at: OffsetDateTime,
    /// Name of the person; none for what the service did by itself.
    pub who: Option<String>,
    /// Stable code of the action.
    pub action: String,
    pub detail: String,
}

type Row = (i64, Option<String>, String, String);

fn line_of((at, who, action, detail): Row) -> Result<Line, DatabaseError> {
    let at = OffsetDateTime::from_unix_timestamp(at)
        .map_err(|error| DatabaseError::Row(format!("time in the journal: {error}")))?;
    Ok(Line { at, who, action, detail })
}

/// What was done to a round, newest first; at most `limit` lines.
///
/// # Errors
/// Database faults.
pub fn of_poll(connection: &mut AnyConnection, poll: PollId, limit: i64) -> Result<Vec<Line>, DatabaseError> {
    let rows: Vec<Row> = t::table
        .left_join(account::table.on(t::account_id.eq(account::id.nullable())))
        .filter(t::poll_id.eq(poll.0))
        .order(t::id.desc())
        .limit(limit)
        .select((t::at, account::name.nullable(), t::action, t::detail))
        .load(connection)?;
    rows.into_iter().map(line_of).collect()
}

/// Those of these actions that were done to a union, newest first; at most `limit` lines.
///
/// # Errors
/// Database faults.
pub fn of_union(
    connection: &mut AnyConnection,
    union: UnionId,
    actions: &[&str],
    limit: i64,
) -> Result<Vec<Line>, DatabaseError> {
    let rows: Vec<Row> = t::table
        .left_join(account::table.on(t::account_id.eq(account::id.nullable())))
        .filter(t::union_id.eq(union.0))
        .filter(t::action.eq_any(actions))
        .order(t::id.desc())
        .limit(limit)
        .select((t::at, account::name.nullable(), t::action, t::detail))
        .load(connection)?;
    rows.into_iter().map(line_of).collect()
}

/// Who did this action to a round, with the detail of each time, oldest first.
///
/// # Errors
/// Database faults.
pub fn doers(
    connection: &mut AnyConnection,
    poll: PollId,
    action: &str,
) -> Result<Vec<(AccountId, String)>, DatabaseError> {
    let rows: Vec<(Option<i64>, String)> = t::table
        .filter(t::poll_id.eq(poll.0))
        .filter(t::action.eq(action))
        .order(t::id)
        .select((t::account_id, t::detail))
        .load(connection)?;
    Ok(rows.into_iter().filter_map(|(account, detail)| Some((AccountId(account?), detail))).collect())
}
