//! Files that are written while they are sent: they begin to arrive at once and never stand in memory whole.

use std::io::{Error, ErrorKind, Write};

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::render::RenderError;

/// Bytes that leave together.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for a slow reader; then the writer waits.
const WAITING: usize = 4;

/// A file saved under this name (ASCII), written by `write` in a thread of its own. With its length known, browsers
/// show how much has come; what breaks off is never taken for whole. A reader that goes away ends the writer.
///
/// # Errors
/// `INTERNAL` when no thread can be had.
pub fn file(
    kind: &'static str,
    name: &str,
    length: Option<u64>,
    write: impl FnOnce(&mut dyn Write) -> Result<(), RenderError> + Send + 'static,
) -> Answer {
    let (sender, receiver) = mpsc::channel(WAITING);
    let work = move || {
        let mut sending = Sending { sender, chunk: Vec::with_capacity(CHUNK), whole: false };
        match write(&mut sending).map_err(Error::other).and_then(|()| sending.flush()) {
            Ok(()) => sending.whole = true,
            Err(error) => tracing::info!(%error, "a file was not sent whole"),
        }
    };
    std::thread::Builder::new().name("download".to_owned()).spawn(work).map_err(|error| Problem::internal(&error))?;
    let chunks = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let reply = Reply::stream(kind, Box::pin(chunks)).named(name);
    Ok(match length {
        Some(length) => reply.of_length(length),
        None => reply,
    })
}

/// Where the file is written to.
struct Sending {
    sender: mpsc::Sender<Result<Bytes, Error>>,
    chunk: Vec<u8>,
    whole: bool,
}

impl Sending {
    fn send(&mut self) -> Result<(), Error> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.sender.blocking_send(Ok(chunk.into())).map_err(|_| ErrorKind::BrokenPipe.into())
    }
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.chunk.is_empty() { Ok(()) } else { self.send() }
    }
}

impl Drop for Sending {
    /// Without this the end of a broken file would look like the end of a whole one, even after a panic.
    fn drop(&mut self) {
        if !self.whole {
            let _ = self.sender.try_send(Err(ErrorKind::UnexpectedEof.into()));
        }
    }
}
