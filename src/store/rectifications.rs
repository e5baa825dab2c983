//! Rectifications: what chairs report and the unions above check, and the list of a whole tree.
//!
//! The list is walked in the order of one index that holds state, deadline, round, path, year and stage (`docs/scale.md`).

use diesel::prelude::*;
use time::Date;

use super::due::{self, Ordered};
use super::rollup::{LITERALLY, ROUND, RoundLine, RoundRow, lower, part_of, round_of, unsigned};
use super::unions::subtree;
use super::{By, StoreError, polls};
use crate::database::rectification::{due_of, due_text};
use crate::database::schema::{rectification as t, sheet as sh, standing as s, trade_union as u};
use crate::database::{AnyConnection, DatabaseError};
use crate::domain::dates;
use crate::domain::ids::{PollId, UnionId};
use crate::domain::poll::Poll;
use crate::domain::rectification::{Course, Note, Rectification, Refusal, Report, State};
use crate::domain::standing::Stage;

/// A rectification and the version that it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub rectification: Rectification,
    pub version: i64,
}

type Words = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);
type Row = (i64, String, i16, Words, i64);
type Columns =
    (t::poll_id, t::due, t::state, (t::report, t::done_on, t::reported_on, t::note, t::noted_on), t::version);
const COLUMNS: Columns =
    (t::poll_id, t::due, t::state, (t::report, t::done_on, t::reported_on, t::note, t::noted_on), t::version);

/// The numbers of courses in rows.
const UNDER_WAY: i16 = 0;
const REPORTED: i16 = 1;
const CHECKED: i16 = 2;

fn stored_of(
    (poll, due, state, (report, done_on, reported_on, note, noted_on), version): Row,
) -> Result<Stored, DatabaseError> {
    let wrong = || DatabaseError::Row(format!("rectification of round {poll}"));
    let day = |text: Option<String>| text.map(|text| dates::read(&text).ok_or_else(wrong)).transpose();
    let report = match (report, day(done_on)?, day(reported_on)?) {
        (Some(text), Some(done_on), Some(reported_on)) => Some(Report { text, done_on, reported_on }),
        _ => None,
    };
    let note = note.zip(day(noted_on)?).map(|(text, given_on)| Note { text, given_on });
    let course = match (state, report, note) {
        (UNDER_WAY, None, None) => Course::UnderWay { returned: None },
        (UNDER_WAY, Some(report), Some(note)) => Course::UnderWay { returned: Some((report, note)) },
        (REPORTED, Some(report), None) => Course::Reported { report },
        (CHECKED, Some(report), Some(note)) => Course::Checked { report, note },
        _ => return Err(wrong()),
    };
    Ok(Stored { rectification: Rectification { due: due_of(&due)?, course }, version })
}

/// The rectification of a round; none where its sheet asks for none, or before there is a sheet.
///
/// # Errors
/// Database faults.
pub fn load(connection: &mut AnyConnection, poll: PollId) -> Result<Option<Stored>, DatabaseError> {
    Ok(of_polls(connection, &[poll])?.pop().map(|(_, stored)| stored))
}

/// The rectifications of these rounds; rounds without one are left out.
///
/// # Errors
/// Database faults.
pub fn of_polls(connection: &mut AnyConnection, polls: &[PollId]) -> Result<Vec<(PollId, Stored)>, DatabaseError> {
    let rows: Vec<Row> =
        t::table.filter(t::poll_id.eq_any(polls.iter().map(|id| id.0))).select(COLUMNS).load(connection)?;
    rows.into_iter().map(|row| Ok((PollId(row.0), stored_of(row)?))).collect()
}

/// Takes a step. Journals `action`.
///
/// # Errors
/// `Rectification` when the step is refused, `Stale` when somebody was faster than whoever saw version `seen`,
/// `NoSuchPoll` where nothing is asked for.
pub fn change(
    connection: &mut AnyConnection,
    poll: &Poll,
    seen: i64,
    action: &str,
    detail: &str,
    by: By,
    step: impl FnOnce(Rectification) -> Result<Rectification, Refusal>,
) -> Result<(), StoreError> {
    let stored = load(connection, poll.id)?.ok_or(StoreError::NoSuchPoll)?;
    let (state, report, note) = match step(stored.rectification)?.course {
        Course::UnderWay { returned: None } => (UNDER_WAY, None, None),
        Course::UnderWay { returned: Some((report, note)) } => (UNDER_WAY, Some(report), Some(note)),
        Course::Reported { report } => (REPORTED, Some(report), None),
        Course::Checked { report, note } => (CHECKED, Some(report), Some(note)),
    };
    let changed = diesel::update(t::table.filter(t::poll_id.eq(poll.id.0)).filter(t::version.eq(seen)))
        .set((
            t::state.eq(state),
            t::report.eq(report.as_ref().map(|report| &report.text)),
            t::done_on.eq(report.as_ref().map(|report| dates::written(report.done_on))),
            t::reported_on.eq(report.as_ref().map(|report| dates::written(report.reported_on))),
            t::note.eq(note.as_ref().map(|note| &note.text)),
            t::noted_on.eq(note.as_ref().map(|note| dates::written(note.given_on))),
            t::version.eq(seen + 1),
        ))
        .execute(connection)?;
    if changed != 1 {
        return Err(StoreError::Stale);
    }
    polls::note(connection, poll, action, detail, by)
}

/// What to show of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of the union's name; empty: any.
    pub name: String,
    pub year: Option<u16>,
    pub state: Option<State>,
}

impl Ordered for State {
    const STATES: &'static [Self] = &State::ALL;
    fn name(self) -> &'static str {
        self.code()
    }
}

/// The line after which a page begins.
pub type Place = due::Place<State>;

