//! The superior over real HTTP with plain forms: its area, decisions, unions, accounts, imports, spot checks, and
//! that nobody reaches beyond their own subtree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod figures;
mod house;
#[path = "../support/mod.rs"]
mod support;
#[path = "../tools/mod.rs"]
mod tools;

use house::{House, Person, id_of};
use pingjia::database::Kind;
use pingjia::domain::account::Role;
use pingjia::domain::poll::{Approval, Phase};
use pingjia::domain::union::{Category, Union};
use reqwest::StatusCode;

/// Runs each of these functions as one test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $test() { super::$test(super::city(pingjia::database::Kind::Sqlite)); })+
        }
        mod on_postgres {
            $(#[test] fn $test() { super::$test(super::city(pingjia::database::Kind::Postgres)); })+
        }
    };
}

mod opening;
mod operator;
mod rectification;
mod tiers;
mod titles;

on_both!(
    the_area_shows_state_turnout_rate_threshold_and_outcome,
    whoever_heads_an_area_sees_its_coverage_targets,
    electorates_are_approved_or_returned_with_a_reason,
    opinions_are_signed_and_corrections_stand_beside_the_old_sheet,
    nobody_reaches_beyond_their_own_subtree,
    a_superior_never_decides_on_its_own_round,
    unions_and_accounts_are_made_and_passwords_shown_once,
    a_union_has_rules_for_its_category_and_can_be_corrected,
    an_import_is_all_or_nothing,
    a_spot_check_can_be_drawn_again_from_its_seed,
    gets_change_nothing,
    text_that_no_database_holds_is_never_asked_for,
    five_thousand_unions_are_paged_completely,
);

/// A city with two districts; superiors of the city and of the first district.
struct City {
    house: House,
    root: Union,
    east: Union,
    west: Union,
}

fn city(kind: Kind) -> City {
    let house = House::on(kind);
    let root = house.union(None, "示例市总工会", Category::GeneralUnion);
    let east = house.union(Some(&root), "东区总工会", Category::CountyUnion);
    let west = house.union(Some(&root), "西区总工会", Category::CountyUnion);
    house.account(&root, Role::Superior, "city");
    house.account(&east, Role::Superior, "east");
    City { house, root, east, west }
}

fn the_area_shows_state_turnout_rate_threshold_and_outcome(City { house, root, east, .. }: City) {
    let factory = |name: &str| house.union(Some(&east), name, Category::Enterprise);
    let (met, failed, low, open, idle) =
        (factory("甲厂工会"), factory("乙厂工会"), factory("丙厂工会"), factory("丁厂工会"), factory("戊厂工会"));
    let chair = house.account(&met, Role::Chair, "chair");
    house.certified(&met, &chair, 9, 1);
    house.certified(&failed, &chair, 8, 2);
    house.certified(&low, &chair, 6, 4);
    house.open(&open, &chair, 3, 1);

    let city = house.sign_in("city");
    let page = city.get("/desk?year=2026");
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.unions().len(), 8);
    for words in ["90.00%", "80.00%", "60.00%", "9 ÷ 10", "4 / 4", "达标", "未达标·需整顿", "投票中", "没有评议"]
    {
        assert!(page.text.contains(words), "{words}");
    }
    assert_eq!(page.between("data-total=\"unions\">", "<"), ["8"]);
    assert_eq!(page.between("data-total=\"coverage\">", "<"), ["60.00%"], "three of five grassroots unions");
    let row = |name: &str| page.text.split(name).nth(1).unwrap().split("</tr>").next().unwrap().to_owned();
    let of_open = row("丁厂工会");
    assert!(of_open.contains("100.00%") && !of_open.contains('÷'), "an open round shows its turnout and no rate");

    assert!(!page.text.contains("另有"));
    house.asked(&low, 10);
    let again = city.get("/desk?year=2026");
    let of_low = again.text.split("丙厂工会").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(of_low.contains("60.00%") && of_low.contains("另有1轮"), "a draft hides no result: {of_low}");

    let only = |query: &str| city.get(&format!("/desk?year=2026&{query}")).unions();
    assert_eq!(only("outcome=met"), [met.id.0]);
    assert_eq!(only("outcome=overhaul"), [low.id.0]);
    assert_eq!(only("stage=open"), [open.id.0]);
    assert_eq!(only("stage=certified&sort=rate"), [low.id.0, failed.id.0, met.id.0]);
    assert_eq!(only("name=%E6%88%8A"), [idle.id.0]);
    assert_eq!(only("stage=none"), [idle.id.0], "nobody misses a round of the unions above");
    assert!(page.text.contains(">1</strong> <a href=\"/desk?year=2026&#38;stage=none\">没有评议"));
    assert!(page.text.contains("<span class=\"muted\">本级不评议</span>") && page.text.contains("总工会 3 家"));
    assert!(city.get("/desk?year=2025&outcome=met").unions().is_empty());
    let below = city.get(&format!("/desk?year=2026&under={}", east.id));
    assert!(!below.unions().contains(&root.id.0), "the subtree only");
    assert!(below.text.contains("示例市总工会</a>"), "breadcrumbs lead back up");
    assert!(city.bytes("/desk/rollup.pdf?year=2026").starts_with(b"%PDF"));
    for words in ["满意率 90.00%", "≥ 90%", "满意率 60.00%"] {
        assert!(page.text.contains(words), "{words}");
    }
    let book = workbook(&city.bytes("/desk/rollup.xlsx?year=2026"));
    let row = |name: &str| book[0].iter().find(|row| row[0].starts_with(name)).cloned().unwrap();
    assert_eq!(row("甲厂工会")[2..12], ["10", "10", "10", "10", "10", "满意率", "9", "10", "0.9", "≥ 90%"]);
    assert_eq!(row("丁厂工会")[2..7], ["4", "", "", "4", ""], "as many as the page shows");
    assert_eq!(row("合计")[0], "合计（已报送报告单的3家）");
    assert_eq!(row("合计")[2..7], ["30"; 5], "sums are about the same rounds");
    let outcomes = |book: &[Vec<Vec<String>>]| {
        book[1]
            .iter()
            .skip(1)
            .filter(|row| row[1] != "0")
            .map(|row| format!("{} {}", row[0], row[1]))
            .collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&book), ["达标 1", "未达标 1", "未达标·需整顿 1", "进行中 1", "没有评议 1"]);
    assert_eq!(book[1][1][2], "0.2", "one of five: the unions above are no part of it");
    let met = workbook(&city.bytes("/desk/rollup.xlsx?year=2026&outcome=met"));
    assert_eq!(outcomes(&met), ["达标 1"], "outcomes of the rows in the file");
}

