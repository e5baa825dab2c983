//! Casts on their way to the writers: bounded, in the order in which they came, taken in groups.
//!
//! A group goes at once where none is under way, so that a lone ballot waits for nobody. While one is, the next gathers
//! until it is worth a transaction of its own, which costs as much as a dozen casts: then another writer takes it, and
//! the server works on both.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::shared::locked;

/// Casts committed together at most.
const GROUP: usize = 512;
/// Casts that are worth a transaction beside others that are under way: so many at least, and this part of those.
const ENOUGH: usize = 16;
const PART: usize = 4;

/// Why a cast is not taken in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    Full,
    Closed,
}

pub(super) struct Queue<J> {
    limit: usize,
    state: Mutex<State<J>>,
    ready: Condvar,
}

struct State<J> {
    waiting: VecDeque<J>,
    /// A writer is about to take what waits.
    gathering: bool,
    /// Casts that were taken and are not committed yet.
    under_way: usize,
    /// Writers that wait to be woken.
    resting: usize,
    closed: bool,
}

impl<J> State<J> {
    fn is_group(&self) -> bool {
        let least = if self.under_way == 0 || self.closed { 1 } else { ENOUGH.max(self.under_way / PART) };
        !self.gathering && self.waiting.len() >= least
    }
}

impl<J> Queue<J> {
    /// A queue in which so many casts may wait.
    pub(super) fn new(limit: usize) -> Self {
        let state = State { waiting: VecDeque::new(), gathering: false, under_way: 0, resting: 0, closed: false };
        Queue { limit: limit.max(1), state: Mutex::new(state), ready: Condvar::new() }
    }

    /// Puts a cast at the end.
    ///
    /// # Errors
    /// See [`NoRoom`].
    pub(super) fn put(&self, job: J) -> Result<(), NoRoom> {
        let mut state = locked(&self.state);
        if state.closed {
            return Err(NoRoom::Closed);
        }
        if state.waiting.len() >= self.limit {
            return Err(NoRoom::Full);
        }
        state.waiting.push_back(job);
        self.wake(state);
        Ok(())
    }

    /// Takes the next group, once there is one. It is under way until what is returned ends; `None` when the queue is
    /// closed and empty.
    pub(super) fn take(&self, group: &mut Vec<J>) -> Option<UnderWay<'_, J>> {
        let mut state = locked(&self.state);
        while !state.is_group() {
            if state.closed && state.waiting.is_empty() {
                return None;
            }
            state.resting += 1;
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // Whoever is about to cast comes along, as long as more come: on a single core the first of a crowd would else go
        // alone, and a commit for a few costs hardly less than one for all.
        state.gathering = true;
        let mut before = 0;
        while state.waiting.len() > before && state.waiting.len() < GROUP {
            before = state.waiting.len();
            drop(state);
            std::thread::yield_now();
            state = locked(&self.state);
        }
        state.gathering = false;
        let taken = state.waiting.len().min(GROUP);
        group.extend(state.waiting.drain(..taken));
        state.under_way += taken;
        self.wake(state);
        Some(UnderWay { queue: self, casts: taken })
    }

    /// Nothing is put in any more; what waits is still taken.
    pub(super) fn close(&self) {
        locked(&self.state).closed = true;
        self.ready.notify_all();
    }

    /// Nothing is put in any more, and what waits is dropped: its writer is gone.
    fn give_up(&self) {
        locked(&self.state).waiting.clear();
        self.close();
    }

    fn wake(&self, mut state: MutexGuard<'_, State<J>>) {
        if state.closed {
            // Whoever rests ends when nothing waits any more.
            self.ready.notify_all();
        } else if state.resting > 0 && state.is_group() {
            state.resting -= 1;
            drop(state);
            self.ready.notify_one();
        }
    }
}

/// A group that was taken.
pub(super) struct UnderWay<'q, J> {
    queue: &'q Queue<J>,
    casts: usize,
}

impl<J> UnderWay<'_, J> {
    /// It is committed, given up, or takes so long that others need not wait for it.
    pub(super) fn end(&mut self) {
        let mut state = locked(&self.queue.state);
        state.under_way -= std::mem::take(&mut self.casts);
        self.queue.wake(state);
    }
}

