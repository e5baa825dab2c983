//! What a union above sees of its tree: a page of it, its totals, and what waits for it.
//!
//! A page costs one query, whatever the number of rounds held; totals are counted from one index that holds the
//! area in the order of its paths (measured in `benches/rollup.rs`).

use diesel::prelude::*;

use super::unions::{self, subtree, union_of};
use crate::database::schema::{journal as j, poll as p, standing as s, trade_union as u};
use crate::database::{AnyConnection, DatabaseError};
use crate::domain::ids::{PollId, UnionId};
use crate::domain::standing::{Class, DecidingRate, Rating, Stage, Waits};
use crate::domain::text::seen;
use crate::domain::union::{Category, Union};
use crate::domain::verdict::{Fraction, RateKind};
use time::OffsetDateTime;

/// A union and its round of the year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub union: Union,
    pub round: Option<RoundLine>,
}

/// Where the round of the year stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundLine {
    pub poll: PollId,
    pub class: Class,
    pub expected: u64,
    /// Who was there, from the sheet.
    pub present: Option<u64>,
    /// Slips handed out, once they were counted.
    pub issued: Option<u64>,
    /// Ballots that came back, once the box was opened.
    pub returned: Option<u64>,
    /// Valid ballots, from the sheet.
    pub valid: Option<u64>,
    /// The sheet in force.
    pub sheet: Option<String>,
    pub rate: Option<DecidingRate>,
    rate_order: i32,
    turnout_order: i32,
}

/// What to show of the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of the union's name; empty: any.
    pub name: String,
    pub stage: Option<Stage>,
    pub rating: Option<Rating>,
    /// Only unions without a round in the year, of those that should have one.
    pub none: bool,
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// That of the tree.
    #[default]
    Tree,
    /// The lowest rate first; unions without a rate are left out.
    Rate,
    /// The lowest turnout first; unions whose box was not opened are left out.
    Turnout,
}

/// The line after which a page begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct After {
    /// Rate or turnout of that line where these sort; else 0.
    pub order: i32,
    /// Path of its union. Empty: the first page.
    pub path: String,
}

impl Line {
    /// Where the page after this line begins.
    #[must_use]
    pub fn place(&self, sort: Sort) -> After {
        let order = self.round.as_ref().map_or(0, |round| match sort {
            Sort::Tree => 0,
            Sort::Rate => round.rate_order,
            Sort::Turnout => round.turnout_order,
        });
        After { order, path: self.union.path.clone() }
    }
}

pub(super) type RoundColumns = (
    s::poll_id,
    s::class,
    (s::expected, s::present, s::issued, s::returned, s::valid),
    s::sheet_id,
    (s::numerator, s::base, s::threshold_num, s::threshold_den),
    (s::rate, s::turnout),
);
pub(super) const ROUND: RoundColumns = (
    s::poll_id,
    s::class,
    (s::expected, s::present, s::issued, s::returned, s::valid),
    s::sheet_id,
    (s::numerator, s::base, s::threshold_num, s::threshold_den),
    (s::rate, s::turnout),
);

type Rate = (Option<i64>, Option<i64>, Option<i64>, Option<i64>);
type Counts = (i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>);
pub(super) type RoundRow = (i64, i32, Counts, Option<String>, Rate, (i32, i32));

pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn class_of(number: i32) -> Result<Class, DatabaseError> {
    Class::from_number(number).ok_or_else(|| DatabaseError::Row(format!("class of a round: {number}")))
}

