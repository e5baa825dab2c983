//! The pages of a running round, for chair, scrutineer and tellers: from the open box to the signed sheet.
//!
//! A draft has pages of its own; once the box is open everything stands on one page, which says to whoever looks
//! at it what to do next. Every handler asks [`Desk::poll`] whether this person may act on this very round.

mod certify;
mod count;
mod custody;
mod events;
mod next;
mod paper;
pub(in crate::http) mod rectification;
mod show;
pub(in crate::http) mod words;

pub use certify::{certify, certify_form};
pub use count::{close, close_form, confirm_result, stop, stop_form, void, void_form};
pub use custody::{confirm_custody, custody, void_slips, void_slips_form};
pub use events::events;
pub use paper::{drop_entries, drop_form, paper, paper_form};
pub use rectification::report as report_rectification;
pub use show::{next_words, show};

pub(super) use count::ask_in_doubt;
pub(super) use next::{Step, steps, void_words};

use super::gate::Desk;
use super::problem::Problem;
use super::reply::Reply;
use crate::domain::account::Act;
use crate::domain::ids::PollId;
use crate::domain::poll::{Phase, Poll, Refusal};
use crate::domain::union::Union;
use crate::store::{StoreError, polls};

/// The address of a round's page.
fn address(id: PollId) -> String {
    format!("/rounds/{id}")
}

/// Makes a refusal lead back to the round's page.
fn back<E: Into<Problem>>(id: PollId) -> impl FnOnce(E) -> Problem {
    move |error| error.into().back_to(address(id), "回到本轮评议")
}

/// The answer to a step that was taken.
fn done(id: PollId, code: &str) -> Reply {
    Reply::see_other(format!("{}?done={code}", address(id)))
}

/// The round in one of the phases that `admits` names, if this person may do one of `acts` to it.
fn round_in(desk: &Desk<'_>, acts: &[Act], admits: impl Fn(&Phase) -> bool) -> Result<(Poll, Union), Problem> {
    let (poll, union) = desk.poll(acts)?;
    if admits(&poll.phase) { Ok((poll, union)) } else { Err(back(poll.id)(Refusal::WrongPhase)) }
}

/// Moves the round on and journals it.
fn advance(
    desk: &Desk<'_>,
    poll: &Poll,
    action: &str,
    detail: &str,
    step: impl FnOnce(Phase) -> Result<Phase, Refusal>,
) -> Result<(), Problem> {
    let moved = desk
        .app
        .database
        .write(|c| -> Result<(), StoreError> { polls::advance(c, poll, action, detail, desk.by(), step) });
    moved.map_err(back(poll.id))
}
