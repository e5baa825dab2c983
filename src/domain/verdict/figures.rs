//! Whether a count is sound, and the figures of its items.

use std::collections::BTreeMap;

use crate::domain::count::Count;
use crate::domain::paper::{Answer, Scale};
use crate::domain::rules::{Denominator, Positive, RuleSet, UnknownRule};
use crate::domain::union::Category;

/// Why a count cannot be assessed at all: it contradicts itself or its rule set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CountError {
    #[error(transparent)]
    UnknownRule(#[from] UnknownRule),
    #[error("items.{item}：规则集 {rule_set} 没有这个项目；可用的有：{known}")]
    UnknownItem { item: String, rule_set: String, known: String },
    #[error("items.{item}.{answer}：这个项目没有这种答案；可用的有：{known}")]
    UnknownAnswer { item: String, answer: String, known: String },
    #[error("items.{item}：规则 {rule} 需要这个项目的票数，但是没有给出")]
    MissingItem { item: String, rule: String },
    #[error(
        "items.{item}：各档票数与弃权（abstain）之和是 {sum}，应等于有效票 {valid}（收回票 {returned} 减无效票 {invalid}）"
    )]
    Sum { item: String, sum: u64, valid: u64, returned: u64, invalid: u64 },
    #[error("{place}：无效票 {invalid} 多于收回票 {returned}")]
    InvalidExceedsReturned { place: String, invalid: u64, returned: u64 },
    #[error("{place}：数字太大，无法相加")]
    TooLarge { place: String },
    #[error("items.{item}：按发出票计算时，需要给出这个项目自己的发出票（issued）")]
    OwnIssuedMissing { item: String },
    #[error("applying_for：没有“{tier}”这个等级；可用的有：{known}")]
    UnknownTier { tier: String, known: String },
    #[error("indicators.{indicator}：分母不能为0")]
    IndicatorBase { indicator: String },
}

impl CountError {
    /// Stable code for interfaces.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            CountError::UnknownRule(unknown) => unknown.code(),
            CountError::UnknownItem { .. } => "unknown_item",
            CountError::UnknownAnswer { .. } => "unknown_answer",
            CountError::MissingItem { .. } => "missing_item",
            CountError::Sum { .. } => "sum_differs",
            CountError::InvalidExceedsReturned { .. } => "invalid_exceeds_returned",
            CountError::TooLarge { .. } => "too_large",
            CountError::OwnIssuedMissing { .. } => "own_issued_missing",
            CountError::UnknownTier { .. } => "unknown_tier",
            CountError::IndicatorBase { .. } => "indicator_base",
        }
    }
}

/// The figures of one item, with the ballots that they were counted from.
#[derive(Debug)]
pub(super) struct ItemFigures<'c> {
    answers: &'c BTreeMap<String, u64>,
    pub(super) scale: Scale,
    /// None where the item has ballots of its own and their number handed out is not given.
    issued: Option<u64>,
    returned: u64,
    valid: u64,
}

/// The names under which an item with ballots of its own states their numbers.
const OWN: [&str; 3] = ["issued", "returned", "invalid"];

impl ItemFigures<'_> {
    /// How many gave this answer.
    pub(super) fn given(&self, answer: Answer) -> u64 {
        self.answers.get(answer.code()).copied().unwrap_or(0)
    }

    fn abstain(&self) -> u64 {
        self.answers.get("abstain").copied().unwrap_or(0)
    }

    /// How many answers count as positive; never more than the valid ballots.
    pub(super) fn positive(&self, positive: Positive) -> u64 {
        match (self.scale, positive) {
            (Scale::Satisfaction, Positive::SatisfiedAndBasically) => {
                self.given(Answer::Satisfied).saturating_add(self.given(Answer::BasicallySatisfied))
            }
            (Scale::Satisfaction, Positive::SatisfiedOnly) => self.given(Answer::Satisfied),
            (Scale::Awareness, _) => self.given(Answer::Know),
            (Scale::Pledge, _) => self.given(Answer::Kept),
        }
    }

    /// The base of a rate; `None` where it is not known.
    pub(super) fn base(&self, denominator: Denominator) -> Option<u64> {
        match denominator {
            Denominator::Valid => Some(self.valid),
            Denominator::Returned => Some(self.returned),
            Denominator::Issued => self.issued,
            Denominator::Answering => Some(self.valid.saturating_sub(self.abstain())),
        }
    }

    /// Whether more ballots came back than were handed out.
    pub(super) fn overfull(&self) -> bool {
        self.issued.is_some_and(|issued| self.returned > issued)
    }
}

/// The figures of every item of a count, each checked on its own.
///
/// # Errors
/// See [`CountError`].
pub(super) fn figures<'c>(
    count: &'c Count,
    lineage: &[(&RuleSet, Category)],
) -> Result<BTreeMap<&'c str, ItemFigures<'c>>, CountError> {
    if count.invalid > count.returned {
        let place = "invalid".to_owned();
        return Err(CountError::InvalidExceedsReturned { place, invalid: count.invalid, returned: count.returned });
    }
    let mut figures = BTreeMap::new();
    for (item, answers) in &count.items {
        figures.insert(item.as_str(), item_figures(count, lineage, item, answers)?);
    }
    Ok(figures)
}

fn item_figures<'c>(
    count: &Count,
    lineage: &[(&RuleSet, Category)],
    item: &str,
    answers: &'c BTreeMap<String, u64>,
) -> Result<ItemFigures<'c>, CountError> {
    let Some(scale) = lineage.iter().find_map(|(set, _)| set.scale(item)) else {
        let known = lineage.iter().flat_map(|(set, _)| &set.items).map(|rule| rule.item.id.as_str());
        return Err(CountError::UnknownItem {
            item: item.to_owned(),
            rule_set: count.rule_set.clone(),
            known: join(known),
        });
    };
    let may_own = lineage.iter().filter_map(|(set, _)| set.item(item)).any(|rule| rule.own_ballots);
    let own = |name: &str| if may_own { answers.get(name).copied() } else { None };
    let (issued, returned, invalid) = match own("returned") {
        Some(returned) => (own("issued"), returned, own("invalid").unwrap_or(0)),
        None => (Some(own("issued").unwrap_or(count.issued)), count.returned, own("invalid").unwrap_or(count.invalid)),
    };
    let Some(valid) = returned.checked_sub(invalid) else {
        let place = format!("items.{item}.invalid");
        return Err(CountError::InvalidExceedsReturned { place, invalid, returned });
    };
    let mut sum: u64 = 0;
    for (answer, given) in answers {
        if may_own && OWN.contains(&answer.as_str()) {
            continue;
        }
        let offered = Answer::from_code(answer).is_some_and(|answer| scale.answers().contains(&answer));
        if !offered && answer != "abstain" {
            let known = scale.answers().iter().map(|answer| answer.code()).chain(["abstain"]);
            return Err(CountError::UnknownAnswer {
                item: item.to_owned(),
                answer: answer.clone(),
                known: join(known.chain(OWN.into_iter().filter(|_| may_own))),
            });
        }
        sum = sum.checked_add(*given).ok_or_else(|| CountError::TooLarge { place: format!("items.{item}") })?;
    }
    if sum != valid {
        return Err(CountError::Sum { item: item.to_owned(), sum, valid, returned, invalid });
    }
    Ok(ItemFigures { answers, scale, issued, returned, valid })
}

/// Names in a row, each once.
pub(super) fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut list: Vec<&str> = Vec::new();
    for name in names {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list.join("、")
}
