//! Setting a round up, changing it, and opening its box.

use pingjia::domain::account::Role;
use pingjia::domain::dates::Hour;
use pingjia::domain::ids::PollId;
use pingjia::domain::poll::{Facts, Poll};
use pingjia::domain::rules::RuleRegistry;
use pingjia::domain::union::Category;
use pingjia::store::accounts::{NewAccount, PasswordDigest};
use pingjia::store::polls::NewPoll;
use pingjia::store::unions::{self, NewUnion};
use pingjia::store::{By, StoreError, accounts, polls};
use pingjia::world;

use crate::round::{FACTS, approve, cast, prepared, with_slips};
use crate::service::{PASSWORD, Service};
use crate::support::days::day;

fn load(service: &Service, poll: PollId) -> Poll {
    service.database.read(|c| polls::load(c, poll)).unwrap().unwrap()
}

#[test]
fn a_revised_round_keeps_the_rules_that_it_was_set_up_with() {
    let service = Service::new();
    let (chair, superior) = (service.person("jia-chair"), service.person("shi"));
    chair.step("/rounds", &FACTS);
    let poll = service.round_of(service.jia.id);
    let before = load(&service, poll);
    let changed = [("name", "甲厂工会"), ("category", "government_organ"), ("rule_set", "hohhot-2020")];
    let union = format!("/unions/{}/edit", service.jia.id);
    superior.submit(&union, &union, &changed);
    let edit = format!("/rounds/{poll}/edit");
    assert!(chair.get(&edit).body.contains("不低于90%"), "the threshold of the round's own rules");
    let mut facts = FACTS;
    facts[3] = ("place", "食堂");
    chair.submit(&edit, &edit, &facts);
    let after = load(&service, poll);
    assert_eq!(after.facts.place, "食堂");
    assert_eq!((after.paper, after.category, after.rule_set), (before.paper, before.category, before.rule_set));
    assert!(chair.get("/rounds/new").body.contains("呼和浩特"), "a new round takes the union's new rules");
    with_slips(&service, &chair, poll);
    chair.step(&format!("/rounds/{poll}/open"), &[]);
}

#[test]
fn a_rule_set_that_newer_checks_refuse_serves_the_rounds_that_rest_on_it_alone() {
    let mut service = Service::new();
    let old = include_str!("../../src/rules/qingdao-2020.toml")
        .replacen("version = \"1.0.0\"", "version = \"1.0.9\"", 1)
        .replacen("threshold = [9, 10]", "threshold = [0, 10]", 1);
    let rules = RuleRegistry::embedded().unwrap().with([("old.toml", old.as_str())]).unwrap();
    let set = rules.get("qingdao-2020").unwrap().reference();
    let (chair, superior) = (service.person("jia-chair"), service.person("shi"));
    chair.step("/rounds", &FACTS);
    // Another one, as if it had been set up before the checks came.
    let Poll { union, year, category, paper, facts, .. } = load(&service, service.round_of(service.jia.id));
    let new = NewPoll { union, year, category, rule_set: set.clone(), paper, facts };
    let by = By { account: None, at: world::now() };
    let poll = service.database.write(|c| polls::create(c, &new, &mut || 77, by)).unwrap().id;
    let base = service.beside_by(rules);
    let (chair, superior) = (chair.at(&base), superior.at(&base));
    for page in [chair.get("/rounds/new"), chair.post("/rounds", &FACTS)] {
        assert_eq!((page.status, &*page.problem()), (409, "unsound_rule_set"), "{}", page.body);
    }
    let (setup, edit) = (format!("/rounds/{poll}/setup"), format!("/rounds/{poll}/edit"));
    assert!(chair.get(&edit).body.contains("不低于0%"));
    chair.submit(&setup, &format!("/rounds/{poll}/ask"), &[]);
    let oversight = format!("/oversight/{poll}");
    superior.submit(&oversight, &format!("{oversight}/roll"), &[("decision", "approve")]);
    assert_eq!(chair.post(&format!("/rounds/{poll}/slips"), &[("spares", "5")]).status, 200);
    chair.step(&format!("/rounds/{poll}/open"), &[]);
    assert_eq!(load(&service, poll).rule_set, set);
}

