//! What the test knows and the attacker does not.

use std::collections::HashMap;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use diesel::prelude::*;
use pingjia::database::schema::sealed_ballot;
use pingjia::database::{Database, DatabaseError};
use pingjia::domain::digest::Digest;
use pingjia::domain::ids::PollId;
use pingjia::domain::openings;
use pingjia::domain::paper::{Answer, Scale};
use pingjia::domain::slip::{FormNonce, Receipt, SlipCode};
use pingjia::world;
use rand::RngExt as _;

use crate::support::round::paper;

/// One ballot as it was cast.
pub struct Ballot {
    pub digest: Vec<u8>,
    /// Answer to the item `home`, as its byte.
    pub home: u8,
    pub comment: Option<String>,
    pub receipt: [u8; 15],
    /// What stands for it in the published openings of `home`.
    pub opening: [u8; 32],
}

/// Every ballot in the order of casting.
pub struct Truth {
    pub ballots: Vec<Ballot>,
}

/// What a member says: a random answer, a comment on every third ballot.
pub fn random_answer() -> Option<Answer> {
    let offered = Scale::Satisfaction.answers();
    offered.get(world::rng().random_range(0..=offered.len())).copied()
}

/// A comment that nobody else writes, or none.
pub fn random_comment() -> Option<String> {
    let mut rng = world::rng();
    let number: u64 = rng.random();
    number
        .is_multiple_of(3)
        .then(|| format!("多办讲座{}", "好".repeat(usize::try_from(number % 40).unwrap())) + &number.to_string())
}

/// Secret bytes that may stand nowhere, each with its name.
pub type Needles = Vec<(&'static str, Vec<u8>)>;

/// One cast, as the member knows it.
pub struct Said {
    pub slip: SlipCode,
    pub nonce: FormNonce,
    pub home: Option<Answer>,
    pub comment: Option<String>,
    pub receipt: [u8; 15],
}

/// The truth about these casts, in their order, and all that may stand nowhere at any time: key, forms, secrets
/// of ballots.
pub fn truth(key: &[u8], poll: PollId, said: &[Said], sealed: &[(Vec<u8>, Vec<u8>)]) -> (Truth, Needles) {
    let unsealed = unseal(key, poll, sealed);
    assert_eq!(unsealed.len(), said.len());
    let mut needles: Needles = Vec::new();
    push(&mut needles, "key", key);
    let mut ballots = Vec::new();
    for cast in said {
        secrets_of_form(&mut needles, poll, &cast.slip, &cast.nonce);
        let content = &unsealed[&cast.receipt];
        push(&mut needles, "secret of a ballot", &content.r);
        assert_eq!(content.home, Answer::to_byte(cast.home));
        ballots.push(Ballot {
            digest: cast.slip.digest(poll).0.to_vec(),
            home: content.home,
            comment: cast.comment.clone(),
            receipt: cast.receipt,
            opening: openings::opening(poll, &content.r, paper(true).item("home").expect("an item")).0,
        });
    }
    (Truth { ballots }, needles)
}

/// What may not be written down before the opening, and never in a log.
pub fn contents(truth: &Truth) -> Needles {
    let mut needles: Needles = Vec::new();
    for ballot in &truth.ballots {
        push(&mut needles, "receipt", &ballot.receipt);
        push(&mut needles, "receipt as text", Receipt(ballot.receipt).to_string().as_bytes());
        if let Some(text) = &ballot.comment {
            push(&mut needles, "comment", text.as_bytes());
        }
    }
    needles
}

/// Sealed ballots with their box ids.
pub fn sealed_rows(database: &Database) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = database.read(|connection| {
        let columns = (sealed_ballot::box_id, sealed_ballot::sealed);
        Ok::<_, DatabaseError>(sealed_ballot::table.select(columns).load(connection)?)
    });
    rows.unwrap()
}

/// As it is and, since dumps and logs write bytes so, in hexadecimal.
fn push(needles: &mut Needles, name: &'static str, secret: &[u8]) {
    needles.push((name, secret.to_vec()));
    needles.push((name, data_encoding::HEXLOWER.encode(secret).into_bytes()));
}

/// What of a slip and a form may never be written down, before or after the opening.
fn secrets_of_form(needles: &mut Needles, poll: PollId, slip: &SlipCode, nonce: &FormNonce) {
    let link = slip.link_form();
    let body = &link[link.len() - 21..link.len() - 1];
    push(needles, "slip code", body.as_bytes());
    push(needles, "slip code in groups", &slip.typing_form().as_bytes()[5..]);
    push(needles, "nonce", &nonce.0);
    push(needles, "nonce in base64", nonce.text().as_bytes());
    let seed = Digest::labelled("seed", &[&poll.0.to_be_bytes(), body.as_bytes(), &nonce.0]);
    push(needles, "seed", &seed.0);
}

/// What the opening of the box makes known to the truth alone: `r` of each ballot, by its receipt.
struct Unsealed {
    r: [u8; 32],
    home: u8,
}

/// Opens sealed ballots with the key, which only the test has. An independent reading of the format.
fn unseal(key: &[u8], poll: PollId, rows: &[(Vec<u8>, Vec<u8>)]) -> HashMap<[u8; 15], Unsealed> {
    let cipher = XChaCha20Poly1305::new(key.try_into().expect("32 bytes"));
    let open = |(box_id, sealed): &(Vec<u8>, Vec<u8>)| {
        let aad = [b"ballot\0\x01".as_slice(), &poll.0.to_be_bytes(), box_id].concat();
        let nonce: [u8; 24] = sealed[..24].try_into().unwrap();
        let plain = cipher.decrypt(&XNonce::from(nonce), Payload { msg: &sealed[24..], aad: &aad }).expect("opens");
        (plain[32..47].try_into().unwrap(), Unsealed { r: plain[..32].try_into().unwrap(), home: plain[48] })
    };
    rows.iter().map(open).collect()
}
