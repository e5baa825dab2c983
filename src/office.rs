//! The steps of a round that several houses take part in: opening with its signed statement, assessing,
//! certifying, correcting, and the opinion of the union above. Pages and the demo call them; nobody else
//! signs anything.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::ballot_box::{BallotBox, BoxError, KeyState};
use crate::database::{AnyConnection, Database, DatabaseError};
use crate::domain::account::{Account, Role};
use crate::domain::canonical::CanonicalError;
use crate::domain::count::Count;
use crate::domain::digest::Digest;
use crate::domain::ids::{AccountId, SheetId};
use crate::domain::jws::{JwsError, Statement};
use crate::domain::poll::{Opening, Opinion, Phase, Poll, Refusal, RuleSetRef};
use crate::domain::rules::{RuleRegistry, RuleSet};
use crate::domain::sheet::{
    BuildError, Certification, FollowUp, Issuer, JudgeError, Publication, SheetPayload, judge, parents_now,
};
use crate::domain::statement::{self, FaceStatement, OpeningStatement, OpinionStatement};
use crate::domain::union::Union;
use crate::domain::verdict::{Assessment, CountError};
use crate::signing::SigningKeys;
use crate::store::sheets::StoredSheet;
use crate::store::{By, StoreError, accounts, polls, sheets, statements, unions};
use crate::world;

/// Everything that these steps need. Cheap to clone.
#[derive(Clone)]
pub struct Office {
    pub database: Database,
    pub ballot_box: BallotBox,
    pub keys: Arc<SigningKeys>,
    pub rules: Arc<RuleRegistry>,
    /// Base address under which sheets and keys are published.
    pub url: String,
}

