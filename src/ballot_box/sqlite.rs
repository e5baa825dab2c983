//! What the box says to SQLite only: one prepared statement per row inside one transaction, in the order of the
//! keys, so that neighbouring rows dirty the same page.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::rows::{Done, Row};
use super::statement::statement;
use crate::database::DatabaseError;
use crate::database::schema::poll;
use crate::domain::digest::Digest;
use crate::domain::ids::PollId;

statement!(Spend on Sqlite =
    "UPDATE slip SET state = 1 WHERE poll_id = " (poll: i64 as BigInt)
    " AND digest = " (digest: [u8] as Binary) " AND state = 0");

statement!(InsertBallot on Sqlite =
    "INSERT INTO sealed_ballot (poll_id, box_id, sealed) VALUES (" (poll: i64 as BigInt)
    ", " (box_id: [u8] as Binary) ", " (sealed: [u8] as Binary) ")");

statement!(InsertComment on Sqlite =
    "INSERT INTO sealed_comment (poll_id, id, sealed) VALUES (" (poll: i64 as BigInt)
    ", " (id: [u8] as Binary) ", " (sealed: [u8] as Binary) ")");

statement!(InsertSlip on Sqlite =
    "INSERT INTO slip (poll_id, digest, state) VALUES (" (poll: i64 as BigInt)
    ", " (digest: [u8] as Binary) ", 0)");

/// Gives a connection more memory for pages: slips and ballots are spread over their tables at random, and those of a round of
/// tens of thousands should stay at hand.
pub(super) fn widen(connection: &mut SqliteConnection) -> Result<(), DatabaseError> {
    Ok(connection.batch_execute("PRAGMA cache_size = -32768")?)
}

/// See [`super::rows::cast`].
pub(super) fn cast(
    connection: &mut SqliteConnection,
    rounds: &BTreeMap<PollId, i64>,
    rows: &[&Row],
) -> Result<Done, DatabaseError> {
    let mut ready = Vec::with_capacity(rounds.len());
    for (id, version) in rounds {
        let row = poll::table.find(id.0).select((poll::phase, poll::version));
        let now = row.first::<(String, i64)>(connection).optional()?;
        if now.is_some_and(|(phase, now)| phase == "open" && now == *version) {
            ready.push(*id);
        }
    }
    let (mut stored, mut ballots) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for (place, row) in (0..).zip(rows).filter(|(_, row)| ready.contains(&row.poll)) {
        let changed = Spend { poll: &row.poll.0, digest: &row.digest.0 }.execute(connection)?;
        if changed == 1 {
            stored.push(place);
            ballots.push(*row);
        }
    }
    ballots.sort_unstable_by_key(|row| (row.poll, row.box_id));
    for row in &ballots {
        InsertBallot { poll: &row.poll.0, box_id: &row.box_id.0, sealed: &row.sealed }.execute(connection)?;
    }
    for row in &ballots {
        if let Some((id, sealed)) = &row.comment {
            InsertComment { poll: &row.poll.0, id, sealed }.execute(connection)?;
        }
    }
    Ok(Done { held: rounds.keys().copied().collect(), ready, stored })
}

/// See [`super::rows::insert_slips`].
pub(super) fn insert_slips(
    connection: &mut SqliteConnection,
    poll: PollId,
    digests: &[Digest],
) -> Result<(), DatabaseError> {
    for digest in digests {
        InsertSlip { poll: &poll.0, digest: &digest.0 }.execute(connection)?;
    }
    Ok(())
}
