//! What members were told, and what of it must be found in the box.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use diesel::prelude::*;
use pingjia::ballot_box::BoxError;
use pingjia::database::schema::{sealed_ballot, sealed_comment, slip};
use pingjia::database::{Database, DatabaseError};
use pingjia::domain::ids::PollId;
use pingjia::domain::poll::Opened;
use pingjia::domain::slip::{Receipt, SlipCode};

use crate::support::round;
use crate::support::service::{Form, House};

/// Says of the home and of the service policies what every test ballot says.
pub const SAYS: &str = "home=satisfied&awareness=know&comment=%E5%A5%BD";

/// Forms that were sent.
#[derive(Default)]
pub struct Ledger {
    /// Thanked, with this receipt.
    pub thanked: Vec<(Form, Receipt)>,
    /// Sent without an answer: cast or not, nobody knows.
    pub unsure: Vec<Form>,
}

impl Ledger {
    pub fn add(&mut self, other: Ledger) {
        self.thanked.extend(other.thanked);
        self.unsure.extend(other.unsure);
    }

    /// Casts with this slip, and is thanked.
    pub fn cast(&mut self, address: SocketAddr, slip: &SlipCode, says: &str) {
        let form = Form::fetch(address, slip, says).unwrap();
        let receipt = form.thanked(address);
        self.thanked.push((form, receipt));
    }

    /// Sends every form again from place `since` on, and those of unknown fate three times at once: all are thanked, with
    /// one receipt each. Afterwards nothing is unsure.
    pub fn resend(&mut self, address: SocketAddr, since: usize) {
        for (form, receipt) in &self.thanked[since..] {
            assert_eq!(form.thanked(address), *receipt, "thanked before, and thanked the same");
        }
        for form in self.unsure.drain(..) {
            let receipt = three_at_once(&form, address);
            self.thanked.push((form, receipt));
        }
    }

    /// The box holds what was thanked, nothing more and nothing twice. Nothing may be unsure.
    pub fn check(&self, database: &Database, id: PollId) {
        assert!(self.unsure.is_empty());
        let (spent, ballots, comments) = counts(database, id);
        let thanked = i64::try_from(self.thanked.len()).unwrap();
        assert_eq!((spent, ballots, comments), (thanked, thanked, thanked), "spent slips, ballots, comments");
    }

    /// Closes the round while no service runs: it reconciles, and the receipts of all thank-yous are published.
    pub fn close(&self, house: &House, id: PollId) -> Result<Opened, BoxError> {
        let (database, ballots) = (house.database(), house.ballots());
        let opened = round::close(&ballots, &database, id)?;
        self.check_result(&opened, &ballots.receipts(id).unwrap().expect("published"));
        assert!(opened.key_destroyed);
        Ok(opened)
    }

    /// The result counts exactly the thanked ballots.
    pub fn check_result(&self, opened: &Opened, published: &[Receipt]) {
        let thanked: BTreeSet<Receipt> = self.thanked.iter().map(|(_, receipt)| *receipt).collect();
        assert_eq!(thanked.len(), self.thanked.len(), "every slip has a receipt of its own");
        assert!(published.iter().copied().eq(thanked.iter().copied()), "published = thanked");
        let count = u64::try_from(thanked.len()).unwrap();
        assert_eq!((opened.phone, opened.tally.valid, opened.comments), (count, count, count));
        for item in &opened.tally.items {
            assert_eq!(item.total(), count, "every item adds up");
        }
    }
}

/// Sends a form three times in parallel, which gives one receipt.
pub fn three_at_once(form: &Form, address: SocketAddr) -> Receipt {
    let receipts: Vec<Receipt> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..3).map(|_| scope.spawn(|| form.thanked(address))).collect();
        sent.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert_eq!(receipts, [receipts[0]; 3]);
    receipts[0]
}

/// Spent slips, sealed ballots, sealed comments.
pub fn counts(database: &Database, id: PollId) -> (i64, i64, i64) {
    database
        .read(|connection| {
            let spent = slip::table.filter(slip::poll_id.eq(id.0)).filter(slip::state.eq(1)).count();
            let ballots = sealed_ballot::table.filter(sealed_ballot::poll_id.eq(id.0)).count();
            let comments = sealed_comment::table.filter(sealed_comment::poll_id.eq(id.0)).count();
            Ok::<_, DatabaseError>((
                spent.get_result(connection)?,
                ballots.get_result(connection)?,
                comments.get_result(connection)?,
            ))
        })
        .unwrap()
}
