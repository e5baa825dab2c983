//! One look for all who ask at once: a hall that comes together after a restart waits for a single look-up, and neither
//! does hundreds of them nor holds a thread for each while it waits.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::DatabaseError;

/// Looks of one kind, one after another.
///
/// Each asks `known` first, and again when it is its turn: mostly the one before has found it. Where the one before
/// failed, those that waited for it fail too: a crowd that tried one after another would wait for ever.
#[derive(Default)]
pub struct Looks {
    turn: Mutex<()>,
    /// How many have failed so far.
    failed: AtomicU64,
}

impl Looks {
    /// What `known` gives, or else what `look` finds. Waits without holding a thread.
    ///
    /// # Errors
    /// Those of `look`, and `GaveUp`.
    pub async fn ask<T>(
        &self,
        known: impl Fn() -> Option<T>,
        look: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        let failed = self.failed();
        if let Some(found) = known() {
            return Ok(found);
        }
        let _turn = self.turn.lock().await;
        match known() {
            Some(found) => Ok(found),
            None if self.failed() != failed => Err(DatabaseError::GaveUp),
            None => self.note(look.await),
        }
    }

    /// The same for a thread that may wait.
    ///
    /// # Errors
    /// Those of `look`, and `GaveUp`.
    pub fn ask_waiting<T>(
        &self,
        known: impl Fn() -> Option<T>,
        look: impl FnOnce() -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let failed = self.failed();
        if let Some(found) = known() {
            return Ok(found);
        }
        let _turn = self.turn.blocking_lock();
        match known() {
            Some(found) => Ok(found),
            None if self.failed() != failed => Err(DatabaseError::GaveUp),
            None => self.note(look()),
        }
    }

    fn failed(&self) -> u64 {
        self.failed.load(Ordering::Acquire)
    }

    fn note<T>(&self, found: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        if found.is_err() {
            self.failed.fetch_add(1, Ordering::AcqRel);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex as Known;

    type Found = Result<u8, DatabaseError>;

    /// Ten ask at once; a look finds `found` when all have asked. Gives the answers and the number of looks.
    fn crowd(looks: &Looks, found: Option<u8>) -> (Vec<Found>, u64) {
        let (known, made) = (Known::new(None), AtomicU64::new(0));
        let ask = || {
            looks.ask(|| *known.lock().unwrap(), async {
                tokio::task::yield_now().await;
                made.fetch_add(1, Ordering::Relaxed);
                *known.lock().unwrap() = found;
                found.ok_or_else(|| DatabaseError::Row("broken".to_owned()))
            })
        };
        let crowd = futures_util::future::join_all((0..10).map(|_| ask()));
        let answers = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(crowd);
        (answers, made.into_inner())
    }

    fn all_find(looks: &Looks) {
        let (answers, made) = crowd(looks, Some(7));
        assert!(answers.len() == 10 && answers.iter().all(|answer| matches!(answer, Ok(7))));
        assert_eq!(made, 1);
    }

    #[test]
    fn a_crowd_waits_for_one_look() {
        all_find(&Looks::default());
    }

    #[test]
    fn a_crowd_gives_up_with_the_one_that_failed_and_who_comes_later_tries_anew() {
        let looks = Looks::default();
        let (answers, made) = crowd(&looks, None);
        assert_eq!(made, 1);
        let [first, others @ ..] = answers.as_slice() else { panic!("ten") };
        assert!(matches!(first, Err(DatabaseError::Row(_))));
        assert!(others.iter().all(|answer| matches!(answer, Err(DatabaseError::GaveUp))));
        all_find(&looks);
    }

    #[test]
    fn threads_wait_for_one_look_too() {
        let (looks, known, made) = (Looks::default(), Known::new(None), AtomicU64::new(0));
        let gate = std::sync::Barrier::new(8);
        let ask = || {
            gate.wait();
            let look = || {
                made.fetch_add(1, Ordering::Relaxed);
                *known.lock().unwrap() = Some(7);
                Ok(7)
            };
            let found: Found = looks.ask_waiting(|| *known.lock().unwrap(), look);
            assert!(matches!(found, Ok(7)));
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(ask);
            }
        });
        assert_eq!(made.into_inner(), 1);
    }
}
