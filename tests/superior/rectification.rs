//! Rectification over real HTTP: the list of a tree, the chair's report, the superior's check.

use pingjia::domain::account::Role;
use pingjia::domain::ids::PollId;
use pingjia::domain::sheet::{FollowUp, Publication};
use pingjia::domain::union::{Category, Union};
use pingjia::office::Closing;
use pingjia::store::rectifications;
use pingjia::world;
use reqwest::StatusCode;
use time::Duration;

use crate::house::{House, Page, Person};
use crate::support::days::day;
use crate::{City, city};

on_both!(
    a_rectification_is_followed_from_the_sheet_to_the_check,
    a_tree_lists_what_needs_a_deed_first,
    only_the_unions_chair_reports_and_only_those_above_check,
);

/// What the chair signs, with a deadline so many days from today.
fn closing(days: i64) -> Closing {
    Closing {
        follow_up: FollowUp {
            problems: "图书更新不及时".to_owned(),
            rectification: "每季度更新一次".to_owned(),
            responsible: "宣教委员".to_owned(),
            deadline: Some(world::date_in_china(world::now()) + Duration::days(days)),
        },
        publication: Publication::default(),
    }
}

/// A round of a new union that fell short, and its chair, who signs in by the union's name.
fn fallen_short(house: &House, above: &Union, name: &str, days: i64) -> PollId {
    let union = house.union(Some(above), name, Category::Enterprise);
    let chair = house.account(&union, Role::Chair, name);
    house.certified_with(&union, &chair, 8, 2, &closing(days))
}

fn version(house: &House, round: PollId) -> String {
    let stored = house.office.database.read(|c| rectifications::load(c, round)).unwrap().unwrap();
    stored.version.to_string()
}

fn report(house: &House, chair: &Person, round: PollId, text: &str, done_on: &str) -> Page {
    let version = version(house, round);
    let fields = [("version", version.as_str()), ("report", text), ("done_on", done_on)];
    chair.post(&format!("/rounds/{round}/rectification"), &fields)
}

fn decide(house: &House, superior: &Person, round: PollId, decision: &str, reason: &str) -> Page {
    let version = version(house, round);
    let fields = [("version", version.as_str()), ("decision", decision), ("reason", reason)];
    superior.post(&format!("/oversight/{round}/rectification"), &fields)
}

/// The rounds in the list and their states.
fn listed(page: &Page) -> Vec<(String, String)> {
    let rounds = page.between("data-round=\"", "\"");
    rounds.into_iter().zip(page.between("data-state=\"", "\"")).collect()
}

