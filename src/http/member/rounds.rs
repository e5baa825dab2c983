//! What every member page looks up: the round behind a tag (kept in memory for a moment, since a whole hall asks at once),
//! and whether somebody is trying codes out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use crate::database::{Database, DatabaseError, Looks, look_aside};
use crate::domain::poll::{Phase, Poll};
use crate::domain::slip::PollTag;
use crate::http::App;
use crate::http::stencil::Stencil;
use crate::http::throttle::{Limit, Pace, limit};
use crate::store;

/// How long a round is shown as it was read.
const FRESH: Duration = Duration::from_secs(2);

/// How long it may be shown while somebody looks at it anew.
const STALE: Duration = Duration::from_secs(10);

/// Of so many open rounds at most the paper is kept for casting.
const OPEN: usize = 10_000;

/// Unknown codes of one round answered at once, before the guard slows down to one a second. A hall of people
/// with last year's slips stays below it; codes that exist are never counted.
const UNKNOWN_BURST: u32 = 60;

/// How often the log says that codes are being tried.
const TELL: Duration = Duration::from_mins(1);

/// Unknown codes of one round.
#[derive(Debug, Default, Clone, Copy)]
struct Tried {
    count: u64,
    /// Whether there ever were too many at once.
    many: bool,
    told: Option<Instant>,
}

/// A round and the union that holds it.
pub struct Round {
    pub poll: Poll,
    /// Name of the union.
    pub union: String,
}

/// A round as it is shown for a moment.
pub struct Shown {
    pub round: Arc<Round>,
    /// Its empty ballot, once somebody has asked for it.
    pub(super) ballot: OnceLock<Stencil>,
}

impl Shown {
    /// A round that nobody has asked the ballot of.
    #[must_use]
    pub fn new(round: Round) -> Self {
        Shown { round: Arc::new(round), ballot: OnceLock::new() }
    }
}

/// Rounds as they were read.
#[derive(Default)]
struct Read {
    /// To be shown, and when they were read.
    rounds: HashMap<PollTag, (Instant, Arc<Shown>)>,
    /// To be cast in: those that were open when they were last read, however long ago.
    open: HashMap<PollTag, Arc<Round>>,
    /// How often all were forgotten: what was read before is not kept.
    forgotten: u64,
}

/// The rounds that members ask for, and the guard over their codes.
pub struct Rounds {
    read: RwLock<Read>,
    looks: Looks,
    unknown: Limit<PollTag>,
    /// Since the service started. Rounds only that there are, so it stays small.
    tried: Mutex<HashMap<PollTag, Tried>>,
}

impl Default for Rounds {
    fn default() -> Self {
        Rounds::by(&Pace::default())
    }
}

impl Rounds {
    /// None read yet; the guard goes by this time.
    #[must_use]
    pub fn by(pace: &Pace) -> Self {
        Rounds {
            read: RwLock::default(),
            looks: Looks::default(),
            unknown: limit(pace, Duration::from_secs(1), UNKNOWN_BURST),
            tried: Mutex::default(),
        }
    }

    /// The round whose slips carry this tag; at most two seconds old. For a thread that may wait.
    ///
    /// # Errors
    /// Database faults.
    pub fn find(&self, database: &Database, tag: PollTag) -> Result<Option<Arc<Shown>>, DatabaseError> {
        self.known(tag, FRESH).map_or_else(|| self.look(database, tag), |shown| Ok(Some(shown)))
    }

    /// The same for the event loop, which may not wait; ten seconds old while somebody looks at it anew.
    ///
    /// # Errors
    /// Database faults, which are logged.
    pub async fn find_aside(app: &Arc<App>, tag: PollTag) -> Result<Option<Arc<Round>>, DatabaseError> {
        let known = |age| app.rounds.known(tag, age).map(Some);
        let look = async {
            let app = app.clone();
            look_aside(move || app.rounds.look(&app.database, tag)).await
        };
        let found = app.rounds.looks.ask(tag, || known(FRESH), || known(STALE), look).await?;
        Ok(found.map(|shown| shown.round.clone()))
    }

    /// The round in which a form is to be cast: the paper of an open round stays as it is, and the ballot box itself looks
    /// whether it is still open. So a form that is not cast yet, because the question about blanks comes before, asks the
    /// database nothing: a log of its statements would else tell which ballots have blanks.
    ///
    /// # Errors
    /// Those of [`Rounds::find_aside`].
    pub async fn to_cast_in(app: &Arc<App>, tag: PollTag) -> Result<Option<Arc<Round>>, DatabaseError> {
        let open = app.rounds.read().open.get(&tag).cloned();
        match open {
            Some(round) => Ok(Some(round)),
            None => Rounds::find_aside(app, tag).await,
        }
    }

    fn look(&self, database: &Database, tag: PollTag) -> Result<Option<Arc<Shown>>, DatabaseError> {
        let forgotten = self.read().forgotten;
        let found = database.read(|connection| -> Result<_, DatabaseError> {
            let Some(poll) = store::polls::by_tag(connection, tag)? else { return Ok(None) };
            let union = store::unions::load(connection, poll.union)?.map(|union| union.name).unwrap_or_default();
            Ok(Some(Arc::new(Shown::new(Round { poll, union }))))
        })?;
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        match found.as_ref().map(|shown| &shown.round) {
            Some(round) if matches!(round.poll.phase, Phase::Open { .. }) => {
                if read.open.len() >= OPEN {
                    let any = read.open.keys().next().copied();
                    any.map(|any| read.open.remove(&any));
                }
                read.open.insert(tag, round.clone());
            }
            _ => drop(read.open.remove(&tag)),
        }
        match &found {
            Some(shown) if read.forgotten == forgotten => {
                read.rounds.insert(tag, (Instant::now(), shown.clone()));
            }
            Some(_) => {}
            None => drop(read.rounds.remove(&tag)),
        }
        Ok(found)
    }

    /// The round as it was read no longer than this ago, if it was.
    fn known(&self, tag: PollTag, age: Duration) -> Option<Arc<Shown>> {
        self.read().rounds.get(&tag).filter(|(at, _)| at.elapsed() < age).map(|(_, shown)| shown.clone())
    }

    fn read(&self) -> RwLockReadGuard<'_, Read> {
        self.read.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets every round as it was read: somebody changed one, and members are to see it at once.
    pub fn forget(&self) {
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        read.rounds.clear();
        read.forgotten += 1;
    }

    /// Notes that a code of this round was unknown; `false` when there were so many of late that somebody seems to
    /// be guessing. Counted per round and not per address: a hall shares one. The code itself is never noted.
    #[must_use]
    pub fn note_unknown(&self, round: &Round) -> bool {
        let calm = self.unknown.check_key(&round.poll.tag).is_ok();
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = tried.entry(round.poll.tag).or_default();
        tried.count += 1;
        tried.many |= !calm;
        if !calm && tried.told.is_none_or(|told| told.elapsed() >= TELL) {
            tried.told = Some(Instant::now());
            tracing::warn!(
                poll = round.poll.id.0,
                count = tried.count,
                "many unknown slip codes are tried on this round"
            );
        }
        calm
    }

    /// How many unknown codes of this round were tried since the service started, when they came too fast for people
    /// who mistype: for the chair.
    #[must_use]
    pub fn guesses(&self, poll: &Poll) -> Option<u64> {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.get(&poll.tag).filter(|tried| tried.many).map(|tried| tried.count)
    }
}
