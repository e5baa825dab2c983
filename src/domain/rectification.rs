//! Rectification (整改) after a round that fell short: its deadline, what the union reports, and the check by the union above.

use time::{Date, Month};

use super::rules::{Consequence, ConsequenceKind, Rule, RuleRegistry, RuleSet};
use super::sheet::SheetPayload;
use super::standing::Stage;
use super::union::Category;

/// Where a rectification stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// 已逾期: the deadline has passed, and the chair has to report, for the first time or again.
    Overdue,
    /// 已报整改情况: waits for the check.
    Reported,
    /// 整改中
    UnderWay,
    /// 已报，待批复报告单: cannot be checked before the union above has accepted the sheet.
    SheetAwaited,
    /// 待更正报告单: the union above returned the sheet, and with it the plan.
    SheetReturned,
    /// 已复查
    Checked,
}

impl State {
    /// All states; what needs a deed comes first.
    pub const ALL: [State; 6] =
        [State::Overdue, State::Reported, State::UnderWay, State::SheetAwaited, State::SheetReturned, State::Checked];

    /// The name in filters.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            State::Overdue => "overdue",
            State::Reported => "reported",
            State::UnderWay => "under_way",
            State::SheetAwaited => "sheet_awaited",
            State::SheetReturned => "sheet_returned",
            State::Checked => "checked",
        }
    }

    /// The Chinese word on pages.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            State::Overdue => "已逾期",
            State::Reported => "已报整改情况",
            State::UnderWay => "整改中",
            State::SheetAwaited => "已报，待批复报告单",
            State::SheetReturned => "待更正报告单",
            State::Checked => "已复查",
        }
    }
}

/// What the chair says was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// 整改情况
    pub text: String,
    /// 整改完成日期, as the union says.
    pub done_on: Date,
    /// The day on which it was reported.
    pub reported_on: Date,
}

/// A word of the union above on a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub text: String,
    pub given_on: Date,
}

/// How far a rectification has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// Nothing was reported yet, or the last report was returned.
    UnderWay { returned: Option<(Report, Note)> },
    /// The chair reported; the union above has not said anything yet.
    Reported { report: Report },
    /// The union above checked it. Nothing changes any more.
    Checked { report: Report, note: Note },
}

/// The rectification that the sheet in force asks for. The sheet itself never changes: this stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rectification {
    /// The last day that still counts, from the sheet in force; none where the sheet names none.
    pub due: Option<Date>,
    pub course: Course,
}

/// Why a step of a rectification is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The sheet was returned: its plan has to be corrected first.
    #[error("上级工会退回了结果报告单，还不能报告整改情况")]
    SheetReturned,
    /// The union above has not accepted the sheet, and with it the plan.
    #[error("结果报告单还没有批复同意，不能复查整改")]
    SheetNotAccepted,
    #[error("工会还没有报告整改情况")]
    NotReported,
    #[error("整改已经复查，不能再改")]
    AlreadyChecked,
}

impl Refusal {
    /// Stable code for interfaces.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Refusal::SheetReturned => "sheet_returned",
            Refusal::SheetNotAccepted => "sheet_not_accepted",
            Refusal::NotReported => "not_reported",
            Refusal::AlreadyChecked => "already_checked",
        }
    }
}

/// Days before the deadline from which it counts as near.
const NEAR: i64 = 30;

impl Rectification {
    /// What a sheet asks for; none where its result asks for nothing.
    #[must_use]
    pub fn asked_by(sheet: &SheetPayload) -> Option<Self> {
        sheet
            .demands_rectification()
            .then_some(Rectification { due: sheet.follow_up.deadline, course: Course::UnderWay { returned: None } })
    }

