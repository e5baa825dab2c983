//! A whole round, from the first login to the accepted sheet.

use pingjia::database::Kind;
use pingjia::domain::ids::PollId;
use serde_json::Value;

use crate::service::{Page, Person, Service};
use crate::support::days::day;

/// The facts of a round for twelve members.
pub const FACTS: [(&str, &str); 13] = [
    ("year", "2026"),
    ("title", "2026年度会员评议职工之家"),
    ("assembly", "members"),
    ("place", "三楼会议室"),
    ("begins", "2026-11-20"),
    ("ends", "2026-11-21"),
    ("member_total", "12"),
    ("expected", "12"),
    ("chief_scrutineer", "李监票"),
    ("scrutineers", "赵监票"),
    ("tellers", "钱计票\r\n孙计票"),
    ("chair", "王主席"),
    ("comment", "yes"),
];

/// Sends a round up; the union above approves its electorate.
pub fn approve(service: &Service, chair: &Person, poll: PollId) {
    chair.submit(&format!("/rounds/{poll}/setup"), &format!("/rounds/{poll}/ask"), &[]);
    let oversight = format!("/oversight/{poll}");
    service.person("shi").submit(&oversight, &format!("{oversight}/roll"), &[("decision", "approve")]);
}

/// The same, and has its slips made: the page with their codes.
pub fn with_slips(service: &Service, chair: &Person, poll: PollId) -> Page {
    approve(service, chair, poll);
    let page = chair.post(&format!("/rounds/{poll}/slips"), &[("spares", "5")]);
    assert_eq!(page.status, 200, "{}", page.body);
    page
}

/// Sets up a round of 甲厂工会 up to issued slips; answers with the round and its codes.
pub fn prepared(service: &Service) -> (PollId, Vec<String>) {
    let chair = service.person("jia-chair");
    chair.step("/rounds", &FACTS);
    let poll = service.round_of(service.jia.id);
    let page = with_slips(service, &chair, poll);
    let codes = page.field("codes").expect("the codes, to be posted back");
    (poll, codes.split(' ').map(str::to_owned).collect())
}

/// Casts a ballot from a phone.
pub fn cast(service: &Service, code: &str, answer: &str) -> Page {
    let phone = service.anybody();
    let path = format!("/V/{code}");
    let form = phone.get(&path);
    let nonce = form.field("n").unwrap_or_else(|| panic!("a ballot at its link: {}", form.body));
    let response = phone.post_raw(&path, &[("n", &nonce), ("home", answer), ("step", "cast")]);
    Page { status: response.status().as_u16(), location: String::new(), body: response.text().unwrap() }
}

/// Ends a prepared round: opens, casts ten phone ballots and one on paper, counts and confirms.
pub fn counted(service: &Service, poll: PollId, codes: &[String]) {
    let round = |step: &str| format!("/rounds/{poll}/{step}");
    let (chair, scrutineer) = (service.person("jia-chair"), service.person("jia-scrutineer"));
    let ballot = || service.anybody().get(&format!("/V/{}", codes[0])).status;
    assert_eq!(ballot(), 409, "not open yet");
    chair.step(&round("open"), &[]);
    assert_eq!(ballot(), 200, "open at once, also for a member who came too early");
    for (place, code) in codes.iter().take(10).enumerate() {
        let answer = if place == 0 { "dissatisfied" } else { "satisfied" };
        let thanks = cast(service, code, answer);
        assert!(thanks.body.contains("data-receipt"), "{}", thanks.body);
    }
    // Twelve handed out, four spares and one spoiled are left of seventeen; the last slips are voided.
    let custody = [("present", "12"), ("handed_out", "12"), ("spoiled", "1"), ("unused", "4")];
    chair.step(&round("custody"), &custody);
    scrutineer.submit(&format!("/rounds/{poll}"), &round("custody/confirm"), &[]);
    let voided = codes[12..].join("\r\n");
    let told = scrutineer.step(&round("void-slips"), &[("codes", &voided)]);
    assert!(told.location.ends_with("lines=uuuuu"), "{}", told.location);
    chair.submit(&round("stop"), &round("stop"), &[]);
    for (teller, outcome) in [("jia-teller1", "waiting"), ("jia-teller2", "cast")] {
        let fields = [("slip", codes[10].as_str()), ("home", "basically_satisfied")];
        let entered = service.person(teller).submit(&round("paper"), &round("paper"), &fields);
        assert!(entered.location.ends_with(outcome), "{teller}: {}", entered.location);
    }
    chair.submit(&round("close"), &round("close"), &[]);
    scrutineer.step(&round("result/confirm"), &[]);
}