fn whoever_heads_an_area_sees_its_coverage_targets(City { house, root, .. }: City) {
    let district = house.union_under(Some(&root), "北区总工会", Category::CountyUnion, "chaoyang-2013");
    house.account(&district, Role::Superior, "north");
    let page = house.sign_in("north").get("/desk?year=2026");
    for words in ["达到80％", "期限 2014年12月31日", "四（一）（CY-4.1）", "无法计算"] {
        assert!(page.text.contains(words), "{words}");
    }
    assert!(!house.sign_in("city").get("/desk?year=2026").text.contains("目标："), "Qingdao names none");
}

/// The worksheets of a workbook, each as rows of texts.
fn workbook(bytes: &[u8]) -> Vec<Vec<Vec<String>>> {
    use calamine::Reader;
    let mut book: calamine::Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(bytes)).unwrap();
    let sheets = book.worksheets();
    sheets
        .iter()
        .map(|(_, sheet)| sheet.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect())
        .collect()
}

fn electorates_are_approved_or_returned_with_a_reason(City { house, east, .. }: City) {
    let union = house.union(Some(&east), "甲厂工会", Category::Enterprise);
    let (first, second) = (house.asked(&union, 30), house.asked(&union, 40));
    let superior = house.sign_in("east");
    let page = superior.get("/approvals");
    let waiting = page.between("href=\"/oversight/", "\"");
    assert_eq!(waiting, [first.to_string(), second.to_string()], "oldest first");

    let decide = |id: pingjia::domain::ids::PollId, fields: &[(&str, &str)]| {
        let version = house.load(id).version.to_string();
        let mut all = vec![("version", version.as_str())];
        all.extend(fields);
        superior.post(&format!("/oversight/{id}/roll"), &all)
    };
    let refused = decide(first, &[("decision", "return"), ("reason", " ")]);
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("退回要写明理由"));
    assert!(matches!(house.load(first).phase, Phase::Draft { approval: Approval::Asked, .. }));

    assert_eq!(decide(first, &[("decision", "return"), ("reason", "人数不对")]).status, StatusCode::SEE_OTHER);
    let returned = house.load(first);
    assert!(
        matches!(&returned.phase, Phase::Draft { approval: Approval::Returned { reason, .. }, .. } if reason == "人数不对")
    );
    let stale = superior.post(&format!("/oversight/{second}/roll"), &[("decision", "approve"), ("version", "0")]);
    assert_eq!(stale.status, StatusCode::CONFLICT, "the page shows an older state of the round");
    assert_eq!(decide(second, &[("decision", "approve")]).status, StatusCode::SEE_OTHER);
    assert!(matches!(house.load(second).phase, Phase::Draft { approval: Approval::Approved { .. }, .. }));
    assert_eq!(decide(second, &[("decision", "approve")]).status, StatusCode::CONFLICT, "decided once");
    assert!(superior.get(&format!("/oversight/{first}")).text.contains("人数不对"));
    assert!(superior.get("/approvals").text.contains("没有等待批准的名册"));
}

