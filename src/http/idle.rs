//! Sessions that nobody uses end before their time. Each process remembers what it has seen itself, for looking at a page
//! writes nothing; what is posted, and a page of a running round that is on show, are noted in the database as well, from
//! time to time, and hold for every process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use super::App;
use crate::database::DatabaseError;
use crate::store::sessions::{self, LIFETIME, Session, SessionToken};

/// How long a session may lie unused. A page of a running round that is on show keeps its session in use.
const IDLE: Duration = Duration::hours(2);
/// Sessions in memory before those are cleared away that have run out altogether.
const MANY: usize = 10_000;

/// Who is signed in with this token and has used it lately. Reads only.
pub(super) fn signed_in(
    app: &App,
    token: &SessionToken,
    now: OffsetDateTime,
) -> Result<Option<Session>, DatabaseError> {
    let session = app.database.read(|c| sessions::load(c, token, now))?;
    Ok(session.filter(|session| app.idle.seen(token, session.last_used, now)))
}

/// Notes for every process that the session is in use, where the last note is old.
pub(super) fn note(
    app: &App,
    token: &SessionToken,
    session: &Session,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    if session.is_to_be_noted(now) { app.database.write(|c| sessions::note_use(c, token, now)) } else { Ok(()) }
}

/// When each session was last used, by its form token.
#[derive(Default)]
pub(crate) struct Idle(Mutex<HashMap<String, OffsetDateTime>>);

impl Idle {
    /// Remembers that a session is used; `false` when it has lain unused for too long, here and wherever `noted` comes
    /// from.
    #[must_use]
    fn seen(&self, token: &SessionToken, noted: OffsetDateTime, now: OffsetDateTime) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() > MANY {
            used.retain(|_, last| now - *last < LIFETIME);
        }
        let last = used.entry(token.form_token()).or_insert(noted);
        *last = noted.max(*last);
        if now - *last >= IDLE {
            return false;
        }
        *last = now.max(*last);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn what_lies_unused_ends_and_does_not_come_back() {
        let (idle, token, other) = (Idle::default(), SessionToken::new([1; 32]), SessionToken::new([2; 32]));
        let start = datetime!(2026-11-30 8:00 UTC);
        assert!(idle.seen(&token, start, start) && idle.seen(&other, start, start));
        let soon = start + IDLE - Duration::SECOND;
        assert!(idle.seen(&token, start, soon));
        assert!(idle.seen(&token, start, soon + IDLE - Duration::SECOND), "used in between");
        assert!(!idle.seen(&other, start, start + IDLE));
        assert!(!idle.seen(&other, start, start + IDLE + Duration::SECOND), "asking does not wake it");
    }

    #[test]
    fn use_at_another_process_counts() {
        let (idle, token) = (Idle::default(), SessionToken::new([1; 32]));
        let start = datetime!(2026-11-30 8:00 UTC);
        assert!(idle.seen(&token, start, start));
        let noted = start + IDLE;
        assert!(idle.seen(&token, noted, noted + IDLE - Duration::SECOND), "two hours after it was last here");
        let unseen = Idle::default();
        assert!(!unseen.seen(&token, start, start + IDLE), "nor is a process that has just begun taken in");
    }
}