    /// Where it stands on a day, in a round of this stage.
    #[must_use]
    pub fn state(&self, stage: Stage, today: Date) -> State {
        match (&self.course, stage) {
            (Course::Checked { .. }, _) => State::Checked,
            (_, Stage::SheetReturned) => State::SheetReturned,
            (Course::UnderWay { .. }, _) if self.due.is_some_and(|due| is_overdue(due, today)) => State::Overdue,
            (Course::UnderWay { .. }, _) => State::UnderWay,
            (Course::Reported { .. }, Stage::Accepted) => State::Reported,
            (Course::Reported { .. }, _) => State::SheetAwaited,
        }
    }

    /// Days from `today` to the deadline, negative once it has passed.
    #[must_use]
    pub fn days_left(&self, today: Date) -> Option<i64> {
        self.due.map(|due| (due - today).whole_days())
    }

    /// Whether something has to be reported within [`NEAR`] days.
    #[must_use]
    pub fn is_near(&self, stage: Stage, today: Date) -> bool {
        self.state(stage, today) == State::UnderWay && self.days_left(today).is_some_and(|left| left <= NEAR)
    }

    /// Whether the chair may report, or correct what was reported.
    ///
    /// # Errors
    /// `AlreadyChecked`; `SheetReturned` until the sheet is corrected.
    pub fn may_report(&self, stage: Stage) -> Result<(), Refusal> {
        match (&self.course, stage) {
            (Course::Checked { .. }, _) => Err(Refusal::AlreadyChecked),
            (_, Stage::Certified | Stage::Accepted) => Ok(()),
            _ => Err(Refusal::SheetReturned),
        }
    }

    /// The chair reports what was done, in the place of what was reported before.
    ///
    /// # Errors
    /// See [`Rectification::may_report`].
    pub fn report(self, stage: Stage, report: Report) -> Result<Self, Refusal> {
        self.may_report(stage)?;
        Ok(Rectification { course: Course::Reported { report }, ..self })
    }

    /// Whether the union above may check or return what was reported.
    ///
    /// # Errors
    /// `AlreadyChecked`, `NotReported`; `SheetNotAccepted` before the plan itself is accepted.
    pub fn may_check(&self, stage: Stage) -> Result<(), Refusal> {
        match (&self.course, stage) {
            (Course::Checked { .. }, _) => Err(Refusal::AlreadyChecked),
            (Course::UnderWay { .. }, _) => Err(Refusal::NotReported),
            (Course::Reported { .. }, Stage::Accepted) => Ok(()),
            (Course::Reported { .. }, _) => Err(Refusal::SheetNotAccepted),
        }
    }

    /// The union above has checked what was done.
    ///
    /// # Errors
    /// See [`Rectification::may_check`].
    pub fn check(self, stage: Stage, note: Note) -> Result<Self, Refusal> {
        self.may_check(stage)?;
        let Course::Reported { report } = self.course else { return Err(Refusal::NotReported) };
        Ok(Rectification { course: Course::Checked { report, note }, ..self })
    }

    /// The union above returns the report: the chair reports again. The deadline stays.
    ///
    /// # Errors
    /// See [`Rectification::may_check`].
    pub fn send_back(self, stage: Stage, note: Note) -> Result<Self, Refusal> {
        self.may_check(stage)?;
        let Course::Reported { report } = self.course else { return Err(Refusal::NotReported) };
        Ok(Rectification { course: Course::UnderWay { returned: Some((report, note)) }, ..self })
    }
}

/// How long a rule gives a union to put things right. Its statement says whom it is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// The last day that still counts.
    pub latest: Date,
    pub months: u32,
    pub rule: Rule,
}

/// The day so many calendar months later: the same day of the month, or its last day where the month is
/// shorter (31 August and six months is 28 or 29 February). `None` past the last year that dates know.
#[must_use]
pub fn months_later(from: Date, months: u32) -> Option<Date> {
    let count = u32::from(u8::from(from.month())) - 1 + months % 12;
    let years = i32::try_from(months / 12 + count / 12).ok()?;
    let year = from.year().checked_add(years)?;
    let month = Month::try_from(u8::try_from(count % 12 + 1).ok()?).ok()?;
    Date::from_calendar_date(year, month, from.day().min(month.length(year))).ok()
}

