//! Every page that can be asked for, one by one, from the table of routes: valid, accessible in light and dark, within the
//! screen at every width and text size, with a picture of each. A route that nobody has put on the tour is a failed test.

use actix_web::http::Method;
use pingjia::http::routes;

use crate::harness::{Browser, PHONE, demo};

/// Who looks at a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
    Anybody,
    Chair,
    Scrutineer,
    Teller,
    Superior,
    Operator,
}

/// One page of the tour: who looks, a name, its path, and links to follow from there.
struct Stop(Who, &'static str, String, &'static [&'static str]);

/// How a route is seen to.
enum Tour {
    Stops(Vec<Stop>),
    /// Not a page, or a page that another journey makes and inspects.
    Elsewhere(&'static str),
}

use Tour::{Elsewhere, Stops};
use Who::{Anybody, Chair, Operator, Scrutineer, Superior, Teller};

const FILE: &str = "a file; its bytes are judged in tests/render.rs, tests/signatures.rs and pages.rs";

fn stop(who: Who, name: &'static str, path: impl Into<String>) -> Stop {
    Stop(who, name, path.into(), &[])
}

/// The same page of rounds in these phases, by these people.
fn in_phases(ending: &str, stops: &[(Who, &'static str, &'static str)]) -> Vec<Stop> {
    let page = |&(who, name, phase): &(Who, &'static str, &'static str)| {
        stop(who, name, format!("/rounds/{}{ending}", demo().round(phase)))
    };
    stops.iter().map(page).collect()
}

fn tour(route: &str) -> Tour {
    match route {
        "/desk/rollup.pdf"
        | "/desk/rollup.xlsx"
        | "/oversight/{id}/opening.json"
        | "/unions/import/sample.csv"
        | "/unions/import/sample.xlsx"
        | "/rounds/{id}/poster.pdf"
        | "/sheets/{id}.json"
        | "/sheets/{id}.pdf"
        | "/sheets/{id}.xlsx"
        | "/sheets/{id}/chart.png"
        | "/sheets/{id}/openings.json"
        | "/sheets/{id}/opinion.json"
        | "/sheets/{id}/opinion.pdf"
        | "/.well-known/jwks.json"
        | "/assets/{hash}/{file}" => Elsewhere(FILE),
        "/healthz" => Elsewhere("for machines; pages.rs"),
        "/rounds/{id}/events" => Elsewhere("a stream of events; round.rs watches the page that listens to it"),
        "/spot-checks/{id}" => Elsewhere("superior.rs draws one and inspects it"),
        _ if route.starts_with("/rounds") || route == "/people" => of_rounds(route),
        "/desk" | "/password" | "/approvals" | "/oversight/{id}" | "/rectification" => of_desks(route),
        _ if route.starts_with("/unions") || route.starts_with("/titles") || route == "/spot-checks" => of_area(route),
        _ => of_everybody(route),
    }
}

fn of_everybody(route: &str) -> Tour {
    Stops(match route {
        "/" => vec![
            stop(Anybody, "front", "/"),
            stop(Anybody, "no-such-page", "/nowhere"),
            stop(Anybody, "wrong-method", "/code"),
        ],
        "/V/{code}" => vec![
            stop(Anybody, "ballot", demo().path()),
            stop(Anybody, "slip-malformed", "/V/ABC"),
            stop(Anybody, "slip-mistyped", mistyped(&demo().path())),
        ],
        "/secrecy" => vec![stop(Anybody, "secrecy", "/secrecy")],
        "/receipts" => vec![
            stop(Anybody, "receipts", "/receipts"),
            stop(Anybody, "receipts-of-round", format!("/receipts?round={}", &demo().path()[3..8])),
        ],
        "/help" => vec![stop(Anybody, "help", "/help"), stop(Chair, "help-signed-in", "/help")],
        "/help/{who}" => vec![
            stop(Anybody, "help-members", "/help/members"),
            stop(Anybody, "help-chairs", "/help/chairs"),
            stop(Anybody, "help-scrutineers", "/help/scrutineers"),
            stop(Anybody, "help-superiors", "/help/superiors"),
            stop(Anybody, "help-operators", "/help/operators"),
        ],
        "/sheets" => vec![stop(Anybody, "sheets", "/sheets"), stop(Anybody, "sheets-refused", "/sheets?id=x")],
        "/sheets/{id}" => demo().sheets().into_iter().map(|(name, sheet)| stop(Anybody, name, sheet)).collect(),
        "/login" => {
            vec![stop(Anybody, "login", "/login?next=/desk"), stop(Anybody, "logged-out", "/login?done=logged_out")]
        }
        _ => panic!("{route} is a page that nobody looks at: put it on the tour"),
    })
}

/// The path of a slip with its last character changed.
fn mistyped(path: &str) -> String {
    let last = if path.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &path[..path.len() - 1])
}

/// The page of a round in its phases.
const ROUNDS: [(Who, &str, &str); 9] = [
    (Chair, "round-open-chair", "open"),
    (Scrutineer, "round-open-scrutineer", "open"),
    (Teller, "round-open-teller", "open"),
    (Chair, "round-counting-chair", "counting"),
    (Teller, "round-counting-teller", "counting"),
    (Chair, "round-closed-chair", "closed"),
    (Scrutineer, "round-closed-scrutineer", "closed"),
    (Chair, "round-certified-chair", "certified"),
    (Chair, "round-reported-chair", "reported"),
];

/// The page of a round by how far its rectification has come.
const RECTIFIED: [(&str, &str); 3] = [
    ("round-rectification-reported", "reported"),
    ("round-rectification-returned", "returned"),
    ("round-rectification-checked", "checked"),
];

fn of_rounds(route: &str) -> Tour {
    Stops(match route {
        "/people" => vec![stop(Chair, "people", "/people")],
        "/rounds/new" => vec![stop(Chair, "round-new", "/rounds/new")],
        "/rounds/{id}/setup" => in_phases("/setup", &[(Chair, "round-setup", "draft")]),
        "/rounds/{id}/edit" => in_phases("/edit", &[(Chair, "round-edit", "draft")]),
        "/rounds/{id}/open" => in_phases("/open", &[(Chair, "open-too-early", "draft")]),
        "/rounds/{id}/officers" => in_phases("/officers", &[(Chair, "officers", "open")]),
        "/rounds/{id}/poster" => in_phases("/poster", &[(Chair, "poster", "open")]),
        "/rounds/{id}" => {
            let rectified =
                RECTIFIED.map(|(name, how)| stop(Chair, name, format!("/rounds/{}", demo().rectified(how))));
            in_phases("", &ROUNDS).into_iter().chain(rectified).collect()
        }
        "/rounds/{id}/paper/drop" => in_phases("/paper/drop", &[(Scrutineer, "drop-entries", "counting")]),
        "/rounds/{id}/void-slips" => in_phases("/void-slips", &[(Scrutineer, "void-slips", "open")]),
        "/rounds/{id}/stop" => in_phases("/stop", &[(Chair, "stop", "open")]),
        "/rounds/{id}/paper" => in_phases("/paper", &[(Teller, "paper", "counting")]),
        "/rounds/{id}/close" => in_phases("/close", &[(Chair, "close", "counting")]),
        "/rounds/{id}/certify" => in_phases("/certify", &[(Chair, "certify-too-early", "closed")]),
        "/rounds/{id}/void" => in_phases("/void", &[(Chair, "void", "open")]),
        _ => panic!("{route} is a page that nobody looks at: put it on the tour"),
    })
}

fn of_desks(route: &str) -> Tour {
    let oversight = |phase: &str| format!("/oversight/{}", demo().round(phase));
    let rectified = |how: &str| format!("/oversight/{}", demo().rectified(how));
    Stops(match route {
        "/desk" => vec![
            stop(Chair, "desk-chair", "/desk"),
            stop(Scrutineer, "desk-scrutineer", "/desk"),
            stop(Teller, "desk-teller", "/desk"),
            stop(Superior, "desk-superior", "/desk"),
            stop(Superior, "desk-superior-nothing-found", "/desk?name=%E6%B2%A1%E6%9C%89"),
            stop(Operator, "desk-operator", "/desk"),
        ],
        "/password" => vec![stop(Chair, "password", "/password")],
        "/approvals" => {
            vec![
                stop(Superior, "approvals", "/approvals"),
                stop(Chair, "wrong-role", "/approvals"),
                stop(Operator, "wrong-role-operator", "/approvals"),
            ]
        }
        "/rectification" => vec![
            stop(Superior, "rectification", "/rectification"),
            stop(Superior, "rectification-nothing-found", "/rectification?name=%E6%B2%A1%E6%9C%89"),
        ],
        "/oversight/{id}" => vec![
            stop(Superior, "oversight-draft", oversight("draft")),
            stop(Superior, "oversight-open", oversight("open")),
            stop(Superior, "oversight-closed", oversight("closed")),
            stop(Superior, "oversight-certified", oversight("certified")),
            stop(Superior, "oversight-reported", oversight("reported")),
            stop(Superior, "rectification-to-check", rectified("reported")),
            stop(Superior, "rectification-returned", rectified("returned")),
            stop(Superior, "rectification-checked", rectified("checked")),
            stop(Superior, "not-yours", "/oversight/99999"),
        ],
        _ => panic!("{route} is a page that nobody looks at: put it on the tour"),
    })
}

fn of_area(route: &str) -> Tour {
    const FIRST: &str = "tbody a[href^='/unions/']";
    Stops(match route {
        "/spot-checks" => vec![stop(Superior, "spot-checks", "/spot-checks")],
        "/unions" => vec![stop(Superior, "unions", "/unions")],
        "/unions/new" => {
            vec![stop(Superior, "union-new", "/unions/new"), stop(Operator, "union-new-operator", "/unions/new")]
        }
        "/unions/import" => {
            vec![stop(Superior, "import", "/unions/import"), stop(Operator, "import-operator", "/unions/import")]
        }
        "/unions/{id}" => vec![
            Stop(Superior, "union", "/unions".to_owned(), &[FIRST]),
            Stop(Operator, "union-operator", "/unions".to_owned(), &[FIRST]),
        ],
        "/unions/{id}/titles" => {
            // 研究院: one below, for nobody puts down titles of their own union.
            let way: &[&str] = &[FIRST, "a[href$='/titles'].button"];
            vec![Stop(Superior, "union-titles", "/unions?name=%E7%A0%94%E7%A9%B6%E9%99%A2".to_owned(), way)]
        }
        "/titles" => vec![
            stop(Superior, "titles", "/titles"),
            stop(Superior, "titles-nothing-found", "/titles?name=%E6%B2%A1%E6%9C%89"),
        ],
        "/titles/{id}" => vec![Stop(Superior, "title", "/titles".to_owned(), &["tbody a[href^='/titles/']"])],
        "/unions/{id}/edit" => {
            vec![Stop(Superior, "union-edit", "/unions".to_owned(), &[FIRST, "a[href$='/edit']"])]
        }
        _ => panic!("{route} is a page that nobody looks at: put it on the tour"),
    })
}

/// All stops of these people, in the order of the routes.
fn stops(people: &[Who]) -> Vec<Stop> {
    let mut found = Vec::new();
    for endpoint in routes::table().iter().filter(|endpoint| endpoint.method == Method::GET) {
        if let Stops(stops) = tour(endpoint.path) {
            found.extend(stops.into_iter().filter(|stop| people.contains(&stop.0)));
        }
    }
    found
}

/// The account that fits the round of a stop, or the first one of the role.
fn account(stop: &Stop) -> String {
    let role = match stop.0 {
        Anybody => return String::new(),
        Chair => "chair",
        Scrutineer => "scrutineer",
        Teller => "teller",
        Superior => "superior",
        Operator => "operator",
    };
    let round = stop.2.strip_prefix("/rounds/").or_else(|| stop.2.strip_prefix("/oversight/"));
    let round = round.and_then(|rest| rest.split('/').next());
    demo().account(role, round.filter(|round| demo().union_of(round).is_some()))
}

async fn look_at(people: &[Who]) {
    let mut stops = stops(people);
    assert!(stops.len() >= 5, "the tour is not empty");
    stops.sort_by_key(account);
    let browser = Browser::start(PHONE).await;
    let mut signed_in = String::new();
    for stop in stops {
        let account = account(&stop);
        if account != signed_in {
            browser.sign_in(&demo().base, &account, PASSWORD).await;
            signed_in = account;
        }
        browser.open(&demo().url(&stop.2)).await;
        for link in stop.3 {
            browser.go(link).await;
        }
        browser.inspect(stop.1).await;
    }
    browser.close().await;
}

/// The password of every account of the demo.
const PASSWORD: &str = "pingjia-demo";

#[test]
fn every_page_is_on_the_tour() {
    let pages = routes::table().iter().filter(|endpoint| endpoint.method == Method::GET);
    let (mut seen, mut names) = (0, std::collections::BTreeSet::new());
    for endpoint in pages {
        match tour(endpoint.path) {
            Stops(stops) => {
                assert!(!stops.is_empty(), "{} has a stop", endpoint.path);
                seen += 1;
                for stop in stops {
                    assert!(names.insert(stop.1), "{} is the name of one page", stop.1);
                }
            }
            Elsewhere(reason) => assert!(!reason.is_empty(), "{}", endpoint.path),
        }
    }
    assert!(seen >= 30, "{seen} pages");
}

#[actix_web::test]
async fn pages_for_everybody() {
    look_at(&[Anybody]).await;
}

#[actix_web::test]
async fn pages_of_the_chair() {
    look_at(&[Chair]).await;
}

#[actix_web::test]
async fn pages_of_scrutineers_and_tellers() {
    look_at(&[Scrutineer, Teller]).await;
}

#[actix_web::test]
async fn pages_of_the_operator() {
    look_at(&[Operator]).await;
}

#[actix_web::test]
async fn pages_of_the_superior() {
    look_at(&[Superior]).await;
}