/// One rectification of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub union: UnionId,
    /// Name of the union.
    pub name: String,
    pub year: u16,
    pub round: RoundLine,
    pub rectification: Rectification,
    /// The signed sheet in force, which says what is wrong and what is to be done; none when it is not stored here.
    pub sheet: Option<String>,
}

impl Line {
    /// Where it stands on a day.
    #[must_use]
    pub fn state(&self, today: Date) -> State {
        self.rectification.state(self.round.class.stage, today)
    }

    /// Where the page after this line begins.
    #[must_use]
    pub fn place(&self, today: Date) -> Place {
        Place { state: self.state(today), due: self.rectification.due, row: self.round.poll.0 }
    }
}

/// Behind every day that is written.
const END: &str = "~";

/// Rows that follow each other in the index: their course, the stages of their rounds, and their deadlines `[from, to)`.
struct Stretch {
    course: i16,
    stages: (Stage, Stage),
    from: String,
    to: String,
}

/// Which rows are in a state.
fn rows_in(state: State, today: Date) -> Vec<Stretch> {
    let (any, today, end) = (String::new, || dates::written(today), || END.to_owned());
    let stretch = |course, stages, from, to| Stretch { course, stages, from, to };
    let only = |stage| (stage, stage);
    let in_force = (Stage::Certified, Stage::Accepted);
    match state {
        State::Overdue => vec![stretch(UNDER_WAY, in_force, any(), today())],
        State::Reported => vec![stretch(REPORTED, only(Stage::Accepted), any(), end())],
        State::UnderWay => vec![stretch(UNDER_WAY, in_force, today(), end())],
        State::SheetAwaited => vec![stretch(REPORTED, only(Stage::Certified), any(), end())],
        State::SheetReturned => [UNDER_WAY, REPORTED]
            .map(|course| stretch(course, only(Stage::SheetReturned), any(), end()))
            .into_iter()
            .collect(),
        State::Checked => vec![stretch(CHECKED, (Stage::Certified, Stage::SheetReturned), any(), end())],
    }
}

/// A page of what the unions below the one with this path have to rectify: what needs a deed first, then by
/// deadline; at most `limit` lines after `after`.
///
/// # Errors
/// Database faults.
pub fn page(
    connection: &mut AnyConnection,
    path: &str,
    filter: &Filter,
    today: Date,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Line>, DatabaseError> {
    due::page(filter.state, after, limit, |state, after, limit| {
        let mut found = Vec::new();
        for rows in rows_in(state, today) {
            found.extend(part(connection, path, filter, rows, after, limit)?);
        }
        found.sort_by_cached_key(|line| (due_text(line.rectification.due), line.round.poll.0));
        found.truncate(limit);
        Ok(found)
    })
}

/// The part of a page that lies in one stretch.
fn part(
    connection: &mut AnyConnection,
    path: &str,
    filter: &Filter,
    Stretch { course, stages, from: begin, to: end }: Stretch,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Line>, DatabaseError> {
    type Found = ((i64, String), i32, RoundRow, Row, Option<String>);
    let (from, to) = subtree(path);
    let (first, last) = filter.year.map_or((0, i32::MAX), |year| (i32::from(year), i32::from(year)));
    let (due, poll) = Place::behind(after, &begin);
    let rows: Vec<Found> = t::table
        .inner_join(s::table.on(s::poll_id.eq(t::poll_id)))
        .inner_join(u::table.on(u::id.eq(s::union_id)))
        .left_join(sh::table.on(s::sheet_id.eq(sh::id.nullable())))
        .filter(t::state.eq(course))
        .filter(t::stage.between(stages.0.number(), stages.1.number()))
        .filter(t::due.ge(&due))
        .filter(t::due.lt(end))
        .filter(t::due.gt(&due).or(t::poll_id.gt(poll)))
        .filter(t::path.gt(from))
        .filter(t::path.lt(to))
        .filter(t::year.between(first, last))
        .filter(lower(u::name).like(lower(part_of(&filter.name))).escape(LITERALLY))
        .order((t::due, t::poll_id))
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select(((u::id, u::name), t::year, ROUND, COLUMNS, sh::body.nullable()))
        .load(connection)?;
    let line_of = |((union, name), year, round, row, sheet): Found| {
        Ok(Line {
            union: UnionId(union),
            name,
            year: u16::try_from(year).map_err(|_| DatabaseError::Row(format!("year {year}")))?,
            round: round_of(round)?,
            rectification: stored_of(row)?.rectification,
            sheet,
        })
    };
    rows.into_iter().map(line_of).collect()
}

/// How much of the tree below a union needs a deed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of rounds whose sheet was returned none is: it has to be corrected first.
    pub overdue: u64,
    /// Reported, and waiting for the check; of rounds whose sheet is accepted.
    pub reported: u64,
}

/// Counts what is overdue and what waits for the check below the union with this path.
///
/// # Errors
/// Database faults.
pub fn counts(connection: &mut AnyConnection, path: &str, today: Date) -> Result<Counts, DatabaseError> {
    let (below, end_of_area) = subtree(path);
    let mut count = |state: State| -> Result<u64, DatabaseError> {
        let mut sum = 0;
        for Stretch { course, stages, from, to } in rows_in(state, today) {
            let rows = t::table
                .filter(t::state.eq(course))
                .filter(t::stage.between(stages.0.number(), stages.1.number()))
                .filter(t::due.ge(from))
                .filter(t::due.lt(to))
                .filter(t::path.gt(&below))
                .filter(t::path.lt(&end_of_area));
            sum += unsigned(rows.count().get_result(connection)?);
        }
        Ok(sum)
    };
    Ok(Counts { overdue: count(State::Overdue)?, reported: count(State::Reported)? })
}
