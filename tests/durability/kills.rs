//! Clients cast without pause; the service is killed at random moments and started again.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use pingjia::domain::slip::SlipCode;
use pingjia::world;
use rand::RngExt as _;

use crate::ledger::{Ledger, SAYS};
use crate::support::round::{open, paper};
use crate::support::service::{Form, House};

const CLIENTS: usize = 3;
/// Thank-yous between two kills, at most.
const STRETCH: usize = 60;

/// Slips that nobody has voted with yet, and what the clients of one life of the service share.
struct Life<'a> {
    address: SocketAddr,
    slips: &'a Mutex<Vec<SlipCode>>,
    thanked: AtomicUsize,
    killed: AtomicBool,
}

/// One client: fetches a form, fills it in, sends it, notes the thank-you; until the service is gone.
fn vote(life: &Life<'_>) -> Ledger {
    let mut ledger = Ledger::default();
    loop {
        let Some(slip) = life.slips.lock().unwrap().pop() else { return ledger };
        let Ok(form) = Form::fetch(life.address, &slip, SAYS) else {
            life.slips.lock().unwrap().push(slip);
            break;
        };
        let Ok(answer) = form.send(life.address) else {
            ledger.unsure.push(form);
            break;
        };
        let receipt = answer.receipt().unwrap_or_else(|| panic!("turned away: {answer:?}"));
        ledger.thanked.push((form, receipt));
        life.thanked.fetch_add(1, Ordering::SeqCst);
    }
    assert!(life.killed.load(Ordering::SeqCst), "the service went away by itself");
    ledger
}

fn lives(kills: usize) {
    let house = House::new();
    let database = house.database();
    let ballots = house.ballots();
    let round = open(&ballots, &database, &paper(true), u32::try_from(kills * (STRETCH + 20)).unwrap(), 0);
    drop((database, ballots));
    let slips = Mutex::new(round.slips.roll.clone());
    let mut rng = world::rng();
    let (mut ledger, mut unanswered) = (Ledger::default(), 0);
    let mut since = 0;
    for _ in 0..kills {
        let service = house.serve();
        ledger.resend(service.address, since);
        since = ledger.thanked.len();
        ledger.check(&house.database(), round.id);
        let life = Life {
            address: service.address,
            slips: &slips,
            thanked: AtomicUsize::new(0),
            killed: AtomicBool::new(false),
        };
        // The moment: after some thank-yous and a little more, wherever that finds the writer.
        let stretch = rng.random_range(0..STRETCH);
        let more = Duration::from_micros(rng.random_range(0..6000));
        let casts = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| vote(&life))).collect();
            while life.thanked.load(Ordering::SeqCst) < stretch && !clients.iter().any(ScopedJoinHandle::is_finished) {
                std::thread::yield_now();
            }
            std::thread::sleep(more);
            life.killed.store(true, Ordering::SeqCst);
            service.kill();
            clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
        });
        for cast in casts {
            unanswered += cast.unsure.len();
            ledger.add(cast);
        }
    }
    let service = house.serve();
    ledger.resend(service.address, 0);
    ledger.check(&house.database(), round.id);
    service.stop();
    assert!(unanswered > 0, "some kill came between a form and its answer");
    ledger.close(&house, round.id).unwrap();
}

#[test]
fn whoever_was_thanked_is_counted_once() {
    lives(8);
}

#[test]
#[ignore = "the long version: PINGJIA_KILLS=300 cargo test --test durability kills -- --ignored"]
fn whoever_was_thanked_is_counted_once_through_hundreds_of_kills() {
    let kills = std::env::var("PINGJIA_KILLS").map_or(300, |kills| kills.parse().expect("PINGJIA_KILLS is a number"));
    lives(kills);
}
