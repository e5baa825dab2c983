//! The row of a round whose sheet asks for rectification, written in the transaction that changes the round.

use diesel::prelude::*;
use time::Date;

use super::schema::rectification as t;
use super::{AnyConnection, DatabaseError};
use crate::domain::dates;
use crate::domain::rectification::Rectification;
use crate::domain::sheet::SheetPayload;
use crate::domain::standing::Stage;

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

/// Writes down what the sheet in force asks for and in which stage its round is; what was reported and checked beside it
/// stays. Where it asks for nothing and nothing was reported, there is no row.
pub(super) fn keep(
    connection: &mut AnyConnection,
    (poll, year, path): (i64, i32, &str),
    stage: Stage,
    sheet: &SheetPayload,
) -> Result<(), DatabaseError> {
    let asked = Rectification::asked_by(sheet).is_some();
    if !asked {
        diesel::delete(t::table.filter(t::poll_id.eq(poll)).filter(t::report.is_null())).execute(connection)?;
    }
    let known = || (t::due.eq(due_text(sheet.follow_up.deadline)), t::stage.eq(stage.number()));
    if diesel::update(t::table.find(poll)).set(known()).execute(connection)? == 0 && asked {
        let place = (t::poll_id.eq(poll), t::year.eq(year), t::path.eq(path), t::state.eq(0), t::version.eq(0));
        diesel::insert_into(t::table).values((place, known())).execute(connection)?;
    }
    Ok(())
}

/// Fills in that no deadline is known, where the migration left it to be read off a sheet that cannot be read.
pub(super) fn give_up_deadline(connection: &mut AnyConnection, poll: i64) -> Result<(), DatabaseError> {
    let unread = t::table.filter(t::poll_id.eq(poll)).filter(t::due.eq(""));
    diesel::update(unread).set(t::due.eq(due_text(None))).execute(connection)?;
    Ok(())
}
