//! Boundary counts of every threshold, and properties that hold for every count.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::domain::count::Count;
use crate::domain::paper::{Answer, Item, Paper, Scale, Section};
use crate::domain::rules::{Denominator, Joint, Positive, RuleRegistry};
use crate::domain::tally::Tally;
use crate::domain::union::Category;

fn registry() -> &'static RuleRegistry {
    static REGISTRY: LazyLock<RuleRegistry> = LazyLock::new(|| RuleRegistry::embedded().unwrap());
    &REGISTRY
}

type Answers = BTreeMap<String, u64>;

fn answers(given: &[(&str, u64)]) -> Answers {
    given.iter().map(|(answer, count)| ((*answer).to_owned(), *count)).collect()
}

/// `good` positive answers out of `valid`, the rest negative.
fn rated(item: &str, good: u64, valid: u64) -> Answers {
    match item {
        "awareness" => answers(&[("know", good), ("dont_know", valid - good), ("abstain", 0)]),
        _ => answers(&[
            ("satisfied", good / 2),
            ("basically_satisfied", good - good / 2),
            ("dissatisfied", valid - good),
        ]),
    }
}

/// A round in which everybody came and every ballot was valid.
fn count(rule_set: &str, category: Category, valid: u64, items: &[(&str, u64)]) -> Count {
    Count {
        rule_set: rule_set.into(),
        category,
        year: 2026,
        member_total: valid,
        expected: valid,
        present: valid,
        issued: valid,
        returned: valid,
        invalid: 0,
        items: items.iter().map(|(item, good)| ((*item).to_owned(), rated(item, *good, valid))).collect(),
        indicators: BTreeMap::new(),
        applying_for: None,
    }
}

fn assessed(count: &Count) -> Assessment {
    assess(registry(), count).unwrap()
}

fn refused(count: &Count) -> &'static str {
    assess(registry(), count).unwrap_err().code()
}

