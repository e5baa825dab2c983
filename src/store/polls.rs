//! Rounds: created, read, and moved from phase to phase by compare-and-swap.

use diesel::prelude::*;

use super::{By, StoreError, is_duplicate};
use crate::database::schema::poll as t;
use crate::database::{AnyConnection, DatabaseError, journal, phase, standing};
use crate::domain::ids::{PollId, UnionId};
use crate::domain::paper::Paper;
use crate::domain::poll::{Facts, Officers, Phase, Poll, Refusal, RuleSetRef};
use crate::domain::slip::PollTag;
use crate::domain::union::Category;

/// A round to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPoll {
    pub union: UnionId,
    pub year: u16,
    pub category: Category,
    pub rule_set: RuleSetRef,
    pub paper: Paper,
    pub facts: Facts,
}

type Row = (i64, String, i64, i32, String, (String, String, String), String, String, String, i64);

type Columns = (
    t::id,
    t::tag,
    t::union_id,
    t::year,
    t::category,
    (t::rule_set_id, t::rule_set_version, t::rule_set_digest),
    t::paper,
    t::facts,
    t::phase_data,
    t::version,
);

const COLUMNS: Columns = (
    t::id,
    t::tag,
    t::union_id,
    t::year,
    t::category,
    (t::rule_set_id, t::rule_set_version, t::rule_set_digest),
    t::paper,
    t::facts,
    t::phase_data,
    t::version,
);