fn a_rectification_is_followed_from_the_sheet_to_the_check(City { house, east, .. }: City) {
    let round = fallen_short(&house, &east, "甲厂工会", 20);
    let (superior, chair) = (house.sign_in("east"), house.sign_in("甲厂工会"));
    let sheet = house.load(round).phase.sheet().unwrap().to_string();
    let signed = superior.bytes(&format!("/sheets/{sheet}.json"));
    let (today, state) = (day(0), || listed(&superior.get("/rectification")).remove(0).1);
    assert_eq!(state(), "under_way");
    let desk = chair.get("/desk");
    assert!(desk.text.contains("data-alarm") && desk.text.contains("还有20天"), "a deadline that is near");
    let page = chair.get(&format!("/rounds/{round}"));
    for words in ["每季度更新一次", "报告整改情况", "还有20天"] {
        assert!(page.text.contains(words), "{words}");
    }

    for (text, done_on, words) in
        [("", &*today, "整改情况：请填写"), ("改了", &*day(1), "还没有到"), ("改\u{200b}了", &*today, "U+200B")]
    {
        let refused = report(&house, &chair, round, text, done_on);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{words}");
        assert!(refused.text.contains(words), "{words}");
    }
    assert_eq!(report(&house, &chair, round, "新书已到", &today).status, StatusCode::SEE_OTHER);
    assert_eq!(state(), "sheet_awaited");
    let fields = [("version", "0"), ("report", "旧页面"), ("done_on", today.as_str())];
    let stale = chair.post(&format!("/rounds/{round}/rectification"), &fields);
    assert_eq!(stale.status, StatusCode::CONFLICT, "the page shows an older report");
    assert_eq!(report(&house, &chair, round, "新书三百册已到", &today).status, StatusCode::SEE_OTHER);
    assert!(!superior.get("/desk").text.contains("待复查"), "nothing can be checked yet");
    assert!(!superior.get("/rectification").text.contains("去复查"));

    let early = decide(&house, &superior, round, "check", "");
    assert!(
        early.status == StatusCode::CONFLICT && early.text.contains("先对结果报告单提出意见"),
        "the plan comes first"
    );
    let seen = house.load(round).version.to_string();
    superior.post(&format!("/oversight/{round}/opinion"), &[("version", seen.as_str()), ("decision", "accept")]);
    assert_eq!(state(), "reported");
    assert!(superior.get("/desk").text.contains("1项已报整改情况待复查"));
    assert!(superior.get("/rectification").text.contains("去复查"));
    assert!(chair.get("/desk").text.contains("复查以前还可以改正"), "an accepted round is not finished yet");
    assert!(superior.get(&format!("/oversight/{round}")).text.contains("新书三百册已到"));
    let without = decide(&house, &superior, round, "return", " ");
    assert!(without.status == StatusCode::UNPROCESSABLE_ENTITY && without.text.contains("退回要写明理由"));
    assert_eq!(decide(&house, &superior, round, "return", "请附书目，\r\n并注明日期").status, StatusCode::SEE_OTHER);
    assert_eq!(state(), "under_way");
    assert!(superior.get("/rectification").text.contains("已退回，待重报"));
    assert!(chair.get("/desk").text.contains("上级工会退回了整改情况"));
    let note = "<dd class=\"as-written\">请附书目，\n并注明日期 <span";
    assert!(chair.get(&format!("/rounds/{round}")).text.contains(note), "with its lines");
    assert_eq!(decide(&house, &superior, round, "check", "").status, StatusCode::CONFLICT, "nothing waits for a check");

    assert_eq!(report(&house, &chair, round, "书目已张贴", &today).status, StatusCode::SEE_OTHER);
    assert_eq!(decide(&house, &superior, round, "check", "现场看过").status, StatusCode::SEE_OTHER);
    assert_eq!(state(), "checked");
    let late = report(&house, &chair, round, "再改", &today);
    assert!(late.status == StatusCode::CONFLICT && late.text.contains("已经复查"), "it rests");
    assert_eq!(decide(&house, &superior, round, "return", "反悔").status, StatusCode::CONFLICT);
    let page = superior.get(&format!("/oversight/{round}"));
    for words in ["报告整改情况", "退回整改情况", "复查整改", "请附书目", "现场看过", "新书三百册已到"]
    {
        assert!(page.text.contains(words), "the record says {words}");
    }
    assert!(!chair.get("/desk").text.contains("data-alarm"));
    assert_eq!(superior.bytes(&format!("/sheets/{sheet}.json")), signed, "what was signed stays as it is");
}

