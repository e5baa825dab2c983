//! Who may call what: every route of the table, against the running service.

use std::collections::BTreeMap;

use pingjia::domain::account::Role;
use pingjia::http::routes::{Access, Endpoint, Handler, table};
use reqwest::Method;

use crate::round::{FACTS, counted, prepared};
use crate::service::{Person, Service};

/// The addresses of an endpoint with the ids of one union's things filled in.
struct Things {
    poll: String,
    union: String,
    account: String,
}

impl Things {
    fn path(&self, endpoint: &Endpoint) -> String {
        let id = if endpoint.path.starts_with("/unions/") { &self.union } else { &self.poll };
        endpoint.path.replace("{id}", id).replace("{account}", &self.account)
    }
}

fn behind_login() -> impl Iterator<Item = &'static Endpoint> {
    table().iter().filter(|endpoint| matches!(endpoint.handler, Handler::Desk(_)))
}

fn people(service: &Service, names: [(Role, &str); 5]) -> BTreeMap<&'static str, Person> {
    names.into_iter().map(|(role, name)| (role.code(), service.person(name))).collect()
}

fn of_jia(service: &Service) -> BTreeMap<&'static str, Person> {
    people(
        service,
        [
            (Role::Chair, "jia-chair"),
            (Role::Scrutineer, "jia-scrutineer"),
            (Role::Teller, "jia-teller1"),
            (Role::Superior, "shi"),
            (Role::Operator, "operator"),
        ],
    )
}

/// Requests a route as this person; the body of streams is not awaited.
fn ask(person: &Person, endpoint: &Endpoint, path: &str) -> u16 {
    if endpoint.method == actix_web::http::Method::GET {
        person.head_of(path).status().as_u16()
    } else {
        person.post(path, &[]).status
    }
}

#[test]
fn nobody_calls_a_route_that_is_not_for_them() {
    let service = Service::new();
    let things = Things { poll: "1".into(), union: service.jia.id.to_string(), account: "1".into() };
    let people = of_jia(&service);
    let anybody = service.anybody();
    let before = service.contents();
    let mut checked = 0;
    for endpoint in behind_login() {
        let path = things.path(endpoint);
        let status = ask(&anybody, endpoint, &path);
        let expected: &[u16] = if endpoint.method == "GET" { &[303] } else { &[401] };
        assert!(expected.contains(&status), "{} {path} without a login: {status}", endpoint.method);
        let Access::Roles(roles) = endpoint.access else { continue };
        for role in Role::ALL.into_iter().filter(|role| !roles.contains(role)) {
            let status = ask(&people[role.code()], endpoint, &path);
            assert_eq!(status, 403, "{} {path} as {}", endpoint.method, role.code());
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked} refusals were checked");
    assert_eq!(service.contents(), before);
}

#[test]
fn nobody_acts_on_a_foreign_union() {
    let service = Service::new();
    let (poll, _) = prepared(&service);
    let account = service.database.read(|c| pingjia::store::accounts::of_union(c, service.jia.id)).unwrap();
    let teller = account.iter().find(|account| account.role == Role::Teller).unwrap();
    let things = Things { poll: poll.to_string(), union: service.jia.id.to_string(), account: teller.id.to_string() };
    let strangers: BTreeMap<&str, Person> = [
        (Role::Chair, "yi-chair"),
        (Role::Scrutineer, "yi-scrutineer"),
        (Role::Teller, "yi-teller1"),
        (Role::Superior, "yi-superior"),
    ]
    .into_iter()
    .map(|(role, name)| (role.code(), service.person(name)))
    .collect();
    let before = service.contents();
    let mut checked = 0;
    for endpoint in behind_login().filter(|endpoint| endpoint.path.contains('{')) {
        let path = things.path(endpoint);
        for (role, stranger) in &strangers {
            let role = Role::from_code(role).unwrap();
            if !endpoint.access.admits(role) {
                continue;
            }
            let status = ask(stranger, endpoint, &path);
            assert_eq!(status, 404, "{} {path} as the {} of another union", endpoint.method, role.code());
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked} refusals were checked");
    assert_eq!(service.contents(), before, "nothing was changed");
    // The union above sees it, and its own chair runs it; the union above does not run it.
    assert_eq!(service.person("shi").get(&format!("/oversight/{poll}")).status, 200);
    assert!(!service.person("yi-superior").get("/desk").body.contains("甲厂工会"));
}

#[test]
fn get_changes_nothing() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let people = of_jia(&service);
    let teller = service.database.read(|c| pingjia::store::accounts::of_union(c, service.jia.id)).unwrap();
    let things =
        Things { poll: poll.to_string(), union: service.jia.id.to_string(), account: teller[0].id.to_string() };
    let walk = |phase: &str| {
        let before = service.contents();
        for endpoint in table().iter().filter(|endpoint| endpoint.method == "GET") {
            let path = things.path(endpoint).replace("{code}", &codes[11]).replace("{who}", "members");
            for person in people.values() {
                for method in [Method::GET, Method::HEAD] {
                    let status = person.request(method, &path).send().unwrap().status().as_u16();
                    assert!(status < 500, "{path} ({phase}): {status}");
                }
            }
        }
        assert_eq!(service.contents(), before, "no GET changed anything ({phase})");
    };
    walk("draft");
    service.person("jia-chair").step(&format!("/rounds/{poll}/open"), &[]);
    walk("open");
}

#[test]
fn an_empty_form_is_never_a_fault() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    counted(&service, poll, &codes);
    let people = of_jia(&service);
    let things = Things { poll: poll.to_string(), union: service.jia.id.to_string(), account: "3".into() };
    for endpoint in behind_login().filter(|endpoint| endpoint.method == "POST" && endpoint.path != "/logout") {
        for (role, person) in &people {
            let role = Role::from_code(role).unwrap();
            if endpoint.access.admits(role) && !endpoint.path.contains("{account}") {
                let page = person.post(&things.path(endpoint), &[]);
                assert!(page.status < 500, "{} as {}: {}", endpoint.path, role.code(), page.body);
            }
        }
    }
}

