//! Bad input: each a clear refusal with a stable code, nothing lost, nothing half-written, no 500.

use reqwest::Method;

use crate::round::{FACTS, cast, counted, prepared};
use crate::service::{Person, Service};
use crate::support::days::day;
use crate::support::round::eventually;

fn with(changed: &'static [(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = FACTS.iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    kept.chain(changed).copied().collect()
}

#[test]
fn a_wrong_form_keeps_what_was_typed_and_points_at_the_field() {
    let service = Service::new();
    let chair = service.person("jia-chair");
    let before = service.contents();
    let wrongs: [(&'static [(&'static str, &'static str)], &str); 12] = [
        (&[("expected", "13")], "expected"),
        (&[("expected", "许多")], "expected"),
        (&[("member_total", "0")], "member_total"),
        (&[("ends", "2026-11-19")], "ends"),
        (&[("begins", "明天")], "begins"),
        (&[("begins", "1926-11-20")], "begins"),
        (&[("ends", "2126-11-21")], "ends"),
        (&[("tellers", "王主席")], "tellers"),
        (&[("tellers", "钱计票\r\n 钱计票")], "tellers"),
        (&[("scrutineers", "赵监票\r\n周监票\r\n赵监票")], "scrutineers"),
        (&[("pledges", "修食堂\r\n修食堂")], "pledges"),
        (&[("assembly", "party")], "assembly"),
    ];
    for (changed, field) in wrongs {
        let page = chair.post("/rounds", &with(changed));
        assert_eq!(page.status, 422, "{changed:?}");
        assert!(page.body.contains(&format!("href=\"#{field}\"")), "{changed:?} points at {field}");
        assert!(page.body.contains("三楼会议室"), "{changed:?}: what was typed is kept");
    }
    assert_eq!(service.contents(), before, "nothing is half-written");
}

#[test]
fn a_stopped_box_is_a_pause_and_claims_nothing() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    service.person("jia-chair").step(&format!("/rounds/{poll}/open"), &[]);
    let (phone, path) = (service.anybody(), format!("/V/{}", codes[0]));
    let nonce = phone.get(&path).field("n").unwrap();
    assert!(cast(&service, &codes[1], "satisfied").body.contains("data-receipt"), "the box works");
    let key = service.installation.vault_files(".key").remove(0);
    let hidden = key.with_extension("hidden");
    std::fs::rename(&key, &hidden).unwrap();
    eventually("the box stops", || service.ballot_box.stopped(poll).is_some());
    let looked = phone.get(&path);
    assert_eq!(looked.status, 503);
    assert!(looked.body.contains("投票暂停") && !looked.body.contains("type=\"radio\""), "{}", looked.body);
    let sent = [("n", nonce.as_str()), ("home", "satisfied"), ("step", "cast")];
    let answer = phone.post_raw(&path, &sent).text().unwrap();
    let answer = answer.split("<script>").next().unwrap();
    assert!(
        answer.contains("一张选票只算一票") && answer.contains(&nonce),
        "the same form may be sent again: {answer}"
    );
    assert!(!answer.contains("还没有投票") && !answer.contains("没有投成"), "{answer}");
    std::fs::rename(&hidden, &key).unwrap();
    eventually("the box goes on", || service.ballot_box.stopped(poll).is_none());
    assert!(phone.post_raw(&path, &sent).text().unwrap().contains("data-receipt"));
}

#[test]
fn a_closing_that_does_not_go_on_looks_the_same_at_every_process() {
    let mut service = Service::new();
    let other = service.beside();
    let (poll, codes) = prepared(&service);
    let round = |step: &str| format!("/rounds/{poll}{step}");
    let (chair, scrutineer) = (service.person("jia-chair"), service.person("jia-scrutineer"));
    chair.step(&round("/open"), &[]);
    chair.step(&round("/custody"), &[("present", "12"), ("handed_out", "12"), ("spoiled", "0"), ("unused", "5")]);
    scrutineer.submit(&round(""), &round("/custody/confirm"), &[]);
    chair.submit(&round("/stop"), &round("/stop"), &[]);
    std::fs::remove_file(service.installation.vault_files(".key").remove(0)).unwrap();
    let refused = chair.post(&round("/close"), &[]);
    assert_eq!((refused.problem().as_str(), service.phase(poll)), ("vault", "closing"));

    let pages = [&chair, &chair.at(&other)].map(|person| person.get(&round("")).body);
    let told =
        |page: &String| page.split("data-stopped").nth(1).map(|rest| rest.split("</div>").next().unwrap().to_owned());
    assert!(told(&pages[0]).is_some_and(|told| told.contains("密钥保管处")), "{}", pages[0]);
    assert_eq!(told(&pages[0]), told(&pages[1]));
    for page in &pages {
        assert!(page.contains(&format!("href=\"{}\"", round("/void"))) && page.contains("继续开票"));
    }
    // The mirror still has its key; then it has none either.
    assert_eq!(service.ballot_box.beyond_counting(poll).unwrap(), None);
    std::fs::remove_file(service.installation.vault_files(".key").remove(0)).unwrap();
    let void = [("reason", "密钥丢了")];
    assert_eq!(chair.at(&other).post(&round("/void"), &void).status, 303);
    assert_eq!(service.phase(poll), "void");
    for (who, path) in [("jia-chair", "rounds"), ("shi", "oversight")] {
        let page = service.person(who).get(&format!("/{path}/{poll}")).body;
        let reasons = "密钥保管处都没有本轮的密钥，票打不开。作废原因：密钥丢了";
        assert!(page.contains("投票箱停用以后") && page.contains(reasons), "what the box says of itself: {page}");
    }
    let told = service.anybody().get(&format!("/V/{}", codes[0])).body;
    assert!(told.contains("票没有清点。原因：密钥丢了"), "{told}");
}

