//! What results mean for titles, looked up in the transaction that certifies a round or puts down a title.

use diesel::prelude::*;

use super::schema::{sheet, standing, title as t};
use super::standing::read_sheet;
use super::{AnyConnection, DatabaseError};
use crate::domain::dates;
use crate::domain::ids::UnionId;
use crate::domain::standing::{Class, Rating};
use crate::domain::title::{Evaluation, falls_short};

/// The numbers of courses in rows.
pub const HELD: i16 = 0;
pub const CORRECTING: i16 = 1;
pub const ENDED: i16 = 2;

/// The number of an evaluation in rows.
#[must_use]
pub fn number_of(evaluation: Evaluation) -> i16 {
    match evaluation {
        Evaluation::Apart => 0,
        Evaluation::Sound => 1,
        Evaluation::FellShort => 2,
    }
}

/// Holds the titles of a union, where the rules tie them to what the members say, against its last result that says
/// anything; one that was counted before a title was given says nothing of it.
///
/// # Errors
/// Database faults; `Row` when the sheet cannot be read or is not ours.
pub fn look_at_results(connection: &mut AnyConnection, union: UnionId) -> Result<(), DatabaseError> {
    let titles: Vec<(i64, String)> = t::table
        .filter(t::union_id.eq(union.0))
        .filter(t::state.ne(ENDED))
        .filter(t::evaluation.ne(number_of(Evaluation::Apart)))
        .select((t::id, t::given_on))
        .load(connection)?;
    if titles.is_empty() {
        return Ok(());
    }
    let says = Class::numbers(|stage, rating| stage.is_held() && rating.and_then(falls_short).is_some());
    let last: Option<(String, String)> = standing::table
        .inner_join(sheet::table.on(standing::sheet_id.eq(sheet::id.nullable())))
        .filter(standing::union_id.eq(union.0))
        .filter(standing::current.eq(true))
        .filter(standing::class.eq_any(says))
        .order(standing::year.desc())
        .select((sheet::id, sheet::body))
        .first(connection)
        .optional()?;
    let last = last.map(|(id, body)| read_sheet(&id, &body)).transpose()?;
    let short = last.filter(|sheet| falls_short(Rating::of(sheet)) == Some(true));
    let counted_on = short.map(|sheet| dates::written(sheet.round.closed_on));
    for (id, given_on) in titles {
        let fell_short = counted_on.as_ref().is_some_and(|on| *on >= given_on);
        let evaluation = if fell_short { Evaluation::FellShort } else { Evaluation::Sound };
        diesel::update(t::table.find(id)).set(t::evaluation.eq(number_of(evaluation))).execute(connection)?;
    }
    Ok(())
}
