//! Papers: from a rule set and a category to the questions that members are asked.

use super::model::{ItemRule, RuleSet};
use super::registry::{RuleRegistry, UnknownRule};
use crate::domain::paper::{Item, ItemId, Paper, Scale, Section};
use crate::domain::union::Category;

/// Six questions in detail that every rule set offers; they never decide anything.
const DETAILED: [(&str, &str); 6] = [
    ("organization", "您对工会组织建设与民主管理是否满意？"),
    ("guidance", "您对工会思想引领与职工素质提升工作是否满意？"),
    ("rights_protection", "您对工会维护职工权益工作是否满意？"),
    ("services", "您对工会服务与帮扶职工工作是否满意？"),
    ("activities", "您对工会文体活动与活动阵地是否满意？"),
    ("finances", "您对工会经费使用与公开是否满意？"),
];

const PLEDGE: &str = "pledge_";

/// What a chair may choose about a paper.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaperOptions {
    /// Whether the six questions in detail are asked.
    pub detailed: bool,
    /// 办实事承诺 of the year, one line each; each becomes a question.
    pub pledges: Vec<String>,
    /// Whether one free comment is asked for.
    pub comment: bool,
}

/// Whether an item may stand on the paper of any rule set: questions in detail and pledges.
#[must_use]
pub fn is_common_item(id: &str) -> bool {
    common_scale(id).is_some()
}

/// The scale of an item that may stand on any paper; `None` for all other items.
#[must_use]
fn common_scale(id: &str) -> Option<Scale> {
    if DETAILED.iter().any(|(detailed, _)| *detailed == id) {
        return Some(Scale::Satisfaction);
    }
    let number = id.strip_prefix(PLEDGE)?;
    let is_number = !number.is_empty() && !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(Scale::Pledge)
}

impl ItemRule {
    /// Whether unions of this category of its rule set are asked the item.
    #[must_use]
    pub fn is_asked_of(&self, category: Category) -> bool {
        self.categories.is_empty() || self.categories.contains(&category)
    }
}

impl RuleRegistry {
    /// The paper for a round: the items of the rule set (and of those it inherits from) for this category,
    /// then whatever the chair has chosen.
    ///
    /// # Errors
    /// When the rule set is unknown or has no rules for the category.
    pub fn paper(&self, rule_set: &str, category: Category, options: &PaperOptions) -> Result<Paper, UnknownRule> {
        self.paper_of(self.require(rule_set)?, category, options)
    }

    /// As [`RuleRegistry::paper`], for a rule set at hand.
    ///
    /// # Errors
    /// When it has no rules for the category.
    pub fn paper_of(&self, set: &RuleSet, category: Category, options: &PaperOptions) -> Result<Paper, UnknownRule> {
        let lineage = self.lineage_of(set, category)?;
        let mut items: Vec<Item> = Vec::new();
        for (set, category) in &lineage {
            for rule in set.items.iter().filter(|rule| rule.is_asked_of(*category)) {
                if !items.iter().any(|item| item.id == rule.item.id) {
                    items.push(rule.item.clone());
                }
            }
        }
        if options.detailed {
            items.extend(DETAILED.iter().map(|(id, title)| detailed(id, title)));
        }
        items.sort_by_key(|item| match item.section {
            Section::Overall => 0,
            Section::Detailed => 1,
            Section::Awareness => 2,
            Section::Pledges => 3,
        });
        let pledges = options.pledges.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        items.extend((1..).zip(pledges).map(|(number, text)| pledge(number, text)));
        Ok(Paper { items, comment: options.comment })
    }
}

impl RuleSet {
    /// The scale of an item of this rule set or of any paper.
    #[must_use]
    pub fn scale(&self, item: &str) -> Option<Scale> {
        self.item(item).map(|rule| rule.item.scale).or_else(|| common_scale(item))
    }
}

fn detailed(id: &str, title: &str) -> Item {
    Item { id: id.into(), section: Section::Detailed, scale: Scale::Satisfaction, title: title.to_owned() }
}

fn pledge(number: usize, text: &str) -> Item {
    Item {
        id: ItemId(format!("{PLEDGE}{number}")),
        section: Section::Pledges,
        scale: Scale::Pledge,
        title: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_items() {
        assert_eq!(common_scale("services"), Some(Scale::Satisfaction));
        assert_eq!(common_scale("pledge_12"), Some(Scale::Pledge));
        for unknown in ["pledge_", "pledge_0", "pledge_01", "pledge_x", "home"] {
            assert_eq!(common_scale(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_paper_holds_the_items_of_the_category_and_what_the_chair_chose() {
        let registry = RuleRegistry::embedded().unwrap();
        let options = PaperOptions {
            detailed: true,
            pledges: vec!["新建职工食堂".into(), " ".into(), "维修活动室".into()],
            comment: true,
        };
        let paper = registry.paper("qingdao-2020", Category::TownshipUnion, &options).unwrap();
        let ids: Vec<&str> = paper.items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids.len(), 10);
        assert_eq!(ids[..2], ["home", "spot_check"]);
        assert_eq!(ids[8..], ["pledge_1", "pledge_2"]);
        assert!(paper.comment);
        let plain = registry.paper("qingdao-2020", Category::Enterprise, &PaperOptions::default()).unwrap();
        assert_eq!(plain.items.len(), 1, "an inherited item is not asked twice");
        assert!(registry.paper("qingdao-2020", Category::CountyUnion, &options).is_err());
    }
}
