//! The paper: what is asked, and which answers it offers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Name of an item in rule sets, counts and sheets: `home`, `union_work`, `pledge_3` …
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemId(pub String);

impl ItemId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ItemId {
    fn from(name: &str) -> Self {
        ItemId(name.to_owned())
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An answer to one item. Leaving an item blank is not an answer but 弃权 (abstain).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Answer {
    Satisfied = 1,
    BasicallySatisfied = 2,
    Dissatisfied = 3,
    /// 不了解; on the awareness scale 不知道.
    DontKnow = 4,
    Know = 5,
    Kept = 6,
    PartlyKept = 7,
    NotKept = 8,
}

impl Answer {
    const ALL: [Answer; 8] = [
        Answer::Satisfied,
        Answer::BasicallySatisfied,
        Answer::Dissatisfied,
        Answer::DontKnow,
        Answer::Know,
        Answer::Kept,
        Answer::PartlyKept,
        Answer::NotKept,
    ];

    /// The name in forms, counts, openings and sheets.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Answer::Satisfied => "satisfied",
            Answer::BasicallySatisfied => "basically_satisfied",
            Answer::Dissatisfied => "dissatisfied",
            Answer::DontKnow => "dont_know",
            Answer::Know => "know",
            Answer::Kept => "kept",
            Answer::PartlyKept => "partly_kept",
            Answer::NotKept => "not_kept",
        }
    }

    /// The answer with this name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Answer::ALL.into_iter().find(|answer| answer.code() == code)
    }

    /// The answer's byte in sealed ballots and opening blocks; abstain is 0.
    #[must_use]
    pub fn to_byte(answer: Option<Answer>) -> u8 {
        answer.map_or(0, |answer| answer as u8)
    }

    /// The answer that a byte stands for: `None` if the byte stands for nothing, `Some(None)` for abstain.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Option<Answer>> {
        match byte {
            0 => Some(None),
            _ => Answer::ALL.into_iter().find(|answer| *answer as u8 == byte).map(Some),
        }
    }
}

/// The set of answers that an item offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// 满意 / 基本满意 / 不满意 / 不了解
    Satisfaction,
    /// 知道 / 不知道
    Awareness,
    /// 已兑现 / 部分兑现 / 未兑现 / 不了解
    Pledge,
}

impl Scale {
    /// The answers in the order in which they are printed and counted.
    #[must_use]
    pub fn answers(self) -> &'static [Answer] {
        match self {
            Scale::Satisfaction => {
                &[Answer::Satisfied, Answer::BasicallySatisfied, Answer::Dissatisfied, Answer::DontKnow]
            }
            Scale::Awareness => &[Answer::Know, Answer::DontKnow],
            Scale::Pledge => &[Answer::Kept, Answer::PartlyKept, Answer::NotKept, Answer::DontKnow],
        }
    }

    /// The Chinese word for an answer on this scale.
    #[must_use]
    pub fn label(self, answer: Answer) -> &'static str {
        match (self, answer) {
            (_, Answer::Satisfied) => "满意",
            (_, Answer::BasicallySatisfied) => "基本满意",
            (_, Answer::Dissatisfied) => "不满意",
            (Scale::Awareness, Answer::DontKnow) => "不知道",
            (_, Answer::DontKnow) => "不了解",
            (_, Answer::Know) => "知道",
            (_, Answer::Kept) => "已兑现",
            (_, Answer::PartlyKept) => "部分兑现",
            (_, Answer::NotKept) => "未兑现",
        }
    }
}

/// Where an item stands on the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// 总体评价: what verdicts rest on.
    Overall,
    /// 分项评价: optional detail, never part of a verdict.
    Detailed,
    /// 政策知晓
    Awareness,
    /// 办实事承诺兑现
    Pledges,
}

impl Section {
    /// The heading above the items of this section.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Section::Overall => "总体评价",
            Section::Detailed => "分项评价",
            Section::Awareness => "政策知晓情况",
            Section::Pledges => "办实事承诺兑现情况",
        }
    }
}

/// One question of the paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub id: ItemId,
    pub section: Section,
    pub scale: Scale,
    /// The question as printed, in Chinese.
    pub title: String,
}

/// What every member of the round is asked, in order. Fixed when slips are issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    pub items: Vec<Item>,
    /// Whether one free comment is asked for, kept apart from the answers.
    pub comment: bool,
}

impl Paper {
    /// The item with this id.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id.as_str() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_codes_name_the_same_answers() {
        assert_eq!(Answer::from_byte(0), Some(None));
        assert_eq!(Answer::from_byte(99), None);
        for answer in Answer::ALL {
            assert_eq!(Answer::from_byte(Answer::to_byte(Some(answer))), Some(Some(answer)));
            assert_eq!(Answer::from_code(answer.code()), Some(answer));
        }
    }
}
