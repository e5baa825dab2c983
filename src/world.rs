//! The outside world: the only place that reads the clock and draws random bits. Everything else takes both
//! as arguments or calls here from the edge of the program.
#![expect(clippy::disallowed_methods, reason = "this is the one place")]

use rand::rngs::SysRng;
use rand::{Rng, TryRng};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// Now, in UTC.
#[must_use]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// The date in China Standard Time (UTC+8, no summer time): the dates of rounds and sheets.
#[must_use]
pub fn date_in_china(at: OffsetDateTime) -> Date {
    time_in_china(at).date()
}

/// The time on the clocks of China.
#[must_use]
pub fn time_in_china(at: OffsetDateTime) -> PrimitiveDateTime {
    let local = UtcOffset::from_hms(8, 0, 0).map_or(at, |offset| at.to_offset(offset));
    PrimitiveDateTime::new(local.date(), local.time())
}

/// Random bytes from the operating system.
///
/// # Panics
/// When the operating system has no randomness to give: nothing secret can be made then.
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness no secret may be made; stopping is the safe answer")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A fast generator seeded by the operating system, cryptographically secure.
#[must_use]
pub fn rng() -> impl Rng {
    rand::rng()
}
