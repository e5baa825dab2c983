//! Phones: connections that are kept, forms that are sent again until somebody says thank you.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pingjia::domain::slip::{FormNonce, Receipt, SlipCode};
use pingjia::world;
use rand::RngExt as _;

use crate::support::round::nonce;
use crate::support::service::Service;

/// How often a phone tries one form before the test gives up.
const TRIES: usize = 600;

/// What all phones share.
pub struct Hall<'a> {
    /// Where the processes listen at present.
    pub doors: RwLock<Vec<SocketAddr>>,
    pub slips: &'a [SlipCode],
    pub next: AtomicUsize,
    pub thanked: AtomicUsize,
}

impl<'a> Hall<'a> {
    pub fn new(services: &[Service], slips: &'a [SlipCode]) -> Self {
        Hall {
            doors: RwLock::new(services.iter().map(|service| service.address).collect()),
            slips,
            next: AtomicUsize::new(0),
            thanked: AtomicUsize::new(0),
        }
    }
}

/// One member: what was sent, and the receipt.
pub struct Vote {
    pub slip: SlipCode,
    pub nonce: FormNonce,
    pub receipt: Receipt,
    /// Times that it was sent.
    pub sent: usize,
}

/// A connection that is kept from form to form while it lasts.
#[derive(Default)]
pub struct Phone {
    line: Option<(SocketAddr, TcpStream)>,
}

impl Phone {
    /// Sends a form and gives the status and the receipt; any fault of the connection is an error.
    pub fn send(&mut self, door: SocketAddr, slip: &SlipCode, nonce: &FormNonce) -> io::Result<(u16, Option<Receipt>)> {
        let stream = match self.line.take() {
            Some((at, stream)) if at == door => stream,
            _ => {
                let stream = TcpStream::connect(door)?;
                stream.set_read_timeout(Some(Duration::from_mins(2)))?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        let (status, body, stream) = exchange(stream, slip, nonce)?;
        self.line = Some((door, stream));
        let receipt = body.split_once("data-receipt=\"").and_then(|(_, rest)| Receipt::parse(rest.split('"').next()?));
        Ok((status, receipt))
    }
}

fn exchange(mut stream: TcpStream, slip: &SlipCode, nonce: &FormNonce) -> io::Result<(u16, String, TcpStream)> {
    let form = format!("home=satisfied&n={}&step=cast", nonce.text());
    let request = format!(
        "POST /V/{} HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        slip.link_form(),
        form.len()
    );
    stream.write_all(request.as_bytes())?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").parse().expect("a length");
        if bytes.len() >= end + 4 + length {
            let status = head[9..12].parse().expect("a status");
            return Ok((status, String::from_utf8_lossy(&bytes[end + 4..]).into_owned(), stream));
        }
    }
}

/// Votes with the next slip again and again until none is left, each time at any of the doors.
pub fn vote(hall: &Hall<'_>) -> Vec<Vote> {
    let (mut phone, mut votes, mut rng) = (Phone::default(), Vec::new(), world::rng());
    while let Some(slip) = hall.slips.get(hall.next.fetch_add(1, Ordering::SeqCst)) {
        let nonce = nonce();
        let mut thanks = None;
        for sent in 1..=TRIES {
            let door = {
                let doors = hall.doors.read().unwrap();
                doors[rng.random_range(0..doors.len())]
            };
            match phone.send(door, slip, &nonce) {
                Ok((200, Some(receipt))) => {
                    thanks = Some(Vote { slip: slip.clone(), nonce: nonce.clone(), receipt, sent });
                    break;
                }
                // The page says: please send it again.
                Ok((503, None)) | Err(_) => std::thread::sleep(Duration::from_millis(rng.random_range(20..200))),
                Ok(other) => panic!("turned away: {other:?}"),
            }
        }
        votes.push(thanks.expect("thanked in the end"));
        hall.thanked.fetch_add(1, Ordering::SeqCst);
    }
    votes
}
