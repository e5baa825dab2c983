//! The rows of the box: what both databases say in the same words, and the choice where they do not.

use std::collections::BTreeMap;

use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::api::{SlipState, Turnout};
use super::vault::Place;
use super::{postgres, sqlite};
use crate::database::schema::{halt, live_state, opened_block, poll, sealed_ballot, sealed_comment, slip, statement};
use crate::database::{AnyConnection, DatabaseError, phase};
use crate::domain::digest::Digest;
use crate::domain::ids::{PollId, UnionId};
use crate::domain::paper::Paper;
use crate::domain::poll::Phase;
use crate::domain::slip::PollTag;
use crate::domain::tally::Tally;

pub(super) const UNSPENT: i16 = 0;
pub(super) const SPENT: i16 = 1;
pub(super) const VOID: i16 = 2;

/// Rows read or deleted at a time where a round may have a million.
const CHUNK: i64 = 4096;
/// Rounds asked about in one query.
const TOGETHER: usize = 1000;

/// What the box needs to know of a round.
pub(super) struct Head {
    pub(super) id: PollId,
    pub(super) union: UnionId,
    pub(super) place: Place,
    pub(super) paper: Paper,
    pub(super) phase: Phase,
    pub(super) version: i64,
}

/// One cast as the database sees it.
pub(super) struct Row {
    pub(super) poll: PollId,
    /// Digest of the slip.
    pub(super) digest: Digest,
    pub(super) box_id: Digest,
    pub(super) sealed: Vec<u8>,
    /// Random id and sealed text, where comments are asked for.
    pub(super) comment: Option<([u8; 32], Vec<u8>)>,
}

/// Holds the round as casts hold it, together with them, until the transaction ends; `false` when somebody is changing
/// it, without waiting. On SQLite the write transaction holds everything already.
pub(super) fn hold_open(connection: &mut AnyConnection, id: PollId) -> Result<bool, DatabaseError> {
    match connection {
        AnyConnection::Sqlite(_) => Ok(true),
        AnyConnection::Postgres(inner) => postgres::hold_open(inner, id),
    }
}

/// Holds the round against everybody else until the transaction ends.
pub(super) fn hold_alone(connection: &mut AnyConnection, id: PollId) -> Result<(), DatabaseError> {
    match connection {
        AnyConnection::Sqlite(_) => Ok(()),
        AnyConnection::Postgres(inner) => postgres::hold_alone(inner, id),
    }
}

/// Holds the published live tally against other processes until the transaction ends, waiting for them. On SQLite the write
/// transaction holds everything already.
pub(super) fn hold_live_state(connection: &mut AnyConnection, id: PollId) -> Result<(), DatabaseError> {
    match connection {
        AnyConnection::Sqlite(_) => Ok(()),
        AnyConnection::Postgres(inner) => postgres::hold_live_state(inner, id),
    }
}

/// What became of a group of casts.
pub(super) struct Done {
    /// Rounds that nobody was changing.
    pub(super) held: Vec<PollId>,
    /// Those of them that were open for phones in the version asked for.
    pub(super) ready: Vec<PollId>,
    /// Places of the rows whose slip was spent and whose ballot lies in the box.
    pub(super) stored: Vec<usize>,
}

/// Spends slips that are unspent and puts their sealed ballots and comments into the box: of those rounds that nobody
/// is changing and that are open in the version given, without waiting for the others. No two rows may have the same
/// slip. On SQLite it belongs into a write transaction; on PostgreSQL it is one, committed when this returns.
pub(super) fn cast(
    connection: &mut AnyConnection,
    rounds: &BTreeMap<PollId, i64>,
    rows: &[&Row],
) -> Result<Done, DatabaseError> {
    match connection {
        AnyConnection::Sqlite(inner) => sqlite::cast(inner, rounds, rows),
        AnyConnection::Postgres(inner) => postgres::cast(inner, rounds, rows),
    }
}

