//! Casting and resending, in every phase.

use pingjia::ballot_box::{BoxError, Cast, CastRefusal, SlipState, Turnout, Voiding};
use pingjia::domain::account::Role;
use pingjia::domain::paper::Answer;
use pingjia::domain::poll::{Phase, VoidReason};
use pingjia::domain::slip::SlipCode;

use crate::support::installation::Installation;
use crate::support::round::*;

on_both!(
    one_slip_one_ballot,
    resends_in_every_phase,
    nothing_is_cast_outside_an_open_round,
    slips_of_one_group,
    voided_slips_cast_nothing,
    nothing_is_voided_behind_the_scrutineers_back,
);

fn one_slip_one_ballot(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(false);
    let round = open(&ballots, &database, &paper, 3, 1);
    assert_eq!((round.slips.roll.len(), round.slips.spares.len()), (3, 1));
    let (slip, form) = (&round.slips.roll[0], nonce());
    assert_eq!(ballots.slip_state(round.id, slip).unwrap(), SlipState::Unspent);
    let first = cast(&ballots, round.id, slip, &form, &ballot(&paper, Some(Answer::Satisfied)));
    let Ok(Cast::Cast(receipt)) = first else { panic!("{first:?}") };

    let other_answers = ballot(&paper, Some(Answer::Dissatisfied));
    assert_eq!(cast(&ballots, round.id, slip, &form, &other_answers), Ok(Cast::AlreadyCast(receipt)));
    assert_eq!(cast(&ballots, round.id, slip, &nonce(), &other_answers), Err(CastRefusal::SlipSpent));
    let unrelated = cast(&ballots, round.id, &round.slips.roll[1], &form, &other_answers);
    assert!(matches!(unrelated, Ok(Cast::Cast(other)) if other != receipt));
    let foreign = SlipCode::from_random(load(&database, round.id).tag, 7);
    assert_eq!(cast(&ballots, round.id, &foreign, &nonce(), &other_answers), Err(CastRefusal::UnknownSlip));

    assert_eq!(ballots.slip_state(round.id, slip).unwrap(), SlipState::Spent);
    assert_eq!(ballots.slip_state(round.id, &foreign).unwrap(), SlipState::Unknown);
    assert_eq!(ballots.turnout(round.id).unwrap(), Turnout { printed: 4, spent: 2, voided: 0 });
    let (other, empty) = (open(&ballots, &database, &paper, 2, 0), open(&ballots, &database, &paper, 2, 0));
    cast(&ballots, other.id, &other.slips.roll[0], &nonce(), &other_answers).unwrap();
    let spent = ballots.spent_of(&[empty.id, round.id, other.id]).unwrap();
    assert_eq!(spent.into_iter().collect::<Vec<_>>(), [(round.id, 2), (other.id, 1)], "as each turnout says");

    let opened = close(&ballots, &database, round.id).unwrap();
    assert_eq!((opened.tally.valid, opened.phone, opened.paper), (2, 2, 0));
    let home = opened.tally.item("home").unwrap();
    assert_eq!((home.count(Answer::Satisfied), home.count(Answer::Dissatisfied)), (1, 1));
}

fn resends_in_every_phase(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(true);
    let round = open(&ballots, &database, &paper, 4, 0);
    let (slip, form) = (&round.slips.roll[0], nonce());
    let say = ballot(&paper, Some(Answer::Satisfied));
    let Ok(Cast::Cast(receipt)) = cast(&ballots, round.id, slip, &form, &say) else { panic!("cast") };
    let resend = || cast(&ballots, round.id, slip, &form, &say);
    let late = || cast(&ballots, round.id, &round.slips.roll[1], &nonce(), &say);
    let other_form = || cast(&ballots, round.id, slip, &nonce(), &say);

    confirm_custody(&database, round.id, 4);
    assert_eq!(resend(), Ok(Cast::AlreadyCast(receipt)), "a change of version alone changes nothing");
    ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
    assert_eq!(resend(), Ok(Cast::AlreadyCast(receipt)));
    assert_eq!(late(), Err(CastRefusal::Closed));
    assert_eq!(other_form(), Err(CastRefusal::SlipSpent));

    change(&database, round.id, |phase| phase.begin_closing().unwrap());
    assert_eq!((resend(), late()), (Err(CastRefusal::Closing), Err(CastRefusal::Closing)));

    ballots.close(&load(&database, round.id), CHAIR, NOW).unwrap();
    assert_eq!(
        (resend(), late(), other_form()),
        (Ok(Cast::AlreadyCast(receipt)), Err(CastRefusal::Closed), Err(CastRefusal::Closed))
    );
    change(&database, round.id, |phase| {
        phase
            .confirm_result(SCRUTINEER)
            .unwrap()
            .certify(pingjia::domain::ids::SheetId::of(&round.opening.roll_root), &[Role::Scrutineer])
            .unwrap()
    });
    ballots.forget_slips(round.id).unwrap();
    assert_eq!(ballots.slip_state(round.id, slip).unwrap(), SlipState::Unknown);
    assert_eq!((resend(), late()), (Ok(Cast::AlreadyCast(receipt)), Err(CastRefusal::Closed)));
    assert_eq!(ballots.turnout(round.id).unwrap().spent, 1, "the turnout outlives the slips");
}

