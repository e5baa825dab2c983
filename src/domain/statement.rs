//! The signed statements beside the sheet: the opening statement, sent up before the first ballot, the opinion of
//! the union above, and what the issuer says of a printed file.

use serde::{Deserialize, Serialize};
use time::Date;

use super::canonical::{self, CanonicalError};
use super::dates;
use super::digest::Digest;
use super::ids::PollId;
use super::jws::Statement;
use super::paper::Paper;
use super::poll::{Opening, Poll, RuleSetRef, SlipIssue};
use super::sheet::{Finding, Issuer, SheetPayload};

/// Name and version of the opening statement's form.
pub const OPENING: &str = "pingjia-opening/1";
/// Name and version of the opinion's form.
pub const OPINION: &str = "pingjia-opinion/1";
/// Name and version of the form of a statement on a printed file.
pub const FACE: &str = "pingjia-face/1";

/// What was fixed before the first ballot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningStatement {
    /// [`OPENING`]
    pub format: String,
    pub issuer: Issuer,
    pub poll: PollId,
    pub tag: String,
    /// Name of the union.
    pub union: String,
    pub title: String,
    pub year: u16,
    pub rule_set: RuleSetRef,
    /// The rule sets that it inherits from as they were at the opening, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<RuleSetRef>,
    /// SHA-256 over the canonical form of the paper: the questions cannot change after the ballot.
    pub paper: Digest,
    pub expected: u64,
    pub slips: SlipIssue,
    pub roll_root: Digest,
    /// SHA-256 of the key that seals the ballots.
    pub key_digest: Digest,
    #[serde(with = "dates")]
    pub opened_on: Date,
}

/// The opinion of the union above on a sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpinionStatement {
    /// [`OPINION`]
    pub format: String,
    pub issuer: Issuer,
    /// Digest of the sheet's payload.
    pub sheet: Digest,
    pub accepted: bool,
    pub text: String,
    /// Name of the union above.
    pub superior: String,
    /// Who signed for it, by name.
    pub by: String,
    #[serde(with = "dates")]
    pub given_on: Date,
}

/// What the issuer says of a PDF that it handed out: so a file whose layout another version of the program made
/// can still be told from an altered one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaceStatement {
    /// [`FACE`]
    pub format: String,
    pub issuer: Issuer,
    /// Digest of the payload of the sheet that the file shows.
    pub sheet: Digest,
    /// SHA-256 over the file with spaces in the room of this statement.
    pub file: Digest,
}

