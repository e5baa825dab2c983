//! Files that are written while they are sent: they begin to arrive at once and never stand in memory whole.

use std::io::{Error, ErrorKind, Write};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::reply::Reply;

/// Bytes that leave together.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for a slow reader; then the writer waits.
const WAITING: usize = 4;

/// A file saved under this name (ASCII), written by `write` in a thread of its own, which begins when the first chunk is
/// asked for. With its length known, browsers show how much has come; what breaks off is never taken for whole. A
/// reader that goes away ends the writer.
pub fn file<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    kind: &'static str,
    name: &str,
    length: Option<u64>,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
) -> Reply {
    let begin = async {
        let (sender, receiver) = mpsc::channel(WAITING);
        let sending = Sending { sender, chunk: Vec::with_capacity(CHUNK), whole: false };
        let thread = std::thread::Builder::new().name("download".to_owned());
        if let Err(error) = thread.spawn(|| sending.all_of(write)) {
            tracing::error!(%error, "no thread to send a file");
        }
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) })
    };
    let reply = Reply::stream(kind, Box::pin(stream::once(begin).flatten())).named(name);
    match length {
        Some(length) => reply.of_length(length),
        None => reply,
    }
}

/// Where the file is written to.
struct Sending {
    sender: mpsc::Sender<Result<Bytes, Error>>,
    chunk: Vec<u8>,
    whole: bool,
}

impl Sending {
    fn all_of<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        mut self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) {
        match write(&mut self).map_err(Error::other).and_then(|()| self.flush()) {
            Ok(()) => self.whole = true,
            Err(error) => tracing::info!(%error, "a file was not sent whole"),
        }
    }

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
