//! What the rest of the house asks of the ballot box.

use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::database::{Database, DatabaseError};
use crate::domain::ballot::Ballot;
use crate::domain::ids::{AccountId, PollId};
use crate::domain::openings::OpeningBlock;
use crate::domain::paper::ItemId;
use crate::domain::poll::{Opened, Opening, Poll, Refusal, VoidReason};
use crate::domain::slip::{FormNonce, Receipt, SlipCode};
use crate::domain::tally::Tally;

/// k: two states that anyone can see differ by 0 or by at least this many phone ballots.
pub const LIVE_STEP: u64 = 10;

/// Settings of the ballot box.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders of the vault; every one holds every key. At least one.
    pub vaults: Vec<PathBuf>,
    /// Casts that may wait for the writer before further ones are turned away with [`CastRefusal::Busy`].
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
    #[error("选票数应在1到1000000之间")]
    SlipCount,
    #[error(transparent)]
    Cast(#[from] CastRefusal),
    #[error("the vault: {0}")]
    Vault(String),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Freshly issued slip codes, in an order that is nobody's. Shown once and never stored.
#[derive(Debug)]
pub struct IssuedSlips {
    /// For the electorate.
    pub roll: Vec<SlipCode>,
    /// Spare slips.
    pub spares: Vec<SlipCode>,
}

/// The ballot boxes of an installation. Cheap to clone.
#[derive(Clone)]
pub struct BallotBox {
    inner: Arc<Inner>,
}

struct Inner {}

#[expect(
    clippy::todo,
    unused_variables,
    clippy::unused_async,
    reason = "the interface stands before the implementation"
)]
impl BallotBox {
    /// Starts the writer and checks vault and database of all unfinished rounds against each other; resumes
    /// closings that were interrupted.
    ///
    /// # Errors
    /// `Vault` when a vault folder cannot be used, database faults.
    pub fn start(database: Database, options: Options) -> Result<Self, BoxError> {
        todo!()
    }

    /// Issues slips for a draft, replacing any issued before. Journals.
    ///
    /// # Errors
    /// Those of [`crate::domain::poll::Phase::issue_slips`]; `SlipCount` outside 1 to 1,000,000.
    pub fn issue_slips(
        &self,
        poll: &Poll,
        roll: u32,
        spares: u32,
        by: AccountId,
        at: OffsetDateTime,
    ) -> Result<IssuedSlips, BoxError> {
        todo!()
    }

    /// Opens the box: makes the key, fixes roll and root. `sign` receives what is fixed and returns the signed
    /// opening statement, which is stored in the same transaction (kind `opening`). Journals.
    ///
    /// # Errors
    /// Those of [`crate::domain::poll::Phase::may_open`], `Vault`.
    pub fn open(
        &self,
        poll: &Poll,
        by: AccountId,
        at: OffsetDateTime,
        sign: impl FnOnce(&Opening) -> String,
    ) -> Result<Opening, BoxError> {
        todo!()
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
        todo!()
    }

    /// Where a slip stands. Reads only.
    ///
    /// # Errors
    /// Database faults.
    pub fn slip_state(&self, poll: PollId, slip: &SlipCode) -> Result<SlipState, BoxError> {
        todo!()
    }

    /// Voids slips (spoiled, or never handed out) of a round that is open or being counted; answers with what each was before.
    ///
    /// # Errors
    /// `WrongPhase`, database faults.
    pub fn void_slips(
        &self,
        poll: PollId,
        slips: &[SlipCode],
        by: AccountId,
        at: OffsetDateTime,
    ) -> Result<Vec<SlipState>, BoxError> {
        todo!()
    }

    /// How many slips are printed, spent and voided.
    ///
    /// # Errors
    /// Database faults.
    pub fn turnout(&self, poll: PollId) -> Result<Turnout, BoxError> {
        todo!()
    }

    /// The published live tally; `None` before the first step.
    ///
    /// # Errors
    /// Database faults.
    pub fn live(&self, poll: PollId) -> Result<Option<Live>, BoxError> {
        todo!()
    }

    /// A channel whose value changes whenever turnout or live tally of any round may have changed.
    #[must_use]
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        todo!()
    }

    /// Closes the phones: `Open → Counting`. Journals.
    ///
    /// # Errors
    /// `WrongPhase`, `Stale`, database faults.
    pub fn stop_phones(&self, poll: PollId, by: AccountId, at: OffsetDateTime) -> Result<(), BoxError> {
        todo!()
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
        todo!()
    }

    /// How many paper entries wait for the other teller.
    ///
    /// # Errors
    /// Database faults.
    pub fn paper_waiting(&self, poll: PollId) -> Result<u64, BoxError> {
        todo!()
    }

    /// Opens the box and counts: `Counting → Closing → Closed`, then destroys the key. Safe to call again
    /// after an interruption at any point. More slips spent than handed out makes the round void. Journals.
    ///
    /// # Errors
    /// Those of [`crate::domain::poll::Phase::begin_closing`], `Vault`, database faults.
    pub fn close(&self, poll: &Poll, by: AccountId, at: OffsetDateTime) -> Result<Opened, BoxError> {
        todo!()
    }

    /// Voids the round and destroys the key uncounted. Journals.
    ///
    /// # Errors
    /// `WrongPhase` from `Certified` on.
    pub fn void(
        &self,
        poll: PollId,
        reason: VoidReason,
        by: Option<AccountId>,
        at: OffsetDateTime,
    ) -> Result<(), BoxError> {
        todo!()
    }

    /// Deletes the slip digests of a certified round.
    ///
    /// # Errors
    /// `WrongPhase` before `Certified`.
    pub fn forget_slips(&self, poll: PollId) -> Result<(), BoxError> {
        todo!()
    }

    /// The published openings of one item, once the round is closed.
    ///
    /// # Errors
    /// Database faults.
    pub fn openings(&self, poll: &Poll, item: &ItemId) -> Result<Option<OpeningBlock>, BoxError> {
        todo!()
    }

    /// The published receipts in ascending order, once the round is closed.
    ///
    /// # Errors
    /// Database faults.
    pub fn receipts(&self, poll: PollId) -> Result<Option<Vec<Receipt>>, BoxError> {
        todo!()
    }

    /// The comments of a closed round, sorted, without any link to ballots.
    ///
    /// # Errors
    /// Database faults.
    pub fn comments(&self, poll: PollId) -> Result<Vec<String>, BoxError> {
        todo!()
    }

    /// Whether the box of this round is stopped, and why, in a sentence for the operator.
    #[must_use]
    pub fn stopped(&self, poll: PollId) -> Option<String> {
        todo!()
    }
}
