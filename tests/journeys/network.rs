//! A hostile network between browser and service, scripted by the test: it loses answers and requests, cuts them short,
//! lets bytes trickle, and goes down under a page that listens.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What happens to one POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// It arrives; the answer is lost.
    AnswerLost,
    /// It arrives; only this many bytes of the answer come back.
    AnswerCut(usize),
    /// It never arrives.
    RequestLost,
    /// It arrives cut in the middle.
    RequestCut,
    /// It waits until the test says go on; then all is well.
    Held,
    /// The answer comes in pieces of this many bytes.
    Trickle(usize),
}

/// A browser may send a lost POST again at once, by itself and unseen by the page, whose own attempts are two seconds apart at
/// least: within this time it is the same attempt, and meets the same weather.
const BY_ITSELF: Duration = Duration::from_secs(1);

#[derive(Default)]
struct State {
    /// For the next POSTs, the first one last.
    ahead: Vec<Weather>,
    /// POSTs that have met their weather.
    met: usize,
    /// Body and weather of the last POST that did not get through, and when.
    lost: Option<(Vec<u8>, Weather, Instant)>,
    /// Bytes of each POST's body, as encryption on the way would leave them to be seen.
    sizes: Vec<usize>,
    /// Whether held requests may go on.
    released: bool,
    /// Whether nothing at all gets through.
    down: bool,
}

/// How soon an answer that is on its way notices that the network went down.
const NOTICE: Duration = Duration::from_millis(50);

/// The network. GETs pass unless it is down; each POST meets the weather foretold, and fair weather afterwards.
pub struct Network {
    pub base: String,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Network {
    pub fn before(service: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let target = service.trim_start_matches("http://").to_owned();
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for incoming in listener.incoming().map_while(Result::ok) {
                let (target, state) = (target.clone(), shared.clone());
                std::thread::spawn(move || pass(incoming, &target, &state));
            }
        });
        Network { base, state }
    }

    /// The weather of the next POSTs, one after the other.
    pub fn foretell(&self, weather: &[Weather]) {
        let mut state = self.state.0.lock().unwrap();
        state.ahead = weather.iter().rev().copied().collect();
        state.met = 0;
        state.released = false;
    }

    /// Nothing gets through, and answers on their way are cut; or everything gets through again.
    pub fn set_down(&self, down: bool) {
        self.state.0.lock().unwrap().down = down;
    }

    /// How long the bodies of the POSTs were until now.
    pub fn sizes(&self) -> Vec<usize> {
        self.state.0.lock().unwrap().sizes.clone()
    }

    /// Lets held requests go on.
    pub fn release(&self) {
        self.state.0.lock().unwrap().released = true;
        self.state.1.notify_all();
    }

    /// How many POSTs have met their weather.
    pub fn has_met(&self) -> usize {
        self.state.0.lock().unwrap().met
    }

    /// Waits until so many POSTs have met their weather.
    pub async fn met(&self, count: usize) {
        for _ in 0..1200 {
            if self.has_met() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not so much was sent");
    }
}

/// One request as it came: its head without `Connection`, and its body.
fn read(incoming: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(incoming.try_clone().ok()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// Passes one request on and one answer back; the connection is not used again.
fn pass(mut incoming: TcpStream, target: &str, state: &(Mutex<State>, Condvar)) -> Option<()> {
    let (head, body) = read(&incoming)?;
    let (weather, by_itself) = {
        let mut state = state.0.lock().unwrap();
        if state.down {
            return None;
        }
        let same = |(lost, _, at): &&(Vec<u8>, Weather, Instant)| *lost == body && at.elapsed() < BY_ITSELF;
        let again = state.lost.as_ref().filter(same).map(|(_, weather, _)| *weather);
        if again.is_some() {
            (again, true)
        } else if head.starts_with("POST") {
            state.sizes.push(body.len());
            (state.ahead.pop(), false)
        } else {
            (None, false)
        }
    };
    let done = meet(&mut incoming, target, (&head, &body), weather, state);
    if let Some(weather) = weather {
        let mut state = state.0.lock().unwrap();
        state.met += usize::from(!by_itself);
        if !matches!(weather, Weather::Held | Weather::Trickle(_)) {
            state.lost = Some((body, weather, Instant::now()));
        }
    }
    done
}

fn meet(
    incoming: &mut TcpStream,
    target: &str,
    (head, body): (&str, &[u8]),
    weather: Option<Weather>,
    state: &(Mutex<State>, Condvar),
) -> Option<()> {
    if weather == Some(Weather::RequestLost) {
        return None;
    }
    if weather == Some(Weather::Held) {
        drop(state.1.wait_while(state.0.lock().unwrap(), |state| !state.released).unwrap());
    }
    let mut service = TcpStream::connect(target).ok()?;
    service.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).ok()?;
    if weather == Some(Weather::RequestCut) {
        return service.write_all(&body[..body.len() / 2]).ok();
    }
    service.write_all(body).ok()?;
    if weather.is_none() {
        return flow(incoming, service, state);
    }
    let mut answer = Vec::new();
    service.read_to_end(&mut answer).ok()?;
    match weather {
        Some(Weather::AnswerLost) => None,
        Some(Weather::AnswerCut(bytes)) => incoming.write_all(&answer[..bytes.min(answer.len())]).ok(),
        Some(Weather::Trickle(bytes)) => answer.chunks(bytes).try_for_each(|piece| {
            incoming.write_all(piece).ok()?;
            std::thread::sleep(Duration::from_millis(5));
            Some(())
        }),
        _ => incoming.write_all(&answer).ok(),
    }
}

/// Passes an answer on as it comes, a stream of events too, until the network goes down.
fn flow(incoming: &mut TcpStream, mut service: TcpStream, state: &(Mutex<State>, Condvar)) -> Option<()> {
    service.set_read_timeout(Some(NOTICE)).ok()?;
    let mut piece = vec![0; 1 << 16];
    loop {
        let read = service.read(&mut piece);
        if state.0.lock().unwrap().down {
            return None;
        }
        match read {
            Ok(0) => return Some(()),
            Ok(bytes) => incoming.write_all(&piece[..bytes]).ok()?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return None,
        }
    }
}
