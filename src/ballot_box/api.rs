//! What the rest of the house asks of the ballot box.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use time::OffsetDateTime;

use super::cast::{self, Job, Ticket};
use super::queue::Queue;
use super::shared::Shared;
use super::vault::{Fault, Vault};
use super::{chores, close, identity, issue, live, paper, rows, void};
use crate::database::{AnyConnection, Database, DatabaseError, session};
use crate::domain::ballot::Ballot;
use crate::domain::digest::Digest;
use crate::domain::ids::{AccountId, PollId};
use crate::domain::openings::OpeningBlock;
use crate::domain::packet::{PacketCode, Scanned};
use crate::domain::paper::ItemId;
use crate::domain::poll::{Opened, Opening, Phase, Poll, Refusal, SlipIssue, VoidReason};
use crate::domain::slip::{FormNonce, Receipt, SlipCode};
use crate::domain::tally::Tally;

/// k: two states that anyone can see differ by 0 or by at least this many phone ballots.
pub const LIVE_STEP: u64 = 10;

/// Settings of the ballot box.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders of the vault; every one holds every key. At least one.
    pub vaults: Vec<PathBuf>,
    /// Casts that may wait for a writer before further ones are turned away with [`CastRefusal::Busy`].
    pub queue_limit: usize,
}

/// Where a slip stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlipState {
    Unspent,
    Spent,
    Void,
    /// Not a slip of this round.
    Unknown,
}

/// What became of one slip that was to be voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voiding {
    /// Voided now.
    Voided,
    /// Void before.
    Already,
    /// A ballot was cast with it; it stays.
    Spent,
    /// It came back as a paper ballot that one teller has entered; slip and entry stay.
    Entered,
    /// Not a slip of this round.
    Unknown,
    /// A whole packet: so many slips voided now, the others of it before.
    Packet(u64),
    /// A slip of this packet was used, so it has been opened; nothing of it is voided.
    PacketOpened,
    /// Not a packet of this round.
    UnknownPacket,
}

impl Voiding {
    /// How many slips were voided now.
    #[must_use]
    pub fn voided(self) -> u64 {
        match self {
            Voiding::Voided => 1,
            Voiding::Packet(slips) => slips,
            _ => 0,
        }
    }
}

/// A cast that the member may be thanked for: it is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// The ballot was cast now.
    Cast(Receipt),
    /// The same slip and form were cast before; the first submission counts.
    AlreadyCast(Receipt),
}

/// A cast that did not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CastRefusal {
    /// The code is no slip of this round.
    #[error("没有找到这张选票")]
    UnknownSlip,
    /// A ballot was already cast with this slip, from another form.
    #[error("这张选票已经投过票了")]
    SlipSpent,
    /// The slip was voided.
    #[error("这张选票已经作废")]
    SlipVoid,
    #[error("投票还没有开始")]
    NotOpen,
    /// The box is being opened; the same form may be sent again in a moment.
    #[error("正在开票，请稍后再试")]
    Closing,
    /// The round is closed and this submission is not in it.
    #[error("投票已经结束，这次提交没有计入")]
    Closed,
    #[error("本轮评议已经作废")]
    Void,
    /// Too many casts are waiting; nothing was stored, the same form may be sent again.
    #[error("现在投票的人很多，请稍后再试")]
    Busy,
    /// The box is stopped: the vault or the database does not hold what it must.
    #[error("投票箱暂停使用，请联系工会")]
    Stopped,
    /// The database failed; whether the cast was stored is unknown, the same form may be sent again.
    #[error("暂时无法确认，请再提交一次")]
    Unavailable,
}

/// How the box stands while casting goes on. Exact, and always shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turnout {
    /// Slips issued, spares included.
    pub printed: u64,
    pub spent: u64,
    pub voided: u64,
}

/// The published live tally: at least [`LIVE_STEP`] phone ballots behind the present moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Phone ballots in it.
    pub count: u64,
    pub tally: Tally,
}

