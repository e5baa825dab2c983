//! Closing, step by step.

use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use pingjia::ballot_box::{BallotBox, BoxError, CastRefusal, LookUp};
use pingjia::database::schema::{halt, sealed_ballot, sealed_comment};
use pingjia::database::{AnyConnection, Database, DatabaseError, Kind};
use pingjia::domain::account::Role;
use pingjia::domain::ballot::Ballot;
use pingjia::domain::ids::{PollId, SheetId};
use pingjia::domain::merkle;
use pingjia::domain::poll::{Opened, Phase, Refusal, VoidReason};
use pingjia::domain::slip::Receipt;

use crate::support::installation::Installation;
use crate::support::round::*;

on_both!(
    what_was_published_recounts,
    every_step_can_be_taken_up,
    what_does_not_open_is_not_counted,
    what_does_not_reconcile_is_not_counted,
    more_spent_than_handed_out_is_void,
    a_disputed_result_is_voided_until_it_is_certified,
    comments_stand_apart,
);

fn what_was_published_recounts(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(true);
    let round = open(&ballots, &database, &paper, 30, 0);
    for slip in &round.slips.roll[..25] {
        cast(&ballots, round.id, slip, &nonce(), &random_ballot(&paper)).unwrap();
    }
    assert_eq!(ballots.look_up(round.id, Receipt([7; 15])).unwrap(), LookUp::Early);
    let opened = close(&ballots, &database, round.id).unwrap();
    assert!(opened.key_destroyed);
    assert!(house.vault_files(".key").is_empty());
    let poll = load(&database, round.id);
    assert!(matches!(&poll.phase, Phase::Closed { opened: stored, .. } if *stored == opened));
    for ((item, tally), (id, digest)) in poll.paper.items.iter().zip(&opened.tally.items).zip(&opened.openings) {
        let block = ballots.openings(&poll, &item.id).unwrap().expect("published");
        assert_eq!((&item.id, block.digest()), (id, *digest));
        assert_eq!(block.recount(item).unwrap(), *tally);
    }
    let receipts = ballots.receipts(round.id).unwrap().expect("published");
    assert!(receipts.is_sorted());
    assert_eq!((receipts.len(), merkle::root(receipts.iter().map(|receipt| receipt.0))), (25, opened.receipts_root));
    for (at, receipt) in (0u64..).zip(&receipts) {
        let LookUp::Found { place, total: 25, proof } = ballots.look_up(round.id, *receipt).unwrap() else {
            panic!("it is published")
        };
        assert_eq!(receipts[place], *receipt);
        assert!(merkle::proves_inclusion(&opened.receipts_root, 25, at, &receipt.0, &proof));
    }
    assert_eq!(ballots.look_up(round.id, Receipt([7; 15])).unwrap(), LookUp::Missing);
    assert_eq!(ballots.close(&poll, CHAIR, NOW).unwrap(), opened, "closing again changes nothing");
}

pub fn sealed(database: &Database, id: PollId) -> i64 {
    let count = |connection: &mut AnyConnection| {
        let rows = sealed_ballot::table.filter(sealed_ballot::poll_id.eq(id.0));
        Ok::<_, DatabaseError>(rows.count().get_result(connection)?)
    };
    database.read(count).unwrap()
}

/// A round in `Counting` with this many phone ballots.
fn counting(house: &Installation, ballots: &BallotBox, database: &Database, cast_on_phones: usize) -> Open {
    let round = open(ballots, database, &paper(true), 12, 0);
    for slip in &round.slips.roll[..cast_on_phones] {
        cast(ballots, round.id, slip, &nonce(), &random_ballot(&paper(true))).unwrap();
    }
    confirm_custody(database, round.id, 12);
    ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
    assert_eq!(house.vault_files(".key").len(), 2);
    round
}

