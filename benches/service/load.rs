//! The load: so many connections, each sending the next form as soon as its last one was answered.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Instant;

use memchr::memmem;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
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
pub fn forms(slips: &[SlipCode]) -> Vec<Vec<u8>> {
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

/// Pages that are asked for before the first of their forms is sent: more than are ever under way, so that no form overtakes
/// the page that it stands on.
const AHEAD: usize = 2048;

/// What each member sends who looks at the ballot and fills it in: for every slip the question for its page, as browsers
/// ask, and some time later the form.
pub fn visits(slips: &[SlipCode]) -> Vec<Vec<u8>> {
    let page = |slip: &SlipCode| {
        let head = "HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\nAccept-Encoding: gzip, deflate";
        Some(format!("GET /V/{} {head}\r\n\r\n", slip.link_form()).into_bytes())
    };
    let pages = slips.iter().map(page).chain(std::iter::repeat_n(None, AHEAD));
    let forms = std::iter::repeat_n(None, AHEAD).chain(forms(slips).into_iter().map(Some));
    pages.zip(forms).flat_map(|(page, form)| [page, form]).flatten().collect()
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
    // One for all lines, so that it stays near the processor.
    let mut room = vec![0; 64 * 1024];
    let wanted = memmem::Finder::new(wanted);
    let mut events = Events::with_capacity(connections);
    while open > 0 {
        poll.poll(&mut events, None).unwrap();
        for event in &events {
            let line = lines.get_mut(event.token().0).unwrap();
            if !line.receive(&mut room, &wanted) {
                continue;
            }
            times.push(u32::try_from(line.begun.elapsed().as_micros()).unwrap());
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
    /// What has come of an answer that does not come all at once.
    answer: Vec<u8>,
    begun: Instant,
}

impl Line {
    fn open(poll: &Poll, place: usize, address: SocketAddr) -> Self {
        let stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(place), Interest::READABLE).unwrap();
        Line { stream, answer: Vec::new(), begun: Instant::now() }
    }

    fn send(&mut self, form: &[u8]) {
        self.begun = Instant::now();
        let sent = self.stream.write(form).unwrap();
        assert_eq!(sent, form.len(), "a form fits into an empty socket");
    }

    /// Takes what has come, by way of `room`; whether the answer is whole, which must say `wanted`.
    fn receive(&mut self, room: &mut [u8], wanted: &memmem::Finder<'_>) -> bool {
        let more = match self.stream.read(room) {
            Ok(0) => panic!("the server hung up"),
            Ok(more) => room.get(..more).unwrap(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
            Err(error) => panic!("{error}"),
        };
        let so_far = if self.answer.is_empty() && length(more) == Some(more.len()) {
            more
        } else {
            self.answer.extend_from_slice(more);
            self.answer.as_slice()
        };
        if length(so_far) != Some(so_far.len()) {
            return false;
        }
        let said = so_far.starts_with(b"HTTP/1.1 200") && wanted.find(so_far).is_some();
        assert!(said, "{}", String::from_utf8_lossy(so_far));
        self.answer.clear();
        true
    }
}

/// Bytes of head and body together, once the head has come.
fn length(bytes: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length: ";
    let head = memmem::find(bytes, b"\r\n\r\n")?;
    let place = memmem::find(bytes.get(..head)?, NAME);
    let place = place.unwrap_or_else(|| panic!("no length: {}", String::from_utf8_lossy(bytes)));
    let digits = bytes.get(place + NAME.len()..head)?.split(|byte| *byte == b'\r').next()?;
    let body: usize = std::str::from_utf8(digits).unwrap().parse().unwrap();
    Some(head + 4 + body)
}
