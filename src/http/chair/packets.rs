//! Sealed packets of spare slips: asked for with the slips, printed from what their page posts back.

use super::slips::{Printing, foreign};
use crate::ballot_box::Packet;
use crate::domain::account::Act;
use crate::domain::packet::PacketCode;
use crate::domain::slip::{PollTag, SlipCode};
use crate::http::ask::Fields;
use crate::http::download;
use crate::http::gate::Desk;
use crate::http::reply::Answer;
use crate::store::polls;

/// How many spares the form wants in a packet; 0 for no packets.
pub(super) fn asked(form: &Fields) -> u32 {
    match form.get("packet") {
        "10" => 10,
        "20" => 20,
        "50" => 50,
        _ => 0,
    }
}

/// Packets as their page keeps and posts them: one a line, the packet's code first, then those of its slips.
pub(super) fn written(packets: &[Packet]) -> String {
    let line = |packet: &Packet| {
        let slips = packet.slips.iter().map(SlipCode::link_form);
        std::iter::once(packet.code.scanned_form()).chain(slips).collect::<Vec<_>>().join(" ")
    };
    packets.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Reads them back; none unless all of them belong to this round.
fn read(text: &str, tag: PollTag) -> Option<Vec<(PacketCode, Vec<SlipCode>)>> {
    let packets = text.lines().map(|line| {
        let mut codes = line.split_ascii_whitespace();
        let packet = PacketCode::parse(codes.next()?).ok().filter(|packet| packet.tag() == tag)?;
        let slips = codes.map(|code| SlipCode::parse(code).ok().filter(|slip| slip.tag() == tag));
        let slips = slips.collect::<Option<Vec<_>>>()?;
        (!slips.is_empty()).then_some((packet, slips))
    });
    packets.collect::<Option<Vec<_>>>().filter(|packets| !packets.is_empty())
}

/// `POST /rounds/{id}/slips/packets`: the packets that the page posts back, covers and slips. Stores no code.
///
/// # Errors
/// `NOT_YOURS`, `foreign_slip` when a code is none of this round's slips as they are now.
pub fn file(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    let packets = read(desk.ask.form.get("packets"), poll.tag).ok_or_else(|| foreign(&poll))?;
    let slips: Vec<SlipCode> = packets.iter().flat_map(|(_, slips)| slips.clone()).collect();
    if !desk.app.ballot_box.are_issued(poll.id, &slips)? {
        return Err(foreign(&poll));
    }
    desk.app
        .database
        .write(|c| polls::note(c, &poll, "poll.print_slips", &format!("packets+{}", slips.len()), desk.by()))?;
    let name = format!("packets-{}.zip", poll.tag);
    let printing = Printing::of(desk, poll, union);
    Ok(download::file(None, "application/zip", &name, None, move |out| printing.sheet().write_packets(&packets, out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_back_as_they_went_and_foreign_ones_do_not() {
        let tag = PollTag::from_random(7);
        let packet = |number| Packet {
            code: PacketCode::from_random(tag, number),
            slips: (0..3).map(|slip| SlipCode::from_random(tag, number * 10 + slip)).collect(),
        };
        let packets = [packet(1), packet(2)];
        let back = read(&written(&packets), tag).unwrap();
        assert_eq!(back.len(), 2);
        for ((code, slips), packet) in back.iter().zip(&packets) {
            assert!(*code == packet.code && *slips == packet.slips);
        }
        assert!(read(&written(&packets), PollTag::from_random(8)).is_none(), "another round's");
        assert!(read("", tag).is_none() && read(&packets[0].code.scanned_form(), tag).is_none(), "nothing in it");
    }
}
