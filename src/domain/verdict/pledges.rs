//! How far the year's service pledges (办实事承诺) were kept in the eyes of those asked. No threshold exists.

use serde::{Deserialize, Serialize};

use super::percent;
use crate::domain::count::Count;
use crate::domain::paper::{Answer, Scale};
use crate::domain::rules::common_scale;

/// The rates of one pledge over the valid ballots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PledgeRate {
    pub item: String,
    pub kept: u64,
    pub partly_kept: u64,
    pub not_kept: u64,
    /// All answers and abstentions to the item.
    pub base: u64,
    /// 已兑现 ÷ base, truncated; null at base 0.
    pub kept_display: Option<String>,
    /// 部分兑现 ÷ base, truncated; null at base 0.
    pub partly_kept_display: Option<String>,
}

/// The rates of every pledge in a count, in the order of their numbers. They never change a verdict.
#[must_use]
pub fn pledge_rates(count: &Count) -> Vec<PledgeRate> {
    let mut pledges: Vec<_> =
        count.items.iter().filter(|(item, _)| common_scale(item) == Some(Scale::Pledge)).collect();
    pledges.sort_by_key(|(item, _)| (item.len(), item.as_str()));
    let rates = pledges.into_iter().map(|(item, answers)| {
        let given = |answer: Answer| answers.get(answer.code()).copied().unwrap_or(0);
        let base = answers.values().fold(0, |sum: u64, given| sum.saturating_add(*given));
        let (kept, partly_kept) = (given(Answer::Kept), given(Answer::PartlyKept));
        PledgeRate {
            item: item.clone(),
            kept,
            partly_kept,
            not_kept: given(Answer::NotKept),
            base,
            kept_display: percent(kept, base),
            partly_kept_display: percent(partly_kept, base),
        }
    });
    rates.collect()
}
