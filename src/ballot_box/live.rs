//! The live tally, in safe steps, and the turnout.
//!
//! Why two states that anyone can see differ by 0 or by at least k phone ballots: a candidate C has at least
//! `step ≥ k` ballots more than the published state P, and becomes the published state only when the database
//! holds at least k ballots more than C. So |C| − |P| ≥ k, and whatever is shown later, the final count
//! included, has at least |C| + k ballots: a ballot once committed never leaves the box (voiding touches unspent
//! slips only), paper ballots come after phones are closed and are told apart at the count, and a candidate is
//! published only in a transaction that holds the round open. Before the first state nothing was shown, and 0
//! differs from it by at least k. The states nest, because each candidate is the tally of all ballots at one
//! moment of one growing set, and compare-and-swap lets a candidate follow only the state it was measured
//! against or an older one that it exceeds by a step. The vault notes each candidate before it is published, so that
//! one which a failing server forgot is kept away from all the same.

use std::time::{Duration, Instant};

use diesel::prelude::*;

use super::api::{BoxError, LIVE_STEP, Live, Turnout};
use super::shared::{Round, Shared, locked};
use super::vault::Fault;
use super::{rows, seal};
use crate::database::schema::live_state;
use crate::database::{AnyConnection, DatabaseError, Kind};
use crate::domain::ids::PollId;
use crate::domain::paper::{Answer, Paper};
use crate::domain::poll::Phase;
use crate::domain::tally::Tally;

/// A count that took this long is kept for a while.
const DEAR: Duration = Duration::from_millis(20);
/// For each moment that a candidate took, as long as so many of them until the next is taken: however fast a hall votes,
/// the live tally takes little from it.
const REST: u32 = 40;
/// However long it took: a round has ten candidates at most, and a server that was slow once is not waited for.
const LONGEST_REST: Duration = Duration::from_secs(3);
/// How often a process that is alone compares its memory with the database before it unseals the box instead:
/// groups may be committed and not yet remembered.
const COMPARISONS: u32 = 6;
/// Between two comparisons.
const PAUSE: Duration = Duration::from_millis(10);

/// What a process remembers of the phone ballots of an open round.
pub(super) struct Memory {
    /// How many more ballots a live state must have than the one before.
    pub(super) step: u64,
    /// Ballots that the database is known to hold; it may hold more.
    pub(super) known: u64,
    /// The tally of the ballots cast through this process since the round was loaded.
    own: Tally,
    /// Casts of this process that are on their way to the database: it may hold them already.
    flying: u64,
    /// Ballots that the database held when they were last counted.
    counted: u64,
    /// At most so many of the ballots of this process were among them: what it brings beyond comes on top.
    own_counted: u64,
    /// `own` may be that of all ballots: the box was empty when the round was loaded, no other process was seen to cast,
    /// and no writer's line to the database ever broke (behind a broken one, a server may have gone back).
    alone: bool,
    /// A tally of all ballots at one moment, waiting until k more have come.
    candidate: Option<Live>,
    /// The candidate could not be published yet.
    put_off: bool,
    /// No further candidate is taken before, and one that was put off is not tried again.
    rest_until: Instant,
    /// Published states of up to so many ballots are noted in the vault, as last seen.
    shown: u64,
    /// The candidate that this process noted there.
    noted: Option<u64>,
    /// The published number of ballots as last seen; it may have grown since.
    published: Option<u64>,
    /// What the vault was last told.
    pub(super) marked: Marked,
    /// Phones are closed: the published state stands still from here on.
    pub(super) frozen: bool,
}

/// What the vault is told of the turnout.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marked {
    /// Ballots that the database is known to hold.
    pub(super) known: u64,
    /// Those among them that were cast through this process since the round was loaded. What every process knows is as
    /// old as its last count but for these, so that only together do they say what a server that goes back must hold.
    pub(super) own: u64,
}

impl Memory {
    pub(super) fn turnout(&self) -> Marked {
        Marked { known: self.known, own: self.own.valid }
    }