/// One paper ballot as a teller reads it.
#[derive(Debug, Clone)]
pub enum PaperBallot {
    Valid(Ballot),
    Invalid,
}

/// What became of one teller's entry of a paper ballot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaperEntry {
    /// Waits sealed for the other teller.
    Waiting,
    /// Both tellers read the same: the ballot is in the box.
    Cast,
    /// The tellers read differently: both entries are dropped; look at the slip together and enter it again.
    Differs,
}

/// Two tellers enter independently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    First,
    Second,
}

/// What one vault folder says of a round's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    Held,
    Destroyed,
    /// The folder cannot be read, so nothing is known.
    Unreachable,
}

/// What comes of looking a receipt up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// The box is not opened yet.
    Early,
    Missing,
    /// It stands at `place`, from 0, of `total`; the proof leads to the published root (RFC 6962).
    Found {
        place: usize,
        total: usize,
        proof: Vec<Digest>,
    },
}

/// Why the box refuses an administrative step.
#[derive(Debug, thiserror::Error)]
pub enum BoxError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("没有这一轮评议")]
    NoSuchPoll,
    /// Somebody else changed the round in the meantime.
    #[error("本轮评议刚刚被别人改动过，请刷新后再试")]
    Stale,
    /// More slips than the box keeps for one round, or none.
    #[error("投票箱一轮可以有1到1000000张选票")]
    SlipCount,
    #[error(transparent)]
    Cast(#[from] CastRefusal),
    /// Paper ballots that only one teller has entered: they would not be counted.
    #[error("还有{0}张纸质选票只有一名计票人录入，请先录入完毕")]
    PaperWaiting(u64),
    /// The scrutineer has confirmed how many slips are spoiled or unused, and more would be void. Nothing is voided.
    #[error("这样作废的选票会有{voided}张，监票人确认的写坏和剩余一共只有{counted}张，所以没有作废")]
    MoreVoidThanCounted { voided: u64, counted: u64 },
    /// A sealed ballot was changed, or was not sealed with this round's key. Nothing is counted.
    #[error("第{0}轮的票箱中有选票打不开：内容被改动过，或密钥不符；请恢复备份，或者作废本轮")]
    DoesNotOpen(PollId),
    /// Spent slips and sealed ballots (or comments) do not match. Nothing is counted.
    #[error("已投选票{spent}张，票箱中有{sealed}张，对不上；请恢复备份，或者作废本轮")]
    DoesNotReconcile { spent: u64, sealed: u64 },
    /// The opening statement could not be signed; the box stays shut.
    #[error("开箱声明签名失败（{0}），没有开始投票")]
    NotSigned(String),
    /// A vault folder cannot be used, in a sentence for the operator.
    #[error("{0}")]
    Vault(String),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<Fault> for BoxError {
    fn from(fault: Fault) -> Self {
        BoxError::Vault(fault.0)
    }
}

impl CastRefusal {
    /// Stable code for interfaces.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            CastRefusal::UnknownSlip => "slip_unknown",
            CastRefusal::SlipSpent => "slip_spent",
            CastRefusal::SlipVoid => "slip_void",
            CastRefusal::NotOpen => "round_not_open",
            CastRefusal::Closing => "closing",
            CastRefusal::Closed => "cast_closed",
            CastRefusal::Void => "round_void",
            CastRefusal::Busy => "busy",
            CastRefusal::Stopped => "stopped",
            CastRefusal::Unavailable => "unavailable",
        }
    }
}

impl BoxError {
    /// Stable code for interfaces.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            BoxError::Refused(refusal) => refusal.code(),
            BoxError::NoSuchPoll => "no_such_round",
            BoxError::Stale => "stale",
            BoxError::SlipCount => "slip_count",
            BoxError::Cast(refusal) => refusal.code(),
            BoxError::PaperWaiting(_) => "paper_waiting",
            BoxError::MoreVoidThanCounted { .. } => "more_void_than_counted",
            BoxError::DoesNotOpen(_) => "ballot_does_not_open",
            BoxError::DoesNotReconcile { .. } => "does_not_reconcile",
            BoxError::NotSigned(_) => "not_signed",
            BoxError::Vault(_) => "vault",
            BoxError::Database(_) => "database",
        }
    }
}