fn opinions_are_signed_and_corrections_stand_beside_the_old_sheet(City { house, east, .. }: City) {
    let union = house.union(Some(&east), "甲厂工会", Category::Enterprise);
    let chair = house.account(&union, Role::Chair, "chair");
    let id = house.certified(&union, &chair, 9, 1);
    let first = house.load(id).phase.sheet().unwrap().to_string();
    let superior = house.sign_in("east");
    let opine = |decision: &str, reason: &str| {
        let version = house.load(id).version.to_string();
        let fields = [("version", version.as_str()), ("decision", decision), ("reason", reason)];
        superior.post(&format!("/oversight/{id}/opinion"), &fields)
    };
    assert_eq!(opine("return", "").status, StatusCode::UNPROCESSABLE_ENTITY);
    for (decision, text, words) in [
        ("accept", "同意\u{202e}", "U+202E"),
        ("accept", "同意\u{1f600}", "U+1F600"),
        ("return", "不\u{200b}实", "U+200B"),
        ("return", &*"长".repeat(501), "不能超过500个字"),
    ] {
        let refused = opine(decision, text);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "nobody signs what nobody sees: {words}");
        assert!(refused.text.contains(words), "{words}");
    }
    assert_eq!(opine("return", "整改措施不具体").status, StatusCode::SEE_OTHER);
    assert_eq!(opine("accept", "").status, StatusCode::CONFLICT, "an opinion is given once");
    assert!(house.sign_in("east").get(&format!("/sheets/{first}")).text.contains("整改措施不具体"));

    let mut closing = pingjia::office::Closing::default();
    closing.follow_up.rectification = "每月公开一次经费".into();
    house.office.correct(&house.load(id), &closing, house::nobody()).unwrap();
    let second = house.load(id).phase.sheet().unwrap().to_string();
    let page = superior.get(&format!("/oversight/{id}"));
    assert!(page.text.contains(&first) && page.text.contains(&second) && page.text.contains("更正前后对照"));
    assert!(page.text.contains("每月公开一次经费") && page.text.contains("有改动"));
    assert_eq!(opine("accept", "").status, StatusCode::SEE_OTHER);
    let page = superior.get(&format!("/oversight/{id}"));
    assert!(page.text.contains("整改措施不具体") && page.text.contains("上级工会同意结果报告单"), "both opinions stay");
    printed_with_its_opinion(&house, &superior, &first, "退回");
    printed_with_its_opinion(&house, &superior, &second, "同意");
}

/// The files that an officer takes from the sheet's page hold, each with the opinion on that very sheet.
fn printed_with_its_opinion(house: &House, anybody: &Person, sheet: &str, decision: &str) {
    use pingjia::verify::{Conclusion, Request, verify};
    let page = anybody.get(&format!("/sheets/{sheet}"));
    assert!(page.text.contains(&format!("/sheets/{sheet}/opinion.pdf")), "a door to the file");
    let file = |path: &str| anybody.get(&format!("/sheets/{sheet}{path}")).bytes;
    let (keys, opinion) = (house.office.keys.key_set(), file("/opinion.json"));
    for (document, opinion) in
        [(file(".json"), Some(&opinion[..])), (file(".pdf"), Some(&opinion)), (file("/opinion.pdf"), None)]
    {
        let request = Request { keys: Some(&keys), opinion, ..Request::of(&document, &house.office.rules) };
        let report = verify(request).unwrap();
        assert_eq!(report.conclusion, Conclusion::Holds, "{:#?}", report.lines);
        assert!(format!("{:?}", report.lines).contains(&format!("上级意见：{decision}")), "{:#?}", report.lines);
    }
    assert_eq!(file("/opinion.pdf"), file("/opinion.pdf"), "the same bytes every time");
}