pub(super) fn round_of(row: RoundRow) -> Result<RoundLine, DatabaseError> {
    let (poll, class, (expected, present, issued, returned, valid), sheet, rate, (rate_order, turnout_order)) = row;
    let class = class_of(class)?;
    let rate = match (class.rate, rate) {
        (Some(known), (Some(numerator), Some(base), Some(num), Some(den))) => {
            Fraction::new(unsigned(num), unsigned(den)).map(|threshold| DecidingRate {
                kind: known.kind,
                numerator: unsigned(numerator),
                base: unsigned(base),
                comparator: known.comparator,
                threshold,
            })
        }
        _ => None,
    };
    Ok(RoundLine {
        poll: PollId(poll),
        class,
        expected: unsigned(expected),
        present: present.map(unsigned),
        issued: issued.map(unsigned),
        returned: returned.map(unsigned),
        valid: valid.map(unsigned),
        sheet,
        rate,
        rate_order,
        turnout_order,
    })
}

fn line_of((union, round): (unions::Row, Option<RoundRow>)) -> Result<Line, DatabaseError> {
    Ok(Line { union: union_of(union)?, round: round.map(round_of).transpose()? })
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Small letters. SQLite takes small and capital ones for the same in LIKE by itself, PostgreSQL does not.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Before a character that LIKE would take for "any".
pub(super) const LITERALLY: char = '\\';

/// A pattern for any part of a name. No name has characters in it that nobody sees, and a database may refuse some.
pub(super) fn part_of(name: &str) -> String {
    let mut pattern = "%".to_owned();
    for letter in seen(name).chars() {
        if matches!(letter, '%' | '_' | LITERALLY) {
            pattern.push(LITERALLY);
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// Whether a union's name has this in it, in capital or small letters.
macro_rules! is_named {
    ($filter:expr) => {
        lower(u::name).like(lower(part_of(&$filter.name))).escape(LITERALLY)
    };
}

/// The codes of such categories.
fn codes(fits: impl Fn(Category) -> bool) -> Vec<&'static str> {
    Category::ALL.into_iter().filter(|category| fits(*category)).map(Category::code).collect()
}

/// A page of the area that the union with this path heads, itself included: at most `limit` lines after `after`.
///
/// # Errors
/// Database faults.
pub fn page(
    connection: &mut AnyConnection,
    path: &str,
    year: u16,
    filter: &Filter,
    sort: Sort,
    after: &After,
    limit: i64,
) -> Result<Vec<Line>, DatabaseError> {
    let sorted = sort != Sort::Tree || filter.stage.is_some() || filter.rating.is_some();
    if sorted && !filter.none {
        return held(connection, path, year, filter, sort, after, limit);
    }
    let (from, to) = subtree(path);
    let rounds = s::union_id.eq(u::id).and(s::year.eq(i32::from(year))).and(s::current.eq(true));
    let tree = u::table
        .left_join(s::table.on(rounds))
        .filter(u::path.ge(from))
        .filter(u::path.lt(to))
        .filter(u::path.gt(&after.path))
        .filter(is_named!(filter))
        .order(u::path)
        .limit(limit)
        .select((u::all_columns, ROUND.nullable()));
    let rows: Vec<(unions::Row, Option<RoundRow>)> = if filter.none {
        let judged = u::category.eq_any(codes(Category::needs_rules));
        tree.filter(s::poll_id.nullable().is_null()).filter(judged).load(connection)?
    } else {
        tree.load(connection)?
    };
    rows.into_iter().map(line_of).collect()
}

/// How many rounds of the year these unions have beside the one shown; unions without are left out.
///
/// # Errors
/// Database faults.
pub fn other_rounds(
    connection: &mut AnyConnection,
    unions: &[UnionId],
    year: u16,
) -> Result<Vec<(UnionId, u64)>, DatabaseError> {
    let rows: Vec<(i64, i64)> = s::table
        .filter(s::union_id.eq_any(unions.iter().map(|id| id.0)))
        .filter(s::year.eq(i32::from(year)))
        .filter(s::current.eq(false))
        .group_by(s::union_id)
        .select((s::union_id, diesel::dsl::count_star()))
        .load(connection)?;
    Ok(rows.into_iter().map(|(id, count)| (UnionId(id), unsigned(count))).collect())
}

/// The part of the area that has a round of the year, by what the round is like.
fn held(
    connection: &mut AnyConnection,
    path: &str,
    year: u16,
    filter: &Filter,
    sort: Sort,
    after: &After,
    limit: i64,
) -> Result<Vec<Line>, DatabaseError> {
    let (from, to) = subtree(path);
    // Where the order is that of rate or turnout the index of that order is walked until the page is full; an
    // expression in the place of the path keeps the database from sorting the whole area instead.
    macro_rules! rounds {
        ($path:expr) => {{
            let rounds = s::table
                .inner_join(u::table.on(u::id.eq(s::union_id)))
                .filter(s::year.eq(i32::from(year)))
                .filter(s::current.eq(true))
                .filter($path.ge(&from))
                .filter($path.lt(&to))
                .filter(is_named!(filter))
                .limit(limit)
                .select((u::all_columns, ROUND.nullable()));
            rounds
        }};
    }
    macro_rules! sorted {
        ($column:expr) => {{
            let rounds = rounds!(s::path.concat(""))
                .filter($column.ge(after.order.max(0)))
                .filter($column.gt(after.order).or($column.eq(after.order).and(s::path.gt(&after.path))))
                .order(($column, s::path));
            match classes(filter) {
                Some(classes) => rounds.filter(s::class.eq_any(classes)).load(connection)?,
                None => rounds.load(connection)?,
            }
        }};
    }
    let rows: Vec<(unions::Row, Option<RoundRow>)> = match sort {
        Sort::Tree => rounds!(s::path)
            .filter(s::path.gt(&after.path))
            .filter(s::class.eq_any(classes(filter).unwrap_or_default()))
            .order(s::path)
            .load(connection)?,
        Sort::Rate => sorted!(s::rate),
        Sort::Turnout => sorted!(s::turnout),
    };
    rows.into_iter().map(line_of).collect()
}

/// The numbers of the classes that the filter lets through; none where it lets all through.
fn classes(filter: &Filter) -> Option<Vec<i32>> {
    let wanted = |stage, rating| {
        filter.stage.is_none_or(|wanted| wanted == stage) && filter.rating.is_none_or(|wanted| Some(wanted) == rating)
    };
    (filter.stage.is_some() || filter.rating.is_some()).then(|| Class::numbers(wanted))
}

/// How an area stands in a year.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Unions in the area, its head included.
    pub unions: u64,
    /// Of these, unions that look after others, need no rules of their own and hold no round of the year (总工会): nobody
    /// judges them, and no share is one of them.
    pub unjudged: u64,
    /// Of these, grassroots unions.
    pub grassroots: u64,
    /// Of these, unions whose round of the year is certified.
    pub grassroots_held: u64,
    /// Class of the round of the year → unions.
    pub classes: Vec<(Class, u64)>,
}

impl Totals {
    /// Unions whose round is such.
    #[must_use]
    pub fn count(&self, fits: impl Fn(Class) -> bool) -> u64 {
        self.classes.iter().filter(|(class, _)| fits(*class)).map(|(_, count)| count).sum()
    }

    /// Unions without a round in the year, of those that should have one.
    #[must_use]
    pub fn none(&self) -> u64 {
        self.unions.saturating_sub(self.unjudged).saturating_sub(self.count(|_| true))
    }

    /// The satisfaction rates that decided, as `(numerator, base)` that fall into the same twentieth: for charts.
    #[must_use]
    pub fn rates(&self) -> Vec<(u64, u64)> {
        let rates = self.classes.iter().filter_map(|(class, count)| Some((class.rate?, *count)));
        rates
            .filter(|(rate, _)| rate.kind == RateKind::Satisfaction)
            .flat_map(|(rate, count)| {
                std::iter::repeat_n((u64::from(rate.twentieths), 20), usize::try_from(count).unwrap_or(usize::MAX))
            })
            .collect()
    }

    /// The totals of these lines alone.
    #[must_use]
    pub fn of(lines: &[Line]) -> Self {
        let mut totals = Totals::default();
        for line in lines {
            let class = line.round.as_ref().map(|round| round.class);
            totals.unions += 1;
            totals.unjudged += u64::from(class.is_none() && !line.union.category.needs_rules());
            totals.grassroots += u64::from(line.union.category.is_grassroots());
            if let Some(class) = class {
                totals.add_round(class, line.union.category.is_grassroots(), 1);
            }
        }
        totals
    }

    fn add_round(&mut self, class: Class, grassroots: bool, count: u64) {
        if grassroots && class.stage.is_held() {
            self.grassroots_held += count;
        }
        match self.classes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, sum)) => *sum += count,
            None => self.classes.push((class, count)),
        }
    }
}

