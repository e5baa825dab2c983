//! Titles over real HTTP: put down by those above, listed for a tree, shown to the union.

use pingjia::domain::account::Role;
use pingjia::domain::union::{Category, Union};
use reqwest::StatusCode;

use crate::house::{House, Page, Person};
use crate::support::days::day;
use crate::{City, city, workbook};

on_both!(
    a_title_is_followed_from_the_naming_to_its_end,
    wrong_entries_are_refused_and_kept,
    where_the_members_decide_a_short_result_is_shown,
    only_those_above_put_down_titles,
);

/// A union and its chair, who signs in by the union's name.
fn factory(house: &House, above: &Union, name: &str, rule_set: &str) -> Union {
    let union = house.union_under(Some(above), name, Category::Enterprise, rule_set);
    house.account(&union, Role::Chair, name);
    union
}

fn give(superior: &Person, union: &Union, tier: &str, given_on: &str) -> Page {
    let fields = [("tier", tier), ("label", "职工之家"), ("named_by", "示例省总工会"), ("given_on", given_on)];
    superior.post(&format!("/unions/{}/titles", union.id), &fields)
}

/// The ids of the titles in the list, and their states.
fn listed(page: &Page) -> Vec<(String, String)> {
    page.between("data-title=\"", "\"").into_iter().zip(page.between("data-state=\"", "\"")).collect()
}

fn decide(superior: &Person, title: &str, version: &str, decision: &str, on: &str, why: &str) -> Page {
    let fields = [("version", version), ("decision", decision), ("decided_on", on), ("until", ""), ("why", why)];
    superior.post(&format!("/titles/{title}"), &fields)
}

fn a_title_is_followed_from_the_naming_to_its_end(City { house, east, .. }: City) {
    let union = factory(&house, &east, "甲厂工会", "qingdao-2020");
    let (superior, chair) = (house.sign_in("east"), house.sign_in("甲厂工会"));
    assert!(superior.get(&format!("/unions/{}", union.id)).text.contains("目前没有有效的称号"));
    assert!(!chair.get("/desk").text.contains("现有称号"));
    let made = give(&superior, &union, "model", &day(-1200));
    assert_eq!(made.status, StatusCode::SEE_OTHER);
    assert!(superior.get(&made.location).text.contains("称号已登记"));
    let list = superior.get("/titles");
    let [(title, state)] = &listed(&list)[..] else { panic!("{}", list.text) };
    assert_eq!(state, "review_due", "three years have passed");
    for words in ["模范职工之家", "示例省总工会", "应当复核", "第五条（SD-5.8）", "已保持3年，已满3年"]
    {
        assert!(list.text.contains(words), "{words}");
    }
    assert_eq!(list.between("data-count=\"review_due\">", "<"), ["1"]);
    let desk = superior.get("/desk");
    assert_eq!(desk.between("data-total=\"review_due\">", "<"), ["1"]);
    assert!(chair.get("/desk").text.contains("现有称号：模范职工之家（示例省总工会"));
    let shown = superior.get(&format!("/titles/{title}"));
    for words in ["每三年复核一次", "可据此推荐申报上一级五一劳动奖", "复核不合格，限期整改", "6个月"]
    {
        assert!(shown.text.contains(words), "{words}");
    }
    let book = workbook(&superior.bytes("/desk/rollup.xlsx?year=2026"));
    let row = book[0].iter().find(|row| row[0] == "甲厂工会").unwrap();
    assert_eq!(row[14], "模范职工之家（示例省总工会）", "{row:?}");

    assert_eq!(decide(&superior, title, "0", "fail", &day(-200), "阵地被占用").status, StatusCode::SEE_OTHER);
    let list = superior.get("/titles");
    assert_eq!(listed(&list)[0].1, "expired", "half a year has passed");
    assert!(list.text.contains("应当由命名单位（示例省总工会）撤销"));
    assert!(superior.get("/desk").text.contains("1项复核不合格、整改逾期"));
    let stale = decide(&superior, title, "0", "confirm", &day(0), "");
    assert_eq!(stale.status, StatusCode::CONFLICT, "the page shows an older state");
    let twice = decide(&superior, title, "1", "fail", &day(0), "还是不行");
    assert!(twice.status == StatusCode::CONFLICT && twice.text.contains("已经在限期整改"));
    assert_eq!(decide(&superior, title, "1", "confirm", &day(-10), "").status, StatusCode::SEE_OTHER);
    assert_eq!(listed(&superior.get("/titles"))[0].1, "held");
    assert_eq!(decide(&superior, title, "2", "revoked", &day(0), "弄虚作假").status, StatusCode::SEE_OTHER);
    assert_eq!(listed(&superior.get("/titles"))[0].1, "ended");
    assert_eq!(decide(&superior, title, "3", "mistaken", &day(0), "再改").status, StatusCode::CONFLICT);
    assert!(!chair.get("/desk").text.contains("现有称号"));
    let record = superior.get(&format!("/unions/{}/titles", union.id));
    for words in ["登记称号", "登记复核不合格", "登记复核合格", "登记称号终止", "阵地被占用", "弄虚作假", "已撤销"]
    {
        assert!(record.text.contains(words), "the record says {words}");
    }
}

