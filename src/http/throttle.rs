//! Throttling of guesses. Keys live in memory for as long as they matter and are never logged.
//!
//! A hall of people behind one address signs in together, and members type their codes there: the limit by
//! address alone is coarse, the fine one is by username and address together. Neither stops a browser that the person
//! has signed in with before: a neighbour who tries passwords in the chair's name does not lock the chair out.

use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// Seconds between two clearings of keys that no longer matter.
const CLEARING: u64 = 60;

/// What limits measure time by: how long it is since some moment. It never goes back.
#[derive(Clone)]
pub struct Pace(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Pace {
    /// Time as this clock has it; a test may let it stand.
    #[must_use]
    pub fn of(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Pace(Arc::new(clock))
    }
}

impl Default for Pace {
    /// Time as it passes.
    fn default() -> Self {
        let start = Instant::now();
        Pace::of(move || start.elapsed())
    }
}

impl Clock for Pace {
    type Instant = Duration;

    fn now(&self) -> Duration {
        (self.0)()
    }
}

/// Passwords of unknown browsers that may wait to be checked: some seconds' worth.
const WAITING: usize = 64;

/// The checks of passwords, each of which takes 19 MiB and a core for a moment. Two go on at a time: one of anybody, and one of
/// browsers that somebody has signed in with before, so that no crowd of strangers keeps these waiting.
pub struct PasswordChecks {
    anybody: Arc<Semaphore>,
    known: Arc<Semaphore>,
    /// Places to wait in for the first.
    room: Semaphore,
}

impl Default for PasswordChecks {
    fn default() -> Self {
        let one = || Arc::new(Semaphore::new(1));
        PasswordChecks { anybody: one(), known: one(), room: Semaphore::new(WAITING) }
    }
}

impl PasswordChecks {
    /// Waits for one's turn, which lasts as long as what is returned. `known` says that it is a known browser.
    ///
    /// # Errors
    /// `SIGN_IN_BUSY` when too many wait.
    pub async fn turn(&self, known: bool) -> Result<OwnedSemaphorePermit, Problem> {
        if known {
            return self.known.clone().acquire_owned().await.map_err(|error| Problem::internal(&error));
        }
        let _place = self.room.try_acquire().map_err(|_| Problem::SIGN_IN_BUSY)?;
        self.anybody.clone().acquire_owned().await.map_err(|error| Problem::internal(&error))
    }
}

/// A limit of its own for each key.
pub(super) type Limit<K> = RateLimiter<K, DefaultKeyedStateStore<K>, Pace, NoOpMiddleware<Duration>>;

/// So many at once for each key, then one in `one_in`.
pub(super) fn limit<K: Hash + Eq + Clone>(pace: &Pace, one_in: Duration, burst: u32) -> Limit<K> {
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::with_period(one_in).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
    RateLimiter::new(quota, DefaultKeyedStateStore::default(), pace.clone())
}

/// The limits.
pub struct Throttle {
    /// One username from one address: ten at once, then one in six seconds.
    person: Limit<(String, IpAddr)>,
    /// One username from anywhere: sixty at once, then one a second.
    username: Limit<String>,
    /// One address: six hundred at once, then five a second.
    address: Limit<IpAddr>,
    /// One browser that the person has signed in with before, or one session: ten at once, then one in six seconds.
    known: Limit<String>,
    pace: Pace,
    /// The second in which old keys were last cleared away.
    cleared: AtomicU64,
}

impl Default for Throttle {
    fn default() -> Self {
        Throttle::by(&Pace::default())
    }
}

impl Throttle {
    /// The limits by this time.
    #[must_use]
    pub fn by(pace: &Pace) -> Self {
        Throttle {
            person: limit(pace, Duration::from_secs(6), 10),
            username: limit(pace, Duration::from_secs(1), 60),
            address: limit(pace, Duration::from_millis(200), 600),
            known: limit(pace, Duration::from_secs(6), 10),
            cleared: AtomicU64::new(pace.now().as_secs()),
            pace: pace.clone(),
        }
    }

    /// Counts an attempt at signing in. The address comes first: once it is refused, new usernames from it leave no key.
    ///
    /// # Errors
    /// `TOO_MANY_ATTEMPTS`.
    pub fn sign_in(&self, username: &str, address: Option<IpAddr>) -> Result<(), Problem> {
        self.clear();
        let address = household(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let free = self.address.check_key(&address).is_ok()
            && self.person.check_key(&(username.to_owned(), address)).is_ok()
            && self.username.check_key(&username.to_owned()).is_ok();
        if free { Ok(()) } else { Err(Problem::TOO_MANY_ATTEMPTS) }
    }

    /// Counts an attempt from a browser that is known: whatever others try, at the same address or with the same
    /// username, does not stop it.
    ///
    /// # Errors
    /// `TOO_MANY_ATTEMPTS`.
    pub fn known(&self, mark: &str) -> Result<(), Problem> {
        self.clear();
        self.known.check_key(&mark.to_owned()).map_err(|_| Problem::TOO_MANY_ATTEMPTS)
    }

    /// Clears away the keys that no longer matter, once a minute: it looks at each of them.
    fn clear(&self) {
        let (now, cleared) = (self.pace.now().as_secs(), self.cleared.load(Ordering::Relaxed));
        let due = now.saturating_sub(cleared) >= CLEARING;
        if due && self.cleared.compare_exchange(cleared, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.person.retain_recent();
            self.username.retain_recent();
            self.address.retain_recent();
            self.known.retain_recent();
        }
    }
}

/// Who shares an address: of version 6 every household has the lower half to itself, and as many addresses as it likes.
pub(super) fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn a_household_has_one_limit_however_many_addresses_it_has() {
        let (throttle, _) = standing();
        let at = |subnet: u16, host: u16| Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, subnet, 0, 0, 0, host)));
        assert_eq!((0..30).filter(|n| throttle.sign_in("wang", at(1, *n)).is_ok()).count(), 10);
        assert!(throttle.sign_in("wang", at(2, 0)).is_ok(), "another household");
    }

    #[actix_web::test]
    async fn a_crowd_of_strangers_is_bounded_and_keeps_no_known_browser_waiting() {
        let checks = PasswordChecks::default();
        let first = checks.turn(false).await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(checks.turn(false))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()), "one at a time");
        assert_eq!(checks.turn(false).await.err(), Some(Problem::SIGN_IN_BUSY));
        assert!(checks.turn(true).now_or_never().is_some_and(|turn| turn.is_ok()), "whatever strangers do");
        drop(first);
        assert!(waiting.remove(0).await.is_ok());
    }

    /// Limits, and the seconds that have passed for them.
    fn standing() -> (Throttle, Arc<AtomicU64>) {
        let seconds = Arc::new(AtomicU64::new(0));
        let passed = seconds.clone();
        (Throttle::by(&Pace::of(move || Duration::from_secs(passed.load(Ordering::Relaxed)))), seconds)
    }

    const HALL: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));

    #[test]
    fn guessing_is_stopped_and_the_hall_is_not() {
        let (throttle, seconds) = standing();
        assert_eq!((0..30).filter(|_| throttle.sign_in("wang", HALL).is_ok()).count(), 10);
        for n in 0..300 {
            assert!(throttle.sign_in(&format!("person{n}"), HALL).is_ok(), "person {n} in the same hall");
        }
        seconds.store(6, Ordering::Relaxed);
        assert_eq!((0..30).filter(|_| throttle.sign_in("wang", HALL).is_ok()).count(), 1, "one in six seconds");
    }

    #[test]
    fn an_address_that_is_refused_leaves_no_keys() {
        let (throttle, _) = standing();
        let admitted = (0..2000).filter(|n| throttle.sign_in(&format!("person{n}"), HALL).is_ok()).count();
        assert_eq!((admitted, throttle.person.len(), throttle.username.len()), (600, 600, 600));
        assert!(throttle.sign_in("person0", None).is_ok(), "others are not held up");
    }

    #[test]
    fn keys_are_cleared_once_a_minute() {
        let (throttle, seconds) = standing();
        for n in 0..100 {
            throttle.sign_in(&format!("person{n}"), HALL).unwrap();
        }
        seconds.store(59, Ordering::Relaxed);
        throttle.known("mark").unwrap();
        assert_eq!((throttle.person.len(), throttle.known.len()), (100, 1), "not on every call");
        seconds.store(60, Ordering::Relaxed);
        throttle.known("mark").unwrap();
        assert_eq!((throttle.person.len(), throttle.username.len(), throttle.address.len()), (0, 0, 0));
        assert_eq!(throttle.known.len(), 1, "what still matters stays");
    }
}