#[test]
fn nobody_overwrites_what_another_changed_since_the_form_was_shown() {
    let service = Service::new();
    let (chair, superior) = (service.person("jia-chair"), service.person("shi"));
    chair.step("/rounds", &FACTS);
    let poll = service.round_of(service.jia.id);
    let (setup, union) = (format!("/rounds/{poll}/setup"), format!("/unions/{}/edit", service.jia.id));
    let (edit, ask, officers) =
        (format!("/rounds/{poll}/edit"), format!("/rounds/{poll}/ask"), format!("/rounds/{poll}/officers"));
    let seen = |person: &crate::service::Person, page: &str| person.get(page).field("version").unwrap();
    let old = [seen(&chair, &setup), seen(&chair, &edit), seen(&chair, &officers)];
    assert!(old.iter().all(|version| *version == old[0]));
    let mut facts = FACTS;
    facts[3] = ("place", "食堂");
    chair.submit(&edit, &edit, &facts);
    let late = |path: &str, fields: &[(&str, &str)]| {
        let page = chair.post(path, &[fields, &[("version", &*old[0])]].concat());
        assert_eq!((page.status, &*page.problem()), (409, "stale"), "{path}");
        assert_eq!(chair.post(path, fields).status, 409, "{path}: a form that does not say what it knew");
    };
    late(&edit, &FACTS);
    late(&ask, &[]);
    late(&officers, &[("chief_scrutineer", "周监票"), ("scrutineers", ""), ("tellers", "冯计票\r\n陈计票")]);
    assert_eq!(load(&service, poll).facts.place, "食堂");
    assert_eq!(service.phase(poll), "draft");

    let facts = |name| [("name", name), ("category", "enterprise"), ("rule_set", "qingdao-2020")];
    let known = superior.get(&union).field("version").unwrap();
    superior.submit(&union, &union, &facts("甲厂联合工会"));
    let page = superior.post(&union, &[&facts("甲厂工会")[..], &[("version", &*known)]].concat());
    assert_eq!((page.status, &*page.problem()), (409, "stale"));
}

#[test]
fn what_cannot_be_meant_is_asked_about_when_the_round_is_set_up() {
    let service = Service::new();
    let (chair, superior) = (service.person("jia-chair"), service.person("shi"));
    for (field, value, words) in [
        ("year", "2062", "请核对"),
        ("tellers", "钱计票 孙计票", "每行只写一个人"),
        ("scrutineers", "赵监票、吴监票", "每行只写一个人"),
    ] {
        let facts: Vec<(&str, &str)> =
            FACTS.iter().map(|(name, known)| (*name, if *name == field { value } else { *known })).collect();
        let page = chair.post("/rounds", &facts);
        assert_eq!(page.status, 422, "{field}");
        assert!(page.body.contains(words), "{field}");
    }
    let mut past = FACTS;
    (past[4].1, past[5].1) = (&*day(-3).leak(), &*day(-1).leak());
    past[0].1 = &past[4].1[..4];
    chair.step("/rounds", &past);
    let first = service.round_of(service.jia.id);
    let page = chair.get(&format!("/rounds/{first}/setup")).body;
    assert!(page.contains("结束日期已经过去") && page.contains("请点“修改”改好日期"), "before it is sent up");
    assert!(!page.contains("另有一轮评议"));
    chair.step("/rounds", &past);
    let second = service.round_of(service.jia.id);
    assert_ne!(first, second);
    let other = "年度另有一轮评议：《2026年度会员评议职工之家》";
    assert!(chair.get(&format!("/rounds/{second}/setup")).body.contains(other));
    let above = || superior.get(&format!("/oversight/{second}")).body;
    let told = "年度还有：《2026年度会员评议职工之家》";
    assert!(above().contains(told) && !above().contains("本工会"), "in words for those above");
    chair.step(&format!("/rounds/{first}/void"), &[("reason", "重复")]);
    assert!(!above().contains(told), "what is void does not count");
}

#[test]
fn a_union_without_a_superior_goes_on_once_one_is_put_above_it() {
    let service = Service::new();
    let by = By { account: None, at: world::now() };
    let new = |name: &str, category| NewUnion {
        superior: None,
        name: name.to_owned(),
        credit_code: None,
        category,
        rule_set: "qingdao-2020".to_owned(),
    };
    let digest = PasswordDigest::of(PASSWORD, &[7; 16]).unwrap();
    let person =
        |username: &str, role, union| NewAccount { username: username.into(), role, union, name: "某".into() };
    let factory = service.database.write(|c| {
        let factory = unions::create(c, &new("孤厂工会", Category::Enterprise), by)?;
        accounts::create(c, &person("gu-chair", Role::Chair, factory.id), &digest, by)?;
        Ok::<_, StoreError>(factory)
    });
    let factory = factory.unwrap();
    let chair = service.person("gu-chair");
    chair.step("/rounds", &FACTS);
    let poll = service.round_of(factory.id);
    let (setup, ask) = (format!("/rounds/{poll}/setup"), format!("/rounds/{poll}/ask"));
    let refused = chair.fill(&setup, &ask, &[]);
    assert_eq!((refused.status, refused.problem().as_str()), (409, "no_superior"));
    assert!(refused.body.contains("pingjia setup --above"), "and the way forward");

    let placed = service.database.write(|c| {
        let above = unions::create_above(c, &factory, &new("县总工会", Category::CountyUnion), by)?;
        accounts::create(c, &person("xian", Role::Superior, above.id), &digest, by).map(drop)
    });
    placed.unwrap();
    chair.submit(&setup, &ask, &[]);
    let (superior, oversight) = (service.person("xian"), format!("/oversight/{poll}"));
    assert!(superior.get("/approvals").body.contains(&oversight));
    superior.submit(&oversight, &format!("{oversight}/roll"), &[("decision", "approve")]);
    assert_eq!(chair.post(&format!("/rounds/{poll}/slips"), &[("spares", "5")]).status, 200);
}

