//! Paper ballots, after phones are closed: two tellers enter each independently; what both read goes into the
//! same box. A comment written on paper is not taken down.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::api::{BoxError, CastRefusal, PaperBallot, PaperEntry, SlipState, Teller};
use super::cast::{Ticket, fresh};
use super::issue::{held, note};
use super::rows::{self, Head};
use super::seal::{DoesNotOpen, Source};
use super::shared::Shared;
use crate::database::schema::paper_entry;
use crate::database::{AnyConnection, DatabaseError};
use crate::domain::ids::{AccountId, PollId};
use crate::domain::paper::Answer;
use crate::domain::poll::{Phase, Poll, Refusal};
use crate::domain::slip::{FormNonce, SlipCode};

fn number(teller: Teller) -> i16 {
    match teller {
        Teller::First => 1,
        Teller::Second => 2,
    }
}

fn other(teller: Teller) -> Teller {
    match teller {
        Teller::First => Teller::Second,
        Teller::Second => Teller::First,
    }
}

/// See [`super::BallotBox::enter_paper`].
pub(super) fn enter(
    shared: &Shared,
    poll: &Poll,
    teller: Teller,
    slip: &SlipCode,
    ballot: PaperBallot,
) -> Result<PaperEntry, BoxError> {
    let round = shared.round(poll.id)??;
    let broken = |DoesNotOpen| BoxError::DoesNotOpen(poll.id);
    let (source, answers) = match ballot {
        PaperBallot::Valid(ballot) => (Source::Paper, ballot.answers().to_vec()),
        PaperBallot::Invalid => (Source::InvalidPaper, vec![None; round.paper.items.len()]),
    };
    let bytes: Vec<u8> = answers.iter().map(|answer| Answer::to_byte(*answer)).collect();
    let mut rng = crate::world::rng();
    let ticket = Ticket::of(poll.id, slip, &FormNonce(crate::world::random_bytes()));
    let row = ticket.seal(&round.sealer, &round.paper, source, &answers, None, &mut rng).map_err(broken)?;
    let digest = row.digest;
    let place = |teller| [digest.0.as_slice(), &number(teller).to_be_bytes()].concat();
    let entry = round.sealer.entry(&place(teller), source, &bytes, fresh(&mut rng)).map_err(broken)?;

    let outcome = shared.database.write(|connection| -> Result<_, BoxError> {
        counting(connection, poll.id)?;
        match rows::slip_state(connection, poll.id, &digest)? {
            SlipState::Unspent => {}
            SlipState::Spent => return Err(CastRefusal::SlipSpent.into()),
            SlipState::Void => return Err(CastRefusal::SlipVoid.into()),
            SlipState::Unknown => return Err(CastRefusal::UnknownSlip.into()),
        }
        let key = |teller| (poll.id.0, digest.0.as_slice(), number(teller));
        let first = paper_entry::table
            .find(key(other(teller)))
            .select(paper_entry::sealed)
            .first::<Vec<u8>>(connection)
            .optional()
            .map_err(DatabaseError::from)?;
        for each in [teller, other(teller)] {
            if each == teller || first.is_some() {
                diesel::delete(paper_entry::table.find(key(each))).execute(connection).map_err(DatabaseError::from)?;
            }
        }
        let Some(first) = first else {
            insert(connection, key(teller), &entry)?;
            return Ok(PaperEntry::Waiting);
        };
        let read = round.sealer.open_entry(&place(other(teller)), &first).map_err(broken)?;
        if read.split_first() != Some((&(source as u8), bytes.as_slice())) {
            return Ok(PaperEntry::Differs);
        }
        if rows::spend(connection, &row)? { Ok(PaperEntry::Cast) } else { Err(CastRefusal::SlipSpent.into()) }
    })?;
    shared.announce();
    Ok(outcome)
}

fn insert(
    connection: &mut AnyConnection,
    (poll, digest, teller): (i64, &[u8], i16),
    sealed: &[u8],
) -> Result<(), DatabaseError> {
    diesel::insert_into(paper_entry::table)
        .values((
            paper_entry::poll_id.eq(poll),
            paper_entry::digest.eq(digest),
            paper_entry::teller.eq(teller),
            paper_entry::sealed.eq(sealed),
        ))
        .execute(connection)?;
    Ok(())
}

/// See [`super::BallotBox::drop_entries`].
pub(super) fn drop_entries(
    shared: &Shared,
    id: PollId,
    seen: u64,
    by: AccountId,
    at: OffsetDateTime,
) -> Result<(), BoxError> {
    shared.database.write(|connection| -> Result<_, BoxError> {
        let head = counting(connection, id)?;
        let waiting = waiting(connection, id)?;
        if waiting != seen {
            return Err(BoxError::Stale);
        }
        if waiting > 0 {
            forget(connection, id)?;
            note(connection, &head, Some(by), at, "poll.drop_entries", &waiting.to_string())?;
        }
        Ok(())
    })?;
    shared.announce();
    Ok(())
}

/// The round, held, in the phase in which paper is entered.
fn counting(connection: &mut AnyConnection, id: PollId) -> Result<Head, BoxError> {
    let head = held(connection, id)?;
    if matches!(head.phase, Phase::Counting { .. }) { Ok(head) } else { Err(Refusal::WrongPhase.into()) }
}

/// Deletes the entries of a round.
pub(super) fn forget(connection: &mut AnyConnection, id: PollId) -> Result<(), DatabaseError> {
    diesel::delete(paper_entry::table.filter(paper_entry::poll_id.eq(id.0))).execute(connection)?;
    Ok(())
}

/// Entries that wait for the other teller.
pub(super) fn waiting(connection: &mut AnyConnection, id: PollId) -> Result<u64, DatabaseError> {
    let count = paper_entry::table.filter(paper_entry::poll_id.eq(id.0)).count().get_result::<i64>(connection)?;
    rows::unsigned(count)
}
