//! What the box says to PostgreSQL only: one statement per step for a whole group, with arrays, under advisory
//! locks that end with the transaction.

use std::collections::HashSet;

use diesel::RunQueryDsl as _;
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{Array, BigInt, Binary};

use super::rows::{Hold, Row};
use super::statement::statement;
use crate::database::DatabaseError;
use crate::domain::digest::Digest;
use crate::domain::ids::PollId;

/// Added to a round's id to make the number of its advisory lock.
const LOCKS: i64 = 0x7069_6e67_0000_0000;
/// Slips inserted by one statement.
const BATCH: usize = 10_000;

type Blobs<'a> = Vec<&'a [u8]>;

statement!(HoldShared on Pg =
    "SELECT pg_advisory_xact_lock_shared(id) FROM unnest(" (locks: Vec<i64> as Array<BigInt>) "::bigint[]) AS t (id)");

statement!(HoldExclusive on Pg =
    "SELECT pg_advisory_xact_lock(id) FROM unnest(" (locks: Vec<i64> as Array<BigInt>) "::bigint[]) AS t (id)");

statement!(Spend on Pg =
    "UPDATE slip SET state = 1 FROM unnest(" (polls: Vec<i64> as Array<BigInt>)
    "::bigint[], " (digests: Blobs<'a> as Array<Binary>)
    "::bytea[]) AS t (poll_id, digest) WHERE slip.poll_id = t.poll_id AND slip.digest = t.digest AND slip.state = 0 \
     RETURNING slip.poll_id, slip.digest"; returning (BigInt, Binary));

statement!(InsertBallots on Pg =
    "INSERT INTO sealed_ballot (poll_id, box_id, sealed) SELECT * FROM unnest(" (polls: Vec<i64> as Array<BigInt>)
    "::bigint[], " (boxes: Blobs<'a> as Array<Binary>) "::bytea[], " (sealed: Blobs<'a> as Array<Binary>)
    "::bytea[])");

statement!(InsertComments on Pg =
    "INSERT INTO sealed_comment (poll_id, id, sealed) SELECT * FROM unnest(" (polls: Vec<i64> as Array<BigInt>)
    "::bigint[], " (ids: Blobs<'a> as Array<Binary>) "::bytea[], " (sealed: Blobs<'a> as Array<Binary>) "::bytea[])");

statement!(InsertSlips on Pg =
    "INSERT INTO slip (poll_id, digest, state) SELECT " (poll: i64 as BigInt)
    ", digest, 0 FROM unnest(" (digests: Blobs<'a> as Array<Binary>) "::bytea[]) AS t (digest)");

/// See [`super::rows::hold`].
pub(super) fn hold(connection: &mut PgConnection, rounds: &[PollId], how: Hold) -> Result<(), DatabaseError> {
    let locks = rounds.iter().map(|id| LOCKS.wrapping_add(id.0)).collect();
    match how {
        Hold::Shared => HoldShared { locks: &locks }.execute(connection)?,
        Hold::Exclusive => HoldExclusive { locks: &locks }.execute(connection)?,
    };
    Ok(())
}

/// See [`super::rows::spend`].
pub(super) fn spend(connection: &mut PgConnection, rows: &[&Row]) -> Result<Vec<bool>, DatabaseError> {
    let polls = rows.iter().map(|row| row.poll.0).collect();
    let digests = rows.iter().map(|row| row.digest.0.as_slice()).collect();
    let spent: HashSet<(i64, Vec<u8>)> =
        Spend { polls: &polls, digests: &digests }.load::<(i64, Vec<u8>)>(connection)?.into_iter().collect();
    let spent: Vec<bool> = rows.iter().map(|row| spent.contains(&(row.poll.0, row.digest.0.to_vec()))).collect();

    let mut stored: Vec<&Row> = rows.iter().zip(&spent).filter(|(_, spent)| **spent).map(|(row, _)| *row).collect();
    stored.sort_unstable_by_key(|row| (row.poll, row.box_id));
    if !stored.is_empty() {
        let polls = stored.iter().map(|row| row.poll.0).collect();
        let boxes = stored.iter().map(|row| row.box_id.0.as_slice()).collect();
        let sealed = stored.iter().map(|row| row.sealed.as_slice()).collect();
        InsertBallots { polls: &polls, boxes: &boxes, sealed: &sealed }.execute(connection)?;
    }
    let mut comments: Vec<(i64, &[u8], &[u8])> = stored
        .iter()
        .filter_map(|row| row.comment.as_ref().map(|(id, sealed)| (row.poll.0, id.as_slice(), sealed.as_slice())))
        .collect();
    comments.sort_unstable();
    if !comments.is_empty() {
        let polls = comments.iter().map(|(poll, _, _)| *poll).collect();
        let ids = comments.iter().map(|(_, id, _)| *id).collect();
        let sealed = comments.iter().map(|(_, _, sealed)| *sealed).collect();
        InsertComments { polls: &polls, ids: &ids, sealed: &sealed }.execute(connection)?;
    }
    Ok(spent)
}

/// See [`super::rows::insert_slips`].
pub(super) fn insert_slips(
    connection: &mut PgConnection,
    poll: PollId,
    digests: &[Digest],
) -> Result<(), DatabaseError> {
    for batch in digests.chunks(BATCH) {
        let digests = batch.iter().map(|digest| digest.0.as_slice()).collect();
        InsertSlips { poll: &poll.0, digests: &digests }.execute(connection)?;
    }
    Ok(())
}
