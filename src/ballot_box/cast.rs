//! Casting: a bounded queue to writer threads, which commit whatever waits in one transaction. The answer
//! leaves after the commit. Where no group is under way a lone ballot commits at once, and waits for no company.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use rand::Rng;
use tokio::sync::oneshot;
use zeroize::{Zeroize as _, Zeroizing};

use super::api::{Cast, CastRefusal, SlipState};
use super::queue::{NoRoom, Queue, UnderWay};
use super::rows::{self, Row};
use super::seal::{Content, DoesNotOpen, Sealer, Source};
use super::shared::{NotThere, Round, Shared, locked};
use super::{postgres, sqlite};
use crate::database::{AnyConnection, Database, DatabaseError, Kind, look_aside};
use crate::domain::ballot::Ballot;
use crate::domain::digest::Digest;
use crate::domain::ids::PollId;
use crate::domain::paper::{Answer, Paper};
use crate::domain::poll::Phase;
use crate::domain::slip::{FormNonce, Receipt, SlipCode};

/// How long a group is tried again, so that a restart of the server passes unseen. A group whose commit did succeed
/// unseen answers "already cast" the next time.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried at least, however long an attempt takes.
const TRIES: u32 = 4;
/// Pause before the second try; it doubles with each further one up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);
/// How often a group looks anew at rounds that changed since they were last seen open.
const LOOKS: u32 = 3;
/// How often, and how long after each other, a cast comes back to a round that somebody is changing.
const KNOCKS: u32 = 50;
const KNOCK: Duration = Duration::from_millis(60);
/// How long a member waits at most. What takes longer waits for a standby that does not answer, and nobody can say how long
/// yet: whoever sends again is thanked when it is there.
const WAIT: Duration = Duration::from_secs(30);

/// What became of a cast inside the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The slip was spent and the ballot stored now.
    Stored,
    /// The very same cast lies in the box already.
    Present,
    /// The slip is in this state, and this cast is not in the box.
    Slip(SlipState),
    /// The round is not open for phones.
    NotOpen,
    /// Somebody is changing the round at this moment.
    Held,
    /// The database failed.
    Failed,
}

/// A cast on its way to a writer.
pub(super) struct Job {
    round: Arc<Round>,
    row: Row,
    answers: Vec<Option<Answer>>,
    reply: oneshot::Sender<Outcome>,
}

/// What a slip and a form come to. Lives as long as the request.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    poll: PollId,
    digest: Digest,
    box_id: Digest,
    receipt: Receipt,
}

impl Ticket {
    pub(super) fn of(poll: PollId, slip: &SlipCode, nonce: &FormNonce) -> Self {
        let seed = slip.seed(poll, nonce);
        Ticket { poll, digest: slip.digest(poll), box_id: seed.box_id(poll), receipt: seed.receipt(poll) }
    }

    /// Seals a ballot for the box.
    pub(super) fn seal(
        &self,
        sealer: &Sealer,
        paper: &Paper,
        source: Source,
        answers: &[Option<Answer>],
        comment: Option<&str>,
        rng: &mut impl Rng,
    ) -> Result<Row, DoesNotOpen> {
        if answers.len() != paper.items.len() {
            return Err(DoesNotOpen);
        }
        let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(answers.iter().map(|answer| Answer::to_byte(*answer)).collect());
        // From the system: a generator's state, read from memory later, would give them back, and nonces of the same one
        // stand in the database beside the slip that was spent with them.
        let content = Content { r: crate::world::random_bytes(), receipt: self.receipt, source, answers: &bytes };
        let sealed = sealer.ballot(&self.box_id, &content, fresh(rng))?;
        let comment = if paper.comment {
            let id = crate::world::random_bytes();
            Some((id, sealer.comment(&id, comment, fresh(rng))?))
        } else {
            None
        };
        Ok(Row { poll: self.poll, digest: self.digest, box_id: self.box_id, sealed, comment })
    }
}

