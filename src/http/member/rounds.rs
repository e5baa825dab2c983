//! What every member page looks up: the round behind a tag (kept in memory for a moment, since a whole hall asks at once),
//! and whether somebody is trying codes out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::database::{Database, DatabaseError, Looks, look_aside};
use crate::domain::poll::Poll;
use crate::domain::slip::PollTag;
use crate::http::App;
use crate::http::stencil::Stencil;
use crate::http::throttle::{Limit, Pace, limit};
use crate::store;

/// How long a round is shown as it was read. Casting never relies on it: the ballot box reads the phase itself.
const FRESH: Duration = Duration::from_secs(2);

/// How long it may be shown while somebody looks at it anew.
const STALE: Duration = Duration::from_secs(10);

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
    /// Its empty ballot, once somebody has asked for it.
    pub(super) ballot: OnceLock<Stencil>,
}

impl Round {
    /// A round as it was read.
    #[must_use]
    pub fn new(poll: Poll, union: String) -> Self {
        Round { poll, union, ballot: OnceLock::new() }
    }
}

/// Rounds as they were read, and when.
#[derive(Default)]
struct Read {
    rounds: HashMap<PollTag, (Instant, Arc<Round>)>,
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
    pub fn find(&self, database: &Database, tag: PollTag) -> Result<Option<Arc<Round>>, DatabaseError> {
        self.known(tag, FRESH).map_or_else(|| self.look(database, tag), |round| Ok(Some(round)))
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
        app.rounds.looks.ask(tag, || known(FRESH), || known(STALE), look).await
    }

    fn look(&self, database: &Database, tag: PollTag) -> Result<Option<Arc<Round>>, DatabaseError> {
        let forgotten = self.read.read().unwrap_or_else(PoisonError::into_inner).forgotten;
        let found = database.read(|connection| -> Result<_, DatabaseError> {
            let Some(poll) = store::polls::by_tag(connection, tag)? else { return Ok(None) };
            let union = store::unions::load(connection, poll.union)?.map(|union| union.name).unwrap_or_default();
            Ok(Some(Arc::new(Round::new(poll, union))))
        })?;
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(round) if read.forgotten == forgotten => {
                read.rounds.insert(tag, (Instant::now(), Arc::clone(round)));
            }
            Some(_) => {}
            None => drop(read.rounds.remove(&tag)),
        }
        Ok(found)
    }

    /// The round as it was read no longer than this ago, if it was.
    fn known(&self, tag: PollTag, age: Duration) -> Option<Arc<Round>> {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.rounds.get(&tag).filter(|(at, _)| at.elapsed() < age).map(|(_, round)| round.clone())
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
