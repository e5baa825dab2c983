//! A running round over real HTTP with plain forms: from the open box to the signed and corrected sheet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod busy;
mod house;
#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead as _, BufReader};

use actix_web::http::Method;
use pingjia::domain::account::Role;
use pingjia::domain::ids::PollId;
use pingjia::domain::poll::{Phase, VoidReason};
use pingjia::domain::slip::SlipCode;
use pingjia::http::routes::{self, Access};
use pingjia::store::{journal, sessions, sheets};
use pingjia::world;

use house::{House, Page, Person};
use support::days::day;

fn custody<'a>(
    present: &'a str,
    handed_out: &'a str,
    spoiled: &'a str,
    unused: &'a str,
) -> [(&'static str, &'a str); 4] {
    [("present", present), ("handed_out", handed_out), ("spoiled", spoiled), ("unused", unused)]
}

/// The version that the page of a scrutineer names.
fn version(house: &House, id: PollId) -> String {
    house.poll(id).version.to_string()
}

fn ok(page: &Page) {
    assert_eq!(page.status, 303, "{}", page.text);
}

/// One teller enters one slip.
fn enter(teller: &Person, id: PollId, slip: &SlipCode, answer: &str) -> Page {
    let code = slip.typing_form();
    let field = if answer == "invalid" { ("invalid", "1") } else { ("home", answer) };
    teller.post(&format!("/rounds/{id}/paper"), &[("slip", &code), field])
}

