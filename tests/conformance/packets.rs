//! Sealed packets of spare slips: one code voids what is inside, and nothing else.

use diesel::prelude::*;
use pingjia::ballot_box::{BoxError, CastRefusal, IssuedSlips, PaperBallot, SlipState, Teller, Turnout, Voiding};
use pingjia::database::schema::slip_packet;
use pingjia::database::{Database, DatabaseError};
use pingjia::domain::account::Role;
use pingjia::domain::ids::{PollId, SheetId};
use pingjia::domain::packet::{PacketCode, Scanned};
use pingjia::domain::poll::{Custody, SlipIssue};

use crate::support::installation::Installation;
use crate::support::round::*;

on_both!(
    one_code_voids_a_whole_packet,
    a_packet_of_which_a_slip_was_used_is_not_voided,
    packets_hold_no_more_than_the_scrutineer_counted,
    packets_tell_nothing_and_go_with_the_slips,
);

const ISSUE: SlipIssue = SlipIssue { roll: 4, spares: 23 };

/// An open round with packets of ten, ten and three.
fn packed(house: &Installation) -> (Database, pingjia::ballot_box::BallotBox, PollId, IssuedSlips) {
    let (database, ballots) = (house.database(), house.start());
    let id = draft(&database, &paper(false));
    let slips = ballots.issue_slips_in_packets(&load(&database, id), ISSUE, 10, CHAIR, NOW).unwrap();
    ballots.open(&load(&database, id), CHAIR, NOW, |_| Ok(String::new())).unwrap();
    (database, ballots, id, slips)
}

fn scan(slips: &IssuedSlips, packet: usize) -> Scanned {
    Scanned::Packet(slips.packets[packet].code.clone())
}

fn one_code_voids_a_whole_packet(house: &Installation) {
    let (database, ballots, id, slips) = packed(house);
    assert_eq!(slips.packets.iter().map(|packet| packet.slips.len()).collect::<Vec<_>>(), [10, 10, 3]);
    assert_eq!(slips.packets.iter().flat_map(|packet| packet.slips.clone()).collect::<Vec<_>>(), slips.spares);
    let loose = Scanned::Slip(slips.packets[2].slips[0].clone());
    let lines = [loose, scan(&slips, 0), scan(&slips, 2), scan(&slips, 0)];
    let told = ballots.void_scanned(id, &lines, CHAIR, NOW).unwrap();
    assert_eq!(told, [Voiding::Voided, Voiding::Packet(10), Voiding::Packet(2), Voiding::Packet(0)]);
    assert_eq!(ballots.turnout(id).unwrap(), Turnout { printed: 27, spent: 0, voided: 13 });
    let say = ballot(&paper(false), None);
    for slip in &slips.packets[0].slips {
        assert_eq!(cast(&ballots, id, slip, &nonce(), &say), Err(CastRefusal::SlipVoid));
    }
    assert_eq!(ballots.slip_state(id, &slips.packets[1].slips[0]).unwrap(), SlipState::Unspent);
    let foreign = Scanned::Packet(PacketCode::from_random(load(&database, id).tag, 7));
    assert_eq!(ballots.void_scanned(id, &[foreign], CHAIR, NOW).unwrap(), [Voiding::UnknownPacket]);
}

fn a_packet_of_which_a_slip_was_used_is_not_voided(house: &Installation) {
    let (database, ballots, id, slips) = packed(house);
    let void = |packet| ballots.void_scanned(id, &[scan(&slips, packet)], CHAIR, NOW).unwrap();
    cast(&ballots, id, &slips.packets[0].slips[9], &nonce(), &ballot(&paper(false), None)).unwrap();
    assert_eq!(void(0), [Voiding::PacketOpened]);
    assert_eq!(ballots.turnout(id).unwrap().voided, 0, "not one of the other nine");
    ballots.stop_phones(id, CHAIR, NOW).unwrap();
    let returned = &slips.packets[2].slips[1];
    ballots.enter_paper(&load(&database, id), Teller::First, returned, PaperBallot::Invalid).unwrap();
    assert_eq!(void(2), [Voiding::PacketOpened], "a ballot on its way into the box is used as well");
    assert_eq!(void(1), [Voiding::Packet(10)]);
    assert_eq!(ballots.turnout(id).unwrap().voided, 10);
}