/// Spends the slip, if it is unspent, and puts its sealed ballot and comment into the box; says whether it was. For
/// ballots that come one by one.
pub(super) fn spend(connection: &mut AnyConnection, row: &Row) -> Result<bool, DatabaseError> {
    let own = slip::table.find((row.poll.0, row.digest.0.as_slice())).filter(slip::state.eq(UNSPENT));
    if diesel::update(own).set(slip::state.eq(SPENT)).execute(connection)? == 0 {
        return Ok(false);
    }
    let ballot = (
        sealed_ballot::poll_id.eq(row.poll.0),
        sealed_ballot::box_id.eq(row.box_id.0.as_slice()),
        sealed_ballot::sealed.eq(row.sealed.as_slice()),
    );
    diesel::insert_into(sealed_ballot::table).values(ballot).execute(connection)?;
    if let Some((id, sealed)) = &row.comment {
        let comment = (
            sealed_comment::poll_id.eq(row.poll.0),
            sealed_comment::id.eq(id.as_slice()),
            sealed_comment::sealed.eq(sealed.as_slice()),
        );
        diesel::insert_into(sealed_comment::table).values(comment).execute(connection)?;
    }
    Ok(true)
}

/// Whoever reads that a ballot is there may thank for it after this: a commit that was interrupted while it waited for a
/// standby can be seen before the standby has it, and a later one waits for both.
pub(super) fn settle(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    match connection {
        AnyConnection::Sqlite(_) => Ok(()),
        AnyConnection::Postgres(inner) => postgres::settle(inner),
    }
}

/// Inserts unspent slips.
pub(super) fn insert_slips(
    connection: &mut AnyConnection,
    id: PollId,
    digests: &[Digest],
) -> Result<(), DatabaseError> {
    match connection {
        AnyConnection::Sqlite(inner) => sqlite::insert_slips(inner, id, digests),
        AnyConnection::Postgres(inner) => postgres::insert_slips(inner, id, digests),
    }
}

/// Reads at one moment: everything that `work` reads belongs to the same state of the database.
pub(super) fn snapshot<T, E: From<DatabaseError>>(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    match connection {
        AnyConnection::Sqlite(inner) => AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN"),
        AnyConnection::Postgres(inner) => {
            AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        }
    }
    .map_err(DatabaseError::from)?;
    let outcome = work(connection);
    let ended = match connection {
        AnyConnection::Sqlite(inner) => AnsiTransactionManager::rollback_transaction(inner),
        AnyConnection::Postgres(inner) => AnsiTransactionManager::rollback_transaction(inner),
    };
    let value = outcome?;
    ended.map_err(DatabaseError::from)?;
    Ok(value)
}

/// The round, if there is one.
pub(super) fn head(connection: &mut AnyConnection, id: PollId) -> Result<Option<Head>, DatabaseError> {
    let row = poll::table
        .find(id.0)
        .select((poll::union_id, poll::tag, poll::paper, poll::phase_data, poll::version))
        .first::<(i64, String, String, String, i64)>(connection)
        .optional()?;
    let Some((union, tag, paper, phase_data, version)) = row else { return Ok(None) };
    let tag = PollTag::parse(&tag).ok_or_else(|| DatabaseError::Row("tag of a round".to_owned()))?;
    let paper =
        serde_json::from_str(&paper).map_err(|error| DatabaseError::Row(format!("paper of a round: {error}")))?;
    let phase = phase::read(&phase_data)?;
    Ok(Some(Head { id, union: UnionId(union), place: Place::of(id, tag), paper, phase, version }))
}

/// Ids of the rounds in these phases.
pub(super) fn rounds_in(connection: &mut AnyConnection, phases: &[&str]) -> Result<Vec<PollId>, DatabaseError> {
    let mut found = Vec::new();
    for phase in phases {
        let ids = poll::table.filter(poll::phase.eq(*phase)).select(poll::id).load::<i64>(connection)?;
        found.extend(ids.into_iter().map(PollId));
    }
    Ok(found)
}

