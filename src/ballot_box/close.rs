//! Closing, in steps of which each can be repeated:
//!
//! 1. `Closing` shuts every cast out.
//! 2. All ballots are unsealed and counted; the blocks and `Closed` are written in one transaction.
//! 3. A tombstone with the result and the blocks is synced into every vault folder.
//! 4. The key is destroyed in all of them.
//! 5. The sealed rows are deleted in chunks.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::api::{BoxError, Turnout};
use super::issue::{advance, delete_slips, held, note};
use super::rows::{self, Head};
use super::seal::{DoesNotOpen, Plain, Sealer, Source};
use super::shared::{Shared, locked};
use super::tombstone;
use super::vault::Fault;
use super::void::{wipe, wipe_or_later};
use crate::database::{AnyConnection, DatabaseError, Kind};
use crate::domain::digest::Digest;
use crate::domain::ids::{AccountId, PollId};
use crate::domain::merkle;
use crate::domain::openings::{self, OpeningBlock};
use crate::domain::paper::{Answer, ItemId};
use crate::domain::poll::{Opened, Phase, Poll, Refusal, VoidReason};
use crate::domain::tally::Tally;

/// Tries to set a mark on a phase that others change at the same moment.
const SWAPS: u32 = 20;

/// See [`super::BallotBox::close`].
pub(super) fn close(shared: &Shared, poll: &Poll, by: AccountId, at: OffsetDateTime) -> Result<Opened, BoxError> {
    let voided = shared.database.write(|connection| begin(connection, poll, by, at))?;
    shared.announce();
    if voided {
        wipe_or_later(shared, poll.id);
        return Err(super::api::CastRefusal::Void.into());
    }
    resume(shared, poll.id, Some(by), at)
}

/// Step 1, unless it was done before. `true` when the round became void instead.
fn begin(connection: &mut AnyConnection, poll: &Poll, by: AccountId, at: OffsetDateTime) -> Result<bool, BoxError> {
    let head = held(connection, poll.id)?;
    if matches!(head.phase, Phase::Closing { .. } | Phase::Closed { .. }) {
        return Ok(false);
    }
    let next = head.phase.clone().begin_closing()?;
    if head.version != poll.version {
        return Err(BoxError::Stale);
    }
    let waiting = super::paper::waiting(connection, poll.id)?;
    if waiting > 0 {
        return Err(BoxError::PaperWaiting(waiting));
    }
    let spent = rows::spent(connection, poll.id)?;
    let handed_out = next.custody().map_or(0, |custody| u64::from(custody.handed_out));
    let too_many = spent > handed_out;
    let next = if too_many { next.void(VoidReason::MoreSpentThanHandedOut { spent, handed_out })? } else { next };
    advance(connection, &head, &next)?;
    note(connection, &head, Some(by), at, if too_many { "poll.void" } else { "poll.close" }, "")?;
    Ok(too_many)
}

/// Does whatever steps are left of closing or voiding a round.
pub(super) fn resume(
    shared: &Shared,
    id: PollId,
    by: Option<AccountId>,
    at: OffsetDateTime,
) -> Result<Opened, BoxError> {
    let mut head = load(shared, id)?;
    if matches!(head.phase, Phase::Closing { .. }) {
        let counted = count(shared, &head, by, at);
        head = load(shared, id)?;
        // Whatever this one met: another process may have counted in the meantime and taken away what it was reading.
        if let (Err(error), Phase::Closing { .. }) = (counted, &head.phase) {
            if matches!(error, BoxError::Vault(_) | BoxError::DoesNotOpen(_) | BoxError::DoesNotReconcile { .. }) {
                halt(shared, &head, &Fault(error.to_string()));
            }
            return Err(error);
        }
        shared.announce();
    }
    match &head.phase {
        Phase::Closed { .. } | Phase::Certified { .. } | Phase::Reported { .. } => finish(shared, &head),
        Phase::Void { .. } => {
            wipe(shared, id)?;
            Err(super::api::CastRefusal::Void.into())
        }
        _ => Err(Refusal::WrongPhase.into()),
    }
}

/// Stops a round whose closing cannot go on, and says why at every process. What cannot be written down is shown here alone.
fn halt(shared: &Shared, head: &Head, fault: &Fault) {
    let noted = shared.database.write(|connection| {
        let now = held(connection, head.id)?;
        if now.version == head.version {
            Ok(rows::put_halt(connection, head.id, &fault.0)?)
        } else {
            Err(BoxError::Stale)
        }
    });
    if let Err(error) = noted {
        tracing::warn!(poll = head.id.0, %error, "why a closing does not go on could not be written down");
    }
    shared.stop(head.id, fault);
}

