//! The page of a running round kept up to date: turnout and live state as they change, as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use tokio::sync::watch;

use crate::domain::account::Act;
use crate::domain::ids::PollId;
use crate::domain::poll::Phase;
use crate::http::App;
use crate::http::gate::Desk;
use crate::http::idle;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::polls;
use crate::store::sessions::SessionToken;
use crate::world;

/// A line goes out at least this often: nobody on the way takes the connection for dead, and a session that has
/// ended is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes within this time go out together.
const TOGETHER: Duration = Duration::from_millis(500);

/// What the page is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct State {
    phase: &'static str,
    printed: u64,
    spent: u64,
    voided: u64,
    /// Ballots in the published live tally.
    live: u64,
    /// Paper ballots that only one teller has entered.
    waiting: u64,
    stopped: bool,
    /// Grows with every step of the round.
    version: i64,
}

struct Stream {
    app: Arc<App>,
    poll: PollId,
    token: SessionToken,
    changes: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    last: Option<State>,
    over: bool,
}

/// `GET /rounds/{id}/events`: ends when the session does, when the service stops, and when nothing moves any more.
///
/// # Errors
/// `NOT_YOURS`.
pub fn events(desk: &Desk<'_>) -> Answer {
    let (poll, _) = desk.poll(&[Act::Attend])?;
    let state = Stream {
        app: desk.app.clone(),
        poll: poll.id,
        token: desk.token().clone(),
        changes: desk.app.ballot_box.changes(),
        stopping: desk.app.stopping(),
        last: None,
        over: false,
    };
    let chunks = stream::unfold(state, |mut state| async move {
        let text = next(&mut state).await?;
        Some((Ok(Bytes::from(text)), state))
    });
    Ok(Reply::stream("text/event-stream; charset=utf-8", Box::pin(chunks)))
}

/// The next piece of the stream; none when it ends.
async fn next(stream: &mut Stream) -> Option<String> {
    if stream.over || *stream.stopping.borrow() {
        return None;
    }
    if stream.last.is_some() {
        tokio::select! {
            changed = stream.changes.changed() => changed.ok()?,
            _ = stream.stopping.changed() => return None,
            () = tokio::time::sleep(HEARTBEAT) => {}
        }
        tokio::time::sleep(TOGETHER).await;
    }
    stream.changes.mark_unchanged();
    let (app, poll, token) = (stream.app.clone(), stream.poll, stream.token.clone());
    let looked = tokio::task::spawn_blocking(move || look(&app, poll, &token)).await;
    let state = match looked {
        Ok(Ok(Some(state))) => state,
        // Signed out, or gone: the page is told, so that it does not ask again and again.
        Ok(Ok(None)) => {
            stream.over = true;
            return Some("event: over\ndata: {}\n\n".to_owned());
        }
        // A fault of the database may pass: the page connects anew after a while.
        Ok(Err(_)) | Err(_) => return None,
    };
    if stream.last.as_ref() == Some(&state) {
        return Some(":\n\n".to_owned());
    }
    let data = serde_json::to_string(&state).ok()?;
    stream.last = Some(state);
    Some(format!("retry: 5000\nevent: state\ndata: {data}\n\n"))
}

/// The round as it stands, as long as the session holds.
fn look(app: &App, poll: PollId, token: &SessionToken) -> Result<Option<State>, Problem> {
    let now = world::now();
    let Some(session) = idle::signed_in(app, token, now)? else { return Ok(None) };
    let Some(poll) = app.database.read(|c| polls::load(c, poll))? else { return Ok(None) };
    // A page that is on show is in use.
    idle::note(app, token, &session, now)?;
    let running = matches!(poll.phase, Phase::Open { .. } | Phase::Counting { .. });
    let turnout = app.ballot_box.turnout(poll.id)?;
    Ok(Some(State {
        phase: poll.phase.code(),
        printed: turnout.printed,
        spent: turnout.spent,
        voided: turnout.voided,
        live: if running { app.ballot_box.live(poll.id)?.map_or(0, |live| live.count) } else { 0 },
        waiting: if running { app.ballot_box.paper_waiting(poll.id)? } else { 0 },
        stopped: app.ballot_box.trouble(&poll)?.is_some(),
        version: poll.version,
    }))
}
