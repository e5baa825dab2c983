//! What the box says to PostgreSQL only: one round trip for a whole group, with arrays, under advisory locks that end
//! with the transaction.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable};
use diesel::{OptionalExtension as _, RunQueryDsl as _};

use super::rows::{Done, Row};
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

statement!(HoldOpen on Pg = "SELECT pg_try_advisory_xact_lock_shared(" (lock: i64 as BigInt) ")"; returning Bool);

statement!(HoldAlone on Pg = "SELECT pg_advisory_xact_lock(" (lock: i64 as BigInt) ")");

statement!(HoldLiveState on Pg =
    "SELECT count FROM live_state WHERE poll_id = " (poll: i64 as BigInt) " FOR UPDATE"; returning BigInt);

// The function is in migrations/postgres/0022_cast_by_key.
statement!(CastBallots on Pg =
    "SELECT held, ready, done FROM cast_ballots(" (locks: Vec<i64> as Array<BigInt>)
    ", " (rounds: Vec<i64> as Array<BigInt>) ", " (versions: Vec<i64> as Array<BigInt>)
    ", " (polls: Vec<i64> as Array<BigInt>) ", " (digests: Blobs<'a> as Array<Binary>)
    ", " (boxes: Blobs<'a> as Array<Binary>) ", " (ballots: Blobs<'a> as Array<Binary>)
    ", " (ids: Optional<'a> as Array<Nullable<Binary>>) ", " (comments: Optional<'a> as Array<Nullable<Binary>>)
    ")"; returning (Array<BigInt>, Array<BigInt>, Array<BigInt>));

statement!(InsertSlips on Pg =
    "INSERT INTO slip (poll_id, digest, state) SELECT " (poll: i64 as BigInt)
    ", digest, 0 FROM unnest(" (digests: Blobs<'a> as Array<Binary>) "::bytea[]) AS t (digest)");

/// What a writer's connection says first: it gives up on a lock or a statement sooner than a page does, because whole
/// groups of casts wait for it; and it looks slips up by their index, however few there were when the statement was
/// planned, and plans it once. A function of the tables that is missing, as after a copy of the tables alone, is a fault.
pub(super) fn prepare(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    connection.batch_execute(
        "SET lock_timeout = '3s'; SET statement_timeout = '10s'; SET idle_in_transaction_session_timeout = '20s'; \
         SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
         SET plan_cache_mode = force_generic_plan; \
         SELECT 1 FROM cast_ballots('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
    )?;
    Ok(())
}

fn lock(id: PollId) -> i64 {
    LOCKS.wrapping_add(id.0)
}

/// See [`super::rows::hold_open`].
pub(super) fn hold_open(connection: &mut PgConnection, id: PollId) -> Result<bool, DatabaseError> {
    Ok(HoldOpen { lock: &lock(id) }.get_result(connection)?)
}

/// See [`super::rows::hold_alone`].
pub(super) fn hold_alone(connection: &mut PgConnection, id: PollId) -> Result<(), DatabaseError> {
    HoldAlone { lock: &lock(id) }.execute(connection)?;
    Ok(())
}

/// See [`super::rows::hold_live_state`].
pub(super) fn hold_live_state(connection: &mut PgConnection, id: PollId) -> Result<(), DatabaseError> {
    let _: Option<i64> = HoldLiveState { poll: &id.0 }.get_result(connection).optional()?;
    Ok(())
}

/// See [`super::rows::settle`].
pub(super) fn settle(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    // A commit waits for disk and standbys only where something was written before it.
    diesel::sql_query("SELECT pg_logical_emit_message(true, 'pingjia', '')").execute(connection)?;
    Ok(())
}

/// See [`super::rows::cast`].
pub(super) fn cast(
    connection: &mut PgConnection,
    rounds: &BTreeMap<PollId, i64>,
    rows: &[&Row],
) -> Result<Done, DatabaseError> {
    let statement = CastBallots {
        locks: &rounds.keys().map(|id| lock(*id)).collect(),
        rounds: &rounds.keys().map(|id| id.0).collect(),
        versions: &rounds.values().copied().collect(),
        polls: &rows.iter().map(|row| row.poll.0).collect(),
        digests: &rows.iter().map(|row| row.digest.0.as_slice()).collect(),
        boxes: &rows.iter().map(|row| row.box_id.0.as_slice()).collect(),
        ballots: &rows.iter().map(|row| row.sealed.as_slice()).collect(),
        ids: &rows.iter().map(|row| row.comment.as_ref().map(|(id, _)| id.as_slice())).collect(),
        comments: &rows.iter().map(|row| row.comment.as_ref().map(|(_, sealed)| sealed.as_slice())).collect(),
    };
    // Loaded to the end: a commit that fails is told after the row.
    let (held, ready, done) = statement.get_result::<(Vec<i64>, Vec<i64>, Vec<i64>)>(connection)?;
    let stored = done.into_iter().filter_map(|place| usize::try_from(place).ok()?.checked_sub(1)).collect();
    let ids = |ids: Vec<i64>| ids.into_iter().map(PollId).collect();
    Ok(Done { held: ids(held), ready: ids(ready), stored })
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
