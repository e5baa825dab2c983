//! What the test knows and the attacker does not.

use std::collections::HashMap;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use pingjia::domain::digest::Digest;
use pingjia::domain::ids::PollId;
use pingjia::domain::openings;
use pingjia::domain::paper::{Answer, Item, Paper, Scale};
use pingjia::domain::slip::{FormNonce, SlipCode};
use pingjia::world;
use rand::RngExt as _;

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

/// What of a slip and a form may never be written down, before or after the opening.
pub fn secrets_of_form(needles: &mut Needles, poll: PollId, slip: &SlipCode, nonce: &FormNonce) {
    let link = slip.link_form();
    let body = &link[link.len() - 21..link.len() - 1];
    needles.push(("slip code", body.as_bytes().to_vec()));
    needles.push(("slip code in groups", slip.typing_form().as_bytes()[5..].to_vec()));
    needles.push(("nonce", nonce.0.to_vec()));
    needles.push(("nonce in base64", nonce.text().into_bytes()));
    let seed = Digest::labelled("seed", &[&poll.0.to_be_bytes(), body.as_bytes(), &nonce.0]);
    needles.push(("seed", seed.0.to_vec()));
}

/// What the opening of the box makes known to the truth alone: `r` of each ballot, by its receipt.
pub struct Unsealed {
    pub r: [u8; 32],
    pub home: u8,
}

/// Opens sealed ballots with the key, which only the test has. An independent reading of the format.
pub fn unseal(key: &[u8], poll: PollId, rows: &[(Vec<u8>, Vec<u8>)]) -> HashMap<[u8; 15], Unsealed> {
    let cipher = XChaCha20Poly1305::new(key.try_into().expect("32 bytes"));
    let open = |(box_id, sealed): &(Vec<u8>, Vec<u8>)| {
        let aad = [b"ballot\0\x01".as_slice(), &poll.0.to_be_bytes(), box_id].concat();
        let nonce: [u8; 24] = sealed[..24].try_into().unwrap();
        let plain = cipher.decrypt(&XNonce::from(nonce), Payload { msg: &sealed[24..], aad: &aad }).expect("opens");
        (plain[32..47].try_into().unwrap(), Unsealed { r: plain[..32].try_into().unwrap(), home: plain[48] })
    };
    rows.iter().map(open).collect()
}

/// The published opening of a ballot.
pub fn opening(poll: PollId, r: &[u8; 32], item: &Item) -> [u8; 32] {
    openings::opening(poll, r, item).0
}

/// The item that the attacks are about.
pub fn home(paper: &Paper) -> &Item {
    paper.item("home").expect("the paper asks about the home")
}
