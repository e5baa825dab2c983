//! Vault and database against each other: lost keys, lost ballots, results that outlive a restored copy.

use std::fs;

use pingjia::ballot_box::{BallotBox, BoxError, Cast, CastRefusal, KeyState};
use pingjia::domain::paper::Answer;
use pingjia::domain::poll::Phase;

use crate::support::installation::Installation;
use crate::support::round::*;

on_both!(
    a_lost_key_stops_its_round_only,
    a_foreign_key_stops_the_round,
    a_database_below_the_mark_stops_the_round,
    every_open_round_is_noted_while_the_service_runs,
    a_tombstone_outranks_a_restored_database,
    a_round_voided_stays_void,
    destruction_is_tried_until_every_folder_confirms,
    a_key_on_an_unmounted_mirror_is_not_destroyed,
    an_interrupted_opening_leaves_nothing_that_counts,
);

fn say(ballots: &BallotBox, round: &Open, place: usize) -> Result<Cast, CastRefusal> {
    cast(ballots, round.id, &round.slips.roll[place], &nonce(), &ballot(&paper(false), Some(Answer::Satisfied)))
}

fn a_lost_key_stops_its_round_only(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 4, 0);
    let key = house.vault_files(".key").into_iter().next_back().unwrap();
    let other = open(&ballots, &database, &paper(false), 4, 0);
    say(&ballots, &round, 0).unwrap();
    drop(ballots);

    let hidden = key.with_extension("hidden");
    fs::rename(&key, &hidden).unwrap();
    let ballots = house.start();
    let why = ballots.stopped(round.id).expect("stopped");
    assert!(why.contains("密钥"), "{why}");
    assert_eq!(say(&ballots, &round, 1), Err(CastRefusal::Stopped));
    assert!(matches!(say(&ballots, &other, 0), Ok(Cast::Cast(_))), "the other round goes on");
    assert_eq!(ballots.stopped(other.id), None);

    fs::rename(&hidden, &key).unwrap();
    eventually("the round goes on", || ballots.stopped(round.id).is_none());
    assert!(matches!(say(&ballots, &round, 1), Ok(Cast::Cast(_))));
    assert_eq!(close(&ballots, &database, round.id).unwrap().phone, 2);
}

fn a_foreign_key_stops_the_round(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 4, 0);
    say(&ballots, &round, 0).unwrap();
    drop(ballots);
    let keys = house.vault_files(".key");
    assert_eq!(keys.len(), 2, "one in each folder");
    for key in keys {
        fs::write(key, [7; 32]).unwrap();
    }
    let ballots = house.start();
    assert!(ballots.stopped(round.id).is_some());
    assert_eq!(say(&ballots, &round, 1), Err(CastRefusal::Stopped));
    let refused = close(&ballots, &database, round.id);
    assert!(matches!(refused, Err(BoxError::Vault(_))), "{refused:?}");
    assert!(ballots.beyond_counting(round.id).unwrap().is_some_and(|why| why.contains("没有本轮的密钥")));
    ballots.void(round.id, called_off(), Some(CHAIR), NOW).unwrap();
    assert_eq!((ballots.stopped(round.id), say(&ballots, &round, 1)), (None, Err(CastRefusal::Void)));
}

fn a_database_below_the_mark_stops_the_round(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 9, 0);
    say(&ballots, &round, 0).unwrap();
    drop((database, ballots));
    let old = house.back_up();
    let ballots = house.start();
    for place in 1..6 {
        say(&ballots, &round, place).unwrap();
    }
    drop(ballots);
    assert_eq!(house.vault_files("mark-00000000000000000006").len(), 2, "noted when the service ends");

    house.restore(&old);
    let ballots = house.start();
    let why = ballots.stopped(round.id).expect("five thanked ballots are missing");
    assert!(why.contains('6') && why.contains('1'), "{why}");
    assert_eq!(say(&ballots, &round, 7), Err(CastRefusal::Stopped));
    assert_eq!(ballots.beyond_counting(round.id).unwrap(), Some(why));
    ballots.void(round.id, called_off(), Some(CHAIR), NOW).unwrap();
    assert!(house.vault_files(".key").is_empty());
}

fn a_tombstone_outranks_a_restored_database(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 5, 0);
    let form = nonce();
    let slip = round.slips.roll[0].clone();
    cast(&ballots, round.id, &slip, &form, &ballot(&paper(false), Some(Answer::Satisfied))).unwrap();
    drop((database, ballots));
    let old = house.back_up();

    let (database, ballots) = (house.database(), house.start());
    let opened = close(&ballots, &database, round.id).unwrap();
    let poll = load(&database, round.id);
    let openings = ballots.openings(&poll, &"home".into()).unwrap().unwrap();
    let receipts = ballots.receipts(round.id).unwrap();
    drop((database, ballots));

    house.restore(&old);
    let (database, ballots) = (house.database(), house.start());
    let poll = load(&database, round.id);
    assert_eq!(poll.phase.opened(), Some(&opened), "closed stays closed, and the key stays destroyed");
    assert_eq!(ballots.openings(&poll, &"home".into()).unwrap().unwrap().bytes(), openings.bytes());
    assert_eq!(ballots.receipts(round.id).unwrap(), receipts);
    let resent = cast(&ballots, round.id, &slip, &form, &ballot(&paper(false), None));
    assert!(matches!(resent, Ok(Cast::AlreadyCast(_))), "{resent:?}");
    assert_eq!(say(&ballots, &round, 1), Err(CastRefusal::Closed));
    assert_eq!(ballots.stopped(round.id), None);
}

