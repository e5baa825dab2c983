//! Where each round stands, kept for the unions above in the transaction that changes the round.
//!
//! Architecture Invariant: a row here says nothing that `poll` and `sheet` do not say; figures of results are
//! read off the certified sheet, never off a tally.

use diesel::prelude::*;

use super::schema::{journal, poll, sheet, standing as t, trade_union};
use super::{AnyConnection, DatabaseError, phase, rectification, title};
use crate::domain::ids::{PollId, SheetId, UnionId};
use crate::domain::jws::Statement;
use crate::domain::poll::{Facts, Phase};
use crate::domain::sheet::SheetPayload;
use crate::domain::standing::{Class, SheetFigures, Stage};
use crate::domain::union::Category;

/// A round as far as its standing rests on it.
struct Round {
    id: i64,
    union: i64,
    year: i32,
    phase: Phase,
    expected: u64,
}

/// Brings the row of a round up to date. Belongs into every transaction that creates or changes a round.
///
/// # Errors
/// Database faults; `Row` when the certified sheet cannot be read or is not ours.
pub fn refresh(connection: &mut AnyConnection, id: PollId) -> Result<(), DatabaseError> {
    // Two rounds of one union may change at the same moment, and sheets be read anew beside them: one waits here for the
    // other, and looks at the round after it.
    let union: i64 = poll::table.find(id.0).select(poll::union_id).first(connection)?;
    let (path, category) = hold_union(connection, UnionId(union))?;
    let round = load(connection, id)?;
    let stage = Stage::of(&round.phase);
    let sheet = round.phase.sheet().map(|id| sheet_of(connection, id)).transpose()?.flatten();
    let figures = sheet.as_ref().map(|(id, sheet)| SheetFigures::of(id.clone(), sheet));
    write(connection, &round, &path, is_grassroots(&category), stage, figures.as_ref())?;
    if let Some((_, sheet)) = &sheet {
        rectification::keep(connection, (round.id, round.year, &path), stage, sheet)?;
    }
    choose_current(connection, &round)?;
    title::look_at_results(connection, UnionId(round.union))
}

/// Brings the row of a certified round up to date that an older program wrote. Where the sheet cannot be read, what is
/// known stays.
///
/// # Errors
/// Database faults.
pub(super) fn read_anew(connection: &mut AnyConnection, id: PollId) -> Result<(), DatabaseError> {
    match refresh(connection, id) {
        Ok(()) | Err(DatabaseError::Row(_)) => rectification::give_up_deadline(connection, id.0),
        Err(error) => Err(error),
    }
}

fn load(connection: &mut AnyConnection, id: PollId) -> Result<Round, DatabaseError> {
    let (union, year, facts, data): (i64, i32, String, String) =
        poll::table.find(id.0).select((poll::union_id, poll::year, poll::facts, poll::phase_data)).first(connection)?;
    let facts: Facts = serde_json::from_str(&facts).map_err(|_| DatabaseError::Row(format!("facts of round {id}")))?;
    Ok(Round { id: id.0, union, year, phase: phase::read(&data)?, expected: facts.expected.into() })
}

/// Path and category of a union, which stays where it is in the tree until the transaction ends.
///
/// # Errors
/// Database faults.
pub(crate) fn hold_union(connection: &mut AnyConnection, id: UnionId) -> Result<(String, String), DatabaseError> {
    let union = trade_union::table.find(id.0).select((trade_union::path, trade_union::category));
    Ok(match connection {
        AnyConnection::Postgres(inner) => union.for_no_key_update().first(inner)?,
        AnyConnection::Sqlite(inner) => union.first(inner)?,
    })
}

fn is_grassroots(category: &str) -> bool {
    Category::from_code(category).is_some_and(Category::is_grassroots)
}

/// The sheet with its id; none when it is not stored here.
fn sheet_of(connection: &mut AnyConnection, id: &SheetId) -> Result<Option<(SheetId, SheetPayload)>, DatabaseError> {
    let body: Option<String> = sheet::table.find(id.as_str()).select(sheet::body).first(connection).optional()?;
    let Some(body) = body else { return Ok(None) };
    let sheet = read_sheet(id.as_str(), &body)?;
    Ok(Some((id.clone(), sheet)))
}