pub(super) fn load(shared: &Shared, id: PollId) -> Result<Head, BoxError> {
    shared.database.read(|connection| rows::head(connection, id))?.ok_or(BoxError::NoSuchPoll)
}

/// What was in the box, unsealed: one stretch of bytes, so that a million ballots take one allocation.
pub(super) struct Contents {
    /// Per valid ballot: `r`, then one byte per item.
    valid: Zeroizing<Vec<u8>>,
    receipts: Vec<[u8; 15]>,
    comments: Vec<String>,
    tally: Tally,
    phone: u64,
    paper: u64,
}

/// Unseals everything and adds it up, without a trace.
pub(super) fn reckon(shared: &Shared, head: &Head) -> Result<(Contents, Turnout), BoxError> {
    let fixed = head.phase.opening().ok_or(Refusal::WrongPhase)?;
    let (turnout, sealed_comments) = shared.database.read(|connection| {
        Ok::<_, DatabaseError>((rows::turnout(connection, head.id)?, rows::comment_count(connection, head.id)?))
    })?;
    let key = shared.examine(head, fixed, turnout.spent)?;
    let sealer = Sealer::new(&key, head.id);
    let contents = unseal(shared, head, &sealer, turnout.spent)?;
    let in_box = contents.tally.returned();
    if in_box != turnout.spent || (head.paper.comment && sealed_comments != in_box) {
        return Err(BoxError::DoesNotReconcile { spent: turnout.spent, sealed: in_box });
    }
    Ok((contents, turnout))
}

/// Step 2. Nothing but `Closed` is visible of it, and nothing at all if anything does not add up.
fn count(shared: &Shared, head: &Head, by: Option<AccountId>, at: OffsetDateTime) -> Result<(), BoxError> {
    let (mut contents, turnout) = reckon(shared, head)?;
    contents.receipts.sort_unstable_by(openings::in_order);
    contents.comments.sort_unstable();
    shared.database.write(|connection| {
        let now = held(connection, head.id)?;
        if now.version != head.version {
            return Err(BoxError::Stale);
        }
        let digests = write_openings(connection, head, &contents)?;
        rows::put_block(connection, head.id, "receipts", contents.receipts.as_flattened())?;
        let comments = serde_json::to_vec(&contents.comments)
            .map_err(|error| DatabaseError::Row(format!("block of comments: {error}")))?;
        rows::put_block(connection, head.id, "comments", &comments)?;
        let result = Opened {
            tally: contents.tally.clone(),
            phone: contents.phone,
            paper: contents.paper,
            voided: turnout.voided,
            receipts_root: merkle::root(&contents.receipts),
            openings: digests,
            comments: u64::try_from(contents.comments.len()).unwrap_or(u64::MAX),
            key_destroyed: false,
            closed_on: crate::world::date_in_china(at),
        };
        advance(connection, head, &head.phase.clone().close(result)?)?;
        note(connection, head, by, at, "poll.closed", "")?;
        Ok(())
    })
}

/// Unseals everything. One ballot that does not open, or that says what its paper does not offer, ends it.
fn unseal(shared: &Shared, head: &Head, sealer: &Sealer, expected: u64) -> Result<Contents, BoxError> {
    let expected = usize::try_from(expected).unwrap_or(0);
    let mut contents = Contents {
        // Enough from the beginning: growing would leave copies behind that nobody wipes.
        valid: Zeroizing::new(Vec::with_capacity(expected.saturating_mul(32 + head.paper.items.len()))),
        receipts: Vec::with_capacity(expected),
        comments: Vec::new(),
        tally: Tally::empty(&head.paper),
        phone: 0,
        paper: 0,
    };
    let broken = |DoesNotOpen| BoxError::DoesNotOpen(head.id);
    let mut plain = Plain::default();
    shared.database.read(|connection| {
        rows::each_ballot(connection, head.id, |box_id, sealed| {
            let content = sealer.open_ballot(box_id, sealed, &head.paper, &mut plain).map_err(broken)?;
            contents.receipts.push(content.receipt.0);
            match content.source {
                Source::Phone => contents.phone += 1,
                Source::Paper | Source::InvalidPaper => contents.paper += 1,
            }
            if content.source == Source::InvalidPaper {
                contents.tally.add_invalid();
                return Ok::<_, BoxError>(());
            }
            let answers = content.read_answers(&head.paper).ok_or(BoxError::DoesNotOpen(head.id))?;
            contents.tally.add(&answers);
            contents.valid.extend_from_slice(&content.r);
            contents.valid.extend_from_slice(content.answers);
            Ok(())
        })?;
        rows::each_comment(connection, head.id, |id, sealed| {
            contents.comments.extend(sealer.open_comment(id, sealed).map_err(broken)?);
            Ok::<_, BoxError>(())
        })
    })?;
    Ok(contents)
}

