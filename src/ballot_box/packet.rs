//! Packets of spare slips: what is kept of them, and how one code voids a whole packet.
//!
//! The list of a packet's slips lies sealed under a key made of the code on its cover, in ascending order of digests:
//! the database tells how many packets there are and how large, but not which slips lie together, and the cover can
//! void what is inside but never vote with it.

use diesel::prelude::*;
use rand::RngExt as _;

use super::api::{Packet, SlipState, Voiding};
use super::cast::fresh;
use super::rows;
use super::seal::{DoesNotOpen, Key, Sealer};
use crate::database::schema::{paper_entry, slip, slip_packet};
use crate::database::{AnyConnection, DatabaseError};
use crate::domain::digest::Digest;
use crate::domain::ids::PollId;
use crate::domain::packet::PacketCode;
use crate::domain::poll::Poll;
use crate::domain::slip::SlipCode;

/// A packet as the database keeps it.
pub(super) struct Row {
    id: Digest,
    sealed: Vec<u8>,
}

/// Puts the spares into packets of `size`; the last may hold fewer. None for size 0.
pub(super) fn pack(poll: &Poll, spares: &[SlipCode], size: u32) -> Result<(Vec<Packet>, Vec<Row>), DoesNotOpen> {
    let mut rng = crate::world::rng();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let (mut packets, mut rows) = (Vec::new(), Vec::new());
    for slips in spares.chunks(size.max(1)).take_while(|_| size > 0) {
        let code = PacketCode::from_random(poll.tag, rng.random::<u128>() >> 28);
        let mut digests: Vec<Digest> = slips.iter().map(|slip| slip.digest(poll.id)).collect();
        digests.sort_unstable();
        let id = code.id(poll.id);
        rows.push(Row { id, sealed: sealer(poll.id, &code).packet(&id, &digests, fresh(&mut rng))? });
        packets.push(Packet { code, slips: slips.to_vec() });
    }
    rows.sort_unstable_by_key(|row| row.id);
    Ok((packets, rows))
}

fn sealer(poll: PollId, code: &PacketCode) -> Sealer {
    Sealer::new(&Key(code.key(poll)), poll)
}

/// Puts these packets in the place of any earlier ones of the round.
pub(super) fn replace(connection: &mut AnyConnection, poll: PollId, rows: &[Row]) -> Result<(), DatabaseError> {
    forget(connection, poll)?;
    for row in rows {
        diesel::insert_into(slip_packet::table)
            .values((
                slip_packet::poll_id.eq(poll.0),
                slip_packet::id.eq(row.id.0.as_slice()),
                slip_packet::sealed.eq(row.sealed.as_slice()),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Deletes the packets of a round.
pub(super) fn forget(connection: &mut AnyConnection, poll: PollId) -> Result<(), DatabaseError> {
    diesel::delete(slip_packet::table.filter(slip_packet::poll_id.eq(poll.0))).execute(connection)?;
    Ok(())
}

/// Voids all slips of a packet; none of them if one was used, for then it is no sealed packet any more.
pub(super) fn void(connection: &mut AnyConnection, poll: PollId, code: &PacketCode) -> Result<Voiding, DatabaseError> {
    let id = code.id(poll);
    let sealed = slip_packet::table
        .find((poll.0, id.0.as_slice()))
        .select(slip_packet::sealed)
        .first::<Vec<u8>>(connection)
        .optional()?;
    let Some(sealed) = sealed else { return Ok(Voiding::UnknownPacket) };
    let slips = sealer(poll, code)
        .open_packet(&id, &sealed)
        .map_err(|DoesNotOpen| DatabaseError::Row("a packet of slips".to_owned()))?;
    let mut unspent = Vec::with_capacity(slips.len());
    for digest in slips {
        match fate(connection, poll, &digest)? {
            None => unspent.push(digest),
            Some(Voiding::Already) => {}
            Some(_) => return Ok(Voiding::PacketOpened),
        }
    }
    for digest in &unspent {
        mark_void(connection, poll, digest)?;
    }
    Ok(Voiding::Packet(u64::try_from(unspent.len()).unwrap_or(u64::MAX)))
}

/// Voids one slip, unless its ballot is in the box or on the way into it.
pub(super) fn void_slip(
    connection: &mut AnyConnection,
    poll: PollId,
    slip: &SlipCode,
) -> Result<Voiding, DatabaseError> {
    let digest = slip.digest(poll);
    match fate(connection, poll, &digest)? {
        Some(fate) => Ok(fate),
        None => mark_void(connection, poll, &digest).map(|()| Voiding::Voided),
    }
}

/// Why a slip cannot be voided now; none when it can.
fn fate(connection: &mut AnyConnection, poll: PollId, digest: &Digest) -> Result<Option<Voiding>, DatabaseError> {
    match rows::slip_state(connection, poll, digest)? {
        SlipState::Unspent => {}
        SlipState::Spent => return Ok(Some(Voiding::Spent)),
        SlipState::Void => return Ok(Some(Voiding::Already)),
        SlipState::Unknown => return Ok(Some(Voiding::Unknown)),
    }
    let entries = paper_entry::table
        .filter(paper_entry::poll_id.eq(poll.0))
        .filter(paper_entry::digest.eq(digest.0.as_slice()))
        .count()
        .get_result::<i64>(connection)?;
    Ok((entries > 0).then_some(Voiding::Entered))
}

fn mark_void(connection: &mut AnyConnection, poll: PollId, digest: &Digest) -> Result<(), DatabaseError> {
    diesel::update(slip::table.find((poll.0, digest.0.as_slice())))
        .set(slip::state.eq(rows::VOID))
        .execute(connection)?;
    Ok(())
}
