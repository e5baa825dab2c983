//! Rectification after a sheet was certified: what the chair reports, and how pages say where it stands.

use time::Date;

use super::{back, done, show};
use crate::domain::account::Act;
use crate::domain::dates::in_words;
use crate::domain::ids::PollId;
use crate::domain::jws::Statement;
use crate::domain::poll::{self, Poll};
use crate::domain::rectification::{Course, Rectification, Report, State};
use crate::domain::sheet::{FollowUp, SheetPayload};
use crate::domain::standing::Stage;
use crate::http::form::{Filled, date_value};
use crate::http::gate::Desk;
use crate::http::problem::Problem;
use crate::http::reply::Answer;
use crate::store::StoreError;
use crate::store::rectifications::{self, Stored};
use crate::store::sheets::StoredSheet;
use crate::world::date_in_china;

/// Longest report, in characters.
const TEXT: usize = 500;

/// A rectification as pages show it.
pub(in crate::http) struct View {
    pub state: State,
    /// Class of the tag.
    pub tone: &'static str,
    /// What the sheet says is wrong, what is to be done, and by whom.
    pub plan: Vec<(&'static str, String)>,
    /// The deadline; empty where the sheet names none.
    pub due: String,
    /// How far the deadline is away, in words; empty once something was reported in time.
    pub distance: String,
    /// What was reported, when it was done, when it was reported.
    pub report: Option<(String, String, String)>,
    /// What the union above said: whether it was returned, the words, when.
    pub note: Option<(bool, String, String)>,
    pub version: i64,
}

impl View {
    /// As it stands on a day; the plan comes from the signed sheet in force, if that is among `sheets`.
    ///
    /// # Errors
    /// `INTERNAL` for a sheet that cannot be read.
    pub(in crate::http) fn of(
        poll: &Poll,
        stored: &Stored,
        sheets: &[StoredSheet],
        today: Date,
    ) -> Result<Self, Problem> {
        let (rectification, stage) = (&stored.rectification, Stage::of(&poll.phase));
        let (report, note) = match &rectification.course {
            Course::UnderWay { returned: None } => (None, None),
            Course::UnderWay { returned: Some((report, note)) } => (Some(report), Some((true, note))),
            Course::Reported { report } => (Some(report), None),
            Course::Checked { report, note } => (Some(report), Some((false, note))),
        };
        let report = report.map(|report| (report.text.clone(), in_words(report.done_on), in_words(report.reported_on)));
        let in_force = sheets.iter().find(|sheet| Some(&sheet.id) == poll.phase.sheet());
        let plan = in_force.map(|sheet| plan(&sheet.body)).transpose()?.unwrap_or_default();
        let plan = [("主要问题", plan.problems), ("整改措施", plan.rectification), ("责任人", plan.responsible)];
        Ok(View {
            state: rectification.state(stage, today),
            tone: tone(rectification, stage, today),
            plan: plan.into_iter().filter(|(_, text)| !text.is_empty()).collect(),
            due: rectification.due.map(in_words).unwrap_or_default(),
            distance: distance(rectification, today),
            report,
            note: note.map(|(returned, note)| (returned, note.text.clone(), in_words(note.given_on))),
            version: stored.version,
        })
    }
}

/// What a signed sheet says about problems, measures, who is responsible and until when.
pub(in crate::http) fn plan(sheet: &str) -> Result<FollowUp, Problem> {
    let statement = Statement::parse(sheet.as_bytes()).map_err(|error| Problem::internal(&error))?;
    let sheet = SheetPayload::read(statement.payload()).map_err(|error| Problem::internal(&error))?;
    Ok(sheet.follow_up)
}

/// The class of the tag of a rectification.
pub(in crate::http) fn tone(rectification: &Rectification, stage: Stage, today: Date) -> &'static str {
    match rectification.state(stage, today) {
        State::Overdue => "bad",
        State::Reported | State::SheetReturned => "warn",
        State::UnderWay if rectification.is_near(stage, today) => "warn",
        State::UnderWay | State::SheetAwaited => "",
        State::Checked => "ok",
    }
}