fn nobody_reaches_beyond_their_own_subtree(City { house, root, east, west }: City) {
    let foreign = house.union(Some(&west), "西厂工会", Category::Enterprise);
    let foreign_chair = house.account(&foreign, Role::Chair, "west-chair");
    let foreign_round = house.asked(&foreign, 10);
    let foreign_sheet =
        house.certified(&house.union(Some(&west), "西二厂", Category::Enterprise), &foreign_chair, 3, 0);
    let own = house.union(Some(&east), "东厂工会", Category::Enterprise);
    house.account(&own, Role::Chair, "east-chair");
    let city = house.sign_in("city");
    city.post("/spot-checks", &[("count", "1"), ("year", "2026")]);
    let draw = city.get("/spot-checks").between("href=\"/spot-checks/", "\"").remove(0);

    let east_superior = house.sign_in("east");
    let before = house.fingerprint();
    let (union, account, version) = (foreign.id, foreign_chair.id, house.load(foreign_round).version.to_string());
    for path in [
        format!("/desk?under={union}"),
        format!("/desk?under={}", root.id),
        format!("/desk/rollup.pdf?under={union}"),
        format!("/desk/rollup.xlsx?under={}", root.id),
        format!("/unions/{union}"),
        format!("/unions/{}", root.id),
        format!("/unions/{union}/edit"),
        format!("/unions/new?under={union}"),
        format!("/unions/import?under={union}"),
        format!("/oversight/{foreign_round}"),
        format!("/oversight/{foreign_sheet}"),
        format!("/oversight/{foreign_sheet}/opening.json"),
        format!("/spot-checks/{draw}"),
        "/oversight/999999".to_owned(),
        "/unions/999999".to_owned(),
    ] {
        let page = east_superior.get(&path);
        assert_eq!(page.status, StatusCode::NOT_FOUND, "GET {path}");
        assert!(!page.text.contains("西厂工会"), "{path} tells nothing");
    }
    let (under, root_id) = (id_of(union), id_of(root.id));
    let new_union =
        |under| [("under", under), ("name", "新"), ("category", "enterprise"), ("rule_set", "qingdao-2020")];
    let posts: Vec<(String, Vec<(&str, &str)>)> = vec![
        (format!("/oversight/{foreign_round}/roll"), vec![("decision", "approve"), ("version", &version)]),
        (format!("/oversight/{foreign_sheet}/opinion"), vec![("decision", "accept"), ("version", &version)]),
        ("/unions".to_owned(), new_union(&under).to_vec()),
        (format!("/unions/{union}/edit"), new_union(&under).to_vec()),
        ("/unions".to_owned(), new_union(&root_id).to_vec()),
        ("/unions/import".to_owned(), vec![("under", &under), ("text", "工会名称,工会类别\n新,企业工会\n")]),
        ("/unions/import/confirm".to_owned(), vec![("under", &under), ("text", "工会名称,工会类别\n新,企业工会\n")]),
        (format!("/unions/{union}/accounts"), vec![("role", "chair"), ("name", "某"), ("username", "intruder")]),
        (format!("/unions/{union}/accounts/{account}/password"), vec![]),
        (format!("/unions/{union}/accounts/{account}/active"), vec![("active", "0")]),
        // An account of another union, named under a union of one's own.
        (format!("/unions/{}/accounts/{account}/password", own.id), vec![]),
        (format!("/unions/{}/accounts/{account}/active", own.id), vec![("active", "0")]),
    ];
    for (path, fields) in posts {
        let page = east_superior.post(&path, &fields);
        assert_eq!(page.status, StatusCode::NOT_FOUND, "POST {path}");
    }
    assert_eq!(house.fingerprint(), before, "nothing was changed");
    let chair = house.sign_in("east-chair");
    for path in ["/approvals", "/rectification", "/unions", "/spot-checks", "/desk/rollup.pdf"] {
        assert_eq!(chair.get(path).status, StatusCode::FORBIDDEN, "{path} is not for chairs");
    }
}

/// PostgreSQL refuses text with U+0000 in it, as a fault.
fn text_that_no_database_holds_is_never_asked_for(City { house, east, .. }: City) {
    let factory = house.union(Some(&east), "甲厂工会", Category::Enterprise);
    let city = house.sign_in("city");
    for path in ["/desk?year=2026&name=%E7%94%B2%00%E5%8E%82", "/unions?name=%E7%94%B2%00%E5%8E%82"] {
        let page = city.get(path);
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(
            page.text.contains(&format!("/unions/{}", factory.id)),
            "nobody sees it, so it is not looked for: {path}"
        );
    }
    assert_eq!(house.sign_in_with("ci\0ty", house::PASSWORD).err(), Some(StatusCode::UNAUTHORIZED));
    let form = [
        ("under", ""),
        ("name", "新\0厂"),
        ("category", "enterprise"),
        ("rule_set", "qingdao-2020"),
        ("credit_code", "\0"),
    ];
    assert_eq!(city.post("/unions", &form).status, StatusCode::UNPROCESSABLE_ENTITY);
    for line in
        ["乙\0厂,企业工会,,,,", "乙厂,企业工会,东\0区,,,", "乙厂,企业工会,,8137\0,,", "乙厂,企业工会,,,张三,zhang\0"]
    {
        let text = format!("工会名称,工会类别,上级工会,统一社会信用代码,主席姓名,主席用户名\n{line}\n");
        for step in ["/unions/import", "/unions/import/confirm"] {
            let page = city.post(step, &[("under", ""), ("text", &text)]);
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{line:?}");
        }
    }
}

