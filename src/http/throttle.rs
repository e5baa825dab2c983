//! Throttling of guesses. Keys live in memory for as long as they matter and are never logged.
//!
//! A hall of people behind one address signs in together, and members type their codes there: the limit by
//! address alone is coarse, the fine one is by username and address together. Neither stops a browser that the person
//! has signed in with before: a neighbour who tries passwords in the chair's name does not lock the chair out.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::problem::Problem;

/// Keys in memory before old ones are cleared away.
const MANY_KEYS: usize = 10_000;

/// The limits.
pub struct Throttle {
    /// One username from one address: ten at once, then one in six seconds.
    person: DefaultKeyedRateLimiter<(String, IpAddr)>,
    /// One username from anywhere: sixty at once, then one a second.
    username: DefaultKeyedRateLimiter<String>,
    /// One address: six hundred at once, then five a second.
    address: DefaultKeyedRateLimiter<IpAddr>,
    /// One browser that the person has signed in with before, or one session: ten at once, then one in six seconds.
    known: DefaultKeyedRateLimiter<String>,
}

impl Default for Throttle {
    fn default() -> Self {
        Throttle {
            person: RateLimiter::keyed(quota(Duration::from_secs(6), 10)),
            username: RateLimiter::keyed(quota(Duration::from_secs(1), 60)),
            address: RateLimiter::keyed(quota(Duration::from_millis(200), 600)),
            known: RateLimiter::keyed(quota(Duration::from_secs(6), 10)),
        }
    }
}

fn quota(one_in: Duration, burst: u32) -> Quota {
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(one_in).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst)
}

impl Throttle {
    /// Counts an attempt at signing in.
    ///
    /// # Errors
    /// `TOO_MANY_ATTEMPTS`.
    pub fn sign_in(&self, username: &str, address: Option<IpAddr>) -> Result<(), Problem> {
        if self.person.len() > MANY_KEYS {
            self.person.retain_recent();
            self.username.retain_recent();
            self.address.retain_recent();
        }
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let free = self.person.check_key(&(username.to_owned(), address)).is_ok()
            && self.address.check_key(&address).is_ok()
            && self.username.check_key(&username.to_owned()).is_ok();
        if free { Ok(()) } else { Err(Problem::TOO_MANY_ATTEMPTS) }
    }

    /// Counts an attempt from a browser that is known: whatever others try, at the same address or with the same
    /// username, does not stop it.
    ///
    /// # Errors
    /// `TOO_MANY_ATTEMPTS`.
    pub fn known(&self, mark: &str) -> Result<(), Problem> {
        if self.known.len() > MANY_KEYS {
            self.known.retain_recent();
        }
        self.known.check_key(&mark.to_owned()).map_err(|_| Problem::TOO_MANY_ATTEMPTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_stopped_and_the_hall_is_not() {
        let throttle = Throttle::default();
        let hall = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
        let guesses = (0..30).filter(|_| throttle.sign_in("wang", hall).is_ok()).count();
        assert!((10..30).contains(&guesses), "{guesses}");
        for n in 0..300 {
            assert!(throttle.sign_in(&format!("person{n}"), hall).is_ok(), "person {n} in the same hall");
        }
    }
}
