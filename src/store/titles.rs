//! Titles of Homes: given, reviewed and ended by the unions above, and the list of a whole tree.
//!
//! The list is walked in the order of one index that holds state, day, title, path, evaluation and grade, as that of
//! rectifications is (`docs/scale.md`).

use diesel::prelude::*;
use time::{Date, Duration};

use super::due::{self, Ordered};
use super::rollup::{LITERALLY, lower, part_of, unsigned};
use super::unions::{self, subtree, union_of};
use super::{By, StoreError};
use crate::database::rectification::{due_of, due_text};
use crate::database::schema::{standing as s, title as t, trade_union as u};
use crate::database::standing::hold_union;
use crate::database::title::{CORRECTING, ENDED, HELD, look_at_results, number_of};
use crate::database::{AnyConnection, DatabaseError, journal};
use crate::domain::dates;
use crate::domain::ids::{PollId, TitleId, UnionId};
use crate::domain::standing::Class;
use crate::domain::title::{Course, End, Evaluation, Refusal, State, Title};
use crate::domain::union::Union;

/// What the journal calls the steps.
pub const GIVE: &str = "title.give";
pub const CONFIRM: &str = "title.confirm";
pub const FAIL: &str = "title.fail";
pub const END: &str = "title.end";

/// A title, whose it is, and the version that it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub id: TitleId,
    pub union: UnionId,
    pub title: Title,
    pub version: i64,
}

type Ids = (i64, i64);
type Given = (String, String, String, String);
type Steps = (i16, String, Option<String>, Option<String>, Option<String>, Option<String>);
type Row = (Ids, Given, Steps, i16, i64);
type Columns = (
    (t::id, t::union_id),
    (t::label, t::tier, t::named_by, t::given_on),
    (t::state, t::due, t::confirmed_on, t::failed_on, t::ending, t::reason),
    t::evaluation,
    t::version,
);
const COLUMNS: Columns = (
    (t::id, t::union_id),
    (t::label, t::tier, t::named_by, t::given_on),
    (t::state, t::due, t::confirmed_on, t::failed_on, t::ending, t::reason),
    t::evaluation,
    t::version,
);

fn stored_of(((id, union), given, steps, evaluation, version): Row) -> Result<Stored, DatabaseError> {
    let wrong = || DatabaseError::Row(format!("title {id}"));
    let day = |text: &str| dates::read(text).ok_or_else(wrong);
    let (label, tier, named_by, given_on) = given;
    let (state, due, confirmed_on, failed_on, ending, reason) = steps;
    let due = due_of(&due)?;
    let course = match (state, due, failed_on, ending.as_deref().and_then(End::from_code), reason) {
        (HELD, review, None, None, None) => Course::Held { review },
        (CORRECTING, until, Some(failed_on), None, Some(why)) => {
            Course::Correcting { failed_on: day(&failed_on)?, until: until.unwrap_or(Date::MAX), why }
        }
        (ENDED, Some(on), None, Some(how), Some(why)) => Course::Ended { on, how, why },
        _ => return Err(wrong()),
    };
    let evaluations = [Evaluation::Apart, Evaluation::Sound, Evaluation::FellShort];
    let evaluation = evaluations.into_iter().find(|known| number_of(*known) == evaluation).ok_or_else(wrong)?;
    let title = Title {
        label,
        tier: (!tier.is_empty()).then_some(tier),
        named_by,
        given_on: day(&given_on)?,
        confirmed_on: confirmed_on.as_deref().map(day).transpose()?,
        course,
        evaluation,
    };
    Ok(Stored { id: TitleId(id), union: UnionId(union), title, version })
}

/// What a row says of how far a title has come.
type Written = (
    diesel::dsl::Eq<t::state, i16>,
    diesel::dsl::Eq<t::due, String>,
    diesel::dsl::Eq<t::confirmed_on, Option<String>>,
    diesel::dsl::Eq<t::failed_on, Option<String>>,
    diesel::dsl::Eq<t::ending, Option<&'static str>>,
    diesel::dsl::Eq<t::reason, Option<String>>,
);

fn steps(title: &Title) -> Written {
    let (state, failed_on, ending, why) = match &title.course {
        Course::Held { .. } => (HELD, None, None, None),
        Course::Correcting { failed_on, why, .. } => (CORRECTING, Some(dates::written(*failed_on)), None, Some(why)),
        Course::Ended { how, why, .. } => (ENDED, None, Some(how.code()), Some(why)),
    };
    (
        t::state.eq(state),
        t::due.eq(due_text(title.due())),
        t::confirmed_on.eq(title.confirmed_on.map(dates::written)),
        t::failed_on.eq(failed_on),
        t::ending.eq(ending),
        t::reason.eq(why.cloned()),
    )
}

