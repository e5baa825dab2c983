//! The chores of an open box: the live tally goes on, rounds are looked at again (turnout, high-water mark, vault),
//! keys that are still to be destroyed are.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;

use super::api::BoxError;
use super::live::{self, Marked};
use super::shared::{Round, Shared, locked};
use super::vault::{Fault, Place};
use super::{close, rows};
use crate::database::{AnyConnection, Database, DatabaseError, Kind};
use crate::domain::ids::PollId;
use crate::domain::poll::Phase;

/// Between two looks at what casting has brought.
const PACE: Duration = Duration::from_millis(100);
/// The longest wait for the bell.
const GLANCE: Duration = Duration::from_secs(1);
/// Between two looks at the same round.
const LOOK: Duration = Duration::from_secs(1);
/// How long looks may go on before something else has its turn.
const STRETCH: Duration = Duration::from_millis(50);
/// For each second of looking, so many of rest.
const REST: u32 = 19;
/// However long it took: a server that was slow once is not waited for.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// Between two rounds of the other chores.
const CHORES: Duration = Duration::from_secs(3);
/// Between two walks through the whole vault.
const SWEEPS: Duration = Duration::from_hours(1);
/// Between two times that a server is asked to clear away what rounds have left behind.
const VACUUMS: Duration = Duration::from_secs(60);

/// The chores of the box, until the bell is gone. Woken by the writers after each group.
pub(super) fn run(shared: &Shared, bell: &Receiver<()>) {
    let (mut patrol, mut sweep) = (Patrol::new(), Sweep::default());
    let (mut glanced, mut chores) = (Instant::now(), Instant::now());
    let mut vacuumed = None;
    loop {
        let rung = match bell.recv_timeout(GLANCE) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return note_all(shared),
        };
        patrol.go(shared);
        for round in shared.all_known() {
            if let Err(error) = live::advance(shared, &round) {
                tracing::warn!(poll = round.id.0, %error, "the live tally could not be advanced");
            }
        }
        let glance = glanced.elapsed() >= GLANCE;
        if glance {
            glanced = Instant::now();
        }
        let several = shared.database.kind() == Kind::Postgres;
        if rung || (several && glance && shared.changes.receiver_count() > 0) {
            shared.announce();
        }
        if chores.elapsed() >= CHORES {
            chores = Instant::now();
            do_chores(shared);
            sweep.go(shared);
            if vacuumed.is_none_or(|last: Instant| last.elapsed() >= VACUUMS) && is_to_be_vacuumed(shared) {
                vacuumed = Some(Instant::now());
                vacuum_aside(&shared.database);
            }
        }
        thread::sleep(PACE);
    }
}

/// The service ends: the vault learns the turnout of every round.
fn note_all(shared: &Shared) {
    for round in shared.all_known() {
        if let Err(fault) = mark(shared, &round) {
            tracing::warn!(poll = round.id.0, reason = %fault.0, "the turnout could not be noted at the end");
        }
    }
}

/// Notes the turnout in the vault, if there is anything new, and gives it and whether there was. Several processes cast to a
/// server only.
fn mark(shared: &Shared, round: &Round) -> Result<(Marked, bool), Fault> {
    let (turnout, marked) = {
        let memory = locked(&round.live);
        (memory.turnout(), memory.marked)
    };
    if turnout.known > marked.known {
        shared.vault.raise_mark(&round.place, turnout.known)?;
    }
    if turnout.own > marked.own && shared.database.kind() == Kind::Postgres {
        shared.vault.raise_cast(&round.place, &round.caster, turnout.own)?;
    }
    locked(&round.live).marked = turnout;
    Ok((turnout, turnout != marked))
}

/// Looks at the open rounds one after the other, over and over. However many there are, and however big, looking takes
/// no more than a twentieth of one processor: what grows is the time until a round's turn comes again.
struct Patrol {
    /// The last round looked at on this way through all of them.
    last: Option<PollId>,
    /// When this way began.
    begun: Instant,
    rest_until: Instant,
}

impl Patrol {
    fn new() -> Self {
        let now = Instant::now();
        Patrol { last: None, begun: now, rest_until: now + LOOK }
    }

    fn go(&mut self, shared: &Shared) {
        let begun = Instant::now();
        if begun < self.rest_until {
            return;
        }
        let mut rounds = shared.all_known();
        rounds.sort_unstable_by_key(|round| round.id);
        let mut ahead = rounds.iter().filter(|round| self.last.is_none_or(|last| round.id > last));
        let (mut last, mut failed) = (None, false);
        while begun.elapsed() < STRETCH
            && let Some(round) = ahead.next()
        {
            last = Some(round.id);
            if let Err(error) = look(shared, round) {
                tracing::warn!(poll = round.id.0, %error, "an open round could not be looked at");
                failed = true;
            }
        }
        let all_seen = ahead.next().is_none();
        // What failed may have waited for long, and is tried again.
        let rest = if failed { LOOK } else { LONGEST_REST.min(begun.elapsed() * REST) };
        self.rest_until = Instant::now() + rest;
        if all_seen {
            self.rest_until = self.rest_until.max(self.begun + LOOK);
            self.begun = self.rest_until;
        }
        self.last = if all_seen { None } else { last.or(self.last) };
    }
}

