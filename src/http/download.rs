//! Files that are written while they are sent: they begin to arrive at once and never stand in memory whole. So many at a
//! time for the public, and none for a reader that takes nothing.

use std::collections::HashMap;
use std::io::{Error, ErrorKind, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::problem::Problem;
use super::reply::Reply;
use super::throttle::household;

/// Bytes that leave together.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for a slow reader; then the writer waits.
const WAITING: usize = 4;
/// How long the writer waits for a reader to take a chunk.
const PATIENCE: Duration = Duration::from_secs(30);

/// Places that one household may take at a time: nobody alone keeps everybody else from checking a result.
const EACH: usize = 3;

/// Places in use, by household. In memory only.
type Taken = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// How many files may be under way to the public at the same time; each takes a thread.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    taken: Taken,
}

/// The place of one file, free again when it is through.
pub(super) struct Place {
    #[expect(dead_code, reason = "held, and given back when it is dropped")]
    permit: OwnedSemaphorePermit,
    by: Option<(IpAddr, Taken)>,
}

impl Places {
    pub(super) fn new(places: usize) -> Self {
        Places { free: Arc::new(Semaphore::new(places)), taken: Taken::default() }
    }

    /// A place for whoever asks from this address, to be taken before anything else is done for a file.
    ///
    /// # Errors
    /// `DOWNLOADS_BUSY` when all are taken, or as many as one household may have.
    pub(super) fn take(&self, address: Option<IpAddr>) -> Result<Place, Problem> {
        let permit = self.free.clone().try_acquire_owned().map_err(|_| Problem::DOWNLOADS_BUSY)?;
        let Some(address) = address.map(household) else { return Ok(Place { permit, by: None }) };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.entry(address).or_default();
        if *own >= EACH {
            return Err(Problem::DOWNLOADS_BUSY);
        }
        *own += 1;
        Ok(Place { permit, by: Some((address, self.taken.clone())) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((address, taken)) = &self.by else { return };
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(address) {
            *own -= 1;
            if *own == 0 {
                taken.remove(address);
            }
        }
    }
}

/// A file saved under this name (ASCII), written by `write` in a thread of its own, which begins when the first chunk is
/// asked for. With its length known, browsers show how much has come; what breaks off is never taken for whole. A
/// reader that goes away, or takes nothing for half a minute, ends the writer and frees its place. People who are signed
/// in need none: nobody outside may keep a chair from printing slips.
pub(super) fn file<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    place: Option<Place>,
    kind: &'static str,
    name: &str,
    length: Option<u64>,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
) -> Reply {
    let begin = async {
        let (sender, receiver) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new().name("download".to_owned());
        if let Err(error) = thread.spawn(|| send(place, sender, PATIENCE, write)) {
            tracing::error!(%error, "no thread to send a file");
        }
        // The end is said: without that the end of a broken file would look like the end of a whole one.
        stream::unfold(Some(receiver), |receiver| async {
            let mut receiver: mpsc::Receiver<Part> = receiver?;
            match receiver.recv().await {
                Some(Part::Chunk(chunk)) => Some((Ok(chunk), Some(receiver))),
                Some(Part::End) => None,
                None => Some((Err(ErrorKind::UnexpectedEof.into()), None)),
            }
        })
    };
    let reply = Reply::stream(kind, Box::pin(stream::once(begin).flatten())).named(name);
    match length {
        Some(length) => reply.of_length(length),
        None => reply,
    }
}

/// What comes from the writer: chunks, and a word at the end of a whole file.
enum Part {
    Chunk(Bytes),
    End,
}

/// Writes the file to whoever reads, in the thread of the writer.
fn send<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    place: Option<Place>,
    sender: mpsc::Sender<Part>,
    patience: Duration,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) {
    let sent = Sending::new(sender, patience).and_then(|mut sending| {
        write(&mut sending).map_err(Error::other)?;
        sending.flush()?;
        sending.send(Part::End)
    });
    if let Err(error) = sent {
        tracing::info!(%error, "a file was not sent whole");
    }
    drop(place);
}

