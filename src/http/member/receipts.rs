//! Looking up a receipt: whether it is in the published list, with the proof, and never what was answered.

use askama::Template;

use super::words::whom_to_ask;
use crate::ballot_box::LookUp;
use crate::domain::digest::Digest;
use crate::domain::poll::Phase;
use crate::domain::slip::{PollTag, Receipt};
use crate::http::App;
use crate::http::ask::Ask;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};

#[derive(Template)]
#[template(path = "member/receipts.html")]
struct ReceiptsPage<'p> {
    frame: Frame,
    round: &'p str,
    typed: &'p str,
    outcome: Outcome,
}

/// What came of the question.
enum Outcome {
    /// Nothing was asked yet.
    Ask,
    Found(Box<Found>),
    /// Not in the list; whom to ask.
    Missing(String),
    /// The box is not opened yet.
    Early,
    /// What was typed is no receipt, or names no round.
    Refused(&'static str),
}

/// Where the receipt stands in the list.
struct Found {
    union: String,
    title: String,
    total: usize,
    /// From 0.
    place: usize,
    root: Digest,
    proof: Vec<Digest>,
    /// Name of the sheet, empty before there is one.
    sheet: String,
}

/// `GET /receipts`: the form. `round` may be given in the address, a receipt never is.
///
/// # Errors
/// `INTERNAL`.
pub fn form(_: &App, ask: &Ask) -> Answer {
    let round = PollTag::parse(ask.query.get("round")).map(|tag| tag.to_string()).unwrap_or_default();
    page(&round, "", Outcome::Ask)
}

/// `POST /receipts`: looks the receipt up. Changes nothing; a POST keeps the receipt out of addresses.
///
/// # Errors
/// `UNAVAILABLE`, `INTERNAL`.
pub fn look_up(app: &App, ask: &Ask) -> Answer {
    let (round, typed) = (ask.form.trimmed("round"), ask.form.trimmed("receipt"));
    let outcome = outcome(app, round, typed)?;
    page(round, typed, outcome)
}

fn page(round: &str, typed: &str, outcome: Outcome) -> Answer {
    Reply::page(&ReceiptsPage { frame: Frame::public("查验回执"), round, typed, outcome })
}

fn outcome(app: &App, round: &str, typed: &str) -> Result<Outcome, Problem> {
    let Some(receipt) = Receipt::parse(typed) else {
        return Ok(Outcome::Refused("回执是 24 位字母和数字，分成六组。请对着原来的回执再看一遍。"));
    };
    let round = match PollTag::parse(round) {
        Some(tag) => app.rounds.find(&app.database, tag)?,
        None => None,
    };
    let Some(round) = round.map(|shown| shown.round.clone()) else {
        return Ok(Outcome::Refused("没有找到这一轮评议。请看看选票码的前五个字。"));
    };
    if let Phase::Void { .. } = round.poll.phase {
        return Ok(Outcome::Refused("这一轮评议已经作废，已经投的票都不算数，也就没有回执可查。"));
    }
    // A round that was read a moment before it was counted is not counted yet.
    let Some(opened) = round.poll.phase.opened() else { return Ok(Outcome::Early) };
    Ok(match app.ballot_box.look_up(round.poll.id, receipt)? {
        LookUp::Early => Outcome::Early,
        LookUp::Missing => Outcome::Missing(whom_to_ask(&round.poll)),
        LookUp::Found { place, total, proof } => Outcome::Found(Box::new(Found {
            union: round.union.clone(),
            title: round.poll.facts.title.clone(),
            total,
            place,
            root: opened.receipts_root,
            proof,
            sheet: round.poll.phase.sheet().map(ToString::to_string).unwrap_or_default(),
        })),
    })
}
