//! The row of a round whose sheet asks for rectification, made in the transaction that certifies the round.

use diesel::prelude::*;
use time::Date;

use super::schema::{rectification as t, sheet, standing};
use super::standing::read_sheet;
use super::{AnyConnection, DatabaseError};
use crate::domain::dates;
use crate::domain::rectification::Rectification;

/// Rounds of one look at start.
const AT_ONCE: i64 = 200;

/// A deadline as its row holds it: where a sheet names none, the last day that there is.
#[must_use]
pub fn due_text(due: Option<Date>) -> String {
    dates::written(due.unwrap_or(Date::MAX))
}

/// The deadline that a row holds.
///
/// # Errors
/// `Row` for what is no day.
pub fn due_of(text: &str) -> Result<Option<Date>, DatabaseError> {
    let day = dates::read(text).ok_or_else(|| DatabaseError::Row(format!("deadline {text}")))?;
    Ok((day != Date::MAX).then_some(day))
}

/// Writes down what the sheet in force asks for; what was reported and checked beside it stays.
pub(super) fn ask(
    connection: &mut AnyConnection,
    poll: i64,
    year: i32,
    path: &str,
    due: Option<Date>,
) -> Result<(), DatabaseError> {
    let due = due_text(due);
    if diesel::update(t::table.find(poll)).set(t::due.eq(&due)).execute(connection)? == 0 {
        let place = (t::poll_id.eq(poll), t::year.eq(year), t::path.eq(path), t::due.eq(&due));
        diesel::insert_into(t::table).values((place, t::state.eq(0), t::version.eq(0))).execute(connection)?;
    }
    Ok(())
}

/// Reads the deadlines of rounds that were certified before there was a table for them: the migration left them empty.
pub(super) fn read_deadlines(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    loop {
        let rows: Vec<(i64, Option<(String, String)>)> = t::table
            .inner_join(standing::table.on(standing::poll_id.eq(t::poll_id)))
            .left_join(sheet::table.on(standing::sheet_id.eq(sheet::id.nullable())))
            .filter(t::state.eq(0))
            .filter(t::due.eq(""))
            .limit(AT_ONCE)
            .select((t::poll_id, (sheet::id, sheet::body).nullable()))
            .load(connection)?;
        if rows.is_empty() {
            return Ok(());
        }
        for (poll, stored) in rows {
            let sheet = stored.and_then(|(id, body)| read_sheet(&id, &body).ok());
            let due = sheet.and_then(|sheet| Rectification::asked_by(&sheet)).and_then(|asked| asked.due);
            diesel::update(t::table.find(poll)).set(t::due.eq(due_text(due))).execute(connection)?;
        }
    }
}
