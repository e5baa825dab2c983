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

/// The queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

pub(super) struct Queue<J> {
    limit: usize,
    state: Mutex<State<J>>,
    ready: Condvar,
}

struct State<J> {
    waiting: VecDeque<J>,
    /// Casts that were taken and are not committed yet.
    under_way: usize,
    /// Writers that wait to be woken.
    resting: usize,
    closed: bool,
}

impl<J> State<J> {
    fn is_group(&self) -> bool {
        let least = if self.under_way == 0 || self.closed { 1 } else { ENOUGH.max(self.under_way / PART) };
        self.waiting.len() >= least
    }
}

impl<J> Queue<J> {
    /// A queue in which so many casts may wait.
    pub(super) fn new(limit: usize) -> Self {
        let state = State { waiting: VecDeque::new(), under_way: 0, resting: 0, closed: false };
        Queue { limit: limit.max(1), state: Mutex::new(state), ready: Condvar::new() }
    }

    /// Puts a cast at the end.
    ///
    /// # Errors
    /// `Full`.
    pub(super) fn put(&self, job: J) -> Result<(), Full> {
        let mut state = locked(&self.state);
        if state.waiting.len() >= self.limit {
            return Err(Full);
        }
        state.waiting.push_back(job);
        self.wake(state);
        Ok(())
    }

    /// Takes the next group, once there is one; `false` when the queue is closed and empty. Whoever takes one says
    /// [`Queue::done`] after it.
    pub(super) fn take(&self, group: &mut Vec<J>) -> bool {
        let mut state = locked(&self.state);
        while group.is_empty() {
            while !state.is_group() {
                if state.closed {
                    return false;
                }
                state.resting += 1;
                state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            // Whoever is about to cast comes along, as long as more come: on a single core the first of a crowd would
            // else go alone, and a commit for a few costs hardly less than one for all.
            let mut before = 0;
            while state.waiting.len() > before && state.waiting.len() < GROUP {
                before = state.waiting.len();
                drop(state);
                std::thread::yield_now();
                state = locked(&self.state);
            }
            // None are left where another writer took them meanwhile.
            let taken = state.waiting.len().min(GROUP);
            group.extend(state.waiting.drain(..taken));
        }
        state.under_way += group.len();
        true
    }

    /// A group of so many that was taken is committed, or given up.
    pub(super) fn done(&self, group: usize) {
        let mut state = locked(&self.state);
        state.under_way -= group;
        self.wake(state);
    }

    /// Nothing is put in any more; what waits is still taken.
    pub(super) fn close(&self) {
        let mut state = locked(&self.state);
        state.closed = true;
        state.resting = 0;
        self.ready.notify_all();
    }

    fn wake(&self, mut state: MutexGuard<'_, State<J>>) {
        if state.resting > 0 && state.is_group() {
            state.resting -= 1;
            drop(state);
            self.ready.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    fn take<J>(queue: &Queue<J>) -> Option<Vec<J>> {
        let mut group = Vec::new();
        queue.take(&mut group).then_some(group)
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
        assert_eq!(take(&queue), Some(vec![1]));
        queue.done(1);
        put(&queue, 0..1000);
        assert_eq!(take(&queue), Some((0..512).collect()));
        assert_eq!(take(&queue), Some((512..1000).collect()), "enough for a transaction of their own");
    }

    #[test]
    fn a_group_beside_another_is_worth_it() {
        let is_group = |waiting: usize, under_way: usize| {
            let waiting = std::iter::repeat_n((), waiting).collect();
            State { waiting, under_way, resting: 0, closed: false }.is_group()
        };
        assert!(!is_group(0, 0) && is_group(1, 0), "nothing under way");
        assert!(!is_group(15, 1) && is_group(16, 1), "a transaction costs as much as a dozen");
        assert!(!is_group(127, 512) && is_group(128, 512), "and large groups are cheaper than small ones");
    }

    #[test]
    fn a_resting_writer_is_woken_by_enough_or_by_the_end_of_the_group_before() {
        let queue = Queue::new(100);
        put(&queue, [0]);
        assert_eq!(take(&queue), Some(vec![0]));
        thread::scope(|scope| {
            let other = scope.spawn(|| take(&queue));
            put(&queue, 1..=16);
            assert_eq!(other.join().unwrap(), Some((1..=16).collect()));
            let other = scope.spawn(|| take(&queue));
            put(&queue, [17]);
            queue.done(16);
            queue.done(1);
            assert_eq!(other.join().unwrap(), Some(vec![17]));
        });
    }

    #[test]
    fn more_than_may_wait_are_turned_away() {
        let queue = Queue::new(2);
        put(&queue, [1, 2]);
        assert_eq!(queue.put(3), Err(Full));
        assert_eq!(take(&queue), Some(vec![1, 2]));
        assert_eq!(queue.put(3), Ok(()));
    }

    #[test]
    fn what_waits_when_the_queue_is_closed_is_still_taken() {
        let queue = Queue::new(10);
        put(&queue, [1]);
        assert_eq!(take(&queue), Some(vec![1]));
        put(&queue, [2]);
        queue.close();
        assert_eq!(take(&queue), Some(vec![2]), "though one is under way");
        assert_eq!(take(&queue), None);
        let (idle, ended) = (Queue::<u8>::new(10), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    assert_eq!(take(&idle), None);
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
            idle.close();
        });
        assert_eq!(ended.into_inner(), 2);
    }

    #[test]
    fn nothing_is_lost_or_taken_twice_by_several_writers() {
        const EACH: usize = 5000;
        let (queue, taken) = (Queue::new(300), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while let Some(group) = take(&queue) {
                        queue.done(group.len());
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
