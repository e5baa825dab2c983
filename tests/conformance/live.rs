//! The live tally: states nest, and any two that anyone can see differ by 0 or by at least k phone ballots.

use std::time::Duration;

use diesel::prelude::*;
use pingjia::ballot_box::{BallotBox, LIVE_STEP, Live, PaperBallot, Teller};
use pingjia::database::schema::live_state;
use pingjia::database::{Database, DatabaseError};
use pingjia::domain::ids::PollId;
use pingjia::domain::paper::Answer;
use pingjia::domain::poll::Custody;
use pingjia::domain::tally::Tally;
use pingjia::world;
use rand::RngExt as _;

use crate::support::installation::Installation;
use crate::support::round::*;

on_both!(
    states_keep_their_distance,
    what_another_process_cast_is_in_every_state,
    a_state_outlives_its_process,
    a_state_that_the_database_forgot_is_kept_away_from,
    the_tally_stands_still_once_phones_are_closed
);

/// Collects what anyone can see.
struct Watcher {
    id: PollId,
    seen: Vec<Live>,
}

impl Watcher {
    fn look(&mut self, ballots: &BallotBox) {
        if let Some(state) = ballots.live(self.id).unwrap()
            && self.seen.last() != Some(&state)
        {
            self.seen.push(state);
        }
    }

    /// Every state against its successor, the final count included; from the empty state on.
    fn check(&self, empty: Tally, phone: u64, last: &Tally) {
        let mut before = Live { count: 0, tally: empty };
        for state in &self.seen {
            assert!(state.count >= before.count + LIVE_STEP, "{} after {}", state.count, before.count);
            assert!(state.tally.contains(&before.tally), "states nest");
            assert_eq!((state.tally.valid, state.tally.invalid), (state.count, 0));
            before = state.clone();
        }
        assert!(last.contains(&before.tally), "the final tally contains the last state");
        if !self.seen.is_empty() {
            assert!(phone == before.count || phone >= before.count + LIVE_STEP, "{phone} after {}", before.count);
        }
    }
}

/// Rounds of the random test: more by `PINGJIA_ROUNDS=200 cargo test --test conformance states_keep`.
fn rounds() -> usize {
    std::env::var("PINGJIA_ROUNDS").map_or(6, |rounds| rounds.parse().expect("PINGJIA_ROUNDS is a number"))
}

/// Two processes on one database, ended and started at random; slips voided and custody counted meanwhile, paper
/// at the end.
fn states_keep_their_distance(house: &Installation) {
    let mut rng = world::rng();
    let database = house.database();
    let mut boxes: Vec<BallotBox> = (0..2).map(|_| house.start()).collect();
    let (mut states, mut held) = (0, 0);
    // On a busy machine the chores may come too late for a short round; then there are more.
    while held < rounds() || (states == 0 && held < 100) {
        held += 1;
        let paper = paper(false);
        let roll = rng.random_range(30..160);
        let round = open(&boxes[0], &database, &paper, roll, 12);
        let mut watcher = Watcher { id: round.id, seen: Vec::new() };
        let mut spares = round.slips.spares.iter();
        let on_phones = rng.random_range(0..round.slips.roll.len());
        // Some rounds are held by one process alone, some by both by turns.
        let busiest = rng.random_range(1..=boxes.len());
        for slip in &round.slips.roll[..on_phones] {
            let through = rng.random_range(0..busiest);
            cast(&boxes[through], round.id, slip, &nonce(), &random_ballot(&paper)).unwrap();
            for each in &boxes {
                watcher.look(each);
            }
            match rng.random_range(0..60) {
                0..5 => std::thread::sleep(Duration::from_millis(120)),
                5 => {
                    let which = rng.random_range(0..boxes.len());
                    drop(boxes.remove(which));
                    boxes.push(house.start());
                    watcher.look(&boxes[1]);
                }
                6 => {
                    if let Some(spare) = spares.next() {
                        boxes[0].void_slips(round.id, std::slice::from_ref(spare), CHAIR, NOW).unwrap();
                    }
                }
                7 => count_custody(&database, round.id, rng.random_range(0..roll)),
                _ => {}
            }
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(0..300)));
        change(&database, round.id, |phase| {
            let voided = u32::try_from(round.slips.spares.len() - spares.len()).unwrap();
            let custody = Custody { present: roll, handed_out: roll, spoiled: 0, unused: voided, confirmed_by: None };
            phase.count_custody(custody).unwrap().confirm_custody(SCRUTINEER).unwrap()
        });
        boxes[0].stop_phones(round.id, CHAIR, NOW).unwrap();
        let on_paper = rng.random_range(0..=8.min(round.slips.roll.len() - on_phones));
        for slip in &round.slips.roll[on_phones..on_phones + on_paper] {
            for teller in [Teller::First, Teller::Second] {
                let read = PaperBallot::Valid(ballot(&paper, Some(Answer::Satisfied)));
                boxes[0].enter_paper(&load(&database, round.id), teller, slip, read).unwrap();
            }
            for each in &boxes {
                watcher.look(each);
            }
        }
        let opened = boxes[0].close(&load(&database, round.id), CHAIR, NOW).unwrap();
        assert_eq!(opened.phone, u64::try_from(on_phones).unwrap());
        watcher.check(Tally::empty(&paper), opened.phone, &opened.tally);
        states += watcher.seen.len();
    }
    assert!(states > 0, "some state was shown");
}

