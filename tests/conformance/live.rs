//! The live tally: states nest, and any two that anyone can see differ by 0 or by at least k phone ballots.

use std::time::Duration;

use diesel::prelude::*;
use pingjia::ballot_box::{BallotBox, LIVE_STEP, Live, PaperBallot, Teller};
use pingjia::database::schema::live_state;
use pingjia::database::{Database, DatabaseError, Kind};
use pingjia::domain::ids::PollId;
use pingjia::domain::paper::Answer;
use pingjia::domain::poll::Custody;
use pingjia::domain::slip::SlipCode;
use pingjia::domain::tally::Tally;
use pingjia::world;
use rand::RngExt as _;

use crate::support::installation::Installation;
use crate::support::round::*;

on_both!(
    states_keep_their_distance,
    the_step_follows_the_slips_handed_out,
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

fn handed_out(handed_out: u32) -> Custody {
    Custody { present: handed_out, handed_out, spoiled: 0, unused: 12, confirmed_by: None }
}

/// The chair counts and the scrutineer confirms; the step of the live tally follows.
fn count_custody(database: &Database, id: PollId, slips: u32) {
    change(database, id, |phase| phase.count_custody(handed_out(slips)).unwrap().confirm_custody(SCRUTINEER).unwrap());
}

/// More slips went out than the roll has, from the spares; and then still more.
fn the_step_follows_the_slips_handed_out(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 200, 300);
    let mut watcher = Watcher { id: round.id, seen: Vec::new() };
    let mut slips = round.slips.roll.iter().chain(&round.slips.spares);
    // What the chair alone says makes no smaller steps.
    change(&database, round.id, |phase| phase.count_custody(handed_out(12)).unwrap());
    cast_until(&ballots, &round, &mut slips, (10, Answer::Satisfied), || {
        watcher.look(&ballots);
        watcher.seen.len() == 1
    });
    let mut before = watcher.seen[0].count;
    assert!(before >= 20, "{before}, a tenth of the roll");
    for (states, handed_out) in [(2, 400), (3, 500)] {
        count_custody(&database, round.id, handed_out);
        let step = handed_out / 10;
        // Without a pause only as many as the printed roll alone would ask for.
        cast_until(&ballots, &round, &mut slips, (20, Answer::Satisfied), || {
            watcher.look(&ballots);
            watcher.seen.len() == states
        });
        let count = watcher.seen.last().unwrap().count;
        assert!(count >= before + u64::from(step), "{count} after {before}, with {handed_out} slips handed out");
        before = count;
    }
}

/// The roll of rounds in which a state has to come about, and the step between two states that follows from it.
const ROLL: u32 = 600;
const STEP: usize = 60;

