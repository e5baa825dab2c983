//! A round of 会员评家: its facts, its phases, and which step may follow which.
//!
//! `Draft → Open → Counting → Closing → Closed → Certified → Reported`, and `Void` from any of them before
//! `Closed`: whoever can see a result does not void it. Only the union above, which sees no result before its sheet,
//! may void a counted round whose result is disputed. A step consumes the phase it starts from; nothing reopens.

use serde::{Deserialize, Serialize};
use time::{Date, PrimitiveDateTime};

use super::account::Role;
use super::dates::{self, Hour};
use super::digest::Digest;
use super::ids::{AccountId, PollId, SheetId, UnionId};
use super::paper::{ItemId, Paper};
use super::slip::PollTag;
use super::tally::Tally;
use super::union::Category;

/// A round with everything that is fixed about it and the phase it is in.
#[derive(Debug, Clone, PartialEq)]
pub struct Poll {
    pub id: PollId,
    pub tag: PollTag,
    pub union: UnionId,
    pub year: u16,
    pub category: Category,
    pub rule_set: RuleSetRef,
    pub paper: Paper,
    pub facts: Facts,
    pub phase: Phase,
    /// Grows by one with every stored change; a change names the version that it saw.
    pub version: i64,
}

/// The rule set a round was set up with. It stays with the round even when a newer version is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSetRef {
    pub id: String,
    pub version: String,
    /// SHA-256 of the rule set's file.
    pub digest: Digest,
}

/// What the chair sets down about the round; printed on slips and sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Name of the round, e.g. 2026年度会员评议职工之家.
    pub title: String,
    /// 评议形式
    pub assembly: Assembly,
    /// 地点
    pub place: String,
    /// First day of the ballot.
    pub begins: Date,
    /// Last day of the ballot.
    pub ends: Date,
    /// The hour of that day at which phones are to stop, as announced to members; none: in the course of the day. It is no
    /// part of the sheet, which says on which day the box was really opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Hour>,
    /// 会员总数
    pub member_total: u32,
    /// 应到
    pub expected: u32,
    /// 总监票人, 监票人, 计票人 by name, as chosen at the meeting.
    pub chief_scrutineer: String,
    pub scrutineers: Vec<String>,
    pub tellers: Vec<String>,
    /// 工会主席
    pub chair: String,
    /// Tier applied for, where the rule set has tiers.
    pub applying_for: Option<String>,
    /// 申报指标: id → `[numerator, denominator]`, declared by the union.
    pub indicators: std::collections::BTreeMap<String, [u64; 2]>,
}

impl Facts {
    /// The announced end in words: `2026年11月30日18时`, or the day alone.
    #[must_use]
    pub fn closes(&self) -> String {
        format!("{}{}", dates::in_words(self.ends), self.hour())
    }

    /// The hour in words, or nothing.
    #[must_use]
    pub fn hour(&self) -> String {
        self.ends_at.map_or(String::new(), |hour| hour.to_string())
    }

    /// Whether the announced end has passed at this moment in China: its hour, else its whole day.
    #[must_use]
    pub fn is_past(&self, now: PrimitiveDateTime) -> bool {
        let hour_has_come = || self.ends_at.is_some_and(|hour| now.hour() >= hour.into());
        now.date() > self.ends || (now.date() == self.ends && hour_has_come())
    }
}

/// 评议形式
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assembly {
    /// 会员大会
    Members,
    /// 会员代表大会
    Delegates,
    /// 抽查
    SpotCheck,
}

impl Assembly {
    /// The Chinese term.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Assembly::Members => "会员大会",
            Assembly::Delegates => "会员代表大会",
            Assembly::SpotCheck => "抽查",
        }
    }
}

/// Where a round stands, with what is known from then on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// 筹备: being set up; the electorate awaits approval; slips may be printed.
    Draft { approval: Approval, slips: Option<SlipIssue> },
    /// 投票中
    Open { opening: Opening, custody: Option<Custody> },
    /// 计票中: phones are closed, the live tally stands still, paper ballots are entered.
    Counting { opening: Opening, custody: Option<Custody> },
    /// 封箱开票: the box is being opened; resumable.
    Closing { opening: Opening, custody: Custody },
    /// 已开票: counted; the key is destroyed or being destroyed.
    Closed { opening: Opening, custody: Custody, opened: Opened, confirmed_by: Vec<AccountId> },
    /// 已签发
    Certified { opening: Opening, custody: Custody, opened: Opened, sheet: SheetId },
    /// 已上报，有上级意见
    Reported { opening: Opening, custody: Custody, opened: Opened, sheet: SheetId, opinion: Opinion },
    /// 作废
    Void { reason: VoidReason },
}

