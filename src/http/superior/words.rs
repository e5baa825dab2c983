//! Words and figures that the pages of a superior share.

use time::{Date, OffsetDateTime};

use crate::domain::account::Account;
use crate::domain::dates;
use crate::domain::standing::{Class, DecidingRate, Rating, Stage};
use crate::domain::union::Union;
use crate::domain::verdict::percent;
use crate::http::round::words::act;
use crate::store::journal::{AccountLine, Line};
use crate::world;

/// A moment as people here write it: 2026-11-21 09:05, China Standard Time.
pub(super) fn moment(at: OffsetDateTime) -> String {
    let local = time::UtcOffset::from_hms(8, 0, 0).map_or(at, |offset| at.to_offset(offset));
    format!("{} {:02}:{:02}", world::date_in_china(at), local.hour(), local.minute())
}

/// The same on official paper: 2026年11月21日 09:05.
pub(super) fn moment_on_paper(at: OffsetDateTime) -> String {
    let local = time::UtcOffset::from_hms(8, 0, 0).map_or(at, |offset| at.to_offset(offset));
    format!("{} {:02}:{:02}", dates::in_words(local.date()), local.hour(), local.minute())
}

/// A rate, or a dash where there is none.
pub(super) fn rate(part: u64, base: u64) -> String {
    percent(part, base).unwrap_or_else(|| "—".to_owned())
}

/// `满意率 92.70%` and `≥ 90%` of a deciding rate; of a floor `整顿线 70%`.
pub(super) fn deciding(rate: &DecidingRate) -> (String, String) {
    let name = rate.kind.label();
    (format!("{name} {}", self::rate(rate.numerator, rate.base)), rate.comparator.bar(rate.threshold))
}

/// The tag of a rating or, before there is one, of a stage: its class and its words.
pub(super) fn tag(class: Class) -> (&'static str, &'static str) {
    match (class.rating, class.stage) {
        (Some(rating), _) => (tone(rating), rating.label()),
        (None, Stage::RollAsked) => ("warn", class.stage.label()),
        (None, stage) => ("", stage.label()),
    }
}

fn tone(rating: Rating) -> &'static str {
    match rating {
        Rating::Met => "ok",
        Rating::NotMet | Rating::Overhaul => "bad",
        Rating::ShortOfTier | Rating::Invalid | Rating::CannotAssess => "warn",
    }
}

/// The years to choose from, newest first: from the first with a round to the last, `shown` among them. What lies beyond
/// next year is a slip of the pen and does not push the present out.
pub(super) fn years(held: Option<(u16, u16)>, today: Date, shown: Option<u16>) -> Vec<u16> {
    const MOST: usize = 60;
    let present = u16::try_from(today.year()).unwrap_or_default();
    let (first, last) = held.unwrap_or((present, present));
    let last = last.clamp(present, present.saturating_add(1));
    (first.min(shown.unwrap_or(first))..=last.max(shown.unwrap_or(last))).rev().take(MOST).collect()
}

/// The way from the person's own union down to `union`: id and name, without what is above.
pub(super) fn crumbs(home: &Union, lineage: Vec<Union>) -> Vec<(i64, String)> {
    lineage.into_iter().filter(|step| home.heads(step)).map(|step| (step.id.0, step.name)).collect()
}

/// A line of the journal for people: when, who, what, and details.
pub(super) struct JournalRow {
    pub when: String,
    pub who: String,
    pub what: &'static str,
    pub detail: String,
}

/// Lines of the journal for people.
pub(super) fn journal(lines: Vec<Line>) -> Vec<JournalRow> {
    lines
        .into_iter()
        .map(|line| {
            let (what, detail) = act(&line.action, &line.detail);
            let who = line.who.unwrap_or_else(|| "系统".to_owned());
            JournalRow { when: moment(line.at), who, what, detail }
        })
        .collect()
}

/// Lines on accounts of a union for people; `people` has them all.
pub(super) fn on_accounts(lines: Vec<AccountLine>, people: &[Account]) -> Vec<JournalRow> {
    let row = |line: AccountLine| {
        let what = if line.is_own_password() { "修改自己的密码" } else { act(&line.line.action, "").0 };
        let AccountLine { line, by } = line;
        let who = match (line.who, by) {
            (Some(name), Some((role, _))) => format!("{name}（{}）", role.label()),
            (Some(name), None) => name,
            (None, _) => "系统（命令行）".to_owned(),
        };
        let account = people.iter().find(|account| account.username == line.detail);
        let detail = match account {
            Some(account) => format!("{}（{}，用户名 {}）", account.name, account.role.label(), account.username),
            None => line.detail,
        };
        JournalRow { when: moment(line.at), who, what, detail }
    };
    lines.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::{Comparator, Fraction, RateKind};

    #[test]
    fn a_deciding_rate_is_named_and_held_against_its_threshold() {
        let rate = DecidingRate {
            kind: RateKind::Satisfaction,
            numerator: 899,
            base: 999,
            comparator: Comparator::AtLeast,
            threshold: Fraction::new(171, 200).unwrap(),
        };
        assert_eq!(deciding(&rate), ("满意率 89.98%".to_owned(), "≥ 85.50%".to_owned()));
        let floor = DecidingRate { kind: RateKind::Awareness, comparator: Comparator::Below, ..rate };
        assert_eq!(deciding(&floor), ("知晓率 89.98%".to_owned(), "整顿线 85.50%".to_owned()));
    }

    #[test]
    fn one_round_of_the_year_2100_hides_no_present() {
        let today = time::macros::date!(2026 - 11 - 21);
        assert_eq!(years(Some((2024, 2100)), today, None), [2027, 2026, 2025, 2024]);
        assert_eq!(years(Some((2026, 2026)), today, Some(2024)), [2026, 2025, 2024], "the one that is shown");
        assert_eq!((years(None, today, None), years(Some((2024, 2024)), today, None).len()), (vec![2026], 3));
        assert_eq!(years(Some((2024, 2026)), today, Some(2100)).len(), 60, "who asks for it");
    }

    #[test]
    fn moments_are_written_as_people_write_them() {
        assert_eq!(moment(time::macros::datetime!(2026-11-20 16:05 UTC)), "2026-11-21 00:05");
    }
}
