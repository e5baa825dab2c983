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

/// A full hour of a day in China, 1 to 23.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub struct Hour(u8);

impl Hour {
    /// The hour with this number, if it is one.
    #[must_use]
    pub fn new(hour: u8) -> Option<Self> {
        (1..=23).contains(&hour).then_some(Hour(hour))
    }
}

impl From<Hour> for u8 {
    fn from(hour: Hour) -> Self {
        hour.0
    }
}

impl TryFrom<u8> for Hour {
    type Error = &'static str;
    fn try_from(hour: u8) -> Result<Self, Self::Error> {
        Hour::new(hour).ok_or("no hour from 1 to 23")
    }
}

impl std::fmt::Display for Hour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}时", self.0)
    }
}

/// A day as people write it on official paper: 2026年9月3日, Arabic numerals without leading zeros (GB/T 9704).
#[must_use]
pub fn in_words(day: time::Date) -> String {
    format!("{}年{}月{}日", day.year(), u8::from(day.month()), day.day())
}
