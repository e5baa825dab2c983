//! The answer follows the sync: system calls watched from outside. A killed process alone would not show a
//! commit that only stands in the memory of the machine.

use std::fs;
use std::process::Command;

use crate::ledger::SAYS;
use crate::support::round::{open, paper};
use crate::support::service::{Form, House, Service};

#[test]
fn every_thank_you_follows_a_sync_of_the_write_ahead_log() {
    let house = House::new();
    let (database, ballots) = (house.database(), house.ballots());
    let round = open(&ballots, &database, &paper(true), 6, 0);
    drop((database, ballots));
    let trace = house.folder().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "60", "-e", "trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg", "-o"]);
    command.arg(&trace).arg(env!("CARGO_BIN_EXE_pingjia"));
    house.arguments(&mut command);
    let service = Service::start(command).expect("strace is installed and may trace");
    for slip in &round.slips.roll {
        let form = Form::fetch(service.address, slip, SAYS).unwrap();
        form.thanked(service.address);
    }
    // strace passes the signal on to nobody: the service is its child.
    let serving = Command::new("pgrep").args(["-P", &service.id().to_string()]).output().unwrap().stdout;
    let serving = String::from_utf8(serving).unwrap();
    assert!(Command::new("kill").args(["-TERM", serving.trim()]).status().unwrap().success());
    service.stop();

    // Forms are answered without a write to the log, thank-yous after a write and a sync.
    let (mut written, mut synced, mut thanked) = (0, 0, 0);
    let trace = fs::read_to_string(&trace).unwrap();
    // What is written before the first form belongs to the start.
    let (_, trace) = trace.split_once("HTTP/1.1 200 OK").unwrap();
    for call in trace.lines() {
        let of_log = call.contains("pingjia.db-wal>");
        if of_log && call.contains("pwrite64(") {
            written += 1;
            synced = 0;
        } else if of_log && (call.contains("fdatasync(") || call.contains("fsync(")) {
            assert!(!call.contains("= -1"), "{call}");
            synced += 1;
        } else if call.contains("HTTP/1.1 200 OK") {
            assert!(written == 0 || synced > 0, "answered before the sync: {call}");
            thanked += u32::from(written > 0);
            (written, synced) = (0, 0);
        }
    }
    assert_eq!(thanked, 6, "one commit for each thank-you");
}