fn a_superior_never_decides_on_its_own_round(City { house, east, .. }: City) {
    let town = house.union(Some(&east), "甲街道总工会", Category::TownshipUnion);
    house.account(&town, Role::Superior, "town");
    let round = house.asked(&town, 10);
    let superior = house.sign_in("town");
    let page = superior.get(&format!("/oversight/{round}"));
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text.contains("name=\"decision\""));
    let fields = [("decision", "approve"), ("version", "1")];
    assert_eq!(superior.post(&format!("/oversight/{round}/roll"), &fields).status, StatusCode::NOT_FOUND);
}

fn unions_and_accounts_are_made_and_passwords_shown_once(City { house, east, .. }: City) {
    let superior = house.sign_in("east");
    let fields = |name| {
        [
            ("under", ""),
            ("name", name),
            ("category", "enterprise"),
            ("rule_set", "qingdao-2020"),
            ("credit_code", "8137"),
        ]
    };
    let made = superior.post("/unions", &fields("新厂工会"));
    assert_eq!(made.status, StatusCode::SEE_OTHER, "an odd code warns and never rejects");
    let place = made.location.split('?').next().unwrap().to_owned();
    assert!(superior.get(&place).text.contains("应为18位"));
    assert_eq!(superior.post("/unions", &fields("新厂工会")).status, StatusCode::UNPROCESSABLE_ENTITY, "twice");
    assert_eq!(superior.post("/unions", &fields(" ")).status, StatusCode::UNPROCESSABLE_ENTITY);

    let account = [("role", "chair"), ("name", "张三"), ("username", "zhang.san")];
    let page = superior.post(&format!("{place}/accounts"), &account);
    let password = page.between("data-password>", "<").remove(0);
    assert!(!superior.get(&place).text.contains(&password), "shown once");
    assert!(house.sign_in_with("zhang.san", &password).is_ok());
    assert_eq!(superior.post(&format!("{place}/accounts"), &account).status, StatusCode::UNPROCESSABLE_ENTITY);
    for (name, words) in [("张\u{200b}三", "含有看不见的字符"), ("张\u{1f600}", "U+1F600")] {
        let hidden = [("role", "chair"), ("name", name), ("username", "zhang.er")];
        let page = superior.post(&format!("{place}/accounts"), &hidden);
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "names are printed");
        assert!(page.text.contains(words), "{words}");
    }
    let scrutineer = [("role", "scrutineer"), ("name", "李四"), ("username", "li.si")];
    assert_eq!(superior.post(&format!("{place}/accounts"), &scrutineer).status, StatusCode::UNPROCESSABLE_ENTITY);

    let renew = superior.get(&place).between("action=\"", "\"").into_iter().find(|to| to.ends_with("/password"));
    let renew = renew.unwrap();
    let fresh = superior.post(&renew, &[]).between("data-password>", "<").remove(0);
    assert!(house.sign_in_with("zhang.san", &password).is_err(), "the old password has ended");
    let chair = house.sign_in_with("zhang.san", &fresh).unwrap();
    let stop = renew.replace("/password", "/active");
    assert_eq!(superior.post(&stop, &[("active", "0")]).status, StatusCode::SEE_OTHER);
    assert_eq!(chair.get("/password").status, StatusCode::SEE_OTHER, "signed out at once");
    assert!(house.sign_in_with("zhang.san", &fresh).is_err());
    assert_eq!(superior.post(&stop, &[("active", "0")]).status, StatusCode::CONFLICT);
    assert_eq!(superior.post(&stop, &[("active", "1")]).status, StatusCode::SEE_OTHER);
    assert!(house.sign_in_with("zhang.san", &fresh).is_ok());
    let own = superior.get(&format!("/unions/{}", east.id));
    assert!(!own.text.contains("/active\""), "nobody stops the own account");
}

