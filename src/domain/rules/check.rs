//! What a rule set must hold beyond its form: its ids, its references to items, tiers and indicators, and that each
//! rule can be judged by. What earlier versions of the program let pass is a doubt, not a fault: rounds rest on such files.

use std::cmp::Ordering;

use time::{Date, Month};

use super::model::{Indicator, MetricRule, Rule, RuleSet};
use super::papers;
use super::reader::{Place, Reader, unknown};
use crate::domain::union::Category;
use crate::domain::verdict::{Comparator, Fraction};

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

/// The items that a metric rests on: each one once, and asked of all `categories` that are judged by it.
pub(super) fn items(reader: &mut Reader<'_, '_>, set: &RuleSet, categories: &[Category]) -> Option<Vec<String>> {
    let span = reader.span_of("items");
    let items = reader.texts("items");
    if items.is_empty() {
        reader.fault_at(&span, "items", "至少要有一个项目");
        return None;
    }
    for (place, item) in items.iter().enumerate() {
        if items.iter().take(place).any(|before| before.get_ref() == item.get_ref()) {
            reader.doubt_at(&item.span(), "items", format!("“{}”重复", item.get_ref()));
        }
        let Some(rule) = set.item(item.get_ref()) else {
            let known = set.items.iter().map(|rule| rule.item.id.as_str());
            reader.fault_at(&item.span(), "items", unknown(item.get_ref(), known));
            continue;
        };
        if let Some(category) = categories.iter().find(|category| !rule.is_asked_of(**category)) {
            let message = format!("“{}”没有问“{}”，不能用来评定这一类工会", item.get_ref(), category.code());
            reader.doubt_at(&item.span(), "items", message);
        }
    }
    let mut scales = items.iter().filter_map(|item| set.item(item.get_ref())).map(|rule| rule.item.scale);
    let first = scales.next();
    if scales.any(|scale| Some(scale) != first) {
        reader.fault_at(&span, "items", "一条规则里的项目须用同一种档次");
    }
    Some(items.into_iter().map(toml::Spanned::into_inner).collect())
}

/// A part of a whole that something can fall short of.
pub(super) fn above_zero(reader: &mut Reader<'_, '_>, field: &'static str) -> Option<Fraction> {
    let place = reader.place(field);
    let fraction = reader.fraction(field, true)?;
    if fraction.num() == 0 {
        reader.doubt_in(&place, "应大于0，否则怎样都算达到");
    }
    Some(fraction)
}

/// A floor (`<`) has a consequence, and is no condition of a tier; a threshold (`>=`) has no consequence. `places` are
/// those of comparator, tier and trigger.
pub(super) fn floor(
    reader: &Reader<'_, '_>,
    comparator: Comparator,
    in_a_tier: bool,
    has_trigger: bool,
    [sign, tier, trigger]: &[Place; 3],
) {
    match comparator {
        Comparator::AtLeast if has_trigger => reader.doubt_in(trigger, "只能用于 comparator = \"<\" 的规则"),
        Comparator::Below if !has_trigger => reader.doubt_in(sign, "“<”的规则须写明后果，缺少字段 trigger"),
        _ => {}
    }
    if comparator == Comparator::Below && in_a_tier {
        reader.doubt_in(tier, "comparator = \"<\" 的规则不能作为等级的条件");
    }
}

/// A higher tier presupposes those below it, so of the same rate it asks no less.
pub(super) fn ascending(file: &Reader<'_, '_>, set: &RuleSet, metrics: &[(MetricRule, Place)]) {
    let rank = |metric: &MetricRule| set.tiers.iter().position(|tier| Some(&tier.id) == metric.tier.as_ref());
    let same_rate = |one: &MetricRule, other: &MetricRule| {
        (&one.items, one.joint, one.positive, one.denominator)
            == (&other.items, other.joint, other.positive, other.denominator)
    };
    let meet = |one: &Rule, other: &Rule| {
        one.categories.is_empty() || other.categories.is_empty() || one.categories.iter().any(|c| other.applies_to(*c))
    };
    for (metric, place) in metrics {
        let below = metrics.iter().map(|(other, _)| other).find(|other| {
            rank(other).is_some()
                && rank(other) < rank(metric)
                && same_rate(other, metric)
                && meet(&other.rule, &metric.rule)
                && metric.threshold.compare(other.threshold.num(), other.threshold.den()) == Some(Ordering::Greater)
        });
        if let Some(below) = below {
            file.doubt_in(
                place,
                format!("低于下一级的 {}；等级逐级累加，高一级不能更低", below.threshold.percentage()),
            );
        }
    }
}

/// The date of a document as far as it is known: a year, a month or a day.
pub(super) fn date(reader: &mut Reader<'_, '_>) -> Option<String> {
    let place = reader.place("date");
    let date = reader.optional_text("date")?;
    let mut parts = date.split('-');
    let number = |part: Option<&str>, digits: usize, or: u16| match part {
        None => Some(or),
        Some(part) if part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse().ok(),
        Some(_) => None,
    };
    let (year, month, day) = (number(parts.next(), 4, 0), number(parts.next(), 2, 1), number(parts.next(), 2, 1));
    let is_date = year.zip(month).zip(day).is_some_and(|((year, month), day)| {
        let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok());
        let day = u8::try_from(day).unwrap_or(0);
        month.is_some_and(|month| Date::from_calendar_date(year.into(), month, day).is_ok())
    });
    if !is_date || parts.next().is_some() {
        reader.doubt_in(&place, "应为年、年月或者年月日，例如 2018、2018-06、2018-06-14");
    }
    Some(date)
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
