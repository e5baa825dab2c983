//! The phase of a round: read with its version, changed by compare-and-swap.

use diesel::prelude::*;

use super::schema::poll;
use super::{AnyConnection, DatabaseError, standing};
use crate::domain::ids::PollId;
use crate::domain::poll::Phase;

/// The phase of the round and the version it was read at; `None` if there is no such round.
///
/// # Errors
/// Database faults, and `Row` if what is stored is no phase.
pub fn load(connection: &mut AnyConnection, id: PollId) -> Result<Option<(Phase, i64)>, DatabaseError> {
    let row = poll::table
        .find(id.0)
        .select((poll::phase_data, poll::version))
        .first::<(String, i64)>(connection)
        .optional()?;
    row.map(|(data, version)| Ok((read(&data)?, version))).transpose()
}

/// Reads a stored phase.
///
/// # Errors
/// `Row` if it is none.
pub fn read(data: &str) -> Result<Phase, DatabaseError> {
    serde_json::from_str(data).map_err(|error| DatabaseError::Row(format!("phase of a round: {error}")))
}

/// The phase as stored.
///
/// # Errors
/// `Row` if it cannot be written as JSON, which no phase of ours does.
pub fn written(phase: &Phase) -> Result<String, DatabaseError> {
    serde_json::to_string(phase).map_err(|error| DatabaseError::Row(format!("phase of a round: {error}")))
}

/// Puts `phase` in the place of the one read at `version`, and shows the unions above where the round now stands. `false`, and nothing changed, when somebody else
/// was faster.
///
/// # Errors
/// Database faults.
pub fn swap(connection: &mut AnyConnection, id: PollId, version: i64, phase: &Phase) -> Result<bool, DatabaseError> {
    let changed = diesel::update(poll::table.filter(poll::id.eq(id.0)).filter(poll::version.eq(version)))
        .set((poll::phase.eq(phase.code()), poll::phase_data.eq(written(phase)?), poll::version.eq(version + 1)))
        .execute(connection)?;
    if changed == 1 {
        standing::refresh(connection, id)?;
    }
    Ok(changed == 1)
}
