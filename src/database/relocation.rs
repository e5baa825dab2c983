//! Whether a database may be served: the mark that `pingjia move` leaves in one that it fills or has emptied.

use diesel::prelude::*;

use super::connection::{AnyConnection, DatabaseError};
use super::schema::relocation as t;

/// Why a database may not be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is being filled.
    Arriving,
    /// Its data went elsewhere.
    Left,
}

impl Mark {
    fn code(self) -> &'static str {
        match self {
            Mark::Arriving => "arriving",
            Mark::Left => "left",
        }
    }
}

/// The mark, if there is one. Waits for a move that is at work.
pub(super) fn read(connection: &mut AnyConnection) -> Result<Option<Mark>, DatabaseError> {
    let state: Option<String> = t::table.select(t::state).first(connection).optional()?;
    match state.as_deref() {
        None => Ok(None),
        Some("arriving") => Ok(Some(Mark::Arriving)),
        Some("left") => Ok(Some(Mark::Left)),
        Some(other) => Err(DatabaseError::Row(format!("relocation: {other}"))),
    }
}

/// Sets or takes away the mark.
pub(super) fn put(connection: &mut AnyConnection, mark: Option<Mark>) -> Result<(), DatabaseError> {
    diesel::delete(t::table).execute(connection)?;
    if let Some(mark) = mark {
        diesel::insert_into(t::table).values(t::state.eq(mark.code())).execute(connection)?;
    }
    Ok(())
}

/// Refuses a database that bears a mark.
pub(super) fn may_be_served(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    match read(connection)? {
        None => Ok(()),
        Some(Mark::Arriving) => Err(DatabaseError::HalfMoved),
        Some(Mark::Left) => Err(DatabaseError::MovedAway),
    }
}
