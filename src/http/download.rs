//! Files that are written while they are sent: they begin to arrive at once and never stand in memory whole. So many at a
//! time for the public, and none for a reader that takes nothing.

use std::io::{Error, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::problem::Problem;
use super::reply::Reply;

/// Bytes that leave together.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for a slow reader; then the writer waits.
const WAITING: usize = 4;
/// How long the writer waits for a reader to take a chunk.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many files may be under way to the public at the same time; each takes a thread.
pub(crate) struct Places(Arc<Semaphore>);

/// The place of one file, free again when it is through.
pub(super) struct Place(#[expect(dead_code, reason = "held, and given back when it is dropped")] OwnedSemaphorePermit);

impl Places {
    pub(super) fn new(places: usize) -> Self {
        Places(Arc::new(Semaphore::new(places)))
    }

    /// A place, to be taken before anything else is done for a file.
    ///
    /// # Errors
    /// `DOWNLOADS_BUSY` when all are taken.
    pub(super) fn take(&self) -> Result<Place, Problem> {
        self.0.clone().try_acquire_owned().map(Place).map_err(|_| Problem::DOWNLOADS_BUSY)
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
        let (one, other) = (places.take().unwrap(), places.take().unwrap());
        let refusal = places.take().err().unwrap();
        assert_eq!((refusal.status, refusal.code), (StatusCode::SERVICE_UNAVAILABLE, "downloads_busy"));
        let http = refusal.reply(super::super::page::Frame::public("")).into_http(false, false);
        assert!(http.headers().contains_key(actix_web::http::header::RETRY_AFTER));
        drop(other);
        drop(places.take().unwrap());
        // A file that nobody asks for is not begun, and gives its place back; one that is read gives it back in the end.
        drop(file(Some(one), "text/plain", "none.txt", None, endless));
        let (one, other) = (places.take().unwrap(), places.take().unwrap());
        let read = file(Some(other), "text/plain", "a.txt", None, |out| out.write_all(b"whole"));
        assert_eq!(to_bytes(read.into_http(false, false).into_body()).await.ok().unwrap(), "whole");
        drop(places.0.acquire().await.unwrap());
        drop(one);
    }

    #[test]
    fn a_reader_that_takes_nothing_does_not_keep_the_place() {
        let places = Places::new(1);
        let (sender, mut receiver) = mpsc::channel(WAITING);
        send(Some(places.take().unwrap()), sender, Duration::from_millis(1), endless);
        drop(places.take().unwrap());
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