fn a_union_has_rules_for_its_category_and_can_be_corrected(City { house, east, .. }: City) {
    let union = house.union(Some(&east), "甲厂工会", Category::Enterprise);
    house.union(Some(&east), "乙厂工会", Category::Enterprise);
    let chair = house.account(&union, Role::Chair, "chair");
    let round = house.certified(&union, &chair, 9, 1);
    let superior = house.sign_in("east");
    let fields = |name, category, rule_set| {
        [("under", ""), ("name", name), ("category", category), ("rule_set", rule_set), ("credit_code", "")]
    };
    let before = house.fingerprint();
    let edit = format!("/unions/{}/edit", union.id);
    let version = |page: &str| superior.get(page).between("name=\"version\" value=\"", "\"").remove(0);
    for path in ["/unions", edit.as_str()] {
        let known = version(&edit);
        let fields =
            |name, category, rule_set| [&fields(name, category, rule_set)[..], &[("version", &*known)]].concat();
        let refused = superior.post(path, &fields("丙工会", "joint_union", "qingdao-2020"));
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(refused.text.contains("没有关于“联合基层工会”的规定"), "{path}");
        let same = superior.post(path, &fields("乙厂工会", "enterprise", "qingdao-2020"));
        assert_eq!(same.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: twice the same name");
    }
    let inherited = "工会名称,工会类别,上级工会,规则集\n甲街道,乡镇（街道）工会,,呼和浩特市\n丙,联合基层工会,甲街道,\n";
    let table = format!("{inherited}丁,联合基层工会,,\n");
    let refused = superior.upload("/unions/import", &[("under", "")], table.as_bytes());
    assert_eq!(refused.between("data-error-line=\"", "\""), ["4"], "line 3 inherits from line 2");
    assert_eq!(superior.upload("/unions/import", &[("under", "")], inherited.as_bytes()).status, StatusCode::OK);
    assert_eq!(house.fingerprint(), before);

    assert!(superior.get(&edit).text.contains("value=\"甲厂工会\""));
    let kept = house.load(round);
    let change = |name, category| {
        let known = version(&edit);
        superior.post(&edit, &[&fields(name, category, "hohhot-2020")[..], &[("version", &*known)]].concat())
    };
    let sent = change("甲联合工会", "joint_union");
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
    let page = superior.get(&sent.location);
    for words in ["工会资料已修改", "甲联合工会", "联合基层工会", "呼和浩特"] {
        assert!(page.text.contains(words), "{words}");
    }
    assert_eq!(house.load(round), kept, "a round keeps what it was set up with");
    let coverage = |words: &str| superior.get("/desk?year=2026").text.contains(words);
    assert!(coverage("50.00%"), "one of two grassroots unions");
    assert_eq!(change("甲联合会", "federation").status, StatusCode::SEE_OTHER);
    assert!(coverage("工会 0 ÷ 基层工会 1"), "a federation is none");

    // While a round is under way, the opening statement of which bears the name, the name stays.
    let third = house.union(Some(&east), "丙厂工会", Category::Enterprise);
    house.open(&third, &house.account(&third, Role::Chair, "third"), 3, 0);
    let edit = format!("/unions/{}/edit", third.id);
    let change = |name| {
        let known = version(&edit);
        superior.post(&edit, &[&fields(name, "enterprise", "qingdao-2020")[..], &[("version", &*known)]].concat())
    };
    let refused = change("丁厂工会");
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.text.contains("签发结果报告单以后才能改名"));
    assert_eq!(change("丙厂工会").status, StatusCode::SEE_OTHER, "everything else may be put right");

    let own = format!("/unions/{}", east.id);
    assert!(!superior.get(&own).text.contains("修改工会资料"), "what it is judged by is for the union above to say");
    assert_eq!(superior.get(&format!("{own}/edit")).status, StatusCode::NOT_FOUND);
    assert_eq!(
        superior.post(&format!("{own}/edit"), &fields("东区", "federation", "hohhot-2020")).status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(house.sign_in("city").get(&format!("{own}/edit")).status, StatusCode::OK);
}

fn an_import_is_all_or_nothing(City { house, east, .. }: City) {
    let superior = house.sign_in("east");
    let before = house.fingerprint();
    let bad = "工会名称,工会类别,上级工会,统一社会信用代码,主席姓名,主席用户名\r\n甲街道,乡镇（街道）工会,,,,\r\n乙厂,公司,甲街道,,,\r\n丙厂,企业工会,没有的工会,,,\r\n丁厂,企业工会,,8137,张三,city\r\n戊厂,企业工会,西区总工会,,,\r\n";
    let page = superior.upload("/unions/import", &[("under", "")], bad.as_bytes());
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.between("data-error-line=\"", "\""), ["3", "4", "5", "6"]);
    assert!(page.text.contains("第5行：") && !page.text.contains("id=\"confirm\""));
    let sent = superior.post("/unions/import/confirm", &[("under", ""), ("text", bad)]);
    assert_eq!(sent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.fingerprint(), before, "not one line was imported");

    let hidden = "工会名称,工会类别,主席姓名,主席用户名\r\n丙厂,企业工会,张\u{1f600},zhang\r\n";
    let page = superior.upload("/unions/import", &[("under", "")], hidden.as_bytes());
    assert!(page.status == StatusCode::UNPROCESSABLE_ENTITY && page.text.contains("U+1F600"));

    let good = "工会名称,工会类别,上级工会,统一社会信用代码,主席姓名,主席用户名\r\n甲街道,乡镇（街道）工会,,,,\r\n乙厂,企业工会,甲街道,8137,张三,zhang\r\n";
    let (bytes, _, _) = encoding_rs::GB18030.encode(good);
    let page = superior.upload("/unions/import", &[("under", "")], &bytes);
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("id=\"confirm\"") && page.text.contains("2个工会"));
    assert_eq!(house.fingerprint(), before, "a preview changes nothing");
    let text =
        page.between("<textarea name=\"text\" hidden aria-hidden=\"true\" tabindex=\"-1\">\n", "</textarea>").remove(0);
    let done = superior.post("/unions/import/confirm", &[("under", ""), ("text", &text)]);
    assert!(done.text.contains("已建立2个工会"), "{}", done.status);
    let password = done.between("data-password>", "<").remove(0);
    assert!(house.sign_in_with("zhang", &password).is_ok());
    let list = superior.get("/unions");
    assert!(list.text.contains("甲街道") && list.text.contains("乙厂"));
    let again = superior.post("/unions/import/confirm", &[("under", ""), ("text", &text)]);
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "the same table twice is refused");
    // The sample as a workbook says what the sample as text says, and its columns keep what is written into them.
    let said = |file: &[u8]| {
        let page = superior.upload("/unions/import", &[("under", "")], file);
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        page.between("id=\"confirm\"", "</tbody>").remove(0)
    };
    let [text, workbook] = ["csv", "xlsx"].map(|kind| superior.bytes(&format!("/unions/import/sample.{kind}")));
    assert!(said(&text) == said(&workbook) && said(&text).contains("示例机械厂工会"));
    let damaged = superior.upload("/unions/import", &[("under", "")], &workbook[..workbook.len() / 2]);
    assert!(damaged.status == StatusCode::UNPROCESSABLE_ENTITY && damaged.text.contains("已经损坏"));
    let number = superior.upload("/unions/import", &[("under", "")], &code_as_number());
    assert_eq!(number.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(number.between("data-error-line=\"", "\"") == ["2"] && number.text.contains("“统一社会信用代码”是数字"));
    let page = superior.upload("/unions/import", &[("under", "")], &by_openpyxl());
    assert!(page.status == StatusCode::OK && page.text.contains("1个工会"), "{}", page.text);
    assert!(page.text.contains("庚厂工会") && page.text.contains("81370212MC0000001X"));
    let garbled = superior.upload("/unions/import", &[("under", "")], &[0xff, 0xff, 0xfe, 0x00]);
    assert_eq!(garbled.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(superior.get(&format!("/desk?under={}", east.id)).unions().len(), 3);
}

/// A workbook of another hand, with a column that is none of ours and rows that are empty but for their format.
fn by_openpyxl() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("unions.xlsx");
    let script = "
import datetime, sys, openpyxl
from openpyxl.styles import Font
book = openpyxl.Workbook()
sheet = book.active
sheet.append(['建会日期', '工会名称', '工会类别', '统一社会信用代码'])
sheet.append([datetime.date(2001, 5, 1), '庚厂工会', '企业工会', '81370212MC0000001X'])
for row in range(3, 40):
    sheet.cell(row, 2).font = Font(bold=True)
book.create_sheet('说明')['A1'] = '工会名称'
book.save(sys.argv[1])
";
    let python = std::process::Command::new("/usr/bin/python3").args(["-c", script]).arg(&file).output().unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    std::fs::read(file).unwrap()
}