/// Writes the block of openings of each item, one in memory at a time, recounts it and gives its digest.
fn write_openings(
    connection: &mut AnyConnection,
    head: &Head,
    contents: &Contents,
) -> Result<Vec<(ItemId, Digest)>, BoxError> {
    let stride = 32 + head.paper.items.len();
    let mut digests = Vec::with_capacity(head.paper.items.len());
    for (place, item) in (0..).zip(&head.paper.items) {
        let read = |ballot: &[u8]| {
            let (r, answers) = ballot.split_first_chunk::<32>()?;
            let answer = Answer::from_byte(*answers.get::<usize>(place)?)?;
            Some(openings::entry(&openings::opening(head.id, r, item), answer))
        };
        let block = OpeningBlock::of(contents.valid.chunks_exact(stride).filter_map(read).collect());
        if block.recount(item).ok().as_ref() != contents.tally.items.get(place) {
            return Err(BoxError::DoesNotOpen(head.id));
        }
        rows::put_block(connection, head.id, &openings_kind(&item.id), block.bytes())?;
        digests.push((item.id.clone(), block.digest()));
    }
    Ok(digests)
}

/// Under what name the openings of an item are stored.
pub(super) fn openings_kind(item: &ItemId) -> String {
    format!("openings.{item}")
}

/// Steps 3 to 5 for a counted round; once it is certified its slips go too.
fn finish(shared: &Shared, head: &Head) -> Result<Opened, BoxError> {
    let opened = head.phase.opened().cloned().ok_or(Refusal::WrongPhase)?;
    shared.evict(head.id);
    if !opened.key_destroyed || shared.vault.holds_key(&head.place) {
        let destroyed = tombstone::write(shared, head).and_then(|()| Ok(shared.vault.destroy_keys(&head.place)?));
        match destroyed {
            Ok(()) => {}
            // The result stands; the rest is tried again until every folder confirms.
            Err(BoxError::Vault(why)) => {
                locked(&shared.unfinished).insert(head.id);
                shared.stop(head.id, &Fault(why));
                return Ok(opened);
            }
            Err(error) => return Err(error),
        }
        confirm_destruction(shared, head.id)?;
        // Its tombstone may have come over that of somebody who voided the round meanwhile.
        if matches!(load(shared, head.id)?.phase, Phase::Void { .. }) {
            wipe(shared, head.id)?;
            return Err(super::api::CastRefusal::Void.into());
        }
    }
    delete_sealed(shared, head.id)?;
    if head.phase.sheet().is_some() {
        delete_slips(shared, head.id)?;
    }
    locked(&shared.unfinished).remove(&head.id);
    shared.mended(head.id);
    shared.announce();
    Ok(Opened { key_destroyed: true, ..opened })
}

/// Writes down that the key is gone, beside whoever confirms the result at the same moment.
fn confirm_destruction(shared: &Shared, id: PollId) -> Result<(), BoxError> {
    for _ in 0..SWAPS {
        let done = shared.database.write(|connection| {
            let head = held(connection, id)?;
            if head.phase.opened().is_none_or(|opened| opened.key_destroyed) {
                return Ok(true);
            }
            let next = head.phase.clone().key_destroyed()?;
            match advance(connection, &head, &next) {
                Err(BoxError::Stale) => Ok(false),
                other => other.map(|()| true),
            }
        })?;
        if done {
            return Ok(());
        }
    }
    Err(BoxError::Stale)
}

/// Deletes sealed rows in chunks. They are sealed, and the key is gone; this is for tidiness and for space. Ballots
/// go last: as long as one is left, the next start knows that there is something to delete.
pub(super) fn delete_sealed(shared: &Shared, id: PollId) -> Result<(), BoxError> {
    shared.database.write(|connection| super::paper::forget(connection, id))?;
    let mut any = false;
    while shared.database.write(|connection| rows::delete_comments(connection, id))? {
        any = true;
    }
    while shared.database.write(|connection| rows::delete_ballots(connection, id))? {
        any = true;
    }
    if any {
        shared.untidy.store(true, Ordering::Release);
        cut_log(shared)?;
    }
    Ok(())
}

/// Whether SQLite was kept from cutting its log.
#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    busy: i32,
}