fn a_round_voided_stays_void(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 5, 0);
    say(&ballots, &round, 0).unwrap();
    drop((database, ballots));
    let old = house.back_up();
    let reason = called_off();
    house.start().void(round.id, reason.clone(), Some(CHAIR), NOW).unwrap();
    house.restore(&old);
    let (ballots, database) = (house.start(), house.database());
    assert_eq!(load(&database, round.id).phase, Phase::Void { reason });
    assert_eq!(say(&ballots, &round, 1), Err(CastRefusal::Void));
}

fn destruction_is_tried_until_every_folder_confirms(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 5, 0);
    say(&ballots, &round, 0).unwrap();
    let copy = house.copy_vault();
    close(&ballots, &database, round.id).unwrap();
    drop(ballots);
    // The service was killed after the count: keys are there, no folder has a tombstone, and one is away.
    for tombstone in house.vault_files("tombstone") {
        fs::remove_file(tombstone).unwrap();
    }
    house.put_back(&copy, ".key");
    change(&database, round.id, |phase| match phase {
        Phase::Closed { opening, custody, mut opened, confirmed_by } => {
            opened.key_destroyed = false;
            Phase::Closed { opening, custody, opened, confirmed_by }
        }
        other => panic!("{other:?}"),
    });
    let keys = house.vault_files(".key");
    let there = keys.iter().find(|key| key.starts_with(&house.vaults()[1])).unwrap().parent().unwrap().to_owned();
    let away = house.vaults()[1].with_extension("away");
    fs::rename(&there, &away).unwrap();

    let ballots = house.start();
    assert!(ballots.stopped(round.id).is_some(), "the operator is told");
    let opened = ballots.close(&load(&database, round.id), CHAIR, NOW).unwrap();
    assert!(!opened.key_destroyed, "the result stands, the destruction does not");
    fs::rename(&away, &there).unwrap();
    eventually("the key is destroyed", || {
        load(&database, round.id).phase.opened().is_some_and(|opened| opened.key_destroyed)
    });
    assert!(house.vault_files(".key").is_empty());
    assert_eq!(house.vault_files("tombstone").len(), 2);
    eventually("nothing more to tell", || ballots.stopped(round.id).is_none());
}

fn a_key_on_an_unmounted_mirror_is_not_destroyed(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 5, 0);
    let [_, mirror] = house.vaults();
    let disk = mirror.with_extension("disk");
    fs::rename(&mirror, &disk).unwrap();
    fs::create_dir(&mirror).unwrap();
    ballots.void(round.id, called_off(), Some(CHAIR), NOW).unwrap();
    let poll = load(&database, round.id);
    assert_eq!(ballots.key_states(&poll), [KeyState::Destroyed, KeyState::Unreachable]);
    assert!(ballots.stopped(round.id).is_some(), "the operator is told");

    fs::remove_dir(&mirror).unwrap();
    fs::rename(&disk, &mirror).unwrap();
    eventually("the key is destroyed", || house.vault_files(".key").is_empty());
    eventually("nothing more to tell", || ballots.stopped(round.id).is_none());
    assert_eq!(ballots.key_states(&poll), [KeyState::Destroyed; 2]);
}

fn an_interrupted_opening_leaves_nothing_that_counts(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let id = draft(&database, &paper(false));
    let slips = ballots.issue_slips(&load(&database, id), 3, 0, CHAIR, NOW).unwrap();
    let stale = load(&database, id);
    change(&database, id, |phase| phase);
    assert!(matches!(ballots.open(&stale, CHAIR, NOW, |_| Ok(String::new())), Err(BoxError::Stale)));
    assert_eq!(house.vault_files(".key").len(), 2, "the key came first and nobody uses it");
    let opening = ballots.open(&load(&database, id), CHAIR, NOW, |_| Ok(String::new())).unwrap();
    let round = Open { id, slips, opening };
    say(&ballots, &round, 0).unwrap();
    assert_eq!(close(&ballots, &database, id).unwrap().phone, 1);
    assert!(house.vault_files(".key").is_empty(), "all keys of the round are destroyed");
}

fn every_open_round_is_noted_while_the_service_runs(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let rounds: Vec<Open> = (2..7).map(|slips| open(&ballots, &database, &paper(false), slips, 0)).collect();
    for round in &rounds {
        for place in 0..round.slips.roll.len() {
            say(&ballots, round, place).unwrap();
        }
    }
    for cast in 2..7 {
        eventually("the turnout is noted", || house.vault_files(&format!("mark-{cast:020}")).len() == 2);
    }
}