fn poll_of(row: Row) -> Result<Poll, DatabaseError> {
    let (id, tag, union, year, category, (rules, rules_version, rules_digest), paper, facts, phase_data, version) = row;
    let wrong = |what: &str| DatabaseError::Row(format!("{what} of round {id}"));
    Ok(Poll {
        id: PollId(id),
        tag: PollTag::parse(&tag).ok_or_else(|| wrong("tag"))?,
        union: UnionId(union),
        year: u16::try_from(year).map_err(|_| wrong("year"))?,
        category: Category::from_code(&category).ok_or_else(|| wrong("category"))?,
        rule_set: RuleSetRef {
            id: rules,
            version: rules_version,
            digest: rules_digest.parse().map_err(|_| wrong("digest of the rule set"))?,
        },
        paper: serde_json::from_str(&paper).map_err(|_| wrong("paper"))?,
        facts: serde_json::from_str(&facts).map_err(|_| wrong("facts"))?,
        phase: phase::read(&phase_data)?,
        version,
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, DatabaseError> {
    serde_json::to_string(value).map_err(|error| DatabaseError::Row(format!("round as JSON: {error}")))
}

/// Creates a draft round. Draws tags from `random` until one is free (a few at most). Journals.
///
/// # Errors
/// Database faults.
pub fn create(
    connection: &mut AnyConnection,
    new: &NewPoll,
    mut random: impl FnMut() -> u32,
    by: By,
) -> Result<Poll, StoreError> {
    let mut tag = PollTag::from_random(random());
    while by_tag(connection, tag)?.is_some() {
        tag = PollTag::from_random(random());
    }
    let phase = Phase::new();
    let inserted: QueryResult<i64> = diesel::insert_into(t::table)
        .values((
            t::tag.eq(tag.as_str()),
            t::union_id.eq(new.union.0),
            t::year.eq(i32::from(new.year)),
            t::category.eq(new.category.code()),
            t::rule_set_id.eq(&new.rule_set.id),
            t::rule_set_version.eq(&new.rule_set.version),
            t::rule_set_digest.eq(new.rule_set.digest.to_string()),
            t::paper.eq(json(&new.paper)?),
            t::facts.eq(json(&new.facts)?),
            t::phase.eq(phase.code()),
            t::phase_data.eq(phase::written(&phase)?),
            t::version.eq(0),
        ))
        .returning(t::id)
        .get_result(connection);
    let id = inserted.map_err(|error| if is_duplicate(&error) { StoreError::Stale } else { error.into() })?;
    let poll = Poll {
        id: PollId(id),
        tag,
        union: new.union,
        year: new.year,
        category: new.category,
        rule_set: new.rule_set.clone(),
        paper: new.paper.clone(),
        facts: new.facts.clone(),
        phase,
        version: 0,
    };
    standing::refresh(connection, poll.id)?;
    note(connection, &poll, "poll.create", &new.facts.title, by)?;
    Ok(poll)
}

/// The round with this id.
///
/// # Errors
/// Database faults.
pub fn load(connection: &mut AnyConnection, id: PollId) -> Result<Option<Poll>, DatabaseError> {
    t::table.find(id.0).select(COLUMNS).first::<Row>(connection).optional()?.map(poll_of).transpose()
}

/// The round whose slips carry this tag.
///
/// # Errors
/// Database faults.
pub fn by_tag(connection: &mut AnyConnection, tag: PollTag) -> Result<Option<Poll>, DatabaseError> {
    t::table
        .filter(t::tag.eq(tag.as_str()))
        .select(COLUMNS)
        .first::<Row>(connection)
        .optional()?
        .map(poll_of)
        .transpose()
}

/// The rounds of a union, newest first.
///
/// # Errors
/// Database faults.
pub fn of_union(connection: &mut AnyConnection, union: UnionId) -> Result<Vec<Poll>, DatabaseError> {
    let rows: Vec<Row> = t::table
        .filter(t::union_id.eq(union.0))
        .order((t::year.desc(), t::id.desc()))
        .limit(100)
        .select(COLUMNS)
        .load(connection)?;
    rows.into_iter().map(poll_of).collect()
}

/// The round of a union that is under way, if there is one.
///
/// # Errors
/// Database faults.
pub fn under_way(connection: &mut AnyConnection, union: UnionId) -> Result<Option<Poll>, DatabaseError> {
    Ok(of_union(connection, union)?.into_iter().find(|poll| poll.phase.is_under_way()))
}

/// Other rounds of the same union and year that are not void. Of several, the unions above see the
/// one that was created last among those that are certified.
///
/// # Errors
/// Database faults.
pub fn beside(connection: &mut AnyConnection, poll: &Poll) -> Result<Vec<Poll>, DatabaseError> {
    let rows: Vec<Row> = t::table
        .filter(t::union_id.eq(poll.union.0))
        .filter(t::year.eq(i32::from(poll.year)))
        .filter(t::id.ne(poll.id.0))
        .filter(t::phase.ne("void"))
        .order(t::id.desc())
        .limit(100)
        .select(COLUMNS)
        .load(connection)?;
    rows.into_iter().map(poll_of).collect()
}

/// Replaces facts and paper of a draft without slips, before its electorate is approved. Journals.
///
/// # Errors
/// `Refused` once the draft was sent up or slips were issued, `Stale` when somebody else was faster.
pub fn revise(
    connection: &mut AnyConnection,
    poll: &Poll,
    facts: &Facts,
    paper: &Paper,
    by: By,
) -> Result<(), StoreError> {
    if !poll.phase.is_revisable() {
        return Err(Refusal::WrongPhase.into());
    }
    replace(connection, poll, facts, paper)?;
    note(connection, poll, "poll.revise", &facts.title, by)
}

/// Names other scrutineers and tellers, until the box is opened. Journals who.
///
/// # Errors
/// `Refused` later, `Stale` when somebody else was faster.
pub fn name_officers(
    connection: &mut AnyConnection,
    poll: &Poll,
    officers: &Officers,
    by: By,
) -> Result<(), StoreError> {
    if !poll.phase.takes_officers() {
        return Err(Refusal::WrongPhase.into());
    }
    let Officers { chief_scrutineer, scrutineers, tellers } = officers.clone();
    let watching = std::iter::once(&chief_scrutineer).chain(&scrutineers).cloned().collect::<Vec<_>>().join("、");
    let detail = format!("监票人{watching}，计票人{}", tellers.join("、"));
    let facts = Facts { chief_scrutineer, scrutineers, tellers, ..poll.facts.clone() };
    replace(connection, poll, &facts, &poll.paper)?;
    note(connection, poll, "poll.officers", &detail, by)
}

fn replace(connection: &mut AnyConnection, poll: &Poll, facts: &Facts, paper: &Paper) -> Result<(), StoreError> {
    let changed = diesel::update(t::table.filter(t::id.eq(poll.id.0)).filter(t::version.eq(poll.version)))
        .set((t::facts.eq(json(facts)?), t::paper.eq(json(paper)?), t::version.eq(poll.version + 1)))
        .execute(connection)?;
    if changed != 1 {
        return Err(StoreError::Stale);
    }
    standing::refresh(connection, poll.id)?;
    Ok(())
}

/// Moves the round into the phase that `step` makes of its present one. Journals `action`.
///
/// # Errors
/// `Refused` by the phase, `Stale` when the round changed since `poll` was read.
pub fn advance(
    connection: &mut AnyConnection,
    poll: &Poll,
    action: &str,
    detail: &str,
    by: By,
    step: impl FnOnce(Phase) -> Result<Phase, Refusal>,
) -> Result<(), StoreError> {
    let next = step(poll.phase.clone())?;
    if !phase::swap(connection, poll.id, poll.version, &next)? {
        return Err(StoreError::Stale);
    }
    note(connection, poll, action, detail, by)
}

/// Writes a line about a round into the journal.
///
/// # Errors
/// `Database`.
pub fn note(connection: &mut AnyConnection, poll: &Poll, action: &str, detail: &str, by: By) -> Result<(), StoreError> {
    let entry =
        journal::Entry { at: by.at, account: by.account, union: Some(poll.union), poll: Some(poll.id), action, detail };
    Ok(journal::write(connection, &entry)?)
}