pub fn certify(chair: &Person, poll: PollId) {
    let fields =
        [("problems", "食堂太挤"), ("rectification", "增加座位"), ("responsible", "王主席"), ("deadline", &day(30))];
    let published = [("way", "会上宣布"), ("published_on", &day(0))];
    chair.step(&format!("/rounds/{poll}/certify"), &[&fields[..], &published[..]].concat());
}

#[test]
fn a_round_from_login_to_the_accepted_sheet() {
    whole_round(&Service::on(Kind::Sqlite));
}

#[test]
fn the_same_round_on_postgresql() {
    whole_round(&Service::on(Kind::Postgres));
}

/// Every kind of file, as often as one likes, and what is refused without losing a code.
fn slip_files(chair: &Person, poll: PollId, all: &str) {
    let file = format!("/rounds/{poll}/slips/file");
    for (format, kind, beginning) in [
        ("pdf", "application/pdf", "%PDF-"),
        ("svg", "application/zip", "PK"),
        ("png", "application/zip", "PK"),
        ("csv", "text/csv", "\u{feff}选票码"),
        ("csv_gb", "text/csv", ""),
    ] {
        let fields = [("codes", all), ("format", format), ("questions", "yes")];
        let (given, bytes) = chair.file(&file, &fields);
        assert!(given.starts_with(kind), "{given}");
        assert!(bytes.starts_with(beginning.as_bytes()) && bytes.len() > 300, "{format}");
        assert_eq!(chair.file(&file, &fields).1, bytes, "{format}: the same file again");
    }
    let foreign = chair.post(&file, &[("codes", "AAAAA-00000"), ("format", "pdf")]);
    assert_eq!((foreign.status, foreign.problem().as_str()), (422, "foreign_slip"));
    for (wrong, words) in [
        (("per_page", "10"), "每页排不下10张"),
        (("qr_side", "10"), "应在25到60之间"),
        (("qr_side", "6e1"), "请填写整数"),
        (("format", "exe"), "请选择一种文件"),
    ] {
        let mut fields = vec![wrong, ("codes", all), ("questions", "yes")];
        fields.extend([("format", "pdf"), ("qr_side", "60")].into_iter().filter(|(name, _)| *name != wrong.0));
        let page = chair.post(&file, &fields);
        assert_eq!(page.status, 422, "{wrong:?}");
        assert!(page.body.contains(words) && page.body.contains(all), "{wrong:?}: said, and every code is still there");
    }
    // A page loaded again, or a second click, does not take the force from slips that are printed.
    let again = chair.post(&format!("/rounds/{poll}/slips"), &[("spares", "5")]);
    assert_eq!(again.status, 422);
    assert!(again.body.contains("那一批照常有效"));
    assert_eq!(chair.file(&file, &[("codes", all), ("format", "csv")]).0, "text/csv; charset=utf-8");
}

