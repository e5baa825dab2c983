//! Closing, step by step.

use pingjia::domain::merkle;
use pingjia::domain::poll::Phase;

use crate::support::installation::Installation;
use crate::support::round::*;

on_both!(what_was_published_recounts);

fn what_was_published_recounts(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let paper = paper(true);
    let round = open(&ballots, &database, &paper, 30, 0);
    for slip in &round.slips.roll[..25] {
        cast(&ballots, round.id, slip, &nonce(), &random_ballot(&paper)).unwrap();
    }
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
    assert_eq!(ballots.close(&poll, CHAIR, NOW).unwrap(), opened, "closing again changes nothing");
}