fn wrong_entries_are_refused_and_kept(City { house, east, .. }: City) {
    let union = factory(&house, &east, "甲厂工会", "qingdao-2020");
    let superior = house.sign_in("east");
    for (tier, on, words) in [
        ("", &*day(-9), "请选择一项称号"),
        ("trusted", &*day(-9), "请选择一项称号"),
        ("model", "", "请填写命名日期"),
        ("model", &*day(1), "还没有到"),
        ("model", "2026-02-30", "年-月-日"),
    ] {
        let refused = give(&superior, &union, tier, on);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{words}");
        assert!(refused.text.contains(words) && refused.text.contains("value=\"示例省总工会\""), "{words}");
    }
    assert_eq!(give(&superior, &union, "model", &day(-9)).status, StatusCode::SEE_OTHER);
    let same = give(&superior, &union, "model", &day(-8));
    assert!(same.status == StatusCode::UNPROCESSABLE_ENTITY && same.text.contains("已经有同一单位命名"));
    assert_eq!(give(&superior, &union, "other", &day(-8)).status, StatusCode::SEE_OTHER, "another name");
    let list = superior.get("/titles?tier=model");
    let [(title, _)] = &listed(&list)[..] else { panic!("one: {}", list.text) };
    for (decision, on, why, words) in [
        ("", &*day(0), "", "请选择办理什么"),
        ("confirm", &*day(1), "", "还没有到"),
        ("confirm", &*day(-10), "", "日期不能早于命名"),
        ("fail", &*day(0), "", "理由和说明：请填写"),
        ("revoked", &*day(0), "\u{202e}假", "看不见的字符"),
    ] {
        let refused = decide(&superior, title, "0", decision, on, why);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{words}");
        assert!(refused.text.contains(words), "{words}: {}", refused.text);
    }
    let limitless = [
        ("version", "0"),
        ("decision", "fail"),
        ("decided_on", &*day(0)),
        ("until", "9999-12-31"),
        ("why", "阵地被占用"),
    ];
    let refused = superior.post(&format!("/titles/{title}"), &limitless);
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.text.contains("请核对年份"));
    let only = |query: &str| listed(&superior.get(&format!("/titles?{query}"))).len();
    assert_eq!([only("tier=other"), only("state=held"), only("state=ended"), only("name=%E7%94%B2")], [1, 2, 0, 2]);
}

fn where_the_members_decide_a_short_result_is_shown(City { house, east, .. }: City) {
    let union = factory(&house, &east, "甲厂工会", "chaoyang-2013");
    let chair = house.account(&union, Role::Chair, "another");
    let superior = house.sign_in("east");
    give(&superior, &union, "", &day(-9));
    assert_eq!(listed(&superior.get("/titles"))[0].1, "held");
    house.certified(&union, &chair, 8, 2);
    let list = superior.get("/titles");
    assert_eq!(listed(&list)[0].1, "in_question");
    for words in ["可以由命名单位（示例省总工会）撤销", "（CY-3.3）", "未达标"] {
        assert!(list.text.contains(words), "{words}");
    }
    let (title, _) = &listed(&list)[0];
    let shown = superior.get(&format!("/titles/{title}"));
    assert!(shown.text.contains("怎样算“不满意”，文件没有规定"), "what the rules leave open is said");
    assert!(!shown.text.contains("复核合格"), "no review is named");
    let review = decide(&superior, title, "0", "confirm", &day(0), "");
    assert!(review.status == StatusCode::CONFLICT && review.text.contains("没有规定复核"));
}

fn only_those_above_put_down_titles(City { house, root, east, west }: City) {
    let union = factory(&house, &east, "甲厂工会", "qingdao-2020");
    factory(&house, &east, "乙厂工会", "qingdao-2020");
    house.account(&west, Role::Superior, "west");
    let town = house.union(Some(&east), "甲街道总工会", Category::TownshipUnion);
    house.account(&town, Role::Superior, "town");
    house.account(&root, Role::Operator, "operator");
    let city = house.sign_in("city");
    assert_eq!(give(&city, &union, "model", &day(-9)).status, StatusCode::SEE_OTHER, "the whole subtree");
    let (title, _) = listed(&city.get("/titles")).remove(0);
    let people = ["甲厂工会", "operator", "west", "town", "east"].map(|name| house.sign_in(name));
    let before = house.fingerprint();
    let [chair, operator, west, town, east_one] = &people;
    for person in [west, town] {
        assert_eq!(give(person, &union, "advanced", &day(-9)).status, StatusCode::NOT_FOUND);
        assert_eq!(decide(person, &title, "0", "revoked", &day(0), "假").status, StatusCode::NOT_FOUND);
        assert_eq!(person.get(&format!("/titles/{title}")).status, StatusCode::NOT_FOUND);
        assert_eq!(person.get(&format!("/unions/{}/titles", union.id)).status, StatusCode::NOT_FOUND);
        assert!(listed(&person.get("/titles")).is_empty());
    }
    for person in [chair, operator] {
        assert_eq!(give(person, &union, "advanced", &day(-9)).status, StatusCode::FORBIDDEN);
        assert_eq!(decide(person, &title, "0", "revoked", &day(0), "假").status, StatusCode::FORBIDDEN);
        assert_eq!(person.get("/titles").status, StatusCode::FORBIDDEN);
    }
    assert_eq!(give(east_one, &east, "model", &day(-9)).status, StatusCode::NOT_FOUND, "never one's own");
    assert!(!operator.get(&format!("/unions/{}", union.id)).text.contains("职工之家称号"));
    assert_eq!(house.fingerprint(), before, "nothing was changed");
}