    pub(super) fn new(step: u64, spent: u64, paper: &Paper) -> Self {
        Memory {
            step,
            known: spent,
            own: Tally::empty(paper),
            flying: 0,
            counted: spent,
            own_counted: 0,
            alone: spent == 0,
            candidate: None,
            put_off: false,
            rest_until: Instant::now(),
            shown: 0,
            noted: None,
            published: None,
            marked: Marked::default(),
            frozen: false,
        }
    }

    /// A cast of this process goes to the database.
    pub(super) fn take_off(&mut self) {
        self.flying += 1;
    }

    /// A cast of this process came back: with its answers, if its ballot was committed.
    pub(super) fn land(&mut self, committed: Option<&[Option<Answer>]>) {
        self.flying -= 1;
        if let Some(answers) = committed {
            self.own.add(answers);
            self.known = self.known.max(self.counted + self.own.valid.saturating_sub(self.own_counted));
        }
    }

    /// The live tally took this long.
    fn rest(&mut self, cost: Duration) {
        self.rest_until = self.rest_until.max(Instant::now() + LONGEST_REST.min(cost * REST));
    }

    /// From here on nobody knows whether the tally in memory, or a candidate, is that of ballots that are all there.
    pub(super) fn doubt(&mut self) {
        self.alone = false;
        self.candidate = None;
        self.rest_until = Instant::now();
    }

    /// The database held so many ballots when somebody counted them, just now. Those on their way may be among them, and
    /// must not be known twice: a mark above what the database holds would stop the round.
    pub(super) fn held(&mut self, ballots: u64) {
        if ballots > self.known {
            self.known = ballots;
            self.counted = ballots;
            self.own_counted = self.own.valid + self.flying;
        }
    }
}

