//! A hall that comes at once to a service that has just started and knows no round yet.

use std::collections::BTreeSet;
use std::sync::Barrier;

use crate::support::postgres::cluster;
use crate::support::round;
use crate::support::service::{Form, House};

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
