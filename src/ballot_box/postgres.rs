//! What the box says to PostgreSQL only: one statement per step for a whole group, with arrays, under advisory
//! locks that end with the transaction.

use std::collections::HashSet;

use diesel::RunQueryDsl as _;
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{Array, BigInt, Binary, Nullable};

use super::rows::Row;
use super::statement::statement;
use crate::database::DatabaseError;
use crate::domain::digest::Digest;
use crate::domain::ids::PollId;

/// Added to a round's id to make the number of its advisory lock.
const LOCKS: i64 = 0x7069_6e67_0000_0000;
/// Slips inserted by one statement.
const BATCH: usize = 10_000;

type Blobs<'a> = Vec<&'a [u8]>;
type Optional<'a> = Vec<Option<&'a [u8]>>;

statement!(HoldOpen on Pg =
    "SELECT lock FROM unnest(" (locks: Vec<i64> as Array<BigInt>)
    "::bigint[]) AS t (lock) WHERE pg_try_advisory_xact_lock_shared(lock)"; returning BigInt);

statement!(HoldAlone on Pg = "SELECT pg_advisory_xact_lock(" (lock: i64 as BigInt) ")");

// One round trip for the whole group. Slips are spent in the order in which they are found; ballots and comments go in
// in the order of their random ids, so that no place in a file or log of one tells a place of the other.
statement!(Spend on Pg =
    "WITH spent AS (UPDATE slip SET state = 1 FROM unnest(" (polls: Vec<i64> as Array<BigInt>)
    "::bigint[], " (digests: Blobs<'a> as Array<Binary>) "::bytea[], " (boxes: Blobs<'a> as Array<Binary>)
    "::bytea[], " (sealed: Blobs<'a> as Array<Binary>) "::bytea[], " (ids: Optional<'a> as Array<Nullable<Binary>>)
    "::bytea[], " (comments: Optional<'a> as Array<Nullable<Binary>>)
    "::bytea[]) AS t (poll_id, digest, box_id, sealed, id, comment) \
     WHERE slip.poll_id = t.poll_id AND slip.digest = t.digest AND slip.state = 0 \
     RETURNING t.poll_id, t.digest, t.box_id, t.sealed, t.id, t.comment), \
     ballots AS (INSERT INTO sealed_ballot (poll_id, box_id, sealed) \
     SELECT poll_id, box_id, sealed FROM spent ORDER BY poll_id, box_id), \
     comments AS (INSERT INTO sealed_comment (poll_id, id, sealed) \
     SELECT poll_id, id, comment FROM spent WHERE id IS NOT NULL ORDER BY poll_id, id) \
     SELECT poll_id, digest FROM spent"; returning (BigInt, Binary));

statement!(InsertSlips on Pg =
    "INSERT INTO slip (poll_id, digest, state) SELECT " (poll: i64 as BigInt)
    ", digest, 0 FROM unnest(" (digests: Blobs<'a> as Array<Binary>) "::bytea[]) AS t (digest)");

/// See [`super::rows::hold_open`].
pub(super) fn hold_open(connection: &mut PgConnection, rounds: &[PollId]) -> Result<Vec<PollId>, DatabaseError> {
    let locks = rounds.iter().map(|id| LOCKS.wrapping_add(id.0)).collect();
    let held = HoldOpen { locks: &locks }.load::<i64>(connection)?;
    Ok(held.into_iter().map(|lock| PollId(lock.wrapping_sub(LOCKS))).collect())
}

/// See [`super::rows::hold_alone`].
pub(super) fn hold_alone(connection: &mut PgConnection, id: PollId) -> Result<(), DatabaseError> {
    HoldAlone { lock: &LOCKS.wrapping_add(id.0) }.execute(connection)?;
    Ok(())
}

/// See [`super::rows::spend`].
pub(super) fn spend(connection: &mut PgConnection, rows: &[&Row]) -> Result<Vec<bool>, DatabaseError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let polls = rows.iter().map(|row| row.poll.0).collect();
    let digests = rows.iter().map(|row| row.digest.0.as_slice()).collect();
    let boxes = rows.iter().map(|row| row.box_id.0.as_slice()).collect();
    let sealed = rows.iter().map(|row| row.sealed.as_slice()).collect();
    let ids = rows.iter().map(|row| row.comment.as_ref().map(|(id, _)| id.as_slice())).collect();
    let comments = rows.iter().map(|row| row.comment.as_ref().map(|(_, sealed)| sealed.as_slice())).collect();
    let spend =
        Spend { polls: &polls, digests: &digests, boxes: &boxes, sealed: &sealed, ids: &ids, comments: &comments };
    let spent: HashSet<(i64, Vec<u8>)> = spend.load::<(i64, Vec<u8>)>(connection)?.into_iter().collect();
    Ok(rows.iter().map(|row| spent.contains(&(row.poll.0, row.digest.0.to_vec()))).collect())
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