fn whole_round(service: &Service) {
    let chair = service.person("jia-chair");
    let superior = service.person("shi");

    let desk = chair.get("/desk");
    assert!(desk.body.contains("/rounds/new"), "an empty desk leads to a new round");
    assert!(chair.get("/rounds/new").body.contains("不低于90%"), "the threshold is shown before the round");

    let (poll, codes) = prepared(service);
    assert_eq!(codes.len(), 17);
    let all = codes.join(" ");
    slip_files(&chair, poll, &all);
    assert_eq!(chair.get(&format!("/rounds/{poll}/poster")).status, 200);

    counted(service, poll, &codes);
    assert_eq!(service.phase(poll), "closed");
    certify(&chair, poll);
    assert_eq!(service.phase(poll), "certified");

    let sheet = sheet_of(service, poll);
    assert_eq!(sheet["counts"]["returned"], 11);
    assert_eq!(sheet["counts"]["paper"], 1);
    assert_eq!(sheet["counts"]["custody_reconciles"], true);
    assert_eq!(sheet["assessment"]["verdict"], "met", "10 of 11 is 90.90 %");
    assert!(superior.get("/desk").body.contains("90.90%"), "the union above sees the rate");

    let oversight = format!("/oversight/{poll}");
    let opinion = format!("{oversight}/opinion");
    superior.submit(&oversight, &opinion, &[("decision", "return"), ("reason", "请补充整改期限")]);
    assert_eq!(service.phase(poll), "reported");
    certify(&chair, poll);
    let corrected = sheet_of(service, poll);
    assert!(corrected["replaces"].is_string(), "the correction names the sheet that it corrects");
    superior.submit(&oversight, &opinion, &[("decision", "accept"), ("reason", "")]);
    assert_eq!(service.phase(poll), "reported");
    let again = superior.post(&opinion, &[("decision", "accept"), ("reason", "")]);
    assert_eq!(again.status, 409, "an opinion is given once");
}

/// The payload of the sheet in force, as published.
pub fn sheet_of(service: &Service, poll: PollId) -> Value {
    let stored = service.database.read(|c| pingjia::store::polls::load(c, poll)).unwrap().unwrap();
    let id = stored.phase.sheet().expect("a sheet").clone();
    let published = service.anybody().get(&format!("/sheets/{id}.json"));
    assert_eq!(published.status, 200);
    let jws: Value = serde_json::from_str(&published.body).unwrap();
    let payload = data_encoding::BASE64URL_NOPAD.decode(jws["payload"].as_str().unwrap().as_bytes()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[test]
fn one_person_never_counts_and_confirms_or_counts_twice() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let round = |step: &str| format!("/rounds/{poll}/{step}");
    let (chair, teller) = (service.person("jia-chair"), service.person("jia-teller1"));
    chair.step(&round("open"), &[]);
    chair.step(&round("custody"), &[("present", "12"), ("handed_out", "12"), ("spoiled", "0"), ("unused", "5")]);
    assert_eq!(chair.post(&round("custody/confirm"), &[]).status, 403, "the chair confirms no count of their own");
    chair.step(&round("stop"), &[]);
    for _ in 0..2 {
        teller.step(&round("paper"), &[("slip", &codes[0]), ("home", "satisfied")]);
    }
    let turnout = service.ballot_box.turnout(poll).unwrap();
    assert_eq!(turnout.spent, 0, "the same teller twice is one reading");
    assert_eq!(chair.post(&round("close"), &[]).status, 409, "nobody confirmed the hand-out");
}

#[test]
fn a_one_time_password_is_changed_before_anything_else() {
    let service = Service::new();
    let chair = service.person("jia-chair");
    let page = chair.post("/people", &[("role", "teller"), ("name", "周计票"), ("username", "zhou")]);
    assert_eq!(page.status, 200, "{}", page.body);
    let password = page.marked("data-password").into_iter().next().expect("shown once");
    assert!(!chair.get("/people").body.contains(&password), "and never again");
    let zhou = service.signed_in("zhou", &password);
    assert!(zhou.get("/desk").location.starts_with("/password"));
    let own = "周计票自己想好的密码";
    let wrong = zhou.post("/password", &[("old_password", "x"), ("new_password", own), ("repeated", own)]);
    assert_eq!(wrong.status, 422, "the old password is asked for");
    let changed = [("old_password", password.as_str()), ("new_password", own), ("repeated", own)];
    assert_eq!(zhou.step("/password", &changed).location, "/desk?done=password");
    assert_eq!(zhou.get("/desk").status, 200);
    let taken = chair.post("/people", &[("role", "teller"), ("name", "周二"), ("username", "zhou")]);
    assert_eq!(taken.status, 422, "a username is given once");
    assert!(taken.body.contains("周二"), "what was typed is kept");
}
