//! What a server is asked while members vote over HTTP: it must not tell whose ballot has blanks, though the service asks back
//! before it casts one.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use pingjia::domain::slip::SlipCode;

use crate::support::postgres::Cluster;
use crate::support::round::{open, paper};
use crate::support::service::{Form, House, ask, request};

/// Longer than the service shows a round as it was read.
const THINKING: Duration = Duration::from_millis(2100);

/// How a member comes to cast a ballot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Nothing is blank.
    Whole,
    /// Is asked about blanks, and casts.
    Blanks,
    /// Is asked about blanks, goes back, fills them in, and casts.
    Back,
}

fn vote(at: SocketAddr, slip: &SlipCode, way: Way) {
    let whole = "home=satisfied&awareness=know";
    let form = Form::fetch(at, slip, if way == Way::Blanks { "home=satisfied" } else { whole }).unwrap();
    let send = |says: &str, wanted: &str| {
        sleep(THINKING);
        let filled = format!("{says}&n={}", form.nonce.text());
        let answer = ask(at, &request("POST", &format!("/V/{}", slip.link_form()), &filled)).unwrap();
        assert!(answer.body.contains(&format!("data-page=\"{wanted}\"")), "{way:?}: {}", answer.heading());
    };
    if way != Way::Whole {
        send("home=satisfied", "blanks");
    }
    if way == Way::Back {
        send("home=satisfied&step=back", "ballot");
    }
    sleep(THINKING);
    form.thanked(at);
}

/// The statements in a log, without what differs from one to the next.
fn statements(log: &str) -> Vec<String> {
    let said = log.lines().filter_map(|line| {
        let (_, statement) =
            line.split_once("statement: ").or_else(|| line.split_once("execute ")?.1.split_once(": "))?;
        Some(statement.replace(|c: char| c.is_ascii_digit(), ""))
    });
    said.collect()
}

#[test]
fn what_a_server_is_asked_does_not_tell_who_left_blanks() {
    let server = Cluster::talkative();
    server.run("CREATE DATABASE pingjia");
    let house = House::on_server(&server.url("pingjia"));
    let round = open(&house.ballots(), &house.database(), &paper(false), 10, 0);
    let service = house.serve();
    let log = || fs::read_to_string(server.folder().join("log")).unwrap();
    let mut slips = round.slips.roll.iter();
    let mut trace = |way| {
        let before = log().len();
        vote(service.address, slips.next().unwrap(), way);
        let voted = log().len();
        // What follows is the service's own.
        sleep(THINKING);
        (statements(&log()[before..voted]), statements(&log()[voted..]))
    };
    let (mut traces, mut own) = (Vec::new(), BTreeSet::new());
    for way in [Way::Whole, Way::Blanks, Way::Whole, Way::Back] {
        let (voting, after) = trace(way);
        traces.push((way, voting));
        own.extend(after);
    }
    for (_, voting) in &mut traces {
        voting.retain(|statement| !own.contains(statement));
    }
    // The first ballot of a round has the box take it up.
    let [_, traces @ ..] = traces.as_slice() else { panic!("four ballots") };
    let whole = &traces[1].1;
    let asked = |what: &str| whole.iter().filter(|statement| statement.contains(what)).count();
    assert_eq!((asked("cast_ballots("), asked("trade_union"), asked("\"slip\"")), (1, 1, 1), "{whole:#?}");
    for (way, voting) in traces {
        assert_eq!(voting, whole, "{way:?}");
    }
}
