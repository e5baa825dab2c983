//! Sealed packets of spares through the pages: asked for, printed, and voided by the code on the cover.

use std::io::{Cursor, Read as _};

use pingjia::domain::packet::PacketCode;

use crate::round::{FACTS, approve, cast};
use crate::service::Service;
use crate::tools::{Folder, decoded, sound};

/// Files of a ZIP by name.
pub fn unzipped(bytes: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files = Vec::new();
    for place in 0..archive.len() {
        let mut file = archive.by_index(place).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        files.push((file.name().unwrap().into_owned(), bytes));
    }
    files
}

#[test]
fn a_packet_of_spares_is_printed_and_voided_by_its_cover() {
    let service = Service::new();
    let chair = service.person("jia-chair");
    chair.step("/rounds", &FACTS);
    let poll = service.round_of(service.jia.id);
    let round = |step: &str| format!("/rounds/{poll}/{step}");
    approve(&service, &chair, poll);
    assert!(chair.get(&round("setup")).body.contains("name=\"packet\""), "packets can be asked for");
    let page = chair.post(&round("slips"), &[("spares", "15"), ("packet", "10")]);
    let (codes, packets) = (page.field("codes").unwrap(), page.field("packets").unwrap());
    assert_eq!(codes.split(' ').count(), 12, "packets are printed by themselves");
    assert_eq!(page.marked("data-slip").len(), 12);
    let shape: Vec<usize> = packets.lines().map(|line| line.split(' ').count()).collect();
    assert_eq!(shape, [11, 6], "the packet's code and its slips");

    let foreign = format!("{packets}\n{codes}");
    let refused = chair.post(&round("slips/packets"), &[("packets", &foreign)]);
    assert_eq!((refused.status, refused.problem().as_str()), (422, "foreign_slip"));
    let (kind, bytes) = chair.file(&round("slips/packets"), &[("packets", &packets)]);
    assert_eq!(kind, "application/zip");
    let files = unzipped(bytes);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let expected = ["packet-1-cover.pdf", "packet-1-slips.pdf", "packet-2-cover.pdf", "packet-2-slips.pdf"];
    assert_eq!(names, expected);
    let folder = Folder::new();
    let cover = folder.write("packet-1-cover.pdf", &files[0].1);
    let text = sound(&cover);
    for words in ["备用选票", "第 1 包，共 2 包；本包 10 张", "甲厂工会", "不能用来投票"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let scanned = decoded(&folder.pages(&cover, 150)[0]);
    assert_eq!(scanned.len(), 1);
    let code = PacketCode::parse(&scanned[0]).unwrap();
    assert!(code.typing_form().split(' ').all(|group| text.contains(group)), "the code for typing: {text}");
    let inside: Vec<&str> = packets.lines().next().unwrap().split(' ').skip(1).collect();
    let slips = folder.write("packet-1-slips.pdf", &files[1].1);
    let mut printed: Vec<String> = folder.pages(&slips, 150).iter().flat_map(|page| decoded(page)).collect();
    printed.sort();
    let mut links: Vec<String> = inside.iter().map(|slip| (*slip).to_owned()).collect();
    links.sort();
    let printed: Vec<&str> = printed.iter().map(|link| link.rsplit('/').next().unwrap()).collect();
    assert_eq!(printed, links, "the slips of this packet, and no others");

    chair.step(&round("open"), &[]);
    let opened = packets.lines().nth(1).unwrap();
    let (second, used) = opened.split_once(' ').unwrap();
    assert!(cast(&service, used.split(' ').next().unwrap(), "satisfied").body.contains("data-receipt"));
    let told = chair.step(&round("void-slips"), &[("codes", &format!("{}\r\n{second}", scanned[0].to_lowercase()))]);
    assert!(told.location.ends_with("lines=bo"), "{}", told.location);
    let page = chair.get(&told.location).body;
    assert!(page.contains("整包作废") && page.contains("说明拆开过") && page.contains("已作废 10 张"), "{page}");
    let wrong = chair.post(&round("void-slips"), &[("codes", &scanned[0].replacen('B', "C", 1))]);
    assert_eq!(wrong.status, 422);
    let ballot = service.anybody().get(&format!("/V/{}", inside[0]));
    assert!(ballot.body.contains("作废"), "{}", ballot.body);
}
