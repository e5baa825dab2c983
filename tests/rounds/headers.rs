//! What every answer carries, route by route: the exact set of headers, and nothing that would make a page run
//! what is not ours.

use actix_web::http::Method;
use pingjia::http::routes::{Access, Endpoint, table};
use reqwest::blocking::Response;

use crate::round::{cast, prepared};
use crate::service::{Person, Service};

/// Headers about the body or the transport, which differ from answer to answer.
const OF_THE_BODY: [&str; 13] = [
    "connection",
    "content-type",
    "content-length",
    "content-encoding",
    "content-disposition",
    "transfer-encoding",
    "vary",
    "date",
    "etag",
    "location",
    "set-cookie",
    "retry-after",
    "x-accel-buffering",
];
/// The same on every answer.
const ALWAYS: [(&str, &str); 5] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Whether this is the policy of a page that stands alone: its one style and its one script, by hash.
fn admits_its_own(policy: &str) -> bool {
    let rules: Vec<&str> = policy.split("; ").collect();
    let hash = |rule: &str, name: &str| {
        let source = rule.strip_prefix(name).unwrap_or_default().trim();
        source.starts_with("'sha256-") && source.ends_with('\'') && !source.contains(' ')
    };
    rules.len() == 8
        && rules[0] == "default-src 'none'"
        && hash(rules[1], "style-src")
        && hash(rules[2], "script-src")
        && rules[3..]
            == [
                "connect-src 'self'",
                "img-src data:",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            ]
}

/// Checks the headers of one answer; how long it may be kept is for the caller to judge.
fn check(what: &str, response: &Response) -> String {
    let text = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let mut names: Vec<&str> = response.headers().keys().map(|name| name.as_str()).collect();
    names.retain(|name| !OF_THE_BODY.contains(name));
    names.sort_unstable();
    let mut expected: Vec<&str> = ALWAYS.iter().map(|(name, _)| *name).collect();
    expected.extend(["cache-control", "content-security-policy", "referrer-policy"]);
    expected.sort_unstable();
    assert_eq!(names, expected, "{what}: neither more nor less, no word on the server");
    for (name, value) in ALWAYS {
        assert_eq!(text(name), value, "{what}");
    }
    let policy = text("content-security-policy");
    assert!(policy == POLICY || (what.contains("/V/") && admits_its_own(&policy)), "{what}: {policy}");
    let referrer = if what.contains(" /login") && !matches!(response.status().as_u16(), 403 | 405) {
        "same-origin"
    } else {
        "no-referrer"
    };
    assert_eq!(text("referrer-policy"), referrer, "{what}");
    text("cache-control")
}

/// Nothing in a page is script or style of its own, but for the blocks that the policy names.
fn check_page(what: &str, body: &str) {
    let mut tags = body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    let inline = tags.find(|tag| {
        let words = tag.split_ascii_whitespace().skip(1);
        words.into_iter().any(|word| word.starts_with("on") && word.contains('=') || word.starts_with("style="))
    });
    assert_eq!(inline, None, "{what}");
    assert!(!body.contains("javascript:"), "{what}");
}

fn sender<'p>(endpoint: &Endpoint, people: &'p [(pingjia::domain::account::Role, Person)]) -> &'p Person {
    &people.iter().find(|(role, _)| endpoint.access.admits(*role)).unwrap().1
}

