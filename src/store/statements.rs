//! Signed statements about a round: its opening, the opinion of the union above.

use diesel::prelude::*;

use super::StoreError;
use crate::database::schema::statement as t;
use crate::database::{AnyConnection, DatabaseError};
use crate::domain::ids::{PollId, SheetId};

/// The signed opening statement.
pub const OPENING: &str = "opening";

/// The kind of the signed opinion of the union above on this sheet: every sheet keeps its own.
#[must_use]
pub fn opinion_on(sheet: &SheetId) -> String {
    format!("opinion:{sheet}")
}

/// Stores a statement, in the place of an earlier one of its kind.
///
/// # Errors
/// Database faults.
pub fn put(connection: &mut AnyConnection, poll: PollId, kind: &str, body: &str) -> Result<(), StoreError> {
    diesel::delete(t::table.filter(t::poll_id.eq(poll.0)).filter(t::kind.eq(kind))).execute(connection)?;
    diesel::insert_into(t::table)
        .values((t::poll_id.eq(poll.0), t::kind.eq(kind), t::body.eq(body)))
        .execute(connection)?;
    Ok(())
}

/// The statement of this kind.
///
/// # Errors
/// Database faults.
pub fn load(connection: &mut AnyConnection, poll: PollId, kind: &str) -> Result<Option<String>, DatabaseError> {
    Ok(t::table.find((poll.0, kind)).select(t::body).first(connection).optional()?)
}
