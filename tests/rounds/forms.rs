//! Forms of other sites, programs, and what is shown to whom when something is refused.

use actix_web::http::Method as Verb;
use pingjia::domain::account::Role;
use pingjia::http::routes::{Access, table};
use reqwest::Method;
use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};

use crate::round::{cast, prepared};
use crate::service::{PASSWORD, Service};

#[test]
fn no_post_is_done_for_another_site_or_without_its_token() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let names = [
        (Role::Chair, "jia-chair"),
        (Role::Scrutineer, "jia-scrutineer"),
        (Role::Teller, "jia-teller1"),
        (Role::Superior, "shi"),
        (Role::Operator, "operator"),
    ];
    let people: Vec<_> = names.into_iter().map(|(role, name)| (role, service.person(name))).collect();
    let before = service.contents();
    for endpoint in table().iter().filter(|endpoint| endpoint.method == Verb::POST) {
        let id = if endpoint.path.starts_with("/unions/") { service.jia.id.to_string() } else { poll.to_string() };
        let path = endpoint.path.replace("{id}", &id).replace("{account}", "1").replace("{code}", &codes[0]);
        let (_, person) = people.iter().find(|(role, _)| endpoint.access.admits(*role)).unwrap();
        let good = [("form_token", person.token.as_str())];
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("referer", "https://evil.example/"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let answer = person.request(Method::POST, &path).header(name, value).form(&good).send().unwrap();
            assert_eq!(answer.status(), 403, "{path} with {name}: {value}");
            assert!(answer.text().unwrap().contains("foreign_form"), "{path}");
        }
        if endpoint.access != Access::Public {
            for forged in [&[][..], &[("form_token", "")], &[("form_token", "forged")]] {
                assert_eq!(person.post_raw(&path, forged).status(), 403, "{path} with {forged:?}");
            }
        }
    }
    assert_eq!(service.contents(), before, "nothing was done");
}

#[test]
fn nobody_is_signed_in_by_a_foreign_page() {
    let service = Service::new();
    let anybody = service.anybody();
    let fields = [("username", "jia-chair"), ("password", PASSWORD)];
    let sandboxed = anybody.request(Method::POST, "/login").header("origin", "null").form(&fields).send().unwrap();
    assert_eq!(sandboxed.status(), 403, "an old browser, a frame without origin");
    assert!(!sandboxed.headers().contains_key(SET_COOKIE));
    let own = anybody.request(Method::POST, "/login").header("origin", service.base.as_str()).form(&fields);
    assert_eq!(own.send().unwrap().status(), 303);
}

#[test]
fn signing_in_again_ends_the_session_before_and_a_new_password_all_of_them() {
    let service = Service::new();
    let (here, there) = (service.person("jia-chair"), service.person("jia-chair"));
    let sign_in = |person: &crate::service::Person, password: &str| {
        let answer = person.post_raw("/login", &[("username", "jia-chair"), ("password", password)]);
        let cookies = answer.headers().get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap().to_owned());
        cookies
            .into_iter()
            .find(|cookie| cookie.starts_with("pj_session="))
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned()
    };
    let old = sign_in(&here, PASSWORD);
    let new = sign_in(&here, PASSWORD);
    let with = |cookie: &str| {
        service.anybody().request(Method::GET, "/desk").header(COOKIE, cookie).send().unwrap().status().as_u16()
    };
    assert_ne!(old, new);
    assert_eq!((with(&old), with(&new)), (303, 200), "the session before has ended");
    let own = "另一个够长的测试密码";
    there.step("/password", &[("old_password", PASSWORD), ("new_password", own), ("repeated", own)]);
    assert_eq!(with(&new), 303, "signed out everywhere else");
    assert_eq!(there.get("/desk").status, 200, "and here in again");
}

#[test]
fn a_known_browser_is_not_locked_out_by_neighbours() {
    let service = Service::new();
    let known = service.person("jia-chair");
    let sign_in = |person: &crate::service::Person, password: &str| {
        person.post_raw("/login", &[("username", "jia-chair"), ("password", password)]).status().as_u16()
    };
    let neighbour = service.anybody();
    assert_eq!((0..30).filter(|_| sign_in(&neighbour, "guess") == 401).count(), 9, "guessing is slowed");
    assert_eq!(sign_in(&service.anybody(), PASSWORD), 429, "also for a new browser at the same address");
    assert_eq!(sign_in(&known, PASSWORD), 303, "the chair's own browser signs in");
    assert_eq!(service.anybody().post_raw("/login", &[("username", "shi"), ("password", PASSWORD)]).status(), 303);
    let guesses = (0..30).filter(|_| sign_in(&known, "guess") == 401).count();
    assert_eq!(guesses, 10, "a known browser guesses no faster");
}