#[test]
fn every_route_answers_with_exactly_these_headers() {
    use pingjia::domain::account::Role;
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    service.person("jia-chair").step(&format!("/rounds/{poll}/open"), &[]);
    let people = [
        (Role::Chair, service.person("jia-chair")),
        (Role::Scrutineer, service.person("jia-scrutineer")),
        (Role::Teller, service.person("jia-teller1")),
        (Role::Superior, service.person("shi")),
    ];
    let anybody = service.anybody();
    for endpoint in table() {
        let id = if endpoint.path.starts_with("/unions/") { service.jia.id.to_string() } else { poll.to_string() };
        let path = endpoint.path.replace("{id}", &id).replace("{account}", "1").replace("{who}", "members");
        let path = path.replace("{code}", &codes[0]).replace("{hash}", "0").replace("{file}", "app.css");
        let what = format!("{} {path}", endpoint.method);
        let kept = if endpoint.method == Method::GET {
            let person = if endpoint.access == Access::Public { &anybody } else { sender(endpoint, &people) };
            let response = person.head_of(&path);
            let (kept, page) =
                (check(&what, &response), response.headers()["content-type"].to_str().unwrap().to_owned());
            if page.starts_with("text/html") {
                check_page(&what, &response.text().unwrap());
            }
            check(&format!("HEAD {path}"), &person.request(reqwest::Method::HEAD, &path).send().unwrap());
            kept
        } else {
            check(&what, &anybody.post_raw(&path, &[("form_token", "forged")]))
        };
        let public = endpoint.access == Access::Public && endpoint.method == Method::GET;
        let explains = path == "/secrecy" || path.starts_with("/help") || path.starts_with("/.well-known");
        assert_eq!(public && explains, kept.starts_with("public, max-age="), "{what}: {kept}");
        assert!(explains || kept == "no-store", "{what}: {kept}");
        let wrong = anybody.request(reqwest::Method::DELETE, &path).send().unwrap();
        assert_eq!(wrong.status(), 405, "{path}");
        assert_eq!(check(&format!("DELETE {path}"), &wrong), "no-store");
    }
}

#[test]
fn refusals_carry_the_headers_too_and_nothing_is_kept() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let (anybody, chair) = (service.anybody(), service.person("jia-chair"));
    let ballot = format!("/V/{}", codes[0]);
    let expect = |status: u16, what: &str, response: &Response| {
        assert_eq!(response.status().as_u16(), status, "{what}");
        assert_eq!(check(what, response), "no-store", "{what}");
    };
    expect(400, "a broken escape", &anybody.head_of("/?a=%zz"));
    expect(404, "an unknown path", &anybody.head_of("/nowhere"));
    expect(404, "an unknown slip /V/", &anybody.head_of("/V/ABC"));
    expect(409, "not open yet /V/", &anybody.head_of(&ballot));
    expect(303, "not signed in", &anybody.head_of("/desk"));
    expect(403, "another role", &chair.head_of("/approvals"));
    let form = |what: &str, path: &str, kind: &str, body: String| {
        let response =
            chair.request(reqwest::Method::POST, path).header("content-type", kind).body(body).send().unwrap();
        (what.to_owned(), response)
    };
    let urlencoded = "application/x-www-form-urlencoded";
    let (what, response) = form("too large", "/rounds", urlencoded, "a=".to_owned() + &"b".repeat(70_000));
    expect(413, &what, &response);
    let (what, response) = form("no form", "/rounds", "text/plain", "hello".to_owned());
    expect(415, &what, &response);
    let (what, response) = form("a ballot too large /V/", &ballot, urlencoded, "a=".to_owned() + &"b".repeat(20_000));
    expect(413, &what, &response);
    chair.step(&format!("/rounds/{poll}/open"), &[]);
    assert!(cast(&service, &codes[0], "satisfied").body.contains("data-receipt"));
    expect(410, "spent /V/", &anybody.head_of(&ballot));
    let wrong = || anybody.post_raw("/login", &[("username", "jia-chair"), ("password", "wrong")]);
    let stopped = (0..30).map(|_| wrong()).find(|answer| answer.status() == 429).expect("guessing is slowed");
    assert!(stopped.headers().contains_key("retry-after"));
}

#[test]
fn files_that_never_change_are_kept_and_known_ones_are_not_sent_again() {
    let service = Service::new();
    let anybody = service.anybody();
    let page = anybody.get("/login").body;
    let style = page.split("href=\"").find(|rest| rest.starts_with("/assets/")).unwrap().split('"').next().unwrap();
    let first = anybody.head_of(style);
    assert_eq!(check("the style", &first), "public, max-age=31536000, immutable");
    for path in [style, "/help", "/.well-known/jwks.json"] {
        let first = anybody.head_of(path);
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = anybody.request(reqwest::Method::GET, path).header("if-none-match", &tag).send().unwrap();
        assert_eq!(again.status(), 304, "{path}");
        assert_eq!(again.headers()["etag"], tag.as_str());
        assert_eq!(check(path, &again), first.headers()["cache-control"].to_str().unwrap());
        assert!(again.bytes().unwrap().is_empty());
        let other = anybody.request(reqwest::Method::GET, path).header("if-none-match", "W/\"old\"").send().unwrap();
        assert_eq!(other.status(), 200, "{path}");
    }
    assert!(!anybody.head_of("/login").headers().contains_key("etag"), "what is not kept needs no tag");
}
