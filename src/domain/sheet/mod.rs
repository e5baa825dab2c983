//! The result sheet (结果报告单): what is certified and signed about one round. All counts are whole numbers.
//!
//! The outward form is frozen in `tests/golden/sheet-payload.json`; a change of it is a new [`FORMAT`].

mod build;
mod check;
mod conclusion;
mod electorate;
#[cfg(test)]
pub(crate) mod sample;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::Date;

pub use build::{BuildError, Certification, JudgeError, Judgement, judge, judge_as_at_first, parents_now};
pub use check::{Finding, check};

use super::canonical::{self, CanonicalError};
use super::count::Count;
use super::dates;
use super::digest::Digest;
use super::ids::{PollId, SheetId, UnionId};
use super::paper::{Answer, Item, ItemId, Paper, Scale, Section};
use super::poll::{Assembly, RuleSetRef};
use super::tally::{ItemTally, Tally};
use super::union::Category;
use super::verdict::Assessment;

/// Name and version of the sheet's form.
pub const FORMAT: &str = "pingjia-sheet/1";

/// Everything that a sheet states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SheetPayload {
    /// [`FORMAT`]
    pub format: String,
    pub issuer: Issuer,
    pub union: UnionFacts,
    pub round: RoundFacts,
    pub counts: Counts,
    /// The paper's items in order, each with its counts and the digest of its openings.
    pub items: Vec<SheetItem>,
    pub assessment: Assessment,
    /// 申报指标: id → `[numerator, denominator]`, declared by the union, never part of the verdict.
    pub declared_indicators: BTreeMap<String, [u64; 2]>,
    pub follow_up: FollowUp,
    pub publication: Publication,
    pub officers: Officers,
    pub proof: Proof,
    /// 报送日期: the day on which the sheet was signed and sent up.
    #[serde(with = "dates")]
    pub certified_on: Date,
    /// Digest of the payload of the sheet that this one corrects.
    pub replaces: Option<Digest>,
}

/// The installation that signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Base address, e.g. `https://pj.example.cn`: sheets and keys are published under it.
    pub url: String,
    /// Thumbprints of the keys that sign, in the order of the signatures: none can be taken away or added.
    pub keys: Vec<String>,
}

/// Whose round it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnionFacts {
    pub id: UnionId,
    /// 工会名称
    pub name: String,
    /// 统一社会信用代码（选填）
    pub credit_code: Option<String>,
    /// 工会类别, as the round was assessed.
    pub category: Category,
    /// 上级工会
    pub superior: Option<String>,
}

/// The round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundFacts {
    pub poll: PollId,
    /// Five characters that name the round on its slips.
    pub tag: String,
    pub title: String,
    /// 年度
    pub year: u16,
    /// 适用规则集、版本、摘要
    pub rule_set: RuleSetRef,
    /// Name of the rule set for people.
    pub rule_set_title: String,
    /// The rule sets whose rules apply as well, nearest first.
    pub parents: Vec<RuleSetRef>,
    /// 评议形式
    pub assembly: Assembly,
    /// 评议主体, in words.
    pub electorate: String,
    /// 地点
    pub place: String,
    /// First day of the ballot as announced.
    #[serde(with = "dates")]
    pub begins: Date,
    /// Last day of the ballot as announced.
    #[serde(with = "dates")]
    pub ends: Date,
    /// The day on which the box was opened for casting.
    #[serde(with = "dates")]
    pub opened_on: Date,
    /// The day on which the ballots were counted.
    #[serde(with = "dates")]
    pub closed_on: Date,
    /// Tier applied for, where the rule set has tiers.
    pub applying_for: Option<String>,
}

/// 票数
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// 会员总数
    pub member_total: u64,
    /// 应到
    pub expected: u64,
    /// 实到
    pub present: u64,
    /// Slips printed for the electorate.
    pub roll: u64,
    /// Spare slips printed.
    pub spares: u64,
    /// 发出票
    pub issued: u64,
    /// Spoiled slips, kept and voided.
    pub spoiled: u64,
    /// Slips never handed out.
    pub unused: u64,
    /// Slips voided in the box.
    pub voided: u64,
    /// 收回票: slips spent, on phones and on paper.
    pub returned: u64,
    /// Ballots cast on phones.
    pub phone: u64,
    /// Ballots entered from paper, invalid ones included.
    pub paper: u64,
    /// 有效票
    pub valid: u64,
    /// 无效票
    pub invalid: u64,
    /// Whether printed = handed out + spoiled + unused.
    pub custody_reconciles: bool,
    /// How many comments were written; null where none were asked for.
    pub comments: Option<u64>,
}

