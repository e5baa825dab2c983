//! No hot path reads a big table from end to end: the real code is walked through a large installation, and every
//! plan that PostgreSQL chose for it is read from the server's log. On SQLite the same walk is explained.
//!
//! `cargo test --test scale -- --ignored --nocapture` does it at full size and prints what took a
//! tenth of a millisecond or more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod fill;
mod plans;
#[path = "../support/mod.rs"]
mod support;
mod walk;

use std::sync::Mutex;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use fill::Size;
use pingjia::database::Kind;
use support::installation::Installation;
use support::postgres::cluster;
use support::round;
use support::tables::BIG;

/// One test after the other: what is recorded is recorded for the whole program.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn postgres_reads_no_big_table_from_end_to_end() {
    let _turn = TURN.lock();
    examine(&walked_on_postgres(&Size { unions: 20_000, years: 5, open: 300, slips: 1000 }));
}

/// No big table is read from end to end, and a group of casts finds rounds and slips by the whole of their keys.
fn examine(plans: &[plans::Plan]) {
    assert!(plans.len() > 100, "only {} plans were logged", plans.len());
    let wrong: Vec<String> = plans.iter().filter_map(|plan| plan.whole_table(&BIG)).collect();
    assert!(wrong.is_empty(), "{} statements read a whole table:\n{}", wrong.len(), wrong.join("\n"));
    // By the index on phases a group of casts would read every open round.
    let looks: Vec<_> = plans.iter().filter(|plan| plan.statement().contains("unnest(rounds, versions)")).collect();
    assert!(!looks.is_empty() && looks.iter().all(|plan| plan.indexes() == ["poll_pkey"]));
    // A slip is found by the whole of its key, however it is spent. (Ballots are inserted without a look.)
    let casts: Vec<_> = plans.iter().filter(|plan| plan.statement().contains("UPDATE slip SET state = 1")).collect();
    let by_key =
        |conditions: Vec<&str>| matches!(conditions[..], [one] if one.contains("poll_id") && one.contains("digest"));
    assert!(!casts.is_empty() && casts.iter().all(|plan| by_key(plan.conditions("slip"))));
}

#[test]
fn sqlite_reads_no_big_table_from_end_to_end() {
    let _turn = TURN.lock();
    let house = Installation::new(Kind::Sqlite);
    plans::record();
    walk::everything(&house);
    let statements = plans::recorded();
    assert!(statements.len() > 80, "only {} statements were recorded", statements.len());
    let mut connection = SqliteConnection::establish(&house.sqlite_file().to_string_lossy()).unwrap();
    let wrong: Vec<String> =
        statements.iter().filter_map(|statement| plans::scans(&mut connection, statement, &BIG)).collect();
    assert!(wrong.is_empty(), "{} statements read a whole table:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
#[ignore = "fills some 5 GB of disk and takes minutes"]
fn at_full_size() {
    let _turn = TURN.lock();
    let mut plans = walked_on_postgres(&Size { unions: 100_000, years: 10, open: 10_000, slips: 1000 });
    plans.sort_by(|a, b| b.milliseconds().total_cmp(&a.milliseconds()));
    for plan in plans.iter().take_while(|plan| plan.milliseconds() >= 0.1) {
        println!("{:>9.3} ms {:>6} pages  {}", plan.milliseconds(), plan.pages(), plan.statement());
    }
    examine(&plans);
}

/// Fills a database, walks through it and returns the plans.
fn walked_on_postgres(size: &Size) -> Vec<plans::Plan> {
    let house = Installation::new(Kind::Postgres);
    let url = house.server_url().unwrap();
    let template = round::draft(&house.database(), &round::paper(true));
    let mut connection = PgConnection::establish(&url).unwrap();
    fill::fill(&mut connection, size, template);
    let name = url.split(['/', '?']).nth(3).unwrap();
    connection.batch_execute(&plans::log_all(name)).unwrap();
    let log = cluster().folder().join("log");
    let before = std::fs::metadata(&log).unwrap().len();
    walk::everything(&house);
    plans::logged(&log, before)
}
