//! Scrutineers and tellers, named anew: the meeting that chooses them comes after the electorate is approved.

use askama::Template;

use super::draft;
use super::setup::{fill_officers, officers};
use crate::domain::account::Act;
use crate::domain::poll::{Phase, Poll, Refusal};
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::polls;

#[derive(Template)]
#[template(path = "chair/officers.html")]
struct OfficersPage {
    frame: Frame,
    poll: Poll,
    form: Filled,
}

/// `GET /rounds/{id}/officers`
///
/// # Errors
/// `NOT_YOURS`, `wrong_phase` once the box is being opened.
pub fn form(desk: &Desk<'_>) -> Answer {
    let poll = open_to_change(desk)?;
    let mut form = Filled::default();
    fill_officers(&mut form, &poll.facts);
    form.set("version", poll.version);
    page(desk, poll, form)
}

/// `POST /rounds/{id}/officers`
///
/// # Errors
/// As [`form`]; `stale` when the round was changed since the form was shown; shows the form again with what is wrong.
pub fn change(desk: &Desk<'_>) -> Answer {
    let poll = open_to_change(desk)?;
    desk.saw(&poll.version).map_err(draft::back(&poll))?;
    let mut form = Filled::of(&desk.ask.form);
    let named = officers(&mut form, &poll.facts.chair);
    if form.is_wrong() {
        return page(desk, poll, form);
    }
    desk.app.database.write(|c| polls::name_officers(c, &poll, &named, desk.by()))?;
    let at = if matches!(poll.phase, Phase::Draft { .. }) { "/setup" } else { "" };
    Ok(Reply::see_other(format!("/rounds/{}{at}?done=officers", poll.id)))
}

fn open_to_change(desk: &Desk<'_>) -> Result<Poll, Problem> {
    let (poll, _) = desk.poll(&[Act::Run])?;
    if poll.phase.takes_officers() { Ok(poll) } else { Err(Refusal::WrongPhase.into()) }
}

fn page(desk: &Desk<'_>, poll: Poll, form: Filled) -> Answer {
    let is_wrong = form.is_wrong();
    Ok(Reply::page(&OfficersPage { frame: desk.frame("更换监票人、计票人"), poll, form })?.wrong_if(is_wrong))
}
