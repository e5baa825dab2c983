//! Durable votes over HTTP, by the program itself, held against a bare handler of the same framework and against one
//! transaction per request, and members who look at the ballot first: `cargo bench --bench service`. Server on one core, load on the other, everything
//! interleaved in one run; the ratios count. `-- --slips N --rounds N --connections 64,256 --short` change the run.
//! Prints figures, asserts no time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod load;
mod peers;
mod process;

use std::path::Path;

use load::Run;
use pingjia::ballot_box::BallotBox;
use pingjia::database::Database;
use pingjia::domain::paper::{Item, Paper, Scale, Section};
use pingjia::domain::slip::SlipCode;
use process::Server;
use support::round;
use support::service::House;

/// Slips of the small round.
const HALL: usize = 20_000;

/// What to measure.
struct Plan {
    /// Slips in the database.
    slips: usize,
    rounds: usize,
    connections: Vec<usize>,
    short: bool,
}

impl Plan {
    /// How often slips are taken: by members who fill in the form at once, and by members who look at it first.
    fn measurements(&self) -> usize {
        2 * self.rounds * self.connections.len()
    }

    fn read(arguments: &[String]) -> Self {
        let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|place| arguments.get(place + 1));
        let number = |name: &str, default: usize| after(name).map_or(default, |text| text.parse().expect("a number"));
        let connections = after("--connections").map_or("16,64,256,1024", String::as_str);
        Plan {
            slips: number("--slips", 1_000_000),
            rounds: number("--rounds", 5),
            connections: connections.split(',').map(|text| text.parse().expect("a number")).collect(),
            short: arguments.iter().any(|argument| argument == "--short"),
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bare") => return peers::bare(),
        Some("single") => return peers::single(Path::new(&arguments[1])),
        _ => {}
    }
    process::keep_to(1);
    let plan = Plan::read(&arguments);
    println!("One open round of {HALL} slips among {} slips:", plan.slips);
    Hall::prepare(&plan, plan.measurements(), HALL).measure(&plan);
    if !plan.short {
        println!("\nOne open round of {} slips:", plan.slips);
        Hall::prepare(&plan, 1, plan.slips).measure(&plan);
    }
}

/// A paper of four items, as Hohhot's.
fn paper() -> Paper {
    let item =
        |id: &str| Item { id: id.into(), section: Section::Overall, scale: Scale::Satisfaction, title: id.into() };
    Paper { items: ["home", "union_work", "chair", "spot_check"].map(item).to_vec(), comment: false }
}

/// What every phone says; the nonce is added.
const SAYS: &str = "home=satisfied&union_work=basically_satisfied&chair=satisfied&spot_check=dissatisfied&step=cast";

/// An installation with its open rounds and their slips, and a copy of its database for the pool of writers.
struct Hall {
    house: House,
    copy: tempfile::TempDir,
    /// Slips of each measurement, taken from the end.
    slips: Vec<Vec<SlipCode>>,
}

impl Hall {
    /// `rounds` open rounds of `size` slips each; a round in preparation has the rest.
    fn prepare(plan: &Plan, rounds: usize, size: usize) -> Self {
        let house = House::new();
        let (database, ballots) = (house.database(), house.ballots());
        let count = |number: usize| u32::try_from(number).unwrap();
        let mut slips = Vec::new();
        for _ in 0..rounds {
            let open = round::open(&ballots, &database, &paper(), count(size), 0);
            let mut left = open.slips.roll;
            // A big round serves several measurements, each with slips of its own.
            let parts = plan.measurements() / rounds;
            for _ in 0..parts {
                slips.push(left.split_off(left.len().saturating_sub(HALL)));
            }
        }
        if let Some(rest) = plan.slips.checked_sub(rounds * size).filter(|rest| *rest > 0) {
            fill(&ballots, &database, count(rest));
        }
        drop((ballots, database));
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(house.sqlite_file(), copy.path().join("pingjia.db")).unwrap();
        Hall { house, copy, slips }
    }

    fn measure(mut self, plan: &Plan) {
        let mut serve = process::pinned(Path::new(env!("CARGO_BIN_EXE_pingjia")));
        self.house.arguments(&mut serve);
        serve.env("PINGJIA_LOG", "warn,pingjia::http=info");
        let service = Server::service(serve);
        let bare = Server::peer(&["bare".as_ref()]);
        let single = Server::peer(&["single".as_ref(), self.copy.path().as_ref()]);
        let mut table: Vec<(usize, Vec<[Run; 4]>)> = plan.connections.iter().map(|c| (*c, Vec::new())).collect();
        for _ in 0..plan.rounds {
            for (connections, runs) in &mut table {
                let slips = self.slips.pop().unwrap();
                let forms = load::forms(&slips);
                let run = |server: &Server, asked: &[Vec<u8>], wanted| {
                    load::run(server.address, server.id(), *connections, asked, wanted)
                };
                let held_against = run(&bare, &forms, "data-receipt");
                let votes = run(&service, &forms, "data-receipt");
                // A pool of writers is slow enough for fewer.
                let one_each = run(&single, forms.get(..forms.len() / 4).unwrap(), "data-receipt");
                let slips = self.slips.pop().unwrap();
                let visits = run(&service, &load::visits(&slips), "content-security-policy");
                runs.push([held_against, votes, one_each, visits]);
            }
        }
        for (connections, runs) in table {
            print(connections, &runs);
        }
        println!("memory of the service at most: {} MB", process::peak_memory(service.id()) >> 20);
    }
}

fn fill(ballots: &BallotBox, database: &Database, slips: u32) {
    let id = round::draft(database, &paper());
    ballots.issue_slips(&round::load(database, id), slips, 0, round::CHAIR, round::NOW).unwrap();
}

/// The medians over the rounds of the run.
fn print(connections: usize, runs: &[[Run; 4]]) {
    let median = |of: &dyn Fn(&[Run; 4]) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        *values.get(values.len() / 2).unwrap()
    };
    println!(
        "{connections:>5} connections: bare {:>6.0}/s ({:.1} µs) | service {:>6.0}/s ({:.1} µs of processor) | one transaction per \
         request {:>5.0}/s || ÷ bare {:.2} | ÷ one per request {:.1} | p50 {:.1} ms, p99 {:.1} ms ({:.1} ×) | one per request p99 {:.0} ms \
         || page and ballot: {:.0} members/s",
        median(&|[bare, ..]| bare.rate),
        median(&|[bare, ..]| bare.processor),
        median(&|[_, service, ..]| service.rate),
        median(&|[_, service, ..]| service.processor),
        median(&|[_, _, single, _]| single.rate),
        median(&|[bare, service, ..]| service.rate / bare.rate),
        median(&|[_, service, single, _]| service.rate / single.rate),
        median(&|[_, service, ..]| service.p50),
        median(&|[_, service, ..]| service.p99),
        median(&|[_, service, ..]| service.p99 / service.p50),
        median(&|[_, _, single, _]| single.p99),
        // Two requests each.
        median(&|[.., visits]| visits.rate / 2.0),
    );
}
