//! What the benchmarks time and nothing else calls.

use std::hint::black_box;

use super::cast::Ticket;
use super::seal::{Key, Sealer, Source};
use crate::domain::ballot::Ballot;
use crate::domain::ids::PollId;
use crate::domain::paper::Paper;
use crate::domain::slip::{FormNonce, PollTag, SlipCode};
use crate::world;

/// From slip and form to sealed row, so many times.
pub fn seal(paper: &Paper, ballot: &Ballot, times: u32) {
    let poll = PollId(1);
    let sealer = Sealer::new(&Key(world::random_bytes()), poll);
    let (slip, nonce) = (SlipCode::from_random(PollTag::from_random(1), 7), FormNonce(world::random_bytes()));
    for _ in 0..times {
        let ticket = Ticket::of(poll, black_box(&slip), black_box(&nonce));
        let row = ticket.seal(&sealer, paper, Source::Phone, ballot.answers(), None, &mut world::rng());
        let _ = black_box(row.map(|row| row.sealed));
    }
}