/// Walks through all places of the vault, in stretches, for keys of rounds that are over: a folder that was away when a round
/// was closed through the others comes back with its key, and nobody else would ask for it again.
#[derive(Default)]
struct Sweep {
    ahead: Vec<(PollId, Place)>,
    begun: Option<Instant>,
}

impl Sweep {
    fn go(&mut self, shared: &Shared) {
        let now = Instant::now();
        if self.ahead.is_empty() {
            if self.begun.is_some_and(|begun| begun.elapsed() < SWEEPS) {
                return;
            }
            self.begun = Some(now);
            match shared.vault.places() {
                Ok(places) => self.ahead = places.into_iter().collect(),
                Err(fault) => tracing::warn!(reason = %fault.0, "the vault could not be walked through"),
            }
        }
        while now.elapsed() < STRETCH
            && let Some((id, place)) = self.ahead.pop()
        {
            if shared.vault.holds_key(&place) {
                take_late_key(shared, id);
            }
        }
    }
}

/// If the round is over, its key is destroyed with the next chores.
fn take_late_key(shared: &Shared, id: PollId) {
    match shared.database.read(|connection| rows::head(connection, id)) {
        Ok(Some(head)) if close::is_over(&head.phase) => {
            tracing::warn!(poll = id.0, "a vault folder held a key of this round, which is over: it is destroyed now");
            locked(&shared.unfinished).insert(id);
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(poll = id.0, %error, "a round with a key could not be looked up"),
    }
}

/// Notes the turnout in the vault, learns what other processes have cast, and lets go of a round that is no longer
/// open or whose vault or database no longer holds what it must. Slips are counted on a server only, to which others
/// cast and which may have gone back behind our back; a file holds what was committed to it.
fn look(shared: &Shared, round: &Round) -> Result<(), BoxError> {
    let head = shared.database.read(|connection| rows::head(connection, round.id))?;
    let Some(head) = head.filter(|head| matches!(head.phase, Phase::Open { .. } | Phase::Counting { .. })) else {
        shared.evict(round.id);
        // Another process closed it, and may not know all the folders that this one does.
        if shared.vault.holds_key(&round.place) {
            take_late_key(shared, round.id);
        }
        return Ok(());
    };
    let Some(opening) = head.phase.opening().filter(|opening| opening.key_id == round.key_id) else {
        shared.evict(round.id);
        return Ok(());
    };
    let (turnout, is_new) = match mark(shared, round) {
        Ok(marked) => marked,
        Err(fault) => {
            shared.stop(round.id, &fault);
            return Err(fault.into());
        }
    };
    let count = shared.database.kind() == Kind::Postgres && (is_new || !locked(&round.live).frozen);
    let spent = if count {
        shared.database.read(|connection| live::count_now(shared, connection, round.id))?.spent
    } else {
        turnout.known
    };
    if let Err(fault) = shared.examine(&head, opening, spent) {
        shared.stop(round.id, &fault);
        return Ok(());
    }
    locked(&round.live).held(spent);
    Ok(())
}

/// Second looks at stopped rounds, what is left of rounds that are over, a log still to be cut.
fn do_chores(shared: &Shared) {
    for id in shared.all_stopped() {
        look_again(shared, id);
    }
    let unfinished: Vec<PollId> = locked(&shared.unfinished).iter().copied().collect();
    for id in unfinished {
        if let Err(error) = close::clear_up(shared, id, crate::world::now()) {
            tracing::warn!(poll = id.0, %error, "a round that is over could not be finished");
        }
    }
    if let Err(error) = close::cut_log(shared) {
        tracing::warn!(%error, "the log of the database could not be cut");
    }
}

/// Whether rounds have left dead rows on a server since it was asked last.
fn is_to_be_vacuumed(shared: &Shared) -> bool {
    shared.database.kind() == Kind::Postgres && shared.untidy.swap(false, Ordering::AcqRel)
}

/// Clears dead rows away on a thread and a connection of its own, which nobody waits for: all rounds share these tables,
/// and it may take minutes. Where it fails or somebody is at it already, the server's own cleaner comes later.
fn vacuum_aside(database: &Database) {
    let database = database.clone();
    let vacuum = move || {
        if let Err(error) = vacuum(&database) {
            tracing::warn!(%error, "the rows of rounds that are over could not be cleared away");
        }
    };
    if let Err(error) = thread::Builder::new().name("ballot-vacuum".to_owned()).spawn(vacuum) {
        tracing::warn!(%error, "no thread to clear away the rows of rounds that are over");
    }
}

fn vacuum(database: &Database) -> Result<(), DatabaseError> {
    if let AnyConnection::Postgres(mut inner) = database.connect()? {
        inner.batch_execute("SET statement_timeout = 0")?;
        inner.batch_execute("VACUUM (SKIP_LOCKED) sealed_ballot, sealed_comment, paper_entry, slip, slip_packet")?;
    }
    Ok(())
}

/// Looks again at a round that was stopped.
fn look_again(shared: &Shared, id: PollId) {
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
