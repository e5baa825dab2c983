//! What certified rounds came to, and the screen of a union above: its whole tree with the round of a year.

use diesel::IntoSql as _;
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::StoreError;
use super::unions::{self, subtree, union_of};
use crate::database::schema::{outcome as o, poll as p, trade_union as u};
use crate::database::{AnyConnection, DatabaseError};
use crate::domain::ids::{PollId, SheetId};
use crate::domain::sheet::SheetPayload;
use crate::domain::union::Union;
use crate::domain::verdict::{Outcome, Trigger, Verdict};

/// The figures of one certified round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    pub sheet: SheetId,
    pub verdict: Verdict,
    pub overhaul: bool,
    pub expected: u64,
    pub present: u64,
    pub issued: u64,
    pub returned: u64,
    /// `(numerator, base, threshold numerator, threshold denominator)` of the rate that decided.
    pub rate: Option<(u64, u64, u64, u64)>,
}

/// One line of the screen: a union, and its round of the year if it holds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub union: Union,
    pub round: Option<Round>,
}

/// A round on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    pub poll: PollId,
    /// Code of its phase.
    pub phase: String,
    pub expected: u64,
    pub figures: Option<Figures>,
}

/// What to show of the tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Part of the union's name; empty = any.
    pub name: &'a str,
    /// Code of a phase, `none` for unions without a round; empty = any.
    pub phase: &'a str,
    /// Code of a verdict, or `overhaul`; empty = any.
    pub outcome: &'a str,
}

/// How many unions stand where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines that the filter lets through.
    pub lines: i64,
    /// Unions in the subtree below its head, those that are judged: all but 总工会.
    pub judged: i64,
    /// Of these, unions with a certified round of the year.
    pub evaluated: i64,
    /// Code of the phase → rounds of the year.
    pub phases: Vec<(String, i64)>,
    /// Code of the verdict → certified rounds of the year.
    pub verdicts: Vec<(String, i64)>,
    /// Rounds with the trigger 整顿.
    pub overhauls: i64,
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// The code of a verdict in rows and filters.
#[must_use]
pub fn verdict_code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::NotMet => "not_met",
        Verdict::Invalid => "invalid",
        Verdict::CannotAssess => "cannot_assess",
    }
}

fn verdict_of(code: &str) -> Result<Verdict, DatabaseError> {
    [Verdict::Met, Verdict::NotMet, Verdict::Invalid, Verdict::CannotAssess]
        .into_iter()
        .find(|verdict| verdict_code(*verdict) == code)
        .ok_or_else(|| DatabaseError::Row(format!("verdict {code}")))
}

/// Sets down what the sheet in force says, in the place of the sheet before it.
///
/// # Errors
/// Database faults.
pub fn put(connection: &mut AnyConnection, id: &SheetId, sheet: &SheetPayload) -> Result<(), StoreError> {
    let metrics = &sheet.assessment.metrics;
    // The rate that decided: the first that fell short, else the first.
    let metric = metrics.iter().find(|metric| metric.outcome == Outcome::NotMet).or(metrics.first());
    diesel::delete(o::table.filter(o::poll_id.eq(sheet.round.poll.0))).execute(connection)?;
    diesel::insert_into(o::table)
        .values((
            o::poll_id.eq(sheet.round.poll.0),
            o::sheet_id.eq(id.as_str()),
            o::verdict.eq(verdict_code(sheet.assessment.verdict)),
            o::overhaul.eq(sheet.assessment.triggers.contains(&Trigger::Overhaul)),
            o::expected.eq(signed(sheet.counts.expected)),
            o::present.eq(signed(sheet.counts.present)),
            o::issued.eq(signed(sheet.counts.issued)),
            o::returned.eq(signed(sheet.counts.returned)),
            o::numerator.eq(metric.map(|metric| signed(metric.numerator))),
            o::base.eq(metric.map(|metric| signed(metric.base))),
            o::threshold_num.eq(metric.map(|metric| signed(metric.threshold.num()))),
            o::threshold_den.eq(metric.map(|metric| signed(metric.threshold.den()))),
        ))
        .execute(connection)?;
    Ok(())
}

type FigureRow = (String, String, bool, (i64, i64, i64, i64), (Option<i64>, Option<i64>, Option<i64>, Option<i64>));
type LineRow = (unions::Row, Option<(i64, String, String)>, Option<FigureRow>);

