//! One look for all who ask at once: a hall that comes together after a restart waits for a single look-up, and neither
//! does hundreds of them nor holds a thread for each while it waits.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::DatabaseError;

/// How many looks may go on at the same time; more than there are connections to the database.
const SLOTS: usize = 32;

/// Looks of one kind, one after another for each key. Tasks take part only, and no threads: all that there are might wait
/// for a look that needs one of them.
///
/// Each asks `known` first, and again when it is its turn: mostly the one before has found it. Where the one before
/// failed, those that waited for it fail too: a crowd that tried one after another would wait for ever.
#[derive(Default)]
pub struct Looks {
    /// A key has one of these by its hash, which nobody outside can foretell.
    slots: [Slot; SLOTS],
    hashing: RandomState,
}

#[derive(Default)]
struct Slot {
    turn: Mutex<()>,
    /// How many have failed so far.
    failed: AtomicU64,
}

impl Looks {
    /// What `known` gives, or else what `look` finds. While somebody looks already, what `meanwhile` gives will do.
    ///
    /// # Errors
    /// Those of `look`, and `GaveUp`.
    pub async fn ask<T>(
        &self,
        key: impl Hash,
        known: impl Fn() -> Option<T>,
        meanwhile: impl FnOnce() -> Option<T>,
        look: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        if let Some(found) = known() {
            return Ok(found);
        }
        let slot = self.slot(&key);
        let failed = slot.failed();
        let _turn = match slot.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => match meanwhile() {
                Some(found) => return Ok(found),
                None => slot.turn.lock().await,
            },
        };
        match known() {
            Some(found) => Ok(found),
            None if slot.failed() != failed => Err(DatabaseError::GaveUp),
            None => slot.note(look.await),
        }
    }

    fn slot(&self, key: &impl Hash) -> &Slot {
        let [first, ..] = &self.slots;
        let place = usize::try_from(self.hashing.hash_one(key) % SLOTS as u64);
        place.ok().and_then(|place| self.slots.get(place)).unwrap_or(first)
    }
}

/// A look on a thread that may wait. What fails is logged here, once for all who wait for it.
///
/// # Errors
/// Those of `look`; `GaveUp` when it panics.
pub async fn look_aside<T: Send + 'static>(
    look: impl FnOnce() -> Result<T, DatabaseError> + Send + 'static,
) -> Result<T, DatabaseError> {
    let found = tokio::task::spawn_blocking(look).await.unwrap_or(Err(DatabaseError::GaveUp));
    found.inspect_err(|error| tracing::warn!(%error, "a round could not be looked up"))
}

impl Slot {
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
            looks.ask("round", || *known.lock().unwrap(), || None, async {
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
    fn what_is_old_will_do_while_somebody_looks() {
        let looks = Looks::default();
        let ask = |found: u8| {
            looks.ask("round", || None, || Some(1), async move {
                tokio::task::yield_now().await;
                Ok(found)
            })
        };
        let both = futures_util::future::join(ask(2), ask(3));
        let (first, second) = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(both);
        assert!(matches!((first, second), (Ok(2), Ok(1))));
    }
}