/// Fresh random bytes.
pub(super) fn fresh<const N: usize>(rng: &mut impl Rng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// See [`super::BallotBox::cast`].
pub(super) async fn cast(
    shared: &Arc<Shared>,
    queue: &Queue<Job>,
    ticket: Ticket,
    ballot: &Ballot,
) -> Result<Cast, CastRefusal> {
    let (mut looks, mut knocks) = (0, 0);
    // Once more when the round left memory between the first look and the transaction.
    while looks < 2 {
        let Some(round) = there(shared, ticket.poll).await? else { return elsewhere(shared, ticket).await };
        let row = ticket
            .seal(
                &round.sealer,
                &round.paper,
                Source::Phone,
                ballot.answers(),
                ballot.comment(),
                &mut crate::world::rng(),
            )
            .map_err(|DoesNotOpen| CastRefusal::Unavailable)?;
        let (reply, answer) = oneshot::channel();
        let job = Job { round, row, answers: ballot.answers().to_vec(), reply };
        queue.put(job).map_err(|full| match full {
            NoRoom::Full => CastRefusal::Busy,
            NoRoom::Closed => CastRefusal::Unavailable,
        })?;
        let answer = tokio::time::timeout(WAIT, answer).await;
        match answer.ok().and_then(Result::ok).unwrap_or(Outcome::Failed) {
            Outcome::Stored => return Ok(Cast::Cast(ticket.receipt)),
            Outcome::Present => return Ok(Cast::AlreadyCast(ticket.receipt)),
            Outcome::Slip(SlipState::Unknown) => return unless_over(shared, ticket, CastRefusal::UnknownSlip).await,
            Outcome::Slip(SlipState::Spent) => return unless_over(shared, ticket, CastRefusal::SlipSpent).await,
            Outcome::Slip(SlipState::Void) => return Err(CastRefusal::SlipVoid),
            Outcome::Failed | Outcome::Slip(SlipState::Unspent) => return Err(CastRefusal::Unavailable),
            Outcome::Held if knocks < KNOCKS => {
                knocks += 1;
                tokio::time::sleep(KNOCK).await;
            }
            Outcome::Held => return elsewhere(shared, ticket).await,
            Outcome::NotOpen => match elsewhere(shared, ticket).await {
                Err(CastRefusal::Unavailable) => {
                    looks += 1;
                    shared.evict(ticket.poll);
                }
                answer => return answer,
            },
        }
    }
    Err(CastRefusal::Unavailable)
}

/// The round if it can be cast in, looked up aside when it is not in memory; `None` when it is in another
/// phase.
async fn there(shared: &Arc<Shared>, poll: PollId) -> Result<Option<Arc<Round>>, CastRefusal> {
    let look = async {
        let shared = shared.clone();
        look_aside(move || shared.load(poll)).await
    };
    match shared.looks.ask(poll, || shared.there(poll), || None, look).await {
        Ok(Ok(round)) => Ok(Some(round)),
        Ok(Err(NotThere::Phase(_))) => Ok(None),
        Ok(Err(NotThere::Stopped)) => Err(CastRefusal::Stopped),
        Err(_) => Err(CastRefusal::Unavailable),
    }
}

/// The refusal, unless the round ended after the group was committed: then ballots and slips are gone from their tables,
/// and whoever was thanked and sends again is to be thanked again.
async fn unless_over(shared: &Arc<Shared>, ticket: Ticket, refusal: CastRefusal) -> Result<Cast, CastRefusal> {
    match elsewhere(shared, ticket).await {
        Err(CastRefusal::Unavailable) => Err(refusal),
        answer => answer,
    }
}

/// The answer to a cast in a round that is not open for phones.
async fn elsewhere(shared: &Arc<Shared>, ticket: Ticket) -> Result<Cast, CastRefusal> {
    let shared = shared.clone();
    let answer = tokio::task::spawn_blocking(move || not_open(&shared, &ticket)).await;
    answer.map_err(|_| CastRefusal::Unavailable)?
}

fn not_open(shared: &Shared, ticket: &Ticket) -> Result<Cast, CastRefusal> {
    let unavailable = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, "a late cast could not be looked up");
        CastRefusal::Unavailable
    };
    let (head, outcome) = shared
        .database
        .read(|connection| {
            let head = rows::head(connection, ticket.poll)?;
            let outcome = refusal(connection, ticket.poll, &ticket.digest, &ticket.box_id)?;
            if outcome == Outcome::Present {
                rows::settle(connection)?;
            }
            Ok::<_, DatabaseError>((head, outcome))
        })
        .map_err(|error| unavailable(&error))?;
    match head.map(|head| head.phase) {
        None => Err(CastRefusal::UnknownSlip),
        Some(Phase::Draft { .. }) => Err(CastRefusal::NotOpen),
        // It was stopped or changed hands in between.
        Some(Phase::Open { .. }) => Err(CastRefusal::Unavailable),
        // Phones are closed: what lies in the box counts, what does not never will.
        Some(Phase::Counting { .. }) => match outcome {
            Outcome::Present => Ok(Cast::AlreadyCast(ticket.receipt)),
            Outcome::Slip(SlipState::Spent) => Err(CastRefusal::SlipSpent),
            Outcome::Slip(SlipState::Void) => Err(CastRefusal::SlipVoid),
            Outcome::Slip(SlipState::Unknown) => Err(CastRefusal::UnknownSlip),
            _ => Err(CastRefusal::Closed),
        },
        Some(Phase::Closing { .. }) => Err(CastRefusal::Closing),
        Some(Phase::Closed { .. } | Phase::Certified { .. } | Phase::Reported { .. }) => {
            let published = shared.receipts(ticket.poll).map_err(|error| unavailable(&error))?;
            match published.and_then(|published| published.place(ticket.receipt)) {
                Some(_) => Ok(Cast::AlreadyCast(ticket.receipt)),
                None => Err(CastRefusal::Closed),
            }
        }
        Some(Phase::Void { .. }) => Err(CastRefusal::Void),
    }
}

