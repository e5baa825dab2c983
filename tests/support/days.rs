//! Days as forms send them. A service looks at the calendar, so that no test may name a day that passes.

use pingjia::http::form::date_value;
use pingjia::world::{date_in_china, now};

/// The day so many days from today.
pub fn day(from_now: i64) -> String {
    date_value(date_in_china(now()) + time::Duration::days(from_now))
}