/// The superior's word on the electorate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Approval {
    NotAsked,
    Asked,
    Approved { by: AccountId },
    Returned { by: AccountId, reason: String },
}

/// How many slips were issued: for the electorate, and spare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlipIssue {
    /// Slips for the electorate.
    pub roll: u32,
    /// Spare slips for reprints.
    pub spares: u32,
}

impl SlipIssue {
    /// All printed slips.
    #[must_use]
    pub fn printed(self) -> u64 {
        u64::from(self.roll) + u64::from(self.spares)
    }
}

/// What was fixed when the box was opened for casting; the signed opening statement says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Name of the key file in the vault.
    pub key_id: String,
    /// SHA-256 of the key: every process checks that its vault holds this very key.
    pub key_digest: Digest,
    pub slips: SlipIssue,
    /// Merkle root (RFC 6962) over the slip digests in ascending order, spares included.
    pub roll_root: Digest,
    pub opened_on: Date,
}

/// Custody of slips, counted by the chair and confirmed by the scrutineer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custody {
    /// 实到
    pub present: u32,
    /// 发出票
    pub handed_out: u32,
    /// Spoiled slips, kept and voided.
    pub spoiled: u32,
    /// Slips never handed out, voided.
    pub unused: u32,
    /// The scrutineer who confirmed; never the person who counted.
    pub confirmed_by: Option<AccountId>,
}

impl Custody {
    /// Whether printed = handed out + spoiled + unused; if not, the sheet says so.
    #[must_use]
    pub fn accounts_for(&self, slips: SlipIssue) -> bool {
        u64::from(self.handed_out) + u64::from(self.spoiled) + u64::from(self.unused) == slips.printed()
    }
}

/// What came out of the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    pub tally: Tally,
    /// Ballots cast on phones.
    pub phone: u64,
    /// Ballots entered from paper, invalid ones included.
    pub paper: u64,
    /// Slips voided as spoiled or unused.
    pub voided: u64,
    /// Merkle root (RFC 6962) over the receipts (15 bytes each) in ascending order.
    pub receipts_root: Digest,
    /// SHA-256 of each item's block of openings.
    pub openings: Vec<(ItemId, Digest)>,
    pub comments: u64,
    /// Whether every vault folder has confirmed that the key is gone. Certification waits for it.
    pub key_destroyed: bool,
    pub closed_on: Date,
}

/// The superior's opinion on a certified sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    pub accepted: bool,
    pub text: String,
    pub by: AccountId,
    pub given_on: Date,
}

/// Who watches the ballot and who counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officers {
    /// 总监票人
    pub chief_scrutineer: String,
    /// 监票人
    pub scrutineers: Vec<String>,
    /// 计票人
    pub tellers: Vec<String>,
}

/// Why a round counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum VoidReason {
    /// Called off by the union, in its words.
    CalledOff { text: String, by: AccountId },
    /// Counted, but disputed: called off by the union above, in its words.
    Disputed { text: String, by: AccountId },
    /// More slips spent than handed out.
    MoreSpentThanHandedOut { spent: u64, handed_out: u64 },
    /// Called off by the union, in its words, when the ballots could not be counted any more: a key or thanked ballots are
    /// lost, as the box says, in words for people.
    Stopped { fault: String, text: String, by: AccountId },
}

/// A step that the phase does not allow, or that waits for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("本轮评议当前的阶段不能进行这一步")]
    WrongPhase,
    #[error("参评名册还没有得到上级工会批准")]
    NotApproved,
    #[error("还没有制作选票")]
    NoSlips,
    #[error("选票去向还没有经监票人确认")]
    CustodyNotConfirmed,
    #[error("结果还没有经监票人确认")]
    ResultNotConfirmed,
    #[error("密钥还没有在所有保管处销毁")]
    KeyNotDestroyed,
}

impl Refusal {
    /// Stable code for interfaces.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Refusal::WrongPhase => "wrong_phase",
            Refusal::NotApproved => "not_approved",
            Refusal::NoSlips => "no_slips",
            Refusal::CustodyNotConfirmed => "custody_not_confirmed",
            Refusal::ResultNotConfirmed => "result_not_confirmed",
            Refusal::KeyNotDestroyed => "key_not_destroyed",
        }
    }
}

impl Phase {
    /// The phase of a new round.
    #[must_use]
    pub fn new() -> Self {
        Phase::Draft { approval: Approval::NotAsked, slips: None }
    }