fn figures_of(row: FigureRow) -> Result<Figures, DatabaseError> {
    let (sheet, verdict, overhaul, (expected, present, issued, returned), rate) = row;
    let rate = match rate {
        (Some(numerator), Some(base), Some(num), Some(den)) => {
            Some((unsigned(numerator), unsigned(base), unsigned(num), unsigned(den)))
        }
        _ => None,
    };
    Ok(Figures {
        sheet: sheet.parse().map_err(|_| DatabaseError::Row(format!("name of sheet {sheet}")))?,
        verdict: verdict_of(&verdict)?,
        overhaul,
        expected: unsigned(expected),
        present: unsigned(present),
        issued: unsigned(issued),
        returned: unsigned(returned),
        rate,
    })
}

fn line_of((union, round, figures): LineRow) -> Result<Line, DatabaseError> {
    let round = match round {
        None => None,
        Some((poll, phase, facts)) => {
            let facts: crate::domain::poll::Facts =
                serde_json::from_str(&facts).map_err(|_| DatabaseError::Row(format!("facts of round {poll}")))?;
            let figures = figures.map(figures_of).transpose()?;
            Some(Round { poll: PollId(poll), phase, expected: facts.expected.into(), figures })
        }
    };
    Ok(Line { union: union_of(union)?, round })
}

/// The tree of a year, joined and filtered. A macro, because the type of such a query has no name.
macro_rules! tree {
    ($path:expr, $year:expr, $filter:expr) => {{
        let (from, to) = subtree($path);
        // What stands for "any part" in LIKE is no part of names.
        let name = format!("%{}%", $filter.name.replace(['%', '_', '\\'], ""));
        let (phase, outcome) = ($filter.phase.to_owned(), $filter.outcome.to_owned());
        u::table
            .left_join(p::table.on(p::union_id.eq(u::id).and(p::year.eq($year)).and(p::phase.ne("void"))))
            .left_join(o::table.on(o::poll_id.nullable().eq(p::id.nullable())))
            .filter(u::path.ge(from))
            .filter(u::path.lt(to))
            .filter(u::name.like(name))
            .filter(
                phase
                    .is_empty()
                    .into_sql::<Bool>()
                    .or((phase == "none").into_sql::<Bool>().and(p::id.nullable().is_null()))
                    .or(p::phase.nullable().is_not_null().and(p::phase.nullable().assume_not_null().eq(phase))),
            )
            .filter(
                outcome
                    .is_empty()
                    .into_sql::<Bool>()
                    .or(o::verdict
                        .nullable()
                        .is_not_null()
                        .and(o::verdict.nullable().assume_not_null().eq(outcome.clone())))
                    .or((outcome == "overhaul")
                        .into_sql::<Bool>()
                        .and(o::overhaul.nullable().is_not_null())
                        .and(o::overhaul.nullable().assume_not_null().eq(true))),
            )
    }};
}

/// A page of the tree below and including the union with this path, in the order of the tree. One query,
/// whatever the number of rounds.
///
/// # Errors
/// Database faults.
pub fn lines(
    connection: &mut AnyConnection,
    path: &str,
    year: i32,
    filter: Filter<'_>,
    offset: i64,
    limit: i64,
) -> Result<Vec<Line>, DatabaseError> {
    let rows: Vec<LineRow> = tree!(path, year, filter)
        .order((u::path, p::id.nullable()))
        .offset(offset)
        .limit(limit)
        .select((
            (u::id, u::superior_id, u::path, u::name, u::credit_code, u::category, u::rule_set),
            (p::id, p::phase, p::facts).nullable(),
            (
                o::sheet_id,
                o::verdict,
                o::overhaul,
                (o::expected, o::present, o::issued, o::returned),
                (o::numerator, o::base, o::threshold_num, o::threshold_den),
            )
                .nullable(),
        ))
        .load(connection)?;
    rows.into_iter().map(line_of).collect()
}