#[test]
fn refusals_stand_in_the_frame_of_whoever_is_signed_in() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let chair = service.person("jia-chair");
    let signed = |body: &str| body.contains("工作台") && body.contains("action=\"/logout\"");
    for (status, path) in
        [(403, "/approvals"), (404, "/nowhere"), (404, "/rounds/999999"), (409, &*format!("/rounds/{poll}/close"))]
    {
        let page = chair.get(path);
        assert_eq!(page.status, status, "{path}");
        assert!(signed(&page.body) && page.body.contains("href=\"/desk\""), "{path}: {}", page.body);
    }
    let wrong = chair.request(Method::DELETE, "/desk").send().unwrap();
    assert!(wrong.status() == 405 && signed(&wrong.text().unwrap()));
    let large = chair.post_raw("/rounds", &[("title", &"长".repeat(30_000))]);
    assert!(large.status() == 413 && signed(&large.text().unwrap()));
    let foreign = chair.post_raw("/rounds", &[("form_token", "forged")]);
    assert!(foreign.status() == 403 && signed(&foreign.text().unwrap()));
    assert!(!signed(&service.anybody().get("/nowhere").body));
    assert!(!signed(&chair.get(&format!("/V/{}", codes[0])).body), "a ballot knows nobody");
}

#[test]
fn programs_are_refused_in_json() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let anybody = service.anybody();
    let ask = |method: Method, path: &str, status: u16, code: &str| {
        let answer = anybody.request(method, path).header(ACCEPT, "application/json").send().unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
        let json: serde_json::Value = serde_json::from_str(&answer.text().unwrap()).unwrap();
        assert_eq!((json["code"].as_str(), json["status"].as_u64()), (Some(code), Some(u64::from(status))), "{path}");
        assert!(json["title"].as_str().is_some_and(|title| !title.is_empty() && json["detail"].is_string()));
    };
    let ballot = format!("/V/{}", codes[0]);
    ask(Method::GET, "/V/ABC", 404, "slip_malformed");
    ask(Method::GET, &ballot, 409, "round_not_open");
    service.person("jia-chair").step(&format!("/rounds/{poll}/open"), &[]);
    ask(Method::POST, &ballot, 400, "form_nonce");
    cast(&service, &codes[0], "satisfied");
    ask(Method::GET, &ballot, 410, "slip_spent");
    ask(Method::GET, "/nowhere", 404, "not_found");
    ask(Method::PUT, &ballot, 405, "method_not_allowed");
    ask(Method::GET, "/desk", 401, "sign_in");
}

#[test]
fn trying_codes_out_is_noticed_and_harms_no_member() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let chair = service.person("jia-chair");
    chair.step(&format!("/rounds/{poll}/open"), &[]);
    let page = || chair.get(&format!("/rounds/{poll}")).body;
    assert!(!page().contains("data-guesses"));
    let anybody = service.anybody();
    let tag = pingjia::domain::slip::SlipCode::parse(&codes[0]).unwrap().tag();
    let statuses: Vec<u16> = (0..80)
        .map(|n| pingjia::domain::slip::SlipCode::from_random(tag, n))
        .map(|slip| anybody.head_of(&format!("/V/{}", slip.link_form())).status().as_u16())
        .collect();
    assert_eq!(statuses, [vec![404; 60], vec![429; 20]].concat());
    assert!(page().contains("data-guesses"), "the chair is told");
    assert!(cast(&service, &codes[0], "satisfied").body.contains("data-receipt"), "a real slip is not slowed");
    for n in 0..200 {
        let mistyped = format!("{}{n}", &codes[0][..20]);
        assert_eq!(anybody.head_of(&format!("/V/{mistyped}")).status(), 404, "no slip code, never looked up");
    }
}

#[test]
fn a_ballot_that_waited_overnight_is_cast_or_says_why_not() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let chair = service.person("jia-chair");
    chair.step(&format!("/rounds/{poll}/open"), &[]);
    let anybody = service.anybody();
    let nonces: Vec<String> =
        codes[..2].iter().map(|code| anybody.get(&format!("/V/{code}")).field("n").expect("a form")).collect();
    let send = |place: usize| {
        let fields = [("n", nonces[place].as_str()), ("home", "satisfied"), ("step", "cast")];
        anybody.post_raw(&format!("/V/{}", codes[place]), &fields)
    };
    let thanks = send(0);
    assert_eq!((thanks.status().as_u16(), thanks.headers()["cache-control"].to_str().unwrap()), (200, "no-store"));
    let thanks = thanks.text().unwrap();
    assert!(thanks.contains("data-receipt"), "a form carries nothing that runs out");
    let again = send(0).text().unwrap();
    assert!(again == thanks, "a page that is loaded again shows the same and casts nothing");
    let back = anybody.get(&format!("/V/{}", codes[0]));
    assert!(back.status == 410 && !back.body.contains("type=\"radio\"") && !back.body.contains("data-receipt"));
    chair.step(&format!("/rounds/{poll}/stop"), &[]);
    let late = send(1);
    assert_eq!((late.status().as_u16(), late.headers()["cache-control"].to_str().unwrap()), (410, "no-store"));
    assert!(late.text().unwrap().contains("这次没有计入"));
    assert_eq!(send(0).text().unwrap(), thanks, "still thanked after the phones have stopped");
}
