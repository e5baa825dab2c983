//! Paper ballots: two tellers, one box.

use diesel::prelude::*;
use pingjia::ballot_box::{BoxError, CastRefusal, PaperBallot, PaperEntry, SlipState, Teller, Voiding};
use pingjia::database::DatabaseError;
use pingjia::database::schema::sealed_ballot;
use pingjia::domain::paper::Answer;
use pingjia::domain::poll::Refusal;

use crate::support::installation::Installation;
use crate::support::round::*;

on_both!(paper_and_phone_share_one_box, tellers_who_differ_begin_again, a_returned_ballot_is_not_voided);

fn paper_and_phone_share_one_box(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(true);
    let round = open(&ballots, &database, &paper, 6, 0);
    let slips = &round.slips.roll;
    cast(&ballots, round.id, &slips[0], &nonce(), &ballot(&paper, Some(Answer::Satisfied))).unwrap();
    let satisfied = || PaperBallot::Valid(ballot(&paper, Some(Answer::Dissatisfied)));
    let enter = |teller, slip, ballot| ballots.enter_paper(&load(&database, round.id), teller, slip, ballot);
    let early = enter(Teller::First, &slips[1], satisfied());
    assert!(matches!(early, Err(BoxError::Refused(Refusal::WrongPhase))), "{early:?}");

    confirm_custody(&database, round.id, 6);
    ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
    assert_eq!(enter(Teller::First, &slips[1], satisfied()).unwrap(), PaperEntry::Waiting);
    assert_eq!(enter(Teller::First, &slips[1], satisfied()).unwrap(), PaperEntry::Waiting, "oneself is not the other");
    assert_eq!(ballots.paper_waiting(round.id).unwrap(), 1);
    let hasty = ballots.close(&load(&database, round.id), CHAIR, NOW);
    assert!(matches!(hasty, Err(BoxError::PaperWaiting(1))), "{hasty:?}");
    assert_eq!(enter(Teller::Second, &slips[1], satisfied()).unwrap(), PaperEntry::Cast);
    assert_eq!(ballots.slip_state(round.id, &slips[1]).unwrap(), SlipState::Spent);
    for teller in [Teller::Second, Teller::First] {
        enter(teller, &slips[2], PaperBallot::Invalid).unwrap();
    }
    for slip in [&slips[0], &slips[1]] {
        let again = enter(Teller::First, slip, satisfied());
        assert!(matches!(again, Err(BoxError::Cast(CastRefusal::SlipSpent))), "{again:?}");
    }
    assert_eq!(ballots.paper_waiting(round.id).unwrap(), 0);

    let sizes: Vec<usize> = database
        .read(|connection| {
            let rows = sealed_ballot::table.select(sealed_ballot::sealed).load::<Vec<u8>>(connection)?;
            Ok::<_, DatabaseError>(rows.iter().map(Vec::len).collect())
        })
        .unwrap();
    assert_eq!(sizes, [sizes[0]; 3], "phone, paper and invalid look the same");

    let opened = ballots.close(&load(&database, round.id), CHAIR, NOW).unwrap();
    assert_eq!((opened.phone, opened.paper, opened.tally.valid, opened.tally.invalid), (1, 2, 2, 1));
    assert_eq!(opened.tally.item("home").unwrap().count(Answer::Dissatisfied), 1);
    assert_eq!(ballots.receipts(round.id).unwrap().unwrap().len(), 3);
    assert_eq!(ballots.openings(&load(&database, round.id), &"home".into()).unwrap().unwrap().entries().count(), 2);
}

fn tellers_who_differ_begin_again(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(false);
    let round = open(&ballots, &database, &paper, 3, 0);
    ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
    let slip = &round.slips.roll[0];
    let enter = |teller, ballot| ballots.enter_paper(&load(&database, round.id), teller, slip, ballot).unwrap();
    let read = |answer| PaperBallot::Valid(ballot(&paper, answer));
    for (first, second) in [
        (read(Some(Answer::Satisfied)), read(Some(Answer::BasicallySatisfied))),
        (read(None), PaperBallot::Invalid),
        (PaperBallot::Invalid, read(Some(Answer::Satisfied))),
    ] {
        assert_eq!(enter(Teller::First, first), PaperEntry::Waiting);
        assert_eq!(enter(Teller::Second, second), PaperEntry::Differs);
        assert_eq!(ballots.paper_waiting(round.id).unwrap(), 0, "both entries are dropped");
        assert_eq!(ballots.slip_state(round.id, slip).unwrap(), SlipState::Unspent);
    }
    assert_eq!(enter(Teller::Second, read(None)), PaperEntry::Waiting);
    assert_eq!(enter(Teller::First, read(None)), PaperEntry::Cast);
}

fn a_returned_ballot_is_not_voided(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(false);
    let round = open(&ballots, &database, &paper, 3, 0);
    ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
    let slip = &round.slips.roll[0];
    let enter = |teller| ballots.enter_paper(&load(&database, round.id), teller, slip, PaperBallot::Invalid);
    assert_eq!(enter(Teller::First).unwrap(), PaperEntry::Waiting);
    let void = || ballots.void_slips(round.id, std::slice::from_ref(slip), CHAIR, NOW).unwrap();
    assert_eq!(void(), [Voiding::Entered]);
    assert_eq!(ballots.paper_waiting(round.id).unwrap(), 1, "the entry stays");
    assert_eq!(enter(Teller::Second).unwrap(), PaperEntry::Cast);
    assert_eq!(void(), [Voiding::Spent]);
}