/// Casts until `seen`: the first `at_once` without a pause, more of them one by one. However late the chores of a busy
/// machine come to take a candidate, the ballots that publish it are still to come.
fn cast_until<'a>(
    ballots: &BallotBox,
    round: &'a Open,
    slips: &mut impl Iterator<Item = &'a SlipCode>,
    (at_once, says): (usize, Answer),
    mut seen: impl FnMut() -> bool,
) {
    let ballot = ballot(&paper(false), Some(says));
    for place in 0.. {
        let slip = slips.next().expect("a state comes long before the last ballot");
        cast(ballots, round.id, slip, &nonce(), &ballot).unwrap();
        if seen() {
            return;
        }
        if place >= at_once {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The first process was there from the beginning and remembers its own ballots; those of the second, which were
/// shown, stay in every later state.
fn what_another_process_cast_is_in_every_state(house: &Installation) {
    let (database, boxes) = (house.database(), [house.start(), house.start()]);
    let round = open(&boxes[0], &database, &paper(false), ROLL, 0);
    let mut watcher = Watcher { id: round.id, seen: Vec::new() };
    let mut slips = round.slips.roll.iter();
    for slip in slips.by_ref().take(3) {
        cast(&boxes[0], round.id, slip, &nonce(), &ballot(&paper(false), Some(Answer::Satisfied))).unwrap();
    }
    cast_until(&boxes[1], &round, &mut slips, (STEP, Answer::Dissatisfied), || {
        watcher.look(&boxes[0]);
        !watcher.seen.is_empty()
    });
    cast_until(&boxes[0], &round, &mut slips, (STEP, Answer::Satisfied), || {
        watcher.look(&boxes[0]);
        watcher.seen.len() > 1
    });
    let opened = close(&boxes[0], &database, round.id).unwrap();
    watcher.check(Tally::empty(&paper(false)), opened.phone, &opened.tally);
}

fn a_state_outlives_its_process(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), ROLL, 0);
    let mut watcher = Watcher { id: round.id, seen: Vec::new() };
    let mut slips = round.slips.roll.iter();
    cast_until(&ballots, &round, &mut slips, (STEP, Answer::Satisfied), || {
        watcher.look(&ballots);
        !watcher.seen.is_empty()
    });
    assert!(watcher.seen[0].count >= STEP as u64, "a tenth of the roll");
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
    cast_until(&ballots, &round, &mut slips, (STEP, Answer::Satisfied), || {
        watcher.look(&ballots);
        watcher.seen.len() > before
    });
    let opened = close(&ballots, &database, round.id).unwrap();
    watcher.check(Tally::empty(&paper(false)), opened.phone, &opened.tally);
}

/// Casts in a round of its own until it shows one more state: the chores, which go through the rounds in turn, have then
/// looked at every other round since this was called.
fn let_the_chores_go_round<'a>(ballots: &BallotBox, clock: &'a Open, slips: &mut impl Iterator<Item = &'a SlipCode>) {
    let before = ballots.live(clock.id).unwrap();
    cast_until(ballots, clock, slips, (STEP, Answer::Satisfied), || ballots.live(clock.id).unwrap() != before);
}

fn the_tally_stands_still_once_phones_are_closed(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let clock = open(&ballots, &database, &paper(false), ROLL, 0);
    let mut ticks = clock.slips.roll.iter();
    let round = open(&ballots, &database, &paper(false), 40, 0);
    let (on_phones, on_paper) = round.slips.roll.split_at(19);
    let vote = |slips: &[SlipCode]| {
        for slip in slips {
            cast(&ballots, round.id, slip, &nonce(), &random_ballot(&paper(false))).unwrap();
        }
    };
    // Ten make a candidate, and nine more are one too few to publish it.
    vote(&on_phones[..10]);
    let_the_chores_go_round(&ballots, &clock, &mut ticks);
    vote(&on_phones[10..]);
    let_the_chores_go_round(&ballots, &clock, &mut ticks);
    assert_eq!(ballots.live(round.id).unwrap(), None, "one below publication");

    ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
    for slip in on_paper {
        for teller in [Teller::First, Teller::Second] {
            ballots.enter_paper(&load(&database, round.id), teller, slip, PaperBallot::Invalid).unwrap();
        }
    }
    if house.kind() == Kind::Postgres {
        let all = format!("mark-{:020}", 40);
        eventually("the paper ballots are seen in the box", || house.vault_files(&all).len() == 2);
    }
    let_the_chores_go_round(&ballots, &clock, &mut ticks);
    assert_eq!(ballots.live(round.id).unwrap(), None, "paper never moves it");
    assert_eq!(ballots.turnout(round.id).unwrap().spent, 40, "the turnout goes on");
}

/// A server that fails over may forget the last state that people saw; the vault does not.
fn a_state_that_the_database_forgot_is_kept_away_from(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), ROLL, 0);
    let forgotten = STEP + STEP / 2;
    let name = format!("shown-{forgotten:020}");
    let places = house.vault_files(".key").into_iter().map(|key| key.with_file_name(&name));
    places.for_each(|place| drop(std::fs::File::create_new(place).unwrap()));
    let mut first = None;
    cast_until(&ballots, &round, &mut round.slips.roll.iter(), (forgotten, Answer::Satisfied), || {
        first = ballots.live(round.id).unwrap();
        first.is_some()
    });
    let count = first.unwrap().count;
    assert!(count >= (forgotten + STEP) as u64, "{count}");
    assert_eq!(house.vault_files(&name).len(), 0, "the new one is noted instead");
}
