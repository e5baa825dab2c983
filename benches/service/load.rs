//! The load: so many connections, each sending the next form as soon as its last one was answered.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Instant;

use memchr::memmem;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use pingjia::domain::ids::PollId;
use pingjia::domain::slip::SlipCode;

use crate::support::round;
use crate::{SAYS, process};

/// What came out of one run.
pub struct Run {
    /// Answers a second.
    pub rate: f64,
    /// Microseconds of the server's processor time for each.
    pub processor: f64,
    /// Milliseconds that half and 99 of 100 answers stayed under.
    pub p50: f64,
    pub p99: f64,
}

/// A filled form for every slip, as bytes.
pub fn forms(_: PollId, slips: &[SlipCode]) -> Vec<Vec<u8>> {
    let form = |slip: &SlipCode| {
        let body = format!("n={}&{SAYS}", round::nonce().text());
        let head = format!(
            "POST /V/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            slip.link_form(),
            body.len()
        );
        (head + &body).into_bytes()
    };
    slips.iter().map(form).collect()
}

/// Sends all forms over this many connections; every answer must say `wanted`.
///
/// One thread that waits for whichever answer comes next: on a machine of two cores the load must take little of
/// what it measures.
pub fn run(address: SocketAddr, server: u32, connections: usize, forms: &[Vec<u8>], wanted: &str) -> Run {
    let mut poll = Poll::new().unwrap();
    let mut lines: Vec<Line> = (0..connections).map(|place| Line::open(&poll, place, address)).collect();
    let (begun, busy) = (Instant::now(), process::processor(server));
    let mut waiting = forms.iter();
    let mut open = 0;
    for (line, form) in lines.iter_mut().zip(&mut waiting) {
        line.send(form);
        open += 1;
    }
    let mut times = Vec::with_capacity(forms.len());
    let mut events = Events::with_capacity(connections);
    while open > 0 {
        poll.poll(&mut events, None).unwrap();
        for event in &events {
            let line = lines.get_mut(event.token().0).unwrap();
            if !line.receive() {
                continue;
            }
            times.push(u32::try_from(line.begun.elapsed().as_micros()).unwrap());
            line.check(wanted);
            match waiting.next() {
                Some(form) => line.send(form),
                None => open -= 1,
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let busy = process::processor(server) - busy;
    assert_eq!(times.len(), forms.len(), "every form was answered once");
    times.sort_unstable();
    let at = |share: usize| f64::from(*times.get(times.len() * share / 100).unwrap()) / 1e3;
    Run { rate: forms.len() as f64 / seconds, processor: busy * 1e6 / forms.len() as f64, p50: at(50), p99: at(99) }
}

/// One connection with at most one form under way.
struct Line {
    stream: TcpStream,
    answer: Vec<u8>,
    /// Bytes of the answer that have come, and how many it has once its head is there.
    read: usize,
    whole: Option<usize>,
    begun: Instant,
}

impl Line {
    fn open(poll: &Poll, place: usize, address: SocketAddr) -> Self {
        let stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(place), Interest::READABLE).unwrap();
        Line { stream, answer: vec![0; 64 * 1024], read: 0, whole: None, begun: Instant::now() }
    }

    fn send(&mut self, form: &[u8]) {
        (self.read, self.whole, self.begun) = (0, None, Instant::now());
        let sent = self.stream.write(form).unwrap();
        assert_eq!(sent, form.len(), "a form fits into an empty socket");
    }

    /// Takes what has come; whether the answer is whole.
    fn receive(&mut self) -> bool {
        let room = self.answer.get_mut(self.read..).unwrap();
        match self.stream.read(room) {
            Ok(0) => panic!("the server hung up"),
            Ok(more) => self.read += more,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
            Err(error) => panic!("{error}"),
        }
        let so_far = self.answer.get(..self.read).unwrap();
        self.whole = self.whole.or_else(|| length(so_far));
        self.whole.is_some_and(|whole| self.read >= whole)
    }

    fn check(&self, wanted: &str) {
        let answer = self.answer.get(..self.read).unwrap();
        let said = memmem::find(answer, wanted.as_bytes()).is_some();
        assert!(answer.starts_with(b"HTTP/1.1 200") && said, "{}", String::from_utf8_lossy(answer));
    }
}

/// Bytes of head and body together, once the head has come.
fn length(bytes: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length: ";
    let head = memmem::find(bytes, b"\r\n\r\n")?;
    let place = memmem::find(bytes, NAME).unwrap();
    let digits = bytes.get(place + NAME.len()..head)?.split(|byte| *byte == b'\r').next()?;
    let body: usize = std::str::from_utf8(digits).unwrap().parse().unwrap();
    Some(head + 4 + body)
}
