//! The opening statement as the union above receives it: what was fixed before the first ballot, to be kept and held
//! against the sheet.

use crate::domain::account::Act;
use crate::domain::dates::in_words;
use crate::domain::jwk::KeySet;
use crate::domain::statement::OpeningStatement;
use crate::http::gate::Desk;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::statements;

/// What an opening statement says.
pub(super) struct OpeningView {
    /// The day in words.
    pub opened_on: String,
    pub roll: u32,
    pub spares: u32,
    /// The fingerprint of the roll of slips in groups of eight.
    pub roll_root: Vec<String>,
    /// Whether it is signed as it says, by keys of this installation.
    pub sound: bool,
}

impl OpeningView {
    /// Reads the stored statement; none if it cannot be read.
    pub(super) fn of(stored: &str, keys: &KeySet) -> Option<Self> {
        let (opening, signed) = OpeningStatement::signed(stored)?;
        Some(OpeningView {
            opened_on: in_words(opening.opened_on),
            roll: opening.slips.roll,
            spares: opening.slips.spares,
            roll_root: opening.roll_root.groups(),
            sound: signed.stands(&opening.issuer.keys, keys),
        })
    }
}

/// `GET /oversight/{id}/opening.json`: the signed opening statement, byte for byte.
///
/// # Errors
/// `NOT_YOURS`; `NOT_FOUND` before the box was opened.
pub fn file(desk: &Desk<'_>) -> Answer {
    let (poll, _) = desk.poll(&[Act::Watch])?;
    let signed = desk.app.database.read(|c| statements::load(c, poll.id, statements::OPENING))?;
    let back = || Problem::NOT_FOUND.back_to(format!("/oversight/{}", poll.id), "回到本轮评议");
    let name = format!("{}-opening.json", poll.tag);
    Ok(Reply::file("application/json; charset=utf-8", &name, signed.ok_or_else(back)?))
}