/// Why a slip could not be spent: this cast is there already, or the slip is in another state.
pub(super) fn refusal(
    connection: &mut AnyConnection,
    poll: PollId,
    digest: &Digest,
    box_id: &Digest,
) -> Result<Outcome, DatabaseError> {
    if rows::in_box(connection, poll, box_id)? {
        return Ok(Outcome::Present);
    }
    Ok(Outcome::Slip(rows::slip_state(connection, poll, digest)?))
}

/// A writer: takes what waits, commits it, answers. Ends when the queue is closed and empty.
pub(super) fn run(shared: &Shared, queue: &Queue<Job>, connection: AnyConnection, bell: &SyncSender<()>) {
    let mut line = Line { connection: Some((connection, shared.doubts())), worn: false };
    let mut group = Vec::new();
    while let Some(mut under_way) = queue.take(&mut group) {
        // In the order of slips: neighbours share pages, nothing of the order of arrival is left, and two groups that
        // want the same slips do not wait for each other in a circle.
        group.sort_unstable_by_key(|job| (job.row.poll, job.row.digest));
        for job in &group {
            locked(&job.round.live).take_off();
        }
        let outcomes = line.commit(shared, &group, &mut under_way);
        remember(&group, &outcomes);
        under_way.end();
        for (mut job, outcome) in group.drain(..).zip(outcomes) {
            job.answers.clear();
            job.row.sealed.zeroize();
            // A client that went away does not wait for its answer.
            let _ = job.reply.send(outcome);
        }
        // Full means that the bell rings already.
        let _ = bell.try_send(());
    }
}

/// How many writers a database is given: a file takes one at a time, a server works on a group while it syncs another.
pub(super) fn writers(database: &Database) -> usize {
    match database.kind() {
        Kind::Sqlite => 1,
        Kind::Postgres => 2,
    }
}

/// A connection for a writer.
pub(super) fn connect(database: &Database) -> Result<AnyConnection, DatabaseError> {
    let mut connection = database.connect_to_cast()?;
    match &mut connection {
        AnyConnection::Postgres(inner) => postgres::prepare(inner)?,
        AnyConnection::Sqlite(inner) => sqlite::widen(inner)?,
    }
    Ok(connection)
}

/// A writer's line to the database.
struct Line {
    /// With the number of doubts that there were when it was made: after a further one it is not used any more, because
    /// it may lead to a server that others have left.
    connection: Option<(AnyConnection, u64)>,
    /// The last group was given up: until one gets through, each is tried once only, so that nobody waits in a queue of
    /// groups that all wait.
    worn: bool,
}

impl Line {
    /// Commits the group, with a new connection and a pause after a failure that may pass. Others need not wait for it then.
    fn commit(&mut self, shared: &Shared, group: &[Job], under_way: &mut UnderWay<'_, Job>) -> Vec<Outcome> {
        let (begun, mut pause) = (Instant::now(), PAUSE);
        for attempt in 1.. {
            match self.attempt(shared, group) {
                Ok(outcomes) => {
                    self.worn = false;
                    return outcomes;
                }
                Err(again) => {
                    under_way.end();
                    shared.doubt();
                    if !again || self.worn || (attempt >= TRIES && begun.elapsed() >= PATIENCE) {
                        break;
                    }
                }
            }
            std::thread::sleep(pause);
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        self.worn = true;
        vec![Outcome::Failed; group.len()]
    }

    /// One attempt; the error says whether another may succeed.
    fn attempt(&mut self, shared: &Shared, group: &[Job]) -> Result<Vec<Outcome>, bool> {
        let failed = |error: &DatabaseError| {
            warn(error);
            error.may_pass()
        };
        let doubts = shared.doubts();
        let mut connection = match self.connection.take() {
            Some((connection, made)) if made == doubts => connection,
            _ => connect(&shared.database).map_err(|error| failed(&error))?,
        };
        // A fault in one group must not end a writer.
        let stored = catch_unwind(AssertUnwindSafe(|| store(shared, &mut connection, doubts, group)));
        // After a failure nobody knows in what state the connection is: it is not put back.
        let outcomes = stored.map_err(|_| {
            tracing::error!("a writer stumbled over a group of casts");
            true
        })?;
        let outcomes = outcomes.map_err(|error| failed(&error))?;
        self.connection = Some((connection, doubts));
        Ok(outcomes)
    }
}

fn warn(error: &DatabaseError) {
    tracing::warn!(%error, "a group of casts could not be committed");
}

/// Commits the group in one transaction, as far as its rounds are open.
fn store(
    shared: &Shared,
    connection: &mut AnyConnection,
    doubts: u64,
    group: &[Job],
) -> Result<Vec<Outcome>, DatabaseError> {
    let spend = |connection: &mut AnyConnection| spend(shared, connection, doubts, group);
    match connection {
        AnyConnection::Sqlite(_) => shared.database.write_on(connection, spend),
        AnyConnection::Postgres(_) => spend(connection),
    }
}

/// How a round of the group stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    NotOpen,
    /// Somebody is changing it.
    Held,
}