fn every_step_can_be_taken_up(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    // Killed after the first step.
    let round = counting(house, &ballots, &database, 8);
    drop(ballots);
    change(&database, round.id, |phase| phase.begin_closing().unwrap());
    let copy = house.copy_vault();
    let ballots = house.start();
    let opened = load(&database, round.id).phase.opened().cloned().expect("closed by the start");
    assert_eq!((opened.phone, opened.key_destroyed, sealed(&database, round.id)), (8, true, 0));
    drop(ballots);

    // Killed after the tombstone, before the key was destroyed.
    house.put_back(&copy, ".key");
    change(&database, round.id, |phase| match phase {
        Phase::Closed { opening, custody, opened, confirmed_by } => {
            Phase::Closed { opening, custody, opened: Opened { key_destroyed: false, ..opened }, confirmed_by }
        }
        other => panic!("{other:?}"),
    });
    let ballots = house.start();
    assert_eq!(load(&database, round.id).phase.opened(), Some(&opened));
    assert!(house.vault_files(".key").is_empty());
    drop(ballots);

    // Killed before the last sealed rows were deleted.
    insert_sealed(&database, round.id, [1; 32]);
    let ballots = house.start();
    assert_eq!(sealed(&database, round.id), 0);
    drop(ballots);

    // The same once the round has moved on.
    insert_sealed(&database, round.id, [2; 32]);
    change(&database, round.id, |phase| {
        phase
            .confirm_result(SCRUTINEER)
            .unwrap()
            .certify(SheetId::of(&round.opening.roll_root), &[Role::Scrutineer])
            .unwrap()
    });
    drop(house.start());
    assert_eq!(sealed(&database, round.id), 0);
}

fn insert_sealed(database: &Database, id: PollId, box_id: [u8; 32]) {
    let row = (
        sealed_ballot::poll_id.eq(id.0),
        sealed_ballot::box_id.eq(box_id.to_vec()),
        sealed_ballot::sealed.eq(vec![0u8; 90]),
    );
    let inserted = database.write(|connection| {
        Ok::<_, DatabaseError>(diesel::insert_into(sealed_ballot::table).values(row).execute(connection)?)
    });
    assert_eq!(inserted.unwrap(), 1);
}

/// Closings of which somebody said that they do not go on.
fn halts(database: &Database) -> i64 {
    database.read(|connection| Ok::<_, DatabaseError>(halt::table.count().get_result(connection)?)).unwrap()
}

fn what_does_not_open_is_not_counted(house: &Installation) {
    let (database, ballots, other) = (house.database(), house.start(), house.start());
    let round = counting(house, &ballots, &database, 5);
    let own = sealed_ballot::table.filter(sealed_ballot::poll_id.eq(round.id.0));
    let (row, before) = database
        .read(|connection| {
            let columns = (sealed_ballot::box_id, sealed_ballot::sealed);
            Ok::<_, DatabaseError>(own.select(columns).first::<(Vec<u8>, Vec<u8>)>(connection)?)
        })
        .unwrap();
    let put = |sealed: &[u8]| {
        let changed = database.write(|connection| {
            let one = sealed_ballot::table.find((round.id.0, row.clone()));
            let update = diesel::update(one).set(sealed_ballot::sealed.eq(sealed.to_vec()));
            Ok::<_, DatabaseError>(update.execute(connection)?)
        });
        assert_eq!(changed.unwrap(), 1);
    };
    let mut tampered = before.clone();
    tampered[40] ^= 1;
    put(&tampered);
    let refused = ballots.close(&load(&database, round.id), CHAIR, NOW);
    assert!(matches!(refused, Err(BoxError::DoesNotOpen(id)) if id == round.id), "{refused:?}");
    assert!(matches!(load(&database, round.id).phase, Phase::Closing { .. }));
    assert_eq!(ballots.receipts(round.id).unwrap(), None, "nothing is published of a partial count");
    let poll = load(&database, round.id);
    let why = ballots.trouble(&poll).unwrap().expect("stopped");
    assert_eq!(other.trouble(&poll).unwrap(), Some(why), "the same at every process");
    assert_eq!(house.vault_files(".key").len(), 2, "the key stays until the count stands");
    assert!(other.beyond_counting(round.id).unwrap().is_some_and(|why| why.contains("打不开")));

    put(&before);
    assert_eq!(ballots.beyond_counting(round.id).unwrap(), None, "it was mended");
    assert_eq!(ballots.close(&load(&database, round.id), CHAIR, NOW).unwrap().phone, 5);
    assert_eq!(ballots.stopped(round.id), None);
    assert_eq!(halts(&database), 0);
}

