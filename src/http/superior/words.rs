//! Words and figures that the pages of a superior share.

use time::OffsetDateTime;

use crate::domain::standing::{Class, DecidingRate, Rating, Stage};
use crate::domain::union::Union;
use crate::domain::verdict::percent;
use crate::store::journal::Line;
use crate::world;

/// A moment as people here write it: 2026-11-21 09:05, China Standard Time.
pub(super) fn moment(at: OffsetDateTime) -> String {
    let local = time::UtcOffset::from_hms(8, 0, 0).map_or(at, |offset| at.to_offset(offset));
    format!("{} {:02}:{:02}", world::date_in_china(at), local.hour(), local.minute())
}

/// A rate, or a dash where there is none.
pub(super) fn rate(part: u64, base: u64) -> String {
    percent(part, base).unwrap_or_else(|| "—".to_owned())
}

/// `满意率 92.70%` and `≥ 90%` of a deciding rate.
pub(super) fn deciding(rate: &DecidingRate) -> (String, String) {
    (self::rate(rate.numerator, rate.base), threshold(rate))
}

/// A threshold as documents write it: 90%, 66.66%.
pub(super) fn threshold(rate: &DecidingRate) -> String {
    let shown = self::rate(rate.threshold.num(), rate.threshold.den());
    shown.trim_end_matches('%').trim_end_matches('0').trim_end_matches('.').to_owned() + "%"
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
        Rating::Invalid | Rating::CannotAssess => "warn",
    }
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
        .map(|line| JournalRow {
            when: moment(line.at),
            who: line.who.unwrap_or_else(|| "系统".to_owned()),
            what: action(&line.action),
            detail: line.detail,
        })
        .collect()
}

fn action(code: &str) -> &'static str {
    const WORDS: &[(&str, &str)] = &[
        ("poll.create", "新建评议"),
        ("poll.revise", "修改设置"),
        ("poll.ask", "提请批准名册"),
        ("poll.approve", "批准名册"),
        ("poll.return_roll", "退回名册"),
        ("poll.issue_slips", "制作选票"),
        ("poll.open", "开始投票"),
        ("poll.custody", "填写发出票数"),
        ("poll.custody_confirm", "确认发出票数"),
        ("poll.void_slips", "作废选票"),
        ("poll.stop_phones", "停止手机投票"),
        ("poll.close", "开箱"),
        ("poll.closed", "开票完成"),
        ("poll.restored", "从密钥保管处恢复"),
        ("poll.confirm_result", "确认结果"),
        ("poll.certify", "签发结果报告单"),
        ("poll.correct", "签发更正的结果报告单"),
        ("poll.accept", "上级同意结果报告单"),
        ("poll.return", "上级退回结果报告单"),
        ("poll.void", "作废本轮"),
    ];
    WORDS.iter().find(|(known, _)| *known == code).map_or("其他操作", |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::Fraction;

    #[test]
    fn thresholds_and_moments_are_written_as_people_write_them() {
        let rate = |num, den| DecidingRate { numerator: 899, base: 999, threshold: Fraction::new(num, den).unwrap() };
        assert_eq!(deciding(&rate(9, 10)), ("89.98%".to_owned(), "90%".to_owned()));
        assert_eq!(threshold(&rate(1, 1)), "100%");
        assert_eq!(threshold(&rate(2, 3)), "66.66%");
        assert_eq!(moment(time::macros::datetime!(2026-11-20 16:05 UTC)), "2026-11-21 00:05");
    }
}
