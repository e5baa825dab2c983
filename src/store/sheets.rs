//! Certified result sheets. A sheet is never changed nor removed; a corrected one names the one it replaces.

use diesel::prelude::*;

use super::StoreError;
use crate::database::schema::sheet as t;
use crate::database::{AnyConnection, DatabaseError};
use crate::domain::ids::{PollId, SheetId, UnionId};

/// A stored sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSheet {
    pub id: SheetId,
    pub poll: PollId,
    pub union: UnionId,
    pub year: u16,
    /// The signed JSON, byte for byte as it was signed.
    pub body: String,
    /// The sheet that this one corrects.
    pub replaces: Option<SheetId>,
}

type Row = (String, i64, i64, i32, String, Option<String>);

fn sheet_of((id, poll, union, year, body, replaces): Row) -> Result<StoredSheet, DatabaseError> {
    let wrong = |what: &str| DatabaseError::Row(format!("{what} of sheet {id}"));
    Ok(StoredSheet {
        poll: PollId(poll),
        union: UnionId(union),
        year: u16::try_from(year).map_err(|_| wrong("year"))?,
        replaces: replaces.map(|old| old.parse()).transpose().map_err(|_| wrong("predecessor"))?,
        body,
        id: id.parse().map_err(|_| wrong("name"))?,
    })
}

/// Stores a new sheet.
///
/// # Errors
/// Database faults; a sheet of that name exists.
pub fn insert(connection: &mut AnyConnection, sheet: &StoredSheet) -> Result<(), StoreError> {
    diesel::insert_into(t::table)
        .values((
            t::id.eq(sheet.id.as_str()),
            t::poll_id.eq(sheet.poll.0),
            t::union_id.eq(sheet.union.0),
            t::year.eq(i32::from(sheet.year)),
            t::body.eq(&sheet.body),
            t::replaces.eq(sheet.replaces.as_ref().map(SheetId::as_str)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The sheet of this name.
///
/// # Errors
/// Database faults.
pub fn load(connection: &mut AnyConnection, id: &SheetId) -> Result<Option<StoredSheet>, DatabaseError> {
    t::table.find(id.as_str()).first::<Row>(connection).optional()?.map(sheet_of).transpose()
}

/// The sheet that corrects this one, if there is one.
///
/// # Errors
/// Database faults.
pub fn successor(connection: &mut AnyConnection, id: &SheetId) -> Result<Option<SheetId>, DatabaseError> {
    let next: Option<String> =
        t::table.filter(t::replaces.eq(id.as_str())).select(t::id).first(connection).optional()?;
    next.map(|next| next.parse().map_err(|_| DatabaseError::Row(format!("name of sheet {next}")))).transpose()
}

/// All sheets of a round.
///
/// # Errors
/// Database faults.
pub fn of_poll(connection: &mut AnyConnection, poll: PollId) -> Result<Vec<StoredSheet>, DatabaseError> {
    let rows: Vec<Row> = t::table.filter(t::poll_id.eq(poll.0)).order(t::id).load(connection)?;
    rows.into_iter().map(sheet_of).collect()
}