/// Where the file is written to.
struct Sending {
    sender: mpsc::Sender<Part>,
    /// Keeps the time while this thread waits.
    clock: Runtime,
    patience: Duration,
    chunk: Vec<u8>,
}

impl Sending {
    fn new(sender: mpsc::Sender<Part>, patience: Duration) -> Result<Self, Error> {
        let clock = Builder::new_current_thread().enable_time().build()?;
        Ok(Sending { sender, clock, patience, chunk: Vec::with_capacity(CHUNK) })
    }

    fn send(&self, part: Part) -> Result<(), Error> {
        let sent = self.clock.block_on(async { tokio::time::timeout(self.patience, self.sender.send(part)).await });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ErrorKind::BrokenPipe.into()),
            Err(_) => Err(ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.send(Part::Chunk(chunk.into()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::http::StatusCode;

    use super::*;

    fn endless(out: &mut dyn Write) -> Result<(), Error> {
        let chunk = vec![b'0'; CHUNK];
        loop {
            out.write_all(&chunk)?;
        }
    }

    #[actix_web::test]
    async fn so_many_files_at_a_time_and_then_a_word() {
        let places = Places::new(2);
        let (one, other) = (places.take(None).unwrap(), places.take(None).unwrap());
        let refusal = places.take(None).err().unwrap();
        assert_eq!((refusal.status, refusal.code), (StatusCode::SERVICE_UNAVAILABLE, "downloads_busy"));
        let http = refusal.reply(super::super::page::Frame::public("")).into_http(false, false);
        assert!(http.headers().contains_key(actix_web::http::header::RETRY_AFTER));
        drop(other);
        drop(places.take(None).unwrap());
        // A file that nobody asks for is not begun, and gives its place back; one that is read gives it back in the end.
        drop(file(Some(one), "text/plain", "none.txt", None, endless));
        let (one, other) = (places.take(None).unwrap(), places.take(None).unwrap());
        let read = file(Some(other), "text/plain", "a.txt", None, |out| out.write_all(b"whole"));
        assert_eq!(to_bytes(read.into_http(false, false).into_body()).await.ok().unwrap(), "whole");
        drop(places.free.acquire().await.unwrap());
        drop(one);
    }

    #[test]
    fn nobody_alone_takes_all_places() {
        let places = Places::new(EACH + 1);
        let from = |address: &str| places.take(Some(address.parse().unwrap()));
        let mut own: Vec<Place> = (0..EACH).map(|n| from(&format!("2001:db8::{n}")).unwrap()).collect();
        assert!(from("2001:db8::ff").is_err(), "one household, whatever its addresses");
        drop(from("192.0.2.1").unwrap());
        own.pop();
        own.push(from("2001:db8::ff").unwrap());
        drop(own);
        assert!(places.taken.lock().unwrap().is_empty(), "nothing is kept of who was there");
    }

    #[test]
    fn a_reader_that_takes_nothing_does_not_keep_the_place() {
        let places = Places::new(1);
        let (sender, mut receiver) = mpsc::channel(WAITING);
        send(Some(places.take(None).unwrap()), sender, Duration::from_millis(1), endless);
        drop(places.take(None).unwrap());
        for _ in 0..WAITING {
            assert!(matches!(receiver.blocking_recv(), Some(Part::Chunk(_))));
        }
        assert!(receiver.blocking_recv().is_none(), "no word that this was all");
    }

    #[actix_web::test]
    async fn what_breaks_off_is_not_taken_for_whole() {
        let broken = file(None, "text/plain", "a.txt", None, |out| {
            out.write_all(b"half")?;
            out.flush()?;
            Err(Error::other("no more"))
        });
        assert!(to_bytes(broken.into_http(false, false).into_body()).await.is_err());
    }
}
