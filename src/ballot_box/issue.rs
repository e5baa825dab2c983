//! Slips before the ballot: issuing, opening the box, voiding, closing the phones, forgetting.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use diesel::prelude::*;
use rand::RngExt as _;
use time::OffsetDateTime;

use super::api::{BoxError, IssuedSlips, Voiding};
use super::packet;
use super::rows::{self, Head};
use super::seal::{DoesNotOpen, Key};
use super::shared::{Shared, locked};
use super::vault::Fault;
use crate::database::schema::{live_state, slip};
use crate::database::{AnyConnection, DatabaseError, journal, phase};
use crate::domain::digest::Digest;
use crate::domain::ids::{AccountId, PollId};
use crate::domain::merkle;
use crate::domain::packet::Scanned;
use crate::domain::poll::{Opening, Phase, Poll, Refusal, SlipIssue};
use crate::domain::slip::SlipCode;
use crate::domain::tally::Tally;

/// The most slips of one round that the box keeps. Pages stop sooner: at what they can print.
const MOST_SLIPS: u64 = 1_000_000;

/// The round as it stands in this transaction, held against everybody else.
pub(super) fn held(connection: &mut AnyConnection, id: PollId) -> Result<Head, BoxError> {
    rows::hold_alone(connection, id)?;
    rows::head(connection, id)?.ok_or(BoxError::NoSuchPoll)
}

/// Puts the next phase in the place of the one in `head`, or refuses as stale.
pub(super) fn advance(connection: &mut AnyConnection, head: &Head, next: &Phase) -> Result<(), BoxError> {
    if !phase::swap(connection, head.id, head.version, next)? {
        return Err(BoxError::Stale);
    }
    if matches!(head.phase, Phase::Closing { .. }) {
        rows::forget_halt(connection, head.id)?;
    }
    Ok(())
}

/// Writes a line about the round into the journal.
pub(super) fn note(
    connection: &mut AnyConnection,
    head: &Head,
    by: Option<AccountId>,
    at: OffsetDateTime,
    action: &str,
    detail: &str,
) -> Result<(), DatabaseError> {
    let entry = journal::Entry { at, account: by, union: Some(head.union), poll: Some(head.id), action, detail };
    journal::write(connection, &entry)
}

/// See [`super::BallotBox::issue_slips`].
pub(super) fn issue_slips(
    shared: &Shared,
    poll: &Poll,
    issue: SlipIssue,
    packet: u32,
    by: AccountId,
    at: OffsetDateTime,
) -> Result<IssuedSlips, BoxError> {
    if issue.roll == 0 || issue.printed() > MOST_SLIPS {
        return Err(BoxError::SlipCount);
    }
    let next = poll.phase.clone().issue_slips(issue)?;
    let mut roll = draw(poll, issue);
    let mut digests: Vec<Digest> = roll.iter().map(|code| code.digest(poll.id)).collect();
    digests.sort_unstable();
    let spares = roll.split_off(roll.len().saturating_sub(usize::try_from(issue.spares).unwrap_or(0)));
    let broken = |DoesNotOpen| DatabaseError::Row("a packet of slips".to_owned());
    let (packets, packet_rows) = packet::pack(poll, &spares, packet).map_err(broken)?;
    shared.database.write(|connection| {
        let head = held(connection, poll.id)?;
        if head.version != poll.version {
            return Err(BoxError::Stale);
        }
        diesel::delete(slip::table.filter(slip::poll_id.eq(poll.id.0)))
            .execute(connection)
            .map_err(DatabaseError::from)?;
        rows::insert_slips(connection, poll.id, &digests)?;
        packet::replace(connection, poll.id, &packet_rows)?;
        advance(connection, &head, &next)?;
        note(connection, &head, Some(by), at, "poll.issue_slips", &format!("{}+{}", issue.roll, issue.spares))?;
        Ok(())
    })?;
    Ok(IssuedSlips { roll, spares, packets })
}

/// See [`super::BallotBox::are_issued`].
pub(super) fn are_issued(shared: &Shared, id: PollId, slips: &[SlipCode]) -> Result<bool, BoxError> {
    let digests = shared.database.read(|connection| rows::slip_digests(connection, id))?;
    Ok(slips.iter().all(|code| digests.binary_search(&code.digest(id)).is_ok()))
}

/// Random codes, all different.
fn draw(poll: &Poll, issue: SlipIssue) -> Vec<SlipCode> {
    let mut rng = crate::world::rng();
    let mut seen = HashSet::new();
    let wanted = usize::try_from(issue.printed()).unwrap_or(0);
    let mut codes = Vec::with_capacity(wanted);
    while codes.len() < wanted {
        let random: u128 = rng.random::<u128>() >> 28;
        if seen.insert(random) {
            codes.push(SlipCode::from_random(poll.tag, random));
        }
    }
    codes
}