/// Why a step was not taken. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The version of the rule set that the round was set up with is not installed.
    #[error("系统里没有本轮评议所用的规则集 {id}（{version}版），请联系系统管理员")]
    RuleSetMissing { id: String, version: String },
    /// The figures cannot be assessed by the rule set.
    #[error("票数不能按规则集评定：{0}")]
    Count(#[from] CountError),
    /// The round could be opened and counted, but never assessed.
    #[error("选票的项目或者申报等级和规则集对不上，开票以后不能评定，所以没有开始投票")]
    NotJudgeable(#[source] CountError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("没有找到开箱声明，不能签发")]
    OpeningStatementMissing,
    /// A sheet bears the address under which its round was opened, as its opening statement does.
    #[error("本轮评议开始投票时，系统的网址是 {opened}，现在是 {now}，这样签发的结果报告单通不过核验")]
    OtherAddress { opened: String, now: String },
    /// The clock of the machine went back.
    #[error("今天的日期比开票的日期还早，可能是系统的时钟不对，不能签发")]
    BeforeOpening,
    /// Anything else for which the sheet would not pass its own verification.
    #[error("结果报告单通不过核验，不能签发：{0}")]
    WouldNotVerify(String),
    #[error("只有被上级退回的结果报告单才能更正")]
    NotReturned,
    #[error("cannot sign: {0}")]
    Sign(#[from] JwsError),
    #[error("cannot sign: {0}")]
    Canonical(#[from] CanonicalError),
    #[error(transparent)]
    Box(#[from] BoxError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<JudgeError> for OfficeError {
    fn from(error: JudgeError) -> Self {
        match error {
            JudgeError::UnknownRuleSet(set) => OfficeError::RuleSetMissing { id: set.id, version: set.version },
            JudgeError::Count(error) => OfficeError::Count(error),
        }
    }
}

/// What the chair adds to the figures when certifying.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closing {
    pub follow_up: FollowUp,
    pub publication: Publication,
}

impl Office {
    /// Opens the box for casting and signs the opening statement, which the union above sees at once.
    ///
    /// # Errors
    /// `NotJudgeable`, refusals of the phase, faults of vault, database or key.
    pub fn open(&self, poll: &Poll, union: &Union, by: AccountId, at: OffsetDateTime) -> Result<Opening, OfficeError> {
        let parents = parents_now(&self.rules, poll).map_err(|error| match error {
            JudgeError::Count(error) => OfficeError::NotJudgeable(error),
            missing @ JudgeError::UnknownRuleSet(_) => missing.into(),
        })?;
        let sign = |opening: &Opening| {
            let statement = OpeningStatement::of(poll, &union.name, opening, parents.clone(), self.issuer())
                .map_err(|error| error.to_string())?;
            self.keys.sign(&statement).map_err(|error| error.to_string())
        };
        Ok(self.ballot_box.open(poll, by, at, sign)?)
    }

    /// The rule set that the round was set up with.
    ///
    /// # Errors
    /// `RuleSetMissing`.
    pub fn rule_set(&self, poll: &Poll) -> Result<&Arc<RuleSet>, OfficeError> {
        let reference = &poll.rule_set;
        self.rules
            .at(reference)
            .ok_or_else(|| OfficeError::RuleSetMissing { id: reference.id.clone(), version: reference.version.clone() })
    }

    /// The assessment of a counted round; `None` before it is counted.
    ///
    /// # Errors
    /// `RuleSetMissing`, `Count`.
    pub fn assess(&self, poll: &Poll) -> Result<Option<Assessment>, OfficeError> {
        let Some(count) = Count::of_round(poll) else { return Ok(None) };
        let opening = self.database.read(|c| statements::load(c, poll.id, statements::OPENING))?;
        let parents = opening.map_or_else(Vec::new, |opening| parents_at(&opening));
        Ok(Some(judge(&self.rules, &poll.rule_set, &parents, poll.facts.assembly, &count)?.assessment))
    }

    /// Who confirmed the result of a closed round; nobody in another phase.
    ///
    /// # Errors
    /// Database faults.
    pub fn confirmers(&self, poll: &Poll) -> Result<Vec<Account>, DatabaseError> {
        let Phase::Closed { confirmed_by, .. } = &poll.phase else { return Ok(Vec::new()) };
        let load = |c: &mut AnyConnection| confirmed_by.iter().map(|id| accounts::load(c, *id)).collect();
        let found: Vec<Option<Account>> = self.database.read::<_, DatabaseError>(load)?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Whether the sheet of a closed round may be signed now: no vault folder holds its key, and a scrutineer has confirmed
    /// the result. The roles of those who did.
    ///
    /// # Errors
    /// `KeyNotDestroyed`, `ResultNotConfirmed`, `WrongPhase`; database faults.
    pub fn may_certify(&self, poll: &Poll) -> Result<Vec<Role>, OfficeError> {
        // A folder that was away may have come back with its key.
        if self.ballot_box.key_states(poll).contains(&KeyState::Held) {
            return Err(Refusal::KeyNotDestroyed.into());
        }
        let confirmers: Vec<Role> = self.confirmers(poll)?.iter().map(|account| account.role).collect();
        poll.phase.may_certify(&confirmers)?;
        Ok(confirmers)
    }

    /// Signs the result sheet of a closed round, stores it and hands it up; then forgets the slips, as soon as that can be
    /// done.
    ///
    /// # Errors
    /// Refusals of the phase (`KeyNotDestroyed`, `ResultNotConfirmed` …) and whatever keeps a sheet from being made.
    pub fn certify(&self, poll: &Poll, closing: &Closing, by: By) -> Result<StoredSheet, OfficeError> {
        // Refuse before anything is built.
        let confirmers = self.may_certify(poll)?;
        let sheet = self.sheet(poll, closing, None, by)?;
        let id = sheet.id.clone();
        self.database.write(|connection| -> Result<(), OfficeError> {
            sheets::insert(connection, &sheet)?;
            polls::advance(connection, poll, "poll.certify", id.as_str(), by, |phase| {
                phase.certify(id.clone(), &confirmers)
            })?;
            Ok(())
        })?;
        // The sheet stands; what is left of the slips is taken away later.
        if let Err(error) = self.ballot_box.forget_slips(poll.id) {
            tracing::warn!(poll = poll.id.0, %error, "the slips of a certified round could not be forgotten yet");
        }
        Ok(sheet)
    }

    /// Signs a corrected sheet in the place of one that the union above returned. The old one stays on record.
    ///
    /// # Errors
    /// `NotReturned`, and as [`Office::certify`].
    pub fn correct(&self, poll: &Poll, closing: &Closing, by: By) -> Result<StoredSheet, OfficeError> {
        let Phase::Reported { sheet: returned, opinion, .. } = &poll.phase else {
            return Err(OfficeError::NotReturned);
        };
        if opinion.accepted {
            return Err(OfficeError::NotReturned);
        }
        let sheet = self.sheet(poll, closing, Some(returned), by)?;
        let id = sheet.id.clone();
        self.database.write(|connection| -> Result<(), OfficeError> {
            sheets::insert(connection, &sheet)?;
            polls::advance(connection, poll, "poll.correct", id.as_str(), by, |phase| phase.correct(id.clone()))?;
            Ok(())
        })?;
        Ok(sheet)
    }

    /// Signs the opinion of the union above on the sheet in force.
    ///
    /// # Errors
    /// `WrongPhase` unless the round is certified.
    pub fn opine(
        &self,
        poll: &Poll,
        superior: &Union,
        officer: &Account,
        accepted: bool,
        text: &str,
        at: OffsetDateTime,
    ) -> Result<(), OfficeError> {
        let Phase::Certified { sheet, .. } = &poll.phase else {
            return Err(Refusal::WrongPhase.into());
        };
        let given_on = world::date_in_china(at);
        let by = By { account: Some(officer.id), at };
        self.database.write(|connection| -> Result<(), OfficeError> {
            let stored = sheets::load(connection, sheet)?.ok_or(Refusal::WrongPhase)?;
            let statement = OpinionStatement {
                format: statement::OPINION.to_owned(),
                issuer: self.issuer(),
                sheet: digest_of(&stored)?,
                accepted,
                text: text.to_owned(),
                superior: superior.name.clone(),
                by: officer.name.clone(),
                given_on,
            };
            let kind = statements::opinion_on(sheet);
            statements::put(connection, poll.id, &kind, &self.keys.sign(&statement)?)?;
            let opinion = Opinion { accepted, text: text.to_owned(), by: officer.id, given_on };
            let action = if accepted { "poll.accept" } else { "poll.return" };
            polls::advance(connection, poll, action, text, by, |phase| phase.report(opinion))?;
            Ok(())
        })
    }

    /// Signs a PDF of this sheet, by the digests of the sheet's payload and of the file with spaces in the room of
    /// this statement. The file was rendered from signed documents alone.
    ///
    /// # Errors
    /// `Sign`.
    pub fn vouch(&self, sheet: Digest, file: Digest) -> Result<String, OfficeError> {
        let format = statement::FACE.to_owned();
        Ok(self.keys.sign(&FaceStatement { format, issuer: self.issuer(), sheet, file })?)
    }

    /// The sheet of a counted round as it would be signed now, for the eyes of those who confirm it.
    ///
    /// # Errors
    /// Whatever keeps the sheet from being made.
    pub fn preview(&self, poll: &Poll, by: By) -> Result<SheetPayload, OfficeError> {
        self.payload(poll, &Closing::default(), None, by)
    }

    fn issuer(&self) -> Issuer {
        Issuer { url: self.url.clone(), keys: self.keys.thumbprints() }
    }

    /// Builds and signs the sheet of a round as it stands.
    fn sheet(
        &self,
        poll: &Poll,
        closing: &Closing,
        replaces: Option<&SheetId>,
        by: By,
    ) -> Result<StoredSheet, OfficeError> {
        let payload = self.payload(poll, closing, replaces, by)?;
        Ok(StoredSheet {
            id: payload.id()?,
            poll: poll.id,
            union: poll.union,
            year: poll.year,
            body: self.keys.sign(&payload)?,
            replaces: replaces.cloned(),
        })
    }

    fn payload(
        &self,
        poll: &Poll,
        closing: &Closing,
        replaces: Option<&SheetId>,
        by: By,
    ) -> Result<SheetPayload, OfficeError> {
        let count = Count::of_round(poll).ok_or(Refusal::WrongPhase)?;
        let (union, superior, opening_statement, replaced) = self.database.read(|connection| {
            let union = unions::load(connection, poll.union)?.ok_or(StoreError::NoSuchUnion)?;
            let superior = union.superior.map(|id| unions::load(connection, id)).transpose()?.flatten();
            let opening = statements::load(connection, poll.id, statements::OPENING)?;
            let replaced = replaces.map(|id| sheets::load(connection, id)).transpose()?.flatten();
            Ok::<_, StoreError>((union, superior, opening, replaced))
        })?;
        let opening_statement = opening_statement.ok_or(OfficeError::OpeningStatementMissing)?;
        let judgement =
            judge(&self.rules, &poll.rule_set, &parents_at(&opening_statement), poll.facts.assembly, &count)?;
        let opening = Statement::parse(opening_statement.as_bytes())?;
        let sheet = SheetPayload::build(Certification {
            poll,
            union: &union,
            superior: superior.as_ref().map(|superior| superior.name.as_str()),
            judgement,
            follow_up: closing.follow_up.clone(),
            publication: closing.publication.clone(),
            issuer: self.issuer(),
            opening_statement,
            certified_on: world::date_in_china(by.at),
            replaces: replaced.as_ref().map(digest_of).transpose()?,
        })?;
        would_verify(&sheet, &opening)?;
        Ok(sheet)
    }
}

/// Refuses a sheet that its readers would find at odds with its opening statement or with the calendar.
fn would_verify(sheet: &SheetPayload, opening: &Statement) -> Result<(), OfficeError> {
    let unread = |error: statement::StatementError| OfficeError::WouldNotVerify(error.to_string());
    let opening = OpeningStatement::read(opening.payload()).map_err(unread)?;
    if opening.issuer.url != sheet.issuer.url {
        let (opened, now) = (opening.issuer.url, sheet.issuer.url.clone());
        return Err(OfficeError::OtherAddress { opened, now });
    }
    if sheet.certified_on < sheet.round.closed_on {
        return Err(OfficeError::BeforeOpening);
    }
    match opening.check(sheet)?.into_iter().find(|finding| !finding.holds) {
        Some(failed) => Err(OfficeError::WouldNotVerify(failed.text)),
        None => Ok(()),
    }
}

/// The rule sets that a round inherits from as its opening statement fixed them.
fn parents_at(opening: &str) -> Vec<RuleSetRef> {
    OpeningStatement::signed(opening).map_or_else(Vec::new, |(opening, _)| opening.parents)
}

/// The digest of a stored sheet's payload.
fn digest_of(sheet: &StoredSheet) -> Result<Digest, OfficeError> {
    Ok(Statement::parse(sheet.body.as_bytes())?.digest())
}