fn nothing_is_cast_outside_an_open_round(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(false);
    let id = draft(&database, &paper);
    let say = ballot(&paper, None);
    let slips = ballots.issue_slips(&load(&database, id), 2, 0, CHAIR, NOW).unwrap();
    let attempt = || cast(&ballots, id, &slips.roll[0], &nonce(), &say);
    assert_eq!(attempt(), Err(CastRefusal::NotOpen));
    ballots.open(&load(&database, id), CHAIR, NOW, |_| Ok(String::new())).unwrap();
    ballots.void(id, VoidReason::CalledOff { text: "天气".into(), by: CHAIR }, Some(CHAIR), NOW).unwrap();
    assert_eq!(attempt(), Err(CastRefusal::Void));
    assert!(house.vault_files(".key").is_empty(), "a void round keeps no key");
    assert!(matches!(load(&database, id).phase, Phase::Void { .. }));
    let nowhere = pingjia::domain::ids::PollId(9_999);
    assert_eq!(cast(&ballots, nowhere, &slips.roll[0], &nonce(), &say), Err(CastRefusal::UnknownSlip));
}

fn slips_of_one_group(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(false);
    let round = open(&ballots, &database, &paper, 5, 0);
    let (twice, contested) = (&round.slips.roll[0], &round.slips.roll[1]);
    let (form, one, two) = (nonce(), nonce(), nonce());
    let say = ballot(&paper, Some(Answer::Satisfied));
    // All of them are queued before the first answer: on one thread nothing runs in between.
    let casts = [(twice, &form), (twice, &form), (twice, &form), (contested, &one), (contested, &two)];
    let answers =
        block_on(futures_util::future::join_all(casts.map(|(slip, form)| ballots.cast(round.id, slip, form, &say))));
    let (same, differing) = answers.split_at(3);
    assert_eq!(same.iter().filter(|answer| matches!(answer, Ok(Cast::Cast(_)))).count(), 1);
    assert_eq!(same.iter().filter(|answer| matches!(answer, Ok(Cast::AlreadyCast(_)))).count(), 2);
    assert_eq!(differing.iter().filter(|answer| matches!(answer, Ok(Cast::Cast(_)))).count(), 1);
    assert!(differing.contains(&Err(CastRefusal::SlipSpent)));
    let opened = close(&ballots, &database, round.id).unwrap();
    assert_eq!(opened.tally.returned(), 2);
}

fn voided_slips_cast_nothing(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(false);
    let round = open(&ballots, &database, &paper, 3, 2);
    let say = ballot(&paper, None);
    cast(&ballots, round.id, &round.slips.roll[0], &nonce(), &say).unwrap();
    let foreign = SlipCode::from_random(load(&database, round.id).tag, 7);
    let slips = [round.slips.roll[0].clone(), round.slips.spares[0].clone(), round.slips.spares[0].clone(), foreign];
    let outcome = ballots.void_slips(round.id, &slips, CHAIR, NOW).unwrap();
    assert_eq!(outcome, [Voiding::Spent, Voiding::Voided, Voiding::Already, Voiding::Unknown]);
    assert_eq!(cast(&ballots, round.id, &round.slips.spares[0], &nonce(), &say), Err(CastRefusal::SlipVoid));
    assert_eq!(ballots.turnout(round.id).unwrap(), Turnout { printed: 5, spent: 1, voided: 1 });
    assert_eq!(close(&ballots, &database, round.id).unwrap().voided, 1);
}

fn nothing_is_voided_behind_the_scrutineers_back(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 3, 1);
    let [first, second] = [0, 1].map(|place| vec![round.slips.roll[place].clone()]);
    ballots.void_slips(round.id, &first, CHAIR, NOW).unwrap();
    confirm_custody(&database, round.id, 3);
    let beyond = ballots.void_slips(round.id, &second, CHAIR, NOW);
    assert!(matches!(beyond, Err(BoxError::MoreVoidThanCounted { voided: 2, counted: 0 })), "{beyond:?}");
    assert_eq!(ballots.slip_state(round.id, &second[0]).unwrap(), SlipState::Unspent);
    assert_eq!(ballots.void_slips(round.id, &first, CHAIR, NOW).unwrap(), [Voiding::Already], "voids nothing more");
    assert_eq!(ballots.turnout(round.id).unwrap().voided, 1);
}