/// Freshly issued slip codes, in an order that is nobody's. Shown once and never stored.
#[derive(Debug)]
pub struct IssuedSlips {
    /// For the electorate.
    pub roll: Vec<SlipCode>,
    /// Spare slips.
    pub spares: Vec<SlipCode>,
    /// The spares once more, in packets, where packets were asked for.
    pub packets: Vec<Packet>,
}

/// A sealed packet of spare slips. Its code stands on its cover: it voids them all, and casts none.
#[derive(Debug)]
pub struct Packet {
    pub code: PacketCode,
    pub slips: Vec<SlipCode>,
}

/// The ballot boxes of an installation. Cheap to clone.
#[derive(Clone)]
pub struct BallotBox {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    /// Closed when the box is dropped: then the writers commit what waits, and all threads end.
    queue: Arc<Queue<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl BallotBox {
    /// Starts the writers and checks vault and database of all unfinished rounds against each other; resumes
    /// closings that were interrupted.
    ///
    /// # Errors
    /// `Vault` when a vault folder cannot be used, database faults.
    pub fn start(database: Database, options: Options) -> Result<Self, BoxError> {
        let Options { vaults, queue_limit } = options;
        let vault = Vault::new(vaults)?;
        identity::recognise(&database, &vault)?;
        identity::report_lost_rounds(&database, &vault)?;
        let lines: Vec<AnyConnection> =
            (0..cast::writers(&database)).map(|_| cast::connect(&database)).collect::<Result<_, _>>()?;
        let shared = Arc::new(Shared::new(database, vault));
        warn_of_no_sync(&shared.database)?;
        close::take_up(&shared, crate::world::now())?;
        let queue = Arc::new(Queue::new(queue_limit));
        let (bell, rings) = sync_channel(1);
        let mut inner = Inner { shared: shared.clone(), queue: queue.clone(), threads: Vec::new() };
        let mut start = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
            thread.map(|thread| inner.threads.push(thread)).map_err(|error| BoxError::Vault(error.to_string()))
        };
        for line in lines {
            let (shared, queue, bell) = (shared.clone(), queue.clone(), bell.clone());
            start("ballot-writer", Box::new(move || cast::run(&shared, &queue, line, &bell)))?;
        }
        drop(bell);
        start("ballot-chores", Box::new(move || chores::run(&shared, &rings)))?;
        Ok(BallotBox { inner: Arc::new(inner) })
    }

    /// Issues slips for a draft, replacing any issued before. Journals.
    ///
    /// # Errors
    /// Those of [`crate::domain::poll::Phase::issue_slips`]; `SlipCount` outside 1 to 1,000,000, which is the
    /// bound of the box. That of the pages is 300,000: so many slips can be printed.
    pub fn issue_slips(
        &self,
        poll: &Poll,
        roll: u32,
        spares: u32,
        by: AccountId,
        at: OffsetDateTime,
    ) -> Result<IssuedSlips, BoxError> {
        issue::issue_slips(&self.inner.shared, poll, SlipIssue { roll, spares }, 0, by, at)
    }

    /// The same, with the spares in sealed packets of `packet` slips (the last may hold fewer); 0 for none.
    ///
    /// # Errors
    /// As [`BallotBox::issue_slips`].
    pub fn issue_slips_in_packets(
        &self,
        poll: &Poll,
        issue: SlipIssue,
        packet: u32,
        by: AccountId,
        at: OffsetDateTime,
    ) -> Result<IssuedSlips, BoxError> {
        issue::issue_slips(&self.inner.shared, poll, issue, packet, by, at)
    }