/// Rounds that have rows in a table, in ascending order, found by leaping from one to the next.
macro_rules! rounds_with {
    ($connection:ident, $table:ident) => {{
        let mut found = Vec::new();
        let mut last = i64::MIN;
        let rounds = $table::table.order($table::poll_id).select($table::poll_id);
        while let Some(next) = rounds.filter($table::poll_id.gt(last)).first::<i64>($connection).optional()? {
            found.push(PollId(next));
            last = next;
        }
        Ok(found)
    }};
}

/// Rounds that have sealed ballots.
pub(super) fn rounds_with_ballots(connection: &mut AnyConnection) -> Result<Vec<PollId>, DatabaseError> {
    rounds_with!(connection, sealed_ballot)
}

/// Rounds that have slips.
pub(super) fn rounds_with_slips(connection: &mut AnyConnection) -> Result<Vec<PollId>, DatabaseError> {
    rounds_with!(connection, slip)
}

/// Where a slip stands.
pub(super) fn slip_state(
    connection: &mut AnyConnection,
    id: PollId,
    digest: &Digest,
) -> Result<SlipState, DatabaseError> {
    let state =
        slip::table.find((id.0, digest.0.as_slice())).select(slip::state).first::<i16>(connection).optional()?;
    Ok(match state {
        None => SlipState::Unknown,
        Some(UNSPENT) => SlipState::Unspent,
        Some(SPENT) => SlipState::Spent,
        Some(_) => SlipState::Void,
    })
}

/// Whether a sealed ballot lies under this box id.
pub(super) fn in_box(connection: &mut AnyConnection, id: PollId, box_id: &Digest) -> Result<bool, DatabaseError> {
    let found = sealed_ballot::table
        .find((id.0, box_id.0.as_slice()))
        .select(sealed_ballot::poll_id)
        .first::<i64>(connection)
        .optional()?;
    Ok(found.is_some())
}

/// Slips by state, counted.
pub(super) fn turnout(connection: &mut AnyConnection, id: PollId) -> Result<Turnout, DatabaseError> {
    let counts = slip::table
        .filter(slip::poll_id.eq(id.0))
        .group_by(slip::state)
        .select((slip::state, diesel::dsl::count_star()))
        .load::<(i16, i64)>(connection)?;
    let mut turnout = Turnout { printed: 0, spent: 0, voided: 0 };
    for (state, count) in counts {
        let count = unsigned(count)?;
        turnout.printed += count;
        match state {
            SPENT => turnout.spent += count,
            VOID => turnout.voided += count,
            _ => {}
        }
    }
    Ok(turnout)
}

/// Why the closing of this round cannot go on, where one has said so.
pub(super) fn halt(connection: &mut AnyConnection, id: PollId) -> Result<Option<String>, DatabaseError> {
    Ok(halt::table.find(id.0).select(halt::reason).first(connection).optional()?)
}

/// Says so, in the place of what was said before.
pub(super) fn put_halt(connection: &mut AnyConnection, id: PollId, reason: &str) -> Result<(), DatabaseError> {
    forget_halt(connection, id)?;
    diesel::insert_into(halt::table).values((halt::poll_id.eq(id.0), halt::reason.eq(reason))).execute(connection)?;
    Ok(())
}

pub(super) fn forget_halt(connection: &mut AnyConnection, id: PollId) -> Result<(), DatabaseError> {
    diesel::delete(halt::table.find(id.0)).execute(connection)?;
    Ok(())
}

/// How many slips are spent.
pub(super) fn spent(connection: &mut AnyConnection, id: PollId) -> Result<u64, DatabaseError> {
    let count = slip::table
        .filter(slip::poll_id.eq(id.0))
        .filter(slip::state.eq(SPENT))
        .count()
        .get_result::<i64>(connection)?;
    unsigned(count)
}

/// The spent slips of each of these rounds; those without any are left out.
pub(super) fn spent_of(connection: &mut AnyConnection, ids: &[PollId]) -> Result<BTreeMap<PollId, u64>, DatabaseError> {
    let mut spent = BTreeMap::new();
    for ids in ids.chunks(TOGETHER) {
        let counts: Vec<(i64, i64)> = slip::table
            .filter(slip::poll_id.eq_any(ids.iter().map(|id| id.0).collect::<Vec<_>>()))
            .filter(slip::state.eq(SPENT))
            .group_by(slip::poll_id)
            .select((slip::poll_id, diesel::dsl::count_star()))
            .load(connection)?;
        for (id, count) in counts {
            spent.insert(PollId(id), unsigned(count)?);
        }
    }
    Ok(spent)
}