impl RuleSet {
    fn consequence(&self, kind: ConsequenceKind) -> Option<&Consequence> {
        self.consequences.iter().find(|consequence| consequence.kind == kind)
    }

    /// The usual latest day for rectification that was ordered on a day. `None` where the rule set names no
    /// period: the superior union then sets one.
    #[must_use]
    pub fn rectification_deadline(&self, ordered: Date) -> Option<Deadline> {
        let rule = self.consequence(ConsequenceKind::Rectification)?;
        let months = rule.months?;
        Some(Deadline { latest: months_later(ordered, months)?, months, rule: rule.rule.clone() })
    }
}

impl RuleRegistry {
    /// The usual latest day for rectification by a rule set or, where it names no period, by the nearest one that it
    /// inherits from.
    #[must_use]
    pub fn rectification_deadline(&self, set: &RuleSet, category: Category, ordered: Date) -> Option<Deadline> {
        let lineage = self.lineage_of(set, category).ok()?;
        lineage.iter().find_map(|(set, _)| set.rectification_deadline(ordered))
    }
}

/// Whether a deadline has passed: the day itself still counts.
#[must_use]
pub fn is_overdue(deadline: Date, today: Date) -> bool {
    today > deadline
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn set(id: &str) -> RuleSet {
        let registry = RuleRegistry::embedded().unwrap();
        RuleSet::clone(registry.get(id).unwrap())
    }

    #[test]
    fn months_are_calendar_months() {
        assert_eq!(months_later(date!(2026 - 08 - 31), 6), Some(date!(2027 - 02 - 28)));
        assert_eq!(months_later(date!(2027 - 08 - 31), 6), Some(date!(2028 - 02 - 29)));
        assert_eq!(months_later(date!(2026 - 06 - 15), 6), Some(date!(2026 - 12 - 15)));
        assert_eq!(months_later(date!(2026 - 07 - 01), 6), Some(date!(2027 - 01 - 01)));
        assert_eq!(months_later(date!(2026 - 12 - 31), 0), Some(date!(2026 - 12 - 31)));
        assert_eq!(months_later(date!(2026 - 12 - 31), 11), Some(date!(2027 - 11 - 30)));
        assert_eq!(months_later(date!(2026 - 12 - 31), u32::MAX), None);
    }

    #[test]
    fn rectification_takes_six_months_as_a_rule() {
        let shandong = set("shandong-2018");
        let ordered = date!(2026 - 03 - 31);
        let deadline = shandong.rectification_deadline(ordered).unwrap();
        assert_eq!((deadline.latest, deadline.months), (date!(2026 - 09 - 30), 6));
        assert!(deadline.rule.statement.contains("复核不合格的职工之家"), "it says for whom");
        assert_eq!(set("chaoyang-2013").rectification_deadline(ordered), None, "no period is named");
    }

    #[test]
    fn a_period_is_inherited() {
        let registry = RuleRegistry::embedded().unwrap();
        let by = |set: &str, category| {
            let found = registry.rectification_deadline(registry.get(set).unwrap(), category, date!(2026 - 03 - 31));
            found.map(|deadline| (deadline.latest, deadline.rule.id))
        };
        let six_months = Some((date!(2026 - 09 - 30), "SD-5.8".to_owned()));
        assert_eq!(by("shandong-2018", Category::GrassrootsUnion), six_months);
        assert_eq!(by("qingdao-2020", Category::Enterprise), six_months);
        assert_eq!(by("chaoyang-2013", Category::GrassrootsUnion), None);
    }

    #[test]
    fn the_last_day_still_counts() {
        assert!(!is_overdue(date!(2026 - 09 - 30), date!(2026 - 09 - 30)));
        assert!(is_overdue(date!(2026 - 09 - 30), date!(2026 - 10 - 01)));
    }

    fn under_way(due: Option<Date>) -> Rectification {
        Rectification { due, course: Course::UnderWay { returned: None } }
    }

    fn report(text: &str) -> Report {
        Report { text: text.to_owned(), done_on: date!(2026 - 09 - 20), reported_on: date!(2026 - 09 - 21) }
    }

    fn note(text: &str) -> Note {
        Note { text: text.to_owned(), given_on: date!(2026 - 09 - 25) }
    }

    #[test]
    fn a_state_is_that_of_a_day() {
        let asked = under_way(Some(date!(2026 - 09 - 30)));
        let (last, late) = (date!(2026 - 09 - 30), date!(2026 - 10 - 01));
        for stage in [Stage::Certified, Stage::Accepted] {
            assert_eq!([last, late].map(|day| asked.state(stage, day)), [State::UnderWay, State::Overdue]);
            assert_eq!(under_way(None).state(stage, late), State::UnderWay, "no day, none that passes");
        }
        let near = |days| asked.is_near(Stage::Accepted, last - time::Duration::days(days));
        assert_eq!([-1, 0, 30, 31].map(near), [false, true, true, false]);
        let reported = asked.clone().report(Stage::Certified, report("改了")).unwrap();
        let in_every_stage = |of: &Rectification| {
            [Stage::Certified, Stage::SheetReturned, Stage::Accepted].map(|stage| of.state(stage, late))
        };
        // Nothing is overdue that cannot be reported, and nothing waits for a check that cannot be made.
        assert_eq!(in_every_stage(&asked), [State::Overdue, State::SheetReturned, State::Overdue]);
        assert_eq!(in_every_stage(&reported), [State::SheetAwaited, State::SheetReturned, State::Reported]);
        let checked = reported.check(Stage::Accepted, note("属实")).unwrap();
        assert_eq!(checked.state(Stage::Accepted, late), State::Checked);
    }

    #[test]
    fn the_chair_reports_until_it_is_checked() {
        let asked = under_way(Some(date!(2026 - 09 - 30)));
        assert_eq!(asked.may_report(Stage::SheetReturned), Err(Refusal::SheetReturned));
        assert_eq!(asked.clone().check(Stage::Accepted, note("")), Err(Refusal::NotReported));
        assert_eq!(asked.clone().send_back(Stage::Accepted, note("")), Err(Refusal::NotReported));
        let first = asked.report(Stage::Certified, report("改了")).unwrap();
        let second = first.report(Stage::Accepted, report("改好了")).unwrap();
        assert_eq!(second.course, Course::Reported { report: report("改好了") });
        for stage in [Stage::Certified, Stage::SheetReturned] {
            assert_eq!(second.clone().check(stage, note("")), Err(Refusal::SheetNotAccepted), "the plan comes first");
        }
        let returned = second.send_back(Stage::Accepted, note("不具体")).unwrap();
        assert_eq!(returned.course, Course::UnderWay { returned: Some((report("改好了"), note("不具体"))) });
        assert_eq!(returned.state(Stage::Accepted, date!(2026 - 10 - 01)), State::Overdue, "the deadline stays");
        let again = returned.report(Stage::Accepted, report("每季度一次")).unwrap();
        let checked = again.check(Stage::Accepted, note("属实")).unwrap();
        assert_eq!(checked.may_report(Stage::Accepted), Err(Refusal::AlreadyChecked));
        assert_eq!(checked.may_check(Stage::Accepted), Err(Refusal::AlreadyChecked));
    }

    #[test]
    fn only_a_result_that_falls_short_asks_for_rectification() {
        use crate::domain::verdict::{Trigger, Verdict};
        let mut sheet = crate::domain::sheet::sample::Sample::new().sheet(&[]);
        assert_eq!(Rectification::asked_by(&sheet), None);
        sheet.assessment.verdict = Verdict::NotMet;
        let due = sheet.follow_up.deadline;
        assert_eq!(Rectification::asked_by(&sheet).map(|asked| asked.due), Some(due));
        sheet.assessment.triggers.push(Trigger::Overhaul);
        assert!(Rectification::asked_by(&sheet).is_some());
    }
}
