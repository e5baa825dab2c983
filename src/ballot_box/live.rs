//! The live tally, in safe steps, and the chores of an open box: high-water marks, second looks at stopped
//! rounds, keys that are still to be destroyed.
//!
//! Why two states that anyone can see differ by 0 or by at least k phone ballots: a candidate C has at least
//! `step ≥ k` ballots more than the published state P, and becomes the published state only when the database
//! holds at least k ballots more than C. So |C| − |P| ≥ k, and whatever is shown later, the final count
//! included, has at least |C| + k ballots: a ballot once committed never leaves the box (voiding touches unspent
//! slips only), paper ballots come after phones are closed and are told apart at the count, and a candidate is
//! published only in a transaction that holds the round open. Before the first state nothing was shown, and 0
//! differs from it by at least k. The states nest, because each candidate is the tally of all ballots at one
//! moment of one growing set, and compare-and-swap lets a candidate follow only the state it was measured
//! against or an older one that it exceeds by a step.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use diesel::prelude::*;

use super::api::{BoxError, LIVE_STEP, Live, Turnout};
use super::rows;
use super::shared::{Round, Shared, locked};
use super::{close, seal};
use crate::database::schema::live_state;
use crate::database::{AnyConnection, DatabaseError, Kind};
use crate::domain::ids::PollId;
use crate::domain::paper::{Answer, Paper};
use crate::domain::poll::Phase;
use crate::domain::tally::Tally;

/// Between two looks at what casting has brought.
const PACE: Duration = Duration::from_millis(100);
/// Between two looks at the database where other processes may have changed it.
const GLANCE: Duration = Duration::from_secs(1);
/// A count that took this long is kept for a while.
const DEAR: Duration = Duration::from_millis(20);
/// Between two rounds of chores.
const CHORES: Duration = Duration::from_secs(3);

/// What a process remembers of the phone ballots of an open round.
pub(super) struct Memory {
    /// How many more ballots a live state must have than the one before.
    pub(super) step: u64,
    /// Ballots that the database is known to hold; it may hold more.
    known: u64,
    /// Ballots in the database when the round was loaded.
    loaded: u64,
    /// The tally of the ballots cast through this process since then.
    own: Tally,
    /// A tally of all ballots at one moment, waiting until k more have come.
    candidate: Option<Live>,
    /// The published number of ballots as last seen; it may have grown since.
    published: Option<u64>,
    /// `known` at the last high-water mark.
    marked: u64,
    /// Phones are closed: the published state stands still from here on.
    frozen: bool,
}

impl Memory {
    pub(super) fn new(step: u64, spent: u64, paper: &Paper) -> Self {
        Memory {
            step,
            known: spent,
            loaded: spent,
            own: Tally::empty(paper),
            candidate: None,
            published: None,
            marked: 0,
            frozen: false,
        }
    }

    /// A ballot of this process was committed.
    pub(super) fn add(&mut self, answers: &[Option<Answer>]) {
        self.own.add(answers);
        self.known += 1;
    }
}

/// The chores of the box, until the bell is gone. Woken by the writer after each group.
pub(super) fn run(shared: &Shared, bell: &Receiver<()>) {
    let (mut glanced, mut chores) = (Instant::now(), Instant::now());
    loop {
        let rung = match bell.recv_timeout(GLANCE) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return note_all(shared),
        };
        let glance = glanced.elapsed() >= GLANCE;
        if glance {
            glanced = Instant::now();
        }
        let several = shared.database.kind() == Kind::Postgres;
        for round in shared.all_known() {
            if let Err(error) = advance(shared, &round, several && glance) {
                tracing::warn!(poll = round.id.0, %error, "the live tally could not be advanced");
            }
        }
        if rung || (several && glance && shared.changes.receiver_count() > 0) {
            shared.announce();
        }
        if chores.elapsed() >= CHORES {
            chores = Instant::now();
            do_chores(shared);
        }
        std::thread::sleep(PACE);
    }
}

/// The service ends: the vault learns the turnout of every round.
fn note_all(shared: &Shared) {
    for round in shared.all_known() {
        let known = locked(&round.live).known;
        if let Err(fault) = shared.vault.raise_mark(&round.place, known) {
            tracing::warn!(poll = round.id.0, reason = %fault.0, "the turnout could not be noted at the end");
        }
    }
}

/// Takes or publishes a candidate where one is due. `look` asks the database how many ballots there are.
pub(super) fn advance(shared: &Shared, round: &Round, look: bool) -> Result<(), BoxError> {
    if locked(&round.live).frozen {
        return Ok(());
    }
    if look {
        let turnout = shared.database.read(|connection| count_slips(shared, connection, round.id))?;
        let mut memory = locked(&round.live);
        memory.known = memory.known.max(turnout.spent);
    }
    let published = published(shared, round)?;
    let due = |memory: &Memory| match &memory.candidate {
        None => memory.known >= published + memory.step,
        Some(candidate) => memory.known >= candidate.count + LIVE_STEP,
    };
    if !due(&locked(&round.live)) {
        return Ok(());
    }
    let candidate = locked(&round.live).candidate.clone();
    match candidate {
        None => take(shared, round, published),
        Some(candidate) => publish(shared, round, &candidate),
    }
}