/// See [`super::BallotBox::open`].
pub(super) fn open(
    shared: &Shared,
    poll: &Poll,
    by: AccountId,
    at: OffsetDateTime,
    sign: impl FnOnce(&Opening) -> Result<String, String>,
) -> Result<Opening, BoxError> {
    let slips = poll.phase.may_open()?;
    let place = super::vault::Place::of(poll.id, poll.tag);
    if shared.vault.is_over(&place)? || shared.vault.mark(&place)? > 0 {
        let fault =
            Fault("保管处记录本轮已经开始过投票，而数据库是更早的副本；请恢复更新的备份，或者作废本轮".to_owned());
        shared.stop(poll.id, &fault);
        return Err(fault.into());
    }
    let digests = shared.database.read(|connection| rows::slip_digests(connection, poll.id))?;
    if u64::try_from(digests.len()).ok() != Some(slips.printed()) {
        return Err(Refusal::NoSlips.into());
    }
    let key = Key(crate::world::random_bytes());
    let key_id = data_encoding::HEXLOWER.encode(&crate::world::random_bytes::<16>());
    let opening = Opening {
        key_id,
        key_digest: key.digest(),
        slips,
        roll_root: merkle::root(digests.iter().map(|digest| digest.0)),
        opened_on: crate::world::date_in_china(at),
    };
    let body = sign(&opening).map_err(BoxError::NotSigned)?;
    let next = poll.phase.clone().open(opening.clone())?;
    // The key is synced to every folder before anything says that it exists. One that an interrupted opening
    // leaves behind has sealed nothing, and goes with the others when the round closes.
    shared.vault.create_key(&place, &opening.key_id, &key)?;
    shared.database.write(|connection| {
        let head = held(connection, poll.id)?;
        if head.version != poll.version {
            return Err(BoxError::Stale);
        }
        advance(connection, &head, &next)?;
        write_opening(connection, poll, &body)?;
        note(connection, &head, Some(by), at, "poll.open", "")?;
        Ok(())
    })?;
    shared.mended(poll.id);
    shared.announce();
    Ok(opening)
}

fn write_opening(connection: &mut AnyConnection, poll: &Poll, body: &str) -> Result<(), DatabaseError> {
    rows::put_opening_statement(connection, poll.id, body)?;
    let tally = serde_json::to_string(&Tally::empty(&poll.paper))
        .map_err(|error| DatabaseError::Row(format!("live tally: {error}")))?;
    diesel::insert_into(live_state::table)
        .values((live_state::poll_id.eq(poll.id.0), live_state::count.eq(0), live_state::tally.eq(tally)))
        .execute(connection)?;
    Ok(())
}

/// See [`super::BallotBox::void_slips`].
pub(super) fn void_slips(
    shared: &Shared,
    id: PollId,
    scanned: &[Scanned],
    by: AccountId,
    at: OffsetDateTime,
) -> Result<Vec<Voiding>, BoxError> {
    let outcome = shared.database.write(|connection| {
        let head = held(connection, id)?;
        if !matches!(head.phase, Phase::Open { .. } | Phase::Counting { .. }) {
            return Err(BoxError::Refused(Refusal::WrongPhase));
        }
        let outcome = scanned
            .iter()
            .map(|each| match each {
                Scanned::Slip(slip) => packet::void_slip(connection, id, slip),
                Scanned::Packet(code) => packet::void(connection, id, code),
            })
            .collect::<Result<Vec<Voiding>, DatabaseError>>()?;
        let voided: u64 = outcome.iter().map(|each| each.voided()).sum();
        if voided > 0 {
            within_custody(connection, &head)?;
            note(connection, &head, Some(by), at, "poll.void_slips", &voided.to_string())?;
        }
        Ok(outcome)
    })?;
    shared.announce();
    Ok(outcome)
}

/// Refuses, and so undoes, a voiding beyond what the scrutineer has confirmed as spoiled or unused: otherwise a
/// member's slip could be voided behind the scrutineer's back.
fn within_custody(connection: &mut AnyConnection, head: &Head) -> Result<(), BoxError> {
    let Some(custody) = head.phase.custody().filter(|custody| custody.confirmed_by.is_some()) else { return Ok(()) };
    let counted = u64::from(custody.spoiled) + u64::from(custody.unused);
    let voided = rows::turnout(connection, head.id)?.voided;
    if voided > counted { Err(BoxError::MoreVoidThanCounted { voided, counted }) } else { Ok(()) }
}

/// See [`super::BallotBox::stop_phones`].
pub(super) fn stop_phones(shared: &Shared, id: PollId, by: AccountId, at: OffsetDateTime) -> Result<(), BoxError> {
    shared.database.write(|connection| {
        let head = held(connection, id)?;
        let next = head.phase.clone().stop_phones()?;
        advance(connection, &head, &next)?;
        note(connection, &head, Some(by), at, "poll.stop_phones", "")?;
        Ok::<_, BoxError>(())
    })?;
    shared.announce();
    Ok(())
}

/// See [`super::BallotBox::forget_slips`].
pub(super) fn forget_slips(shared: &Shared, id: PollId) -> Result<(), BoxError> {
    let head = shared.database.read(|connection| rows::head(connection, id))?.ok_or(BoxError::NoSuchPoll)?;
    if !matches!(head.phase, Phase::Certified { .. } | Phase::Reported { .. }) {
        return Err(Refusal::WrongPhase.into());
    }
    // Until it is done the chores go on with it.
    locked(&shared.unfinished).insert(id);
    delete_slips(shared, id)?;
    locked(&shared.unfinished).remove(&id);
    Ok(())
}

/// Deletes the packets and slips of a round that is over. Slips go last: as long as one is left, the next start knows that
/// there is something to delete.
pub(super) fn delete_slips(shared: &Shared, id: PollId) -> Result<(), DatabaseError> {
    shared.database.write(|connection| packet::forget(connection, id))?;
    while shared.database.write(|connection| rows::delete_slips(connection, id))? {
        shared.untidy.store(true, Ordering::Release);
    }
    Ok(())
}