/// Every slip digest of the round in ascending order.
pub(super) fn slip_digests(connection: &mut AnyConnection, id: PollId) -> Result<Vec<Digest>, DatabaseError> {
    let mut digests: Vec<Digest> = Vec::new();
    loop {
        let last = digests.last().map_or(Vec::new(), |digest| digest.0.to_vec());
        let chunk = slip::table
            .filter(slip::poll_id.eq(id.0))
            .filter(slip::digest.gt(last))
            .order(slip::digest)
            .select(slip::digest)
            .limit(CHUNK)
            .load::<Vec<u8>>(connection)?;
        if chunk.is_empty() {
            return Ok(digests);
        }
        for digest in chunk {
            let digest = digest.try_into().map_err(|_| DatabaseError::Row("digest of a slip".to_owned()))?;
            digests.push(Digest(digest));
        }
    }
}

/// How many sealed comments there are.
pub(super) fn comment_count(connection: &mut AnyConnection, id: PollId) -> Result<u64, DatabaseError> {
    let count = sealed_comment::table.filter(sealed_comment::poll_id.eq(id.0)).count().get_result::<i64>(connection)?;
    unsigned(count)
}

/// Whether any sealed ballot of the round is left.
pub(super) fn any_ballot(connection: &mut AnyConnection, id: PollId) -> Result<bool, DatabaseError> {
    let first = sealed_ballot::table
        .filter(sealed_ballot::poll_id.eq(id.0))
        .select(sealed_ballot::poll_id)
        .first::<i64>(connection)
        .optional()?;
    Ok(first.is_some())
}

/// Hands every sealed ballot of the round to `each`: box id, sealed.
pub(super) fn each_ballot<E: From<DatabaseError>>(
    connection: &mut AnyConnection,
    id: PollId,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut last = Vec::new();
    loop {
        let chunk = sealed_ballot::table
            .filter(sealed_ballot::poll_id.eq(id.0))
            .filter(sealed_ballot::box_id.gt(&last))
            .order(sealed_ballot::box_id)
            .select((sealed_ballot::box_id, sealed_ballot::sealed))
            .limit(CHUNK)
            .load::<(Vec<u8>, Vec<u8>)>(connection)
            .map_err(DatabaseError::from)?;
        let Some((end, _)) = chunk.last() else { return Ok(()) };
        last.clone_from(end);
        for (row, sealed) in &chunk {
            each(row, sealed)?;
        }
    }
}

/// Hands every sealed comment of the round to `each`: id, sealed.
pub(super) fn each_comment<E: From<DatabaseError>>(
    connection: &mut AnyConnection,
    id: PollId,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut last = Vec::new();
    loop {
        let chunk = sealed_comment::table
            .filter(sealed_comment::poll_id.eq(id.0))
            .filter(sealed_comment::id.gt(&last))
            .order(sealed_comment::id)
            .select((sealed_comment::id, sealed_comment::sealed))
            .limit(CHUNK / 4)
            .load::<(Vec<u8>, Vec<u8>)>(connection)
            .map_err(DatabaseError::from)?;
        let Some((end, _)) = chunk.last() else { return Ok(()) };
        last.clone_from(end);
        for (row, sealed) in &chunk {
            each(row, sealed)?;
        }
    }
}

/// Deletes up to a chunk of a round's rows, in the order of their keys; `false` when there were none.
macro_rules! delete_chunk {
    ($connection:ident, $id:ident, $table:ident.$key:ident) => {{
        let own = $table::table.filter($table::poll_id.eq($id.0));
        let keys = own.order($table::$key).select($table::$key);
        let end = keys.offset(CHUNK - 1).first::<Vec<u8>>($connection).optional()?;
        let deleted = match end {
            Some(end) => diesel::delete(own.filter($table::$key.le(end))).execute($connection)?,
            None => diesel::delete(own).execute($connection)?,
        };
        Ok(deleted > 0)
    }};
}