#[test]
fn the_tier_applied_for_is_shown_to_chair_and_superior() {
    let service = Service::new();
    let (chair, superior) = (service.person("jia-chair"), service.person("shi"));
    let row = "<dt>申报等级</dt><dd>信赖职工之家</dd>";
    let pages = |facts: &[(&str, &str)]| {
        chair.step("/rounds", facts);
        let poll = service.round_of(service.jia.id);
        [chair.get(&format!("/rounds/{poll}/setup")).body, superior.get(&format!("/oversight/{poll}")).body]
    };
    let tiered = [("name", "甲厂工会"), ("category", "enterprise"), ("rule_set", "changzhou-2016")];
    let union = format!("/unions/{}/edit", service.jia.id);
    superior.submit(&union, &union, &tiered);
    assert!(pages(&FACTS).iter().all(|page| !page.contains("申报等级")), "only where a tier is applied for");
    let applying = [&FACTS[..], &[("applying_for", "trusted")]].concat();
    assert!(pages(&applying).iter().all(|page| page.contains(row)));
}

#[test]
fn opening_the_box_is_asked_about_first() {
    let service = Service::new();
    let (poll, _) = prepared(&service);
    let chair = service.person("jia-chair");
    let (setup, open) = (format!("/rounds/{poll}/setup"), format!("/rounds/{poll}/open"));
    let draft = chair.get(&setup).body;
    assert!(draft.contains(&format!("href=\"{open}\"")) && !draft.contains(&format!("action=\"{open}\"")));
    let asked = chair.get(&open).body;
    for words in ["2026年11月20日至2026年11月21日", "一共 17 张", "备用 5 张", "不能再改"] {
        assert!(asked.contains(words), "{words}");
    }
    assert!(!asked.contains("没有可用的监票人账号"));
    assert!(asked.contains("没有同名的账号"), "who is named on the sheet is to be who acts");
    let accounts = service.database.read(|c| accounts::of_union(c, service.jia.id)).unwrap();
    let scrutineer = accounts.into_iter().find(|account| account.role == Role::Scrutineer).unwrap();
    let by = By { account: None, at: world::now() };
    service.database.write(|c| accounts::set_active(c, &scrutineer, false, by)).unwrap();
    assert!(chair.get(&open).body.contains("没有可用的监票人账号"));
    assert_eq!(service.phase(poll), "draft");
    chair.submit(&open, &open, &[]);
    assert_eq!(service.phase(poll), "open");
    assert_eq!(chair.get(&open).status, 409);
}

#[test]
fn the_chair_is_told_that_no_day_ends_the_ballot_by_itself() {
    let service = Service::new();
    let (chair, teller) = (service.person("jia-chair"), service.person("jia-teller1"));
    for (ends, overdue) in [(-1, true), (0, false)] {
        let mut facts = FACTS;
        (facts[4].1, facts[5].1) = (&*day(-2).leak(), &*day(ends).leak());
        chair.step("/rounds", &facts);
        let poll = service.round_of(service.jia.id);
        with_slips(&service, &chair, poll);
        chair.step(&format!("/rounds/{poll}/open"), &[]);
        let round = format!("/rounds/{poll}");
        assert_eq!(chair.get(&round).body.contains("data-overdue"), overdue);
        assert!(!teller.get(&round).body.contains("data-overdue"), "whose turn it is not");
        chair.step(&format!("/rounds/{poll}/stop"), &[]);
        assert!(!chair.get(&round).body.contains("data-overdue"), "phones are closed");
    }
}

