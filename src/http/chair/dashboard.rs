//! The first page of chair, scrutineer and teller: the rounds of their union and what to do next.

use askama::Template;

use super::draft;
use crate::database::DatabaseError;
use crate::domain::account::Role;
use crate::domain::poll::{Phase, Poll};
use crate::domain::rectification::State;
use crate::domain::standing::Stage;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::http::round::{self, rectification, rectification::alarm};
use crate::http::title::in_a_line;
use crate::store::{polls, titles};
use crate::world::date_in_china;

/// A round that is not finished.
struct Current {
    poll: Poll,
    /// What to do next.
    words: String,
    /// A deadline of its rectification that is near or past: class and words of the notice.
    alarm: Option<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "chair/dashboard.html")]
struct Dashboard {
    frame: Frame,
    union: String,
    /// The titles that the union holds, in a line each.
    titles: Vec<String>,
    chair: bool,
    /// Rounds that are not finished, with what to do next.
    current: Vec<Current>,
    past: Vec<Poll>,
}

/// The rounds of one's own union.
///
/// # Errors
/// Database faults.
pub fn show(desk: &Desk<'_>) -> Answer {
    let role = desk.who.account.role;
    let own = desk.who.union.id;
    let (polls, titles) = desk
        .app
        .database
        .read(|c| -> Result<_, DatabaseError> { Ok((polls::of_union(c, own)?, titles::of_union(c, own)?)) })?;
    let rectifications = rectification::of_rounds(desk, &polls)?;
    let today = date_in_china(desk.ask.now);
    let rectification =
        |poll: &Poll| rectifications.iter().find(|(id, _)| *id == poll.id).map(|(_, stored)| &stored.rectification);
    let state = |poll: &Poll| rectification(poll).map(|own| own.state(Stage::of(&poll.phase), today));
    let finished = |poll: &Poll| match &poll.phase {
        Phase::Void { .. } => true,
        Phase::Reported { opinion, .. } => opinion.accepted && state(poll).is_none_or(|state| state == State::Checked),
        _ => false,
    };
    let (past, current): (Vec<Poll>, Vec<Poll>) = polls.into_iter().partition(finished);
    let current = current
        .into_iter()
        .map(|poll| {
            let words = match &poll.phase {
                Phase::Draft { .. } => draft::next(&poll, role).words,
                _ => round::next_words(desk, &poll, state(&poll))?,
            };
            let chair = rectification(&poll).filter(|_| role == Role::Chair);
            let alarm = chair.and_then(|own| alarm(own, Stage::of(&poll.phase), today));
            Ok(Current { poll, words, alarm })
        })
        .collect::<Result<_, Problem>>()?;
    Reply::page(&Dashboard {
        frame: desk.frame("工作台"),
        union: desk.who.union.name.clone(),
        titles: titles
            .iter()
            .map(|stored| &stored.title)
            .filter(|held| !held.has_ended())
            .map(|held| in_a_line(held, today))
            .collect(),
        chair: role == Role::Chair,
        current,
        past,
    })
}