#[test]
fn a_fault_that_passes_is_not_why_a_chair_calls_a_round_off() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let chair = service.person("jia-chair");
    chair.step(&format!("/rounds/{poll}/open"), &[]);
    assert!(cast(&service, &codes[1], "satisfied").body.contains("data-receipt"), "the box works");
    let key = service.installation.vault_files(".key").remove(0);
    std::fs::rename(&key, key.with_extension("hidden")).unwrap();
    eventually("the box stops", || service.ballot_box.stopped(poll).is_some());
    chair.submit(&format!("/rounds/{poll}/void"), &format!("/rounds/{poll}/void"), &[("reason", "改到下个月")]);
    let page = chair.get(&format!("/rounds/{poll}")).body;
    assert!(page.contains("作废原因：改到下个月") && !page.contains("停用"), "{page}");
    let told = service.anybody().get(&format!("/V/{}", codes[0])).body;
    assert!(told.contains("原因：改到下个月") && !told.contains("故障"), "{told}");
}

#[test]
fn a_key_that_came_back_keeps_the_sheet_unsigned_and_the_form_filled() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    counted(&service, poll, &codes);
    let chair = service.person("jia-chair");
    let path = format!("/rounds/{poll}/certify");
    let shown = chair.get(&path);
    assert_eq!(shown.status, 200);
    // A folder in the place of the file: the box cannot destroy it by itself.
    let key = service.installation.vault_files("tombstone").remove(0).with_file_name("back.key");
    std::fs::create_dir(&key).unwrap();
    let early = chair.get(&path);
    assert_eq!((early.status, &*early.problem()), (409, "key_not_destroyed"), "before anything is written");
    let texts =
        [("problems", "食堂太挤"), ("rectification", "增加座位"), ("responsible", "王主席"), ("way", "会上宣布")];
    let (deadline, today) = (day(30), day(0));
    let fields = [&texts[..], &[("deadline", &*deadline), ("published_on", &*today)]].concat();
    let refused = chair.post(&path, &fields);
    assert_eq!((refused.status, &*refused.problem()), (409, "key_not_destroyed"));
    for (name, text) in texts {
        assert!(refused.body.contains(text), "{name} is kept");
    }
    assert_eq!(service.phase(poll), "closed");
    std::fs::remove_dir(&key).unwrap();
    assert_eq!(chair.post(&path, &fields).status, 303);
    assert_eq!(service.phase(poll), "certified");
}

#[test]
fn the_year_of_a_round_stays() {
    let service = Service::new();
    let chair = service.person("jia-chair");
    let longest = with(&[("begins", "2026-12-30"), ("ends", "2027-01-05")]);
    let draft = chair.step("/rounds", &longest).location;
    let edit = draft.replace("/setup?done=created", "/edit");
    assert!(chair.get(&draft).body.contains("2026年"), "the year is shown");
    assert_eq!(chair.get(&edit).field("year").as_deref(), Some("2026"));
    let page = chair.fill(&edit, &edit, &with(&[("year", "2027")]));
    assert_eq!(page.status, 422);
    assert!(page.body.contains("href=\"#year\"") && page.body.contains("不能修改"), "{}", page.body);
    assert_eq!(page.field("year").as_deref(), Some("2026"), "what is sent next is right");
    chair.submit(&edit, &edit, &FACTS);
}