fn what_does_not_reconcile_is_not_counted(house: &Installation) {
    let (database, ballots, other) = (house.database(), house.start(), house.start());
    let round = counting(house, &ballots, &database, 5);
    let deleted = database.write(|connection| {
        let end = sealed_ballot::table
            .filter(sealed_ballot::poll_id.eq(round.id.0))
            .select(sealed_ballot::box_id)
            .first::<Vec<u8>>(connection)?;
        let one = sealed_ballot::table.find((round.id.0, end));
        Ok::<_, DatabaseError>(diesel::delete(one).execute(connection)?)
    });
    assert_eq!(deleted.unwrap(), 1);
    let refused = ballots.close(&load(&database, round.id), CHAIR, NOW);
    assert!(matches!(refused, Err(BoxError::DoesNotReconcile { spent: 5, sealed: 4 })), "{refused:?}");
    let why = other.trouble(&load(&database, round.id)).unwrap();
    assert!(why.as_ref().is_some_and(|why| why.contains('5') && why.contains('4')));
    assert_eq!(other.beyond_counting(round.id).unwrap(), why);
    other.void(round.id, called_off(), Some(CHAIR), NOW).unwrap();
    assert!(house.vault_files(".key").is_empty());
    assert_eq!(halts(&database), 0);
    eventually("nothing more to tell", || ballots.trouble(&load(&database, round.id)).unwrap().is_none());
}

fn more_spent_than_handed_out_is_void(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 6, 0);
    for slip in &round.slips.roll[..4] {
        cast(&ballots, round.id, slip, &nonce(), &random_ballot(&paper(false))).unwrap();
    }
    ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
    let early = ballots.close(&load(&database, round.id), CHAIR, NOW);
    assert!(matches!(early, Err(BoxError::Refused(Refusal::CustodyNotConfirmed))), "{early:?}");
    confirm_custody(&database, round.id, 3);
    let voided = ballots.close(&load(&database, round.id), CHAIR, NOW);
    assert!(matches!(voided, Err(BoxError::Cast(CastRefusal::Void))), "{voided:?}");
    let reason = VoidReason::MoreSpentThanHandedOut { spent: 4, handed_out: 3 };
    assert_eq!(load(&database, round.id).phase, Phase::Void { reason });
    assert!(house.vault_files(".key").is_empty());
    assert_eq!(sealed(&database, round.id), 0, "uncounted");
}

