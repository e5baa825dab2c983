//! Reading the journal.

use diesel::prelude::*;
use time::OffsetDateTime;

use crate::database::schema::{account, journal as t};
use crate::database::{AnyConnection, DatabaseError};
use crate::domain::account::Role;
use crate::domain::ids::{AccountId, PollId, UnionId};
use crate::domain::poll::Poll;

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
    Ok(Line { at: moment(at)?, who, action, detail })
}

fn moment(at: i64) -> Result<OffsetDateTime, DatabaseError> {
    let at = OffsetDateTime::from_unix_timestamp(at);
    at.map_err(|error| DatabaseError::Row(format!("time in the journal: {error}")))
}

/// Where a page of the journal stands in the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// How many lines are newer.
    pub newer: i64,
    /// How many there are in all.
    pub total: i64,
}

impl Place {
    /// Lines on a page at most.
    const PAGE: i64 = 200;

    /// How many lines are newer than those of the next page; none if this is the last.
    #[must_use]
    pub fn next(self) -> Option<i64> {
        Some(self.newer + Place::PAGE).filter(|newer| *newer < self.total)
    }
}

/// What was done to a round, newest first: the page that follows on the `newer` newest lines. However many lines somebody
/// has written, the older ones can be turned to.
///
/// # Errors
/// Database faults.
pub fn of_poll(connection: &mut AnyConnection, poll: PollId, newer: i64) -> Result<(Vec<Line>, Place), DatabaseError> {
    let total = t::table.filter(t::poll_id.eq(poll.0)).count().get_result(connection)?;
    let place = Place { newer: newer.clamp(0, total), total };
    let rows: Vec<Row> = t::table
        .left_join(account::table.on(t::account_id.eq(account::id.nullable())))
        .filter(t::poll_id.eq(poll.0))
        .order(t::id.desc())
        .offset(place.newer)
        .limit(Place::PAGE)
        .select((t::at, account::name.nullable(), t::action, t::detail))
        .load(connection)?;
    Ok((rows.into_iter().map(line_of).collect::<Result<_, _>>()?, place))
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

/// What was done to an account, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLine {
    /// Its detail is the username of the account.
    pub line: Line,
    /// Role and username of whoever did it; none for the command line.
    pub by: Option<(Role, String)>,
}

impl AccountLine {
    /// Whether somebody chose another password for themselves.
    #[must_use]
    pub fn is_own_password(&self) -> bool {
        let own = self.by.as_ref().is_some_and(|(_, username)| *username == self.line.detail);
        own && self.line.action == "account.password"
    }
}

/// Of passwords that people chose for themselves only so many are told: nobody hides what else was done behind theirs.
const OWN_PASSWORDS: usize = 100;

/// What was done to the accounts of a round's union from when its electorate was approved until the round was over, newest
/// first; own passwords are told at most a hundred times.
///
/// # Errors
/// Database faults.
pub fn of_accounts(connection: &mut AnyConnection, poll: &Poll) -> Result<Vec<AccountLine>, DatabaseError> {
    type Doer = Option<(String, String, String)>;
    const ACTIONS: [&str; 4] = ["account.create", "account.password", "account.activate", "account.deactivate"];
    let mut first = |actions: &[&str]| -> Result<Option<i64>, DatabaseError> {
        let lines = t::table.filter(t::poll_id.eq(poll.id.0)).filter(t::action.eq_any(actions));
        Ok(lines.select(diesel::dsl::min(t::id)).first(connection)?)
    };
    let Some(begins) = first(&["poll.approve", "poll.open"])? else { return Ok(Vec::new()) };
    let ends = first(&["poll.certify", "poll.void"])?.unwrap_or(i64::MAX);
    let rows: Vec<(i64, Doer, String, String)> = t::table
        .left_join(account::table.on(t::account_id.eq(account::id.nullable())))
        .filter(t::union_id.eq(poll.union.0))
        .filter(t::action.eq_any(ACTIONS))
        .filter(t::id.gt(begins))
        .filter(t::id.lt(ends))
        .order(t::id.desc())
        .select((t::at, (account::name, account::role, account::username).nullable(), t::action, t::detail))
        .load(connection)?;
    let lines = rows
        .into_iter()
        .map(|(at, doer, action, detail)| {
            let (who, by) = match doer {
                Some((name, role, username)) => (Some(name), Role::from_code(&role).map(|role| (role, username))),
                None => (None, None),
            };
            Ok(AccountLine { line: Line { at: moment(at)?, who, action, detail }, by })
        })
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    let mut own = 0;
    let told = lines.into_iter().filter(|line| {
        own += usize::from(line.is_own_password());
        !line.is_own_password() || own <= OWN_PASSWORDS
    });
    Ok(told.collect())
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
