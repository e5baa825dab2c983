//! What the parts of the box share: the database, the vault, the open rounds with their keys, and which rounds
//! are stopped.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use tokio::sync::watch;

use super::api::{BoxError, CastRefusal, LIVE_STEP, Turnout};
use super::live::Memory;
use super::rows::{self, Head};
use super::seal::{Key, Sealer};
use super::vault::{Fault, Place, Vault, unique};
use crate::database::{AnyConnection, Database, DatabaseError, Looks};
use crate::domain::digest::Digest;
use crate::domain::ids::PollId;
use crate::domain::merkle::Upper;
use crate::domain::paper::Paper;
use crate::domain::poll::{Opening, Phase, Refusal};
use crate::domain::slip::Receipt;

/// Blocks of receipts kept in memory for late resends and for whoever looks a receipt up.
const KEPT_RECEIPTS: usize = 4;

/// The state that all handles and threads of one box share.
pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) vault: Vault,
    pub(super) changes: watch::Sender<u64>,
    rounds: RwLock<HashMap<PollId, Arc<Round>>>,
    /// For casts that look for their round in database and vault.
    pub(super) looks: Looks,
    stopped: Mutex<HashMap<PollId, String>>,
    /// Rounds that are over and of which something is still to be destroyed or taken away.
    pub(super) unfinished: Mutex<BTreeSet<PollId>>,
    /// How often a writer's line broke.
    doubts: AtomicU64,
    /// Whether rows were deleted of which copies may still stand in the database's log.
    pub(super) untidy: AtomicBool,
    receipts: Mutex<BTreeMap<PollId, Arc<Published>>>,
    /// Turnouts that took long to count, and until when they are given again.
    pub(super) turnouts: Mutex<HashMap<PollId, (Turnout, Instant)>>,
}

/// The published receipts of a closed round.
pub(super) struct Published {
    /// In ascending order.
    block: Vec<u8>,
    /// Made when the first proof is wanted.
    upper: OnceLock<Upper>,
}

impl Published {
    pub(super) fn receipts(&self) -> &[[u8; 15]] {
        self.block.as_chunks().0
    }

    /// Where this receipt stands, from 0.
    pub(super) fn place(&self, receipt: Receipt) -> Option<usize> {
        self.receipts().binary_search(&receipt.0).ok()
    }

    /// Proof that a receipt stands at this place.
    pub(super) fn proof(&self, place: usize) -> Option<Vec<Digest>> {
        self.upper.get_or_init(|| Upper::of(self.receipts())).inclusion_proof(self.receipts(), place)
    }
}

/// A round that is open or being counted, with its key in memory.
pub(super) struct Round {
    pub(super) id: PollId,
    pub(super) place: Place,
    pub(super) paper: Paper,
    pub(super) key_id: String,
    /// Under which the vault notes what was cast through this process since the round was loaded.
    pub(super) caster: String,
    pub(super) sealer: Sealer,
    /// Version of the round's row at which it was last seen open for phones; -1 while it never was.
    pub(super) open_at: AtomicI64,
    pub(super) live: Mutex<Memory>,
}

/// Why a round is not there for casting.
pub(super) enum NotThere {
    /// It is in another phase (`true`), or there is none.
    Phase(bool),
    Stopped,
}

impl From<NotThere> for BoxError {
    fn from(error: NotThere) -> Self {
        match error {
            NotThere::Phase(false) => BoxError::NoSuchPoll,
            NotThere::Phase(true) => Refusal::WrongPhase.into(),
            NotThere::Stopped => CastRefusal::Stopped.into(),
        }
    }
}