/// Spends and inserts, and says why not where not. Outcomes are in the order of the group, which is sorted by round and
/// slip.
fn spend(
    shared: &Shared,
    connection: &mut AnyConnection,
    doubts: u64,
    group: &[Job],
) -> Result<Vec<Outcome>, DatabaseError> {
    let rounds: BTreeMap<PollId, &Arc<Round>> = group.iter().map(|job| (job.row.poll, &job.round)).collect();
    let fits = |job: &Job| rounds.get(&job.row.poll).is_some_and(|round| round.key_id == job.round.key_id);
    // At most one cast per slip is spent in a group; further ones of the same slip are looked up after it.
    let mut waiting: Vec<(usize, &Row)> =
        (0..).zip(group).filter(|(_, job)| fits(job)).map(|(n, job)| (n, &job.row)).collect();
    waiting.dedup_by_key(|(_, row)| (row.poll, row.digest));
    let mut standings: BTreeMap<PollId, Standing> = BTreeMap::new();
    let mut outcomes = vec![None; group.len()];
    for _ in 0..LOOKS {
        let asked: BTreeMap<PollId, i64> = waiting
            .iter()
            .filter_map(|(_, row)| Some((row.poll, rounds.get(&row.poll)?.open_at.load(Ordering::Acquire))))
            .collect();
        let rows: Vec<&Row> = waiting.iter().map(|(_, row)| *row).collect();
        let done = rows::cast(connection, &asked, &rows)?;
        for place in done.stored.iter().filter_map(|place| waiting.get(*place)).map(|(place, _)| *place) {
            if let Some(outcome) = outcomes.get_mut(place) {
                *outcome = Some(Outcome::Stored);
            }
        }
        // A round that changed since it was last seen open may be open still.
        let mut seen_anew = false;
        for id in asked.keys() {
            let standing = if done.ready.contains(id) {
                Standing::Open
            } else if done.held.contains(id) {
                if let Some(round) = rounds.get(id) {
                    seen_anew |= shared.sees_open(connection, doubts, round)?;
                }
                Standing::NotOpen
            } else {
                Standing::Held
            };
            standings.insert(*id, standing);
        }
        waiting.retain(|(_, row)| standings.get(&row.poll) == Some(&Standing::NotOpen));
        if !seen_anew {
            break;
        }
    }
    let outcome = |(job, outcome): (&Job, Option<Outcome>)| match (outcome, standings.get(&job.row.poll)) {
        (Some(outcome), _) => Ok(outcome),
        (None, Some(Standing::Held)) => Ok(Outcome::Held),
        (None, Some(Standing::Open)) if fits(job) => {
            refusal(connection, job.row.poll, &job.row.digest, &job.row.box_id)
        }
        (None, _) => Ok(Outcome::NotOpen),
    };
    let outcomes: Vec<Outcome> = group.iter().zip(outcomes).map(outcome).collect::<Result<_, DatabaseError>>()?;
    if outcomes.contains(&Outcome::Present) {
        rows::settle(connection)?;
    }
    Ok(outcomes)
}

/// Adds what was committed to the tallies in memory.
fn remember(group: &[Job], outcomes: &[Outcome]) {
    for (job, outcome) in group.iter().zip(outcomes) {
        let committed = (*outcome == Outcome::Stored).then_some(job.answers.as_slice());
        locked(&job.round.live).land(committed);
    }
}
