//! What an older program read off the sheets, in other words than this one, is read anew at the first start after a
//! migration that asks for it.
//!
//! Every batch is one transaction that also says how far it came: whatever ends the program, the next start goes on from
//! there. Of several processes that start at once one reads and the others wait; where nothing is left, it costs one look.

use diesel::prelude::*;

use super::connection::transaction;
use super::installation::{self, SHEETS_TO_READ};
use super::schema::standing as t;
use super::{AnyConnection, DatabaseError, standing};
use crate::domain::ids::PollId;

/// Rounds of one transaction.
const AT_ONCE: i64 = 200;

/// Reads all sheets that are still to be read anew.
///
/// # Errors
/// Database faults. A sheet that cannot be read is none: what is known of its round stays.
pub(super) fn read_sheets_anew(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    while installation::load(connection, SHEETS_TO_READ)?.is_some() {
        transaction(connection, read_some)?;
    }
    Ok(())
}

fn read_some(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    installation::hold(connection)?;
    let Some(behind) = installation::load(connection, SHEETS_TO_READ)? else { return Ok(()) };
    let behind: i64 = behind.parse().map_err(|_| DatabaseError::Row(format!("{SHEETS_TO_READ}: {behind}")))?;
    let rounds: Vec<i64> = t::table
        .filter(t::poll_id.gt(behind))
        .filter(t::sheet_id.is_not_null())
        .order(t::poll_id)
        .limit(AT_ONCE)
        .select(t::poll_id)
        .load(connection)?;
    for round in &rounds {
        standing::read_anew(connection, PollId(*round))?;
    }
    installation::put(connection, SHEETS_TO_READ, rounds.last().map(ToString::to_string).as_deref())
}