#[test]
fn a_form_from_elsewhere_is_refused() {
    let service = Service::new();
    let (chair, other) = (service.person("jia-chair"), service.person("yi-chair"));
    let before = service.contents();
    for token in ["", "forged", other.token.as_str()] {
        let mut fields = FACTS.to_vec();
        fields.push(("form_token", token));
        let answer = chair.post_raw("/rounds", &fields);
        assert_eq!(answer.status(), 403, "another session's token, or none");
        assert!(answer.text().unwrap().contains("foreign_form"));
    }
    for (name, value) in
        [("origin", "https://evil.example"), ("referer", "https://evil.example/page"), ("sec-fetch-site", "cross-site")]
    {
        let mut fields = FACTS.to_vec();
        fields.push(("form_token", chair.token.as_str()));
        let answer = chair.request(Method::POST, "/rounds").header(name, value).form(&fields).send().unwrap();
        assert_eq!(answer.status(), 403, "{name}: {value}");
    }
    assert_eq!(service.contents(), before);
}

#[test]
fn every_answer_carries_the_headers_and_the_session_is_well_kept() {
    let service = Service::new();
    let login =
        service.anybody().post_raw("/login", &[("username", "jia-chair"), ("password", crate::service::PASSWORD)]);
    let cookie = login.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Domain"), "{cookie}");
    let chair = service.person("jia-chair");
    for path in ["/", "/login", "/desk", "/nowhere", "/rounds/999999", "/assets/0/nothing.css"] {
        let response = chair.head_of(path);
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert!(headers.contains_key("referrer-policy") && headers.contains_key("cache-control"), "{path}");
    }
    assert_eq!(chair.head_of("/desk").headers()["cache-control"], "no-store");
    chair.step("/logout", &[]);
    assert_eq!(chair.get("/desk").status, 303, "signed out is signed out");
}