impl<J> Drop for UnderWay<'_, J> {
    fn drop(&mut self) {
        self.end();
        // Casts must not wait for a writer that stumbled.
        if std::thread::panicking() {
            self.queue.give_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    /// A group, and that it is under way.
    fn take<J>(queue: &Queue<J>) -> Option<(Vec<J>, UnderWay<'_, J>)> {
        let mut group = Vec::new();
        let under_way = queue.take(&mut group)?;
        Some((group, under_way))
    }

    fn put<J>(queue: &Queue<J>, jobs: impl IntoIterator<Item = J>) {
        for job in jobs {
            queue.put(job).unwrap();
        }
    }

    #[test]
    fn a_lone_cast_goes_at_once_and_a_crowd_together_in_order() {
        let queue = Queue::new(2000);
        put(&queue, [1]);
        assert_eq!(take(&queue).unwrap().0, [1]);
        put(&queue, 0..1000);
        let (first, _under_way) = take(&queue).unwrap();
        let (second, _) = take(&queue).unwrap();
        assert_eq!(first, (0..512).collect::<Vec<_>>());
        assert_eq!(second, (512..1000).collect::<Vec<_>>(), "enough for a transaction of their own");
    }

    #[test]
    fn a_group_beside_another_is_worth_it() {
        let is_group = |waiting: usize, under_way: usize| {
            let waiting = std::iter::repeat_n((), waiting).collect();
            State { waiting, gathering: false, under_way, resting: 0, closed: false }.is_group()
        };
        assert!(!is_group(0, 0) && is_group(1, 0), "nothing under way");
        assert!(!is_group(15, 1) && is_group(16, 1), "a transaction costs as much as a dozen");
        assert!(!is_group(127, 512) && is_group(128, 512), "and large groups are cheaper than small ones");
    }

    #[test]
    fn a_resting_writer_is_woken_by_enough_or_by_the_end_of_the_group_before() {
        let queue = Queue::new(100);
        put(&queue, [0]);
        let (_, mut first) = take(&queue).unwrap();
        thread::scope(|scope| {
            let other = scope.spawn(|| take(&queue));
            put(&queue, 1..=16);
            let (group, mut second) = other.join().unwrap().unwrap();
            assert_eq!(group, (1..=16).collect::<Vec<_>>());
            let other = scope.spawn(|| take(&queue));
            put(&queue, [17]);
            second.end();
            second.end();
            assert_eq!(locked(&queue.state).under_way, 1, "it ends once");
            first.end();
            assert_eq!(other.join().unwrap().unwrap().0, [17]);
        });
    }

    #[test]
    fn more_than_may_wait_are_turned_away() {
        let queue = Queue::new(2);
        put(&queue, [1, 2]);
        assert_eq!(queue.put(3), Err(NoRoom::Full));
        assert_eq!(take(&queue).unwrap().0, [1, 2]);
        assert_eq!(queue.put(3), Ok(()));
    }

    #[test]
    fn what_waits_when_the_queue_is_closed_is_still_taken() {
        let queue = Queue::new(10);
        put(&queue, [1]);
        let (_, _under_way) = take(&queue).unwrap();
        put(&queue, [2]);
        queue.close();
        assert_eq!(queue.put(3), Err(NoRoom::Closed));
        assert_eq!(take(&queue).unwrap().0, [2], "though one is under way");
        assert!(take(&queue).is_none());
        let (idle, ended) = (Queue::<u8>::new(10), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    assert!(take(&idle).is_none());
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
            idle.close();
        });
        assert_eq!(ended.into_inner(), 2);
    }

    #[test]
    fn nobody_waits_for_a_writer_that_stumbled() {
        let queue = Queue::new(1000);
        put(&queue, 0..600);
        let stumbled = thread::scope(|scope| {
            let stumbling = scope.spawn(|| {
                let _taken = take(&queue);
                panic!("as it should");
            });
            stumbling.join().is_err()
        });
        assert!(stumbled && take(&queue).is_none(), "what waited was dropped");
        assert_eq!(queue.put(1), Err(NoRoom::Closed));
        assert_eq!(locked(&queue.state).under_way, 0);
    }

    #[test]
    fn nothing_is_lost_or_taken_twice_by_several_writers() {
        const EACH: usize = 5000;
        let (queue, taken) = (Queue::new(300), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while let Some((group, _under_way)) = take(&queue) {
                        locked(&taken).extend(group);
                    }
                });
            }
            let casters: Vec<_> = (0..4)
                .map(|caster| {
                    let queue = &queue;
                    scope.spawn(move || {
                        for job in caster * EACH..(caster + 1) * EACH {
                            while queue.put(job).is_err() {
                                thread::yield_now();
                            }
                        }
                    })
                })
                .collect();
            for caster in casters {
                caster.join().unwrap();
            }
            queue.close();
        });
        let mut taken = taken.into_inner().unwrap();
        taken.sort_unstable();
        assert_eq!(taken, (0..4 * EACH).collect::<Vec<_>>());
        assert_eq!(locked(&queue.state).under_way, 0);
    }
}
