//! Making a sheet from a counted round.

use time::Date;

use super::{
    ABSTAIN, Counts, FORMAT, Finding, FollowUp, Issuer, Officers, Proof, Publication, RoundFacts, SheetItem,
    SheetPayload, UnionFacts, check, electorate,
};
use crate::domain::count::Count;
use crate::domain::digest::Digest;
use crate::domain::ids::SheetId;
use crate::domain::paper::Item;
use crate::domain::poll::{Assembly, Custody, Opened, Phase, Poll, RuleSetRef};
use crate::domain::rules::{RuleRegistry, RuleSet};
use crate::domain::union::{Category, Union};
use crate::domain::verdict::{Assessment, CountError, assess_by, warnings_in_full};

/// What a sheet is made of, beside the round itself.
#[derive(Debug, Clone)]
pub struct Certification<'a> {
    pub poll: &'a Poll,
    pub union: &'a Union,
    /// Name of the union above.
    pub superior: Option<&'a str>,
    /// What the rules say of the count; see [`judge`].
    pub judgement: Judgement,
    pub follow_up: FollowUp,
    pub publication: Publication,
    pub issuer: Issuer,
    /// The signed opening statement as stored.
    pub opening_statement: String,
    pub certified_on: Date,
    /// Digest of the returned sheet that this one corrects.
    pub replaces: Option<Digest>,
}

/// What the rules say of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub assessment: Assessment,
    /// The rule sets whose rules apply as well, nearest first.
    pub parents: Vec<RuleSetRef>,
    pub rule_set_title: String,
    /// 评议主体: who was entitled to vote, in words.
    pub electorate: String,
}

/// Why the rules say nothing of a round.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JudgeError {
    #[error("本程序没有规则集 {} {}（摘要 {}）", .0.id, .0.version, .0.digest)]
    UnknownRuleSet(RuleSetRef),
    #[error(transparent)]
    Count(#[from] CountError),
}

/// Assesses a count by the very version of the rule set that the round was set up with, and by the very versions
/// of those that it inherits from, and says who was entitled. A parent that `parents` does not name is taken in its
/// newest version.
///
/// # Errors
/// See [`JudgeError`].
pub fn judge(
    registry: &RuleRegistry,
    rule_set: &RuleSetRef,
    parents: &[RuleSetRef],
    assembly: Assembly,
    count: &Count,
) -> Result<Judgement, JudgeError> {
    judge_with(registry, rule_set, parents, count, |lineage, mut judgement| {
        let entitled = electorate::entitled(assembly, count, lineage);
        let mut warnings = warnings_in_full(&judgement.assessment.warnings, count, lineage);
        warnings.extend(electorate::warnings(entitled, lineage));
        judgement.assessment.warnings = warnings;
        Judgement { electorate: entitled.voters().to_owned(), ..judgement }
    })
}

/// As [`judge`], as it was stated on the first sheets: whom the rules name instead of who was entitled, and warnings
/// without figures.
///
/// # Errors
/// See [`JudgeError`].
pub fn judge_as_at_first(
    registry: &RuleRegistry,
    rule_set: &RuleSetRef,
    parents: &[RuleSetRef],
    count: &Count,
) -> Result<Judgement, JudgeError> {
    judge_with(registry, rule_set, parents, count, |_, judgement| judgement)
}

fn judge_with(
    registry: &RuleRegistry,
    rule_set: &RuleSetRef,
    parents: &[RuleSetRef],
    count: &Count,
    finish: impl FnOnce(&[(&RuleSet, Category)], Judgement) -> Judgement,
) -> Result<Judgement, JudgeError> {
    let registry = &registry.pinned(parents).map_err(JudgeError::UnknownRuleSet)?;
    let set = registry.at(rule_set).ok_or_else(|| JudgeError::UnknownRuleSet(rule_set.clone()))?;
    let lineage = registry.lineage_of(set, count.category).map_err(CountError::from)?;
    let judgement = Judgement {
        assessment: assess_by(registry, set, count)?,
        parents: references(&lineage),
        rule_set_title: set.title.clone(),
        electorate: electorate::named(&lineage),
    };
    Ok(finish(&lineage, judgement))
}

/// The rule sets that a round inherits from as they are now: fixed in its opening statement. A round that could never
/// be judged has none, and must not be opened: its paper lacks what the rules ask for, or it applies for an unknown tier.
///
/// # Errors
/// See [`JudgeError`].
pub fn parents_now(registry: &RuleRegistry, poll: &Poll) -> Result<Vec<RuleSetRef>, JudgeError> {
    Ok(judge(registry, &poll.rule_set, &[], poll.facts.assembly, &Count::empty(poll))?.parents)
}

fn references(lineage: &[(&RuleSet, Category)]) -> Vec<RuleSetRef> {
    lineage.iter().skip(1).map(|(set, _)| set.reference()).collect()
}