#[test]
fn the_announced_hour_is_kept_and_shown_to_members() {
    let service = Service::new();
    let chair = service.person("jia-chair");
    let at = |hour| [&FACTS[..], &[("ends_at", hour)]].concat();
    let refused = chair.post("/rounds", &at("24"));
    assert!(refused.status == 422 && refused.body.contains("结束那天几时截止：请从列表中选择"));
    chair.step("/rounds", &at("18"));
    let poll = service.round_of(service.jia.id);
    assert_eq!(load(&service, poll).facts.ends_at, Hour::new(18));
    let edit = format!("/rounds/{poll}/edit");
    assert!(chair.get(&edit).body.contains("<option value=\"18\" selected>18时</option>"), "what was set is kept");
    chair.submit(&edit, &edit, &at(""));
    assert_eq!(load(&service, poll).facts.ends_at, None);
    chair.submit(&edit, &edit, &at("17"));
    assert!(chair.get(&format!("/rounds/{poll}/setup")).body.contains("至2026年11月21日17时"));
    let slips = with_slips(&service, &chair, poll);
    assert!(slips.body.contains("截止2026年11月21日17时"), "on the slips");
    assert!(chair.get(&format!("/rounds/{poll}/poster")).body.contains("截止2026年11月21日17时"), "on the poster");
    assert!(service.person("shi").get(&format!("/oversight/{poll}")).body.contains("至2026年11月21日17时"));
    chair.step(&format!("/rounds/{poll}/open"), &[]);
    let codes = slips.field("codes").unwrap();
    let ballot = service.anybody().get(&format!("/V/{}", codes.split(' ').next().unwrap()));
    assert!(ballot.body.contains("11月21日17时截止"), "on the ballot: {}", ballot.body);
}

#[test]
fn scrutineers_and_tellers_are_named_anew_until_the_box_is_opened() {
    let service = Service::new();
    let (chair, scrutineer, superior) =
        (service.person("jia-chair"), service.person("jia-scrutineer"), service.person("shi"));
    let (poll, codes) = prepared(&service);
    let (round, officers) = (format!("/rounds/{poll}"), format!("/rounds/{poll}/officers"));
    let named =
        |chief: &'static str| [("chief_scrutineer", chief), ("scrutineers", ""), ("tellers", "冯计票\r\n陈计票")];
    assert!(chair.get(&format!("{round}/setup")).body.contains(&officers), "the meeting chose others");
    chair.submit(&officers, &officers, &named("周监票"));
    assert_eq!(load(&service, poll).facts.tellers, ["冯计票", "陈计票"]);
    for judged in ["王主席", "冯计票", ""] {
        assert_eq!(chair.fill(&officers, &officers, &named(judged)).status, 422, "{judged}");
    }
    assert_eq!(scrutineer.post(&officers, &named("李监票")).status, 403);
    chair.step(&format!("{round}/open"), &[]);
    cast(&service, &codes[0], "satisfied");
    assert!(chair.get(&round).body.contains(&officers), "somebody fell ill");
    chair.submit(&officers, &officers, &named("吴监票"));
    assert!(cast(&service, &codes[1], "satisfied").body.contains("data-receipt"), "voting goes on");
    let seen = superior.get(&format!("/oversight/{poll}")).body;
    assert!(
        seen.contains("监票人吴监票，计票人冯计票、陈计票") && seen.contains("监票人周监票"),
        "who was named, and before"
    );
    chair.step(&format!("{round}/void"), &[("reason", "停电")]);
    assert_eq!(chair.get(&officers).status, 409);
    assert_eq!(chair.post(&officers, &named("郑监票")).status, 409);
}

#[test]
fn no_more_slips_are_made_than_can_be_printed() {
    let service = Service::new();
    let chair = service.person("jia-chair");
    let mut facts = FACTS;
    (facts[6].1, facts[7].1) = ("400000", "300001");
    let refused = chair.post("/rounds", &facts);
    assert!(refused.status == 422 && refused.body.contains("应在1到300000之间"), "{}", refused.body);

    // As an earlier version took it.
    chair.step("/rounds", &FACTS);
    let id = service.round_of(service.jia.id);
    let poll = load(&service, id);
    let more = Facts { member_total: 400_000, expected: 300_001, ..poll.facts.clone() };
    let by = By { account: None, at: world::now() };
    service.database.write(|c| polls::revise(c, &poll, &more, &poll.paper, by)).unwrap();
    approve(&service, &chair, id);
    let refused = chair.post(&format!("/rounds/{id}/slips"), &[("spares", "0")]);
    assert!(refused.status == 422 && refused.body.contains("一轮最多印300000张选票"), "{}", refused.body);
}

#[test]
fn a_round_that_could_never_be_assessed_is_not_opened() {
    let service = Service::new();
    let chair = service.person("jia-chair");
    for spoil in [
        |poll: &mut Poll| poll.paper.items[0].id = "union_work".into(),
        |poll: &mut Poll| poll.facts.applying_for = Some("no_such_tier".to_owned()),
    ] {
        chair.step("/rounds", &FACTS);
        let id = service.round_of(service.jia.id);
        let mut poll = load(&service, id);
        spoil(&mut poll);
        let by = By { account: None, at: world::now() };
        service.database.write(|c| polls::revise(c, &poll, &poll.facts, &poll.paper, by)).unwrap();
        with_slips(&service, &chair, id);
        let refused = chair.post(&format!("/rounds/{id}/open"), &[]);
        assert_eq!((refused.status, refused.problem().as_str()), (409, "not_judgeable"));
        assert_eq!(service.phase(id), "draft");
    }
}
