//! Stores that leak, each in one way: the same attacker must find out.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use pingjia::world;

use crate::attack::{Claim, claims};
use crate::chance::Judge;
use crate::loot::{Loot, Published};
use crate::sqlite::{Spy, rows_of};
use crate::truth::{Ballot, Truth, random_answer, random_comment};

const BALLOTS: usize = 160;

/// What is wrong with the store.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Leak {
    /// Answers, comment and receipt in plain text, under random keys, in the transaction that spends the slip.
    SameTransaction,
    /// All sealed; but what was opened is published in the order of casting.
    InOrder,
    /// All sealed, and published in random order; but the sealed row is longer for some answers.
    Size,
}

/// A round on such a store, watched by the attacker.
fn round(leak: Leak) -> (Truth, Loot) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("leaky.db");
    let mut store = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    store
        .batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
             CREATE TABLE slip (poll_id INTEGER, digest BLOB, state INTEGER, PRIMARY KEY (poll_id, digest)) WITHOUT ROWID;
             CREATE TABLE ballot (id BLOB PRIMARY KEY, home INTEGER, comment TEXT, receipt BLOB) WITHOUT ROWID;
             CREATE TABLE sealed_ballot (id BLOB PRIMARY KEY, sealed BLOB) WITHOUT ROWID;",
        )
        .unwrap();
    let hex = |bytes: &[u8]| format!("X'{}'", data_encoding::HEXUPPER.encode(bytes));
    let ballot = |_| Ballot {
        digest: world::random_bytes::<32>().to_vec(),
        home: pingjia::domain::paper::Answer::to_byte(random_answer()),
        comment: random_comment(),
        receipt: world::random_bytes(),
        opening: world::random_bytes(),
    };
    let truth = Truth { ballots: (0..BALLOTS).map(ballot).collect() };
    for ballot in &truth.ballots {
        store.batch_execute(&format!("INSERT INTO slip VALUES (1, {}, 0)", hex(&ballot.digest))).unwrap();
    }
    let mut spy = Spy::new(&file);
    for (place, ballot) in truth.ballots.iter().enumerate() {
        let insert = if leak == Leak::SameTransaction {
            let comment = ballot.comment.as_ref().map_or("NULL".to_owned(), |text| format!("'{text}'"));
            let (id, home, receipt) = (hex(&ballot.opening), ballot.home, hex(&ballot.receipt));
            format!("INSERT INTO ballot VALUES ({id}, {home}, {comment}, {receipt})")
        } else {
            let mut sealed = world::random_bytes::<90>().to_vec();
            if leak == Leak::Size {
                sealed.resize(90 + usize::from(ballot.home), 7);
            }
            format!("INSERT INTO sealed_ballot VALUES ({}, {})", hex(&world::random_bytes::<32>()), hex(&sealed))
        };
        let spend = format!("UPDATE slip SET state = 1 WHERE digest = {}", hex(&ballot.digest));
        store.batch_execute(&format!("BEGIN IMMEDIATE; {spend}; {insert}; COMMIT")).unwrap();
        if place % 4 == 3 {
            spy.look();
        }
    }
    spy.look();
    assert!(rows_of(&file).len() > BALLOTS);
    let mut published = Published {
        openings: truth.ballots.iter().map(|ballot| (ballot.opening, ballot.home)).collect(),
        receipts: truth.ballots.iter().map(|ballot| ballot.receipt).collect(),
        comments: truth.ballots.iter().filter_map(|ballot| ballot.comment.clone()).collect(),
    };
    if leak != Leak::InOrder {
        published.openings.sort_unstable();
        published.receipts.sort_unstable();
        published.comments.sort_unstable();
    }
    (truth, Loot { trail: spy.trail(), published })
}

/// The best that the attacker knows of each kind: answers, receipts, comments, order.
pub fn best(truth: &Truth, loot: &Loot) -> [f64; 4] {
    let mut best = [0.0_f64; 4];
    let judge = Judge::new(truth);
    for (_, claim) in claims(loot) {
        let kind = match claim {
            Claim::Answers(_) => 0,
            Claim::Receipts(_) => 1,
            Claim::Comments(_) => 2,
            Claim::Order(_) => 3,
        };
        best[kind] = best[kind].max(judge.score(&claim).share);
    }
    best
}

#[test]
fn plain_text_in_the_same_transaction_is_found_out() {
    let (truth, loot) = round(Leak::SameTransaction);
    let best = best(&truth, &loot);
    assert!(best.iter().all(|share| *share >= 0.9), "answers, receipts, comments, order: {best:?}");
}

#[test]
fn publication_in_the_order_of_casting_is_found_out() {
    let (truth, loot) = round(Leak::InOrder);
    let [answers, receipts, _, order] = best(&truth, &loot);
    assert!(answers >= 0.9 && receipts >= 0.9 && order >= 0.9, "{answers} {receipts} {order}");
}

#[test]
fn a_row_whose_size_tells_the_answer_is_found_out() {
    let (truth, loot) = round(Leak::Size);
    let [answers, ..] = best(&truth, &loot);
    assert!(answers >= 0.9, "{answers}");
}