/// Deletes up to a chunk of sealed ballots; `false` when there were none.
pub(super) fn delete_ballots(connection: &mut AnyConnection, id: PollId) -> Result<bool, DatabaseError> {
    delete_chunk!(connection, id, sealed_ballot.box_id)
}

/// Deletes up to a chunk of sealed comments; `false` when there were none.
pub(super) fn delete_comments(connection: &mut AnyConnection, id: PollId) -> Result<bool, DatabaseError> {
    delete_chunk!(connection, id, sealed_comment.id)
}

/// Deletes up to a chunk of slips; `false` when there were none.
pub(super) fn delete_slips(connection: &mut AnyConnection, id: PollId) -> Result<bool, DatabaseError> {
    delete_chunk!(connection, id, slip.digest)
}

/// The published live state: ballots in it and their tally; `None` before the round was opened.
pub(super) fn live_state(connection: &mut AnyConnection, id: PollId) -> Result<Option<(u64, Tally)>, DatabaseError> {
    let row = live_state::table
        .find(id.0)
        .select((live_state::count, live_state::tally))
        .first::<(i64, String)>(connection)
        .optional()?;
    let Some((count, tally)) = row else { return Ok(None) };
    let tally = serde_json::from_str(&tally).map_err(|error| DatabaseError::Row(format!("live tally: {error}")))?;
    Ok(Some((unsigned(count)?, tally)))
}

/// A block that came out of the box.
pub(super) fn block(connection: &mut AnyConnection, id: PollId, kind: &str) -> Result<Option<Vec<u8>>, DatabaseError> {
    let body = opened_block::table.find((id.0, kind)).select(opened_block::body).first(connection).optional()?;
    Ok(body)
}

/// How many bytes a block has.
pub(super) fn block_length(
    connection: &mut AnyConnection,
    id: PollId,
    kind: &str,
) -> Result<Option<u64>, DatabaseError> {
    let length = sql::<BigInt>("CAST(length(body) AS BIGINT)");
    let found = opened_block::table.find((id.0, kind)).select(length).first::<i64>(connection).optional()?;
    found.map(unsigned).transpose()
}

/// Writes a block, in the place of an earlier one.
pub(super) fn put_block(
    connection: &mut AnyConnection,
    id: PollId,
    kind: &str,
    body: &[u8],
) -> Result<(), DatabaseError> {
    diesel::delete(opened_block::table.find((id.0, kind))).execute(connection)?;
    diesel::insert_into(opened_block::table)
        .values((opened_block::poll_id.eq(id.0), opened_block::kind.eq(kind), opened_block::body.eq(body)))
        .execute(connection)?;
    Ok(())
}

/// Kind of the signed opening statement among the statements of a round.
const OPENING: &str = "opening";

/// The signed opening statement of the round, once it was opened.
pub(super) fn opening_statement(connection: &mut AnyConnection, id: PollId) -> Result<Option<String>, DatabaseError> {
    Ok(statement::table.find((id.0, OPENING)).select(statement::body).first(connection).optional()?)
}

/// Writes it, in the place of an earlier one.
pub(super) fn put_opening_statement(
    connection: &mut AnyConnection,
    id: PollId,
    body: &str,
) -> Result<(), DatabaseError> {
    diesel::delete(statement::table.find((id.0, OPENING))).execute(connection)?;
    diesel::insert_into(statement::table)
        .values((statement::poll_id.eq(id.0), statement::kind.eq(OPENING), statement::body.eq(body)))
        .execute(connection)?;
    Ok(())
}

/// A count as stored.
pub(super) fn signed(count: u64) -> Result<i64, DatabaseError> {
    i64::try_from(count).map_err(|_| DatabaseError::Row("a count beyond all bounds".to_owned()))
}

/// A count as read.
pub(super) fn unsigned(count: i64) -> Result<u64, DatabaseError> {
    u64::try_from(count).map_err(|_| DatabaseError::Row("a negative count".to_owned()))
}