/// After rows were deleted from a file: its write-ahead log, in which copies of them stand, is cut to nothing. Whoever
/// reads at that moment puts it off until the next time; nobody waits for it. A server is tidied by the chores.
pub(super) fn cut_log(shared: &Shared) -> Result<(), DatabaseError> {
    if shared.database.kind() != Kind::Sqlite || !shared.untidy.swap(false, Ordering::AcqRel) {
        return Ok(());
    }
    let done = shared.database.read(|connection| {
        let AnyConnection::Sqlite(inner) = connection else { return Ok(true) };
        // Meanwhile nobody writes: so it must not wait as long for readers as others wait for the writer.
        inner.batch_execute("PRAGMA busy_timeout = 100")?;
        let checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<Checkpoint>(inner);
        inner.batch_execute("PRAGMA busy_timeout = 15000")?;
        Ok::<_, DatabaseError>(checkpoint.is_ok_and(|checkpoint| checkpoint.busy == 0))
    });
    if !matches!(done, Ok(true)) {
        shared.untidy.store(true, Ordering::Release);
    }
    done.map(drop)
}

/// At start: restores rounds that the vault knows to be over, goes on with interrupted closings, takes away what rounds
/// that are over have left, and holds the vault of every open round against the database. A round with a fault is
/// stopped; the others go on.
pub(super) fn take_up(shared: &Shared, at: OffsetDateTime) -> Result<(), BoxError> {
    let unfinished = ["draft", "open", "counting", "closing", "closed"];
    let mut taken_up = BTreeSet::new();
    for id in shared.database.read(|connection| rows::rounds_in(connection, &unfinished))? {
        taken_up.insert(id);
        if let Err(error) = take_up_one(shared, id, at) {
            tracing::error!(poll = id.0, %error, "a round could not be taken up");
            shared.stop(id, &Fault(error.to_string()));
        }
    }
    let mut left: BTreeSet<PollId> = shared.database.read(rows::rounds_with_ballots)?.into_iter().collect();
    left.extend(shared.database.read(rows::rounds_with_slips)?);
    for id in shared.database.read(|connection| rows::rounds_in(connection, &["void"]))? {
        let head = load(shared, id)?;
        if shared.vault.holds_key(&head.place) || !tombstone::stands(shared, &head) {
            left.insert(id);
        }
    }
    // A kill may have come between the deletion of sealed rows and the cutting of the log.
    shared.untidy.store(shared.database.kind() == Kind::Sqlite, Ordering::Release);
    left.difference(&taken_up).try_for_each(|id| clear_up(shared, *id, at))
}

/// Whether a round is over and every folder of the vault said once that its key is gone. One that has a key all the same
/// was away then.
pub(super) fn is_over(phase: &Phase) -> bool {
    matches!(phase, Phase::Void { .. }) || phase.opened().is_some_and(|opened| opened.key_destroyed)
}

/// Takes away what a round which is over has left behind: keys, sealed rows, slips.
pub(super) fn clear_up(shared: &Shared, id: PollId, at: OffsetDateTime) -> Result<(), BoxError> {
    match resume(shared, id, None, at) {
        // Void rounds have no result; one that is not over was opened through another process in the meantime.
        Err(BoxError::Cast(super::api::CastRefusal::Void) | BoxError::Refused(Refusal::WrongPhase)) => Ok(()),
        other => other.map(drop),
    }
}

fn take_up_one(shared: &Shared, id: PollId, at: OffsetDateTime) -> Result<(), BoxError> {
    let mut head = load(shared, id)?;
    let counted = matches!(head.phase, Phase::Closed { .. });
    let found = match tombstone::find(shared, &head) {
        // It is written anew if the key is still to be destroyed.
        Err(_) if counted => None,
        found => found?,
    };
    if let Some(tombstone) = found.filter(|found| !counted || found.is_void()) {
        tombstone::restore(shared, &head, tombstone, at)?;
        head = load(shared, id)?;
    }
    match (&head.phase, head.phase.opening()) {
        (Phase::Open { .. } | Phase::Counting { .. }, Some(opening)) => {
            let spent = shared.database.read(|connection| rows::spent(connection, id))?;
            if let Err(fault) = shared.examine(&head, opening, spent) {
                shared.stop(id, &fault);
            }
        }
        (Phase::Closing { .. }, _) => drop(resume(shared, id, None, at)?),
        (Phase::Closed { opened, .. }, _) => {
            let left = shared.database.read(|connection| rows::any_ballot(connection, id))?;
            if !opened.key_destroyed || left || shared.vault.holds_key(&head.place) {
                resume(shared, id, None, at)?;
            }
        }
        (Phase::Void { .. }, _) => wipe(shared, id)?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ballot_box::vault::Vault;
    use crate::store::polls;
    use crate::store::testing::{account, by, database, new_poll};

    #[test]
    fn a_round_that_is_not_over_does_not_end_the_start() {
        let database = database();
        let made = database.write(|c| {
            let chair = account(c, "wang");
            polls::create(c, &new_poll(chair.union), || 5, by())
        });
        let shared = Shared::new(database, Vault::new(vec!["vault".into()]).unwrap());
        clear_up(&shared, made.unwrap().id, by().at).unwrap();
    }
}