/// The chair counts; the step of the live tally follows.
fn count_custody(database: &Database, id: PollId, handed_out: u32) {
    let custody = Custody { present: handed_out, handed_out, spoiled: 0, unused: 0, confirmed_by: None };
    change(database, id, |phase| phase.count_custody(custody).unwrap());
}

/// Casts one by one, leaving the box time to take and publish.
fn cast_slowly(ballots: &BallotBox, round: &Open, places: std::ops::Range<usize>, mut after: impl FnMut()) {
    for slip in &round.slips.roll[places] {
        cast(ballots, round.id, slip, &nonce(), &ballot(&paper(false), Some(Answer::Satisfied))).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        after();
    }
}

/// The first process was there from the beginning and remembers its own ballots; those of the second, which were
/// shown, stay in every later state.
fn what_another_process_cast_is_in_every_state(house: &Installation) {
    let (database, boxes) = (house.database(), [house.start(), house.start()]);
    let round = open(&boxes[0], &database, &paper(false), 130, 0);
    let mut watcher = Watcher { id: round.id, seen: Vec::new() };
    let mut slips = round.slips.roll.iter();
    let mut vote = |through: usize, watcher: &mut Watcher| {
        let says = [Answer::Satisfied, Answer::Dissatisfied][through];
        let slip = slips.next().expect("enough slips");
        cast(&boxes[through], round.id, slip, &nonce(), &ballot(&paper(false), Some(says))).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        watcher.look(&boxes[0]);
    };
    (0..3).for_each(|_| vote(0, &mut watcher));
    (0..30).for_each(|_| vote(1, &mut watcher));
    eventually("a state of the second process", || {
        watcher.look(&boxes[0]);
        !watcher.seen.is_empty()
    });
    (0..90).for_each(|_| vote(0, &mut watcher));
    eventually("a state of the first process", || {
        watcher.look(&boxes[0]);
        watcher.seen.last().is_some_and(|state| state.count > 40)
    });
    let opened = close(&boxes[0], &database, round.id).unwrap();
    watcher.check(Tally::empty(&paper(false)), opened.phone, &opened.tally);
}

fn a_state_outlives_its_process(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 120, 0);
    let mut watcher = Watcher { id: round.id, seen: Vec::new() };
    cast_slowly(&ballots, &round, 0..50, || ());
    eventually("a first state", || ballots.live(round.id).unwrap().is_some());
    watcher.look(&ballots);
    assert!(watcher.seen[0].count >= 12, "a tenth of the roll");
    drop(ballots);
    let stored: i64 = database
        .read(|c| Ok::<_, DatabaseError>(live_state::table.find(round.id.0).select(live_state::count).first(c)?))
        .unwrap();

    let ballots = house.start();
    let shown = ballots.live(round.id).unwrap().expect("shown at once after a restart");
    assert_eq!(i64::try_from(shown.count), Ok(stored));
    watcher.look(&ballots);
    let before = watcher.seen.len();
    // The candidate was lost; a new one is taken by unsealing what the former process cast.
    cast_slowly(&ballots, &round, 50..120, || watcher.look(&ballots));
    eventually("a further state", || {
        watcher.look(&ballots);
        watcher.seen.len() > before
    });
    let opened = close(&ballots, &database, round.id).unwrap();
    watcher.check(Tally::empty(&paper(false)), opened.phone, &opened.tally);
}

fn the_tally_stands_still_once_phones_are_closed(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 40, 0);
    cast_slowly(&ballots, &round, 0..12, || ());
    ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
    assert_eq!(ballots.live(round.id).unwrap(), None);
    for slip in &round.slips.roll[12..40] {
        for teller in [Teller::First, Teller::Second] {
            ballots.enter_paper(&load(&database, round.id), teller, slip, PaperBallot::Invalid).unwrap();
        }
    }
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(ballots.live(round.id).unwrap(), None, "paper never moves it");
    assert_eq!(ballots.turnout(round.id).unwrap().spent, 40, "the turnout goes on");
}

/// A server that fails over may forget the last state that people saw; the vault does not.
fn a_state_that_the_database_forgot_is_kept_away_from(house: &Installation) {
    let (database, ballots, paper) = (house.database(), house.start(), paper(false));
    let round = open(&ballots, &database, &paper, 60, 0);
    let places = house.vault_files(".key").into_iter().map(|key| key.with_file_name("shown-00000000000000000015"));
    places.for_each(|place| drop(std::fs::File::create_new(place).unwrap()));
    let mut seen = Vec::new();
    for slip in &round.slips.roll {
        cast(&ballots, round.id, slip, &nonce(), &random_ballot(&paper)).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        seen.extend(ballots.live(round.id).unwrap().map(|state| state.count));
    }
    eventually("a state is published", || ballots.live(round.id).unwrap().is_some());
    seen.extend(ballots.live(round.id).unwrap().map(|state| state.count));
    assert!(seen.iter().all(|count| *count >= 15 + LIVE_STEP), "{seen:?}");
    assert_eq!(house.vault_files("shown-00000000000000000015").len(), 0, "the new one is noted instead");
}
