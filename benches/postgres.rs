//! Durable votes through one service process on PostgreSQL against pgbench, which commits one transaction per vote
//! at eight connections, on the same server and the same tables: `cargo bench --bench postgres`.
//!
//! Contestants in turn, several rounds of each in one run, each on a database of its own with one open round: the
//! service over HTTP with few and with many members at once, the ballot box alone, pgbench as it is called by default and
//! with prepared statements. Prints figures and ratios, asserts no time. The server is private, syncs every commit, and
//! is gone afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

#[path = "service/load.rs"]
#[allow(dead_code, reason = "the rate alone is of interest here")]
mod load;
#[path = "service/process.rs"]
#[allow(dead_code, reason = "the load asks it what the server used")]
mod process;
#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pingjia::ballot_box::BallotBox;
use pingjia::database::{AnyConnection, Database, DatabaseError};
use pingjia::domain::paper::Answer;
use support::postgres::{BINARIES, Cluster};
use support::round::{self, Open};
use support::service::House;

const ROUNDS: usize = 5;
/// How long each contestant runs in each round.
const SPELL: Duration = Duration::from_secs(3);
/// Slips per spell: more than anybody casts in one.
const SLIPS: u32 = 120_000;
/// Votes over HTTP in each round.
const VOTES: usize = 60_000;
/// What every phone says; the nonce is added.
const SAYS: &str = "home=satisfied&awareness=know&step=cast";
/// How pgbench sends its statements: each as text, as it does unless told otherwise, or prepared once.
const PROTOCOLS: [&str; 2] = ["simple", "prepared"];
/// Connections of pgbench, as the goal has it.
const CONNECTIONS: u32 = 8;
/// Members who vote at the same moment: a hall, and a city.
const HALL: usize = 256;
const CITY: usize = 1024;

/// One vote as one transaction would store it: on the tables of the service, with bytes of the same size.
const SCRIPT: &str = r"
\set counter :counter + 1
\set n :client_id * :each + :counter
BEGIN;
UPDATE slip SET state = 1 WHERE poll_id = :poll AND digest = sha256(int8send(:n)) AND state = 0;
INSERT INTO sealed_ballot (poll_id, box_id, sealed)
    VALUES (:poll, sha256(int8send(:n + 1000000000)), decode(repeat('5a', :size), 'hex'));
COMMIT;
";

fn main() {
    let server = Cluster::durable();
    let size = sealed_size(&server);
    let mut rates: [Vec<f64>; 5] = Default::default();
    for lap in 1..=ROUNDS {
        let hall = on_its_own(&server, |house, _| over_http(house, HALL));
        let city = on_its_own(&server, |house, _| over_http(house, CITY));
        let alone = on_its_own(&server, |house, _| the_box(house));
        let [simple, prepared] =
            PROTOCOLS.map(|protocol| on_its_own(&server, |house, url| pgbench(house, url, size, protocol)));
        let lap_rates = [hall, city, alone, simple, prepared];
        println!("round {lap}: {}", said(lap_rates));
        for (rates, rate) in rates.iter_mut().zip(lap_rates) {
            rates.push(rate);
        }
    }
    println!("medians: {}", said(rates.map(median)));
}

/// Votes a second of each contestant, and what they are to those of pgbench.
fn said([hall, city, alone, pgbench @ ..]: [f64; 5]) -> String {
    let ours = format!("over HTTP {hall:.0}/s at {HALL} connections, {city:.0}/s at {CITY}; box alone {alone:.0}/s");
    let theirs = PROTOCOLS.iter().zip(pgbench).map(|(protocol, rate)| {
        let times = [hall, city, alone].map(|own| format!("{:.2}", own / rate)).join(", ");
        format!("; pgbench -c {CONNECTIONS} -M {protocol} {rate:.0}/s, ratios {times}")
    });
    ours + &theirs.collect::<String>()
}