#[test]
fn what_no_browser_sends_is_refused_with_a_code() {
    let service = Service::new();
    let chair = service.person("jia-chair");
    let body = |kind: &str, body: String| {
        Person::send(chair.request(Method::POST, "/rounds").header("content-type", kind.to_owned()).body(body))
    };
    let form = "application/x-www-form-urlencoded";
    for (page, status, code) in [
        (body(form, format!("title={}", "x".repeat(70_000))), 413, "body_too_large"),
        (body(form, "title=%FF%FE".to_owned()), 400, "malformed_form"),
        (body(form, "title=%G1".to_owned()), 400, "malformed_form"),
        (body("text/plain", "title=x".to_owned()), 415, "not_a_form"),
        (chair.get("/rounds/nothing"), 404, "not_found"),
        (chair.get("/rounds/999999"), 404, "not_yours"),
        (chair.get("/nowhere"), 404, "not_found"),
        (Person::send(chair.request(Method::DELETE, "/rounds")), 405, "method_not_allowed"),
    ] {
        assert_eq!((page.status, page.problem().as_str()), (status, code), "{}", page.body);
    }
    let json = Person::send(chair.request(Method::GET, "/rounds/999999").header("accept", "application/json"));
    let problem: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!((json.status, problem["code"].as_str()), (404, Some("not_yours")));
    assert!(problem["way_forward"].as_str().is_some_and(|words| !words.is_empty()));
}

#[test]
fn a_ballot_that_cannot_be_is_refused_and_spends_nothing() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let nonce = data_encoding::BASE64URL_NOPAD.encode(&[9; 32]);
    service.person("jia-chair").step(&format!("/rounds/{poll}/open"), &[]);
    for (fields, what) in [
        (vec![("home", "delighted"), ("n", &nonce), ("step", "cast")], "an answer not on the paper"),
        (vec![("home", "satisfied"), ("home", "dissatisfied"), ("n", &nonce), ("step", "cast")], "two answers"),
        (vec![("home", "satisfied"), ("chair", "satisfied"), ("n", &nonce), ("step", "cast")], "a foreign item"),
        (vec![("home", "satisfied"), ("n", "forged"), ("step", "cast")], "a forged nonce"),
        (vec![("home", "satisfied"), ("step", "cast")], "no nonce"),
    ] {
        let status = cast_status(&service, &codes[0], &fields);
        assert!((400..500).contains(&status), "{what}: {status}");
    }
    assert_eq!(service.ballot_box.turnout(poll).unwrap().spent, 0, "nothing is spent");
    let foreign = codes[0].replacen(&codes[0][..5], if codes[0].starts_with('0') { "1AAAA" } else { "0AAAA" }, 1);
    assert_eq!(service.anybody().get(&format!("/V/{foreign}")).status, 404, "a slip of no round");
    assert!(cast(&service, &codes[0], "satisfied").body.contains("data-receipt"), "the slip is still good");
    let again = cast_status(&service, &codes[0], &[("home", "dissatisfied"), ("n", &nonce), ("step", "cast")]);
    assert_eq!(again, 409, "and good once");
}

#[test]
fn nobody_votes_before_the_box_is_open() {
    let service = Service::new();
    let (_, codes) = prepared(&service);
    let nonce = data_encoding::BASE64URL_NOPAD.encode(&[9; 32]);
    let before = service.contents();
    let status = cast_status(&service, &codes[0], &[("home", "satisfied"), ("n", &nonce), ("step", "cast")]);
    assert_eq!(status, 409);
    assert_eq!(service.contents(), before);
}

fn cast_status<V: AsRef<str>>(service: &Service, code: &str, fields: &[(&str, V)]) -> u16 {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    service.anybody().post_raw(&format!("/V/{code}"), &fields).status().as_u16()
}

#[test]
fn steps_out_of_turn_change_nothing() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let chair = service.person("jia-chair");
    let round = |step: &str| format!("/rounds/{poll}/{step}");
    let before = service.contents();
    for step in ["custody", "stop", "close", "certify", "ask"] {
        let page = chair.post(
            &round(step),
            &[("sure", "1"), ("present", "1"), ("handed_out", "1"), ("spoiled", "0"), ("unused", "0")],
        );
        assert!((400..500).contains(&page.status), "{step} of a draft: {}", page.status);
    }
    assert_eq!(service.contents(), before);
    counted(&service, poll, &codes);
    let before = service.contents();
    for step in ["open", "slips", "custody", "stop", "edit", "ask"] {
        let page = chair.post(
            &round(step),
            &[("spares", "5"), ("sure", "1"), ("present", "1"), ("handed_out", "1"), ("spoiled", "0"), ("unused", "0")],
        );
        assert!((400..500).contains(&page.status), "{step} of a counted round: {}", page.status);
    }
    assert_eq!(service.contents(), before, "a counted round stays as it is");
}

#[test]
fn guessing_a_password_is_throttled_and_the_hall_is_not() {
    let service = Service::new();
    let guess = |username: &str, password: &str| {
        service.anybody().post_raw("/login", &[("username", username), ("password", password)]).status().as_u16()
    };
    let answers: Vec<u16> = (0..14).map(|_| guess("jia-chair", "falsch-geraten")).collect();
    assert_eq!(answers, [vec![401; 10], vec![429; 4]].concat());
    assert_eq!(guess("yi-chair", crate::service::PASSWORD), 303, "others behind the same address sign in");
    assert_eq!(guess("nobody-of-this-name", "x"), 401);
}