    /// The name of the phase in the database and in interfaces.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Phase::Draft { .. } => "draft",
            Phase::Open { .. } => "open",
            Phase::Counting { .. } => "counting",
            Phase::Closing { .. } => "closing",
            Phase::Closed { .. } => "closed",
            Phase::Certified { .. } => "certified",
            Phase::Reported { .. } => "reported",
            Phase::Void { .. } => "void",
        }
    }

    /// The Chinese name of the phase.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Phase::Draft { .. } => "筹备中",
            Phase::Open { .. } => "投票中",
            Phase::Counting { .. } => "计票中",
            Phase::Closing { .. } => "开票中",
            Phase::Closed { .. } => "已开票",
            Phase::Certified { .. } => "已签发",
            Phase::Reported { .. } => "上级已批复",
            Phase::Void { .. } => "已作废",
        }
    }

    /// The opening of the box, from `Open` on.
    #[must_use]
    pub fn opening(&self) -> Option<&Opening> {
        match self {
            Phase::Draft { .. } | Phase::Void { .. } => None,
            Phase::Open { opening, .. }
            | Phase::Counting { opening, .. }
            | Phase::Closing { opening, .. }
            | Phase::Closed { opening, .. }
            | Phase::Certified { opening, .. }
            | Phase::Reported { opening, .. } => Some(opening),
        }
    }

    /// What came out of the box, from `Closed` on.
    #[must_use]
    pub fn opened(&self) -> Option<&Opened> {
        match self {
            Phase::Closed { opened, .. } | Phase::Certified { opened, .. } | Phase::Reported { opened, .. } => {
                Some(opened)
            }
            _ => None,
        }
    }

    /// What a counted round was when its box had been opened, whatever was signed since; every other phase as it is.
    #[must_use]
    pub fn as_opened(self) -> Self {
        match self {
            Phase::Certified { opening, custody, opened, .. } | Phase::Reported { opening, custody, opened, .. } => {
                Phase::Closed { opening, custody, opened, confirmed_by: Vec::new() }
            }
            other => other,
        }
    }

    /// The certified sheet, from `Certified` on.
    #[must_use]
    pub fn sheet(&self) -> Option<&SheetId> {
        match self {
            Phase::Certified { sheet, .. } | Phase::Reported { sheet, .. } => Some(sheet),
            _ => None,
        }
    }

    /// Custody as far as it is known.
    #[must_use]
    pub fn custody(&self) -> Option<&Custody> {
        match self {
            Phase::Open { custody, .. } | Phase::Counting { custody, .. } => custody.as_ref(),
            Phase::Closing { custody, .. }
            | Phase::Closed { custody, .. }
            | Phase::Certified { custody, .. }
            | Phase::Reported { custody, .. } => Some(custody),
            _ => None,
        }
    }

    /// Whether facts and paper may still be changed: until approval is asked for, and after the union above
    /// returned them.
    #[must_use]
    pub fn is_revisable(&self) -> bool {
        matches!(self, Phase::Draft { approval: Approval::NotAsked | Approval::Returned { .. }, .. })
    }

    /// Whether scrutineers and tellers may be named anew: the meeting that chooses them comes after the electorate is
    /// approved, and somebody may be missing on the day. Not once the box is being opened.
    #[must_use]
    pub fn takes_officers(&self) -> bool {
        matches!(self, Phase::Draft { .. } | Phase::Open { .. } | Phase::Counting { .. })
    }

    /// Whether a ballot or its count goes on: from the opening of the box until the sheet is signed or the round is void.
    /// Meanwhile nobody in the union gives those who count and confirm another password: it would let one person take
    /// the places of several.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        matches!(self, Phase::Open { .. } | Phase::Counting { .. } | Phase::Closing { .. } | Phase::Closed { .. })
    }

    /// The chair asks the union above to approve the electorate.
    ///
    /// # Errors
    /// `WrongPhase` unless the round is a draft that is not approved yet.
    pub fn ask_approval(self) -> Result<Self, Refusal> {
        match self {
            Phase::Draft { approval: Approval::NotAsked | Approval::Returned { .. }, slips } => {
                Ok(Phase::Draft { approval: Approval::Asked, slips })
            }
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// The union above approves the electorate, or returns it with a reason.
    ///
    /// # Errors
    /// `WrongPhase` unless approval was asked for.
    pub fn decide_approval(self, decision: Approval) -> Result<Self, Refusal> {
        match self {
            Phase::Draft { approval: Approval::Asked, slips } => Ok(Phase::Draft { approval: decision, slips }),
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// Slips are issued, replacing any issued before.
    ///
    /// # Errors
    /// `WrongPhase` outside the draft, `NotApproved` before the electorate is approved.
    pub fn issue_slips(self, issue: SlipIssue) -> Result<Self, Refusal> {
        match self {
            Phase::Draft { approval: approval @ Approval::Approved { .. }, .. } => {
                Ok(Phase::Draft { approval, slips: Some(issue) })
            }
            Phase::Draft { .. } => Err(Refusal::NotApproved),
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// How many slips an opening would fix.
    ///
    /// # Errors
    /// `NotApproved`, `NoSlips`, or `WrongPhase` outside the draft.
    pub fn may_open(&self) -> Result<SlipIssue, Refusal> {
        match self {
            Phase::Draft { approval: Approval::Approved { .. }, slips: Some(slips) } => Ok(*slips),
            Phase::Draft { approval: Approval::Approved { .. }, slips: None } => Err(Refusal::NoSlips),
            Phase::Draft { .. } => Err(Refusal::NotApproved),
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// The box opens for casting.
    ///
    /// # Errors
    /// As [`Phase::may_open`].
    pub fn open(self, opening: Opening) -> Result<Self, Refusal> {
        self.may_open().map(|_| Phase::Open { opening, custody: None })
    }

    /// The chair sets down the custody of slips; a new count drops an earlier confirmation.
    ///
    /// # Errors
    /// `WrongPhase` unless the box is open or being counted.
    pub fn count_custody(self, custody: Custody) -> Result<Self, Refusal> {
        let custody = Some(custody);
        match self {
            Phase::Open { opening, .. } => Ok(Phase::Open { opening, custody }),
            Phase::Counting { opening, .. } => Ok(Phase::Counting { opening, custody }),
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// The scrutineer confirms the custody that the chair set down.
    ///
    /// # Errors
    /// `WrongPhase` where there is nothing to confirm.
    pub fn confirm_custody(self, by: AccountId) -> Result<Self, Refusal> {
        let confirm = |custody: Custody| Some(Custody { confirmed_by: Some(by), ..custody });
        match self {
            Phase::Open { opening, custody: Some(custody) } => Ok(Phase::Open { opening, custody: confirm(custody) }),
            Phase::Counting { opening, custody: Some(custody) } => {
                Ok(Phase::Counting { opening, custody: confirm(custody) })
            }
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// Phones are closed; paper may be entered.
    ///
    /// # Errors
    /// `WrongPhase` unless open.
    pub fn stop_phones(self) -> Result<Self, Refusal> {
        match self {
            Phase::Open { opening, custody } => Ok(Phase::Counting { opening, custody }),
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// The box begins to be opened: no ballot can be cast from here on.
    ///
    /// # Errors
    /// `WrongPhase` unless counting, `CustodyNotConfirmed` before the scrutineer confirmed the hand-out.
    pub fn begin_closing(self) -> Result<Self, Refusal> {
        match self {
            Phase::Counting { opening, custody: Some(custody) } if custody.confirmed_by.is_some() => {
                Ok(Phase::Closing { opening, custody })
            }
            Phase::Counting { .. } => Err(Refusal::CustodyNotConfirmed),
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// The count stands.
    ///
    /// # Errors
    /// `WrongPhase` unless closing.
    pub fn close(self, opened: Opened) -> Result<Self, Refusal> {
        match self {
            Phase::Closing { opening, custody } => {
                Ok(Phase::Closed { opening, custody, opened, confirmed_by: Vec::new() })
            }
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// Every vault folder has confirmed that the key is gone.
    ///
    /// # Errors
    /// `WrongPhase` unless closed.
    pub fn key_destroyed(self) -> Result<Self, Refusal> {
        match self {
            Phase::Closed { opening, custody, opened, confirmed_by } => {
                Ok(Phase::Closed { opening, custody, opened: Opened { key_destroyed: true, ..opened }, confirmed_by })
            }
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// A scrutineer or teller confirms the result. Confirming twice changes nothing.
    ///
    /// # Errors
    /// `WrongPhase` unless closed.
    pub fn confirm_result(self, by: AccountId) -> Result<Self, Refusal> {
        match self {
            Phase::Closed { opening, custody, opened, mut confirmed_by } => {
                if !confirmed_by.contains(&by) {
                    confirmed_by.push(by);
                }
                Ok(Phase::Closed { opening, custody, opened, confirmed_by })
            }
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// Whether the sheet may be signed: the key is gone, and among those who confirmed the result, whose roles these are,
    /// is a scrutineer and not only a teller.
    ///
    /// # Errors
    /// `KeyNotDestroyed` or `ResultNotConfirmed` while those are missing, `WrongPhase` unless closed.
    pub fn may_certify(&self, confirmers: &[Role]) -> Result<(), Refusal> {
        match self {
            Phase::Closed { opened, .. } if !opened.key_destroyed => Err(Refusal::KeyNotDestroyed),
            Phase::Closed { .. } if !confirmers.contains(&Role::Scrutineer) => Err(Refusal::ResultNotConfirmed),
            Phase::Closed { .. } => Ok(()),
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// The sheet was signed. `confirmers` are the roles of those who confirmed the result.
    ///
    /// # Errors
    /// As [`Phase::may_certify`].
    pub fn certify(self, sheet: SheetId, confirmers: &[Role]) -> Result<Self, Refusal> {
        self.may_certify(confirmers)?;
        match self {
            Phase::Closed { opening, custody, opened, .. } => Ok(Phase::Certified { opening, custody, opened, sheet }),
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// The union above gives its opinion on the sheet.
    ///
    /// # Errors
    /// `WrongPhase` unless certified.
    pub fn report(self, opinion: Opinion) -> Result<Self, Refusal> {
        match self {
            Phase::Certified { opening, custody, opened, sheet } => {
                Ok(Phase::Reported { opening, custody, opened, sheet, opinion })
            }
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// A corrected sheet takes the place of a returned one; the old sheet stays on record.
    ///
    /// # Errors
    /// `WrongPhase` unless the union above returned the sheet.
    pub fn correct(self, sheet: SheetId) -> Result<Self, Refusal> {
        match self {
            Phase::Reported { opening, custody, opened, opinion, .. } if !opinion.accepted => {
                Ok(Phase::Certified { opening, custody, opened, sheet })
            }
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// The round counts for nothing. Once it is counted the result can be seen, and voiding would be choosing.
    ///
    /// # Errors
    /// `WrongPhase` from `Closed` on.
    pub fn void(self, reason: VoidReason) -> Result<Self, Refusal> {
        match self {
            Phase::Draft { .. } | Phase::Open { .. } | Phase::Counting { .. } | Phase::Closing { .. } => {
                Ok(Phase::Void { reason })
            }
            _ => Err(Refusal::WrongPhase),
        }
    }

    /// A counted round counts for nothing, because the union above says so: its result is disputed, nobody signs it, and
    /// the union above has not seen it.
    ///
    /// # Errors
    /// `WrongPhase` unless closed.
    pub fn void_disputed(self, text: String, by: AccountId) -> Result<Self, Refusal> {
        match self {
            Phase::Closed { .. } => Ok(Phase::Void { reason: VoidReason::Disputed { text, by } }),
            _ => Err(Refusal::WrongPhase),
        }
    }
}

impl Default for Phase {
    fn default() -> Self {
        Phase::new()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn facts_without_an_hour_are_stored_as_ever() {
        let facts = super::super::sheet::sample::Sample::new().poll.facts;
        let stored = serde_json::to_string(&facts).unwrap();
        assert!(!stored.contains("ends_at"), "{stored}");
        assert_eq!(serde_json::from_str::<Facts>(&stored).unwrap(), facts);
        let at_six = Facts { ends_at: Hour::new(18), ..facts };
        let stored = serde_json::to_string(&at_six).unwrap();
        assert!(stored.contains("\"ends_at\":18"), "{stored}");
        assert_eq!(serde_json::from_str::<Facts>(&stored).unwrap(), at_six);
        assert!(serde_json::from_str::<Facts>(&stored.replace(":18,", ":24,")).is_err());
    }

    #[test]
    fn the_announced_end_is_an_hour_or_a_whole_day() {
        let day = Facts {
            ends: time::macros::date!(2026 - 11 - 30),
            ..super::super::sheet::sample::Sample::new().poll.facts
        };
        let hour = Facts { ends_at: Hour::new(18), ..day.clone() };
        assert_eq!((day.closes(), hour.closes()), ("2026年11月30日".to_owned(), "2026年11月30日18时".to_owned()));
        let past = |at| (day.is_past(at), hour.is_past(at));
        assert_eq!(past(datetime!(2026-11-30 17:59)), (false, false));
        assert_eq!(past(datetime!(2026-11-30 18:00)), (false, true));
        assert_eq!(past(datetime!(2026-11-30 23:59)), (false, true));
        assert_eq!(past(datetime!(2026-12-01 0:00)), (true, true));
    }
}