/// Why a payload is not a statement of the form asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("不是{what}：{why}")]
    Members { what: &'static str, why: String },
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl OpeningStatement {
    /// What is stated when `poll` opens.
    ///
    /// # Errors
    /// A paper without a canonical form.
    pub fn of(
        poll: &Poll,
        union: &str,
        opening: &Opening,
        parents: Vec<RuleSetRef>,
        issuer: Issuer,
    ) -> Result<Self, CanonicalError> {
        Ok(OpeningStatement {
            format: OPENING.to_owned(),
            issuer,
            poll: poll.id,
            tag: poll.tag.to_string(),
            union: union.to_owned(),
            title: poll.facts.title.clone(),
            year: poll.year,
            rule_set: poll.rule_set.clone(),
            parents,
            paper: paper_digest(&poll.paper)?,
            expected: poll.facts.expected.into(),
            slips: opening.slips,
            roll_root: opening.roll_root,
            key_digest: opening.key_digest,
            opened_on: opening.opened_on,
        })
    }

    /// Reads the payload of a statement, strictly.
    ///
    /// # Errors
    /// See [`StatementError`].
    pub fn read(payload: &serde_json::Value) -> Result<Self, StatementError> {
        let read: Self = read(payload, "开箱声明")?;
        fits(&read.format, OPENING, "开箱声明").map(|()| read)
    }

    /// Reads a signed opening statement and what it says; none if it is no such thing. Nothing is verified.
    #[must_use]
    pub fn signed(document: &str) -> Option<(Self, Statement)> {
        let statement = Statement::parse(document.as_bytes()).ok()?;
        Some((Self::read(statement.payload()).ok()?, statement))
    }

    /// Holds the sheet against what was stated before the first ballot.
    ///
    /// # Errors
    /// A paper without a canonical form.
    pub fn check(&self, sheet: &SheetPayload) -> Result<Vec<Finding>, CanonicalError> {
        let round = &sheet.round;
        // Names may be corrected between opening and certifying; what counts was fixed.
        let same_round = (self.poll, &self.tag, self.year) == (round.poll, &round.tag, round.year);
        let slips = (u64::from(self.slips.roll), u64::from(self.slips.spares));
        Ok(vec![
            Finding::new(
                same_round && self.issuer.url == sheet.issuer.url && self.opened_on == round.opened_on,
                "开箱声明与报告单是同一轮评议",
            ),
            Finding::new(
                slips == (sheet.counts.roll, sheet.counts.spares) && self.expected == sheet.counts.expected,
                format!("开箱时固定的应到{}、选票{}＋备用{}与报告单一致", self.expected, slips.0, slips.1),
            ),
            Finding::new(self.roll_root == sheet.proof.roll_root, "开箱时固定的选票名册指纹与报告单一致"),
            Finding::new(
                self.rule_set == round.rule_set
                    && (self.parents.is_empty() || self.parents == round.parents)
                    && self.paper == paper_digest(&sheet.paper())?,
                "开箱时固定的规则集和选票内容与报告单一致",
            ),
        ])
    }
}

impl OpinionStatement {
    /// Reads the payload of a statement, strictly.
    ///
    /// # Errors
    /// See [`StatementError`].
    pub fn read(payload: &serde_json::Value) -> Result<Self, StatementError> {
        let read: Self = read(payload, "上级意见")?;
        fits(&read.format, OPINION, "上级意见").map(|()| read)
    }

    /// Holds the opinion against the sheet, given with the digest of its payload.
    #[must_use]
    pub fn check(&self, sheet: &SheetPayload, digest: &Digest) -> Vec<Finding> {
        vec![
            Finding::new(self.sheet == *digest, "上级意见是对这份报告单的意见"),
            Finding::new(self.given_on >= sheet.certified_on, "意见的日期不早于报送日期"),
        ]
    }

    /// 同意 or 退回.
    #[must_use]
    pub fn decision(&self) -> &'static str {
        if self.accepted { "同意" } else { "退回" }
    }
}

impl FaceStatement {
    /// Reads the payload of a statement, strictly.
    ///
    /// # Errors
    /// See [`StatementError`].
    pub fn read(payload: &serde_json::Value) -> Result<Self, StatementError> {
        let read: Self = read(payload, "版面签名")?;
        fits(&read.format, FACE, "版面签名").map(|()| read)
    }
}

/// SHA-256 over the canonical form of the paper.
fn paper_digest(paper: &Paper) -> Result<Digest, CanonicalError> {
    Ok(Digest::sha256(canonical::to_string(paper)?.as_bytes()))
}

fn fits(format: &str, wanted: &str, what: &'static str) -> Result<(), StatementError> {
    let why = || StatementError::Members { what, why: format!("格式是 {format}，应为 {wanted}") };
    if format == wanted { Ok(()) } else { Err(why()) }
}

