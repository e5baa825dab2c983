//! Votes through two and four processes while one is killed and the server is restarted or lost to its standby; then one
//! process ends the round, and the others have stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pingjia::ballot_box::LIVE_STEP;
use pingjia::domain::slip::Receipt;
use serde_json::Value;

use crate::people::Round;
use crate::phone::{Hall, Phone, Vote, vote};
use crate::standby::Pair;
use crate::support::round::nonce;
use crate::support::service::{House, Service};

/// What anyone saw of the live tally: the count and the picture, from every process.
type Seen = BTreeMap<u64, BTreeSet<String>>;

/// Looks at the chair's page of every process until the hall is done.
fn watch(round: &Round, hall: &Hall<'_>, done: &AtomicBool) -> Seen {
    let mut seen = Seen::new();
    while !done.load(Ordering::SeqCst) {
        let doors = hall.doors.read().unwrap().clone();
        for door in doors {
            if let Some((count, picture)) = live(round, door) {
                seen.entry(count).or_default().insert(picture);
            }
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    seen
}

/// The live tally on the page of one process; none where it does not answer now.
fn live(round: &Round, door: SocketAddr) -> Option<(u64, String)> {
    let (_, text) = round.chair.try_get(door, &format!("/rounds/{}", round.id)).filter(|(status, _)| *status == 200)?;
    let count = text.split_once("data-live=\"")?.1.split('"').next()?.parse().ok()?;
    let picture = text.split_once("id=\"live\"")?.1.split("</section>").next()?;
    Some((count, picture.split_once("<svg").map_or("", |(_, picture)| picture).to_owned()))
}

/// What is done to the service, each once the given tenth of the members was thanked.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Kill,
    Crash,
    FastRestart,
    Terminate,
    /// The server dies for good, and its standby takes its place.
    FailOver,
}

/// Two processes are killed, and the server crashes, ends every session, and is restarted.
const RESTARTS: &[(usize, Blow)] =
    &[(1, Blow::Kill), (3, Blow::Crash), (5, Blow::Terminate), (6, Blow::FastRestart), (8, Blow::Kill)];
/// A process is killed before and after the server was lost.
const FAILOVER: &[(usize, Blow)] = &[(1, Blow::Kill), (4, Blow::FailOver), (7, Blow::Kill)];

/// So many members vote after the storm, one by one until a live state is shown: a storm may be over before one is due.
const LATE: usize = 120;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(200);

fn storm(processes: usize, members: u32, phones: usize, blows: &[(usize, Blow)]) {
    let servers = Pair::new(blows.iter().any(|(_, blow)| matches!(blow, Blow::FailOver)));
    let house = House::on_server(&servers.url());
    let round = Round::open(&house, members);
    servers.wait_for_standby();
    let mut services: Vec<Service> = (0..processes).map(|_| house.serve()).collect();
    let (early, late) = round.slips.roll.split_at(round.slips.roll.len() - LATE);
    let hall = Hall::new(&services, early);
    let done = AtomicBool::new(false);
    let (mut votes, mut seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&round, &hall, &done));
        let phones: Vec<_> = (0..phones).map(|_| scope.spawn(|| vote(&hall))).collect();
        for (tenth, blow) in blows {
            let until = usize::try_from(members).unwrap() * tenth / 10;
            while hall.thanked.load(Ordering::SeqCst) < until && !phones.iter().all(|phone| phone.is_finished()) {
                std::thread::sleep(Duration::from_millis(2));
            }
            strike(*blow, &servers, &house, &mut services, &hall);
        }
        let votes: Vec<Vote> = phones.into_iter().flat_map(|phone| phone.join().unwrap()).collect();
        done.store(true, Ordering::SeqCst);
        (votes, watcher.join().unwrap())
    });
    assert!(votes.iter().any(|vote| vote.sent > 1), "some answer was lost on the way");
    for slip in late {
        votes.extend(vote(&Hall::new(&services, std::slice::from_ref(slip))));
        if seen.keys().all(|count| *count == 0) {
            std::thread::sleep(PAUSE);
            for service in &services {
                let (count, picture) = live(&round, service.address).expect("a page");
                seen.entry(count).or_default().insert(picture);
            }
        }
    }
    assert_eq!(votes.len(), usize::try_from(members).unwrap());
    resend(&votes, &services);
    end(&round, &services, &votes, &seen);
    drop(services);
    let published = round.receipts(&house.ballots());
    let thanked: BTreeSet<Receipt> = votes.iter().map(|vote| vote.receipt).collect();
    assert!(published.iter().eq(thanked.iter()), "published = thanked, one receipt each");
}