/// The sheet that is stored under this id: its signatures hold, and the id is its own.
pub(super) fn read_sheet(id: &str, body: &str) -> Result<SheetPayload, DatabaseError> {
    let wrong = |why: String| DatabaseError::Row(format!("sheet {id}: {why}"));
    let statement = Statement::parse(body.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    if statement.forged() {
        return Err(wrong("a signature does not fit".to_owned()));
    }
    let sheet = SheetPayload::read(statement.payload()).map_err(|error| wrong(error.to_string()))?;
    if sheet.id().is_ok_and(|own| own.as_str() == id) { Ok(sheet) } else { Err(wrong("another sheet".to_owned())) }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// `part / base` in hundredths of a percent, cut; −1 at base 0. To sort by.
fn hundredths(part: u64, base: u64) -> i32 {
    let cut = (u128::from(part) * 10_000).checked_div(u128::from(base));
    cut.map_or(-1, |cut| i32::try_from(cut).unwrap_or(i32::MAX))
}

fn write(
    connection: &mut AnyConnection,
    round: &Round,
    path: &str,
    grassroots: bool,
    stage: Stage,
    figures: Option<&SheetFigures>,
) -> Result<(), DatabaseError> {
    let class = figures.map_or(Class { stage, rating: None, rate: None }, |figures| figures.class(stage));
    let rate = figures.and_then(|figures| figures.rate);
    let expected = figures.map_or(round.expected, |figures| figures.expected);
    let issued = figures.map(|figures| figures.issued);
    let issued = issued.or(round.phase.custody().map(|custody| custody.handed_out.into()));
    let returned = figures.map(|figures| figures.returned);
    let returned = returned.or(round.phase.opened().map(|opened| opened.tally.returned()));
    let before = t::table.find(round.id).select((t::class, t::moved)).first::<(i32, i64)>(connection).optional()?;
    let moved = match before {
        Some((old, moved)) if Class::from_number(old).map(|old| old.stage) == Some(stage) => moved,
        _ => journal::table.select(diesel::dsl::max(journal::id)).first::<Option<i64>>(connection)?.unwrap_or(0),
    };
    let fields = (
        t::class.eq(class.number()),
        t::waits.eq(stage.waits().number()),
        t::moved.eq(moved),
        t::expected.eq(signed(expected)),
        (
            t::present.eq(figures.map(|figures| signed(figures.present))),
            t::issued.eq(issued.map(signed)),
            t::returned.eq(returned.map(signed)),
            t::valid.eq(figures.map(|figures| signed(figures.valid))),
        ),
        t::sheet_id.eq(figures.map(|figures| figures.sheet.as_str())),
        t::numerator.eq(rate.map(|rate| signed(rate.numerator))),
        t::base.eq(rate.map(|rate| signed(rate.base))),
        t::threshold_num.eq(rate.map(|rate| signed(rate.threshold.num()))),
        t::threshold_den.eq(rate.map(|rate| signed(rate.threshold.den()))),
        t::rate.eq(rate.map_or(-1, |rate| hundredths(rate.numerator, rate.base))),
        t::turnout.eq(returned.map_or(-1, |returned| hundredths(returned, expected))),
    );
    if before.is_some() {
        diesel::update(t::table.filter(t::poll_id.eq(round.id))).set(fields).execute(connection)?;
        return Ok(());
    }
    let place = (
        t::poll_id.eq(round.id),
        t::union_id.eq(round.union),
        t::year.eq(round.year),
        t::current.eq(false),
        t::path.eq(path),
        t::grassroots.eq(grassroots),
    );
    diesel::insert_into(t::table).values((place, fields)).execute(connection)?;
    Ok(())
}

/// Which of a union's rounds of a year is shown: the newest that is certified, so that nobody puts a result out of
/// sight by beginning another round; if none is, the newest that is not void; the newest, if all are.
fn choose_current(connection: &mut AnyConnection, round: &Round) -> Result<(), DatabaseError> {
    let rounds: Vec<(i64, i32, bool)> = t::table
        .filter(t::union_id.eq(round.union))
        .filter(t::year.eq(round.year))
        .select((t::poll_id, t::class, t::current))
        .load(connection)?;
    let rank = |class: i32| match Class::from_number(class).map(|class| class.stage) {
        Some(stage) if stage.is_held() => 2,
        None | Some(Stage::Void) => 0,
        Some(_) => 1,
    };
    let chosen = rounds.iter().map(|(id, class, _)| (rank(*class), *id)).max().map(|(_, id)| id);
    for (id, _, current) in &rounds {
        let now = Some(*id) == chosen;
        if now != *current {
            diesel::update(t::table.filter(t::poll_id.eq(id))).set(t::current.eq(now)).execute(connection)?;
        }
    }
    Ok(())
}
