//! Sessions that nobody uses end before their time. Noted in memory, for looking at a page writes nothing: a process that has
//! not seen a session yet takes it as it is, and the absolute limit in the database holds in any case.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::store::sessions::{LIFETIME, SessionToken};

/// How long a session may lie unused. A page of a running round that is on show keeps its session in use.
const IDLE: Duration = Duration::hours(2);
/// Sessions in memory before those are cleared away that have run out altogether.
const MANY: usize = 10_000;

/// When each session was last used, by its form token.
#[derive(Default)]
pub(crate) struct Idle(Mutex<HashMap<String, OffsetDateTime>>);

impl Idle {
    /// Notes that a session is used; `false` when it has lain unused for too long, now and ever after.
    #[must_use]
    pub(super) fn seen(&self, token: &SessionToken, now: OffsetDateTime) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() > MANY {
            used.retain(|_, last| now - *last < LIFETIME);
        }
        let last = used.entry(token.form_token()).or_insert(now);
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
        assert!(idle.seen(&token, start) && idle.seen(&other, start));
        let soon = start + IDLE - Duration::SECOND;
        assert!(idle.seen(&token, soon));
        assert!(idle.seen(&token, soon + IDLE - Duration::SECOND), "used in between");
        assert!(!idle.seen(&other, start + IDLE));
        assert!(!idle.seen(&other, start + IDLE + Duration::SECOND), "asking does not wake it");
    }
}
