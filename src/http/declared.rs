//! What a union declares beside the ballot, as pages show it: every figure with what is asked of it, and what else the tier
//! asks for that it applies for. None of it changes a verdict.

use std::collections::BTreeMap;

use crate::domain::rules::{Bound, Indicator, RuleSet, Unit, Veto, Word as _};
use crate::domain::union::Category;
use crate::domain::verdict::{Assessment, DeclaredIndicator, Outcome};

/// 申报
pub(in crate::http) struct Declared {
    /// Title of the tier applied for; empty where none is.
    pub(in crate::http) tier: String,
    pub(in crate::http) rows: Vec<Row>,
    /// 还要审查: what the tier asks for besides figures and what bars an application, in the words of the rule set.
    pub(in crate::http) to_examine: Vec<String>,
}

/// One figure beside one standard.
pub(in crate::http) struct Row {
    /// 申报指标
    pub(in crate::http) title: String,
    /// 申报, and of a rate its parts.
    pub(in crate::http) declared: String,
    pub(in crate::http) parts: String,
    /// 要求, and title of the tier that asks for it.
    pub(in crate::http) asked: String,
    pub(in crate::http) asked_by: String,
    /// 达到: class of the tag and words.
    pub(in crate::http) outcome: (&'static str, &'static str),
}

impl Declared {
    /// The figures that were declared. Where a tier is applied for also those that are missing for it; what only a
    /// higher one asks is left out. `rules` are the rule sets that apply, as far as they are known here, each with its
    /// own name for the category.
    pub(in crate::http) fn of(
        assessment: &Assessment,
        figures: &BTreeMap<String, [u64; 2]>,
        applying_for: Option<&str>,
        rules: &[(&RuleSet, Category)],
    ) -> Self {
        let place = |tier: &str| assessment.tiers.iter().position(|known| known.id == tier);
        let belongs = |own: &&DeclaredIndicator| match (applying_for, &own.tier) {
            (None, _) => own.declared.is_some(),
            (Some(_), None) => true,
            (Some(tier), Some(asks)) => place(asks) <= place(tier),
        };
        let mut rows: Vec<Row> =
            assessment.indicators.iter().filter(belongs).map(|own| row(assessment, own, rules)).collect();
        let known = |id: &str| assessment.indicators.iter().any(|own| own.id == id);
        rows.extend(figures.iter().filter(|(id, _)| !known(id)).map(|(id, [part, whole])| Row {
            title: id.clone(),
            declared: format!("{part} ÷ {whole}"),
            parts: String::new(),
            asked: "规则集没有规定".to_owned(),
            asked_by: String::new(),
            outcome: ("", "不评定"),
        }));
        let Some(tier) = applying_for else { return Declared { tier: String::new(), rows, to_examine: Vec::new() } };
        let standing = assessment.tiers.iter().find(|known| known.id == tier);
        let title = rules.iter().find_map(|(set, _)| set.tier(tier)).map(|known| &known.title);
        Declared {
            tier: title.or(standing.map(|known| &known.title)).map_or(tier, String::as_str).to_owned(),
            rows,
            to_examine: standing
                .into_iter()
                .flat_map(|known| known.to_examine.clone())
                .chain(vetoes(rules, tier))
                .collect(),
        }
    }

    /// Whether there is nothing to show.
    pub(in crate::http) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.to_examine.is_empty()
    }
}

fn row(assessment: &Assessment, own: &DeclaredIndicator, rules: &[(&RuleSet, Category)]) -> Row {
    let indicator = rules.iter().find_map(|(set, _)| set.indicator(&own.id));
    let tier = own.tier.as_ref().and_then(|tier| assessment.tiers.iter().find(|known| known.id == *tier));
    let parts = own.declared.map(|figure| format!("{} ÷ {}", figure.num(), figure.den()));
    let (declared, parts) = match (&own.display, parts) {
        (_, None) => ("没有申报".to_owned(), String::new()),
        (Some(rate), Some(parts)) if rate.ends_with('%') => (rate.clone(), parts),
        (Some(number), Some(_)) => (number.clone(), String::new()),
        (None, Some(parts)) => (parts, String::new()),
    };
    Row {
        title: own.title.clone(),
        declared,
        parts,
        asked: asked(own, indicator),
        asked_by: tier.map(|tier| tier.title.clone()).unwrap_or_default(),
        outcome: match (own.outcome, own.declared, own.threshold) {
            (Outcome::Met, ..) => ("ok", "达到"),
            (Outcome::NotMet, ..) => ("warn", "没有达到"),
            (Outcome::CannotAssess, None, _) => ("", "没有申报"),
            (Outcome::CannotAssess, Some(_), _) => ("", "由上级工会审定"),
        },
    }
}

/// 不低于90%
fn asked(own: &DeclaredIndicator, indicator: Option<&Indicator>) -> String {
    let Some(threshold) = own.threshold else { return "由上级工会确定".to_owned() };
    let bound = Bound::ALL.iter().find(|bound| bound.code() == own.bound).map_or(&*own.bound, |bound| bound.label());
    let figure = match indicator {
        Some(number) if number.unit != Unit::Rate => number.display(threshold).unwrap_or_default(),
        None if threshold.num() > threshold.den() && threshold.den() == 1 => threshold.num().to_string(),
        _ => threshold.percentage(),
    };
    format!("{bound}{figure}")
}

