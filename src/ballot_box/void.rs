//! Voiding: the round counts for nothing, its key is destroyed, and what lay in the box is taken away unread. Each step can
//! be repeated.

use time::OffsetDateTime;

use super::api::BoxError;
use super::close::{delete_sealed, load, reckon};
use super::issue::{advance, delete_slips, held, note};
use super::rows::{self, Head};
use super::shared::{Shared, locked, older_copy};
use super::tombstone;
use super::vault::Fault;
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

/// See [`super::BallotBox::beyond_counting`].
pub(super) fn beyond_counting(shared: &Shared, id: PollId) -> Result<Option<String>, BoxError> {
    let head = load(shared, id)?;
    let (Phase::Open { opening, .. } | Phase::Counting { opening, .. } | Phase::Closing { opening, .. }) = &head.phase
    else {
        return Ok(None);
    };
    // Of a round that is over, and of a folder that cannot be read, the next start knows more.
    if shared.vault.is_over(&head.place) != Ok(false) {
        return Ok(None);
    }
    if shared.vault.has_lost(&head.place, &opening.key_id, &opening.key_digest) {
        return Ok(Some("各处密钥保管处都没有本轮的密钥，票打不开".to_owned()));
    }
    if let Ok(mark) = shared.vault.mark(&head.place) {
        let spent = shared.database.read(|connection| rows::spent(connection, id))?;
        if spent < mark {
            return Ok(Some(older_copy(spent, mark).0));
        }
    }
    if shared.database.read(|connection| rows::halt(connection, id))?.is_none() {
        return Ok(None);
    }
    match reckon(shared, &head) {
        Err(error @ (BoxError::DoesNotOpen(_) | BoxError::DoesNotReconcile { .. })) => Ok(Some(error.to_string())),
        Err(error @ BoxError::Database(_)) => Err(error),
        _ => Ok(None),
    }
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
    wipe_or_later(shared, id);
    Ok(())
}

/// Wipes a round that has just become void. It is void whatever becomes of that; what fails is tried again by the chores,
/// and at the next start.
pub(super) fn wipe_or_later(shared: &Shared, id: PollId) {
    if let Err(error) = wipe(shared, id) {
        tracing::warn!(poll = id.0, %error, "what is left of a void round could not be taken away yet");
    }
}

/// What is left of a void round is taken away: the key uncounted, then everything that it sealed, then the slips: as long
/// as one is left, the next start knows that there is something to do. A folder that cannot be reached is tried again
/// later and shown meanwhile.
pub(super) fn wipe(shared: &Shared, id: PollId) -> Result<(), BoxError> {
    // Until it is done the chores go on with it.
    locked(&shared.unfinished).insert(id);
    let head = load(shared, id)?;
    shared.evict(id);
    // The tombstone keeps an older copy of the database from coming back to life, and a counted one in its place. A
    // key is destroyed even where there is no room to say so.
    let buried = tombstone::write(shared, &head);
    let destroyed = shared.vault.destroy_keys(&head.place);
    delete_sealed(shared, id)?;
    match buried.and(destroyed.map_err(BoxError::from)) {
        Ok(()) => {}
        Err(BoxError::Vault(why)) => {
            shared.stop(id, &Fault(why));
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    delete_slips(shared, id)?;
    locked(&shared.unfinished).remove(&id);
    shared.mended(id);
    Ok(())
}