/// A lock that a panicking thread left behind is taken as it is: what lies behind the locks of the box is
/// never half-changed.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(database: Database, vault: Vault) -> Self {
        Shared {
            database,
            vault,
            changes: watch::Sender::new(0),
            rounds: RwLock::default(),
            looks: Looks::default(),
            stopped: Mutex::default(),
            unfinished: Mutex::default(),
            doubts: AtomicU64::new(0),
            untidy: AtomicBool::new(false),
            receipts: Mutex::default(),
            turnouts: Mutex::default(),
        }
    }

    /// Tells whoever watches that something may have changed.
    pub(super) fn announce(&self) {
        self.changes.send_modify(|change| *change = change.wrapping_add(1));
    }

    /// The sentence for the operator, when the round is stopped.
    pub(super) fn stopped(&self, id: PollId) -> Option<String> {
        locked(&self.stopped).get(&id).cloned()
    }

    /// Rounds that are stopped.
    pub(super) fn all_stopped(&self) -> Vec<PollId> {
        locked(&self.stopped).keys().copied().collect()
    }

    /// Stops a round; the others go on.
    pub(super) fn stop(&self, id: PollId, fault: &Fault) {
        let before = locked(&self.stopped).insert(id, fault.0.clone());
        if before.as_ref() != Some(&fault.0) {
            tracing::error!(poll = id.0, reason = %fault.0, "the ballot box of this round is stopped");
            self.announce();
        }
        self.evict(id);
    }

    /// What stopped the round is mended.
    pub(super) fn mended(&self, id: PollId) {
        if locked(&self.stopped).remove(&id).is_some() {
            tracing::info!(poll = id.0, "the ballot box of this round goes on");
            self.announce();
        }
    }

    /// The round, if it is in memory.
    pub(super) fn known(&self, id: PollId) -> Option<Arc<Round>> {
        self.rounds.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// All rounds in memory.
    pub(super) fn all_known(&self) -> Vec<Arc<Round>> {
        self.rounds.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Forgets the round and, once nobody uses it any more, wipes its key from memory.
    pub(super) fn evict(&self, id: PollId) {
        self.rounds.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// A writer's line to the database broke: a server may have gone back, and what is in memory may be more than it
    /// holds. Phase and key of each round are read anew before the next cast, over a line that was made after this.
    pub(super) fn doubt(&self) {
        self.doubts.fetch_add(1, Ordering::AcqRel);
        for round in self.all_known() {
            let mut memory = locked(&round.live);
            round.open_at.store(-1, Ordering::Release);
            memory.doubt();
        }
    }

    /// How often that happened.
    pub(super) fn doubts(&self) -> u64 {
        self.doubts.load(Ordering::Acquire)
    }

    /// The round with its key, from memory or else from database and vault, which are checked against each
    /// other.
    pub(super) fn round(&self, id: PollId) -> Result<Result<Arc<Round>, NotThere>, DatabaseError> {
        self.there(id).map_or_else(|| self.load(id), Ok)
    }

    /// The round, if it is in memory, or that it is stopped.
    pub(super) fn there(&self, id: PollId) -> Option<Result<Arc<Round>, NotThere>> {
        self.known(id).map(Ok).or_else(|| self.stopped(id).map(|_| Err(NotThere::Stopped)))
    }

    /// Reads a round that is not in memory.
    pub(super) fn load(&self, id: PollId) -> Result<Result<Arc<Round>, NotThere>, DatabaseError> {
        let head = self.database.read(|connection| rows::head(connection, id))?;
        let Some(head) = head else { return Ok(Err(NotThere::Phase(false))) };
        let (Phase::Open { opening, .. } | Phase::Counting { opening, .. }) = &head.phase else {
            return Ok(Err(NotThere::Phase(true)));
        };
        let spent = self.database.read(|connection| rows::spent(connection, id))?;
        let key = match self.examine(&head, opening, spent) {
            Ok(key) => key,
            Err(fault) => {
                self.stop(id, &fault);
                return Ok(Err(NotThere::Stopped));
            }
        };
        let round = Arc::new(Round {
            id,
            place: head.place.clone(),
            sealer: Sealer::new(&key, id),
            key_id: opening.key_id.clone(),
            caster: unique(),
            open_at: AtomicI64::new(-1),
            live: Mutex::new(Memory::new(step(&head.phase), spent, &head.paper)),
            paper: head.paper,
        });
        if matches!(head.phase, Phase::Open { .. }) {
            round.open_at.store(head.version, Ordering::Release);
        }
        let mut rounds = self.rounds.write().unwrap_or_else(PoisonError::into_inner);
        // It may have been stopped meanwhile.
        if self.stopped(id).is_some() {
            return Ok(Err(NotThere::Stopped));
        }
        Ok(Ok(rounds.entry(id).or_insert(round).clone()))
    }

    /// Holds vault and database of an open round against each other: the key in every folder, no tombstone, and
    /// as many spent slips as the vault knows of at least. `spent` are known to the caller; where the vault knows of
    /// more, they are counted anew, after its mark was read: votes may have come, and marks risen, in between.
    pub(super) fn examine(&self, head: &Head, opening: &Opening, spent: u64) -> Result<Key, Fault> {
        if self.vault.is_over(&head.place)? {
            return Err(Fault(
                "保管处记录本轮已经结束，而数据库是更早的副本；请重新启动服务，由封存记录恢复".to_owned(),
            ));
        }
        let mark = self.vault.mark(&head.place)?;
        let spent = if spent < mark { self.count_anew(head.id)? } else { spent };
        if spent < mark {
            return Err(older_copy(spent, mark));
        }
        self.vault.key(&head.place, &opening.key_id, &opening.key_digest)
    }

    fn count_anew(&self, id: PollId) -> Result<u64, Fault> {
        let counted = self.database.read(|connection| rows::spent(connection, id));
        counted.map_err(|error| {
            tracing::warn!(poll = id.0, %error, "the spent slips could not be counted");
            Fault("暂时数不出已投选票，稍后会自动再试".to_owned())
        })
    }

    /// Whether the round is open for phones, with the key that it was opened with; its version is then remembered as one
    /// in which it is, unless the line that says so was made before the last doubt or says what is older than what is
    /// known.
    pub(super) fn sees_open(
        &self,
        connection: &mut AnyConnection,
        doubts: u64,
        round: &Round,
    ) -> Result<bool, DatabaseError> {
        let Some(head) = rows::head(connection, round.id)? else { return Ok(false) };
        let Phase::Open { opening, .. } = &head.phase else { return Ok(false) };
        if opening.key_id != round.key_id {
            return Ok(false);
        }
        let mut memory = locked(&round.live);
        if self.doubts() == doubts && head.version >= round.open_at.load(Ordering::Acquire) {
            memory.step = step(&head.phase);
            round.open_at.store(head.version, Ordering::Release);
        }
        Ok(true)
    }

    /// The receipts of a closed round, kept for a while.
    pub(super) fn receipts(&self, id: PollId) -> Result<Option<Arc<Published>>, BoxError> {
        if let Some(published) = locked(&self.receipts).get(&id) {
            return Ok(Some(published.clone()));
        }
        let block = self.database.read(|connection| rows::block(connection, id, "receipts"))?;
        let published = block.map(|block| Arc::new(Published { block, upper: OnceLock::new() }));
        if let Some(published) = &published {
            let mut kept = locked(&self.receipts);
            if kept.len() >= KEPT_RECEIPTS {
                kept.pop_first();
            }
            kept.insert(id, published.clone());
        }
        Ok(published)
    }
}

/// Fewer slips are spent than the vault knows of: members were thanked for ballots that are not there.
pub(super) fn older_copy(spent: u64, mark: u64) -> Fault {
    Fault(format!(
        "数据库中只有{spent}张已投选票，而保管处记录至少有{mark}张：数据库是更早的副本，请恢复更新的备份，或者作废本轮"
    ))
}

/// How many more ballots a live state must have than the one before: k, or a tenth of the slips handed out
/// where that is more. Until the scrutineer has confirmed what was handed out the printed roll stands for it: the chair alone
/// cannot have smaller steps shown.
fn step(phase: &Phase) -> u64 {
    let confirmed = phase.custody().filter(|custody| custody.confirmed_by.is_some());
    let handed_out = match (confirmed, phase.opening()) {
        (Some(custody), _) => u64::from(custody.handed_out),
        (None, Some(opening)) => u64::from(opening.slips.roll),
        (None, None) => 0,
    };
    LIVE_STEP.max(handed_out / 10)
}
