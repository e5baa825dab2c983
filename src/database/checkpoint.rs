//! Checkpoints of SQLite off the writers' path. What commits lay down in the write-ahead log has to be carried into the
//! database file some time; SQLite would let the unlucky thousandth commit do it, while everybody waits. Here a thread of its
//! own carries it over beside the writers, and takes their turn only for the little that came meanwhile, so that the
//! log can begin anew.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::sql_types::Integer;
use diesel::sqlite::SqliteConnection;
use diesel::{QueryResult, QueryableByName, RunQueryDsl as _};

use super::connection::{DatabaseError, Turns};

/// Pages in the log from which it is carried over: 64 MB. Hot pages stand in it many times, and are carried once.
const FULL: i32 = 16384;
/// Pages that the writers may be kept waiting for.
const FEW: i32 = 512;
/// Runs beside the writers at most, before they are made to wait for one.
const RUNS: usize = 4;
/// Between two looks at the log while commits come.
const PACE: Duration = Duration::from_millis(50);

/// The thread. It ends when this is dropped.
pub(super) struct Checkpointer {
    bell: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread on a connection of its own.
    pub(super) fn start(connection: SqliteConnection, turns: Arc<Turns>) -> Result<Self, DatabaseError> {
        let (bell, rung) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || run(connection, &rung, &turns))
            .map_err(|error| DatabaseError::Connect(error.to_string()))?;
        Ok(Checkpointer { bell: Some(bell), thread: Some(thread) })
    }

    /// There was a commit.
    pub(super) fn ring(&self) {
        if let Some(bell) = &self.bell {
            // Full means that the bell rings already.
            let _ = bell.try_send(());
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.bell = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut connection: SqliteConnection, bell: &Receiver<()>, turns: &Turns) {
    while bell.recv().is_ok() {
        if let Err(error) = look(&mut connection, turns) {
            tracing::warn!(%error, "the log of the database could not be carried over; the next commit tries again");
        }
        std::thread::sleep(PACE);
    }
}

/// What `PRAGMA wal_checkpoint` says.
#[derive(QueryableByName)]
struct Log {
    /// Pages in the log.
    #[diesel(sql_type = Integer)]
    log: i32,
    /// Those of them that are in the database file.
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

fn look(connection: &mut SqliteConnection, turns: &Turns) -> QueryResult<()> {
    let mut ask = |how: &str| diesel::sql_query(format!("PRAGMA wal_checkpoint({how})")).get_result::<Log>(connection);
    let log = ask("NOOP")?;
    if log.log < FULL || log.log == log.checkpointed {
        return Ok(());
    }
    for _ in 0..RUNS {
        let log = ask("PASSIVE")?;
        if log.log - log.checkpointed <= FEW {
            break;
        }
    }
    let _turn = turns.take();
    ask("PASSIVE")?;
    Ok(())
}
