//! What files tell of a round: the order of slips in the database says nothing of their order on paper; and after the
//! closing no sealed row is left in the files of SQLite, in no freed page and no log.

use std::collections::HashSet;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use pingjia::ballot_box::{PaperBallot, Teller};
use pingjia::database::schema::{paper_entry, sealed_ballot, sealed_comment};
use pingjia::database::{AnyConnection, Database, DatabaseError, Kind};

use crate::support::installation::Installation;
use crate::support::round::*;

/// Whoever packs and hands out knows the order on paper, and whoever has the server reads the order in its file.
#[test]
fn slips_lie_in_the_heap_in_another_order_than_on_paper() {
    #[derive(QueryableByName)]
    struct Stored {
        #[diesel(sql_type = diesel::sql_types::Binary)]
        digest: Vec<u8>,
    }
    let house = Installation::new(Kind::Postgres);
    let (database, ballots) = (house.database(), house.start());
    let id = draft(&database, &paper(false));
    let slips = ballots.issue_slips(&load(&database, id), 300, 40, CHAIR, NOW).unwrap();
    let heap = database.read(|c| {
        let slips = diesel::sql_query(format!("SELECT digest FROM slip WHERE poll_id = {id} ORDER BY ctid"));
        Ok::<_, DatabaseError>(slips.load::<Stored>(c)?)
    });
    let heap: Vec<Vec<u8>> = heap.unwrap().into_iter().map(|slip| slip.digest).collect();
    let printed: Vec<Vec<u8>> = slips.roll.iter().chain(&slips.spares).map(|slip| slip.digest(id).0.to_vec()).collect();
    assert!(!printed.is_sorted(), "on paper they lie as they were drawn");
    assert!(heap.is_sorted(), "the order in the file follows from the digests alone");
    let by_digest = |mut slips: Vec<Vec<u8>>| {
        slips.sort();
        slips
    };
    assert_eq!(heap, by_digest(printed), "and all of them are there");
}

/// Beginnings of all sealed rows.
fn sealed_rows(database: &Database) -> HashSet<Vec<u8>> {
    let rows = database.read(|connection| {
        let mut rows: Vec<Vec<u8>> = sealed_ballot::table.select(sealed_ballot::sealed).load(connection)?;
        rows.extend(sealed_comment::table.select(sealed_comment::sealed).load::<Vec<u8>>(connection)?);
        rows.extend(paper_entry::table.select(paper_entry::sealed).load::<Vec<u8>>(connection)?);
        Ok::<_, DatabaseError>(rows)
    });
    rows.unwrap().into_iter().map(|row| row[..16].to_vec()).collect()
}

/// How many of them stand in the database file or its log.
fn left(house: &Installation, rows: &HashSet<Vec<u8>>) -> usize {
    let mut bytes = std::fs::read(house.sqlite_file()).unwrap();
    bytes.extend(std::fs::read(house.sqlite_file().with_extension("sqlite-wal")).unwrap_or_default());
    let found: HashSet<&[u8]> = bytes.windows(16).filter(|window| rows.contains(*window)).collect();
    found.len()
}

#[test]
fn no_sealed_row_is_left_in_the_files_of_sqlite() {
    let house = Installation::new(Kind::Sqlite);
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(true), 300, 0);
    for slip in &round.slips.roll[..299] {
        cast(&ballots, round.id, slip, &nonce(), &random_ballot(&paper(true))).unwrap();
    }
    confirm_custody(&database, round.id, 300);
    ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
    let enter = |teller| {
        let poll = load(&database, round.id);
        ballots.enter_paper(&poll, teller, &round.slips.roll[299], PaperBallot::Invalid).unwrap()
    };
    enter(Teller::First);
    let mut rows = sealed_rows(&database);
    enter(Teller::Second);
    rows.extend(sealed_rows(&database));
    assert_eq!(rows.len(), 601, "ballots, comments and one entry of a teller");
    assert_eq!(left(&house, &rows), rows.len(), "the search finds what is there");
    close(&ballots, &database, round.id).unwrap();
    assert_eq!(left(&house, &rows), 0);
}

#[test]
fn a_reader_at_work_puts_the_cleaning_off_and_does_not_end_it() {
    let house = Installation::new(Kind::Sqlite);
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 40, 0);
    for slip in &round.slips.roll {
        cast(&ballots, round.id, slip, &nonce(), &random_ballot(&paper(false))).unwrap();
    }
    let rows = sealed_rows(&database);
    let AnyConnection::Sqlite(mut reader) = database.connect().unwrap() else { panic!("SQLite") };
    reader.batch_execute("BEGIN; SELECT count(*) FROM poll;").unwrap();
    assert!(close(&ballots, &database, round.id).unwrap().key_destroyed, "nobody waits for a reader");
    assert!(left(&house, &rows) > 0, "the log cannot be cut while somebody reads an older state");
    reader.batch_execute("COMMIT").unwrap();
    eventually("the log is cut", || left(&house, &rows) == 0);
}

#[test]
fn what_a_kill_left_in_the_log_is_cut_by_the_next_start() {
    let house = Installation::new(Kind::Sqlite);
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 40, 0);
    for slip in &round.slips.roll {
        cast(&ballots, round.id, slip, &nonce(), &random_ballot(&paper(false))).unwrap();
    }
    let rows = sealed_rows(&database);
    let AnyConnection::Sqlite(mut reader) = database.connect().unwrap() else { panic!("SQLite") };
    reader.batch_execute("BEGIN; SELECT count(*) FROM poll;").unwrap();
    close(&ballots, &database, round.id).unwrap();
    // As a kill leaves it: everything is done but the cutting of the log, and nobody is there to do it.
    drop(ballots);
    assert!(left(&house, &rows) > 0);
    reader.batch_execute("COMMIT").unwrap();
    let _ballots = house.start();
    eventually("the log is cut", || left(&house, &rows) == 0);
}