fn a_tree_lists_what_needs_a_deed_first(City { house, east, west, .. }: City) {
    let later = fallen_short(&house, &east, "甲厂工会", 60);
    let overdue = fallen_short(&house, &east, "乙厂工会", -3);
    let waiting = fallen_short(&house, &east, "丙厂工会", -1);
    let foreign = fallen_short(&house, &west, "西厂工会", -2);
    let good = house.union(Some(&east), "丁厂工会", Category::Enterprise);
    let chair = house.account(&good, Role::Chair, "丁厂工会");
    house.certified_with(&good, &chair, 10, 0, &closing(-9));
    report(&house, &house.sign_in("丙厂工会"), waiting, "已更新", &day(0));
    let returned = fallen_short(&house, &east, "戊厂工会", -5);
    for (round, decision) in [(waiting, "accept"), (returned, "return")] {
        let version = house.load(round).version.to_string();
        let fields = [("version", version.as_str()), ("decision", decision), ("reason", "请核对")];
        house.sign_in("east").post(&format!("/oversight/{round}/opinion"), &fields);
    }

    let (east, city) = (house.sign_in("east"), house.sign_in("city"));
    let rows = |rows: &[(PollId, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(round, state)| (round.to_string(), (*state).to_owned())).collect()
    };
    let page = east.get("/rectification");
    let to_correct = (returned, "sheet_returned");
    let own = rows(&[(overdue, "overdue"), (waiting, "reported"), (later, "under_way"), to_correct]);
    assert_eq!(listed(&page), own);
    for words in [
        "满意率 80.00%",
        "门槛 ≥ 90%",
        "图书更新不及时",
        "每季度更新一次",
        "宣教委员",
        "已过3天",
        "晚报1天",
        "待更正报告单</a>",
    ] {
        assert!(page.text.contains(words), "{words}");
    }
    assert_eq!(page.between("data-count=\"overdue\">", "<"), ["1"]);
    assert!(!page.text.contains("西厂工会") && !page.text.contains("丁厂工会"));
    let whole =
        rows(&[(overdue, "overdue"), (foreign, "overdue"), (waiting, "reported"), (later, "under_way"), to_correct]);
    assert_eq!(listed(&city.get("/rectification")), whole, "the whole tree");
    assert!(city.get("/desk").text.contains("2项已逾期") && east.get("/desk").text.contains("1项已逾期"));
    assert!(east.get("/approvals").text.contains("另有1项整改情况待复查"));
    let only = |query: &str| listed(&city.get(&format!("/rectification?{query}"))).len();
    assert_eq!([only("state=overdue"), only("state=checked"), only("year=2026"), only("year=2025")], [2, 0, 5, 0]);
    assert_eq!(only("name=%E8%A5%BF"), 1);
    let after = format!("after=overdue.{}.{foreign}", day(-2));
    assert_eq!(only(&after), 3, "the page behind a line");
    assert!(house.sign_in("乙厂工会").get("/desk").text.contains("已过3天"));
}

fn only_the_unions_chair_reports_and_only_those_above_check(City { house, root, east, west }: City) {
    let round = fallen_short(&house, &east, "甲厂工会", 20);
    fallen_short(&house, &east, "乙厂工会", 20);
    house.account(&west, Role::Superior, "west");
    let town = house.union(Some(&east), "甲街道总工会", Category::TownshipUnion);
    house.account(&town, Role::Superior, "town");
    house.account(&root, Role::Operator, "operator");
    let strangers =
        ["乙厂工会", "west", "town", "city", "operator", "east", "甲厂工会"].map(|name| house.sign_in(name));
    let before = house.fingerprint();
    let [other_chair, west, town, city, operator, east, chair] = &strangers;
    let reported = |person: &Person| report(&house, person, round, "改了", &day(0)).status;
    assert_eq!(reported(other_chair), StatusCode::NOT_FOUND, "the chair of another union");
    for person in [west, town, city, operator, east] {
        assert_eq!(reported(person), StatusCode::FORBIDDEN, "reporting is for chairs");
    }
    let checked = |person: &Person| decide(&house, person, round, "check", "").status;
    for person in [west, town] {
        assert_eq!(checked(person), StatusCode::NOT_FOUND, "the union above of others");
        assert!(listed(&person.get("/rectification")).is_empty());
    }
    for person in [chair, other_chair, operator] {
        assert_eq!(checked(person), StatusCode::FORBIDDEN, "checking is for those above");
        assert_eq!(person.get("/rectification").status, StatusCode::FORBIDDEN);
    }
    assert_eq!(house.fingerprint(), before, "nothing was changed");
    let nothing = house.union(Some(&root), "丙厂工会", Category::Enterprise);
    let nobody = house.account(&nothing, Role::Chair, "丙厂工会");
    let good = house.certified(&nothing, &nobody, 10, 0);
    let fields = [("version", "0"), ("report", "改了"), ("done_on", &*day(0))];
    let asked = house.sign_in("丙厂工会").post(&format!("/rounds/{good}/rectification"), &fields);
    assert_eq!(asked.status, StatusCode::CONFLICT, "nothing was asked for");
}