#[test]
fn a_round_goes_from_the_open_box_to_the_corrected_sheet() {
    let house = House::new();
    let (chair, scrutineer, [first, second, third]) = (&house.ours.chair, &house.ours.scrutineer, &house.ours.tellers);
    let (id, slips) = house.open(12, 3);
    let at = |step: &str| format!("/rounds/{id}{step}");
    for slip in &slips.roll[..5] {
        house.cast(id, slip, "satisfied");
    }
    let page = chair.get(&at(""));
    assert!(page.text.contains("data-phase=\"open\"") && page.text.contains("data-now=\"spent\">5<"), "{}", page.text);
    assert!(page.text.contains("登记选票去向") && page.text.contains("还不能显示"), "no live tally of five");

    // Custody: counted by the chair, confirmed by the scrutineer who saw these very figures.
    let refused = chair.post(&at("/custody"), &custody("9", "三", "1", ""));
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("value=\"三\"") && refused.text.contains("请填写整数"));
    assert_eq!(chair.post(&at("/custody"), &custody("9", "4", "0", "11")).status, 422, "five were cast already");
    assert_eq!(chair.post(&at("/custody"), &custody("9", "13", "0", "2")).status, 422, "more than are entitled");
    assert!(house.poll(id).phase.custody().is_none());
    let doubted = chair.post(&at("/custody"), &custody("8", "9", "1", "2"));
    assert!(doubted.status == 422 && doubted.text.contains("发出的票比到会的人多") && doubted.text.contains("insist"));
    ok(&chair.post(&at("/custody"), &[&custody("8", "9", "1", "2")[..], &[("insist", "1")]].concat()));
    ok(&chair.post(&at("/custody"), &custody("9", "9", "1", "2")));
    assert!(chair.get(&at("")).text.contains("还差 3 张没有交代"));
    let seen = version(&house, id);
    ok(&chair.post(&at("/custody"), &custody("9", "9", "1", "5")));
    assert_eq!(chair.post(&at("/custody/confirm"), &[("version", &version(&house, id))]).status, 403);
    assert_eq!(first.post(&at("/custody/confirm"), &[("version", &version(&house, id))]).status, 403);
    let stale = scrutineer.post(&at("/custody/confirm"), &[("version", &seen)]);
    assert_eq!(stale.status, 409, "the figures have changed since");
    assert!(scrutineer.get(&at("")).text.contains(&format!("name=\"version\" value=\"{}\"", version(&house, id))));
    ok(&scrutineer.post(&at("/custody/confirm"), &[("version", &version(&house, id))]));

    // Spoiled and unused slips are voided; a mistyped line voids nothing.
    let [spoiled, spare] = [&slips.roll[11], &slips.spares[0]].map(SlipCode::typing_form);
    let spent = slips.roll[0].link_form();
    let refused = scrutineer.post(&at("/void-slips"), &[("codes", &format!("{spoiled}\r\nABC"))]);
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("第 2 行") && refused.text.contains(&spoiled), "what was typed is kept");
    assert_eq!(house.office.ballot_box.turnout(id).unwrap().voided, 0);
    // From the confirmation on the chair voids nothing, even by counting again.
    ok(&chair.post(&at("/custody"), &custody("9", "9", "1", "4")));
    assert_eq!(chair.post(&at("/void-slips"), &[("codes", &spoiled)]).status, 409);
    ok(&chair.post(&at("/custody"), &custody("9", "9", "1", "5")));
    ok(&scrutineer.post(&at("/custody/confirm"), &[("version", &version(&house, id))]));
    for refused in [chair.get(&at("/void-slips")), chair.post(&at("/void-slips"), &[("codes", &spoiled)])] {
        assert!(refused.status == 409 && refused.text.contains("只有监票人能作废选票"), "{}", refused.text);
    }
    assert!(!chair.get(&at("")).text.contains(&at("/void-slips")), "and is offered nothing");
    let done = scrutineer.post(&at("/void-slips"), &[("codes", &format!("{spoiled}\r\n{spare}\n{spent}\n{spoiled}"))]);
    ok(&done);
    assert_eq!(done.location, at("/void-slips?lines=uusv"), "no code stands in an address");
    let told = scrutineer.get(&done.location).text;
    assert!(told.contains("第 3 行：已经投过票") && told.contains("第 4 行：以前已经作废"), "{told}");
    assert_eq!(house.office.ballot_box.turnout(id).unwrap().voided, 2);
    let before = trace(&house, id);
    ok(&scrutineer.post(&at("/void-slips"), &[("codes", &spent)]));
    assert_eq!(trace(&house, id), before, "what voids nothing leaves no line");

    let beyond: Vec<String> = slips.roll[5..10].iter().map(SlipCode::typing_form).collect();
    let refused = scrutineer.post(&at("/void-slips"), &[("codes", &beyond.join("\n"))]);
    assert!(refused.status == 409 && refused.text.contains("请工会主席改正选票去向"), "{}", refused.text);
    assert_eq!(house.office.ballot_box.turnout(id).unwrap().voided, 2, "seven would be more than six");

    // Phones stop; paper comes in by two tellers.
    assert_eq!(first.get(&at("/paper")).status, 409, "phones are open");
    let asked = chair.get(&at("/stop")).text;
    assert!(asked.contains("不能恢复") && asked.contains("就知道这几个人怎么投的"), "few phones beside paper: {asked}");
    ok(&chair.post(&at("/stop"), &[]));
    assert_eq!(chair.post(&at("/stop"), &[]).status, 409, "once");
    let paper = &slips.roll[5];
    let missing = first.post(&at("/paper"), &[("slip", &paper.typing_form())]);
    assert!(missing.status == 422 && missing.text.contains(&paper.typing_form()) && missing.text.contains("还没有录"));
    assert_eq!(enter(first, id, paper, "kept").status, 422, "not on this paper");
    let both = [("slip", paper.typing_form()), ("invalid", "1".to_owned()), ("home", "satisfied".to_owned())];
    let both: Vec<(&str, &str)> = both.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(first.post(&at("/paper"), &both).status, 422, "valid or invalid, not both");
    assert_eq!(enter(first, id, paper, "dissatisfied").location, at("/paper?entry=waiting"));
    assert_eq!(enter(first, id, paper, "dissatisfied").location, at("/paper?entry=waiting"), "one person, one reading");
    assert!(chair.get(&at("/close")).text.contains("还有 1 张纸质选票只有一名计票人录入"));
    let returned = scrutineer.post(&at("/void-slips"), &[("codes", &paper.typing_form())]);
    assert!(scrutineer.get(&returned.location).text.contains("计票人正在录入，不能作废"));
    let waiting = chair.post(&at("/close"), &[]);
    assert!(waiting.status == 409 && waiting.text.contains("1张"), "{}", waiting.text);
    assert_eq!(enter(second, id, paper, "dissatisfied").location, at("/paper?entry=cast"));
    assert_eq!(enter(third, id, &slips.roll[6], "satisfied").status, 409, "two tellers, not three");
    assert_eq!(enter(second, id, &slips.roll[6], "satisfied").location, at("/paper?entry=waiting"));
    assert_eq!(enter(first, id, &slips.roll[6], "blank").location, at("/paper?entry=differs"));
    for (teller, entry) in [(first, "waiting"), (second, "cast")] {
        assert_eq!(enter(teller, id, &slips.roll[7], "invalid").location, at(&format!("/paper?entry={entry}")));
    }
    let before = trace(&house, id).4;
    for (slip, words) in [(&slips.roll[0], "已经计入"), (&slips.roll[11], "已经作废")] {
        let refused = enter(first, id, slip, "satisfied");
        assert!(refused.status == 422 && refused.text.contains(words), "{}", refused.text);
    }
    assert_eq!(trace(&house, id).4, before + 1, "a member may have been beaten to it: that is set down");
    assert!(chair.get(&at("")).text.contains("录入纸质选票时，遇到已经计入的选票"));

    // A paper that only one teller ever read would keep the box shut: the scrutineer drops what was entered of it.
    assert_eq!(enter(second, id, &slips.roll[8], "satisfied").location, at("/paper?entry=waiting"));
    assert_eq!(chair.post(&at("/close"), &[]).status, 409);
    for other in [chair, first] {
        assert_eq!(other.post(&at("/paper/drop"), &[("seen", "1")]).status, 403);
    }
    for seen in ["", "2"] {
        assert_eq!(scrutineer.post(&at("/paper/drop"), &[("seen", seen)]).status, 409, "not what the page showed");
    }
    assert!(scrutineer.get(&at("/paper/drop")).text.contains("现在有 1 张"));
    ok(&scrutineer.post(&at("/paper/drop"), &[("seen", "1")]));
    assert!(chair.get(&at("")).text.contains("取消只有一人录入的纸质选票：1 张"));
    let before = trace(&house, id);
    ok(&scrutineer.post(&at("/paper/drop"), &[("seen", "0")]));
    assert_eq!(trace(&house, id), before, "nothing to drop, nothing to say");

    // The box is opened; nothing is signed before a scrutineer has confirmed.
    assert!(chair.get(&at("/close")).text.contains("收回 7 张"));
    ok(&chair.post(&at("/close"), &[]));
    let page = chair.get(&at("")).text;
    assert!(
        page.contains("data-phase=\"closed\"") && page.contains("<svg") && page.contains("83.33%"),
        "5 of 6: {page}"
    );
    assert_eq!(page.matches("已销毁").count(), 2, "both folders of the vault");
    assert!(!page.contains(&format!("\"{}\"", at("/void"))), "a result that was seen is not called off");
    for refused in [chair.get(&at("/void")), chair.post(&at("/void"), &[("reason", "结果不好")])] {
        assert!(refused.status == 409 && refused.text.contains("票箱已经打开，不能自行作废"), "{}", refused.text);
    }
    assert!(matches!(house.poll(id).phase, Phase::Closed { .. }));
    let closing = [
        ("problems", "场地小"),
        ("rectification", "扩建"),
        ("responsible", "王主席"),
        ("deadline", &day(30)),
        ("way", "公告栏"),
        ("published_on", &day(0)),
    ]
    .map(|(name, value): (&str, &str)| (name.to_owned(), value.to_owned()));
    let closing: Vec<(&str, &str)> = closing.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(chair.post(&at("/certify"), &closing).status, 409);
    assert_eq!(chair.post(&at("/result/confirm"), &[]).status, 403, "nobody confirms what they ran");
    ok(&first.post(&at("/result/confirm"), &[]));
    assert_eq!(chair.get(&at("/certify")).status, 409, "a teller alone is not enough");
    ok(&scrutineer.post(&at("/result/confirm"), &[]));
    let refused = chair.post(&at("/certify"), &closing[..3]);
    assert!(refused.status == 422 && refused.text.contains("扩建") && refused.text.contains("必须填写"), "not met");
    ok(&chair.post(&at("/certify"), &closing));
    let signed = house.poll(id).phase.sheet().unwrap().clone();
    assert_eq!(chair.get(&format!("/sheets/{signed}")).status, 200);

    // Returned by the union above, corrected, both on record.
    house.opine(id, false, "责任人应为工会委员");
    let page = chair.get(&at("/certify")).text;
    assert!(page.contains("责任人应为工会委员") && page.contains("场地小"), "filled in as before");
    ok(&chair.post(&at("/certify"), &closing));
    let corrected = house.poll(id).phase.sheet().unwrap().clone();
    assert_ne!(corrected, signed);
    assert_eq!(house.office.database.read(|c| sheets::of_poll(c, id)).unwrap().len(), 2);
    let page = chair.get(&at("")).text;
    for words in ["李监票", "签发更正后的结果报告单", "停止手机投票", "作废选票：2 张", signed.as_str()]
    {
        assert!(page.contains(words), "{words}");
    }
    assert_eq!(chair.post(&at("/void"), &[("reason", "反悔")]).status, 409, "a signed round stays");
}