/// Why no sheet can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The round is not counted, or a correction does not name the sheet that was returned.
    #[error("本轮评议当前的阶段不能出具结果报告单")]
    Phase,
    /// Tally, openings and paper do not name the same items.
    #[error("计票结果与选票的项目不一致")]
    Items,
    /// The figures contradict each other; certifying them would certify an error.
    #[error("票数前后矛盾：{}", .0.iter().map(|finding| finding.text.as_str()).collect::<Vec<_>>().join("；"))]
    Inconsistent(Vec<Finding>),
}

impl SheetPayload {
    /// The sheet of a closed round, or the correction of a returned one.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn build(with: Certification<'_>) -> Result<Self, BuildError> {
        let Certification { poll, union, .. } = with;
        let may = match (&poll.phase, &with.replaces) {
            (Phase::Closed { .. }, None) => true,
            (Phase::Reported { sheet, opinion, .. }, Some(replaced)) => {
                !opinion.accepted && *sheet == SheetId::of(replaced)
            }
            _ => false,
        };
        let facts = (poll.phase.opening(), poll.phase.custody(), poll.phase.opened());
        let (true, (Some(opening), Some(custody), Some(opened))) = (may, facts) else {
            return Err(BuildError::Phase);
        };
        let items = poll.paper.items.iter().map(|item| sheet_item(item, opened)).collect::<Option<Vec<_>>>();
        let sheet = SheetPayload {
            format: FORMAT.to_owned(),
            issuer: with.issuer,
            union: UnionFacts {
                id: union.id,
                name: union.name.clone(),
                credit_code: union.credit_code.clone(),
                category: poll.category,
                superior: with.superior.map(str::to_owned),
            },
            round: RoundFacts {
                poll: poll.id,
                tag: poll.tag.to_string(),
                title: poll.facts.title.clone(),
                year: poll.year,
                rule_set: poll.rule_set.clone(),
                rule_set_title: with.judgement.rule_set_title,
                parents: with.judgement.parents,
                assembly: poll.facts.assembly,
                electorate: with.judgement.electorate,
                place: poll.facts.place.clone(),
                begins: poll.facts.begins,
                ends: poll.facts.ends,
                opened_on: opening.opened_on,
                closed_on: opened.closed_on,
                applying_for: poll.facts.applying_for.clone(),
            },
            counts: counts(poll, custody, opened),
            items: items.ok_or(BuildError::Items)?,
            assessment: with.judgement.assessment,
            declared_indicators: poll.facts.indicators.clone(),
            follow_up: with.follow_up,
            publication: with.publication,
            officers: Officers {
                chief_scrutineer: poll.facts.chief_scrutineer.clone(),
                scrutineers: poll.facts.scrutineers.clone(),
                tellers: poll.facts.tellers.clone(),
                chair: poll.facts.chair.clone(),
            },
            proof: Proof {
                roll_root: opening.roll_root,
                receipts_root: opened.receipts_root,
                opening_statement: with.opening_statement,
            },
            certified_on: with.certified_on,
            replaces: with.replaces,
        };
        let wrong: Vec<Finding> = check(&sheet).into_iter().filter(|finding| !finding.holds).collect();
        if wrong.is_empty() { Ok(sheet) } else { Err(BuildError::Inconsistent(wrong)) }
    }
}

fn counts(poll: &Poll, custody: &Custody, opened: &Opened) -> Counts {
    let slips = poll.phase.opening().map_or(crate::domain::poll::SlipIssue { roll: 0, spares: 0 }, |o| o.slips);
    Counts {
        member_total: poll.facts.member_total.into(),
        expected: poll.facts.expected.into(),
        present: custody.present.into(),
        roll: slips.roll.into(),
        spares: slips.spares.into(),
        issued: custody.handed_out.into(),
        spoiled: custody.spoiled.into(),
        unused: custody.unused.into(),
        voided: opened.voided,
        returned: opened.tally.returned(),
        phone: opened.phone,
        paper: opened.paper,
        valid: opened.tally.valid,
        invalid: opened.tally.invalid,
        custody_reconciles: custody.accounts_for(slips),
        comments: poll.paper.comment.then_some(opened.comments),
    }
}

fn sheet_item(item: &Item, opened: &Opened) -> Option<SheetItem> {
    let tally = opened.tally.item(item.id.as_str())?;
    let (_, openings) = opened.openings.iter().find(|(id, _)| *id == item.id)?;
    let answers = tally.answers.iter().map(|(answer, count)| (answer.code().to_owned(), *count));
    Some(SheetItem {
        id: item.id.clone(),
        section: item.section,
        scale: item.scale,
        title: item.title.clone(),
        answers: answers.chain([(ABSTAIN.to_owned(), tally.abstain)]).collect(),
        openings: *openings,
    })
}