fn say() -> pingjia::domain::ballot::Ballot {
    round::ballot(&round::paper(false), Some(Answer::Satisfied))
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// What a contestant reaches on a fresh installation, whose address it is told.
fn on_its_own<T>(server: &Cluster, contestant: impl FnOnce(&House, &str) -> T) -> T {
    let name = server.create();
    let url = server.url(&name);
    let reached = contestant(&House::on_server(&url), &url);
    server.drop(&name);
    reached
}

/// The size of one sealed ballot, measured on one.
fn sealed_size(server: &Cluster) -> usize {
    use diesel::prelude::*;
    use pingjia::database::schema::sealed_ballot;
    on_its_own(server, |house, _| {
        let (ballots, open) = fresh(house, 1);
        round::cast(&ballots, open.id, &open.slips.roll[0], &round::nonce(), &say()).unwrap();
        let sealed = sealed_ballot::table.select(sealed_ballot::sealed);
        let sealed = house.database().read(|c| Ok::<Vec<u8>, DatabaseError>(sealed.first(c)?));
        sealed.unwrap().len()
    })
}

fn fresh(house: &House, slips: u32) -> (BallotBox, Open) {
    let ballots = house.ballots();
    let open = round::open(&ballots, &house.database(), &round::paper(false), slips, 0);
    (ballots, open)
}

/// The service as a process, asked over connections that stay open. Gives votes thanked per second.
fn over_http(house: &House, connections: usize) -> f64 {
    let (ballots, open) = fresh(house, SLIPS);
    drop(ballots);
    let forms = load::forms(open.slips.roll.get(..VOTES).unwrap());
    let service = house.serve();
    let run = load::run(service.address, service.id(), connections, &forms, "data-receipt");
    service.stop();
    run.rate
}

/// The ballot box in this process, without HTTP.
fn the_box(house: &House) -> f64 {
    let (ballots, open) = fresh(house, SLIPS);
    let (open, next, begun) = (Arc::new(open), Arc::new(AtomicUsize::new(0)), Instant::now());
    let thanked: usize = round::block_on(async {
        let tasks: Vec<_> = (0..HALL)
            .map(|_| {
                let (ballots, open, next) = (ballots.clone(), open.clone(), next.clone());
                tokio::spawn(async move {
                    let mut thanked = 0;
                    while begun.elapsed() < SPELL {
                        let Some(slip) = open.slips.roll.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                        ballots.cast(open.id, slip, &round::nonce(), &say()).await.unwrap();
                        thanked += 1;
                    }
                    thanked
                })
            })
            .collect();
        let mut thanked = 0;
        for task in tasks {
            thanked += task.await.unwrap();
        }
        thanked
    });
    thanked as f64 / begun.elapsed().as_secs_f64()
}

/// One transaction per vote.
fn pgbench(house: &House, url: &str, size: usize, protocol: &str) -> f64 {
    let database = house.database();
    execute(
        &database,
        &format!(
            "INSERT INTO slip SELECT 1, sha256(int8send(n)), 0 FROM generate_series(1, {SLIPS}) AS s (n); ANALYZE slip"
        ),
    );
    let script = tempfile::NamedTempFile::new().unwrap();
    fs::write(script.path(), SCRIPT).unwrap();
    let variables =
        ["poll=1".to_owned(), format!("each={}", SLIPS / CONNECTIONS), format!("size={size}"), "counter=0".to_owned()];
    let mut pgbench = Command::new(format!("{BINARIES}/pgbench"));
    pgbench.args(["-n", "-M", protocol, "-j", "2", "-c"]).arg(CONNECTIONS.to_string());
    pgbench.arg("-T").arg(SPELL.as_secs().to_string());
    pgbench.args(variables.iter().flat_map(|variable| ["-D", variable])).arg("-f").arg(script.path()).arg(url);
    let output = pgbench.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let transactions = said.lines().find_map(|line| line.strip_prefix("tps = ")).expect(&said);
    let votes = spent(&database);
    assert!(votes > 0 && votes < i64::from(SLIPS), "{votes}: every transaction was a vote");
    transactions.split(' ').next().unwrap().parse().unwrap()
}

fn execute(database: &Database, sql: &str) {
    use diesel::connection::SimpleConnection as _;
    database
        .read(|connection| match connection {
            AnyConnection::Postgres(inner) => inner.batch_execute(sql).map_err(DatabaseError::from),
            AnyConnection::Sqlite(_) => panic!("on PostgreSQL"),
        })
        .unwrap();
}

fn spent(database: &Database) -> i64 {
    use diesel::prelude::*;
    use pingjia::database::schema::slip;
    let spent = slip::table.filter(slip::state.eq(1)).count();
    database.read(|connection| Ok::<_, DatabaseError>(spent.get_result(connection)?)).unwrap()
}