fn published(shared: &Shared, round: &Round) -> Result<u64, DatabaseError> {
    if let Some(published) = locked(&round.live).published {
        return Ok(published);
    }
    let state = shared.database.read(|connection| rows::live_state(connection, round.id))?;
    let count = state.map_or(0, |(count, _)| count);
    locked(&round.live).published = Some(count);
    Ok(count)
}

/// Takes the tally of all phone ballots at one moment. On SQLite a process that was there from the beginning, and
/// alone, has it in memory; else all ballots are unsealed as one snapshot of the database shows them.
fn take(shared: &Shared, round: &Round, published: u64) -> Result<(), BoxError> {
    let candidate = match in_memory(shared, round)? {
        Some(candidate) => candidate,
        None => unseal(shared, round)?,
    };
    let mut memory = locked(&round.live);
    if candidate.count >= published + memory.step {
        memory.candidate = Some(candidate);
    }
    Ok(())
}

/// The tally in memory, if it is that of all ballots: whatever it holds was committed before, so when the database
/// holds no more, there is nothing else. Another process on the same file has cast what is missing here; as a rule
/// there is none, and the writer, who waits meanwhile, has nothing between commit and memory.
fn in_memory(shared: &Shared, round: &Round) -> Result<Option<Live>, DatabaseError> {
    if shared.database.kind() != Kind::Sqlite {
        return Ok(None);
    }
    let memory = locked(&round.live);
    if memory.loaded > 0 || memory.own.valid != shared.database.read(|connection| rows::spent(connection, round.id))? {
        return Ok(None);
    }
    Ok(Some(Live { count: memory.own.valid, tally: memory.own.clone() }))
}

fn unseal(shared: &Shared, round: &Round) -> Result<Live, BoxError> {
    let (mut tally, mut plain) = (Tally::empty(&round.paper), seal::Plain::default());
    shared.database.read(|connection| {
        rows::snapshot(connection, |connection| {
            rows::each_ballot(connection, round.id, |box_id, sealed| {
                let content = round.sealer.open_ballot(box_id, sealed, &round.paper, &mut plain);
                let content = content.map_err(|seal::DoesNotOpen| BoxError::DoesNotOpen(round.id))?;
                let answers = content.read_answers(&round.paper).ok_or(BoxError::DoesNotOpen(round.id))?;
                if content.source == seal::Source::Phone {
                    tally.add(&answers);
                }
                Ok::<_, BoxError>(())
            })
        })
    })?;
    Ok(Live { count: tally.valid, tally })
}

/// Publishes the candidate if the database holds k more ballots than it, the vault has noted so, and the
/// published state is still at least a step behind.
fn publish(shared: &Shared, round: &Round, candidate: &Live) -> Result<(), BoxError> {
    // A server may have gone back behind our back; a file holds what was committed to it.
    let spent = match shared.database.kind() {
        Kind::Sqlite => locked(&round.live).known,
        Kind::Postgres => shared.database.read(|connection| rows::spent(connection, round.id))?,
    };
    if spent < candidate.count + LIVE_STEP {
        return Ok(());
    }
    if let Err(fault) = shared.vault.raise_mark(&round.place, spent) {
        shared.stop(round.id, &fault);
        return Err(fault.into());
    }
    let step = locked(&round.live).step;
    let shown = shared.database.write(|connection| {
        if rows::hold_open(connection, &[round.id])?.is_empty() {
            return Ok(Shown::Later);
        }
        let open = rows::head(connection, round.id)?.is_some_and(|head| matches!(head.phase, Phase::Open { .. }));
        let Some((before, _)) = rows::live_state(connection, round.id)?.filter(|_| open) else {
            return Ok(Shown::StandsStill);
        };
        if candidate.count < before + step {
            return Ok(Shown::Other(Some(before)));
        }
        let swapped = swap(connection, round.id, before, candidate)?;
        Ok::<_, DatabaseError>(Shown::Other(swapped.then_some(candidate.count)))
    })?;
    if matches!(shown, Shown::Later) {
        return Ok(());
    }
    let mut memory = locked(&round.live);
    memory.candidate = None;
    match shown {
        Shown::StandsStill => memory.frozen = true,
        Shown::Other(count) => memory.published = count,
        Shown::Later => {}
    }
    drop(memory);
    shared.announce();
    Ok(())
}

/// What is shown after an attempt to publish.
enum Shown {
    /// Somebody is changing the round: another attempt will tell.
    Later,
    /// Phones are closed.
    StandsStill,
    /// This many ballots, where that is known.
    Other(Option<u64>),
}