/// A threshold that decides verdicts: rule set, category, items of the paper, the item at its limit, the
/// limit as a fraction.
type Limit = (&'static str, Category, &'static [&'static str], &'static str, [u64; 2]);

const LIMITS: &[Limit] = {
    use Category as C;
    &[
        ("qingdao-2020", C::Enterprise, &["home"], "home", [9, 10]),
        ("qingdao-2020", C::SocialOrganization, &["home"], "home", [9, 10]),
        ("qingdao-2020", C::StateOwnedEnterprise, &["home"], "home", [95, 100]),
        ("qingdao-2020", C::GovernmentOrgan, &["home"], "home", [95, 100]),
        ("qingdao-2020", C::PublicInstitution, &["home"], "home", [95, 100]),
        ("qingdao-2020", C::TownshipUnion, &["home", "spot_check"], "home", [9, 10]),
        ("qingdao-2020", C::TownshipUnion, &["home", "spot_check"], "spot_check", [85, 100]),
        ("qingdao-2020", C::ZoneUnion, &["home", "spot_check"], "home", [9, 10]),
        ("qingdao-2020", C::ZoneUnion, &["home", "spot_check"], "spot_check", [85, 100]),
        ("qingdao-2020", C::VillageUnion, &["home", "spot_check"], "home", [9, 10]),
        ("qingdao-2020", C::VillageUnion, &["home", "spot_check"], "spot_check", [85, 100]),
        ("qingdao-2020", C::Federation, &["home", "spot_check"], "home", [9, 10]),
        ("qingdao-2020", C::Federation, &["home", "spot_check"], "spot_check", [85, 100]),
        ("shandong-2018", C::GrassrootsUnion, &["home"], "home", [7, 10]),
        ("shandong-2018", C::JointUnion, &["home"], "home", [7, 10]),
        ("hohhot-2020", C::ZoneUnion, &["union_work", "awareness"], "union_work", [8, 10]),
        ("hohhot-2020", C::ZoneUnion, &["union_work", "awareness"], "awareness", [8, 10]),
        ("hohhot-2020", C::TownshipUnion, &["union_work"], "union_work", [85, 100]),
        ("hohhot-2020", C::Federation, &["union_work", "chair"], "union_work", [9, 10]),
        ("hohhot-2020", C::Federation, &["union_work", "chair"], "chair", [9, 10]),
        ("hohhot-2020", C::JointUnion, &["union_work", "chair", "awareness"], "union_work", [85, 100]),
        ("hohhot-2020", C::JointUnion, &["union_work", "chair", "awareness"], "chair", [85, 100]),
        ("hohhot-2020", C::JointUnion, &["union_work", "chair", "awareness"], "awareness", [8, 10]),
        ("hohhot-2020", C::Enterprise, &["union_work", "chair"], "union_work", [8, 10]),
        ("hohhot-2020", C::Enterprise, &["union_work", "chair"], "chair", [8, 10]),
        ("hohhot-2020", C::GovernmentOrgan, &["union_work", "chair"], "union_work", [8, 10]),
        ("hohhot-2020", C::PublicInstitution, &["union_work", "chair"], "chair", [8, 10]),
        ("changzhou-2016", C::GrassrootsUnion, &["home_building"], "home_building", [85, 100]),
        ("changzhou-2016", C::Enterprise, &["home_building"], "home_building", [85, 100]),
        ("changzhou-2016", C::TownshipUnion, &["home_building"], "home_building", [85, 100]),
        ("chaoyang-2013", C::GrassrootsUnion, &["home"], "home", [95, 100]),
        ("chaoyang-2013", C::Enterprise, &["home"], "home", [95, 100]),
    ]
};

#[test]
fn every_threshold_includes_its_number_and_nothing_below() {
    for (set, category, items, limited, [num, den]) in LIMITS {
        for valid in [1000, 20, 10_000_000] {
            let limit = valid * num / den;
            for (good, expected) in
                [(limit - 1, Verdict::NotMet), (limit, Verdict::Met), (limit + 1, Verdict::Met), (valid, Verdict::Met)]
            {
                let items: Vec<_> =
                    items.iter().map(|item| (*item, if item == limited { good } else { valid })).collect();
                let assessment = assessed(&count(set, *category, valid, &items));
                assert_eq!(assessment.verdict, expected, "{set} {} {limited} {good}/{valid}", category.code());
                let overhaul = items[0].0 == "home" && ["qingdao-2020", "shandong-2018"].contains(set);
                let overhaul = overhaul && items[0].1 * 10 < valid * 7;
                assert_eq!(assessment.triggers.contains(&Trigger::Overhaul), overhaul);
                assert!(assessment.warnings.is_empty(), "{:?}", assessment.warnings);
            }
        }
    }
}

#[test]
fn every_category_with_a_threshold_is_at_its_limit_above() {
    let registry = registry();
    for set in registry.list() {
        for category in set.categories() {
            let requirements = registry.requirements(&set.id, category).unwrap();
            let covered = LIMITS.iter().any(|(id, known, ..)| *id == set.id && *known == category);
            let same_as_township = set.id == "changzhou-2016" && !requirements.metrics.is_empty();
            assert!(
                covered || same_as_township || requirements.metrics.is_empty(),
                "{} {} has no boundary count",
                set.id,
                category.code()
            );
        }
    }
}

#[test]
fn small_unions_are_assessed_exactly() {
    for valid in 1..=3 {
        for good in 0..=valid {
            let verdict = |set, category, item| assessed(&count(set, category, valid, &[(item, good)])).verdict;
            let all = if good == valid { Verdict::Met } else { Verdict::NotMet };
            assert_eq!(verdict("qingdao-2020", Category::Enterprise, "home"), all);
            assert_eq!(verdict("chaoyang-2013", Category::GrassrootsUnion, "home"), all);
            assert_eq!(verdict("shandong-2018", Category::GrassrootsUnion, "home"), all, "2 of 3 is below 70 %");
        }
    }
}

#[test]
fn the_floor_of_shandong_reaches_qingdao() {
    let at = |good| assessed(&count("qingdao-2020", Category::Enterprise, 10_000, &[("home", good)]));
    let below = at(6_999);
    assert_eq!((below.verdict, below.triggers), (Verdict::NotMet, vec![Trigger::Overhaul]));
    assert_eq!(below.metrics[1].display.as_deref(), Some("69.99%"));
    let exactly = at(7_000);
    assert_eq!((exactly.verdict, exactly.triggers), (Verdict::NotMet, vec![]), "70 % is no overhaul, but not 90 %");
    let outcomes: Vec<_> = exactly.metrics.iter().map(|m| (m.id.as_str(), m.rule.as_str(), m.outcome)).collect();
    assert_eq!(
        outcomes,
        [("satisfaction.home", "QD-1.2", Outcome::NotMet), ("satisfaction.home", "SD-5.7", Outcome::Met)]
    );
    assert_eq!(exactly.metrics[1].comparator, Comparator::Below);
}

#[test]
fn nothing_to_count_is_no_verdict() {
    for (set, category, items, ..) in LIMITS {
        let items: Vec<_> = items.iter().map(|item| (*item, 0)).collect();
        let assessment = assessed(&count(set, *category, 0, &items));
        assert_eq!(assessment.verdict, Verdict::CannotAssess);
        assert_eq!(assessment.warnings, ["no_valid_ballots"]);
        assert!(assessment.triggers.is_empty() && assessment.tier_conditions.is_empty());
        assert!(assessment.metrics.iter().all(|metric| metric.display.is_none() && metric.strict_display.is_none()));
    }
    let mut only_invalid = count("qingdao-2020", Category::Enterprise, 5, &[("home", 0)]);
    only_invalid.invalid = 5;
    only_invalid.items.insert("home".into(), Answers::new());
    assert_eq!(assessed(&only_invalid).verdict, Verdict::CannotAssess);
    let county = assessed(&count("hohhot-2020", Category::CountyUnion, 10, &[("union_work", 10)]));
    assert_eq!(county.verdict, Verdict::CannotAssess);
    assert_eq!(county.warnings, ["no_ballot_metric", "item_not_rated"]);
}

#[test]
fn one_published_count_four_formulas() {
    let base = count("qingdao-2020", Category::StateOwnedEnterprise, 137, &[]);
    let items = [("home".to_owned(), answers(&[("satisfied", 127), ("basically_satisfied", 10)]))].into();
    let published = Count { issued: 141, items, member_total: 141, expected: 141, ..base };
    let rate = |positive: &str, denominator: &str| {
        let text = include_str!("../../rules/qingdao-2020.toml").replace("1.0.0", "1.0.1").replace(
            "[document]",
            &format!("[formula]\npositive = \"{positive}\"\ndenominator = \"{denominator}\"\n\n[document]"),
        );
        let registry = registry().clone().with([("formula.toml", text.as_str())]).unwrap();
        let assessment = assess(&registry, &published).unwrap();
        (assessment.metrics[0].display.clone().unwrap(), assessment.verdict)
    };
    let both = "satisfied+basically_satisfied";
    assert_eq!(rate("satisfied", "valid"), ("92.70%".into(), Verdict::NotMet));
    assert_eq!(rate(both, "valid"), ("100.00%".into(), Verdict::Met));
    assert_eq!(rate(both, "returned"), ("100.00%".into(), Verdict::Met));
    assert_eq!(rate("satisfied", "issued"), ("90.07%".into(), Verdict::NotMet));
    assert_eq!(rate(both, "issued"), ("97.16%".into(), Verdict::Met));
    assert_eq!(assessed(&published).metrics[0].strict_display.as_deref(), Some("92.70%"));
}

#[test]
fn abstentions_and_the_undecided_stay_in_the_base_unless_the_rule_says_otherwise() {
    let mut count = count("shandong-2018", Category::GrassrootsUnion, 10, &[]);
    let given = answers(&[("satisfied", 6), ("dont_know", 2), ("abstain", 2)]);
    count.items.insert("home".into(), given);
    assert_eq!(assessed(&count).metrics[0].display.as_deref(), Some("60.00%"));
    let text = include_str!("../../rules/shandong-2018.toml")
        .replace("1.1.0", "1.1.1")
        .replace("comparator = \"<\"", "comparator = \"<\"\ndenominator = \"answering\"");
    let registry = registry().clone().with([("answering.toml", text.as_str())]).unwrap();
    let assessment = assess(&registry, &count).unwrap();
    assert_eq!(assessment.metrics[0].display.as_deref(), Some("75.00%"));
    assert_eq!(assessment.metrics[0].formula, "满意率＝（满意票＋基本满意票）÷有效票中作答的票");
    assert_eq!(assessment.verdict, Verdict::Met);
}

#[test]
fn joint_wording_asks_of_each_item_unless_pooled() {
    let count = count("hohhot-2020", Category::Federation, 100, &[("union_work", 100), ("chair", 85)]);
    let each = assessed(&count);
    assert_eq!(each.verdict, Verdict::NotMet);
    assert_eq!(each.metrics.len(), 2);
    let text = include_str!("../../rules/hohhot-2020.toml")
        .replace("1.2.0", "1.2.1")
        .replace("joint = \"each\"", "joint = \"pooled\"");
    let registry = registry().clone().with([("pooled.toml", text.as_str())]).unwrap();
    let pooled = assess(&registry, &count).unwrap();
    assert_eq!(pooled.verdict, Verdict::Met);
    let metric = &pooled.metrics[0];
    assert_eq!((metric.id.as_str(), metric.numerator, metric.base), ("satisfaction.union_work+chair", 185, 200));
    assert!(metric.formula.ends_with("（各项合并计算）"));
}

#[test]
fn regional_unions_of_qingdao_need_both_rates() {
    let mut count = count("qingdao-2020", Category::VillageUnion, 100, &[("home", 95), ("spot_check", 85)]);
    let own = answers(&[("satisfied", 17), ("dissatisfied", 3), ("returned", 21), ("invalid", 1)]);
    count.items.insert("spot_check".into(), own);
    let assessment = assessed(&count);
    assert_eq!(assessment.verdict, Verdict::Met);
    let spot_check = assessment.metrics.iter().find(|metric| metric.id == "satisfaction.spot_check").unwrap();
    assert_eq!((spot_check.numerator, spot_check.base, spot_check.display.as_deref()), (17, 20, Some("85.00%")));
    let spot = |key: &str, value| {
        let mut count = count.clone();
        count.items.get_mut("spot_check").unwrap().insert(key.to_owned(), value);
        count
    };
    assert_eq!(refused(&spot("returned", 22)), "sum_differs");
    assert_eq!(refused(&spot("invalid", 30)), "invalid_exceeds_returned");
    assert_eq!(assessed(&spot("issued", 20)).verdict, Verdict::Invalid);
    let mut without = count.clone();
    without.items.remove("spot_check");
    assert_eq!(refused(&without), "missing_item");
    let mut count = spot("returned", 21);
    count.items.get_mut("home").unwrap().insert("returned".into(), 100);
    assert_eq!(refused(&count), "unknown_answer", "only an item with an electorate of its own has its own ballots");
}

#[test]
fn an_empty_spot_check_leaves_the_verdict_open_unless_the_home_failed() {
    let at = |good| {
        let mut count = count("qingdao-2020", Category::VillageUnion, 100, &[("home", good)]);
        count.items.insert("spot_check".into(), answers(&[("returned", 0)]));
        assessed(&count).verdict
    };
    assert_eq!(at(95), Verdict::CannotAssess);
    assert_eq!(at(89), Verdict::NotMet);
}

#[test]
fn more_ballots_than_slips_make_the_round_invalid() {
    let mut count = count("qingdao-2020", Category::Enterprise, 100, &[("home", 60)]);
    count.issued = 99;
    let assessment = assessed(&count);
    assert_eq!(assessment.verdict, Verdict::Invalid);
    assert_eq!(assessment.warnings, ["returned_exceeds_issued"]);
    assert!(assessment.triggers.is_empty(), "an invalid round has no consequences");
    assert!(assessment.metrics.iter().all(|metric| metric.outcome == Outcome::CannotAssess));
    count.items.insert("home".into(), rated("home", 60, 99));
    assert_eq!(refused(&count), "sum_differs", "a contradiction stays one");
}

#[test]
fn turnout_is_advised_at_two_thirds() {
    let at = |present, expected| {
        let mut count = count("chaoyang-2013", Category::GrassrootsUnion, 100, &[("home", 100)]);
        (count.present, count.expected, count.member_total) = (present, expected, expected);
        let assessment = assessed(&count);
        (assessment.verdict, assessment.warnings.concat())
    };
    assert_eq!(at(200, 300), (Verdict::Met, String::new()));
    assert_eq!(at(199, 300), (Verdict::Met, "turnout_below_advised".into()));
    assert_eq!(at(301, 300), (Verdict::Met, "present_exceeds_expected".into()));
}

#[test]
fn a_required_turnout_decides() {
    let turnout = "[turnout]\nmode = \"required\"\nfraction = [2, 3]\nstatement = \"到会须达到三分之二\"\n\n[document]";
    let text = include_str!("../../rules/chaoyang-2013.toml").replace("1.2.0", "1.2.1").replace("[document]", turnout);
    let registry = registry().clone().with([("turnout.toml", text.as_str())]).unwrap();
    let at = |present| {
        let count = count("chaoyang-2013", Category::GrassrootsUnion, 3000, &[("home", 3000)]);
        assess(&registry, &Count { present, ..count }).unwrap()
    };
    assert_eq!(at(2000).verdict, Verdict::Met);
    assert_eq!(at(1999).verdict, Verdict::Invalid);
    assert_eq!(at(1999).warnings, ["turnout_below_required"]);
}

#[test]
fn tiers_of_changzhou_are_cumulative() {
    let at = |good, applying_for: Option<&str>| {
        let count = count("changzhou-2016", Category::Enterprise, 1000, &[("home_building", good)]);
        let assessment = assessed(&Count { applying_for: applying_for.map(str::to_owned), ..count });
        (assessment.verdict, assessment.tier_conditions.join(" "))
    };
    assert_eq!(at(849, None), (Verdict::NotMet, String::new()));
    assert_eq!(at(850, None), (Verdict::Met, "model".into()));
    assert_eq!(at(899, Some("model")), (Verdict::Met, "model".into()));
    assert_eq!(at(899, Some("trusted")), (Verdict::NotMet, "model".into()));
    assert_eq!(at(900, Some("trusted")), (Verdict::Met, "model trusted".into()));
    assert_eq!(at(900, None), (Verdict::Met, "model trusted".into()));
    assert_eq!(at(900, Some("qualified")).0, Verdict::CannotAssess, "合格 has no ballot condition");
    let unknown = count("changzhou-2016", Category::Enterprise, 10, &[("home_building", 9)]);
    assert_eq!(refused(&Count { applying_for: Some("excellent".into()), ..unknown }), "unknown_tier");
    let untiered = count("chaoyang-2013", Category::Enterprise, 10, &[("home", 10)]);
    assert_eq!(refused(&Count { applying_for: Some("model".into()), ..untiered }), "unknown_tier");
}

#[test]
fn the_deciding_metric_is_one_that_the_verdict_rests_on() {
    let by = |good, applying_for: Option<&str>| {
        let count = count("changzhou-2016", Category::Enterprise, 1000, &[("home_building", good)]);
        let assessment = assessed(&Count { applying_for: applying_for.map(str::to_owned), ..count });
        assessment.deciding(applying_for).map(|metric| metric.rule.clone())
    };
    let (model, trusted) = (Some("CZ-4.7".to_owned()), Some("CZ-4.9".to_owned()));
    assert_eq!([by(855, None), by(855, Some("model")), by(849, None)], [(); 3].map(|()| model.clone()));
    assert_eq!([by(948, None), by(948, Some("model"))], [model.clone(), model], "whatever else is reached");
    assert_eq!([849, 855, 948].map(|good| by(good, Some("trusted"))), [(); 3].map(|()| trusted.clone()));
    assert_eq!([by(855, Some("qualified")), by(700, Some("qualified"))], [None, None], "合格 has no ballot condition");
    let chair_fails = count("hohhot-2020", Category::StateOwnedEnterprise, 10, &[("union_work", 10), ("chair", 5)]);
    assert_eq!(assessed(&chair_fails).deciding(None).map(|metric| metric.id.as_str()), Some("satisfaction.chair"));
}

#[test]
fn a_tier_that_was_not_applied_for_decides_nothing_wherever_it_stands() {
    let text = include_str!("../../rules/changzhou-2016.toml").replace("changzhou-2016", "own-2026");
    let places: Vec<usize> = text.match_indices("[[metric]]").map(|(place, _)| place).collect();
    let end = text.find("# ── 申报指标").unwrap();
    let [before, model, trusted, after] =
        [&text[..places[0]], &text[places[0]..places[1]], &text[places[1]..end], &text[end..]];
    let general = model
        .replace("tier = \"model\"", "")
        .replace("[17, 20]", "[4, 5]")
        .replace("CZ-4.7", "OWN-1")
        .replace("85％", "80％");
    let text = [before, trusted, &general, model, after].concat();
    let registry = RuleRegistry::embedded().unwrap().with([("own.toml", text.as_str())]).unwrap();
    let by = |good, applying_for: Option<&str>| {
        let count = count("own-2026", Category::Enterprise, 1000, &[("home_building", good)]);
        let assessment = assess(&registry, &Count { applying_for: applying_for.map(str::to_owned), ..count }).unwrap();
        assessment.deciding(applying_for).map(|metric| metric.rule.clone()).unwrap_or_default()
    };
    assert_eq!([by(840, None), by(840, Some("model"))], ["CZ-4.7"; 2]);
    assert_eq!([by(890, Some("model")), by(950, Some("model"))], ["CZ-4.7"; 2]);
    assert_eq!([by(890, Some("trusted")), by(950, Some("trusted"))], ["CZ-4.9"; 2]);
    assert_eq!([by(840, Some("trusted")), by(790, Some("trusted"))], ["CZ-4.9", "OWN-1"], "80 % is asked of everybody");
    assert_eq!([by(790, Some("qualified")), by(950, Some("qualified"))], ["OWN-1"; 2]);
}

#[test]
fn the_deciding_metric_of_earlier_sheets_is_known_by_the_order_of_the_tiers() {
    for applying_for in [None, Some("qualified"), Some("model"), Some("trusted")] {
        for good in [700, 849, 855, 948] {
            let count = count("changzhou-2016", Category::Enterprise, 1000, &[("home_building", good)]);
            let now = assessed(&Count { applying_for: applying_for.map(str::to_owned), ..count });
            let mut earlier = now.clone();
            for metric in &mut earlier.metrics {
                (metric.tier, metric.aside) = (None, false);
            }
            let rule = |assessment: &Assessment| assessment.deciding(applying_for).map(|metric| metric.rule.clone());
            assert_eq!(rule(&earlier), rule(&now), "{good} {applying_for:?}");
        }
    }
}

#[test]
fn declared_figures_complete_a_tier_and_never_change_the_verdict() {
    let base = count("changzhou-2016", Category::TownshipUnion, 1000, &[("home_building", 899)]);
    let with = |indicators: &[(&str, [u64; 2])]| {
        let indicators = indicators.iter().map(|(id, figure)| ((*id).to_owned(), *figure)).collect();
        assessed(&Count { indicators, ..base.clone() })
    };
    let standing = |assessment: &Assessment| {
        let model = assessment.tiers.iter().find(|tier| tier.id == "model").unwrap();
        (assessment.verdict, model.ballot.unwrap(), model.indicators.unwrap())
    };
    assert_eq!(standing(&with(&[])), (Verdict::Met, Outcome::Met, Outcome::CannotAssess));
    let full = [("membership_rate", [9, 10]), ("card_rate", [9, 10]), ("labour_contract_rate", [7, 7])];
    let complete = [&full[..], &[("aid_station_stars", [4, 1])]].concat();
    assert_eq!(standing(&with(&complete)), (Verdict::Met, Outcome::Met, Outcome::Met));
    let three_stars = [&full[..], &[("aid_station_stars", [3, 1])]].concat();
    assert_eq!(standing(&with(&three_stars)), (Verdict::Met, Outcome::Met, Outcome::NotMet));
    assert_eq!(with(&[("shoe_size", [43, 1])]).warnings, ["unknown_indicator"]);
    assert_eq!(with(&[("card_rate", [11, 10])]).warnings, ["indicator_above_one"]);
    let broken = Count { indicators: [("card_rate".to_owned(), [1, 0])].into(), ..base.clone() };
    assert_eq!(refused(&broken), "indicator_base");
}

#[test]
fn contradictions_are_refused_with_a_reason() {
    let good = count("qingdao-2020", Category::Enterprise, 10, &[("home", 9)]);
    assert_eq!(refused(&Count { rule_set: "atlantis".into(), ..good.clone() }), "unknown_rule_set");
    assert_eq!(refused(&Count { category: Category::CountyUnion, ..good.clone() }), "unknown_category");
    assert_eq!(refused(&Count { category: Category::GrassrootsUnion, ..good.clone() }), "unknown_category");
    assert_eq!(refused(&Count { invalid: 11, ..good.clone() }), "invalid_exceeds_returned");
    assert_eq!(refused(&Count { invalid: 1, ..good.clone() }), "sum_differs");
    assert_eq!(refused(&Count { items: BTreeMap::new(), ..good.clone() }), "missing_item");
    let with = |item: &str, given: &[(&str, u64)]| {
        let mut count = good.clone();
        count.items.insert(item.into(), answers(given));
        count
    };
    assert_eq!(refused(&with("canteen", &[("satisfied", 10)])), "unknown_item");
    assert_eq!(refused(&with("home", &[("know", 10)])), "unknown_answer");
    assert_eq!(refused(&with("home", &[("satisfied", u64::MAX), ("abstain", 1)])), "too_large");
    assert_eq!(refused(&with("services", &[("satisfied", 9)])), "sum_differs");
}

#[test]
fn detail_and_pledges_never_change_the_verdict() {
    let mut count = count("qingdao-2020", Category::Enterprise, 100, &[("home", 90)]);
    count.items.insert("services".into(), answers(&[("dissatisfied", 100)]));
    count.items.insert("pledge_10".into(), answers(&[("not_kept", 100)]));
    count.items.insert("pledge_2".into(), answers(&[("kept", 66), ("partly_kept", 33), ("abstain", 1)]));
    let assessment = assessed(&count);
    assert_eq!((assessment.verdict, assessment.metrics.len(), assessment.warnings.len()), (Verdict::Met, 2, 0));
}

#[test]
fn finer_categories_fall_under_broader_ones() {
    let chaoyang = |category| assessed(&count("chaoyang-2013", category, 20, &[("home", 19)]));
    for category in [Category::Enterprise, Category::StateOwnedEnterprise, Category::ZoneUnion, Category::JointUnion] {
        assert_eq!(chaoyang(category).verdict, Verdict::Met);
    }
    let hohhot = count("hohhot-2020", Category::StateOwnedEnterprise, 10, &[("union_work", 8), ("chair", 8)]);
    assert_eq!(assessed(&hohhot).metrics[0].rule, "HH-6.1");
}

#[test]
fn every_warning_has_a_sentence() {
    for code in ["returned_exceeds_issued", "turnout_below_advised", "no_ballot_metric", "indicator_above_one"] {
        assert_ne!(warning_text(code), code);
    }
    for unknown in ["something_newer", "other:1:2:3", "turnout_below_advised:1/0:2/3:decision", "a:b"] {
        assert_eq!(warning_text(unknown), unknown);
    }
    let low = "turnout_below_advised:112/200:2/3:decision";
    assert_eq!(warning_text(low), "到会率56.00%（112 ÷ 200）低于建议的2/3（系统约定），请结合参评人数看待结果。");
    let void = "turnout_below_required:1/3:1/2:stated";
    assert_eq!(warning_text(void), "到会率33.33%（1 ÷ 3）没有达到规则集要求的1/2，本轮评议无效。");
    let other = "other_electorate:QD-3.1:sample:members";
    assert_eq!(warning_text(other), "QD-3.1 要求由随机抽取的会员评议，本次由全体会员评议。");
}

/// Compares `a / b` with `c / d` by Euclid's algorithm: whole parts first, then the reciprocals of the rests.
/// It multiplies nothing and so shares nothing with the code under test.
fn compare_by_division(a: u64, b: u64, c: u64, d: u64) -> Ordering {
    match (a / b).cmp(&(c / d)) {
        Ordering::Equal => match (a % b, c % d) {
            (0, 0) => Ordering::Equal,
            (0, _) => Ordering::Less,
            (_, 0) => Ordering::Greater,
            (rest, other) => compare_by_division(d, other, b, rest),
        },
        decided => decided,
    }
}

fn big() -> impl Strategy<Value = u64> {
    prop_oneof![0..2_000_u64, Just(u64::MAX), Just(u64::MAX - 1), any::<u64>()]
}

/// Answers to one item: satisfied, basically satisfied, dissatisfied, don't know, abstain.
fn five() -> impl Strategy<Value = [u64; 5]> {
    prop::array::uniform5(prop_oneof![0..40_u64, 0..3_u64, 0..100_000_u64])
}

fn of_five(category: Category, given: [u64; 5]) -> Count {
    let mut count = count("qingdao-2020", category, given.iter().sum(), &[]);
    let names = ["satisfied", "basically_satisfied", "dissatisfied", "dont_know", "abstain"];
    count.items.insert("home".into(), names.iter().map(|name| (*name).to_owned()).zip(given).collect());
    count
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Met => 2,
        Verdict::NotMet => 0,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn comparison_is_exact_for_all_integers(part in big(), base in big(), num in big(), den in 1..=u64::MAX) {
        let compared = Fraction::new(num, den).unwrap().compare(part, base);
        prop_assert_eq!(compared.is_none(), base == 0);
        if base > 0 {
            prop_assert_eq!(compared, Some(compare_by_division(part, base, num, den)));
        }
    }

    #[test]
    fn display_never_rounds_up(part in 0..=u64::MAX, base in 1..=u64::MAX) {
        let part = part % base;
        let shown = percent(part, base).unwrap();
        let hundredths: u64 = shown.trim_end_matches('%').replace('.', "").parse().unwrap();
        prop_assert_ne!(compare_by_division(hundredths, 10_000, part, base), Ordering::Greater);
        prop_assert_eq!(compare_by_division(hundredths + 1, 10_000, part, base), Ordering::Greater);
    }

    #[test]
    fn a_verdict_never_flips_by_rounding(given in five()) {
        let total: u64 = given.iter().sum();
        prop_assume!(total > 0);
        let assessment = assessed(&of_five(Category::Enterprise, given));
        let expected = compare_by_division(given[0] + given[1], total, 9, 10) != Ordering::Less;
        prop_assert_eq!(assessment.verdict == Verdict::Met, expected);
        let floor = compare_by_division(given[0] + given[1], total, 7, 10) == Ordering::Less;
        prop_assert_eq!(assessment.triggers == [Trigger::Overhaul], floor);
    }

    #[test]
    fn one_better_ballot_never_hurts_and_one_worse_never_helps(given in five(), from in 2..5_usize, to in 0..2_usize) {
        prop_assume!(given.iter().sum::<u64>() > 0);
        for category in [Category::Enterprise, Category::GovernmentOrgan] {
            let before = rank(assessed(&of_five(category, given)).verdict);
            let mut worse = given;
            worse[2] += 1;
            prop_assert!(rank(assessed(&of_five(category, worse)).verdict) <= before);
            let mut more = given;
            more[to] += 1;
            prop_assert!(rank(assessed(&of_five(category, more)).verdict) >= before);
            if given[from] > 0 {
                let mut better = given;
                better[from] -= 1;
                better[to] += 1;
                prop_assert!(rank(assessed(&of_five(category, better)).verdict) >= before);
            }
        }
    }

    #[test]
    fn the_order_of_ballots_changes_nothing(
        ballots in prop::collection::vec(prop::option::of(0..4_usize), 1..60).prop_shuffle(),
        seed in any::<u64>(),
    ) {
        let title = String::new();
        let item = Item { id: "home".into(), section: Section::Overall, scale: Scale::Satisfaction, title };
        let paper = Paper { items: vec![item], comment: false };
        let assess_in_order = |ballots: &[Option<usize>]| {
            let mut tally = Tally::empty(&paper);
            for ballot in ballots {
                tally.add(&[ballot.map(|place| Scale::Satisfaction.answers()[place])]);
            }
            let home = &tally.items[0];
            let count = |answer| home.count(answer);
            let given = [Answer::Satisfied, Answer::BasicallySatisfied, Answer::Dissatisfied, Answer::DontKnow].map(count);
            assessed(&of_five(Category::Enterprise, [given[0], given[1], given[2], given[3], home.abstain]))
        };
        let mut turned = ballots.clone();
        turned.rotate_left(usize::try_from(seed % 60).unwrap() % ballots.len());
        turned.reverse();
        prop_assert_eq!(assess_in_order(&ballots), assess_in_order(&turned));
    }

    #[test]
    fn no_count_makes_it_panic(
        totals in prop::array::uniform6(big()),
        given in prop::array::uniform5(big()),
        figure in prop::array::uniform2(big()),
        own in big(),
    ) {
        let [member_total, expected, present, issued, returned, invalid] = totals;
        let base = count("qingdao-2020", Category::VillageUnion, 0, &[]);
        let names = ["satisfied", "basically_satisfied", "dissatisfied", "dont_know", "abstain"];
        let mut home: Answers = names.iter().map(|name| (*name).to_owned()).zip(given).collect();
        let items: BTreeMap<_, _> = {
            let plain = home.clone();
            home.insert("returned".into(), own);
            [("home".to_owned(), plain), ("spot_check".to_owned(), home)].into()
        };
        let indicators = [("membership_rate".to_owned(), figure)].into();
        let count = Count { member_total, expected, present, issued, returned, invalid, items, indicators, ..base };
        let _ = assess(registry(), &count);
    }
}

#[test]
fn formulas_in_words() {
    let registry = registry();
    let mut metric = registry.get("hohhot-2020").unwrap().metrics[0].clone();
    assert_eq!(metric.formula(Scale::Satisfaction), "满意率＝（满意票＋基本满意票）÷有效票");
    assert_eq!(metric.formula(Scale::Awareness), "知晓率＝知道票÷有效票");
    metric.positive = Positive::SatisfiedOnly;
    metric.denominator = Denominator::Issued;
    metric.joint = Joint::Pooled;
    assert_eq!(metric.formula(Scale::Satisfaction), "满意率＝满意票÷发出票");
}
