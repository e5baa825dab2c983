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

    #[test]
    fn a_household_has_one_limit_however_many_addresses_it_has() {
        let (throttle, _) = standing();
        let at = |subnet: u16, host: u16| Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, subnet, 0, 0, 0, host)));
        assert_eq!((0..30).filter(|n| throttle.sign_in("wang", at(1, *n)).is_ok()).count(), 10);
        assert!(throttle.sign_in("wang", at(2, 0)).is_ok(), "another household");
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
