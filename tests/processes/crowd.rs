//! A hall that comes at once to a service that has just started and knows no round yet.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Barrier;

use crate::support::postgres::cluster;
use crate::support::round;
use crate::support::service::{Form, House, Service, request};

const CROWD: u32 = 200;

#[test]
fn a_crowd_is_thanked_without_a_thread_for_each() {
    let house = House::on_server(&cluster().url(&cluster().create()));
    let ballots = house.ballots();
    let open = round::open(&ballots, &house.database(), &round::paper(false), CROWD, 0);
    drop(ballots);
    let service = house.serve();
    let threads = || std::fs::read_dir(format!("/proc/{}/task", service.id())).unwrap().count();
    let (before, gate) = (threads(), Barrier::new(CROWD as usize));
    let receipts: BTreeSet<String> = std::thread::scope(|scope| {
        let phones: Vec<_> = open
            .slips
            .roll
            .iter()
            .map(|slip| {
                scope.spawn(|| {
                    let form = Form::new(slip, "home=satisfied&awareness=know");
                    gate.wait();
                    form.thanked(service.address).to_string()
                })
            })
            .collect();
        phones.into_iter().map(|phone| phone.join().unwrap()).collect()
    });
    assert_eq!(receipts.len(), CROWD as usize, "everybody has a receipt of their own");
    // Threads that waited for the database stay for ten seconds.
    let more = threads() - before;
    assert!(more < 16, "{more} threads were begun for {CROWD} members");
}

#[test]
fn connections_that_do_nothing_leave_files_for_the_ballot_box() {
    const FILES: u32 = 400;
    let house = House::new();
    let ballots = house.ballots();
    let open = round::open(&ballots, &house.database(), &round::paper(false), 2, 0);
    drop(ballots);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_pingjia")]);
    house.arguments(&mut command);
    let service = Service::start(command).unwrap();
    let mut phone = TcpStream::connect(service.address).unwrap();
    let mut say = |text: &str, wanted: &str| {
        phone.write_all(text.as_bytes()).unwrap();
        let (mut answer, mut more) = (String::new(), [0; 16 * 1024]);
        while !answer.contains(wanted) {
            let read = phone.read(&mut more).unwrap();
            assert_ne!(read, 0, "{answer}");
            answer.push_str(&String::from_utf8_lossy(&more[..read]));
        }
    };
    let stay = |text: String| text.replacen("Connection: close\r\n", "", 1);
    say(&stay(request("GET", "/healthz", "")), "200 OK");
    let idle: Vec<TcpStream> = (0..FILES + 100).map(|_| TcpStream::connect(service.address).unwrap()).collect();
    say(&stay(Form::new(&open.slips.roll[0], "home=satisfied&awareness=know").request()), "data-receipt");
    // Rounds are looked up anew, the vault with them.
    std::thread::sleep(std::time::Duration::from_secs(3));
    say(&stay(Form::new(&open.slips.roll[1], "home=satisfied&awareness=know").request()), "data-receipt");
    assert!(!service.log().contains("Too many open files"), "{}", service.log());
    drop(idle);
}