/// How far the deadline is away, or by how much a report came late.
pub(in crate::http) fn distance(rectification: &Rectification, today: Date) -> String {
    let left = match &rectification.course {
        Course::UnderWay { .. } => rectification.days_left(today),
        Course::Reported { report } | Course::Checked { report, .. } => {
            let late = rectification.days_left(report.reported_on).filter(|left| *left < 0);
            return late.map_or(String::new(), |left| format!("晚报{}天", left.abs()));
        }
    };
    match left {
        None => String::new(),
        Some(0) => "今天到期".to_owned(),
        Some(left) if left < 0 => format!("已过{}天", left.abs()),
        Some(left) => format!("还有{left}天"),
    }
}

/// What a chair has to know at once: the class of the notice and its words. None while there is time, and while the
/// sheet has to be corrected first.
pub(in crate::http) fn alarm(
    rectification: &Rectification,
    stage: Stage,
    today: Date,
) -> Option<(&'static str, String)> {
    rectification.may_report(stage).ok()?;
    let Course::UnderWay { returned } = &rectification.course else { return None };
    let overdue = rectification.state(stage, today) == State::Overdue;
    let due = rectification.due.map(in_words).unwrap_or_default();
    let deadline = format!("整改期限是{due}，{}。", distance(rectification, today));
    let tone = if overdue { "bad" } else { "warn" };
    match returned {
        Some(_) if rectification.due.is_some() => {
            Some((tone, format!("上级工会退回了整改情况，请按意见整改后重新报告。{deadline}")))
        }
        Some(_) => Some((tone, "上级工会退回了整改情况，请按意见整改后重新报告。".to_owned())),
        None if overdue => Some((tone, format!("{deadline}请尽快完成整改，报告整改情况。"))),
        None if rectification.is_near(stage, today) => Some((tone, format!("{deadline}完成以后，请报告整改情况。"))),
        None => None,
    }
}

/// The rectifications of these rounds.
pub(in crate::http) fn of_rounds(desk: &Desk<'_>, polls: &[Poll]) -> Result<Vec<(PollId, Stored)>, Problem> {
    let ids: Vec<PollId> = polls.iter().filter(|poll| poll.phase.sheet().is_some()).map(|poll| poll.id).collect();
    Ok(desk.app.database.read(|c| rectifications::of_polls(c, &ids))?)
}

/// The form of a report with what was reported last.
pub(super) fn filled(rectification: &Rectification, today: Date) -> Filled {
    let mut form = Filled::default();
    let last = match &rectification.course {
        Course::UnderWay { returned: Some((report, _)) } | Course::Reported { report } => Some(report),
        _ => None,
    };
    form.set("report", last.map_or("", |report| &report.text));
    form.set("done_on", date_value(last.map_or(today, |report| report.done_on)));
    form
}

/// `POST /rounds/{id}/rectification`: the chair reports what was done, or corrects it until it is checked.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase` where nothing is to be rectified, refusals of the rectification, `stale`; wrong entries
/// show the form again.
pub fn report(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    let stored = desk.app.database.read(|c| rectifications::load(c, poll.id))?;
    let stored = stored.ok_or_else(|| back(poll.id)(poll::Refusal::WrongPhase))?;
    let stage = Stage::of(&poll.phase);
    stored.rectification.may_report(stage).map_err(back(poll.id))?;
    desk.saw(&stored.version).map_err(back(poll.id))?;
    let mut form = Filled::of(&desk.ask.form);
    let counted_on = poll.phase.opened().map(|opened| opened.closed_on);
    let Some(report) = read(&mut form, date_in_china(desk.ask.now), counted_on) else {
        return show::page(desk, &poll, &union, form);
    };
    let text = report.text.clone();
    let changed = desk.app.database.write(|c| {
        let step = |rectification: Rectification| rectification.report(stage, report);
        rectifications::change(c, &poll, stored.version, "rectification.report", &text, desk.by(), step)
    });
    changed.map_err(|error: StoreError| back(poll.id)(error))?;
    Ok(done(poll.id, "rectification_reported"))
}

