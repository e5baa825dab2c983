//! The few conversions between counts and lengths on paper that lose precision knowingly.

/// `part / base` as a length between 0 and 1 for drawing; 0 at base 0. Never used to decide anything.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a length on paper; verdicts are exact elsewhere")]
pub fn share(part: u64, base: u64) -> f64 {
    if base == 0 { 0.0 } else { (part as f64 / base as f64).clamp(0.0, 1.0) }
}

/// The nearest whole device unit.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "pages are far smaller than 2³¹ units; `as` saturates")]
pub fn whole(length: f64) -> i32 {
    length.round() as i32
}

/// The nearest whole device unit, not below 1: the width of a line.
#[must_use]
pub fn width(length: f64) -> u32 {
    u32::try_from(whole(length)).unwrap_or(1).max(1)
}

/// A length as krilla takes it.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a length on paper in points: seven digits are plenty")]
pub fn single(length: f64) -> f32 {
    length as f32
}

/// A number of things as a length.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of people and lines stay far below 2⁵³")]
pub fn real(count: usize) -> f64 {
    count as f64
}

/// A count as a number cell.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of people stay far below 2⁵³")]
pub fn count(count: u64) -> f64 {
    count as f64
}

/// How many whole times `part` goes into `whole`.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, at 0 below")]
pub fn times(whole: f64, part: f64) -> usize {
    (whole / part).floor() as usize
}
