//! A count: the figures of one round that an assessment rests on, in the form of `pingjia assess`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    pub items: BTreeMap<String, BTreeMap<String, u64>>,
    /// Declared indicators as exact fractions: `[numerator, denominator]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub indicators: BTreeMap<String, [u64; 2]>,
    /// Tier applied for, where the rule set has tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applying_for: Option<String>,
}