/// What bars an application for this tier: 一票否决.
fn vetoes(rules: &[(&RuleSet, Category)], tier: &str) -> Vec<String> {
    let bars = |veto: &Veto| veto.tier.as_ref().is_none_or(|barred| barred == tier);
    let words = |veto: &Veto| format!("一票否决：{}所列情形：{}。", veto.rule.statement, veto.events.join("；"));
    let own = rules.iter().flat_map(|(set, category)| set.vetoes.iter().map(move |veto| (veto, *category)));
    own.filter(|(veto, category)| veto.rule.applies_to(*category) && bars(veto)).map(|(veto, _)| words(veto)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::count::Count;
    use crate::domain::rules::RuleRegistry;
    use crate::domain::verdict::assess;

    /// What is shown of a Changzhou round with these figures.
    fn declared(category: Category, figures: &[(&str, [u64; 2])], applying_for: Option<&str>) -> Declared {
        let registry = RuleRegistry::embedded().unwrap();
        let count = Count {
            rule_set: "changzhou-2016".to_owned(),
            category,
            year: 2026,
            member_total: 10,
            expected: 10,
            present: 10,
            issued: 10,
            returned: 10,
            invalid: 0,
            items: [("home_building".to_owned(), [("satisfied".to_owned(), 10)].into())].into(),
            indicators: figures.iter().map(|(id, figure)| ((*id).to_owned(), *figure)).collect(),
            applying_for: applying_for.map(str::to_owned),
        };
        let assessment = assess(&registry, &count).unwrap();
        let set = registry.get("changzhou-2016").unwrap();
        Declared::of(&assessment, &count.indicators, applying_for, &registry.lineage_of(set, category).unwrap())
    }

    /// Title, what was declared, what is asked, and what comes of it.
    fn lines(declared: &Declared) -> Vec<[String; 4]> {
        let both = |one: &str, other: &str| [one, other].join(" ").trim_end().to_owned();
        let cells = |row: &Row| {
            let (declared, asked) = (both(&row.declared, &row.parts), both(&row.asked, &row.asked_by));
            [row.title.clone(), declared, asked, row.outcome.1.to_owned()]
        };
        declared.rows.iter().map(cells).collect()
    }

    #[test]
    fn figures_stand_beside_what_the_tier_and_those_below_it_ask() {
        let figures = [("membership_rate", [46, 50]), ("card_rate", [1, 1]), ("shoe_size", [43, 1])];
        let model = declared(Category::Enterprise, &figures, Some("model"));
        assert_eq!(model.tier, "模范职工之家");
        assert_eq!(
            lines(&model),
            [
                ["职工工会卡办理及使用率", "100.00% 1 ÷ 1", "不低于80% 合格职工之家", "达到"],
                ["职工入会率", "92.00% 46 ÷ 50", "不低于90% 模范职工之家", "达到"],
                ["劳动合同签订率", "没有申报", "不低于100% 模范职工之家", "没有申报"],
                ["职工工会卡办理及使用率", "100.00% 1 ÷ 1", "不低于90% 模范职工之家", "达到"],
                ["shoe_size", "43 ÷ 1", "规则集没有规定", "不评定"],
            ]
        );
        assert!(model.to_examine.iter().any(|words| words.contains("每月至少开展一次职工活动")));
        let trusted = declared(Category::Enterprise, &figures, Some("trusted"));
        assert_eq!(
            *lines(&trusted).last().unwrap(),
            ["shoe_size", "43 ÷ 1", "规则集没有规定", "不评定"],
            "what no rule asks for comes last"
        );
        assert_eq!(lines(&trusted)[4], ["职工入会率", "92.00% 46 ÷ 50", "不低于95% 信赖职工之家", "没有达到"]);
    }

    #[test]
    fn a_veto_is_shown_where_it_bars() {
        let barred = |tier| {
            let shown = declared(Category::Enterprise, &[], Some(tier)).to_examine;
            shown.iter().any(|words| words.starts_with("一票否决") && words.contains("拖欠职工工资"))
        };
        assert_eq!(["qualified", "model", "trusted"].map(barred), [false, false, true], "四4 names 信赖 alone");
        // A round that was set up with the version before goes on as it was.
        let set = RuleSet::parse(include_str!("../rules/earlier/changzhou-2016-1.1.0.toml")).unwrap();
        let category = set.resolve(Category::Enterprise).unwrap();
        assert_eq!(["model", "trusted"].map(|tier| vetoes(&[(&set, category)], tier).len()), [1, 1]);
    }

    #[test]
    fn numbers_are_no_rates() {
        let stars = declared(Category::TownshipUnion, &[("aid_station_stars", [4, 1])], Some("trusted"));
        let own: Vec<_> = lines(&stars).into_iter().filter(|row| row[0] == "职工帮扶站星级").collect();
        assert_eq!(own[0][1..], ["4星", "不低于4星 模范职工之家", "达到"]);
        assert_eq!(own[1][1..], ["4星", "不低于5星 信赖职工之家", "没有达到"]);
    }

    #[test]
    fn without_a_tier_only_what_was_declared_is_shown() {
        assert!(declared(Category::Enterprise, &[], None).is_empty());
        let some = declared(Category::Enterprise, &[("membership_rate", [46, 50])], None);
        assert_eq!(lines(&some).len(), 2, "beside the standards of both tiers");
        assert!(some.to_examine.is_empty() && some.tier.is_empty());
    }
}