/// Reads members and makes sure that printing them gives the same bytes again.
fn read<T: Serialize + serde::de::DeserializeOwned>(
    payload: &serde_json::Value,
    what: &'static str,
) -> Result<T, StatementError> {
    let members = |why: String| StatementError::Members { what, why };
    let read: T = serde_json::from_value(payload.clone()).map_err(|error| members(error.to_string()))?;
    let same = canonical::to_string(&read)? == canonical::to_string(payload)?;
    if same { Ok(read) } else { Err(members("写法不规范".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::jws::tests::keys;
    use crate::domain::sheet::sample::Sample;
    use serde_json::json;

    #[test]
    fn the_outward_forms_are_frozen() {
        let [ed25519, sm2] = keys();
        let (sample, keys) = (Sample::new(), [&ed25519, &sm2]);
        let opening = sample.opening_statement(&keys);
        crate::domain::tests::golden("opening-payload.json", &canonical::to_string(&opening).unwrap());
        assert_eq!(OpeningStatement::read(&serde_json::to_value(&opening).unwrap()).as_ref(), Ok(&opening));
        let opinion = sample.opinion(&keys);
        crate::domain::tests::golden("opinion-payload.json", &canonical::to_string(&opinion).unwrap());
        crate::domain::tests::golden("opinion.json", &Statement::sign(&opinion, &keys).unwrap());
        assert_eq!(OpinionStatement::read(&serde_json::to_value(&opinion).unwrap()).as_ref(), Ok(&opinion));
        let digest = sample.sheet(&keys).digest().unwrap();
        let face = FaceStatement { format: FACE.to_owned(), issuer: opinion.issuer, sheet: digest, file: digest };
        crate::domain::tests::golden("face-payload.json", &canonical::to_string(&face).unwrap());
        assert_eq!(FaceStatement::read(&serde_json::to_value(&face).unwrap()).as_ref(), Ok(&face));
    }

    #[test]
    fn one_statement_is_never_taken_for_another() {
        let [ed25519, _] = keys();
        let sample = Sample::new();
        let opening = serde_json::to_value(sample.opening_statement(&[&ed25519])).unwrap();
        let opinion = serde_json::to_value(sample.opinion(&[&ed25519])).unwrap();
        assert!(OpeningStatement::read(&opinion).is_err() && OpinionStatement::read(&opening).is_err());
        assert!(SheetPayload::read(&opening).is_err());
        let mut changed = opening;
        changed["format"] = json!("pingjia-opening/2");
        assert!(OpeningStatement::read(&changed).is_err());
        changed["format"] = json!(OPENING);
        assert!(OpeningStatement::read(&changed).is_ok());
        changed["slips"]["extra"] = json!(1);
        assert!(OpeningStatement::read(&changed).is_err());
    }

    #[test]
    fn the_sheet_must_match_what_was_fixed_at_the_opening() {
        let [ed25519, _] = keys();
        let sample = Sample::new();
        let (opening, sheet) = (sample.opening_statement(&[&ed25519]), sample.sheet(&[&ed25519]));
        let holds = |opening: &OpeningStatement, sheet: &SheetPayload| {
            opening.check(sheet).unwrap().iter().all(|finding| finding.holds)
        };
        assert!(holds(&opening, &sheet));
        // An opening of before the parents were fixed says nothing of them.
        let silent = OpeningStatement { parents: Vec::new(), ..opening.clone() };
        assert!(holds(&silent, &sheet));
        let meddling: [fn(&mut SheetPayload); 10] = [
            |sheet| sheet.round.parents[0].digest = Digest::sha256(b"x"),
            |sheet| sheet.round.poll = PollId(8),
            |sheet| sheet.round.year += 1,
            |sheet| sheet.counts.roll += 1,
            |sheet| sheet.counts.spares += 1,
            |sheet| sheet.counts.expected -= 1,
            |sheet| sheet.proof.roll_root = Digest::sha256(b"x"),
            |sheet| sheet.round.rule_set.digest = Digest::sha256(b"x"),
            |sheet| sheet.items[0].title.push('x'),
            |sheet| sheet.items.reverse(),
        ];
        for (place, change) in meddling.into_iter().enumerate() {
            let mut changed = sheet.clone();
            change(&mut changed);
            assert!(!holds(&opening, &changed), "change {place}");
        }
    }
}
