//! Copies of the database from before a round was over, and starts after a stop in the middle of clearing up: a result
//! can still be signed, what is void stays void, and nothing is left behind.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use pingjia::ballot_box::{BallotBox, BoxError, Options};
use pingjia::database::schema::{slip, slip_packet};
use pingjia::database::{AnyConnection, Database, DatabaseError};
use pingjia::domain::account::Role;
use pingjia::domain::ids::{PollId, SheetId};
use pingjia::domain::paper::Answer;
use pingjia::domain::poll::{Approval, Phase, Poll, Refusal, SlipIssue, VoidReason};
use pingjia::domain::rules::{PaperOptions, RuleRegistry};
use pingjia::domain::sheet::SheetPayload;
use pingjia::domain::union::{Category, Union};
use pingjia::office::{Closing, Office, OfficeError};
use pingjia::signing::SigningKeys;
use pingjia::store::By;
use pingjia::store::polls::{self, NewPoll};

use super::store::{BY, account, union, write};
use crate::support::installation::Installation;
use crate::support::round::*;

on_both!(
    a_disputed_result_stays_void_over_every_older_copy,
    that_it_is_void_reaches_a_mirror_that_was_away,
    a_mirror_that_was_away_keeps_no_key_of_a_round_that_is_over,
    a_result_restored_from_a_draft_is_signed,
    a_teller_alone_does_not_certify,
    what_would_not_verify_is_not_signed,
    slips_that_outlived_their_round_are_taken_away,
);

fn disputed() -> Phase {
    Phase::Void { reason: VoidReason::Disputed { text: "点票时有人离席".into(), by: CHAIR } }
}

fn dispute(ballots: &BallotBox, database: &Database, id: PollId) {
    ballots.void_disputed(&load(database, id), "点票时有人离席".into(), CHAIR, NOW).unwrap();
}

fn say(ballots: &BallotBox, round: &Open, place: usize) {
    let ballot = ballot(&paper(false), Some(Answer::Satisfied));
    cast(ballots, round.id, &round.slips.roll[place], &nonce(), &ballot).unwrap();
}

/// Whether the tombstone in this folder says that the round is void.
fn says_void(tombstone: &Path) -> bool {
    String::from_utf8_lossy(&fs::read(tombstone).unwrap()).contains("\"void\"")
}

fn a_disputed_result_stays_void_over_every_older_copy(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 5, 0);
    say(&ballots, &round, 0);
    drop((database, ballots));
    let open_then = house.back_up();
    let (database, ballots) = (house.database(), house.start());
    close(&ballots, &database, round.id).unwrap();
    drop((database, ballots));
    let closed_then = house.back_up();
    let (database, ballots) = (house.database(), house.start());
    dispute(&ballots, &database, round.id);
    drop((database, ballots));
    assert!(house.vault_files("tombstone").iter().all(|tombstone| says_void(tombstone)));

    for copy in [open_then, closed_then] {
        house.restore(&copy);
        let (database, ballots) = (house.database(), house.start());
        assert_eq!(load(&database, round.id).phase, disputed());
        let again = ballots.close(&load(&database, round.id), CHAIR, NOW);
        assert!(matches!(again, Err(BoxError::Refused(Refusal::WrongPhase))), "{again:?}");
    }
}

fn that_it_is_void_reaches_a_mirror_that_was_away(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 5, 0);
    say(&ballots, &round, 0);
    close(&ballots, &database, round.id).unwrap();
    drop((database, ballots));
    let closed_then = house.back_up();
    let (database, ballots) = (house.database(), house.start());
    // The first of the two: the other is reached all the same.
    let [mirror, other] = house.vaults();
    let disk = mirror.with_extension("disk");
    fs::rename(&mirror, &disk).unwrap();
    fs::create_dir(&mirror).unwrap();
    dispute(&ballots, &database, round.id);
    assert!(ballots.stopped(round.id).is_some(), "the operator is told");
    let said: Vec<_> = house.vault_files("tombstone").iter().map(|tombstone| says_void(tombstone)).collect();
    assert_eq!(said, [true]);
    fs::remove_dir(&mirror).unwrap();
    fs::rename(&disk, &mirror).unwrap();
    eventually("nothing more to tell", || ballots.stopped(round.id).is_none());
    drop((database, ballots));

    house.restore(&closed_then);
    fs::remove_dir_all(&other).unwrap();
    let database = house.database();
    let ballots = BallotBox::start(database.clone(), Options { vaults: vec![mirror], queue_limit: 64 }).unwrap();
    assert_eq!(load(&database, round.id).phase, disputed());
    assert_eq!(ballots.stopped(round.id), None);
}