/// Compare-and-swap: `false` when another process has published since.
fn swap(connection: &mut AnyConnection, id: PollId, before: u64, after: &Live) -> Result<bool, DatabaseError> {
    let tally =
        serde_json::to_string(&after.tally).map_err(|error| DatabaseError::Row(format!("live tally: {error}")))?;
    let before = rows::signed(before)?;
    let changed =
        diesel::update(live_state::table.filter(live_state::poll_id.eq(id.0)).filter(live_state::count.eq(before)))
            .set((live_state::count.eq(rows::signed(after.count)?), live_state::tally.eq(tally)))
            .execute(connection)?;
    Ok(changed == 1)
}

/// High-water marks, second looks, keys still to be destroyed.
fn do_chores(shared: &Shared) {
    for round in shared.all_known() {
        if let Err(error) = second_look(shared, &round) {
            tracing::warn!(poll = round.id.0, %error, "an open round could not be looked at");
        }
    }
    for id in shared.all_stopped() {
        look_again(shared, id);
    }
    let unfinished: Vec<PollId> = locked(&shared.unfinished).iter().copied().collect();
    for id in unfinished {
        if let Err(error) = close::resume(shared, id, None, crate::world::now()) {
            tracing::warn!(poll = id.0, %error, "a closed round could not be finished");
        }
    }
    if let Err(error) = close::tidy(shared) {
        tracing::warn!(%error, "the log of the database could not be cut");
    }
}

/// Notes the turnout in the vault, and lets go of a round that is no longer open or whose vault or database no
/// longer holds what it must. The slips are counted only where a server may have gone back behind our back.
fn second_look(shared: &Shared, round: &Round) -> Result<(), BoxError> {
    let (mut spent, marked) = {
        let memory = locked(&round.live);
        (memory.known, memory.marked)
    };
    let head = shared.database.read(|connection| rows::head(connection, round.id))?;
    let Some(head) = head.filter(|head| matches!(head.phase, Phase::Open { .. } | Phase::Counting { .. })) else {
        shared.evict(round.id);
        return Ok(());
    };
    let Some(opening) = head.phase.opening() else { return Ok(()) };
    if spent > marked {
        if let Err(fault) = shared.vault.raise_mark(&round.place, spent) {
            shared.stop(round.id, &fault);
            return Err(fault.into());
        }
        locked(&round.live).marked = spent;
        if shared.database.kind() == Kind::Postgres {
            spent = shared.database.read(|connection| rows::spent(connection, round.id))?;
        }
    }
    if let Err(fault) = shared.examine(&head, opening, spent) {
        shared.stop(round.id, &fault);
    }
    Ok(())
}

/// Looks again at a round that was stopped.
pub(super) fn look_again(shared: &Shared, id: PollId) {
    let Ok(Some(head)) = shared.database.read(|connection| rows::head(connection, id)) else { return };
    match (&head.phase, head.phase.opening()) {
        (Phase::Open { .. } | Phase::Counting { .. }, Some(opening)) => {
            let Ok(spent) = shared.database.read(|connection| rows::spent(connection, id)) else { return };
            match shared.examine(&head, opening, spent) {
                Ok(_) => shared.mended(id),
                Err(fault) => shared.stop(id, &fault),
            }
        }
        // It goes on when somebody closes it again, or at the next start.
        (Phase::Closing { .. }, _) => {}
        _ if locked(&shared.unfinished).contains(&id) => {}
        _ => shared.mended(id),
    }
}

/// The published live state; `None` before the first step.
pub(super) fn shown(shared: &Shared, id: PollId) -> Result<Option<Live>, BoxError> {
    let state = shared.database.read(|connection| rows::live_state(connection, id))?;
    Ok(state.filter(|(count, _)| *count > 0).map(|(count, tally)| Live { count, tally }))
}

/// How many slips are printed, spent and voided: counted while they are there, and as the phase says once the
/// round is over.
pub(super) fn turnout(shared: &Shared, id: PollId) -> Result<Turnout, BoxError> {
    shared.database.read(|connection| {
        let head = rows::head(connection, id)?.ok_or(BoxError::NoSuchPoll)?;
        match (head.phase.opening(), head.phase.opened()) {
            (Some(opening), Some(opened)) => Ok(Turnout {
                printed: opening.slips.printed(),
                spent: opened.phone + opened.paper,
                voided: opened.voided,
            }),
            _ => count_slips(shared, connection, id),
        }
    })
}

/// Counts the slips. A count that took long, as among a million slips, is given again for a while, so that
/// watching a round never costs more than a tenth of one processor.
fn count_slips(shared: &Shared, connection: &mut AnyConnection, id: PollId) -> Result<Turnout, BoxError> {
    if let Some((turnout, until)) = locked(&shared.turnouts).get(&id)
        && Instant::now() < *until
    {
        return Ok(*turnout);
    }
    let begun = Instant::now();
    let turnout = rows::turnout(connection, id)?;
    let cost = begun.elapsed();
    let mut turnouts = locked(&shared.turnouts);
    if cost >= DEAR {
        turnouts.insert(id, (turnout, Instant::now() + cost * 10));
    } else {
        turnouts.remove(&id);
    }
    Ok(turnout)
}