    /// Whether all these are slips of the round as it stands; none is once they are forgotten.
    ///
    /// # Errors
    /// `Database`.
    pub fn are_issued(&self, poll: PollId, slips: &[SlipCode]) -> Result<bool, BoxError> {
        issue::are_issued(&self.inner.shared, poll, slips)
    }

    /// Opens the box: makes the key, fixes roll and root. `sign` receives what is fixed and returns the signed
    /// opening statement, which is stored in the same transaction (kind `opening`). Journals.
    ///
    /// # Errors
    /// Those of [`crate::domain::poll::Phase::may_open`], `Vault`, `NotSigned`.
    pub fn open(
        &self,
        poll: &Poll,
        by: AccountId,
        at: OffsetDateTime,
        sign: impl FnOnce(&Opening) -> Result<String, String>,
    ) -> Result<Opening, BoxError> {
        issue::open(&self.inner.shared, poll, by, at, sign)
    }

    /// Casts a phone ballot. When this returns `Ok`, the ballot is on the disk.
    ///
    /// # Errors
    /// See [`CastRefusal`].
    pub async fn cast(
        &self,
        poll: PollId,
        slip: &SlipCode,
        nonce: &FormNonce,
        ballot: &Ballot,
    ) -> Result<Cast, CastRefusal> {
        cast::cast(&self.inner.shared, &self.inner.queue, Ticket::of(poll, slip, nonce), ballot).await
    }

    /// Where a slip stands. Reads only.
    ///
    /// # Errors
    /// Database faults.
    pub fn slip_state(&self, poll: PollId, slip: &SlipCode) -> Result<SlipState, BoxError> {
        let digest = slip.digest(poll);
        Ok(self.inner.shared.database.read(|connection| rows::slip_state(connection, poll, &digest))?)
    }

    /// Voids slips (spoiled, or never handed out) of a round that is open or being counted; answers with what became
    /// of each.
    ///
    /// # Errors
    /// `WrongPhase`; `MoreVoidThanCounted` once custody is confirmed; database faults.
    pub fn void_slips(
        &self,
        poll: PollId,
        slips: &[SlipCode],
        by: AccountId,
        at: OffsetDateTime,
    ) -> Result<Vec<Voiding>, BoxError> {
        let scanned: Vec<Scanned> = slips.iter().cloned().map(Scanned::Slip).collect();
        self.void_scanned(poll, &scanned, by, at)
    }

    /// The same for slips and whole packets of spares, in any order.
    ///
    /// # Errors
    /// As [`BallotBox::void_slips`].
    pub fn void_scanned(
        &self,
        poll: PollId,
        scanned: &[Scanned],
        by: AccountId,
        at: OffsetDateTime,
    ) -> Result<Vec<Voiding>, BoxError> {
        issue::void_slips(&self.inner.shared, poll, scanned, by, at)
    }

    /// How many slips are printed, spent and voided.
    ///
    /// # Errors
    /// Database faults.
    pub fn turnout(&self, poll: PollId) -> Result<Turnout, BoxError> {
        live::turnout(&self.inner.shared, poll)
    }

    /// How many slips are spent in each of these rounds, counted together; rounds without any are left out.
    ///
    /// # Errors
    /// Database faults.
    pub fn spent_of(&self, polls: &[PollId]) -> Result<BTreeMap<PollId, u64>, BoxError> {
        Ok(self.inner.shared.database.read(|connection| rows::spent_of(connection, polls))?)
    }

    /// The published live tally; `None` before the first step.
    ///
    /// # Errors
    /// Database faults.
    pub fn live(&self, poll: PollId) -> Result<Option<Live>, BoxError> {
        live::shown(&self.inner.shared, poll)
    }

