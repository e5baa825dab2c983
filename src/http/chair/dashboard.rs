//! The first page of chair, scrutineer and teller: the rounds of their union and what to do next.

use askama::Template;

use super::draft;
use crate::domain::account::Role;
use crate::domain::poll::{Phase, Poll};
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::http::round;
use crate::store::polls;

#[derive(Template)]
#[template(path = "chair/dashboard.html")]
struct Dashboard {
    frame: Frame,
    union: String,
    chair: bool,
    /// Rounds that are not finished, with what to do next.
    current: Vec<(Poll, String)>,
    past: Vec<Poll>,
}

/// The rounds of one's own union.
///
/// # Errors
/// Database faults.
pub fn show(desk: &Desk<'_>) -> Answer {
    let role = desk.who.account.role;
    let polls = desk.app.database.read(|c| polls::of_union(c, desk.who.union.id))?;
    let finished = |poll: &Poll| match &poll.phase {
        Phase::Void { .. } => true,
        Phase::Reported { opinion, .. } => opinion.accepted,
        _ => false,
    };
    let (past, current): (Vec<Poll>, Vec<Poll>) = polls.into_iter().partition(finished);
    let current = current
        .into_iter()
        .map(|poll| {
            let words = match &poll.phase {
                Phase::Draft { .. } => draft::next(&poll, role).words,
                _ => round::next_words(desk, &poll)?,
            };
            Ok((poll, words))
        })
        .collect::<Result<_, Problem>>()?;
    Reply::page(&Dashboard {
        frame: desk.frame("工作台"),
        union: desk.who.union.name.clone(),
        chair: role == Role::Chair,
        current,
        past,
    })
}
