//! Draws of unions for spot checks. Each is a line in the journal of the union that drew: nobody changes it.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::By;
use crate::database::schema::{account, journal as t};
use crate::database::{AnyConnection, DatabaseError, journal};
use crate::domain::ids::UnionId;
use crate::domain::spot_check::Draw;

/// The action under which a draw stands in the journal.
const ACTION: &str = "spot_check.draw";

/// A draw as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub id: i64,
    pub at: OffsetDateTime,
    /// Name of the person who drew.
    pub who: Option<String>,
    pub draw: Draw,
}

/// The draws of a union.
macro_rules! draws {
    ($union:expr) => {
        t::table
            .left_join(account::table.on(t::account_id.eq(account::id.nullable())))
            .filter(t::union_id.eq($union.0))
            .filter(t::action.eq(ACTION))
            .select((t::id, t::at, account::name.nullable(), t::detail))
    };
}

/// Records a draw of this union: its id. Journals.
///
/// # Errors
/// Database faults.
pub fn create(connection: &mut AnyConnection, union: UnionId, draw: &Draw, by: By) -> Result<i64, DatabaseError> {
    let detail = serde_json::to_string(draw).map_err(|error| DatabaseError::Row(format!("a draw: {error}")))?;
    let entry = journal::Entry {
        at: by.at,
        account: by.account,
        union: Some(union),
        poll: None,
        action: ACTION,
        detail: &detail,
    };
    journal::record(connection, &entry)
}

/// The draw with this id, if this union drew it.
///
/// # Errors
/// Database faults.
pub fn load(connection: &mut AnyConnection, union: UnionId, id: i64) -> Result<Option<Record>, DatabaseError> {
    draws!(union).filter(t::id.eq(id)).first(connection).optional()?.map(record_of).transpose()
}

/// The draws of this union, newest first; at most `limit`.
///
/// # Errors
/// Database faults.
pub fn newest(connection: &mut AnyConnection, union: UnionId, limit: i64) -> Result<Vec<Record>, DatabaseError> {
    let rows: Vec<Row> = draws!(union).order(t::id.desc()).limit(limit).load(connection)?;
    rows.into_iter().map(record_of).collect()
}

/// How many times this union had drawn when it made this draw, which counts.
///
/// # Errors
/// Database faults.
pub fn drawn_until(connection: &mut AnyConnection, union: UnionId, id: i64) -> Result<i64, DatabaseError> {
    let draws = t::table.filter(t::union_id.eq(union.0)).filter(t::action.eq(ACTION)).filter(t::id.le(id));
    Ok(draws.count().get_result(connection)?)
}

type Row = (i64, i64, Option<String>, String);

fn record_of((id, at, who, detail): Row) -> Result<Record, DatabaseError> {
    let wrong = |error: &dyn std::fmt::Display| DatabaseError::Row(format!("draw {id} in the journal: {error}"));
    let at = OffsetDateTime::from_unix_timestamp(at).map_err(|error| wrong(&error))?;
    let draw = serde_json::from_str(&detail).map_err(|error| wrong(&error))?;
    Ok(Record { id, at, who, draw })
}
