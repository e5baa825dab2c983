//! 评议主体: who was entitled to vote, by the form of the round, and which rules name somebody else.

use crate::domain::count::Count;
use crate::domain::poll::Assembly;
use crate::domain::rules::{Electorate, MetricRule, RuleSet};
use crate::domain::union::Category;
use crate::domain::verdict::other_electorate;

/// Who was entitled to vote. A members' meeting of more people than the union has members is one of those beside the
/// members whom its rules name.
pub(super) fn entitled(assembly: Assembly, count: &Count, lineage: &[(&RuleSet, Category)]) -> Electorate {
    let wider = || metrics(lineage).map(|metric| metric.electorate).find(|asked| !asked.is_of_members());
    match assembly {
        Assembly::Members if count.expected > count.member_total => wider().unwrap_or(Electorate::Members),
        Assembly::Members => Electorate::Members,
        Assembly::Delegates => Electorate::Delegates,
        Assembly::SpotCheck => Electorate::Sample,
    }
}

/// A warning for each rule that asks somebody else than those who were entitled.
pub(super) fn warnings(entitled: Electorate, lineage: &[(&RuleSet, Category)]) -> Vec<String> {
    let mut warnings = Vec::new();
    for metric in metrics(lineage).filter(|metric| !answers(entitled, metric.electorate)) {
        let warning = other_electorate(&metric.rule.id, metric.electorate, entitled);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    warnings
}

/// Every electorate that the rules name, in words: what sheets stated before they said who was entitled.
pub(super) fn named(lineage: &[(&RuleSet, Category)]) -> String {
    let mut labels: Vec<&str> = Vec::new();
    for label in metrics(lineage).map(|metric| metric.electorate.label()) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels.join("；")
}

fn metrics<'r>(lineage: &[(&'r RuleSet, Category)]) -> impl Iterator<Item = &'r MetricRule> {
    let of = |(set, category): &(&'r RuleSet, Category)| {
        let category = *category;
        set.metrics.iter().filter(move |metric| metric.rule.applies_to(category))
    };
    lineage.iter().flat_map(of).collect::<Vec<_>>().into_iter()
}

/// Whether a vote of these people is the one that a rule asks for.
fn answers(entitled: Electorate, asked: Electorate) -> bool {
    match asked {
        Electorate::MembersOrDelegates => matches!(entitled, Electorate::Members | Electorate::Delegates),
        // Who works there and has joined is both.
        Electorate::Employees => matches!(entitled, Electorate::Employees | Electorate::EmployeesAndMembers),
        _ => entitled == asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rules::{PaperOptions, RuleRegistry};
    use crate::domain::sheet::judge;
    use crate::domain::sheet::sample::Sample;
    use crate::domain::verdict::warning_text;

    /// Electorate and warnings of a round of this form, in words.
    fn stated(set: &str, category: Category, assembly: Assembly, expected: u64) -> (String, Vec<String>) {
        let registry = RuleRegistry::embedded().unwrap();
        let rule_set = registry.require(set).unwrap();
        let mut poll = Sample::new().poll;
        (poll.category, poll.rule_set) = (category, rule_set.reference());
        poll.paper = registry.paper_of(rule_set, category, &PaperOptions::default()).unwrap();
        let count = Count { member_total: 100, expected, present: expected, ..Count::empty(&poll) };
        let judged = judge(&registry, &poll.rule_set, &[], assembly, &count).unwrap();
        let warnings = judged.assessment.warnings.iter().filter(|code| code.starts_with("other_electorate"));
        (judged.electorate, warnings.map(|code| warning_text(code).into_owned()).collect())
    }

    #[test]
    fn the_sheet_says_who_was_entitled_and_which_rule_asks_somebody_else() {
        use Assembly::{Delegates, Members, SpotCheck};
        let none: Vec<String> = Vec::new();
        let enterprise = |assembly| stated("qingdao-2020", Category::Enterprise, assembly, 100);
        assert_eq!(enterprise(Members), ("全体会员".to_owned(), none.clone()));
        let (electorate, warnings) = enterprise(Delegates);
        assert_eq!(electorate, "会员代表");
        assert_eq!(
            warnings,
            ["QD-1.2 要求由全体会员评议，本次由会员代表评议。", "SD-5.7 要求由全体会员评议，本次由会员代表评议。"]
        );
        let (electorate, warnings) = stated("qingdao-2020", Category::TownshipUnion, Members, 100);
        assert_eq!(electorate, "全体会员");
        assert_eq!(
            warnings,
            ["QD-3.1 要求由随机抽取的会员评议，本次由全体会员评议。", "QD-3.2 要求由职工评议，本次由全体会员评议。"]
        );
        let (electorate, warnings) = stated("qingdao-2020", Category::TownshipUnion, SpotCheck, 40);
        assert_eq!((electorate.as_str(), warnings.len()), ("随机抽取的会员", 2), "not the rule on spot checks");
        let chaoyang = |assembly| stated("chaoyang-2013", Category::Enterprise, assembly, 100).1;
        assert_eq!((chaoyang(Members), chaoyang(Delegates)), (none.clone(), none.clone()), "its document allows both");
        assert_eq!(chaoyang(SpotCheck), ["CY-A1.1 要求由会员或者会员代表评议，本次由随机抽取的会员评议。"]);
        let organ = |expected| stated("hohhot-2020", Category::GovernmentOrgan, Members, expected);
        assert_eq!(organ(100).1, ["HH-7.1 要求由职工评议，本次由全体会员评议。"]);
        assert_eq!(organ(120), ("职工".to_owned(), none), "more than the members: the employees that the rule asks");
    }

    #[test]
    fn the_very_rules_are_named_once() {
        let registry = RuleRegistry::embedded().unwrap();
        let set = registry.require("hohhot-2020").unwrap();
        let lineage = registry.lineage_of(set, Category::JointUnion).unwrap();
        assert_eq!(named(&lineage), "会员；职工");
        assert_eq!(warnings(Electorate::Sample, &lineage).len(), 2);
    }
}