/// The totals of the subtree: five queries, whatever the number of rounds.
///
/// # Errors
/// Database faults.
pub fn totals(
    connection: &mut AnyConnection,
    path: &str,
    year: i32,
    filter: Filter<'_>,
) -> Result<Totals, DatabaseError> {
    let lines = tree!(path, year, filter).select(count_star()).first(connection)?;
    let all = Filter::default();
    let mut totals = Totals { lines, ..Totals::default() };
    let phases: Vec<(Option<String>, i64)> =
        tree!(path, year, all).group_by(p::phase).select((p::phase.nullable(), count_star())).load(connection)?;
    totals.phases = phases.into_iter().filter_map(|(phase, count)| Some((phase?, count))).collect();
    totals.phases.sort();
    let verdicts: Vec<(Option<String>, Option<bool>, i64)> = tree!(path, year, all)
        .group_by((o::verdict, o::overhaul))
        .select((o::verdict.nullable(), o::overhaul.nullable(), count_star()))
        .load(connection)?;
    for (verdict, overhaul, count) in verdicts {
        let Some(verdict) = verdict else { continue };
        totals.overhauls += if overhaul == Some(true) { count } else { 0 };
        match totals.verdicts.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, sum)) => *sum += count,
            None => totals.verdicts.push((verdict, count)),
        }
    }
    let judged = |path: &str| {
        let (from, to) = subtree(path);
        u::path.ge(from).and(u::path.lt(to)).and(u::path.ne(path.to_owned())).and(u::category.ne("general_union"))
    };
    totals.judged = u::table.filter(judged(path)).count().get_result(connection)?;
    totals.evaluated = u::table
        .inner_join(p::table.on(p::union_id.eq(u::id).and(p::year.eq(year))))
        .inner_join(o::table.on(o::poll_id.eq(p::id)))
        .filter(judged(path))
        .select(diesel::dsl::count(u::id).aggregate_distinct())
        .first(connection)?;
    Ok(totals)
}

diesel::allow_columns_to_appear_in_same_group_by_clause!(o::verdict, o::overhaul);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sheet::sample;
    use crate::store::testing::{by, database, new_poll, new_union};
    use crate::store::{polls, sheets};

    #[test]
    fn the_screen_shows_every_union_once_and_its_round() {
        let database = database();
        database
            .write(|c| -> Result<(), StoreError> {
                let root = unions::create(c, &new_union(None, "市总工会"), by())?;
                let held = unions::create(c, &new_union(Some(root.id), "甲厂工会"), by())?;
                let idle = unions::create(c, &new_union(Some(root.id), "乙厂工会"), by())?;
                let foreign = unions::create(c, &new_union(None, "外市"), by())?;
                let poll = polls::create(c, &new_poll(held.id), || 7, by())?;
                polls::create(c, &new_poll(foreign.id), || 8, by())?;
                let mut sheet = sample::Sample::new().sheet(&[]);
                sheet.round.poll = poll.id;
                let id = sheet.id().unwrap();
                sheets::insert(
                    c,
                    &sheets::StoredSheet {
                        id: id.clone(),
                        poll: poll.id,
                        union: held.id,
                        year: 2026,
                        body: String::new(),
                        replaces: None,
                    },
                )?;
                put(c, &id, &sheet)?;
                put(c, &id, &sheet)?;

                let all = lines(c, &root.path, 2026, Filter::default(), 0, 50)?;
                assert_eq!(all.iter().map(|line| line.union.id).collect::<Vec<_>>(), [root.id, held.id, idle.id]);
                let round = all[1].round.clone().unwrap();
                assert_eq!((round.poll, round.phase.as_str()), (poll.id, "draft"));
                assert_eq!(round.figures.map(|figures| figures.returned), Some(sheet.counts.returned));
                assert!(all[2].round.is_none());

                let only = |c: &mut AnyConnection, filter| {
                    lines(c, &root.path, 2026, filter, 0, 50)
                        .unwrap()
                        .into_iter()
                        .map(|l| l.union.id)
                        .collect::<Vec<_>>()
                };
                let verdict = verdict_code(sheet.assessment.verdict);
                assert_eq!(only(c, Filter { outcome: verdict, ..Filter::default() }), [held.id]);
                assert_eq!(only(c, Filter { phase: "none", ..Filter::default() }), [root.id, idle.id]);
                assert_eq!(only(c, Filter { phase: "draft", name: "甲", ..Filter::default() }), [held.id]);
                assert_eq!(only(c, Filter { phase: "open", ..Filter::default() }), []);
                assert_eq!(only(c, Filter { name: "%", ..Filter::default() }).len(), 3, "no wildcards from outside");

                let totals = totals(c, &root.path, 2026, Filter { name: "厂", ..Filter::default() })?;
                assert_eq!((totals.lines, totals.judged, totals.evaluated), (2, 2, 1));
                assert_eq!(totals.phases, [("draft".to_owned(), 1)]);
                assert_eq!(totals.verdicts, [(verdict.to_owned(), 1)]);
                Ok(())
            })
            .unwrap();
    }
}
