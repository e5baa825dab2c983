//! Days in documents: `2026-09-30`.

time::serde::format_description!(iso, Date, "[year]-[month]-[day]");

pub use iso::option as iso_option;
pub use iso::{deserialize, serialize};

/// A day as documents and databases hold it: the order of such texts is that of the days.
#[must_use]
pub fn written(day: time::Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

/// The day that is written so; none if it is none.
#[must_use]
pub fn read(text: &str) -> Option<time::Date> {
    let read: Result<time::Date, serde::de::value::Error> =
        deserialize(serde::de::IntoDeserializer::into_deserializer(text));
    read.ok()
}

/// A day as people write it on official paper: 2026年9月3日, Arabic numerals without leading zeros (GB/T 9704).
#[must_use]
pub fn in_words(day: time::Date) -> String {
    format!("{}年{}月{}日", day.year(), u8::from(day.month()), day.day())
}