impl RoundFacts {
    /// The days on which the box was really opened for casting and opened for counting, in words.
    #[must_use]
    pub fn actual_days(&self) -> String {
        format!("{}开始投票，{}开票", dates::in_words(self.opened_on), dates::in_words(self.closed_on))
    }
}

impl Counts {
    /// All printed slips, spares included.
    #[must_use]
    pub fn printed(&self) -> u64 {
        self.roll.saturating_add(self.spares)
    }

    /// Whether just as many slips were voided as custody counts spoiled and unused; if not, every form of the sheet
    /// says so.
    #[must_use]
    pub fn voided_as_counted(&self) -> bool {
        self.spoiled.checked_add(self.unused) == Some(self.voided)
    }
}

/// The field's own word for a tier: an assessment names only tiers that ask for something.
fn common_tier(id: &str) -> Option<&'static str> {
    match id {
        "qualified" => Some("合格职工之家"),
        "advanced" => Some("先进职工之家"),
        "model" => Some("模范职工之家"),
        "trusted" => Some("信赖职工之家"),
        _ => None,
    }
}

/// One item of the paper with what was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SheetItem {
    pub id: ItemId,
    pub section: Section,
    pub scale: Scale,
    /// The question as printed.
    pub title: String,
    /// Code of the answer → count, `abstain` (弃权) included. They add up to the valid ballots.
    pub answers: BTreeMap<String, u64>,
    /// SHA-256 of the item's openings, 33 bytes each in ascending order (`docs/verify.md`).
    pub openings: Digest,
}

/// The code of 弃权 among the answers.
pub const ABSTAIN: &str = "abstain";

impl SheetItem {
    /// How many gave this answer.
    #[must_use]
    pub fn count(&self, answer: Answer) -> u64 {
        self.answers.get(answer.code()).copied().unwrap_or(0)
    }

    /// 弃权
    #[must_use]
    pub fn abstain(&self) -> u64 {
        self.answers.get(ABSTAIN).copied().unwrap_or(0)
    }

    /// All answers and abstentions; none when they exceed every number.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.answers.values().try_fold(0u64, |sum, count| sum.checked_add(*count))
    }

    /// The question.
    #[must_use]
    pub fn item(&self) -> Item {
        Item { id: self.id.clone(), section: self.section, scale: self.scale, title: self.title.clone() }
    }

    /// The counts as a tally.
    #[must_use]
    pub fn tally(&self) -> ItemTally {
        let answers = self.scale.answers().iter().map(|answer| (*answer, self.count(*answer))).collect();
        ItemTally { item: self.id.clone(), answers, abstain: self.abstain() }
    }
}

/// What the union undertakes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    /// 主要问题
    pub problems: String,
    /// 整改措施
    pub rectification: String,
    /// 责任人
    pub responsible: String,
    /// 期限
    #[serde(with = "dates::iso_option")]
    pub deadline: Option<Date>,
}

/// How the result was made known to the members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// 公布方式
    pub way: String,
    /// 公布日期
    #[serde(with = "dates::iso_option")]
    pub on: Option<Date>,
}

/// Who answers for the count, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officers {
    /// 总监票人
    pub chief_scrutineer: String,
    /// 监票人
    pub scrutineers: Vec<String>,
    /// 计票人
    pub tellers: Vec<String>,
    /// 工会主席
    pub chair: String,
}

/// What lets anyone check the count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Merkle root (RFC 6962) over the slip digests, spares included, fixed at the opening.
    pub roll_root: Digest,
    /// Merkle root (RFC 6962) over the receipts, 15 bytes each in ascending order.
    pub receipts_root: Digest,
    /// The signed opening statement that went to the union above before the first ballot.
    pub opening_statement: String,
}