fn strike(blow: Blow, servers: &Pair, house: &House, services: &mut Vec<Service>, hall: &Hall<'_>) {
    match blow {
        Blow::Kill => {
            // The load balancer notices after a moment; the process comes back under another address.
            services.remove(0).kill();
            std::thread::sleep(Duration::from_millis(50));
            hall.doors.write().unwrap().remove(0);
            let service = house.serve();
            hall.doors.write().unwrap().push(service.address);
            services.push(service);
        }
        Blow::Crash => servers.first.restart("immediate"),
        Blow::FastRestart => servers.first.restart("fast"),
        Blow::Terminate => {
            for _ in 0..5 {
                servers.first.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'pingjia'");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Blow::FailOver => servers.fail_over(),
    }
}

/// Every form once more, at some process: the same receipt.
fn resend(votes: &[Vote], services: &[Service]) {
    let mut phone = Phone::default();
    for (place, vote) in votes.iter().enumerate().filter(|(place, vote)| place % 7 == 0 || vote.sent > 1) {
        let door = services[place % services.len()].address;
        let again = phone.send(door, &vote.slip, &vote.nonce).expect("an answer");
        assert_eq!(again, (200, Some(vote.receipt)), "thanked before, and thanked the same");
    }
    let other_form = phone.send(services[0].address, &votes[0].slip, &nonce()).expect("an answer");
    assert_eq!(other_form, (409, None), "another form of a spent slip");
}

/// One process ends the round; every other one shows it at once and casts nothing more.
fn end(round: &Round, services: &[Service], votes: &[Vote], seen: &Seen) {
    let closer = services[0].address;
    round.end(closer, votes.len());
    let sheet = round.poll().phase.sheet().expect("certified").clone();
    for service in services {
        let late = Phone::default().send(service.address, &votes[0].slip, &nonce()).expect("an answer");
        assert!((late.0 == 409 || late.0 == 410) && late.1.is_none(), "{late:?}");
        let own = Phone::default().send(service.address, &votes[0].slip, &votes[0].nonce).expect("an answer");
        assert_eq!(own, (200, Some(votes[0].receipt)), "a late resend is told that it counted");
        let (status, text) = round.chair.get(service.address, &format!("/rounds/{}", round.id));
        assert!(status == 200 && text.contains("data-phase=\"certified\""), "{status}");
        let (status, text) = round.chair.get(service.address, &format!("/sheets/{sheet}.json"));
        assert_eq!(status, 200);
        assert!(counts(&text).contains(&votes.len()), "the sheet counts {}: {text}", votes.len());
    }
    // Whoever looked at whatever process: states that differ, differ by k at least, the result included.
    assert!(seen.keys().any(|count| *count > 0), "some live state was shown: {:?}", seen.keys());
    let shown: Vec<u64> = seen.keys().copied().chain([u64::try_from(votes.len()).unwrap()]).collect();
    for pair in shown.windows(2) {
        assert!(pair[1] >= pair[0] + LIVE_STEP, "{} beside {}", pair[0], pair[1]);
    }
    for (count, pictures) in seen {
        assert_eq!(pictures.len(), 1, "every process shows the same tally of {count}");
    }
}

/// The numbers of ballots in a sheet.
fn counts(sheet: &str) -> Vec<usize> {
    let sheet: Value = serde_json::from_str(sheet).expect("JSON");
    let payload =
        data_encoding::BASE64URL_NOPAD.decode(sheet["payload"].as_str().expect("a payload").as_bytes()).unwrap();
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    ["returned", "valid"]
        .iter()
        .map(|name| payload["counts"][name].as_u64().unwrap_or_else(|| panic!("{payload:#}")).try_into().unwrap())
        .collect()
}

#[test]
fn two_processes_one_killed_and_the_server_restarted() {
    storm(2, 1200, 16, RESTARTS);
}

#[test]
fn four_processes_one_killed_and_the_server_restarted() {
    storm(4, 1200, 24, RESTARTS);
}

#[test]
fn two_processes_and_a_standby_that_takes_over() {
    storm(2, 1200, 16, FAILOVER);
}

fn members() -> u32 {
    std::env::var("PINGJIA_STORM").map_or(20_000, |members| members.parse().expect("PINGJIA_STORM is a number"))
}

#[test]
#[ignore = "the long version: PINGJIA_STORM=20000 cargo test --test processes -- --ignored"]
fn two_processes_through_a_long_storm() {
    storm(2, members(), 64, RESTARTS);
}

#[test]
#[ignore = "the long version: PINGJIA_STORM=20000 cargo test --test processes -- --ignored"]
fn four_processes_through_a_long_storm() {
    storm(4, members(), 64, RESTARTS);
}

#[test]
#[ignore = "the long version: PINGJIA_STORM=20000 cargo test --test processes -- --ignored"]
fn four_processes_and_a_standby_that_takes_over_in_a_long_storm() {
    storm(4, members(), 64, FAILOVER);
}