/// Puts down a title that a union was given, and what its results mean for it. Journals.
///
/// # Errors
/// `SameTitle` while the union holds one of the same name from the same body.
pub fn give(connection: &mut AnyConnection, union: &Union, title: &Title, by: By) -> Result<TitleId, StoreError> {
    // Its place in the tree as it is by now, and nobody else puts one down meanwhile.
    let (path, _) = hold_union(connection, union.id)?;
    let same = of_union(connection, union.id)?.into_iter().any(|held| {
        !held.title.has_ended() && held.title.label == title.label && held.title.named_by == title.named_by
    });
    if same {
        return Err(StoreError::SameTitle);
    }
    let given = (
        t::union_id.eq(union.id.0),
        t::path.eq(&path),
        t::label.eq(&title.label),
        t::tier.eq(title.tier.as_deref().unwrap_or_default()),
        t::named_by.eq(&title.named_by),
        t::given_on.eq(dates::written(title.given_on)),
        t::evaluation.eq(number_of(title.evaluation)),
        t::version.eq(0),
    );
    let id: i64 =
        diesel::insert_into(t::table).values((given, steps(title))).returning(t::id).get_result(connection)?;
    look_at_results(connection, union.id)?;
    let detail = format!("{}，{}，{}", title.label, title.named_by, dates::in_words(title.given_on));
    note(connection, union.id, GIVE, &detail, by)?;
    Ok(TitleId(id))
}

/// Takes a step. Journals `action`.
///
/// # Errors
/// `Title` when the step is refused, `Stale` when somebody was faster than whoever saw version `seen`, `NoSuchTitle`.
pub fn change(
    connection: &mut AnyConnection,
    id: TitleId,
    seen: i64,
    action: &str,
    detail: &str,
    by: By,
    step: impl FnOnce(Title) -> Result<Title, Refusal>,
) -> Result<(), StoreError> {
    let stored = load(connection, id)?.ok_or(StoreError::NoSuchTitle)?;
    let title = step(stored.title)?;
    let changed = diesel::update(t::table.filter(t::id.eq(id.0)).filter(t::version.eq(seen)))
        .set((steps(&title), t::version.eq(seen + 1)))
        .execute(connection)?;
    if changed != 1 {
        return Err(StoreError::Stale);
    }
    let detail = if detail.is_empty() { title.label } else { format!("{}，{detail}", title.label) };
    note(connection, stored.union, action, &detail, by)?;
    Ok(())
}

fn note(
    connection: &mut AnyConnection,
    union: UnionId,
    action: &str,
    detail: &str,
    by: By,
) -> Result<(), DatabaseError> {
    let entry = journal::Entry { at: by.at, account: by.account, union: Some(union), poll: None, action, detail };
    journal::write(connection, &entry)
}

/// The title with this id.
///
/// # Errors
/// Database faults.
pub fn load(connection: &mut AnyConnection, id: TitleId) -> Result<Option<Stored>, DatabaseError> {
    t::table.find(id.0).select(COLUMNS).first::<Row>(connection).optional()?.map(stored_of).transpose()
}

/// The titles of a union, those that are held first, the newest of them first.
///
/// # Errors
/// Database faults.
pub fn of_union(connection: &mut AnyConnection, union: UnionId) -> Result<Vec<Stored>, DatabaseError> {
    let rows: Vec<Row> = t::table
        .filter(t::union_id.eq(union.0))
        .order((t::state.eq(ENDED), t::given_on.desc(), t::id.desc()))
        .select(COLUMNS)
        .load(connection)?;
    rows.into_iter().map(stored_of).collect()
}

/// The titles that are held in the area that the union with this path heads, its own included: union and title, by
/// the day on which they were given.
///
/// # Errors
/// Database faults.
pub fn held(connection: &mut AnyConnection, path: &str) -> Result<Vec<(UnionId, Title)>, DatabaseError> {
    let (from, to) = subtree(path);
    let rows: Vec<Row> = t::table
        .filter(t::state.ne(ENDED))
        .filter(t::path.ge(from))
        .filter(t::path.lt(to))
        .order((t::given_on, t::id))
        .select(COLUMNS)
        .load(connection)?;
    rows.into_iter().map(|row| stored_of(row).map(|stored| (stored.union, stored.title))).collect()
}

/// The results of these unions: the certified round of each year, newest first.
///
/// # Errors
/// Database faults.
pub fn results(
    connection: &mut AnyConnection,
    unions: &[UnionId],
) -> Result<Vec<(UnionId, u16, PollId, Class)>, DatabaseError> {
    let rows: Vec<(i64, i32, i64, i32)> = s::table
        .filter(s::union_id.eq_any(unions.iter().map(|id| id.0)))
        .filter(s::current.eq(true))
        .order(s::year.desc())
        .select((s::union_id, s::year, s::poll_id, s::class))
        .load(connection)?;
    let mut found = Vec::new();
    for (union, year, poll, number) in rows {
        let wrong = || DatabaseError::Row(format!("standing of round {poll}"));
        let class = Class::from_number(number).ok_or_else(wrong)?;
        if class.stage.is_held() {
            found.push((UnionId(union), u16::try_from(year).map_err(|_| wrong())?, PollId(poll), class));
        }
    }
    Ok(found)
}

