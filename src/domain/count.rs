//! A count: the figures of one round that an assessment rests on, in the form of `pingjia assess`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::poll::{Custody, Opened, Poll};
use super::tally::{ItemTally, Tally};
use super::union::Category;

/// The figures of a round (contract of `pingjia assess`; field names are kept stable).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Id of the rule set: `qingdao-2020` …
    pub rule_set: String,
    pub category: Category,
    pub year: u16,
    /// 会员总数
    pub member_total: u64,
    /// 应到
    pub expected: u64,
    /// 实到
    pub present: u64,
    /// 发出票
    pub issued: u64,
    /// 收回票
    pub returned: u64,
    /// 无效票
    #[serde(default)]
    pub invalid: u64,
    /// Per item: code of the answer (and `abstain`) → count. An item with an electorate of its own may also
    /// carry `returned` and `invalid`.
    #[serde(deserialize_with = "unique_items")]
    pub items: BTreeMap<String, BTreeMap<String, u64>>,
    /// Declared indicators as exact fractions: `[numerator, denominator]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
    pub indicators: BTreeMap<String, [u64; 2]>,
    /// Tier applied for, where the rule set has tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applying_for: Option<String>,
}

impl Count {
    /// The count of a round whose box was opened; `None` before that.
    #[must_use]
    pub fn of_round(poll: &Poll) -> Option<Count> {
        Some(Count::of(poll, poll.phase.custody()?, poll.phase.opened()?))
    }

    /// The count of a round from its facts, the custody of its slips and what came out of the box.
    #[must_use]
    pub fn of(poll: &Poll, custody: &Custody, opened: &Opened) -> Count {
        Count { present: custody.present.into(), issued: custody.handed_out.into(), ..Count::with(poll, &opened.tally) }
    }

    /// The count of a round in which nobody came and nobody voted.
    #[must_use]
    pub fn empty(poll: &Poll) -> Count {
        Count::with(poll, &Tally::empty(&poll.paper))
    }

    fn with(poll: &Poll, tally: &Tally) -> Count {
        Count {
            rule_set: poll.rule_set.id.clone(),
            category: poll.category,
            year: poll.year,
            member_total: poll.facts.member_total.into(),
            expected: poll.facts.expected.into(),
            present: 0,
            issued: 0,
            returned: tally.returned(),
            invalid: tally.invalid,
            items: tally.items.iter().map(|item| (item.item.0.clone(), answers(item))).collect(),
            indicators: poll.facts.indicators.clone(),
            applying_for: poll.facts.applying_for.clone(),
        }
    }
}

fn answers(item: &ItemTally) -> BTreeMap<String, u64> {
    let given = item.answers.iter().map(|(answer, count)| (answer.code().to_owned(), *count));
    given.chain([("abstain".to_owned(), item.abstain)]).collect()
}

/// A map in which no key comes twice: a figure written twice is a mistake, not a choice of the second.
struct Unique<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Unique<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Keys<V> {
            type Value = Unique<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut map = BTreeMap::new();
                while let Some((key, value)) = access.next_entry::<String, V>()? {
                    if map.contains_key(&key) {
                        return Err(A::Error::custom(format!("duplicate field `{key}`")));
                    }
                    map.insert(key, value);
                }
                Ok(Unique(map))
            }
        }
        deserializer.deserialize_map(Keys(PhantomData))
    }
}

fn unique<'de, D: Deserializer<'de>, V: Deserialize<'de>>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error> {
    Unique::deserialize(deserializer).map(|unique| unique.0)
}

fn unique_items<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, BTreeMap<String, u64>>, D::Error> {
    let items: Unique<Unique<u64>> = Unique::deserialize(deserializer)?;
    Ok(items.0.into_iter().map(|(item, answers)| (item, answers.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::paper::{Answer, Item, Paper, Scale, Section};

    #[test]
    fn items_come_from_the_tally() {
        let item = |id: &str, scale| Item { id: id.into(), section: Section::Overall, scale, title: id.into() };
        let items = vec![item("home", Scale::Satisfaction), item("awareness", Scale::Awareness)];
        let mut tally = Tally::empty(&Paper { items, comment: false });
        tally.add(&[Some(Answer::Satisfied), None]);
        tally.add(&[Some(Answer::Satisfied), Some(Answer::Know)]);
        let home = answers(&tally.items[0]);
        assert_eq!((home["satisfied"], home["abstain"], home.len()), (2, 0, 5));
        let awareness = answers(&tally.items[1]);
        assert_eq!((awareness["know"], awareness["dont_know"], awareness["abstain"]), (1, 0, 1));
    }

    #[test]
    fn a_count_is_read_strictly_and_written_back() {
        let text = r#"{"rule_set":"x","category":"enterprise","year":2026,"member_total":1,"expected":1,"present":1,"issued":1,"returned":1,"invalid":0,"items":{"home":{"satisfied":1}}}"#;
        let count: Count = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&count).unwrap(), text);
        let twice = text.replace("\"satisfied\":1", "\"satisfied\":1,\"satisfied\":1");
        assert!(serde_json::from_str::<Count>(&twice).is_err());
        let more = text.replace("\"year\"", "\"month\":1,\"year\"");
        assert!(serde_json::from_str::<Count>(&more).unwrap_err().to_string().contains("month"));
    }
}
