//! The load: so many connections, each sending the next form as soon as its last one was answered.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use pingjia::domain::ids::PollId;
use pingjia::domain::slip::SlipCode;
use tokio::io::Interest;
use tokio::net::TcpStream;

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
pub fn forms(_: PollId, slips: &[SlipCode]) -> Vec<Bytes> {
    let form = |slip: &SlipCode| {
        let body = format!("n={}&{SAYS}", round::nonce().text());
        let head = format!(
            "POST /V/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            slip.link_form(),
            body.len()
        );
        Bytes::from(head + &body)
    };
    slips.iter().map(form).collect()
}

/// Sends all forms over this many connections; every answer must say `wanted`.
pub fn run(address: SocketAddr, server: u32, connections: usize, forms: &[Bytes], wanted: &str) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let mut streams = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            streams.push(stream);
        }
        let waiting = Rc::new(RefCell::new(forms.to_vec()));
        let wanted: Rc<str> = wanted.into();
        let (begun, busy) = (Instant::now(), process::processor(server));
        let tasks: Vec<_> = streams
            .into_iter()
            .map(|stream| tokio::task::spawn_local(one(stream, waiting.clone(), wanted.clone())))
            .collect();
        let mut times = Vec::with_capacity(forms.len());
        for task in tasks {
            times.extend(task.await.unwrap());
        }
        let seconds = begun.elapsed().as_secs_f64();
        let busy = process::processor(server) - busy;
        times.sort_unstable();
        let at = |share: usize| f64::from(*times.get(times.len() * share / 100).unwrap()) / 1e3;
        Run { rate: forms.len() as f64 / seconds, processor: busy * 1e6 / forms.len() as f64, p50: at(50), p99: at(99) }
    })
}

/// One connection; gives the microseconds of each answer.
async fn one(stream: TcpStream, waiting: Rc<RefCell<Vec<Bytes>>>, wanted: Rc<str>) -> Vec<u32> {
    let mut times = Vec::new();
    let mut answer = vec![0; 64 * 1024];
    loop {
        let Some(form) = waiting.borrow_mut().pop() else { return times };
        let begun = Instant::now();
        let sent = stream.try_write(&form).unwrap();
        assert_eq!(sent, form.len(), "a form fits into an empty socket");
        let mut read = 0;
        loop {
            match stream.try_read(answer.get_mut(read..).unwrap()) {
                Ok(0) => panic!("the server hung up"),
                Ok(more) => read += more,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    stream.ready(Interest::READABLE).await.unwrap();
                    continue;
                }
                Err(error) => panic!("{error}"),
            }
            if is_whole(answer.get(..read).unwrap()) {
                break;
            }
        }
        times.push(u32::try_from(begun.elapsed().as_micros()).unwrap());
        let text = std::str::from_utf8(answer.get(..read).unwrap()).unwrap();
        assert!(text.starts_with("HTTP/1.1 200") && text.contains(&*wanted), "{text}");
    }
}

/// Whether head and body of an answer have arrived.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let text = std::str::from_utf8(bytes.get(..head).unwrap()).unwrap();
    let length =
        text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    length.is_some_and(|length: usize| bytes.len() >= head + 4 + length)
}