/// What to show of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of the union's name; empty: any.
    pub name: String,
    /// The grade; empty for titles that are none of the rules' grades.
    pub tier: Option<String>,
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

/// One title of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub union: Union,
    pub stored: Stored,
}

impl Line {
    /// Where the page after this line begins.
    #[must_use]
    pub fn place(&self, today: Date) -> Place {
        let title = &self.stored.title;
        Place { state: title.state(today), due: title.due(), row: self.stored.id.0 }
    }
}

/// Which rows are in a state.
struct Rows {
    course: i16,
    /// Days `[from, to)`.
    from: String,
    to: String,
    /// Evaluations from the first to the second number.
    evaluations: (i16, i16),
}

fn rows_in(state: State, today: Date) -> Rows {
    // "~" is behind every day that is written.
    let (start, end) = (String::new, || "~".to_owned());
    let tomorrow = dates::written(today.saturating_add(Duration::DAY));
    let today = dates::written(today);
    let (sound, short) = (number_of(Evaluation::Sound), number_of(Evaluation::FellShort));
    let rows = |course, from, to| Rows { course, from, to, evaluations: (0, short) };
    match state {
        State::ReviewDue => rows(HELD, start(), tomorrow),
        State::InQuestion => Rows { evaluations: (short, short), ..rows(HELD, tomorrow, end()) },
        State::Held => Rows { evaluations: (0, sound), ..rows(HELD, tomorrow, end()) },
        State::Expired => rows(CORRECTING, start(), today),
        State::Correcting => rows(CORRECTING, today, end()),
        State::Ended => rows(ENDED, start(), end()),
    }
}

/// A page of the titles of the unions below the one with this path: what needs a deed first, then by day; at most
/// `limit` lines after `after`.
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
        part(connection, path, filter, rows_in(state, today), after, limit)
    })
}

/// The part of a page that is in one state.
fn part(
    connection: &mut AnyConnection,
    path: &str,
    filter: &Filter,
    rows: Rows,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Line>, DatabaseError> {
    let (from, to) = subtree(path);
    let (due, title) = Place::behind(after, &rows.from);
    let (lowest, highest) = rows.evaluations;
    let any = filter.tier.is_none();
    let found: Vec<(unions::Row, Row)> = t::table
        .inner_join(u::table.on(u::id.eq(t::union_id)))
        .filter(t::state.eq(rows.course))
        .filter(t::due.ge(&due))
        .filter(t::due.lt(rows.to))
        .filter(t::due.gt(&due).or(t::id.gt(title)))
        .filter(t::evaluation.between(lowest, highest))
        .filter(t::path.gt(from))
        .filter(t::path.lt(to))
        .filter(t::tier.eq(filter.tier.as_deref().unwrap_or_default()).or(any.into_sql::<diesel::sql_types::Bool>()))
        .filter(lower(u::name).like(lower(part_of(&filter.name))).escape(LITERALLY))
        .order((t::due, t::id))
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((u::all_columns, COLUMNS))
        .load(connection)?;
    let line_of = |(union, row)| Ok(Line { union: union_of(union)?, stored: stored_of(row)? });
    found.into_iter().map(line_of).collect()
}

/// How many titles of the tree need a deed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// 复核到期
    pub review_due: u64,
    /// 整改逾期
    pub expired: u64,
    /// 评议未达标
    pub in_question: u64,
}

/// Counts what needs a deed below the union with this path.
///
/// # Errors
/// Database faults.
pub fn counts(connection: &mut AnyConnection, path: &str, today: Date) -> Result<Counts, DatabaseError> {
    let (below, end_of_area) = subtree(path);
    let mut count = |state: State| -> Result<u64, DatabaseError> {
        let Rows { course, from, to, evaluations: (lowest, highest) } = rows_in(state, today);
        let rows = t::table
            .filter(t::state.eq(course))
            .filter(t::due.ge(from))
            .filter(t::due.lt(to))
            .filter(t::evaluation.between(lowest, highest))
            .filter(t::path.gt(&below))
            .filter(t::path.lt(&end_of_area));
        Ok(unsigned(rows.count().get_result(connection)?))
    };
    Ok(Counts {
        review_due: count(State::ReviewDue)?,
        expired: count(State::Expired)?,
        in_question: count(State::InQuestion)?,
    })
}
