//! The answer is lost on its way: before, during and after the cast. The form is sent again, and counts once.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::ledger::{Ledger, SAYS, three_at_once};
use crate::support::round::{open, paper};
use crate::support::service::{Form, House, Service};

/// Where the proxy cuts the connection.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// The request is taken and thrown away.
    Before,
    /// This share of the request is passed on, in sixteenths, and then nothing more.
    Within(usize),
    /// The whole request is passed on; the client is cut off without a word while the ballot is being cast.
    After,
    /// So many bytes of the answer reach the client.
    Answer(usize),
}

/// Takes one connection and passes it on to the service as far as `cut` says.
fn proxy(cut: Cut, service: SocketAddr, length: usize) -> (SocketAddr, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = vec![0; length];
        client.read_exact(&mut request).unwrap();
        if matches!(cut, Cut::Before) {
            return;
        }
        let mut behind = TcpStream::connect(service).unwrap();
        let passed = if let Cut::Within(share) = cut { length * share / 16 } else { length };
        behind.write_all(&request[..passed]).unwrap();
        if let Cut::Answer(bytes) = cut {
            let mut answer = vec![0; bytes];
            behind.read_exact(&mut answer).unwrap();
            client.write_all(&answer).unwrap();
        }
    });
    (address, thread)
}

#[test]
fn a_lost_answer_costs_no_ballot_and_makes_no_second_one() {
    let house = House::new();
    let (database, ballots) = (house.database(), house.ballots());
    let cuts: Vec<Cut> = [Cut::Before, Cut::After]
        .into_iter()
        .chain([1, 8, 12, 15].map(Cut::Within))
        .chain([1, 20, 300, 2000].map(Cut::Answer))
        .collect();
    let round = open(&ballots, &database, &paper(true), u32::try_from(cuts.len() * 4).unwrap(), 0);
    drop((database, ballots));
    let service = house.serve();
    let mut ledger = Ledger::default();
    for (cut, slips) in cuts.iter().zip(round.slips.roll.chunks(4)) {
        for (slip, restart) in slips.iter().zip([false, false, false, true]) {
            let form = Form::fetch(service.address, slip, SAYS).unwrap();
            let (through, passed) = proxy(*cut, service.address, form.request().len());
            assert!(form.send(through).is_err(), "{cut:?}: no answer came whole");
            if restart {
                passed.join().unwrap();
            }
            let receipt = three_at_once(&form, service.address);
            ledger.thanked.push((form, receipt));
        }
    }
    ledger.check(&house.database(), round.id);
    let other_form = Form::new(&round.slips.roll[0], SAYS).send(service.address).unwrap();
    assert_eq!((other_form.status, other_form.receipt()), (409, None), "another form of a spent slip");
    Service::stop(service);
    ledger.close(&house, round.id).unwrap();
}