/// Why a payload is not a sheet of this form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    #[error("不是结果报告单：{0}")]
    Members(String),
    #[error("结果报告单的格式是 {0}，本程序只认识 {FORMAT}")]
    Format(String),
    /// The members are right, but one of them is spelt in a way of its own.
    #[error("结果报告单的写法不规范")]
    Spelling,
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl SheetPayload {
    /// Reads the payload of a statement, strictly: nothing missing, nothing unknown, one spelling.
    ///
    /// # Errors
    /// See [`SheetError`].
    pub fn read(payload: &serde_json::Value) -> Result<Self, SheetError> {
        let format = payload.get("format").and_then(serde_json::Value::as_str).unwrap_or_default();
        if format != FORMAT {
            return Err(SheetError::Format(format.to_owned()));
        }
        let sheet: SheetPayload =
            serde_json::from_value(payload.clone()).map_err(|error| SheetError::Members(error.to_string()))?;
        if sheet.canonical()? == canonical::to_string(payload)? { Ok(sheet) } else { Err(SheetError::Spelling) }
    }

    /// The canonical bytes that are signed.
    ///
    /// # Errors
    /// A count beyond [`canonical::MAX_INTEGER`].
    pub fn canonical(&self) -> Result<String, CanonicalError> {
        canonical::to_string(self)
    }

    /// SHA-256 of the canonical bytes: 摘要校验码.
    ///
    /// # Errors
    /// As [`SheetPayload::canonical`].
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::sha256(self.canonical()?.as_bytes()))
    }

    /// The name under which the sheet is published.
    ///
    /// # Errors
    /// As [`SheetPayload::canonical`].
    pub fn id(&self) -> Result<SheetId, CanonicalError> {
        Ok(SheetId::of(&self.digest()?))
    }

    /// The paper that was used: recounting needs it.
    #[must_use]
    pub fn paper(&self) -> Paper {
        Paper { items: self.items.iter().map(SheetItem::item).collect(), comment: self.counts.comments.is_some() }
    }

    /// The tally that the sheet states.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let items = self.items.iter().map(SheetItem::tally).collect();
        Tally { valid: self.counts.valid, invalid: self.counts.invalid, items }
    }

    /// The item with this id.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&SheetItem> {
        self.items.iter().find(|item| item.id.as_str() == id)
    }

    /// What a tier is called: by the assessment, else by the field's own word, else by its id.
    #[must_use]
    pub fn tier_title<'s>(&'s self, id: &'s str) -> &'s str {
        let named = self.assessment.tiers.iter().find(|tier| tier.id == id);
        named.map_or_else(|| common_tier(id).unwrap_or(id), |tier| &tier.title)
    }

    /// The figures that the assessment rests on.
    #[must_use]
    pub fn count(&self) -> Count {
        Count {
            rule_set: self.round.rule_set.id.clone(),
            category: self.union.category,
            year: self.round.year,
            member_total: self.counts.member_total,
            expected: self.counts.expected,
            present: self.counts.present,
            issued: self.counts.issued,
            returned: self.counts.returned,
            invalid: self.counts.invalid,
            items: self.items.iter().map(|item| (item.id.0.clone(), item.answers.clone())).collect(),
            indicators: self.declared_indicators.clone(),
            applying_for: self.round.applying_for.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sample::Sample;
    use super::*;
    use crate::domain::jws::Statement;
    use crate::domain::jws::tests::keys;
    use serde_json::{Value, json};

    #[test]
    fn the_outward_form_is_frozen() {
        let [ed25519, sm2] = keys();
        let sheet = Sample::new().sheet(&[&ed25519, &sm2]);
        crate::domain::tests::golden("sheet-payload.json", &sheet.canonical().unwrap());
        crate::domain::tests::golden("sheet.json", &Statement::sign(&sheet, &[&ed25519, &sm2]).unwrap());
        let public = [&ed25519, &sm2].map(|key| key.public().clone()).to_vec();
        crate::domain::tests::golden("jwks.json", &crate::domain::jwk::KeySet::of(public).to_json());
        let read = SheetPayload::read(&canonical::parse(sheet.canonical().unwrap().as_bytes()).unwrap());
        assert_eq!(read.as_ref(), Ok(&sheet));
    }

    #[test]
    fn reading_is_strict() {
        let [ed25519, _] = keys();
        let sheet = serde_json::to_value(Sample::new().sheet(&[&ed25519])).unwrap();
        let read = |change: &dyn Fn(&mut Value)| {
            let mut changed = sheet.clone();
            change(&mut changed);
            SheetPayload::read(&changed)
        };
        assert!(read(&|_| ()).is_ok());
        assert!(matches!(read(&|sheet| sheet["format"] = json!("pingjia-sheet/2")), Err(SheetError::Format(_))));
        let refused: [&dyn Fn(&mut Value); 9] = [
            &|sheet| sheet["note"] = json!("x"),
            &|sheet| sheet["counts"]["note"] = json!(1),
            &|sheet| sheet["assessment"]["note"] = json!(1),
            &|sheet| sheet["assessment"]["metrics"][0]["note"] = json!(1),
            &|sheet| sheet["counts"]["valid"] = json!(-1),
            &|sheet| sheet["counts"]["valid"] = json!(23.0),
            &|sheet| sheet["certified_on"] = json!("2026-9-10"),
            &|sheet| drop(sheet["counts"].as_object_mut().unwrap().remove("comments")),
            &|sheet| sheet["assessment"]["metrics"][0]["threshold"] = json!([90, 0]),
        ];
        for (place, change) in refused.iter().enumerate() {
            assert!(read(change).is_err(), "change {place}");
        }
    }

    #[test]
    fn the_common_words_for_tiers_are_those_of_the_rule_sets() {
        let registry = crate::domain::rules::RuleRegistry::embedded().unwrap();
        let tiers: Vec<_> = registry.list().flat_map(|set| &set.tiers).collect();
        assert!(tiers.len() >= 6);
        for tier in tiers {
            assert_eq!(common_tier(&tier.id), Some(tier.title.as_str()));
        }
    }

    #[test]
    fn built_only_from_a_counted_round_and_only_if_it_adds_up() {
        use crate::domain::poll::Phase;
        let [ed25519, _] = keys();
        let sample = Sample::new();
        let mut open = sample.poll.clone();
        open.phase = Phase::Open { opening: open.phase.opening().unwrap().clone(), custody: None };
        let with = sample.certification(&[&ed25519]);
        let refused = SheetPayload::build(Certification { poll: &open, ..with.clone() });
        assert_eq!(refused, Err(BuildError::Phase));

        let mut stuffed = sample.poll.clone();
        if let Phase::Closed { custody, .. } = &mut stuffed.phase {
            custody.handed_out = 20;
        }
        let refused = SheetPayload::build(Certification { poll: &stuffed, ..with.clone() });
        assert!(matches!(refused, Err(BuildError::Inconsistent(_))), "{refused:?}");

        let replaces = Some(Digest::sha256(b"another sheet"));
        let refused = SheetPayload::build(Certification { replaces, ..with });
        assert_eq!(refused, Err(BuildError::Phase), "nothing was returned");
    }

    #[test]
    fn a_correction_names_the_returned_sheet() {
        use crate::domain::poll::Opinion;
        let [ed25519, _] = keys();
        let mut sample = Sample::new();
        let first = sample.sheet(&[&ed25519]).digest().unwrap();
        let opinion = Opinion {
            accepted: false,
            text: "责任人有误".to_owned(),
            by: crate::domain::ids::AccountId(5),
            given_on: time::macros::date!(2026 - 09 - 12),
        };
        let certified = sample
            .poll
            .phase
            .clone()
            .certify(SheetId::of(&first), &[crate::domain::account::Role::Scrutineer])
            .unwrap();
        sample.poll.phase = certified.report(opinion).unwrap();
        let with = sample.certification(&[&ed25519]);
        let other = Some(Digest::sha256(b"x"));
        assert_eq!(SheetPayload::build(Certification { replaces: other, ..with.clone() }), Err(BuildError::Phase));
        let corrected = SheetPayload::build(Certification { replaces: Some(first), ..with }).unwrap();
        assert_eq!(corrected.replaces, Some(first));
    }
}