/// The totals of the area that the union with this path heads, itself included.
///
/// # Errors
/// Database faults.
pub fn totals(connection: &mut AnyConnection, path: &str, year: u16) -> Result<Totals, DatabaseError> {
    let (from, to) = subtree(path);
    let area = u::path.ge(&from).and(u::path.lt(&to));
    let categories: Vec<(String, i64)> = u::table
        .filter(area)
        .group_by(u::category)
        .select((u::category, diesel::dsl::count_star()))
        .load(connection)?;
    // By the path, so that both indexes of an area are all that is read.
    let round = s::table.filter(s::year.eq(i32::from(year))).filter(s::current.eq(true)).filter(s::path.eq(u::path));
    let unjudged: i64 = u::table
        .filter(area)
        .filter(u::category.eq_any(codes(|category| !category.needs_rules())))
        .filter(diesel::dsl::not(diesel::dsl::exists(round)))
        .count()
        .get_result(connection)?;
    let unions: i64 = categories.iter().map(|(_, count)| count).sum();
    let is_grassroots = |code: &str| Category::from_code(code).is_some_and(Category::is_grassroots);
    let grassroots: i64 =
        categories.iter().filter(|(category, _)| is_grassroots(category)).map(|(_, count)| count).sum();
    let rows: Vec<(i32, bool, i64)> = s::table
        .filter(s::year.eq(i32::from(year)))
        .filter(s::current.eq(true))
        .filter(s::path.ge(&from))
        .filter(s::path.lt(&to))
        .group_by((s::class, s::grassroots))
        .select((s::class, s::grassroots, diesel::dsl::count_star()))
        .load(connection)?;
    let mut totals = Totals {
        unions: unsigned(unions),
        unjudged: unsigned(unjudged),
        grassroots: unsigned(grassroots),
        ..Totals::default()
    };
    for (number, grassroots, count) in rows {
        totals.add_round(class_of(number)?, grassroots, unsigned(count));
    }
    totals.classes.sort_by_key(|(class, _)| class.number());
    Ok(totals)
}

