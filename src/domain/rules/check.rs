//! Names inside a rule set: ids and the references to items, tiers and indicators.

use super::model::{Indicator, RuleSet};
use super::papers;
use super::reader::{Reader, unknown};

/// The id of the rule set: small letters, digits and hyphens.
pub(super) fn id(file: &mut Reader<'_, '_>) -> Option<String> {
    let span = file.span_of("id");
    let id = file.text("id")?;
    if !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        file.fault_at(&span, "id", "只能用小写字母、数字和连字符，例如 qingdao-2020");
    }
    Some(id)
}

/// The id of an item: a name of its own, not one that every paper may carry anyway.
pub(super) fn item_id(reader: &mut Reader<'_, '_>) -> Option<String> {
    let span = reader.span_of("id");
    let id = reader.text("id")?;
    if !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        reader.fault_at(&span, "id", "只能用小写字母、数字和下划线，例如 union_work");
    } else if papers::is_common_item(&id) || id == "comment" {
        reader.fault_at(&span, "id", format!("“{id}”是各规则集通用的项目，不能另作他用"));
    }
    reader.once("item", &id, &span, "id");
    Some(id)
}

/// An id of a tier or indicator, that no other one may have.
pub(super) fn own_id(reader: &mut Reader<'_, '_>, kind: &'static str) -> Option<String> {
    let span = reader.span_of("id");
    let id = reader.text("id")?;
    reader.once(kind, &id, &span, "id");
    Some(id)
}

/// The items that a metric rests on.
pub(super) fn items(reader: &mut Reader<'_, '_>, set: &RuleSet) -> Option<Vec<String>> {
    let span = reader.span_of("items");
    let items = reader.texts("items");
    if items.is_empty() {
        reader.fault_at(&span, "items", "至少要有一个项目");
        return None;
    }
    for item in &items {
        if set.item(item.get_ref()).is_none() {
            let known = set.items.iter().map(|rule| rule.item.id.as_str());
            reader.fault_at(&item.span(), "items", unknown(item.get_ref(), known));
        }
    }
    let mut scales = items.iter().filter_map(|item| set.item(item.get_ref())).map(|rule| rule.item.scale);
    let first = scales.next();
    if scales.any(|scale| Some(scale) != first) {
        reader.fault_at(&span, "items", "一条规则里的项目须用同一种档次");
    }
    Some(items.into_iter().map(toml::Spanned::into_inner).collect())
}

/// The item of a spot check.
pub(super) fn optional_item(reader: &mut Reader<'_, '_>, set: &RuleSet) -> Option<String> {
    let span = reader.span_of("item");
    let item = reader.optional_text("item")?;
    if set.item(&item).is_none() {
        reader.fault_at(&span, "item", unknown(&item, set.items.iter().map(|rule| rule.item.id.as_str())));
    }
    Some(item)
}

/// The tier that an entry belongs to.
pub(super) fn tier(reader: &mut Reader<'_, '_>, set: &RuleSet) -> Option<String> {
    let span = reader.span_of("tier");
    let tier = reader.optional_text("tier")?;
    if set.tier(&tier).is_none() {
        reader.fault_at(&span, "tier", unknown(&tier, set.tiers.iter().map(|tier| tier.id.as_str())));
    }
    Some(tier)
}

/// The indicator that a standard speaks of.
pub(super) fn indicator<'s>(reader: &mut Reader<'_, '_>, set: &'s RuleSet) -> Option<&'s Indicator> {
    let span = reader.span_of("indicator");
    let id = reader.text("indicator")?;
    let found = set.indicator(&id);
    if found.is_none() {
        let known = set.indicators.iter().map(|indicator| indicator.id.as_str());
        reader.fault_at(&span, "indicator", unknown(&id, known));
    }
    found
}

/// The indicators that a coverage target counts.
pub(super) fn indicators(reader: &mut Reader<'_, '_>, set: &RuleSet) -> Vec<String> {
    let span = reader.span_of("indicators");
    let list = reader.texts("indicators");
    if list.is_empty() {
        reader.fault_at(&span, "indicators", "至少要有一个指标");
    }
    for id in &list {
        if set.indicator(id.get_ref()).is_none() {
            let known = set.indicators.iter().map(|indicator| indicator.id.as_str());
            reader.fault_at(&id.span(), "indicators", unknown(id.get_ref(), known));
        }
    }
    list.into_iter().map(toml::Spanned::into_inner).collect()
}

/// Steps have to stand in descending order, so that the first one reached counts.
pub(super) fn descending(reader: &Reader<'_, '_>, field: &str, bounds: impl Iterator<Item = u64>) {
    let bounds: Vec<u64> = bounds.collect();
    if bounds.is_empty() {
        reader.fault(format!("缺少字段 {field}"));
    }
    if bounds.windows(2).any(|pair| matches!(pair, [upper, lower] if upper <= lower)) {
        reader.fault_at(&reader.span(), field, "from 应从大到小排列，不能重复");
    }
}
