//! What happens at the same moment: casts beside the closing, voiding beside the opening of the box.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use diesel::prelude::*;
use pingjia::ballot_box::{BallotBox, BoxError, Cast, CastRefusal};
use pingjia::database::schema::opened_block;
use pingjia::database::{Database, DatabaseError};
use pingjia::domain::ids::PollId;
use pingjia::domain::paper::Answer;
use pingjia::domain::poll::{Opened, Phase, Refusal, VoidReason};
use pingjia::domain::slip::{Receipt, SlipCode};
use pingjia::world;
use rand::RngExt as _;

use crate::closing::sealed;
use crate::support::installation::Installation;
use crate::support::round::*;

on_both!(closing_shuts_out_and_loses_none, voided_or_counted_and_never_half, two_who_close_at_once_count_once);

/// How far casters and closing have come.
#[derive(Default)]
struct Course {
    /// Ballots that were thanked for.
    done: AtomicUsize,
    /// Phones are about to be closed.
    begun: AtomicBool,
    /// They are closed.
    stopped: AtomicBool,
}

fn wait_for(ready: impl Fn() -> bool) {
    while !ready() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Casts slip after slip until the round is over; gives the receipts of all thank-yous. The second half is kept until the
/// closing begins, and the last slip until phones are closed: however fast it casts, the closing comes in the middle.
fn cast_until_over(ballots: &BallotBox, id: PollId, slips: &[SlipCode], course: &Course) -> Vec<Receipt> {
    let say = ballot(&paper(false), Some(Answer::Satisfied));
    let mut thanked = Vec::new();
    for (place, slip) in slips.iter().enumerate() {
        if place == slips.len() / 2 {
            wait_for(|| course.begun.load(Ordering::Acquire));
        }
        if place + 1 == slips.len() {
            wait_for(|| course.stopped.load(Ordering::Acquire));
        }
        match cast(ballots, id, slip, &nonce(), &say) {
            Ok(Cast::Cast(receipt)) => thanked.push(receipt),
            Err(CastRefusal::Closed | CastRefusal::Closing) => break,
            other => panic!("{other:?}"),
        }
        course.done.fetch_add(1, Ordering::Relaxed);
    }
    thanked
}

/// Two processes, eight casting threads, closed at random moments.
fn closing_shuts_out_and_loses_none(house: &Installation) {
    let database = house.database();
    let boxes: Vec<BallotBox> = (0..2).map(|_| house.start()).collect();
    let mut rng = world::rng();
    for close_after in [0, rng.random_range(1..30), rng.random_range(30..100), rng.random_range(100..200)] {
        let round = open(&boxes[0], &database, &paper(false), 800, 0);
        confirm_custody(&database, round.id, 800);
        let course = Course::default();
        let (mut thanked, opened) = std::thread::scope(|scope| {
            let casters: Vec<_> = round
                .slips
                .roll
                .chunks(100)
                .enumerate()
                .map(|(place, slips)| {
                    let (through, course) = (&boxes[place % boxes.len()], &course);
                    scope.spawn(move || cast_until_over(through, round.id, slips, course))
                })
                .collect();
            wait_for(|| course.done.load(Ordering::Relaxed) >= close_after);
            course.begun.store(true, Ordering::Release);
            boxes[0].stop_phones(round.id, CHAIR, NOW).unwrap();
            course.stopped.store(true, Ordering::Release);
            let opened = boxes[0].close(&load(&database, round.id), CHAIR, NOW).unwrap();
            let thanked: Vec<Receipt> = casters.into_iter().flat_map(|caster| caster.join().unwrap()).collect();
            (thanked, opened)
        });
        thanked.sort_unstable();
        assert_eq!(boxes[0].receipts(round.id).unwrap().unwrap(), thanked, "thanked = counted");
        assert_eq!(opened.tally.returned(), u64::try_from(thanked.len()).unwrap());
        assert!((close_after..=792).contains(&thanked.len()), "the closing came in the middle: {}", thanked.len());
        assert_eq!(sealed(&database, round.id), 0);
    }
}

/// Blocks of the round that were published.
fn blocks(database: &Database, id: PollId) -> i64 {
    let own = opened_block::table.filter(opened_block::poll_id.eq(id.0)).count();
    database.read(|connection| Ok::<_, DatabaseError>(own.get_result(connection)?)).unwrap()
}

/// A round in `Counting`.
fn counting(ballots: &BallotBox, database: &Database, count: u32) -> PollId {
    let round = open(ballots, database, &paper(true), count, 0);
    for slip in &round.slips.roll {
        cast(ballots, round.id, slip, &nonce(), &random_ballot(&paper(true))).unwrap();
    }
    confirm_custody(database, round.id, count);
    ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
    round.id
}

/// The chair voids while the box is being opened, through another process: at whatever moment, the round is counted or
/// void, and both who pressed are told so. The voiding comes later and later until it comes too late, and then earlier
/// again, however slow the machine is.
fn voided_or_counted_and_never_half(house: &Installation) {
    let database = house.database();
    let boxes = [house.start(), house.start()];
    let mut rng = world::rng();
    let reason = VoidReason::CalledOff { text: "停电".into(), by: CHAIR };
    let (mut voids, mut counts, mut longest) = (0, 0, Duration::from_millis(2));
    while voids + counts < 24 || ((voids == 0 || counts == 0) && voids + counts < 200) {
        let id = counting(&boxes[0], &database, 12);
        let poll = load(&database, id);
        let pause = rng.random_range(Duration::ZERO..longest);
        let (closed, voided) = std::thread::scope(|scope| {
            let closed = scope.spawn(|| boxes[0].close(&poll, CHAIR, NOW));
            std::thread::sleep(pause);
            let voided = boxes[1].void(id, reason.clone(), Some(CHAIR), NOW);
            (closed.join().unwrap(), voided)
        });
        match load(&database, id).phase {
            Phase::Void { .. } => {
                assert!(voided.is_ok(), "{voided:?}");
                assert!(closed.is_err(), "{closed:?}");
                assert_eq!((blocks(&database, id), sealed(&database, id)), (0, 0), "nothing of it was published");
                assert_eq!(boxes[0].receipts(id).unwrap(), None);
                voids += 1;
                longest *= 2;
            }
            Phase::Closed { opened, .. } => {
                assert!(matches!(voided, Err(BoxError::Refused(Refusal::WrongPhase))), "{voided:?}");
                assert_eq!(closed.unwrap(), opened);
                assert!(opened.key_destroyed && opened.phone == 12);
                assert_eq!(boxes[0].receipts(id).unwrap().unwrap().len(), 12);
                counts += 1;
                longest = (longest / 2).max(Duration::from_micros(10));
            }
            other => panic!("half: {other:?}"),
        }
        assert!(house.vault_files(".key").is_empty());
    }
    assert!(voids > 0 && counts > 0, "both came about: {voids} void, {counts} counted");
    let tombstones = house.vault_files("tombstone").len();
    assert_eq!(tombstones, 2 * (voids + counts), "each says what became of its round");
}

/// Two press the button at once, in two processes.
fn two_who_close_at_once_count_once(house: &Installation) {
    let database = house.database();
    let boxes = [house.start(), house.start()];
    for _ in 0..6 {
        let id = counting(&boxes[0], &database, 12);
        let poll = load(&database, id);
        let answers: Vec<Result<Opened, BoxError>> = std::thread::scope(|scope| {
            let both = boxes.each_ref().map(|each| scope.spawn(|| each.close(&poll, CHAIR, NOW)));
            both.map(|each| each.join().unwrap()).into()
        });
        let counted: Vec<Opened> = answers.into_iter().map(|answer| answer.expect("told the result")).collect();
        assert_eq!((&counted[0], counted[0].phone), (&counted[1], 12));
        let again = boxes[1].close(&load(&database, id), CHAIR, NOW).unwrap();
        assert_eq!((again.phone, again.key_destroyed, sealed(&database, id)), (12, true, 0));
        assert_eq!(boxes.each_ref().map(|each| each.stopped(id)), [None, None]);
    }
}