/// Takes or publishes a candidate where one is due by what is known.
pub(super) fn advance(shared: &Shared, round: &Round) -> Result<(), BoxError> {
    if locked(&round.live).frozen {
        return Ok(());
    }
    let published = published(shared, round)?;
    let rested = |memory: &Memory| Instant::now() >= memory.rest_until;
    let due = |memory: &Memory| match &memory.candidate {
        None => memory.known >= published.max(memory.shown) + memory.step && rested(memory),
        Some(candidate) => memory.known >= candidate.count + LIVE_STEP && (!memory.put_off || rested(memory)),
    };
    if !due(&locked(&round.live)) {
        return Ok(());
    }
    let candidate = locked(&round.live).candidate.clone();
    let (begun, publishes) = (Instant::now(), candidate.is_some());
    let done = match candidate {
        None => take(shared, round, published),
        Some(candidate) => publish(shared, round, &candidate),
    };
    let mut memory = locked(&round.live);
    memory.put_off = publishes && memory.candidate.is_some();
    // What failed may have waited for long, and is tried again.
    if done.is_ok() {
        memory.rest(begun.elapsed());
    }
    done
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

/// Takes the tally of all phone ballots at one moment. A process that was there from the beginning, and alone, has it
/// in memory; else all ballots are unsealed as one snapshot of the database shows them.
fn take(shared: &Shared, round: &Round, published: u64) -> Result<(), BoxError> {
    let candidate = match in_memory(shared, round)? {
        Some(candidate) => candidate,
        None => unseal(shared, round)?,
    };
    let mut memory = locked(&round.live);
    memory.held(candidate.count);
    if candidate.count >= published + memory.step {
        memory.candidate = Some(candidate);
    }
    Ok(())
}

/// The tally in memory, if it is that of all ballots: whatever it holds was committed before, so when the database
/// holds no more at the same moment, there is nothing else.
fn in_memory(shared: &Shared, round: &Round) -> Result<Option<Live>, DatabaseError> {
    for _ in 0..COMPARISONS {
        if !locked(&round.live).alone {
            return Ok(None);
        }
        let (own, spent) = shared.database.read(|connection| {
            rows::snapshot(connection, |connection| {
                let own = {
                    // No writer remembers anything more until the snapshot stands; they need not wait for the count.
                    let memory = locked(&round.live);
                    rows::live_state(connection, round.id)?;
                    memory.own.clone()
                };
                Ok::<_, DatabaseError>((own, rows::spent(connection, round.id)?))
            })
        })?;
        if own.valid == spent {
            return Ok(Some(Live { count: spent, tally: own }));
        }
        std::thread::sleep(PAUSE);
    }
    locked(&round.live).alone = false;
    Ok(None)
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
    locked(&round.live).held(spent);
    if spent < candidate.count + LIVE_STEP {
        return Ok(());
    }
    if let Err(fault) = shared.vault.raise_mark(&round.place, spent) {
        shared.stop(round.id, &fault);
        return Err(fault.into());
    }
    let step = locked(&round.live).step;
    let shown = shared.database.write(|connection| {
        if !rows::hold_open(connection, round.id)? {
            return Ok(Shown::Later);
        }
        // Of two processes the second looks, notes and speaks only after the first: a tally that comes too late must not
        // even be sent to the server, whose log may keep what it was told.
        rows::hold_live_state(connection, round.id)?;
        let open = rows::head(connection, round.id)?.is_some_and(|head| matches!(head.phase, Phase::Open { .. }));
        let Some((before, _)) = rows::live_state(connection, round.id)?.filter(|_| open) else {
            return Ok(Shown::StandsStill);
        };
        if candidate.count < before + step {
            return Ok(Shown::Other(Some(before)));
        }
        if !note(shared, round, candidate)? {
            return Ok(Shown::Later);
        }
        let swapped = swap(connection, round.id, before, candidate)?;
        Ok::<_, BoxError>(Shown::Other(swapped.then_some(candidate.count)))
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

/// Notes in the vault that the candidate is about to be shown; `false` when it is too close to another that was: a server
/// that fails over may have forgotten a state that people saw. Such a candidate is dropped.
fn note(shared: &Shared, round: &Round, candidate: &Live) -> Result<bool, BoxError> {
    let stopped = |fault: Fault| {
        shared.stop(round.id, &fault);
        BoxError::from(fault)
    };
    let shown = shared.vault.shown(&round.place).map_err(stopped)?;
    {
        let mut memory = locked(&round.live);
        if memory.noted == Some(candidate.count) && shown == candidate.count {
            return Ok(true);
        }
        if shown > 0 && candidate.count < shown + memory.step {
            (memory.shown, memory.candidate) = (shown, None);
            return Ok(false);
        }
    }
    shared.vault.raise_shown(&round.place, candidate.count).map_err(stopped)?;
    locked(&round.live).noted = Some(candidate.count);
    Ok(true)
}

/// What is shown after an attempt to publish.
enum Shown {
    /// Somebody is changing the round, or the candidate was dropped: another attempt will tell.
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
    count_now(shared, connection, id)
}

/// Counts the slips as they are now.
pub(super) fn count_now(shared: &Shared, connection: &mut AnyConnection, id: PollId) -> Result<Turnout, BoxError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::paper::{Item, Scale, Section};

    #[test]
    fn a_ballot_that_was_counted_before_it_was_remembered_is_known_once() {
        let item =
            Item { id: "home".into(), section: Section::Overall, scale: Scale::Satisfaction, title: "home".into() };
        let mut memory = Memory::new(10, 3, &Paper { items: vec![item], comment: false });
        let cast = |memory: &mut Memory, held_meanwhile: Option<u64>| {
            memory.take_off();
            if let Some(held) = held_meanwhile {
                memory.held(held);
            }
            memory.land(Some(&[None]));
            memory.known
        };
        assert_eq!(cast(&mut memory, None), 4);
        // Committed, and counted before a writer remembered it: a mark above what the database holds would stop the round.
        assert_eq!(cast(&mut memory, Some(5)), 5);
        assert_eq!(cast(&mut memory, None), 6);
        // Others have cast as well; what comes after the count is on top of it.
        assert_eq!(cast(&mut memory, Some(50)), 50);
        assert_eq!(cast(&mut memory, None), 51);
        assert_eq!(cast(&mut memory, Some(20)), 52, "an older count tells nothing");
        memory.take_off();
        memory.land(None);
        assert_eq!(memory.known, 52, "a refused cast is no ballot");
    }

    #[test]
    fn behind_a_broken_line_nothing_in_memory_is_trusted() {
        let mut memory = Memory::new(10, 0, &Paper { items: Vec::new(), comment: false });
        memory.candidate = Some(Live { count: 0, tally: memory.own.clone() });
        assert!(memory.alone);
        memory.doubt();
        assert!(!memory.alone && memory.candidate.is_none());
    }
}