fn a_disputed_result_is_voided_until_it_is_certified(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let text = || "点票时有人离席".to_owned();
    let round = counting(house, &ballots, &database, 5);
    let early = ballots.void_disputed(&load(&database, round.id), text(), CHAIR, NOW);
    assert!(matches!(early, Err(BoxError::Refused(Refusal::WrongPhase))), "{early:?}");
    ballots.close(&load(&database, round.id), CHAIR, NOW).unwrap();
    let seen = load(&database, round.id);
    let own = ballots.void(round.id, VoidReason::CalledOff { text: text(), by: CHAIR }, Some(CHAIR), NOW);
    assert!(matches!(own, Err(BoxError::Refused(Refusal::WrongPhase))), "whoever sees the result does not void it");
    change(&database, round.id, |phase| phase.confirm_result(SCRUTINEER).unwrap());
    let stale = ballots.void_disputed(&seen, text(), CHAIR, NOW);
    assert!(matches!(stale, Err(BoxError::Stale)), "{stale:?}");
    ballots.void_disputed(&load(&database, round.id), text(), CHAIR, NOW).unwrap();
    let void = Phase::Void { reason: VoidReason::Disputed { text: text(), by: CHAIR } };
    assert_eq!(load(&database, round.id).phase, void);
    let again = house.start();
    assert_eq!(load(&database, round.id).phase, void, "also after a new start");
    let late = cast(&again, round.id, &round.slips.roll[11], &nonce(), &random_ballot(&paper(true)));
    assert!(matches!(late, Err(CastRefusal::Void)), "{late:?}");

    let signed = counting(house, &ballots, &database, 5);
    ballots.close(&load(&database, signed.id), CHAIR, NOW).unwrap();
    change(&database, signed.id, |phase| {
        phase
            .confirm_result(SCRUTINEER)
            .unwrap()
            .certify(SheetId::of(&signed.opening.roll_root), &[Role::Scrutineer])
            .unwrap()
    });
    let late = ballots.void_disputed(&load(&database, signed.id), text(), CHAIR, NOW);
    assert!(matches!(late, Err(BoxError::Refused(Refusal::WrongPhase))), "{late:?}");
}

fn comments_stand_apart(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(true);
    let round = open(&ballots, &database, &paper, 6, 0);
    let words = ["多办讲座", "", "食堂很好", ""];
    for (slip, text) in round.slips.roll.iter().zip(words) {
        let ballot = Ballot::parse(&paper, [("home", "satisfied"), ("comment", text)]).unwrap();
        cast(&ballots, round.id, slip, &nonce(), &ballot).unwrap();
    }
    let sizes: Vec<usize> = database
        .read(|connection| {
            let rows = sealed_comment::table.select(sealed_comment::sealed).load::<Vec<u8>>(connection)?;
            Ok::<_, DatabaseError>(rows.iter().map(Vec::len).collect())
        })
        .unwrap();
    assert_eq!(sizes, [sizes[0]; 4], "one row per ballot, empty or not, of one size");
    let opened = close(&ballots, &database, round.id).unwrap();
    assert_eq!(opened.comments, 2);
    assert_eq!(ballots.comments(round.id).unwrap(), ["多办讲座", "食堂很好"], "sorted");
}

/// How often the table of sealed ballots was vacuumed.
const VACUUMS: &str = "(SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'sealed_ballot')";
/// How many wait for it.
const WAITING: &str = "(SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'sealed_ballot'::regclass)";

fn number(connection: &mut PgConnection, query: &str) -> i64 {
    diesel::select(sql::<BigInt>(query)).get_result(connection).unwrap()
}

#[test]
fn a_server_is_vacuumed_and_no_closing_waits_for_it() {
    let house = Installation::new(Kind::Postgres);
    let (database, ballots) = (house.database(), house.start());
    let mut connection = PgConnection::establish(&house.server_url().unwrap()).unwrap();
    let first = counting(&house, &ballots, &database, 5);
    ballots.close(&load(&database, first.id), CHAIR, NOW).unwrap();
    eventually("the sealed ballots are vacuumed", || number(&mut connection, VACUUMS) == 1);

    // As somebody holds it who vacuums a table that takes its time.
    connection.batch_execute("BEGIN; LOCK TABLE sealed_ballot IN SHARE UPDATE EXCLUSIVE MODE").unwrap();
    let second = counting(&house, &ballots, &database, 5);
    let poll = load(&database, second.id);
    std::thread::scope(|scope| {
        let closing = scope.spawn(|| ballots.close(&poll, CHAIR, NOW).unwrap().key_destroyed);
        while !closing.is_finished() {
            assert_eq!(number(&mut connection, WAITING), 0, "nothing waits for the table");
        }
        assert!(closing.join().unwrap());
    });
    assert_eq!(sealed(&database, second.id), 0);
}