fn packets_hold_no_more_than_the_scrutineer_counted(house: &Installation) {
    let (database, ballots, id, slips) = packed(house);
    let custody = Custody { present: 4, handed_out: 4, spoiled: 0, unused: 13, confirmed_by: None };
    change(&database, id, |phase| phase.count_custody(custody).unwrap().confirm_custody(SCRUTINEER).unwrap());
    assert_eq!(ballots.void_scanned(id, &[scan(&slips, 0)], CHAIR, NOW).unwrap(), [Voiding::Packet(10)]);
    let beyond = ballots.void_scanned(id, &[scan(&slips, 2), scan(&slips, 1)], CHAIR, NOW);
    assert!(matches!(beyond, Err(BoxError::MoreVoidThanCounted { voided: 23, counted: 13 })), "{beyond:?}");
    assert_eq!(ballots.turnout(id).unwrap().voided, 10, "none of either packet");
}

/// Rows of packets.
fn rows(database: &Database, id: PollId) -> Vec<(Vec<u8>, Vec<u8>)> {
    let own = slip_packet::table.filter(slip_packet::poll_id.eq(id.0)).select((slip_packet::id, slip_packet::sealed));
    database.read(|connection| Ok::<_, DatabaseError>(own.load(connection)?)).unwrap()
}

fn packets_tell_nothing_and_go_with_the_slips(house: &Installation) {
    let (database, ballots) = (house.database(), house.start());
    let id = draft(&database, &paper(false));
    let issue = |size| ballots.issue_slips_in_packets(&load(&database, id), ISSUE, size, CHAIR, NOW).unwrap();
    let first = issue(20);
    assert_eq!(rows(&database, id).len(), 2);
    let slips = issue(10);
    let stored = rows(&database, id);
    assert_eq!(stored.len(), 3, "those of the slips that were replaced are gone");
    for packet in slips.packets.iter().chain(&first.packets) {
        let code = packet.code.scanned_form();
        for (row, sealed) in &stored {
            let written = [row.as_slice(), sealed].concat();
            let holds = |part: &[u8]| written.windows(part.len()).any(|window| window == part);
            assert!(!holds(&code.as_bytes()[7..27]) && !holds(&packet.code.key(id)), "the code opens it");
            assert!(packet.slips.iter().all(|slip| !holds(&slip.digest(id).0)), "which slips lie together");
        }
    }
    ballots.open(&load(&database, id), CHAIR, NOW, |_| Ok(String::new())).unwrap();
    assert_eq!(ballots.void_scanned(id, &[scan(&first, 0)], CHAIR, NOW).unwrap(), [Voiding::UnknownPacket]);
    confirm_custody(&database, id, 4);
    ballots.stop_phones(id, CHAIR, NOW).unwrap();
    ballots.close(&load(&database, id), CHAIR, NOW).unwrap();
    change(&database, id, |phase| {
        let root = phase.opening().unwrap().roll_root;
        phase.confirm_result(SCRUTINEER).unwrap().certify(SheetId::of(&root), &[Role::Scrutineer]).unwrap()
    });
    ballots.forget_slips(id).unwrap();
    assert_eq!(rows(&database, id), []);

    let voided = draft(&database, &paper(false));
    ballots.issue_slips_in_packets(&load(&database, voided), ISSUE, 10, CHAIR, NOW).unwrap();
    ballots.void(voided, called_off(), Some(CHAIR), NOW).unwrap();
    assert_eq!(rows(&database, voided), []);
}
