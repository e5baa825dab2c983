//! Voiding: the round counts for nothing, its key is destroyed, and what lay in the box is taken away unread. Each step can
//! be repeated.

use time::OffsetDateTime;

use super::api::BoxError;
use super::close::{delete_sealed, load};
use super::issue::{advance, held, note};
use super::rows::{self, Head};
use super::shared::{Shared, locked};
use super::{packet, tombstone};
use crate::domain::ids::{AccountId, PollId};
use crate::domain::poll::{Phase, Poll, VoidReason};

/// See [`super::BallotBox::void`].
pub(super) fn void(
    shared: &Shared,
    id: PollId,
    reason: VoidReason,
    by: Option<AccountId>,
    at: OffsetDateTime,
) -> Result<(), BoxError> {
    void_by(shared, id, by, at, |head| Ok(head.phase.clone().void(reason)?))
}

/// See [`super::BallotBox::void_disputed`].
pub(super) fn void_disputed(
    shared: &Shared,
    poll: &Poll,
    text: String,
    by: AccountId,
    at: OffsetDateTime,
) -> Result<(), BoxError> {
    void_by(shared, poll.id, Some(by), at, |head| {
        if head.version != poll.version {
            return Err(BoxError::Stale);
        }
        Ok(head.phase.clone().void_disputed(text, by)?)
    })
}

fn void_by(
    shared: &Shared,
    id: PollId,
    by: Option<AccountId>,
    at: OffsetDateTime,
    step: impl FnOnce(&Head) -> Result<Phase, BoxError>,
) -> Result<(), BoxError> {
    shared.database.write(|connection| {
        let head = held(connection, id)?;
        let next = step(&head)?;
        advance(connection, &head, &next)?;
        note(connection, &head, by, at, "poll.void", "")?;
        Ok::<_, BoxError>(())
    })?;
    shared.announce();
    wipe(shared, id)
}

/// What is left of a void round is taken away: the key uncounted, then everything that it sealed, then the
/// slips. A folder that cannot be reached is tried again later and shown meanwhile.
pub(super) fn wipe(shared: &Shared, id: PollId) -> Result<(), BoxError> {
    let head = load(shared, id)?;
    shared.evict(id);
    // The tombstone keeps an older copy of the database from coming back to life. Where the folder of the round
    // is lost, there is nothing that it could be outranked by.
    if shared.vault.knows(&head.place)
        && let Err(error) = tombstone::write(shared, &head)
    {
        tracing::warn!(poll = id.0, %error, "no tombstone for a void round");
    }
    match shared.vault.destroy_keys(&head.place) {
        Ok(()) => {
            locked(&shared.unfinished).remove(&id);
            shared.mended(id);
        }
        Err(fault) => {
            locked(&shared.unfinished).insert(id);
            shared.stop(id, &fault);
        }
    }
    delete_sealed(shared, id)?;
    while shared.database.write(|connection| rows::delete_slips(connection, id))? {}
    Ok(shared.database.write(|connection| packet::forget(connection, id))?)
}