fn session_of(house: &House, role: Role, ours: bool) -> Option<&Person> {
    let staff = if ours { &house.ours } else { &house.theirs };
    match role {
        Role::Chair => Some(&staff.chair),
        Role::Scrutineer => Some(&staff.scrutineer),
        Role::Teller => Some(&staff.tellers[0]),
        Role::Superior | Role::Operator => None,
    }
}

/// What a request may change: the round, its slips and its journal.
fn trace(house: &House, id: PollId) -> (i64, u64, u64, u64, i64) {
    let turnout = house.office.ballot_box.turnout(id).unwrap();
    let lines = house.office.database.read(|c| journal::of_poll(c, id, 0)).unwrap().1.total;
    (house.poll(id).version, turnout.spent, turnout.voided, house.office.ballot_box.paper_waiting(id).unwrap(), lines)
}

#[test]
fn people_of_another_union_are_refused_everywhere() {
    let house = House::new();
    let (id, slips) = house.open(12, 0);
    let code = slips.roll[0].typing_form();
    let fields = [
        ("slip", code.as_str()),
        ("codes", code.as_str()),
        ("home", "satisfied"),
        ("reason", "外人"),
        ("version", "4"),
    ];
    let mut tried = 0;
    for phase in ["open", "counting"] {
        if phase == "counting" {
            ok(&house.ours.chair.post(&format!("/rounds/{id}/stop"), &[]));
        }
        let before = trace(&house, id);
        for endpoint in routes::table().iter().filter(|endpoint| endpoint.path.starts_with("/rounds/{id}")) {
            let Access::Roles(roles) = endpoint.access else { panic!("{} is for everybody", endpoint.path) };
            let path = endpoint.path.replace("{id}", &id.to_string());
            for person in roles.iter().filter_map(|role| session_of(&house, *role, false)) {
                let page = if endpoint.method == Method::GET { person.get(&path) } else { person.post(&path, &fields) };
                assert_eq!(page.status, 404, "{} {path} {:?}", endpoint.method, person.account.role);
                tried += 1;
            }
        }
        assert_eq!(trace(&house, id), before);
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn looking_changes_nothing_and_forms_need_their_token() {
    let house = House::new();
    let (id, slips) = house.open(12, 0);
    house.cast(id, &slips.roll[0], "satisfied");
    for step in 0..2 {
        if step == 1 {
            ok(&house.ours.chair.post(&format!("/rounds/{id}/custody"), &custody("12", "12", "0", "0")));
            let version = version(&house, id);
            ok(&house.ours.scrutineer.post(&format!("/rounds/{id}/custody/confirm"), &[("version", &version)]));
            ok(&house.ours.chair.post(&format!("/rounds/{id}/stop"), &[]));
        }
        let before = trace(&house, id);
        for endpoint in routes::table().iter().filter(|endpoint| endpoint.path.starts_with("/rounds/{id}")) {
            let Access::Roles(roles) = endpoint.access else { continue };
            let path = endpoint.path.replace("{id}", &id.to_string());
            for person in roles.iter().filter_map(|role| session_of(&house, *role, true)) {
                if endpoint.method == Method::POST {
                    assert_eq!(person.post_bare(&path, &[("reason", "x")]).status, 403, "{path}");
                } else if !path.ends_with("/events") {
                    assert!(person.get(&path).status < 500, "{path}");
                }
            }
        }
        assert_eq!(trace(&house, id), before, "step {step}");
    }
}

#[test]
fn the_page_hears_of_changes_until_the_session_ends() {
    let house = House::new();
    let (id, slips) = house.open(300, 0);
    let chair = &house.ours.chair;
    let response = chair.stream(&format!("/rounds/{id}/events"));
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    // Bounded, so that a stream that says nothing new fails the test instead of holding it up.
    let mut lines = BufReader::new(response).lines().map(Result::unwrap).take(1000);
    let mut next = || lines.by_ref().find(|line| line.starts_with("data: "));
    assert!(next().unwrap().contains("\"spent\":0"));
    // One by one: the box takes a live state aside now and then, and shows it ten ballots later.
    let mut slips = slips.roll.iter();
    while house.office.ballot_box.live(id).unwrap().is_none() {
        house.cast(id, slips.next().expect("a live state comes long before the last ballot"), "satisfied");
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
    let live = std::iter::from_fn(&mut next).find(|line| !line.contains("\"live\":0"));
    assert!(live.is_some_and(|line| !line.contains("\"spent\":0")), "turnout and live state come by themselves");
    let page = chair.get(&format!("/rounds/{id}")).text;
    assert!(page.contains("张手机票。为了谁也猜不出") && page.contains("<svg"));
    let ended = house.office.database.write(|c| sessions::end(c, &chair.account, &chair.token, world::now()));
    ended.unwrap();
    house.cast(id, slips.next().unwrap(), "satisfied");
    assert_eq!(std::iter::from_fn(&mut next).last().as_deref(), Some("data: {}"), "signed out");
}

#[test]
fn more_ballots_than_slips_handed_out_void_the_round() {
    let house = House::new();
    let (id, slips) = house.open(5, 0);
    let (chair, scrutineer) = (&house.ours.chair, &house.ours.scrutineer);
    for slip in &slips.roll[..3] {
        house.cast(id, slip, "satisfied");
    }
    let mut fields = custody("5", "2", "0", "3").to_vec();
    let asked = chair.post(&format!("/rounds/{id}/custody"), &fields);
    assert!(asked.status == 422 && asked.text.contains("name=\"insist\""));
    fields.push(("insist", "1"));
    ok(&chair.post(&format!("/rounds/{id}/custody"), &fields));
    ok(&scrutineer.post(&format!("/rounds/{id}/custody/confirm"), &[("version", &version(&house, id))]));
    ok(&chair.post(&format!("/rounds/{id}/stop"), &[]));
    assert!(chair.get(&format!("/rounds/{id}/close")).text.contains("会作废"));
    ok(&chair.post(&format!("/rounds/{id}/close"), &[]));
    let reason = VoidReason::MoreSpentThanHandedOut { spent: 3, handed_out: 2 };
    assert_eq!(house.poll(id).phase, Phase::Void { reason });
    assert!(chair.get(&format!("/rounds/{id}")).text.contains("发出 2 张选票，却收回 3 张"));
}

#[test]
fn a_round_is_called_off_for_a_reason_that_all_can_read() {
    let house = House::new();
    let (id, _) = house.open(5, 0);
    let chair = &house.ours.chair;
    assert_eq!(chair.post(&format!("/rounds/{id}/void"), &[("reason", " ")]).status, 422);
    assert!(chair.get(&format!("/rounds/{id}/void")).text.contains("不能恢复"));
    ok(&chair.post(&format!("/rounds/{id}/void"), &[("reason", "会场停电")]));
    assert!(house.ours.tellers[0].get(&format!("/rounds/{id}")).text.contains("会场停电"));
    assert_eq!(chair.post(&format!("/rounds/{id}/stop"), &[]).status, 409);
}

#[test]
fn a_place_of_a_teller_passes_on_only_when_the_account_is_closed() {
    let house = House::new();
    let (id, slips) = house.open(5, 0);
    let [first, second, third] = &house.ours.tellers;
    ok(&house.ours.chair.post(&format!("/rounds/{id}/stop"), &[]));
    ok(&enter(first, id, &slips.roll[0], "satisfied"));
    ok(&enter(second, id, &slips.roll[1], "satisfied"));
    assert_eq!(enter(third, id, &slips.roll[1], "satisfied").status, 409);
    let by = pingjia::store::By { account: None, at: world::now() };
    house.office.database.write(|c| pingjia::store::accounts::set_active(c, &first.account, false, by)).unwrap();
    assert!(enter(third, id, &slips.roll[1], "satisfied").location.ends_with("entry=cast"));
    assert!(
        enter(third, id, &slips.roll[0], "satisfied").location.ends_with("entry=waiting"),
        "the place, not the person"
    );
    assert!(enter(second, id, &slips.roll[0], "satisfied").location.ends_with("entry=cast"));
}
