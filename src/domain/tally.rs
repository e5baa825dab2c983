//! Tallies: how many said what. Addition only; nothing here knows a single ballot.

use serde::{Deserialize, Serialize};

use super::paper::{Answer, ItemId, Paper};

/// Count of every answer to one item, over valid ballots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemTally {
    pub item: ItemId,
    /// Answers of the item's scale in their printed order, each with its count.
    pub answers: Vec<(Answer, u64)>,
    /// 弃权: valid ballots that left the item blank.
    pub abstain: u64,
}

impl ItemTally {
    /// How many gave this answer.
    #[must_use]
    pub fn count(&self, answer: Answer) -> u64 {
        self.answers.iter().find(|(given, _)| *given == answer).map_or(0, |(_, count)| *count)
    }

    /// All valid ballots: every answer and the abstentions.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.answers.iter().map(|(_, count)| count).sum::<u64>() + self.abstain
    }
}

/// The tally of a set of ballots. Per item the answers and abstentions add up to `valid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// 有效票
    pub valid: u64,
    /// 无效票 (on paper only: a phone ballot is always valid)
    pub invalid: u64,
    pub items: Vec<ItemTally>,
}

impl Tally {
    /// The tally of no ballots at all.
    #[must_use]
    pub fn empty(paper: &Paper) -> Self {
        let items = paper
            .items
            .iter()
            .map(|item| ItemTally {
                item: item.id.clone(),
                answers: item.scale.answers().iter().map(|answer| (*answer, 0)).collect(),
                abstain: 0,
            })
            .collect();
        Tally { valid: 0, invalid: 0, items }
    }

    /// Counts one valid ballot, given as one answer per item in the order of the paper.
    pub fn add(&mut self, answers: &[Option<Answer>]) {
        self.valid += 1;
        for (item, answer) in self.items.iter_mut().zip(answers) {
            let slot = match answer {
                None => Some(&mut item.abstain),
                Some(answer) => item.answers.iter_mut().find(|(given, _)| given == answer).map(|(_, count)| count),
            };
            if let Some(count) = slot {
                *count += 1;
            }
        }
    }

    /// Counts one invalid paper ballot.
    pub fn add_invalid(&mut self) {
        self.invalid += 1;
    }

    /// All ballots in it, valid or not.
    #[must_use]
    pub fn returned(&self) -> u64 {
        self.valid + self.invalid
    }

    /// The tally of this item.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&ItemTally> {
        self.items.iter().find(|item| item.item.as_str() == id)
    }

    /// Whether every count here is at least the count in `earlier`: live states must nest.
    #[must_use]
    pub fn contains(&self, earlier: &Tally) -> bool {
        self.valid >= earlier.valid
            && self.invalid >= earlier.invalid
            && self.items.len() == earlier.items.len()
            && self.items.iter().zip(&earlier.items).all(|(now, then)| {
                now.abstain >= then.abstain
                    && now.answers.iter().zip(&then.answers).all(|((_, now), (_, then))| now >= then)
            })
    }
}