/// The operator goes on with one folder, as the documents say, and puts the other back later; or another process does not
/// know of it at all.
fn a_mirror_that_was_away_keeps_no_key_of_a_round_that_is_over(house: &Installation) {
    let [kept, mirror] = house.vaults();
    let alone = || BallotBox::start(house.database(), Options { vaults: vec![kept.clone()], queue_limit: 64 }).unwrap();
    let (database, ballots) = (house.database(), house.start());
    let rounds: Vec<Open> = (0..3).map(|_| open(&ballots, &database, &paper(false), 5, 0)).collect();
    drop(ballots);
    let away = mirror.with_extension("disk");
    fs::rename(&mirror, &away).unwrap();
    let ballots = alone();
    close(&ballots, &database, rounds[0].id).unwrap();
    close(&ballots, &database, rounds[1].id).unwrap();
    let certified = SheetId::of(&pingjia::domain::digest::Digest::sha256(b"sheet"));
    change(&database, rounds[1].id, |phase| {
        phase.confirm_result(SCRUTINEER).unwrap().certify(certified.clone(), &[Role::Scrutineer]).unwrap()
    });
    drop(ballots);
    fs::rename(&away, &mirror).unwrap();
    assert_eq!(house.vault_files(".key").len(), 4, "two in the mirror of rounds that are over");
    let ballots = house.start();
    eventually("only the keys of the open round are left", || house.vault_files(".key").len() == 2);
    eventually("the mirror knows that they are over", || house.vault_files("tombstone").len() == 4);
    // A process that does not know of the mirror closes what one that does has open.
    say(&ballots, &rounds[2], 0);
    close(&alone(), &database, rounds[2].id).unwrap();
    eventually("no key is left", || house.vault_files(".key").is_empty());
}

/// The office over this database, with the signing keys of the installation.
fn office(house: &Installation, keys: &Path) -> Office {
    Office {
        database: house.database(),
        ballot_box: house.start(),
        keys: Arc::new(SigningKeys::load_or_create(keys).unwrap()),
        rules: Arc::new(RuleRegistry::embedded().unwrap()),
        url: "http://test".to_owned(),
    }
}

/// A round of five that is approved, by rules that judge it.
fn prepared(house: &Installation, office: &Office) -> (Union, PollId) {
    let (rules, category) = (&office.rules, Category::Enterprise);
    let (rule_set, paper) = (
        rules.require("qingdao-2020").unwrap().reference(),
        rules.paper("qingdao-2020", category, &PaperOptions::default()).unwrap(),
    );
    write(house, |c| {
        let union = union(c, None, "甲厂工会")?;
        let new = NewPoll { union: union.id, year: 2026, category, rule_set, paper, facts: facts() };
        // A tag far from those of drafts.
        let id = polls::create(c, &new, || 1 << 20, BY)?.id;
        for name in ["chair", "scrutineer", "teller"] {
            account(c, union.id, Role::from_code(name).unwrap(), name)?;
        }
        let approved = Phase::Draft { approval: Approval::Approved { by: CHAIR }, slips: None };
        let draft = polls::load(c, id)?.unwrap();
        polls::advance(c, &draft, "poll.test", "", BY, |_| Ok(approved))?;
        Ok((union, id))
    })
}

fn stored(office: &Office, id: PollId) -> Poll {
    office.database.read(|c| polls::load(c, id)).unwrap().unwrap()
}

/// Opens a prepared round, in which one votes, and counts it.
fn counted(office: &Office, union: &Union, id: PollId) {
    let slips = office.ballot_box.issue_slips(&stored(office, id), 5, 1, CHAIR, NOW).unwrap();
    office.open(&stored(office, id), union, CHAIR, NOW).unwrap();
    let ballot = random_ballot(&stored(office, id).paper);
    cast(&office.ballot_box, id, &slips.roll[0], &nonce(), &ballot).unwrap();
    close(&office.ballot_box, &office.database, id).unwrap();
}

fn certify(office: &Office, id: PollId) -> Result<SheetPayload, OfficeError> {
    let sheet = office.certify(&stored(office, id), &Closing::default(), BY)?;
    let signed = pingjia::domain::jws::Statement::parse(sheet.body.as_bytes()).unwrap();
    Ok(SheetPayload::read(signed.payload()).unwrap())
}

fn a_result_restored_from_a_draft_is_signed(house: &Installation) {
    let keys = tempfile::tempdir().unwrap();
    let before = office(house, keys.path());
    let (union, id) = prepared(house, &before);
    drop(before);
    let draft = house.back_up();
    let before = office(house, keys.path());
    counted(&before, &union, id);
    let shown = before.preview(&stored(&before, id), BY).unwrap();
    drop(before);

    house.restore(&draft);
    let after = office(house, keys.path());
    assert!(matches!(stored(&after, id).phase, Phase::Closed { .. }), "counted by its tombstone");
    assert_eq!(after.preview(&stored(&after, id), BY).unwrap(), shown, "opening statement and all");
    change(&after.database, id, |phase| phase.confirm_result(SCRUTINEER).unwrap());
    assert_eq!(certify(&after, id).unwrap().proof, shown.proof);
}

