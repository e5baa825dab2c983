//! What a union declares for a tier: typed in, held against what the tier asks, and shown with what is left to examine.

use crate::round::{FACTS, certify, sheet_of, with_slips};
use crate::service::{Person, Service};

/// The figures of a union that applies to be 信赖职工之家.
const DECLARED: [(&str, &str); 5] = [
    ("applying_for", "trusted"),
    ("num_membership_rate", "46"),
    ("den_membership_rate", "50"),
    ("num_card_rate", "45"),
    ("den_card_rate", "46"),
];

fn under_changzhou(service: &Service) {
    let rules = [("name", "甲厂工会"), ("category", "enterprise"), ("rule_set", "changzhou-2016")];
    let union = format!("/unions/{}/edit", service.jia.id);
    service.person("shi").submit(&union, &union, &rules);
}

/// The rows of the table of declared figures, in words.
fn rows(page: &str) -> Vec<String> {
    let table = page.split("申报指标</caption>").nth(1).and_then(|rest| rest.split("</table>").next());
    let words = |row: &str| row.split('<').filter_map(|tag| tag.split('>').nth(1)).collect::<String>();
    table.unwrap_or_default().split("<tr>").skip(2).map(words).map(|row| row.trim().to_owned()).collect()
}

#[test]
fn declared_figures_are_held_against_the_tier_and_shown_to_everybody() {
    let service = Service::new();
    under_changzhou(&service);
    let chair = service.person("jia-chair");
    for (field, value, words) in [
        ("num_membership_rate", "51", "分子不能大于分母"),
        ("den_card_rate", "", "请填写"),
        ("num_card_rate", "很多", "请填写"),
        ("applying_for", "best", "请从列表中选择"),
    ] {
        let facts = DECLARED.map(|(name, known)| (name, if name == field { value } else { known }));
        let refused = chair.post("/rounds", &[&FACTS[..], &facts].concat());
        assert!(refused.status == 422 && refused.body.contains(words), "{field}: {}", refused.body);
    }
    chair.step("/rounds", &[&FACTS[..], &DECLARED].concat());
    let poll = service.round_of(service.jia.id);
    let edit = chair.get(&format!("/rounds/{poll}/edit"));
    for (field, value) in DECLARED.into_iter().skip(1) {
        assert_eq!(edit.field(field).as_deref(), Some(value), "what was typed is there to be changed");
    }
    let setup = chair.get(&format!("/rounds/{poll}/setup")).body;
    let expected = [
        "职工工会卡办理及使用率97.82% 45 ÷ 46不低于80% 合格职工之家达到",
        "职工入会率92.00% 46 ÷ 50不低于90% 模范职工之家达到",
        "劳动合同签订率没有申报不低于100% 模范职工之家没有申报",
        "职工工会卡办理及使用率97.82% 45 ÷ 46不低于90% 模范职工之家达到",
        "职工入会率92.00% 46 ÷ 50不低于95% 信赖职工之家没有达到",
    ];
    assert_eq!(rows(&setup), expected);
    let left = ["还要审查", "每月至少开展一次职工活动", "一票否决", "拖欠职工工资"];
    assert!(left.iter().all(|words| setup.contains(words)), "{setup}");

    finish(&service, &chair, poll);
    let sheet = sheet_of(&service, poll);
    assert_eq!(sheet["declared_indicators"]["membership_rate"], serde_json::json!([46, 50]));
    assert_eq!(sheet["assessment"]["verdict"], "met", "nothing that is declared changes the verdict");
    let page = chair.get(&format!("/rounds/{poll}")).body;
    let address = page.split("href=\"/sheets/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let page = service.anybody().get(&format!("/sheets/{address}")).body;
    assert_eq!(rows(&page), expected);
    assert!(left.iter().all(|words| page.contains(words)) && page.contains("本单位申报“信赖职工之家”"));
}

/// One member votes; the round is counted and certified.
fn finish(service: &Service, chair: &Person, poll: pingjia::domain::ids::PollId) {
    let round = |step: &str| format!("/rounds/{poll}/{step}");
    let codes = with_slips(service, chair, poll).field("codes").unwrap();
    chair.step(&round("open"), &[]);
    let slip = format!("/V/{}", codes.split(' ').next().unwrap());
    let phone = service.anybody();
    let nonce = phone.get(&slip).field("n").unwrap();
    let cast = phone.post_raw(&slip, &[("n", &nonce), ("home_building", "satisfied"), ("step", "cast")]);
    assert!(cast.text().unwrap().contains("data-receipt"));
    chair.step(&round("custody"), &[("present", "1"), ("handed_out", "1"), ("spoiled", "0"), ("unused", "16")]);
    let scrutineer = service.person("jia-scrutineer");
    scrutineer.submit(&format!("/rounds/{poll}"), &round("custody/confirm"), &[]);
    chair.submit(&round("stop"), &round("stop"), &[]);
    chair.submit(&round("close"), &round("close"), &[]);
    scrutineer.step(&round("result/confirm"), &[]);
    certify(chair, poll);
}

#[test]
fn nothing_is_shown_where_nothing_is_applied_for() {
    let service = Service::new();
    under_changzhou(&service);
    let chair = service.person("jia-chair");
    chair.step("/rounds", &[&FACTS[..], &DECLARED[1..]].concat());
    let poll = service.round_of(service.jia.id);
    let setup = chair.get(&format!("/rounds/{poll}/setup")).body;
    assert!(!setup.contains("还要审查") && rows(&setup).is_empty());
}