/// A workbook in which a code of eighteen digits is a number.
fn code_as_number() -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, name) in (0..).zip(["工会名称", "工会类别", "统一社会信用代码"]) {
        sheet.write_string(0, column, name).unwrap();
    }
    sheet.write_string(1, 0, "己厂工会").unwrap().write_string(1, 1, "企业工会").unwrap();
    sheet.write_number(1, 2, 813_702_120_000_000_017_f64).unwrap();
    book.save_to_buffer().unwrap()
}

fn a_spot_check_can_be_drawn_again_from_its_seed(City { house, east, .. }: City) {
    for n in 0..30 {
        house.union(Some(&east), &format!("{n}厂工会"), Category::Enterprise);
    }
    let superior = house.sign_in("east");
    assert_eq!(
        superior.post("/spot-checks", &[("count", "31"), ("year", "2026")]).status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let made = superior.post("/spot-checks", &[("count", "7"), ("year", "2026")]);
    let before = house.fingerprint();
    let page = superior.get(&made.location);
    let drawn = page.between("data-drawn=\"", "\"");
    assert_eq!(drawn.len(), 7);
    assert!(page.text.contains("data-again=\"same\"") && page.text.contains("历年第1次抽取"));
    let seed = page.between("data-seed>", "<").remove(0);
    // Drawn once more here, by the rule that the page states.
    let mut all: Vec<String> =
        superior.get(&format!("/desk?under={}", east.id)).unions().into_iter().map(|id| id.to_string()).collect();
    all.retain(|id| *id != east.id.to_string());
    all.sort_by_key(|id| pingjia::domain::digest::Digest::labelled("spot-check", &[seed.as_bytes(), id.as_bytes()]).0);
    assert_eq!(drawn, all[..7]);
    assert_eq!(house.fingerprint(), before);
    house.union(Some(&east), "新厂工会", Category::Enterprise);
    let later = superior.get(&made.location);
    let once_more = superior.post("/spot-checks", &[("count", "7"), ("year", "2026")]);
    assert!(superior.get(&once_more.location).text.contains("历年第2次抽取"), "who draws until it pleases is told");
    assert!(later.text.contains("历年第1次抽取"));
    assert!(later.text.contains("data-again=\"list\""), "the list has changed, and the page says so");
    assert_eq!(later.between("data-drawn=\"", "\""), drawn);
}

fn gets_change_nothing(City { house, east, .. }: City) {
    let union = house.union(Some(&east), "甲厂工会", Category::Enterprise);
    let round = house.asked(&union, 10);
    let superior = house.sign_in("city");
    let before = house.fingerprint();
    for path in [
        "/desk".to_owned(),
        "/desk/rollup.pdf".to_owned(),
        "/desk/rollup.xlsx".to_owned(),
        "/approvals".to_owned(),
        "/rectification".to_owned(),
        "/titles".to_owned(),
        format!("/unions/{}/titles", union.id),
        format!("/oversight/{round}"),
        "/unions".to_owned(),
        "/unions/new".to_owned(),
        format!("/unions/{}", union.id),
        format!("/unions/{}/edit", union.id),
        "/unions/import".to_owned(),
        "/unions/import/sample.csv".to_owned(),
        "/unions/import/sample.xlsx".to_owned(),
        "/spot-checks".to_owned(),
    ] {
        assert_eq!(superior.get(&path).status, StatusCode::OK, "{path}");
    }
    for path in [format!("/oversight/{round}/roll"), format!("/oversight/{round}/opinion")] {
        assert_eq!(superior.get(&path).status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    assert_eq!(house.fingerprint(), before);
}

fn five_thousand_unions_are_paged_completely(City { house, root, east, west }: City) {
    house
        .office
        .database
        .write(|c| -> Result<(), pingjia::store::StoreError> {
            for n in 0..5_000 {
                let new = pingjia::store::unions::NewUnion {
                    superior: Some(if n % 2 == 0 { east.id } else { west.id }),
                    name: format!("第{n}厂工会"),
                    credit_code: None,
                    category: Category::Enterprise,
                    rule_set: "qingdao-2020".to_owned(),
                };
                pingjia::store::unions::create(c, &new, house::nobody())?;
            }
            Ok(())
        })
        .unwrap();
    let superior = house.sign_in("city");
    let (mut path, mut seen) = ("/desk?year=2026".to_owned(), Vec::new());
    loop {
        let page = superior.get(&path);
        assert_eq!(page.status, StatusCode::OK);
        seen.extend(page.unions());
        let Some(next) = page.between("rel=\"next\" href=\"", "\"").into_iter().next() else { break };
        path = next.replace("&#38;", "&").replace("&amp;", "&");
    }
    assert_eq!(seen.first(), Some(&root.id.0));
    assert_eq!(seen.len(), 5_003);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 5_003, "every union once");
    let found = superior.get("/desk?name=%E7%AC%AC4321%E5%8E%82").unions();
    assert_eq!(found.len(), 1);
}