/// Reads a report; none when something is wrong with it.
fn read(form: &mut Filled, today: Date, counted_on: Option<Date>) -> Option<Report> {
    let text = form.line("report", TEXT);
    let done_on = form.date("done_on");
    match done_on {
        None => form.refuse("done_on", "请填写整改完成日期"),
        Some(on) if on > today => form.refuse("done_on", "整改完成日期还没有到，请完成以后再报告"),
        Some(on) if counted_on.is_some_and(|counted| on < counted) => {
            form.refuse("done_on", "整改完成日期不能早于开票日期");
        }
        Some(_) => {}
    }
    done_on.filter(|_| !form.is_wrong()).map(|done_on| Report { text, done_on, reported_on: today })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rectification::Note;
    use time::macros::date;

    const TODAY: Date = date!(2026 - 11 - 21);

    fn read_with(report: &str, done_on: &str) -> (Filled, Option<Report>) {
        let mut form = Filled::of(&[("report", report), ("done_on", done_on)].into_iter().collect());
        let read = read(&mut form, TODAY, Some(date!(2026 - 11 - 01)));
        (form, read)
    }

    #[test]
    fn a_report_says_what_was_done_and_when() {
        let (_, report) = read_with("书屋已更新", "2026-11-20");
        assert_eq!(report.map(|report| (report.done_on, report.reported_on)), Some((date!(2026 - 11 - 20), TODAY)));
        let long = "长".repeat(501);
        for (text, done_on, field) in [
            ("", "2026-11-20", "report"),
            (&*long, "2026-11-20", "report"),
            ("好\u{202e}", "2026-11-20", "report"),
            ("好", "", "done_on"),
            ("好", "2026-11-22", "done_on"),
            ("好", "2026-10-31", "done_on"),
            ("好", "2026-02-30", "done_on"),
        ] {
            let (form, report) = read_with(text, done_on);
            assert!(report.is_none() && form.error(field).is_some(), "{field}: {text} {done_on}");
            assert_eq!(form.value("done_on"), done_on, "what was typed is kept");
        }
    }

    #[test]
    fn the_deadline_is_said_in_days() {
        let due = |due| Rectification { due, course: Course::UnderWay { returned: None } };
        let said = |day| distance(&due(Some(day)), TODAY);
        assert_eq!(said(date!(2026 - 11 - 24)), "还有3天");
        assert_eq!(said(TODAY), "今天到期");
        assert_eq!(said(date!(2026 - 11 - 18)), "已过3天");
        assert_eq!(distance(&due(None), TODAY), "");
        let report = Report { text: "好".to_owned(), done_on: TODAY, reported_on: TODAY };
        let reported = |day| Rectification { due: Some(day), course: Course::Reported { report: report.clone() } };
        assert_eq!(distance(&reported(date!(2026 - 11 - 18)), date!(2027 - 01 - 01)), "晚报3天");
        assert_eq!(distance(&reported(TODAY), date!(2027 - 01 - 01)), "");
    }

    #[test]
    fn a_chair_is_warned_in_time() {
        let due = |due| Rectification { due: Some(due), course: Course::UnderWay { returned: None } };
        assert_eq!(alarm(&due(date!(2027 - 03 - 01)), Stage::Accepted, TODAY), None);
        assert_eq!(alarm(&due(date!(2026 - 12 - 01)), Stage::Accepted, TODAY).map(|found| found.0), Some("warn"));
        assert_eq!(alarm(&due(date!(2026 - 11 - 20)), Stage::Accepted, TODAY).map(|found| found.0), Some("bad"));
        assert_eq!(alarm(&due(date!(2026 - 11 - 20)), Stage::SheetReturned, TODAY), None, "the sheet comes first");
        let report = Report { text: "好".to_owned(), done_on: TODAY, reported_on: TODAY };
        let note = Note { text: "不具体".to_owned(), given_on: TODAY };
        let returned =
            |due| Rectification { due, course: Course::UnderWay { returned: Some((report.clone(), note.clone())) } };
        assert!(
            alarm(&returned(Some(date!(2027 - 03 - 01))), Stage::Accepted, TODAY)
                .is_some_and(|(_, words)| words.contains("退回"))
        );
        assert!(alarm(&returned(None), Stage::Accepted, TODAY).is_some_and(|(_, words)| !words.contains("期限")));
        let reported =
            Rectification { due: Some(date!(2026 - 11 - 20)), course: Course::Reported { report: report.clone() } };
        assert_eq!(alarm(&reported, Stage::Accepted, TODAY), None, "it is the others' turn");
    }
}