    /// A channel whose value changes whenever turnout or live tally of any round may have changed.
    #[must_use]
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.inner.shared.changes.subscribe()
    }

    /// Closes the phones: `Open → Counting`. Journals.
    ///
    /// # Errors
    /// `WrongPhase`, `Stale`, database faults.
    pub fn stop_phones(&self, poll: PollId, by: AccountId, at: OffsetDateTime) -> Result<(), BoxError> {
        issue::stop_phones(&self.inner.shared, poll, by, at)
    }

    /// One teller enters one paper ballot, in `Counting`.
    ///
    /// # Errors
    /// `WrongPhase`; `Cast` with the refusal when the slip is unknown, spent (on a phone) or void.
    pub fn enter_paper(
        &self,
        poll: &Poll,
        teller: Teller,
        slip: &SlipCode,
        ballot: PaperBallot,
    ) -> Result<PaperEntry, BoxError> {
        paper::enter(&self.inner.shared, poll, teller, slip, ballot)
    }

    /// How many paper entries wait for the other teller.
    ///
    /// # Errors
    /// Database faults.
    pub fn paper_waiting(&self, poll: PollId) -> Result<u64, BoxError> {
        Ok(self.inner.shared.database.read(|connection| paper::waiting(connection, poll))?)
    }

    /// Drops every paper entry that waits for the other teller, in `Counting`: the slips stay unspent, and their papers may be
    /// entered again. A paper that only one teller ever read would else keep the box shut. `seen`: how many somebody agreed
    /// to drop. Journals.
    ///
    /// # Errors
    /// `WrongPhase`, `Stale` when it is another number by now, database faults.
    pub fn drop_entries(&self, poll: PollId, seen: u64, by: AccountId, at: OffsetDateTime) -> Result<(), BoxError> {
        paper::drop_entries(&self.inner.shared, poll, seen, by, at)
    }

    /// Opens the box and counts: `Counting → Closing → Closed`, then destroys the key. Safe to call again
    /// after an interruption at any point. More slips spent than handed out makes the round void. Journals.
    ///
    /// # Errors
    /// Those of [`crate::domain::poll::Phase::begin_closing`], `Vault`, database faults.
    pub fn close(&self, poll: &Poll, by: AccountId, at: OffsetDateTime) -> Result<Opened, BoxError> {
        close::close(&self.inner.shared, poll, by, at)
    }

    /// Voids the round and destroys the key uncounted. Beside a closing at the same moment the round is either
    /// counted or void, never both. Journals.
    ///
    /// # Errors
    /// `WrongPhase` from `Closed` on.
    pub fn void(
        &self,
        poll: PollId,
        reason: VoidReason,
        by: Option<AccountId>,
        at: OffsetDateTime,
    ) -> Result<(), BoxError> {
        void::void(&self.inner.shared, poll, reason, by, at)
    }

    /// Voids a counted round whose result is disputed, for the union above. Its blocks stay; they link nothing. Journals.
    ///
    /// # Errors
    /// `WrongPhase` unless closed; `Stale` when it has changed since it was read.
    pub fn void_disputed(&self, poll: &Poll, text: String, by: AccountId, at: OffsetDateTime) -> Result<(), BoxError> {
        void::void_disputed(&self.inner.shared, poll, text, by, at)
    }

    /// Deletes the slip digests of a certified round. What fails is tried again by the chores, and at the next start.
    ///
    /// # Errors
    /// `WrongPhase` before `Certified`, database faults.
    pub fn forget_slips(&self, poll: PollId) -> Result<(), BoxError> {
        issue::forget_slips(&self.inner.shared, poll)
    }

    /// The published openings of one item, once the round is closed.
    ///
    /// # Errors
    /// Database faults.
    pub fn openings(&self, poll: &Poll, item: &ItemId) -> Result<Option<OpeningBlock>, BoxError> {
        let Some(item) = poll.paper.item(item.as_str()) else { return Ok(None) };
        let kind = close::openings_kind(&item.id);
        let block = self.inner.shared.database.read(|connection| rows::block(connection, poll.id, &kind))?;
        let parsed = block.map(|bytes| OpeningBlock::parse(bytes, item)).transpose();
        parsed.map_err(|error| DatabaseError::Row(format!("openings of a round: {error}")).into())
    }

    /// The published receipts in ascending order, once the round is closed.
    ///
    /// # Errors
    /// Database faults.
    pub fn receipts(&self, poll: PollId) -> Result<Option<Vec<Receipt>>, BoxError> {
        let published = self.inner.shared.receipts(poll)?;
        Ok(published.map(|published| published.receipts().iter().map(|receipt| Receipt(*receipt)).collect()))
    }

    /// Whether a receipt is among the published ones, and where.
    ///
    /// # Errors
    /// Database faults.
    pub fn look_up(&self, poll: PollId, receipt: Receipt) -> Result<LookUp, BoxError> {
        let Some(published) = self.inner.shared.receipts(poll)? else { return Ok(LookUp::Early) };
        let total = published.receipts().len();
        let found = published.place(receipt).and_then(|place| Some((place, published.proof(place)?)));
        Ok(found.map_or(LookUp::Missing, |(place, proof)| LookUp::Found { place, total, proof }))
    }

    /// The comments of a closed round, sorted, without any link to ballots.
    ///
    /// # Errors
    /// Database faults.
    pub fn comments(&self, poll: PollId) -> Result<Vec<String>, BoxError> {
        let block = self.inner.shared.database.read(|connection| rows::block(connection, poll, "comments"))?;
        let comments = block.map(|block| serde_json::from_slice(&block)).transpose();
        let comments = comments.map_err(|error| DatabaseError::Row(format!("comments of a round: {error}")))?;
        Ok(comments.unwrap_or_default())
    }

    /// What each vault folder, in their order, says of the key of an opened round. Names no folder.
    #[must_use]
    pub fn key_states(&self, poll: &Poll) -> Vec<KeyState> {
        self.inner.shared.vault.key_states(&super::vault::Place::of(poll.id, poll.tag))
    }

    /// Why the box of this round is stopped or its closing does not go on, in a sentence for the operator: where somebody
    /// closed it in vain, the same at every process.
    ///
    /// # Errors
    /// Database faults.
    pub fn trouble(&self, poll: &Poll) -> Result<Option<String>, BoxError> {
        let shared = &self.inner.shared;
        let noted = match poll.phase {
            Phase::Closing { .. } => shared.database.read(|connection| rows::halt(connection, poll.id))?,
            _ => None,
        };
        Ok(noted.or_else(|| shared.stopped(poll.id)))
    }

    /// What keeps the ballots of this round from ever being counted, in a sentence for people: the key is lost in every
    /// vault folder, ballots are missing, or one of those that a closing met in vain does not open. `None` while a box is
    /// merely out of order: a folder that is away, a key that one folder still has, a database that does not answer.
    ///
    /// # Errors
    /// Database faults; there is no such round.
    pub fn beyond_counting(&self, poll: PollId) -> Result<Option<String>, BoxError> {
        void::beyond_counting(&self.inner.shared, poll)
    }

    /// Whether this process has stopped the box of this round, and why, in a sentence for the operator.
    #[must_use]
    pub fn stopped(&self, poll: PollId) -> Option<String> {
        self.inner.shared.stopped(poll)
    }
}

/// A thank-you must mean durable. SQLite says `synchronous = FULL` on every connection, and PostgreSQL is turned away by
/// every connection on which a commit would answer early; a server that was told never to sync at all is the
/// operator's own doing, and is named.
fn warn_of_no_sync(database: &Database) -> Result<(), BoxError> {
    let syncs = database.read(|connection| match connection {
        AnyConnection::Sqlite(_) => Ok(true),
        AnyConnection::Postgres(inner) => session::syncs(inner),
    })?;
    if !syncs {
        tracing::error!("PostgreSQL runs with fsync = off: a power failure may lose ballots that were thanked for");
    }
    Ok(())
}
