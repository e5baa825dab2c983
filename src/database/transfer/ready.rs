//! What must be so before a move, and what must still hold after it.

use diesel::prelude::*;

use super::MoveError;
use super::row::{Value, each};
use crate::database::connection::{AnyConnection, DatabaseError};
use crate::database::schema::{poll, trade_union};
use crate::database::{phase, standing};
use crate::domain::jws::Statement;
use crate::domain::poll::{Facts, Phase};

/// A round that keeps an installation from being moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub union: String,
    /// Name of the round.
    pub title: String,
    /// What it is in, and what to do.
    pub why: &'static str,
}

/// What keeps a round in this phase from being moved.
fn hindrance(phase: &Phase) -> Option<&'static str> {
    match phase {
        Phase::Open { .. } => Some("正在投票：等投票结束、开票以后再搬"),
        Phase::Counting { .. } => Some("正在计票：录完纸质选票、开票以后再搬"),
        Phase::Closing { .. } => Some("正在开票：启动服务，等它开完票再搬"),
        Phase::Closed { opened, .. } if !opened.key_destroyed => {
            Some("已经开票，密钥还没有销毁完：启动服务，等页面显示密钥已经销毁再搬")
        }
        _ => None,
    }
}

/// Refuses to move an installation with a round whose ballots are sealed or which is still changing.
pub(super) fn rounds_are_at_rest(connection: &mut AnyConnection) -> Result<(), MoveError> {
    let rounds: Vec<(String, String, String)> = poll::table
        .inner_join(trade_union::table.on(trade_union::id.eq(poll::union_id)))
        .filter(
            poll::phase
                .eq("open")
                .or(poll::phase.eq("counting"))
                .or(poll::phase.eq("closing"))
                .or(poll::phase.eq("closed")),
        )
        .order(poll::id)
        .select((trade_union::name, poll::facts, poll::phase_data))
        .load(connection)
        .map_err(DatabaseError::from)?;
    let mut waiting = Vec::new();
    for (union, facts, data) in rounds {
        if let Some(why) = hindrance(&phase::read(&data)?) {
            let facts: Facts =
                serde_json::from_str(&facts).map_err(|_| DatabaseError::Row("facts of a round".to_owned()))?;
            waiting.push(Waiting { union, title: facts.title, why });
        }
    }
    if waiting.is_empty() { Ok(()) } else { Err(MoveError::Rounds(waiting)) }
}

/// Tables of sealed ballots: empty once all rounds are at rest and what closing left was cleared away.
const SEALED: [&str; 3] = ["sealed_ballot", "sealed_comment", "paper_entry"];

/// Whether a table holds sealed ballots.
pub(super) fn is_sealed(table: &str) -> bool {
    SEALED.contains(&table)
}

/// How many signed documents were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    pub sheets: u64,
    pub statements: u64,
}

/// Reads every sheet and every statement and checks its signatures, and that a sheet lies under its own id.
pub(super) fn signatures_hold(connection: &mut AnyConnection) -> Result<Signed, MoveError> {
    let mut signed = Signed { sheets: 0, statements: 0 };
    each(connection, "SELECT id, body FROM sheet", |row| match row.0.as_slice() {
        [Value::Text(id), Value::Text(body)] => {
            standing::read_sheet(id, body).map_err(|error| MoveError::Signature(error.to_string()))?;
            signed.sheets += 1;
            Ok::<_, MoveError>(())
        }
        _ => Err(DatabaseError::Row("sheet".to_owned()).into()),
    })?;
    each(connection, "SELECT kind, body FROM statement", |row| match row.0.as_slice() {
        [Value::Text(kind), Value::Text(body)] => {
            let holds = Statement::parse(body.as_bytes()).is_ok_and(|statement| !statement.forged());
            signed.statements += 1;
            if holds { Ok(()) } else { Err(MoveError::Signature(format!("statement {kind}"))) }
        }
        _ => Err(DatabaseError::Row("statement".to_owned()).into()),
    })?;
    Ok(signed)
}