fn what_would_not_verify_is_not_signed(house: &Installation) {
    let keys = tempfile::tempdir().unwrap();
    let office = office(house, keys.path());
    let (union, id) = prepared(house, &office);
    counted(&office, &union, id);
    change(&office.database, id, |phase| phase.confirm_result(SCRUTINEER).unwrap());
    let elsewhere = Office { url: "https://elsewhere.example".to_owned(), ..office.clone() };
    let refused = certify(&elsewhere, id);
    assert!(
        matches!(&refused, Err(OfficeError::OtherAddress { opened, .. }) if opened == "http://test"),
        "{refused:?}"
    );
    let early = By { at: BY.at - time::Duration::days(40), ..BY };
    let refused = office.certify(&stored(&office, id), &Closing::default(), early).map(|sheet| sheet.id);
    assert!(matches!(refused, Err(OfficeError::BeforeOpening)), "{refused:?}");
    assert!(matches!(stored(&office, id).phase, Phase::Closed { .. }));
    certify(&office, id).unwrap();
}

fn a_teller_alone_does_not_certify(house: &Installation) {
    let keys = tempfile::tempdir().unwrap();
    let office = office(house, keys.path());
    let (union, id) = prepared(house, &office);
    counted(&office, &union, id);
    let teller = pingjia::domain::ids::AccountId(3);
    change(&office.database, id, |phase| phase.confirm_result(teller).unwrap());
    let refused = certify(&office, id);
    assert!(matches!(refused, Err(OfficeError::Refused(Refusal::ResultNotConfirmed))), "{refused:?}");
    change(&office.database, id, |phase| phase.confirm_result(SCRUTINEER).unwrap());
    certify(&office, id).unwrap();
}

/// Slips and packets of the round.
fn left(database: &Database, id: PollId) -> (i64, i64) {
    let count = |c: &mut AnyConnection| {
        let slips = slip::table.filter(slip::poll_id.eq(id.0)).count().get_result(c)?;
        Ok::<_, DatabaseError>((slips, slip_packet::table.filter(slip_packet::poll_id.eq(id.0)).count().get_result(c)?))
    };
    database.read(count).unwrap()
}

/// From now on no slip can be deleted, or again.
fn guard_slips(database: &Database, guarded: bool) {
    let connection = database.connect().unwrap();
    let statements = match (&connection, guarded) {
        (AnyConnection::Sqlite(_), true) => {
            "CREATE TRIGGER guard BEFORE DELETE ON slip BEGIN SELECT RAISE(ABORT, 'guarded'); END"
        }
        (AnyConnection::Sqlite(_), false) => "DROP TRIGGER guard",
        (AnyConnection::Postgres(_), true) => {
            "CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'guarded'; END $$; \
             CREATE TRIGGER guard BEFORE DELETE ON slip FOR EACH ROW EXECUTE FUNCTION guard()"
        }
        (AnyConnection::Postgres(_), false) => "DROP FUNCTION guard CASCADE",
    };
    match connection {
        AnyConnection::Sqlite(mut inner) => inner.batch_execute(statements).unwrap(),
        AnyConnection::Postgres(mut inner) => inner.batch_execute(statements).unwrap(),
    }
}

fn slips_that_outlived_their_round_are_taken_away(house: &Installation) {
    let keys = tempfile::tempdir().unwrap();
    let before = office(house, keys.path());
    let (union, signed) = prepared(house, &before);
    counted(&before, &union, signed);
    change(&before.database, signed, |phase| phase.confirm_result(SCRUTINEER).unwrap());
    let draft = || {
        let id = draft(&before.database, &paper(false));
        let issue = SlipIssue { roll: 4, spares: 30 };
        before.ballot_box.issue_slips_in_packets(&load(&before.database, id), issue, 10, CHAIR, NOW).unwrap();
        id
    };
    let (stopped, voided) = (draft(), draft());
    guard_slips(&before.database, true);
    certify(&before, signed).expect("the sheet stands, whatever becomes of the slips");
    assert_eq!(left(&before.database, signed), (6, 0));
    before.ballot_box.void(voided, called_off(), Some(CHAIR), NOW).expect("void, whatever becomes of the slips");
    assert_eq!(left(&before.database, voided), (34, 0));
    // As a stop finds it right after the round is void, or signed.
    change(&before.database, stopped, |phase| phase.void(called_off()).unwrap());
    let certified = open(&before.ballot_box, &before.database, &paper(false), 4, 0);
    close(&before.ballot_box, &before.database, certified.id).unwrap();
    change(&before.database, certified.id, |phase| {
        let sheet = SheetId::of(&certified.opening.roll_root);
        phase.confirm_result(SCRUTINEER).unwrap().certify(sheet, &[Role::Scrutineer]).unwrap()
    });
    guard_slips(&before.database, false);
    for id in [signed, voided] {
        eventually("the chores take them away", || left(&before.database, id) == (0, 0));
    }
    drop(before);

    house.start();
    let database = house.database();
    for id in [stopped, certified.id] {
        assert_eq!(left(&database, id), (0, 0));
    }
}