/// The grassroots unions below the union with this path; with `held_only` those whose round of the year is certified.
///
/// # Errors
/// Database faults.
pub fn grassroots(
    connection: &mut AnyConnection,
    path: &str,
    year: u16,
    held_only: bool,
) -> Result<Vec<(UnionId, String)>, DatabaseError> {
    let (from, to) = subtree(path);
    let rows: Vec<(i64, String)> = if held_only {
        s::table
            .inner_join(u::table.on(u::id.eq(s::union_id)))
            .filter(s::year.eq(i32::from(year)))
            .filter(s::current.eq(true))
            .filter(s::path.gt(from))
            .filter(s::path.lt(to))
            .filter(s::grassroots.eq(true))
            .filter(s::class.eq_any(Class::numbers(|stage, _| stage.is_held())))
            .order(s::path)
            .select((u::id, u::name))
            .load(connection)?
    } else {
        u::table
            .filter(u::path.gt(from))
            .filter(u::path.lt(to))
            .filter(u::category.eq_any(codes(Category::is_grassroots)))
            .order(u::path)
            .select((u::id, u::name))
            .load(connection)?
    };
    Ok(rows.into_iter().map(|(id, name)| (UnionId(id), name)).collect())
}

/// The first and the last year with a round in the installation; none before there is one.
///
/// # Errors
/// Database faults.
pub fn years(connection: &mut AnyConnection) -> Result<Option<(u16, u16)>, DatabaseError> {
    let first: Option<i32> = s::table.order(s::year).select(s::year).first(connection).optional()?;
    let last: Option<i32> = s::table.order(s::year.desc()).select(s::year).first(connection).optional()?;
    let year = |year: i32| u16::try_from(year).map_err(|_| DatabaseError::Row(format!("year {year}")));
    Ok(first.map(year).transpose()?.zip(last.map(year).transpose()?))
}

/// A round that waits for a union above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub poll: PollId,
    pub union: UnionId,
    /// Name of the union.
    pub name: String,
    /// Title of the round.
    pub title: String,
    pub expected: u64,
    /// Since when: the line of the journal with which it came to wait.
    pub since: Option<OffsetDateTime>,
}

/// What waits for the union with this path: rounds of the unions below it, what waits longest first.
///
/// # Errors
/// Database faults.
pub fn waiting(
    connection: &mut AnyConnection,
    path: &str,
    what: Waits,
    limit: i64,
) -> Result<Vec<Waiting>, DatabaseError> {
    type Row = (i64, i64, String, String, i64, Option<i64>);
    let (from, to) = subtree(path);
    // What was written before a round moved is named in its row; the round's own next line is about the move.
    let next = j::table.filter(j::poll_id.eq(s::poll_id.nullable())).filter(j::id.gt(s::moved));
    let since = next.order(j::id).select(j::at).limit(1);
    let rows: Vec<Row> = s::table
        .inner_join(u::table.on(u::id.eq(s::union_id)))
        .inner_join(p::table.on(p::id.eq(s::poll_id)))
        .filter(s::waits.eq(what.number()))
        .filter(s::path.gt(from))
        .filter(s::path.lt(to))
        .order((s::moved, s::poll_id))
        .limit(limit)
        .select((s::poll_id, s::union_id, u::name, p::facts, s::expected, since.single_value()))
        .load(connection)?;
    let of_row = |(poll, union, name, facts, expected, since): Row| {
        let facts: crate::domain::poll::Facts =
            serde_json::from_str(&facts).map_err(|_| DatabaseError::Row(format!("facts of round {poll}")))?;
        Ok(Waiting {
            poll: PollId(poll),
            union: UnionId(union),
            name,
            title: facts.title,
            expected: unsigned(expected),
            since: since.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()),
        })
    };
    rows.into_iter().map(of_row).collect()
}

/// How many electorates and how many sheets wait for the union with this path.
///
/// # Errors
/// Database faults.
pub fn waiting_counts(connection: &mut AnyConnection, path: &str) -> Result<(u64, u64), DatabaseError> {
    let (from, to) = subtree(path);
    let mut count = |what: Waits| -> Result<u64, DatabaseError> {
        let rows = s::table.filter(s::waits.eq(what.number())).filter(s::path.gt(&from)).filter(s::path.lt(&to));
        Ok(unsigned(rows.count().get_result(connection)?))
    };
    Ok((count(Waits::Roll)?, count(Waits::Sheet)?))
}

diesel::allow_columns_to_appear_in_same_group_by_clause!(s::class, s::grassroots);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::standing::RateClass;

    #[test]
    fn only_satisfaction_rates_are_drawn_as_such() {
        let usual = RateClass::satisfaction(18);
        let class = |rate| Class { stage: Stage::Accepted, rating: Some(Rating::NotMet), rate };
        let aware = RateClass { kind: RateKind::Awareness, ..usual };
        let classes = vec![(class(Some(usual)), 2), (class(Some(aware)), 3), (class(None), 1)];
        assert_eq!(Totals { unions: 6, classes, ..Totals::default() }.rates(), [(18, 20), (18, 20)]);
    }
}
